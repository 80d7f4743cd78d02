"""Names and legends that pictures share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from neuroloom.glmhmm._errors import fail

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def state_names(n_states: int, labels: Sequence[str] | None) -> list[str]:
    """Return the names of the states: those given, or numbers from 1."""
    if labels is None:
        return [f"state {k + 1}" for k in range(n_states)]
    return names_of("labels", labels, n_states)


def names_of(argument: str, names: Sequence[str], n: int) -> list[str]:
    """Return `n` names as a list; a text is one name, not its letters."""
    found = [names] if isinstance(names, str) else list(names)
    if len(found) != n or not all(isinstance(name, str) for name in found):
        raise fail(argument, f"{n} names", repr(names))
    return found


def names_along(ax: Axes, names: Sequence[str]) -> None:
    """Write names below the axis, slanted where they would touch."""
    crowded = sum(map(len, names)) > 24
    look: dict[str, Any] = {"rotation": 25, "ha": "right"} if crowded else {}
    ax.set_xticks(range(len(names)), names, **look)


def legend_above(ax: Axes, n_states: int) -> None:
    """Put the legend above the axes, where it hides no curve."""
    where: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0)}
    ax.legend(frameon=False, ncols=min(n_states, 4), columnspacing=1.0, handlelength=1.2, **where)
