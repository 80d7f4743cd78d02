"""The look of all figures."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Any

from neuroloom.shared.checks import flag, whole
from neuroloom.shared.plots._figures import known_to_pyplot

# Okabe & Ito's palette (2008), safe for colour-blind readers; black and grey stay for data.
STATE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
POPULATION_COLORS = {"E": "#B2182B", "I": "#2166AC"}
INK, MUTED, RULE, GAP = "#222222", "#666666", "#BBBBBB", "#EEEEEE"


@contextmanager
def style(*, pyplot: bool = True) -> Iterator[None]:
    """Draw in neuroloom's style inside a ``with`` block; outside nothing changes.

    Parameters
    ----------
    pyplot : bool
        Whether figures that neuroloom makes in the block are pyplot's as well: ``plt.show()``
        shows them, notebooks do so by themselves, and they stay open until they are closed. False
        makes figures that nobody holds on to, for files written in a long loop.

    Raises
    ------
    DataError
        If `pyplot` is neither True nor False.

    Notes
    -----
    Only the settings of the style come and go. matplotlib's ``rc_context`` sets back all of them,
    also the interactive mode that a notebook turns on with its first figure; all later figures
    would then stay hidden. Blocks may overlap, in threads say: the last to end sets back what was
    before the first.

    Examples
    --------
    >>> from neuroloom.shared import plots
    >>> with plots.style(pyplot=False):
    ...     ax = plots.axes()
    """
    token = known_to_pyplot.set(flag("pyplot", pyplot))
    block = _enter(_sheet())
    try:
        yield
    finally:
        _leave(block)
        known_to_pyplot.reset(token)


def state_colors(n_states: int) -> list[Any]:
    """Return colours of states, the same for the same state in every figure.

    Parameters
    ----------
    n_states : int
        How many.

    Raises
    ------
    DataError
        If `n_states` is not an integer of at least 1.
    """
    import matplotlib as mpl

    n = whole("n_states", n_states, at_least=1)
    if n <= len(STATE_COLORS):
        return list(STATE_COLORS[:n])
    return list(mpl.colormaps["viridis"]([i / (n - 1) for i in range(n)]))


@dataclass(eq=False)
class _Block:
    """A ``with`` block in progress, and the settings that its end brings back."""

    before: dict[str, Any]


_open: list[_Block] = []
_lock = threading.Lock()


@cache
def _sheet() -> dict[str, Any]:
    import matplotlib as mpl

    sheet = files("neuroloom.shared.plots").joinpath("neuroloom.mplstyle")
    with as_file(sheet) as path:
        # matplotlib's types list every setting by name.
        found: Any = mpl.rc_params_from_file(path, use_default_template=False)
        return dict(found)


def _settings() -> Any:
    import matplotlib as mpl

    return mpl.rcParams


def _enter(sheet: dict[str, Any]) -> _Block:
    settings = _settings()
    with _lock:
        block = _Block({name: settings[name] for name in sheet})
        settings.update(sheet)
        _open.append(block)
    return block


def _leave(block: _Block) -> None:
    with _lock:
        place = _open.index(block)
        if place == len(_open) - 1:
            _settings().update(block.before)
        else:  # a block that began later still draws: its end brings back what was before ours
            _open[place + 1].before = block.before
        del _open[place]
