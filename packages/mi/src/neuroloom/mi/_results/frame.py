"""The frame of every picture: axes in or new ones, the style, labels, title and window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from neuroloom import shared
from neuroloom.shared.plots import STATE_COLORS, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE = STATE_COLORS[:2]


@contextmanager
def picture(
    ax: Axes | None,
    figsize: tuple[float, float] | None = None,
    title: str | None = None,
    show: bool = False,
    **labels: str,
) -> Iterator[Axes]:
    """Give axes to draw on in neuroloom's style, and label them when all is drawn.

    `figsize` is the size in inches of axes that are made here; `show` opens the figure's window
    where there is one.
    """
    with style():
        ax = shared.axes(ax, **({} if figsize is None else {"figsize": figsize}))
        yield ax
        ax.set(**labels)
        if title is not None:
            ax.set_title(title)
    if show and hasattr(ax.figure, "show") and ax.figure.canvas.manager is not None:
        ax.figure.show()


def information(units: str) -> str:
    """Return an axis' label."""
    return f"mutual information ({units})"
