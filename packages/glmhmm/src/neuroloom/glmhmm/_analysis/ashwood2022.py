"""One model of all subjects, then one of each: the two stages of Ashwood et al. 2022.

Their Methods fit all animals together (weights almost free, flat Dirichlet), and start every
animal's own MAP fit from there, with weights of standard deviation σ and Dirichlet α on the
transitions.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import clone
from tqdm.auto import tqdm

from neuroloom import shared
from neuroloom.glmhmm._analysis.cross_validation import (
    CrossValidation,
    cross_validate,
    null_log_likelihood,
    session_folds,
)
from neuroloom.glmhmm._em.batch import fit_all, log_likelihoods, only, stack
from neuroloom.glmhmm._em.multi_start import trace_length
from neuroloom.glmhmm._em.packing import lay_out, pack
from neuroloom.glmhmm._em.shapes import as_arrays, double_precision
from neuroloom.glmhmm._errors import fail


@dataclass(frozen=True)
class SubjectFits:
    """A model per subject, and a table of their held-out scores.

    ``table`` has one row per subject: the σ and α chosen, bits per trial held out, and the
    penalised log-likelihood. ``grid`` has the score of every σ and α.
    """

    models: dict[Any, Any]
    table: pd.DataFrame
    grid: pd.DataFrame


@dataclass(frozen=True)
class Protocol:
    """Both stages for several numbers of states."""

    global_cv: CrossValidation
    subjects: dict[int, SubjectFits]

    def scores(self) -> pd.DataFrame:
        """Return held-out bits per trial, one row per subject, one column per number of states."""
        columns = {k: fits.table["bits_per_trial"] for k, fits in self.subjects.items()}
        return pd.DataFrame(columns)


def fit_global(
    X: Any,
    y: Any,
    session_starts: Any = None,
    *,
    n_states: int,
    sigma: float = 100.0,
    n_init: int | Literal["auto"] = 20,
    missing: Literal["raise", "mask"] = "mask",
    tol: float = 1e-4,
    seed: int | shared.Seed = 0,
    **options: Any,
) -> Any:
    """Return one model of all subjects' trials, fitted from many starts.

    Parameters
    ----------
    X, y, session_starts
        As in `GLMHMM.fit`, all subjects one after the other.
    n_states : int
        Number of states.
    sigma : float
        Standard deviation of the weights' prior; the ridge has strength 1/σ².
    n_init : int or "auto"
        Number of starts.
    missing : {"raise", "mask"}
        What NaN means.
    tol : float
        As in `GLMHMM`.
    seed : int or Seed
        For the starts.
    **options
        Further parameters of `GLMHMM`.
    """
    from neuroloom.glmhmm._estimator.estimator import GLMHMM

    model = GLMHMM(
        n_states,
        regularizer_strength=1 / sigma**2,
        n_init=n_init,
        missing=missing,
        tol=tol,
        seed=shared.as_seed(seed).child(f"states {n_states}"),
        **options,
    )
    return model.fit(X, y, session_starts=session_starts)


def fit_subjects(
    X: Any,
    y: Any,
    subjects: ArrayLike,
    session_starts: Any = None,
    *,
    global_model: Any,
    sigma: float | Sequence[float] = 2.0,
    alpha: float | Sequence[float] = 2.0,
    folds: int | ArrayLike = 5,
    seed: int | shared.Seed = 0,
) -> SubjectFits:
    """Return a MAP fit per subject, started at the global model, with cross-validated scores.

    All subjects, folds, σ and α run side by side in one compiled program.

    Parameters
    ----------
    X, y, session_starts
        As in `GLMHMM.fit`, all subjects one after the other; sessions do not span subjects.
    subjects : array_like, shape (n_trials,)
        Whose trial it is.
    global_model : GLMHMM
        From `fit_global`.
    sigma : float or sequence of float
        Standard deviation of the weights' prior; of several, the one that scores best held out is
        taken for each subject.
    alpha : float or sequence of float
        Dirichlet α of the transitions, likewise.
    folds : int or array_like
        Number of folds of each subject's sessions, or the fold of each trial.
    seed : int or Seed
        Deals the sessions out.

    Raises
    ------
    InputError
        If `subjects` has another length, or a session spans two subjects.
    """
    who = np.asarray(subjects)
    template = clone(global_model)
    data = template._read(X, y, session_starts)
    if who.shape != data.kept.shape:
        raise fail("subjects", f"shape ({len(data.kept)},)", f"shape {who.shape}")
    who = who[data.kept]
    if (who[1:] != who[:-1])[~data.starts[1:]].any():
        raise fail("subjects", "sessions that belong to one subject each", "a session with two")
    template._check_data(data)
    names = list(dict.fromkeys(who.tolist()))
    stream = shared.as_seed(seed)
    grid = list(itertools.product(np.atleast_1d(sigma).tolist(), np.atleast_1d(alpha).tolist()))
    k = template.n_states
    with double_precision():
        layouts = {}
        for name in names:
            layouts[name] = lay_out(data.starts[who == name])
        n_steps = max(layout.n_steps for layout in layouts.values())
        # One shape for all subjects, so that one program serves them.
        split = any(layout.split for layout in layouts.values())
        if not split:
            n_columns = 0
            for name in names:
                layouts[name] = lay_out(data.starts[who == name], n_steps=n_steps)
                n_columns = max(n_columns, layouts[name].n_columns)
        else:
            n_columns = max(layout.n_columns for layout in layouts.values())
        model = template._model(split, False)
        start = template._to_core(global_model._params, data)
        jobs: list[tuple[Any, int, int, Any, Any]] = []
        tests: dict[tuple[Any, int], Any] = {}
        info: dict[Any, dict[str, Any]] = {}
        for name in names:
            rows = who == name
            layout = layouts[name].widened(n_steps, n_columns)
            starts = data.starts[rows]
            trials = pack(layout, data.x[rows], data.y[rows], starts, data.observed[rows])
            shape = (n_steps, n_columns)
            filled = layout.put(np.ones(int(rows.sum()), bool), False).reshape(shape)
            chosen = folds if np.ndim(folds) == 0 else np.asarray(folds)[data.kept][rows]
            labels = session_folds(starts, chosen, stream.child(str(name)))
            n_folds = int(labels.max()) + 1
            info[name] = {"rows": rows, "labels": labels, "n_folds": n_folds}
            arrays = as_arrays(trials)
            for g in range(len(grid)):
                jobs.append((name, g, -1, arrays, None))
                for f in range(n_folds):
                    test = layout.put(labels == f, False).reshape(shape)
                    jobs.append((name, g, f, only(arrays, filled & ~test), None))
                    tests[name, f] = only(arrays, test)
        priors = [_prior(template, data, s, a, k) for s, a in grid]
        fits = fit_all(
            [start] * len(jobs),
            [job[3] for job in jobs],
            [priors[job[1]] for job in jobs],
            template.tol,
            template.maxiter,
            model,
            trace_length(template.maxiter),
        )
        held_out: dict[tuple[Any, int, int], float] = {}
        pairs = [(job, fit) for job, fit in zip(jobs, fits, strict=True) if job[2] >= 0]
        values = np.asarray(
            log_likelihoods(
                stack([fit.parameters for _, fit in pairs]),
                stack([tests[job[0], job[2]] for job, _ in pairs]),
                model=model,
            )
        )
        for (job, _), value in zip(pairs, values, strict=True):
            held_out[job[:3]] = float(value)
        whole = {job[:2]: fit for job, fit in zip(jobs, fits, strict=True) if job[2] < 0}
        models, table, scores = {}, [], []
        for name in names:
            bits = []
            for g, (s, a) in enumerate(grid):
                score = _bits(template, data, info[name], held_out, name, g)
                bits.append(score)
                scores.append({"subject": name, "sigma": s, "alpha": a, "bits_per_trial": score})
            best = int(np.argmax(bits))
            fit = whole[name, best]
            models[name] = _subject_model(template, data, fit, grid[best], k)
            rows = info[name]["rows"]
            seen = rows & data.observed
            table.append(
                {
                    "subject": name,
                    "sigma": grid[best][0],
                    "alpha": grid[best][1],
                    "bits_per_trial": bits[best],
                    "n_trials": int(seen.sum()),
                    "objective": float(fit.objective),
                    "log_likelihood": float(fit.log_likelihood),
                    "converged": bool(fit.converged),
                }
            )
    return SubjectFits(models, pd.DataFrame(table).set_index("subject"), pd.DataFrame(scores))


def _prior(template: Any, data: Any, sigma: float, alpha: float, k: int) -> Any:
    one = clone(template).set_params(
        regularizer_strength=1 / sigma**2, dirichlet_transition_proba=np.full((k, k), float(alpha))
    )
    return one._prior(data)


def _subject_model(template: Any, data: Any, fit: Any, chosen: tuple[float, float], k: int) -> Any:
    sigma, alpha = chosen
    model = clone(template).set_params(
        n_init=1,
        regularizer_strength=1 / sigma**2,
        dirichlet_transition_proba=np.full((k, k), float(alpha)),
    )
    model.n_features_in_ = data.x.shape[1]
    model._set_fitted(fit.parameters, data)
    return model


def _bits(
    template: Any, data: Any, info: dict[str, Any], held_out: dict[Any, float], name: Any, g: int
) -> float:
    """Return the mean over folds of the held-out bits per trial."""
    y, seen = data.y[info["rows"]], data.observed[info["rows"]]
    scores = []
    for f in range(info["n_folds"]):
        test, train = seen & (info["labels"] == f), seen & (info["labels"] != f)
        null = null_log_likelihood(template, y, train, test)
        base = float(
            np.sum(np.asarray(template.observation_model.base(jax.numpy.asarray(y[test]))))
        )
        scores.append((held_out[name, g, f] + base - null) / test.sum() / np.log(2))
    return float(np.mean(scores))


def fit_protocol(
    X: Any,
    y: Any,
    subjects: ArrayLike,
    session_starts: Any = None,
    *,
    n_states: Sequence[int] = (1, 2, 3, 4, 5),
    n_init: int | Literal["auto"] = 20,
    sigma: float | Sequence[float] = 2.0,
    alpha: float | Sequence[float] = 2.0,
    folds: int | ArrayLike = 5,
    progress: bool = True,
    seed: int | shared.Seed = 0,
    **options: Any,
) -> Protocol:
    """Return global fits, their cross-validation, and every subject's fits, for several K.

    Parameters
    ----------
    X, y, subjects, session_starts
        As in `fit_subjects`.
    n_states : sequence of int
        Numbers of states to compare; 1 is the GLM.
    n_init : int or "auto"
        Number of starts of each global fit.
    sigma, alpha
        As in `fit_subjects`.
    folds : int or array_like
        Number of folds, or the fold of each trial.
    progress : bool
        Show bars.
    seed : int or Seed
        For starts and folds.
    **options
        Further parameters of `GLMHMM`.
    """
    from neuroloom.glmhmm._estimator.estimator import GLMHMM

    settings = {"regularizer_strength": 1e-4, "missing": "mask", "tol": 1e-4, **options}
    template = GLMHMM(2, n_init=n_init, **settings)
    together = cross_validate(
        X,
        y,
        session_starts,
        n_states=n_states,
        model=template,
        folds=folds,
        progress=progress,
        seed=seed,
    )
    each = {}
    for k in tqdm(n_states, disable=not progress, desc="subjects"):
        each[k] = fit_subjects(
            X,
            y,
            subjects,
            session_starts,
            global_model=together.models[k],
            sigma=sigma,
            alpha=alpha,
            folds=folds,
            seed=seed,
        )
    return Protocol(together, each)
