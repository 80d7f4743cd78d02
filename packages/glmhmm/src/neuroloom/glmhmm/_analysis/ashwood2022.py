"""One model of all subjects, then one of each: the two stages of Ashwood et al. 2022.

Their Methods fit all animals together (weights almost free, flat Dirichlet), and start every
animal's own MAP fit from there, with weights of standard deviation σ, bias included, and Dirichlet
α on the transitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from neuroloom import shared
from neuroloom.glmhmm._analysis.cross_validation import (
    CrossValidation,
    cross_validate,
    numbers_of_states,
)
from neuroloom.glmhmm._analysis.subjects import SIGMA, SubjectFits, fit_subjects
from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._estimator.estimator import GLMHMM
from neuroloom.glmhmm._estimator.reading import subjects_of
from neuroloom.glmhmm._input.arrays import numbers
from neuroloom.glmhmm._input.sessions import keep_subjects_apart
from neuroloom.glmhmm._model.regularizers import as_regularizer
from neuroloom.glmhmm._model.settings import flag

if TYPE_CHECKING:
    import pandas as pd

GLOBAL_SIGMA = 100.0  # almost free


@dataclass(frozen=True)
class Protocol:
    """Both stages for several numbers of states.

    Parameters
    ----------
    global_cv : CrossValidation
        Of the models of all subjects.
    subjects : dict
        `SubjectFits` by number of states.
    """

    global_cv: CrossValidation
    subjects: dict[int, SubjectFits]

    def scores(self) -> pd.DataFrame:
        """Return held-out bits per trial, one row per subject, one column per number of states."""
        import pandas as pd

        columns = {k: fits.table["bits_per_trial"] for k, fits in self.subjects.items()}
        return pd.DataFrame(columns)

    def to_frame(self) -> pd.DataFrame:
        """Return the subjects' scores, as `scores` does."""
        return self.scores()


def fit_global(
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    n_states: int,
    sigma: float = GLOBAL_SIGMA,
    n_init: int | Literal["auto"] = "auto",
    missing: Literal["raise", "mask"] = "mask",
    tol: float = 1e-4,
    seed: int | shared.Seed = 0,
    transition_inputs: Any = None,
    **options: Any,
) -> Any:
    """Return one model of all subjects' trials, fitted from many starts.

    Parameters
    ----------
    X, y, session_starts, transition_inputs
        As in `GLMHMM.fit`, all subjects one after the other.
    n_states : int
        Number of states.
    sigma : float
        Standard deviation of the prior of weights and bias; the ridge has strength 1/σ². Left at
        its default beside a `regularizer_strength` of your own, or no penalty.
    n_init : int or "auto"
        Number of starts, 20 in the paper. On ten mice of the IBL two states from 20 starts end 95
        nats below those of "auto", which tries more, shortly, and finishes the best.
    missing : {"raise", "mask"}
        What NaN means.
    tol : float
        As in `GLMHMM`.
    seed : int or Seed
        For the starts.
    **options
        Further parameters of `GLMHMM`.
    """
    settings = _settings(sigma, missing, tol, options)
    model = GLMHMM(
        n_states,
        n_init=n_init,
        seed=shared.as_seed(seed).child(f"states {n_states}"),
        **settings,
    )
    return model.fit(X, y, session_starts=session_starts, transition_inputs=transition_inputs)


def _settings(sigma: float, missing: str, tol: float, options: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a global fit; a penalty of the caller's own has its own bias."""
    if np.ndim(sigma) or not numbers("sigma", sigma) > 0:
        raise fail("sigma", "a standard deviation above 0", sigma)
    prior: dict[str, Any] = {"regularizer_strength": 1 / sigma**2, "penalize_intercept": True}
    if "regularizer" in options:
        prior["penalize_intercept"] = False
    own = "regularizer_strength" in options
    if not as_regularizer(options.get("regularizer", "Ridge")).penalizes:
        own = True
        del prior["regularizer_strength"]
    if own and sigma != GLOBAL_SIGMA:
        expected = f"{GLOBAL_SIGMA:g}, the default, beside a penalty of your own strength or none"
        raise fail("sigma", expected, sigma)
    return {**prior, "missing": missing, "tol": tol, **options}


def fit_protocol(
    X: Any = None,
    y: Any = None,
    subjects: ArrayLike | None = None,
    session_starts: Any = None,
    *,
    n_states: Sequence[int] | NDArray[np.integer[Any]] = (1, 2, 3, 4, 5),
    n_init: int | Literal["auto"] = "auto",
    sigma: float | Sequence[float] | NDArray[np.floating[Any]] = SIGMA,
    alpha: float | Sequence[float] | NDArray[np.floating[Any]] = 2.0,
    folds: int | ArrayLike = 5,
    too_few: Literal["fit", "leave_out", "raise"] = "fit",
    transition_inputs: Any = None,
    progress: bool = True,
    seed: int | shared.Seed = 0,
    n_workers: int | None = None,
    resume: str | Path | None = None,
    **options: Any,
) -> Protocol:
    """Return global fits, their cross-validation, and every subject's fits, for several K.

    Parameters
    ----------
    X, y, subjects, session_starts, transition_inputs
        As in `fit_subjects`.
    n_states : sequence of int
        Numbers of states to compare; 1 is the GLM.
    n_init : int or "auto"
        Number of starts of each global fit, as in `fit_global`.
    sigma, alpha
        As in `fit_subjects`.
    folds : int or array_like
        Number of folds, or the fold of each trial.
    too_few : {"fit", "leave_out", "raise"}
        As in `fit_subjects`.
    progress : bool
        Show bars.
    seed : int or Seed
        For starts and folds.
    n_workers : int, optional
        As in `neuroloom.shared.map`; results do not depend on it.
    resume : str or Path, optional
        Folder that keeps finished fits.
    **options
        Further parameters of `GLMHMM`.
    """
    flag("progress", progress)
    n_states = numbers_of_states(n_states)
    settings = _settings(GLOBAL_SIGMA, "mask", 1e-4, options)
    subjects = subjects_of(X, subjects)
    session_starts = keep_subjects_apart(session_starts, subjects)
    together = cross_validate(
        X,
        y,
        session_starts,
        transition_inputs=transition_inputs,
        n_states=n_states,
        model=GLMHMM(2, n_init=n_init, **settings),
        folds=folds,
        progress=progress,
        seed=seed,
        n_workers=n_workers,
        resume=None if resume is None else Path(resume) / "global",
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
            too_few=too_few,
            transition_inputs=transition_inputs,
            seed=seed,
            n_workers=n_workers,
            resume=None if resume is None else Path(resume) / f"subjects-{k}",
        )
    return Protocol(together, each)
