"""How many states: held-out log-likelihood over sessions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom import shared
from neuroloom.glmhmm._analysis.criteria import criteria_of
from neuroloom.glmhmm._em.batch import log_likelihood, only
from neuroloom.glmhmm._em.compile import double_precision
from neuroloom.glmhmm._errors import InputError, fail, fail_type
from neuroloom.glmhmm._estimator import fitting, stepwise
from neuroloom.glmhmm._estimator.centring import centred
from neuroloom.glmhmm._estimator.estimator import GLMHMM
from neuroloom.glmhmm._estimator.problem import Posed, base_of, has_zeros, pose, prior_of
from neuroloom.glmhmm._estimator.reading import read_data, read_inputs
from neuroloom.glmhmm._estimator.results import EMState, set_fitted
from neuroloom.glmhmm._input.arrays import names_in
from neuroloom.glmhmm._input.rows import check_rows
from neuroloom.glmhmm._input.sessions import without_label
from neuroloom.glmhmm._input.trials import Data
from neuroloom.glmhmm._model.parameters import Parameters
from neuroloom.glmhmm._model.settings import flag
from neuroloom.shared import checks

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CrossValidation:
    """Scores of every fold and number of states, and the models fitted to all data.

    Parameters
    ----------
    folds : DataFrame
        One row per fold and number of states.
    table : DataFrame
        One row per number of states: mean and standard error of the held-out bits per trial, AIC,
        BIC and ICL on all data.
    models : dict
        The model fitted to all data, by number of states.
    """

    folds: pd.DataFrame
    table: pd.DataFrame
    models: dict[int, Any]

    @property
    def best(self) -> int:
        """Number of states with the highest mean held-out score."""
        return int(self.table["bits_per_trial"].idxmax())

    def to_frame(self) -> pd.DataFrame:
        """Return the table, one row per number of states."""
        return self.table.copy()


def read_folds(folds: Any, data: Data) -> int | NDArray[np.int64]:
    """Return a number of folds, or the fold of each trial that is kept.

    Raises
    ------
    InputError
        If it is no whole number of at least 2, or labels are missing, of another number than trials
        or sessions, all the same, or change inside of a session.
    """
    if np.ndim(folds) == 0:
        return checks.whole("folds", folds, at_least=2, error=InputError)
    check_rows("folds", folds, data.index)
    absent = without_label(folds)
    if absent.size:
        raise fail("folds", "a label in every place", f"none at place {absent[0]}")
    labels = names_in(folds)
    session = np.cumsum(data.starts) - 1
    if labels.shape == data.kept.shape:
        labels = labels[data.kept]
    elif labels.shape == (session[-1] + 1,):
        labels = labels[session]
    else:
        expected = f"a number, or a label per trial ({len(data.kept)}) or session"
        raise fail("folds", expected, labels.shape)
    numbers = np.unique(labels, return_inverse=True)[1]
    if numbers.max() == 0:
        raise fail("folds", "labels of two folds at least", f"{labels[0]!r} throughout")
    if (np.diff(numbers)[~data.starts[1:]] != 0).any():
        raise fail("folds", "labels that are constant within a session", "a change inside of one")
    return np.asarray(numbers, dtype=np.int64)


def deal_sessions(starts: NDArray[np.bool_], n: int, seed: shared.Seed) -> NDArray[np.int64]:
    """Return the fold of each trial, of `n`; sessions are dealt out whole.

    Raises
    ------
    InputError
        If there are fewer sessions than folds.
    """
    session = np.cumsum(starts) - 1
    n_sessions = int(session[-1]) + 1
    if n_sessions < 2:
        raise fail("session_starts", "sessions to leave out in turn, two at least", "one")
    if n > n_sessions:
        raise fail("folds", f"from 2 to the {n_sessions} sessions", n)
    dealt = seed.child("folds").generator().permutation(n_sessions) % n
    return np.asarray(dealt[session], dtype=np.int64)


def numbers_of_states(n_states: Any) -> list[int]:
    """Return the numbers of states to compare.

    Raises
    ------
    InputError
        If they are not whole numbers above 0, each of them once.
    """
    expected = "numbers of states, each once, such as (1, 2, 3)"
    alone = isinstance(n_states, str) or getattr(n_states, "shape", None) == ()
    if alone or not isinstance(n_states, Iterable):
        raise fail("n_states", expected, repr(n_states))
    given = list(n_states)
    counts = [
        checks.whole("n_states", k, at_least=1, expected=expected, error=InputError) for k in given
    ]
    if not counts or len(set(counts)) < len(counts):
        raise fail("n_states", expected, repr(given))
    return counts


def null_of(model: Any, data: Data, train: NDArray[np.bool_], test: NDArray[np.bool_]) -> float:
    """Return the log-likelihood of test trials under the mean (and scale) of training ones."""
    value: float = model.observation_model.null_log_likelihood(
        data.y[train], data.y[test], model.inverse_link_function
    )
    return value


def bits_over(value: float, null: float, n: int) -> float:
    """Return bits per trial over the null model, −∞ where a response was held impossible."""
    if n == 0:
        return float("nan")
    return value if value == -np.inf else float((value - null) / n / np.log(2))


@dataclass(frozen=True)
class _Fits:
    """Fits one number of states to all data (fold −1) or to all but a fold; travels to workers."""

    template: Any
    data: Data
    inputs: NDArray[np.float64] | None
    labels: NDArray[np.int64]
    seed: shared.Seed

    def model(self, k: int) -> Any:
        """Return the model to fit."""
        from sklearn.base import clone

        return clone(self.template).set_params(n_states=k, seed=self.seed.child(f"states {k}"))

    def check(self, counts: list[int]) -> None:
        """Raise if a prior does not fit one of the numbers of states."""
        prior_of(self.template, self.data)
        for k in counts:
            try:
                prior_of(self.model(k), self.data)
            except InputError as error:
                raise InputError(
                    f"{error} with {k} of n_states={tuple(counts)}; a prior that holds a value "
                    "for each state goes with one number of states"
                ) from error

    def __call__(self, job: tuple[int, int]) -> dict[str, Any]:
        """Return parameters of the fit to all data, or the score of a fold."""
        k, fold = job
        model = self.model(k)
        if fold < 0:
            outcome = fitting.fit(model, self.data, self.inputs)
            fitting.warn_after(model, outcome)
            state = stepwise.state_of(outcome.fit, outcome.problem.base, model.maxiter)
            return {
                "parameters": [np.asarray(part) for part in outcome.fit.parameters],
                "report": outcome.report,
                "state": [part if np.ndim(part) else np.asarray(part).item() for part in state],
            }
        return self._fold(model, fold)

    def _fold(self, model: Any, fold: int) -> dict[str, Any]:
        """Return the score of one fold; the layout, and so the program, is that of all data."""
        held = self.labels == fold
        data, shift = centred(self.data)
        start = fitting.starting_point(model, data, None, self.inputs, shift)
        exact = has_zeros(start.initial, start.transition)
        problem = pose(model, data, self.inputs, exact=exact)
        seen = data.observed & held
        with double_precision():
            filled = problem.places(np.ones(data.n_trials, bool))
            test = problem.places(held)
            rows = only(problem.trials, filled & ~test)
            fit, report = fitting.run(model, problem, start, free=True, rows=rows)
            value = float(
                log_likelihood(fit.parameters, only(problem.trials, test), model=problem.static)
            )
        value += base_of(model.observation_model, data.y[held], data.seen[held])
        n = int(seen.sum())
        null = null_of(model, data, data.observed & ~held, seen) if n else np.nan
        return {
            "n_states": model.n_states,
            "fold": fold,
            "n_trials": n,
            "log_likelihood": value,
            "bits_per_trial": bits_over(value, null, n),
            "train_objective": float(fit.objective),
            "converged": bool(fit.converged),
            "starts_at_best": int((report["objective"] > report["objective"].max() - 0.1).sum()),
        }

    def fitted(self, k: int, kept: dict[str, Any]) -> tuple[Any, Posed]:
        """Return the model of a number of states from what a job returned, and it on the data."""
        model = self.model(k)
        parameters = Parameters(*kept["parameters"])
        exact = has_zeros(parameters.initial, parameters.transition)
        problem = pose(model, self.data, self.inputs, exact=exact)
        set_fitted(model, parameters, problem.data)
        model.restarts_ = kept["report"]
        model.solver_state_ = EMState(*kept["state"])
        return model, Posed(problem, parameters)


def cross_validate(
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
    n_states: Sequence[int] | NDArray[np.integer[Any]] = (1, 2, 3, 4, 5),
    model: Any = None,
    folds: int | ArrayLike = 5,
    progress: bool = True,
    seed: int | shared.Seed = 0,
    n_workers: int | None = None,
    resume: str | Path | None = None,
) -> CrossValidation:
    """Return held-out scores for several numbers of states, sessions left out fold by fold.

    The score is ``(LL_test − LL_null) / n_test / ln 2`` in bits per trial; the null model knows the
    training trials' mean alone. Unobserved trials count nowhere. A held-out response that no state
    can make (before the non-decision time of a diffusion, say) makes the score −∞.

    Parameters
    ----------
    X, y, session_starts, transition_inputs
        As in `GLMHMM.fit`.
    n_states : sequence of int
        Numbers of states to compare; 1 is the GLM.
    model : GLMHMM, optional
        What to fit, but for its number of states; by default Bernoulli with the multi-start.
    folds : int or array_like
        Number of folds, or the fold of each trial or session.
    progress : bool
        Show a bar.
    seed : int or Seed
        Deals the sessions out, and seeds the starts.
    n_workers : int, optional
        As in `neuroloom.shared.map`; results do not depend on it.
    resume : str or Path, optional
        Folder that keeps finished fits.

    Raises
    ------
    InputError
        If there are too few sessions, or labels do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from neuroloom.glmhmm import GLMHMM, cross_validate
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(400, 1)), rng.binomial(1, 0.5, 400).astype(float)
    >>> found = cross_validate(
    ...     X, y, np.arange(0, 400, 50), n_states=(1, 2), folds=2,
    ...     model=GLMHMM(2, n_init=3), progress=False,
    ... )
    >>> list(found.table.columns)[:2], len(found.folds)
    (['bits_per_trial', 'standard_error'], 4)
    """
    flag("progress", progress)
    import pandas as pd

    counts = numbers_of_states(n_states)
    template = GLMHMM(2, n_init="auto", tol=1e-4) if model is None else model
    if not isinstance(template, GLMHMM):
        raise fail_type("model", "a GLMHMM", model)
    stream = shared.as_seed(seed)
    data = read_data(template, X, y, session_starts)
    inputs = read_inputs(transition_inputs, data)
    fitting.check_data(template, data, inputs)
    told = read_folds(folds, data)
    labels = deal_sessions(data.starts, told, stream) if isinstance(told, int) else told
    n_folds = int(labels.max()) + 1
    work = _Fits(template, data, inputs, labels, stream)
    work.check(counts)
    jobs = [(k, f) for k in counts for f in range(-1, n_folds)]
    found = shared.map(
        work,
        jobs,
        n_workers=n_workers,
        progress=progress,
        description="states × folds",
        resume=resume,
    )
    kept = dict(zip(jobs, found, strict=True))
    rows = [kept[job] for job in jobs if job[1] >= 0]
    models, summary = {}, []
    for k in counts:
        models[k], there = work.fitted(k, kept[k, -1])
        scores = np.array([row["bits_per_trial"] for row in rows if row["n_states"] == k])
        summary.append(_summary(models[k], there, scores))
    return CrossValidation(pd.DataFrame(rows), pd.DataFrame(summary).set_index("n_states"), models)


def _summary(model: Any, found: Posed, scores: NDArray[np.float64]) -> dict[str, Any]:
    criteria = criteria_of(model, found)
    seen = scores[~np.isnan(scores)]  # a fold without a response has no score
    sure = len(seen) > 1 and np.isfinite(seen).all()
    return {
        "n_states": model.n_states,
        "bits_per_trial": seen.mean() if len(seen) else np.nan,
        "standard_error": seen.std(ddof=1) / np.sqrt(len(seen)) if sure else np.nan,
        "log_likelihood": criteria.log_likelihood,
        "n_parameters": criteria.n_parameters,
        "aic": criteria.aic,
        "bic": criteria.bic,
        "icl": criteria.icl,
    }
