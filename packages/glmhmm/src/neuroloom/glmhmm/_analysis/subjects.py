"""A model of each subject, started at one of all subjects."""

from __future__ import annotations

import copy
import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom import shared
from neuroloom.glmhmm._analysis.cross_validation import (
    bits_over,
    deal_sessions,
    null_of,
    read_folds,
)
from neuroloom.glmhmm._analysis.diagnostics import Diagnostics, diagnose
from neuroloom.glmhmm._analysis.standard_errors import StandardErrors, standard_errors
from neuroloom.glmhmm._analysis.states import closest, reorder
from neuroloom.glmhmm._em.batch import fit_all, log_likelihood, only, side_by_side
from neuroloom.glmhmm._em.compile import double_precision
from neuroloom.glmhmm._em.em import Fit
from neuroloom.glmhmm._em.multi_start import trace_length
from neuroloom.glmhmm._em.packing import Layout, lay_out
from neuroloom.glmhmm._errors import GLMHMMWarning, SeparationWarning, fail, fail_type
from neuroloom.glmhmm._estimator.centring import around, centred
from neuroloom.glmhmm._estimator.estimator import GLMHMM
from neuroloom.glmhmm._estimator.fitting import check_data
from neuroloom.glmhmm._estimator.problem import (
    Posed,
    Problem,
    base_of,
    check_fitted,
    core_of,
    has_zeros,
    params_of,
    pose,
    prior_of,
)
from neuroloom.glmhmm._estimator.reading import driving_inputs, read_data, subjects_of
from neuroloom.glmhmm._estimator.results import set_fitted
from neuroloom.glmhmm._input.arrays import names_in, numbers
from neuroloom.glmhmm._input.rows import check_rows
from neuroloom.glmhmm._input.sessions import keep_subjects_apart
from neuroloom.glmhmm._input.trials import Data
from neuroloom.glmhmm._model.parameters import Parameters
from neuroloom.glmhmm._model.regularizers import Ridge
from neuroloom.glmhmm._model.settings import flag

SIGMA = 2.0  # of a subject's weights, as published

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SubjectFits:
    """A model per subject, states in the global model's order, and their held-out scores.

    Parameters
    ----------
    models : dict
        The model of each subject.
    table : DataFrame
        One row per subject: the σ and α chosen, bits per trial held out (NaN without
        cross-validation), the penalised log-likelihood, and states that are one-sided.
    grid : DataFrame
        The score of every subject, σ and α.
    """

    models: dict[Any, Any]
    table: pd.DataFrame
    grid: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return the table, one row per subject."""
        return self.table.copy()

    def standard_errors(
        self,
        X: Any = None,
        y: Any = None,
        subjects: ArrayLike | None = None,
        session_starts: Any = None,
        *,
        transition_inputs: Any = None,
    ) -> dict[Any, StandardErrors]:
        """Return each subject's standard errors on its part of the data of the fit."""
        return self._each(standard_errors, X, y, subjects, session_starts, transition_inputs)

    def diagnose(
        self,
        X: Any = None,
        y: Any = None,
        subjects: ArrayLike | None = None,
        session_starts: Any = None,
        *,
        transition_inputs: Any = None,
    ) -> dict[Any, Diagnostics]:
        """Return each subject's diagnostics on its part of the data of the fit."""
        return self._each(diagnose, X, y, subjects, session_starts, transition_inputs)

    def _each(
        self, function: Any, X: Any, y: Any, subjects: Any, starts: Any, transition_inputs: Any
    ) -> dict[Any, Any]:
        out = {}
        subjects = subjects_of(X, subjects)
        for name, model in self.models.items():
            data = read_data(model, X, y, keep_subjects_apart(starts, subjects))
            check_rows("subjects", subjects, data.index)
            rows = names_in(subjects)[data.kept] == name
            # Rows are taken out of sessions that were read with NaN dropped or masked already.
            masked = copy.copy(model).set_params(missing="mask")
            X_there = data.design.rows(data.x[rows])
            inputs = driving_inputs(model, transition_inputs, data)
            told = None if inputs is None else inputs[rows]
            out[name] = function(
                masked, X_there, data.y[rows], data.starts[rows], transition_inputs=told
            )
        return out


@dataclass(frozen=True)
class _SubjectJob:
    """Fits one subject over the grid, to all its trials and without each fold."""

    template: Any
    data: Data
    inputs: NDArray[np.float64] | None
    who: NDArray[Any]
    start: Parameters
    grid: tuple[tuple[float, float], ...]
    models: tuple[Any, ...]  # the template with each σ and α
    folds: int | NDArray[np.int64]
    too_few: str
    shape: Layout | None
    seed: shared.Seed

    def __call__(self, name: Any) -> dict[str, Any]:
        """Return the parameters and scores of every σ and α."""
        rows = self.who == name
        own = self.data.only(rows)
        data, shift = centred(own)
        labels = self._labels(name, rows, data)
        folds = [] if labels is None else [labels == f for f in range(int(labels.max()) + 1)]
        exact = has_zeros(self.start.initial, self.start.transition)
        problem = self._posed(self.template, data, rows, exact=exact)
        whole, scores = self._fitted(problem, around(self.start, shift), folds)
        bits = [np.nan if np.isnan(row).all() else float(np.nanmean(row)) for row in scores]
        best = 0 if np.isnan(bits).all() else int(np.nanargmax(bits))
        order, lopsided = self._states(rows, own, problem, whole[best], shift)
        return {
            "bits": bits,
            "best": best,
            "order": order,
            "one_sided": "; ".join(text for _, text in lopsided),
            "parameters": [_parts(fit, shift) for fit in whole],
            "objective": [float(fit.objective) + problem.base for fit in whole],
            "log_likelihood": [float(fit.log_likelihood) + problem.base for fit in whole],
            "converged": [bool(fit.converged) for fit in whole],
            "n_trials": data.n_observed,
        }

    def _posed(self, model: Any, data: Data, rows: NDArray[np.bool_], *, exact: bool) -> Problem:
        """Return the problem of a subject's trials, in the shape that all subjects share."""
        inputs = None if self.inputs is None else self.inputs[rows]
        layout = lay_out(data.starts, whole=True) if exact else _layout(data, self.shape)
        placed = jax.default_backend() != "cpu"
        return pose(model, data, inputs, exact=exact, layout=layout, placed=placed)

    def _fitted(
        self, problem: Problem, start: Parameters, folds: list[NDArray[np.bool_]]
    ) -> tuple[list[Fit], NDArray[np.float64]]:
        """Return every prior's fit to all trials, and its score of each fold (priors, folds)."""
        data = problem.data
        trials, tests = [problem.trials], []
        scores = np.full((len(self.models), len(folds)), np.nan)
        with double_precision():
            filled = problem.places(np.ones(data.n_trials, bool))
            for held in folds:
                test = problem.places(held)
                trials.append(only(problem.trials, filled & ~test))
                tests.append(only(problem.trials, test))
            priors = [problem.prior, *(prior_of(model, data) for model in self.models[1:])]
            fits = fit_all(
                [start] * (len(trials) * len(priors)),
                trials * len(priors),
                [prior for prior in priors for _ in trials],
                self.template.tol,
                self.template.maxiter,
                problem.static,
                trace_length(self.template.maxiter),
            )
            nothing_known = [_null(self.template, data, held) for held in folds]
            for g, f in np.ndindex(scores.shape):
                fit = fits[g * len(trials) + 1 + f]
                value = log_likelihood(fit.parameters, tests[f], model=problem.static)
                scores[g, f] = nothing_known[f].bits(float(value))
        return fits[:: len(trials)], scores

    def _states(
        self,
        rows: NDArray[np.bool_],
        data: Data,
        problem: Problem,
        fit: Fit,
        shift: NDArray[np.float64],
    ) -> tuple[list[int], list[tuple[int, str]]]:
        """Return a subject's states in the global order, and those that are one-sided."""
        model = self.template
        exact = has_zeros(fit.parameters.initial, fit.parameters.transition)
        if exact != problem.static.exact:
            problem = self._posed(model, problem.data, rows, exact=exact)
        gamma = Posed(problem, fit.parameters).posterior().smoothed[data.observed]
        y = data.y[data.observed]
        unit = model.observation_model.predictor_unit(y, model.inverse_link_function)
        order = closest(Parameters(*_parts(fit, shift)), self.start, data.x_observed, unit)
        lopsided = model.observation_model.lopsided(y, gamma[:, order])
        return [int(k) for k in order], lopsided

    def _labels(self, name: Any, rows: NDArray[np.bool_], data: Data) -> NDArray[np.int64] | None:
        """Return the fold of each trial, or None for a subject with too few sessions."""
        n_sessions = int(data.starts.sum())
        if isinstance(self.folds, int):
            if n_sessions < self.folds:
                return None
            return deal_sessions(data.starts, self.folds, self.seed.child(str(name)))
        labels = np.unique(self.folds[rows], return_inverse=True)[1]
        return np.asarray(labels, dtype=np.int64) if labels.max() > 0 else None


def fit_subjects(
    X: Any = None,
    y: Any = None,
    subjects: ArrayLike | None = None,
    session_starts: Any = None,
    *,
    global_model: Any,
    sigma: float | Sequence[float] | NDArray[np.floating[Any]] = SIGMA,
    alpha: float | Sequence[float] | NDArray[np.floating[Any]] = 2.0,
    folds: int | ArrayLike = 5,
    too_few: Literal["fit", "leave_out", "raise"] = "fit",
    transition_inputs: Any = None,
    seed: int | shared.Seed = 0,
    n_workers: int | None = None,
    progress: bool = False,
    resume: str | Path | None = None,
) -> SubjectFits:
    """Return a MAP fit per subject, started at the global model, with cross-validated scores.

    All subjects, folds, σ and α share one compiled program. The prior N(0, σ²) is on weights and
    bias, as published; where the global model has another penalty than a ridge, its own is kept.

    Parameters
    ----------
    X, y, session_starts, transition_inputs
        As in `GLMHMM.fit`, all subjects one after the other; sessions do not span subjects.
    subjects : array_like, shape (n_trials,), optional
        Whose trial it is; a design matrix with subjects brings them.
    global_model : GLMHMM
        From `fit_global`.
    sigma : float or sequence of float
        Standard deviation of the prior of weights and bias; of several, the one that scores best
        held out is taken for each subject.
    alpha : float or sequence of float
        Dirichlet α of the transitions, likewise.
    folds : int or array_like
        Number of folds of each subject's sessions, or the fold of each trial.
    too_few : {"fit", "leave_out", "raise"}
        What happens to a subject with fewer sessions than folds: fitted without a score (with a
        warning that names it; of several σ and α the first), left out, or an error.
    seed : int or Seed
        Deals the sessions out.
    n_workers : int, optional
        As in `neuroloom.shared.map`; results do not depend on it.
    progress : bool
        Show a bar.
    resume : str or Path, optional
        Folder that keeps finished subjects.

    Raises
    ------
    InputError
        If `subjects` has another length, or a session spans two subjects.

    Warns
    -----
    SeparationWarning
        If a subject's state lacks a kind of response, so that the prior alone bounds its bias.
    """
    flag("progress", progress)
    from sklearn.base import clone

    if too_few not in ("fit", "leave_out", "raise"):
        raise fail("too_few", '"fit", "leave_out" or "raise"', repr(too_few))
    if not isinstance(global_model, GLMHMM):
        raise fail_type("global_model", "a fitted GLMHMM", global_model)
    check_fitted(global_model)
    subjects = subjects_of(X, subjects)
    who = names_in(subjects)
    template = clone(global_model)
    data = read_data(global_model, X, y, keep_subjects_apart(session_starts, subjects))
    check_rows("subjects", subjects, data.index)
    if who.shape != data.kept.shape:
        raise fail("subjects", f"shape ({len(data.kept)},)", f"shape {who.shape}")
    who = who[data.kept]
    if (who[1:] != who[:-1])[~data.starts[1:]].any():
        raise fail("subjects", "sessions that belong to one subject each", "a session with two")
    inputs = driving_inputs(global_model, transition_inputs, data)
    check_data(template, data, inputs)
    drive = None if inputs is None else global_model.transition_coef_
    start = core_of(global_model, params_of(global_model), data, drive=drive)
    sigmas = _values("sigma", sigma)
    if not isinstance(template.regularizer, Ridge) and sigmas != [SIGMA]:
        raise fail("sigma", "a global model with a Ridge", f"{template.regularizer!r}, which stays")
    grid = tuple(itertools.product(sigmas, _values("alpha", alpha)))
    told = read_folds(folds, data)
    names = _names(who, data, told, too_few)
    models = tuple(with_prior(template, *one) for one in grid)
    work = _SubjectJob(
        models[0],
        data,
        inputs,
        who,
        start,
        grid,
        models,
        told,
        too_few,
        # Of all subjects, so that leaving one out changes no digit of the others.
        _common_shape(data, who, list(dict.fromkeys(who.tolist()))),
        shared.as_seed(seed),
    )
    found = shared.map(
        work,
        names,
        **side_by_side(n_workers),
        progress=progress,
        description="subjects",
        resume=resume,
    )
    return _collect(work, names, found)


def _values(name: str, value: Any) -> list[float]:
    """Return one number above 0 or several."""
    given = np.atleast_1d(numbers(name, value))
    if given.ndim > 1 or not given.size or not (given > 0).all():
        raise fail(name, "a number above 0, or a sequence of them", value)
    return given.tolist()  # type: ignore[no-any-return]


def _names(
    who: NDArray[Any], data: Data, folds: int | NDArray[np.int64], too_few: str
) -> list[Any]:
    """Return the subjects to fit, in order of appearance; tell of those with too few sessions."""
    names = list(dict.fromkeys(who.tolist()))
    empty = [name for name in names if not data.observed[who == name].any()]
    if empty:
        warnings.warn(
            f"subjects {empty} have no valid trial and are left out", GLMHMMWarning, stacklevel=4
        )
    names = [name for name in names if name not in empty]
    short = {}
    if isinstance(folds, int):
        short = {n: int(data.starts[who == n].sum()) for n in names}
        short = {n: count for n, count in short.items() if count < folds}
    if not short:
        return names
    text = ", ".join(f"{name!r} ({count} sessions)" for name, count in short.items())
    if too_few == "raise":
        raise fail("folds", "no more folds than each subject has sessions", f"{folds} for {text}")
    what = "left out" if too_few == "leave_out" else "fitted without cross-validation"
    warnings.warn(f"fewer sessions than {folds} folds: {text}: {what}", GLMHMMWarning, stacklevel=4)
    return [name for name in names if too_few == "fit" or name not in short]


def _parts(fit: Fit, shift: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return a fit's parameters for regressors as they are; `shift` was taken off them."""
    return [np.asarray(part) for part in around(fit.parameters, -shift)]


def _common_shape(data: Data, who: NDArray[Any], names: list[Any]) -> Layout | None:
    """Return a layout whose size fits every subject, so that one program serves them all."""
    if not names:
        return None
    layouts = [lay_out(data.starts[who == name]) for name in names]
    n_steps = max(layout.n_steps for layout in layouts)
    split = any(layout.split for layout in layouts)
    if not split:
        layouts = [lay_out(data.starts[who == name], n_steps=n_steps) for name in names]
    n_columns = max(layout.n_columns for layout in layouts)
    return Layout(np.zeros(0, dtype=np.int64), n_steps, n_columns, split)


def _layout(data: Data, shape: Layout | None) -> Layout:
    assert shape is not None
    if shape.split:
        t = np.arange(data.n_trials)
        place = (t % shape.n_steps) * shape.n_columns + t // shape.n_steps
        return Layout(place, shape.n_steps, shape.n_columns, True)
    own = lay_out(data.starts, n_steps=shape.n_steps)
    return own.widened(shape.n_steps, shape.n_columns)


def with_prior(template: Any, sigma: float, alpha: float) -> Any:
    """Return a copy of the model with the priors of a subject's fit."""
    from sklearn.base import clone

    k = template.n_states
    settings: dict[str, Any] = {"dirichlet_transition_proba": np.full((k, k), float(alpha))}
    if isinstance(template.regularizer, Ridge):
        settings |= {"regularizer_strength": 1 / sigma**2, "penalize_intercept": True}
    return clone(template).set_params(n_init=1, **settings)


class _Null(NamedTuple):
    """What a fold's held-out trials are worth without a model, the same for all σ and α."""

    base: float  # terms in the responses alone
    log_likelihood: float
    n_trials: int

    def bits(self, value: float) -> float:
        """Return held-out bits per trial from a log-likelihood without base."""
        return bits_over(value + self.base, self.log_likelihood, self.n_trials)


def _null(model: Any, data: Data, held: NDArray[np.bool_]) -> _Null:
    test, train = data.observed & held, data.observed & ~held
    if not test.any() or not train.any():
        return _Null(0.0, 0.0, 0)
    base = base_of(model.observation_model, data.y[held], data.seen[held])
    return _Null(base, null_of(model, data, train, test), int(test.sum()))


def _collect(work: _SubjectJob, names: list[Any], found: list[dict[str, Any]]) -> SubjectFits:
    import pandas as pd
    from sklearn.base import clone

    models, table, scores = {}, [], []
    blank = [clone(model) for model in work.models]  # copied, and not built anew for each subject
    in_order = list(range(work.template.n_states))
    for name, one in zip(names, found, strict=True):
        best, bits = one["best"], one["bits"]
        for (s, a), score in zip(work.grid, bits, strict=True):
            scores.append({"subject": name, "sigma": s, "alpha": a, "bits_per_trial": score})
        model = copy.deepcopy(blank[best])
        parameters = Parameters(*one["parameters"][best])
        set_fitted(model, parameters, work.data.only(work.who == name))
        if one["order"] != in_order:
            reorder(model, np.array(one["order"]))
        models[name] = model
        table.append(
            {
                "subject": name,
                "sigma": work.grid[best][0],
                "alpha": work.grid[best][1],
                "bits_per_trial": bits[best],
                "n_trials": one["n_trials"],
                "objective": one["objective"][best],
                "log_likelihood": one["log_likelihood"][best],
                "converged": one["converged"][best],
                "one_sided": one["one_sided"],
            }
        )
    told = {row["subject"]: row["one_sided"] for row in table if row["one_sided"]}
    if told:
        text = ", ".join(f"{name!r}: {what}" for name, what in told.items())
        warnings.warn(
            f"one-sided states, whose bias the prior alone bounds: {text}",
            SeparationWarning,
            stacklevel=4,
        )
    columns = ["subject", "sigma", "alpha", "bits_per_trial"]
    frame = pd.DataFrame(table, columns=None if table else ["subject"]).set_index("subject")
    return SubjectFits(models, frame, pd.DataFrame(scores, columns=columns))
