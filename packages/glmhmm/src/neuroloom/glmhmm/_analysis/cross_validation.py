"""How many states: held-out log-likelihood over sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from tqdm.auto import tqdm

from neuroloom import shared
from neuroloom.glmhmm._analysis.criteria import information_criteria
from neuroloom.glmhmm._em.batch import log_likelihood, only
from neuroloom.glmhmm._em.shapes import double_precision
from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._input.trials import Data


@dataclass(frozen=True)
class CrossValidation:
    """Scores of every fold and number of states, and the models fitted to all data.

    ``folds`` has one row per fold and number of states, ``table`` one per number of states: mean
    and standard error of the held-out bits per trial, AIC, BIC and ICL on all data.
    """

    folds: pd.DataFrame
    table: pd.DataFrame
    models: dict[int, Any]

    @property
    def best(self) -> int:
        """Number of states with the highest mean held-out score."""
        return int(self.table["bits_per_trial"].idxmax())


def session_folds(
    starts: NDArray[np.bool_], folds: int | ArrayLike, seed: int | shared.Seed
) -> NDArray[np.int64]:
    """Return the fold of each trial; sessions are dealt out whole.

    Raises
    ------
    InputError
        If there are fewer sessions than folds, or labels change inside of a session.
    """
    session = np.cumsum(starts) - 1
    n_sessions = int(session[-1]) + 1
    if np.ndim(folds) == 0:
        n = int(np.asarray(folds))
        if not 2 <= n <= n_sessions:
            raise fail("folds", f"from 2 to the {n_sessions} sessions", n)
        dealt = shared.as_seed(seed).child("folds").generator().permutation(n_sessions) % n
        return np.asarray(dealt[session], dtype=np.int64)
    labels = np.asarray(folds)
    if labels.shape == (n_sessions,):
        labels = labels[session]
    if labels.shape != session.shape:
        raise fail(
            "folds", f"a number, or a label per trial ({len(session)}) or session", labels.shape
        )
    if (np.diff(labels)[~starts[1:]] != 0).any():
        raise fail("folds", "labels that are constant within a session", "a change inside of one")
    return np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.int64)


def null_log_likelihood(
    model: Any, y: NDArray[np.float64], train: NDArray[np.bool_], test: NDArray[np.bool_]
) -> float:
    """Return the log-likelihood of test trials under the mean (and scale) of training ones."""
    from neuroloom.glmhmm._start.glm import fit_glm_arrays

    family = model.observation_model
    if type(family).__name__ == "BernoulliObservations":
        rate = y[train].mean()
        ones = y[test].sum()
        n = int(test.sum())
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = [c * np.log(p) for c, p in ((ones, rate), (n - ones, 1 - rate)) if c]
        return float(sum(terms))
    link = model.inverse_link_function
    zeros = np.zeros((int(train.sum()), 1))
    _, intercept, scale = fit_glm_arrays(zeros, y[train], family, link)
    with double_precision():
        numbers = jax.numpy.asarray(y[test])
        columns = numbers[None] if numbers.ndim == 1 else numbers.T
        eta = jax.numpy.broadcast_to(
            np.reshape(intercept, (1, -1, 1)), (1, np.size(intercept), columns.shape[-1])
        )
        density = family.log_prob(columns, eta, np.reshape(scale, (1, -1, 1)), link)
        return float(density.sum() + family.base(numbers).sum())


def cross_validate(
    X: Any,
    y: Any,
    session_starts: Any = None,
    *,
    n_states: Sequence[int] = (1, 2, 3, 4, 5),
    model: Any = None,
    folds: int | ArrayLike = 5,
    progress: bool = True,
    seed: int | shared.Seed = 0,
) -> CrossValidation:
    """Return held-out scores for several numbers of states, sessions left out fold by fold.

    The score is ``(LL_test − LL_null) / n_test / ln 2`` in bits per trial; the null model knows the
    training trials' mean alone. Unobserved trials count nowhere.

    Parameters
    ----------
    X, y, session_starts
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
    from neuroloom.glmhmm._estimator.estimator import GLMHMM

    template = GLMHMM(2, n_init="auto", tol=1e-4) if model is None else model
    stream = shared.as_seed(seed)
    data: Data = template._read(X, y, session_starts)
    template._check_data(data)
    labels = session_folds(data.starts, folds, stream)
    n_folds = int(labels.max()) + 1
    rows: list[dict[str, Any]] = []
    summary: list[dict[str, Any]] = []
    models: dict[int, Any] = {}
    nulls = [
        null_log_likelihood(
            template, data.y, data.observed & (labels != f), data.observed & (labels == f)
        )
        for f in range(n_folds)
    ]
    with tqdm(
        total=len(n_states) * (n_folds + 1), disable=not progress, desc="states × folds"
    ) as bar:
        for k in n_states:
            one = clone(template).set_params(n_states=k, seed=stream.child(f"states {k}"))
            one.fit(X, y, session_starts=session_starts)
            models[k] = one
            bar.update()
            for f in range(n_folds):
                rows.append(_fold(one, data, labels, f, nulls[f]))
                bar.update()
            scores = np.array([row["bits_per_trial"] for row in rows if row["n_states"] == k])
            criteria = information_criteria(one, X, y, session_starts)
            summary.append(
                {
                    "n_states": k,
                    "bits_per_trial": scores.mean(),
                    "standard_error": scores.std(ddof=1) / np.sqrt(n_folds),
                    "log_likelihood": criteria.log_likelihood,
                    "n_parameters": criteria.n_parameters,
                    "aic": criteria.aic,
                    "bic": criteria.bic,
                    "icl": criteria.icl,
                }
            )
    return CrossValidation(pd.DataFrame(rows), pd.DataFrame(summary).set_index("n_states"), models)


def _fold(
    model: Any, data: Data, labels: NDArray[np.int64], fold: int, null: float
) -> dict[str, Any]:
    """Return the score of one fold; the layout, and so the program, is that of all data."""
    with double_precision():
        layout, trials, compiled = model._pack(data, None)
        shape = (layout.n_steps, layout.n_columns)
        test = layout.put(labels == fold, False).reshape(shape)
        filled = layout.put(np.ones(data.n_trials, bool), False).reshape(shape)
        training = only(trials, filled & ~test)
        start = model._start(data, None, None)
        fit, report = model._run(start, data, training, model._prior(data), compiled, free=True)
        held_out = float(log_likelihood(fit.parameters, only(trials, test), model=compiled))
        seen = data.observed & (labels == fold)
        held_out += float(
            np.sum(np.asarray(model.observation_model.base(jax.numpy.asarray(data.y[seen]))))
        )
    n = int(seen.sum())
    return {
        "n_states": model.n_states,
        "fold": fold,
        "n_trials": n,
        "log_likelihood": held_out,
        "bits_per_trial": (held_out - null) / n / np.log(2),
        "train_objective": float(fit.objective),
        "converged": bool(fit.converged),
        "starts_at_best": int((report["objective"] > report["objective"].max() - 0.1).sum()),
    }
