"""The look of all figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from neuroloom.shared._validate import count

if TYPE_CHECKING:  # matplotlib takes half a second, and not everybody draws
    from matplotlib.axes import Axes

# Okabe & Ito's palette (2008), safe for colour-blind readers; black and grey stay for data.
STATE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
POPULATION_COLORS = {"E": "#B2182B", "I": "#2166AC"}


@contextmanager
def style() -> Iterator[None]:
    """Draw in neuroloom's style inside a ``with`` block; outside nothing changes."""
    import matplotlib as mpl

    sheet = files("neuroloom.shared").joinpath("neuroloom.mplstyle")
    with as_file(sheet) as path, mpl.rc_context(fname=path):
        yield


def state_colors(n_states: int) -> list[Any]:
    """Return `n_states` colours, the same for the same state in every figure."""
    import matplotlib as mpl

    n = count("n_states", n_states, minimum=1)
    if n <= len(STATE_COLORS):
        return list(STATE_COLORS[:n])
    return list(mpl.colormaps["viridis"]([i / (n - 1) for i in range(n)]))


def axes(ax: Axes | None, **figure: Any) -> Axes:
    """Return `ax`, or the axes of a new figure that no window manager holds on to."""
    from matplotlib.figure import Figure

    if ax is not None:
        return ax
    return Figure(layout="constrained", **figure).subplots()
