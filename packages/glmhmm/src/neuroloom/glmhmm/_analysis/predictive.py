"""Posterior predictive checks: whether data that the model makes look like the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom import shared
from neuroloom.glmhmm._analysis.dwell import path_of, stays_of
from neuroloom.glmhmm._errors import InputError, fail
from neuroloom.glmhmm._estimator.problem import Posed, base_of, posed
from neuroloom.glmhmm._estimator.simulation import simulate_on
from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._families.bernoulli import BernoulliObservations
from neuroloom.glmhmm._families.categorical import CategoricalObservations
from neuroloom.glmhmm._families.mixed import MixedObservations
from neuroloom.glmhmm._families.wiener import WienerObservations
from neuroloom.glmhmm._input.arrays import numbers
from neuroloom.glmhmm._input.rows import check_rows
from neuroloom.glmhmm._input.trials import Data
from neuroloom.shared import checks, plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LONGEST = 60  # trials up to which runs and stays are compared


@dataclass(frozen=True)
class PredictiveCheck:
    """Statistics of the data, and of data sets that the model made.

    Parameters
    ----------
    observed : dict of str to ndarray
        Each statistic of the data: ``"runs"``, the fraction of runs of equal choices that are at
        least 1, 2, … trials long; ``"psychometric"``, mean responses by `levels` of the stimulus,
        of several outputs those of the first, of categories the fraction of each, in rows;
        ``"dwell"``, the fraction of stays that last at least 1, 2, … trials, states in rows;
        ``"mean"`` of each output, or the fraction of each category; ``"log_likelihood"`` per
        observed trial.
    simulated : dict of str to ndarray
        The same of simulated data, with a first axis of samples.
    levels : ndarray
        Stimulus of each entry of ``"psychometric"``.
    fractions : bool
        Whether the responses of ``"psychometric"`` are choices, whose means are fractions.
    """

    observed: dict[str, NDArray[np.float64]]
    simulated: dict[str, NDArray[np.float64]]
    levels: NDArray[np.float64]
    fractions: bool = True

    def interval(self, name: str, level: float = 0.95) -> tuple[Any, Any]:
        """Return the range that holds a fraction `level` of the simulated data sets."""
        if not 0 < level < 1:
            raise fail("level", "a fraction between 0 and 1", level)
        tail = (1 - level) / 2
        values = self.simulated[checks.choice("name", name, self.simulated, error=InputError)]
        some = np.isfinite(values).any(axis=0)  # stays of that length were not always seen
        filled = np.where(some, values, 0.0)
        low, high = np.nanquantile(filled, [tail, 1 - tail], axis=0)
        return np.where(some, low, np.nan), np.where(some, high, np.nan)

    def outside(self, name: str, level: float = 0.95) -> NDArray[np.bool_]:
        """Return where the data lie outside of that range."""
        low, high = self.interval(name, level)
        return np.asarray((self.observed[name] < low) | (self.observed[name] > high))

    def plot(self) -> Figure:
        """Return a figure with every curve: data as dots, 95 % of simulated data as bands."""
        names = [n for n in ("runs", "psychometric", "dwell") if n in self.observed]
        figure = plots.figure(figsize=(3.0 * max(len(names), 1), 2.6))
        for ax, name in zip(np.ravel(figure.subplots(1, max(len(names), 1))), names, strict=False):
            self._panel(ax, name)
        return figure

    def _panel(self, ax: Any, name: str) -> None:
        seen = np.atleast_2d(self.observed[name])
        low, high = (np.atleast_2d(part) for part in self.interval(name))
        at = self.levels if name == "psychometric" else np.arange(1, seen.shape[1] + 1)
        colors = plots.state_colors(len(seen)) if name == "dwell" else ["black"] * len(seen)
        markers = "o" * len(seen) if name == "dwell" else ("osvD^<>p*" * len(seen))[: len(seen)]
        for row, a, b, color, marker in zip(seen, low, high, colors, markers, strict=True):
            ax.fill_between(at, a, b, color=color, alpha=0.25, linewidth=0)
            ax.plot(at, row, marker, color=color, markersize=2.5)
        words = {
            "runs": ("trials in a row, at least", "fraction of runs"),
            "psychometric": ("stimulus", "mean response"),
            "dwell": ("trials in state, at least", "fraction of stays"),
        }
        ax.set(xlabel=words[name][0], ylabel=words[name][1])
        if name != "psychometric" or self.fractions:
            ax.set(ylim=(-0.02, 1.02))


def predictive_check(
    model: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
    stimulus: ArrayLike | None = None,
    n_samples: int = 100,
    seed: int | shared.Seed | None = None,
) -> PredictiveCheck:
    """Return statistics of the data beside those of data simulated from the fitted model.

    Simulated data have the regressors, sessions and missing trials of the data. Regressors that
    hold earlier choices are those of the real ones, so that the check is of one step ahead.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    X, y, session_starts, transition_inputs
        The data of the fit.
    stimulus : array_like, shape (n_trials,), optional
        Values by which mean responses are compared, NaN on trials to leave out; the first
        regressor if not given.
    n_samples : int
        Number of simulated data sets.
    seed : int or Seed, optional
        For the simulations; None draws from the operating system.

    Raises
    ------
    InputError
        If `n_samples` is not positive, or `stimulus` has another length.

    Examples
    --------
    >>> import numpy as np
    >>> from neuroloom.glmhmm import GLMHMM, predictive_check
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(300, 1)), rng.binomial(1, 0.5, 300)
    >>> found = predictive_check(GLMHMM(n_states=1).fit(X, y), X, y, n_samples=20, seed=0)
    >>> bool(found.outside("runs").mean() < 0.2)
    True
    """
    n_samples = checks.whole("n_samples", n_samples, at_least=1, error=InputError)
    found = posed(model, X, y, session_starts, transition_inputs)
    data = found.problem.data
    shown = _shown(data, stimulus)
    levels, groups = _grouped(shown)
    stream = shared.as_seed(seed).child("predictive")
    observed = _statistics(model, found, data.y, levels, groups)
    simulated = []
    inputs = None if transition_inputs is None else _inputs(found)
    for part in stream.children(n_samples):
        drawn, *_ = simulate_on(model, part.generator(), data, inputs)
        y_new = np.where(data.seen.reshape(data.y.shape), drawn, np.nan)
        simulated.append(_statistics(model, found, y_new, levels, groups))
    together = {name: np.stack([one[name] for one in simulated]) for name in observed}
    return PredictiveCheck(observed, together, levels, _choices_first(model.observation_model))


def _inputs(found: Posed) -> NDArray[np.float64]:
    p = found.problem
    return p.layout.take(np.asarray(p.trials.u).reshape(len(p.trials.u), -1))


def _shown(data: Data, stimulus: ArrayLike | None) -> NDArray[np.float64] | None:
    if stimulus is None:
        return np.where(data.gaps, np.nan, data.x[:, 0]) if data.x.shape[1] else None
    check_rows("stimulus", stimulus, data.index)
    values = numbers("stimulus", stimulus).ravel()
    if values.shape != data.kept.shape:
        raise fail("stimulus", f"shape ({len(data.kept)},)", f"shape {values.shape}")
    return values[data.kept]


def _grouped(
    shown: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
    """Return the stimulus' levels, in eleven groups if they are many, and each trial's.

    The group of trials without a stimulus is −1.
    """
    if shown is None or not np.isfinite(shown).any():
        return np.zeros(0), None
    there = np.isfinite(shown)
    known = shown[there]
    levels, of_known = np.unique(known, return_inverse=True)
    if len(levels) > 25:
        edges = np.unique(np.quantile(known, np.linspace(0, 1, 12)))
        of_known = np.clip(np.searchsorted(edges, known, side="right") - 1, 0, len(edges) - 2)
        levels = np.bincount(of_known, known) / np.maximum(np.bincount(of_known), 1)
    groups = np.full(len(shown), -1, dtype=np.int64)
    groups[there] = of_known
    return levels, groups


def _statistics(
    model: Any,
    found: Posed,
    y: NDArray[np.float64],
    levels: NDArray[np.float64],
    groups: NDArray[np.int64] | None,
) -> dict[str, NDArray[np.float64]]:
    """Return all statistics of one data set."""
    data = found.problem.data
    columns = _columns(model, y)
    counted = np.isfinite(columns)
    totals = np.where(counted, columns, 0.0).sum(axis=0)
    out = {
        "mean": np.where(counted.any(axis=0), totals / np.maximum(counted.sum(axis=0), 1), np.nan)
    }
    there = _with(model, found, y)
    value = there.posterior().log_likelihood.sum() + there.problem.base
    out["log_likelihood"] = np.array(value / data.n_observed)
    if isinstance(model.observation_model, BernoulliObservations) and columns.shape[1] == 1:
        out["runs"] = run_lengths(columns[:, 0], data.starts)
    if groups is not None:
        every = columns if _categorical(model) else columns[:, :1]
        seen = np.isfinite(every[:, 0]) & (groups >= 0)
        count = np.bincount(groups[seen], minlength=len(levels))
        curves = [
            np.where(
                count > 0,
                np.bincount(groups[seen], column[seen], len(levels)) / np.maximum(count, 1),
                np.nan,
            )
            for column in every.T
        ]
        out["psychometric"] = np.stack(curves) if _categorical(model) else curves[0]
    if model.n_states > 1:
        stays = stays_of(path_of(there), data.starts, model.n_states)
        out["dwell"] = np.stack([_padded(s.survival()) for s in stays])
    return out


def _choices_first(family: Observations) -> bool:
    """Return whether the first output holds choices, whose means are fractions."""
    first = family.parts[0].family if isinstance(family, MixedObservations) else family
    return isinstance(first, BernoulliObservations | CategoricalObservations | WienerObservations)


def _categorical(model: Any) -> bool:
    return isinstance(model.observation_model, CategoricalObservations)


def _columns(model: Any, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the outputs, or 0 and 1 for every category: a mean of their numbers means nothing."""
    if not _categorical(model):
        return y.reshape(len(y), -1)
    chosen = (y[:, None] == np.arange(model.observation_model.n_categories)).astype(np.float64)
    return np.where(np.isfinite(y)[:, None], chosen, np.nan)


def _padded(survival: NDArray[np.float64]) -> NDArray[np.float64]:
    full = np.full(_LONGEST, np.nan)
    full[: len(survival)] = survival[:_LONGEST]
    return full


def _with(model: Any, found: Posed, y: NDArray[np.float64]) -> Posed:
    """Return the fitted model on other responses to the same regressors."""
    p, data = found.problem, found.problem.data
    columns = y.reshape(len(y), -1)
    known = [c[np.isfinite(c)] for c in columns.T]
    safe = np.array([c[0] if len(c) else 1.0 for c in known])
    put = p.layout.put(np.where(np.isfinite(columns), columns, safe), 0.0)
    empty = np.ones(p.layout.size, dtype=bool)
    empty[p.layout.place] = False
    put[:, empty] = safe[:, None]
    trials = p.trials._replace(y=put)
    base = base_of(model.observation_model, y, data.seen)
    return Posed(type(p)(data, p.layout, trials, p.static, p.prior, base), found.core)


def run_lengths(choice: NDArray[np.float64], starts: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the fraction of runs of equal choices that last at least 1, 2, … trials.

    Trials without a choice are passed over; a session's end ends a run.
    """
    seen = np.isfinite(choice)
    session = np.cumsum(starts)[seen]
    values = choice[seen]
    new = np.append(True, (values[1:] != values[:-1]) | (session[1:] != session[:-1]))
    lengths = np.diff(np.append(np.flatnonzero(new), len(values)))
    return np.array([(lengths >= t).mean() for t in range(1, _LONGEST + 1)])
