"""Choices by stimulus in each state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.glmhmm._errors import InputError, fail
from neuroloom.glmhmm._estimator.problem import posed
from neuroloom.glmhmm._estimator.simulation import rates_of
from neuroloom.glmhmm._families.bernoulli import BernoulliObservations
from neuroloom.glmhmm._families.categorical import CategoricalObservations
from neuroloom.glmhmm._families.mixed import MixedObservations
from neuroloom.glmhmm._families.wiener import OUTPUTS, WienerObservations
from neuroloom.glmhmm._input.arrays import numbers
from neuroloom.glmhmm._input.rows import check_rows
from neuroloom.glmhmm._input.trials import Data
from neuroloom.glmhmm._plots.common import legend_above, state_names
from neuroloom.shared import checks, plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_psychometric(
    model: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
    stimulus: ArrayLike,
    column: int = 0,
    output: int | str | None = None,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
    **artist: Any,
) -> Axes:
    """Return axes with the choices per stimulus in each state, and the model's curves.

    Dots are the means of `y` over trials, weighted by the posterior; lines are the model's mean
    response with all other regressors at their averages in the state.

    Parameters
    ----------
    model : GLMHMM
        Fitted to choices 0 and 1, alone or beside other responses, or categorical: then each state
        has a curve for every category.
    X, y, session_starts, transition_inputs
        As in the fit.
    stimulus : array_like, shape (n_trials,)
        Values for the axis, for instance the contrast in its own unit.
    column : int
        Column of `X` that carries the stimulus.
    output : int or str, optional
        Which response, of a model of several: its column, or its name where they have names. Not
        needed where only one holds choices.
    labels : sequence of str, optional
        Names of the states.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.plot``.
    """
    found = posed(model, X, y, session_starts, transition_inputs)
    data = found.problem.data
    check_rows("stimulus", stimulus, data.index)
    shown = np.asarray(numbers("stimulus", stimulus)).ravel()
    if shown.shape != data.kept.shape:
        raise fail("stimulus", f"shape ({len(data.kept)},)", f"shape {shown.shape}")
    if column not in range(data.x.shape[1]):
        raise fail("column", f"a column of X, from 0 to {data.x.shape[1] - 1}", repr(column))
    shown = shown[data.kept]
    choices, first = _choices(model, data, output)
    seen = data.observed & np.isfinite(shown) & np.isfinite(choices).all(axis=1)
    weights = found.posterior().smoothed[seen]
    curve = _Curves(shown[seen], choices[seen], data.x[seen], weights, column)
    n_states = model.n_states
    names = state_names(n_states, labels)
    ax = plots.axes(ax)
    categories = choices.shape[1]
    for k, color in enumerate(plots.state_colors(n_states)):
        for c in range(categories):
            line = ("-", "--", ":", "-.")[c % 4] if categories > 1 else "-"
            look = {"color": color, **artist}
            levels, mean = curve.dots(k, c)
            ax.plot(levels, mean, linestyle="none", marker="o", markersize=3, **look)
            fine, rate = curve.line(model, k, first + c)
            name = names[k] if categories == 1 else f"{names[k]}, choice {_class(model, c)}"
            ax.plot(fine, rate, linestyle=line, label=name, **look)
    several = categories > 1
    ax.set(
        ylim=(-0.02, 1.02), xlabel="stimulus", ylabel="p(choice)" if several else "p(choice = 1)"
    )
    ax.axhline(0.5, color="0.8", linewidth=0.8, zorder=0)
    legend_above(ax, n_states)
    return ax


def _class(model: Any, c: int) -> Any:
    return getattr(model, "classes_", range(c + 1))[c]


def _choices(model: Any, data: Data, output: int | str | None) -> tuple[NDArray[np.float64], int]:
    """Return choices as 0 and 1, one column or one for each category, and the first one's rate."""
    family = model.observation_model
    if isinstance(family, CategoricalObservations):
        if output is not None:
            raise fail("output", "None: the model has one response", repr(output))
        every = (data.y[:, None] == np.arange(family.n_categories)).astype(np.float64)
        return np.where(data.observed[:, None], every, np.nan), 0
    columns = data.y.reshape(len(data.y), -1)
    families: list[Any] = [family] * columns.shape[1]
    names: tuple[str, ...] = ()
    if isinstance(family, MixedObservations):
        families, names = [part.family for part in family.parts], family.names
    if isinstance(family, WienerObservations):
        families, names = [BernoulliObservations(), family], OUTPUTS
    fit = [i for i, one in enumerate(families) if isinstance(one, BernoulliObservations)]
    if not fit:
        raise fail(
            "model", "choices among its responses: Bernoulli, categorical or Wiener", repr(family)
        )
    if output is None and len(fit) > 1:
        raise fail(
            "output", f"which of the responses {[names[i] if names else i for i in fit]}", None
        )
    at = (
        fit[0]
        if output is None
        else checks.index("output", output, len(families), names=names, error=InputError)
    )
    if at not in fit:
        raise fail("output", "a response that holds choices", repr(output))
    return columns[:, [at]], at


_TRIALS = 1000  # over which a state's curve is averaged


@dataclass(frozen=True)
class _Curves:
    """Choices by stimulus on observed trials, weighted by the posterior."""

    shown: NDArray[np.float64]
    choices: NDArray[np.float64]
    x: NDArray[np.float64]
    posterior: NDArray[np.float64]
    column: int

    def dots(self, k: int, c: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return stimuli, in groups if they are many, and the mean choice at each."""
        levels, groups = np.unique(self.shown, return_inverse=True)
        if len(levels) > 25:
            edges = np.unique(np.quantile(self.shown, np.linspace(0, 1, 12)))
            groups = np.clip(
                np.searchsorted(edges, self.shown, side="right") - 1, 0, len(edges) - 2
            )
            sums = np.bincount(groups, self.shown, len(edges) - 1)
            levels = sums / np.maximum(np.bincount(groups, minlength=len(edges) - 1), 1)
        weight = self.posterior[:, k]
        total = np.bincount(groups, weight, len(levels))
        mean = np.bincount(groups, weight * self.choices[:, c], len(levels))
        enough = total > 1
        return levels[enough], mean[enough] / total[enough]

    def line(self, model: Any, k: int, c: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the model's mean response over the state's trials, each at every stimulus.

        Averages over trials are what the dots show; a response at average regressors is not, where
        these are far apart (the choice before of a state that repeats it).
        """
        fine = np.linspace(self.shown.min(), self.shown.max(), 101)
        order = np.argsort(self.shown)
        trials, weight = np.arange(len(self.x)), self.posterior[:, k]
        if len(trials) > _TRIALS:  # as many of them, drawn evenly by their weight
            total = np.cumsum(weight)
            places = total[-1] * (np.arange(_TRIALS) + 0.5) / _TRIALS
            trials, weight = np.searchsorted(total, places), np.ones(_TRIALS)
        rows = np.tile(self.x[trials], (len(fine), 1))
        levels = np.interp(fine, self.shown[order], self.x[order, self.column])
        rows[:, self.column] = np.repeat(levels, len(trials))
        rate = rates_of(model, rows)
        rate = (rate[:, k] if rate.ndim == 2 else rate[:, c, k]).reshape(len(fine), -1)
        return fine, rate @ weight / max(weight.sum(), 1e-300)
