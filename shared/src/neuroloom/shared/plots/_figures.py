"""New figures: as matplotlib's users expect them, in notebooks and in scripts."""

from __future__ import annotations

import multiprocessing
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from neuroloom.shared.checks import fail

if TYPE_CHECKING:  # matplotlib takes half a second, and not everybody draws
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

known_to_pyplot: ContextVar[bool] = ContextVar("known_to_pyplot", default=True)


def figure(**options: Any) -> Figure:
    """Return a new, empty figure in constrained layout.

    Parameters
    ----------
    **options
        Those of ``matplotlib.pyplot.figure``.

    Notes
    -----
    pyplot knows the figure: ``plt.show()`` shows it, a notebook shows it at the end of the cell,
    and once only where it is displayed by name. It stays open until ``plt.close(figure)``, except
    in notebooks, which close their figures themselves. In ``with style(pyplot=False):``, in
    threads, which pyplot does not serve, and in worker processes, whose windows nobody would see,
    it is a figure that nobody holds on to.
    """
    layout = (
        {}
        if "constrained_layout" in options or "tight_layout" in options
        else {"layout": "constrained"}
    )
    options = layout | options
    if known_to_pyplot.get() and _has_a_user():
        import matplotlib.pyplot as plt

        from neuroloom.shared.plots._notebook import Figure as NotebookFigure

        return plt.figure(FigureClass=NotebookFigure, **options)
    from matplotlib.figure import Figure as PlainFigure

    # What only pyplot has a use for.
    return PlainFigure(**{k: v for k, v in options.items() if k not in ("num", "clear")})


def _has_a_user() -> bool:
    in_main_thread = threading.current_thread() is threading.main_thread()
    return in_main_thread and multiprocessing.parent_process() is None


def axes(ax: Axes | None = None, **options: Any) -> Axes:
    """Return the axes to draw on: those given, or those of a new figure.

    Parameters
    ----------
    ax : Axes, optional
        Where to draw; no figure is made then.
    **options
        Those of ``matplotlib.pyplot.figure``, for a new figure: ``figsize`` say. See `figure`.

    Raises
    ------
    DataError
        If `ax` is given and is no axes.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from neuroloom.shared import plots
    >>> ax = plots.axes(figsize=(3, 2))
    >>> plt.gca() is ax
    True
    >>> plt.close(ax.figure)
    """
    if ax is None:
        return figure(**options).subplots()
    if not hasattr(ax, "get_figure") or not hasattr(ax, "plot"):
        raise fail("ax", "axes of matplotlib", type(ax).__name__)
    return ax
