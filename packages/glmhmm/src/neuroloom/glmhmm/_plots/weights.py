"""Weights of each state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._plots.common import names_along, names_of, state_names
from neuroloom.shared import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_weights(
    model: Any,
    *,
    features: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    errors: Any = None,
    output: int | None = None,
    ax: Axes | None = None,
    **artist: Any,
) -> Axes:
    """Return axes with the weights of each state, one line per state.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    features : sequence of str, optional
        Names of the regressors; the intercept is put last as ``"bias"``.
    labels : sequence of str, optional
        Names of the states.
    errors : StandardErrors, optional
        From `standard_errors`; bars are 95 % intervals.
    output : int
        Which output, or category after the first, of a model with several.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.errorbar``.
    """
    rows, outputs = _rows(model.coef_, model.intercept_)
    if outputs > 1 and output is None:
        raise fail("output", f"which of the {outputs} outputs to draw", "None")
    at_output = 0 if output is None else output
    if at_output not in range(outputs):
        raise fail("output", f"a number from 0 to {outputs - 1}", repr(output))
    rows = rows[:, at_output]
    n_states = rows.shape[1]
    names = _feature_names(model, features, len(rows) - 1)
    bars = None
    if errors is not None:
        bars = 1.96 * _rows(errors.coef, errors.intercept)[0][:, at_output]
    ax = plots.axes(ax)
    at = np.arange(len(rows))
    titles = state_names(n_states, labels)
    for k, color in enumerate(plots.state_colors(n_states)):
        look = {"marker": "o", "markersize": 4, "capsize": 2, "color": color, **artist}
        shift = 0.06 * (k - (n_states - 1) / 2)
        ax.errorbar(
            at + shift,
            rows[:, k],
            yerr=None if bars is None else bars[:, k],
            label=titles[k],
            **look,
        )
    ax.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    names_along(ax, [*names, "bias"])
    ax.set(ylabel="weight")
    ax.legend(frameon=False)
    return ax


def _rows(coef: Any, intercept: Any) -> tuple[NDArray[np.float64], int]:
    """Return weights with the intercept last, (n_features + 1, n_outputs, n_states)."""
    every = np.concatenate([np.asarray(leaf) for leaf in jax.tree.leaves(coef)])
    level = np.asarray(intercept)
    if every.ndim == 2:
        every, level = every[:, None], level[None]
    return np.concatenate([every, level[None]]), every.shape[1]


def _feature_names(model: Any, features: Sequence[str] | None, n: int) -> list[str]:
    if features is None:
        known = getattr(model, "feature_names_in_", None)
        return [f"x{i + 1}" for i in range(n)] if known is None else [str(name) for name in known]
    return names_of("features", features, n)
