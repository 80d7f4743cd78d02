"""Drift and diffusion to a bound: a subject's speed and accuracy in three numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared import Trials
from neuroloom.tasks._behaviour.bounded import BoundedObserver
from neuroloom.tasks._behaviour.curves import chronometric, psychometric
from neuroloom.tasks._errors import fail

# Mean overshoot of a bound by a random walk, in s.d. of a step (Siegmund 1985, eq. 10.39).
_OVERSHOOT = 0.5826


@dataclass(frozen=True)
class Diffusion:
    """The proportional-rate diffusion model (Palmer, Huk & Shadlen 2005, eqs. 1 and 2).

    Parameters
    ----------
    sensitivity : float
        Drift in s.d. of a second's noise, for a coherence of 1.
    bound : float
        Height of the bound in the same units.
    non_decision : float
        Time in s that is added to every decision.
    """

    sensitivity: float
    bound: float
    non_decision: float

    def accuracy(self, coh: ArrayLike) -> NDArray[np.float64]:
        """Return the share of correct answers at coherences in percent.

        Parameters
        ----------
        coh : array_like
            Coherences in percent.
        """
        drift = self.sensitivity * np.abs(np.asarray(coh, dtype=float)) / 100
        return np.asarray(1 / (1 + np.exp(-2 * self.bound * drift)))

    def mean_time(self, coh: ArrayLike) -> NDArray[np.float64]:
        """Return the mean reaction time in s at coherences in percent.

        Parameters
        ----------
        coh : array_like
            Coherences in percent.
        """
        drift = self.sensitivity * np.abs(np.asarray(coh, dtype=float)) / 100
        x = self.bound * drift
        ratio = np.where(x > 1e-6, np.tanh(x) / np.maximum(x, 1e-12), 1.0)
        return np.asarray(self.bound**2 * ratio + self.non_decision)

    @property
    def sigma(self) -> float:
        """The `sigma` of the random-dot task whose evidence has this sensitivity.

        The difference of the task's two channels drifts by coherence and has a variance of
        ``2 sigma**2 / 1000`` in a second.
        """
        return float(1 / (self.sensitivity * np.sqrt(2e-3)))

    def observer(self, dt: float, *, periods: tuple[int, ...]) -> BoundedObserver:
        """Return the agent that does so on the random-dot task with steps of `dt` ms.

        The bound is lowered by the mean overshoot of a walk in steps.

        Parameters
        ----------
        dt : float
            Step of the task in ms.
        periods : tuple of int
            Numbers of the periods in which evidence is added up.
        """
        step = np.sqrt(dt / 1000)
        bound = max(self.bound - _OVERSHOOT * step, 0.1 * step) / self.sensitivity
        return BoundedObserver(bound, dt=dt, periods=periods)


def fit_diffusion(trials: Trials | Mapping[str, Any], *, stimulus: str = "coh") -> Diffusion:
    """Return the diffusion model of highest likelihood.

    The likelihood is binomial in the answers and normal in the mean reaction times of correct
    answers, coherence by coherence (Palmer, Huk & Shadlen 2005, Appendix).

    Parameters
    ----------
    trials : Trials or table
        With `stimulus` (coherence in percent), ``correct`` and ``reaction_time`` in s.

    Raises
    ------
    TaskError
        If there are fewer than three coherences to fit three numbers on.

    Examples
    --------
    >>> import numpy as np
    >>> from neuroloom.tasks import Diffusion, fit_diffusion
    >>> truth = Diffusion(sensitivity=10, bound=0.8, non_decision=0.35)
    >>> coh = np.repeat([0, 6.4, 12.8, 25.6, 51.2], 2000)
    >>> rng = np.random.default_rng(1)
    >>> trials = {
    ...     "coh": coh,
    ...     "correct": rng.random(coh.size) < truth.accuracy(coh),
    ...     "reaction_time": truth.mean_time(coh) + 0.1 * rng.standard_normal(coh.size),
    ... }
    >>> round(fit_diffusion(trials).sensitivity)
    10
    """
    # Here, as the import of scipy's optimisers takes longer than that of the package.
    from scipy.optimize import minimize
    from scipy.special import log_expit

    answers = psychometric(trials, stimulus=stimulus)
    times = chronometric(trials, stimulus=stimulus)
    if len(answers.stimulus) < 3:
        raise fail("trials", "at least three coherences", answers.stimulus)
    n_correct = answers.mean * answers.n
    error = np.maximum((times.high - times.low) / 2, 1e-3)

    def loss(p: NDArray[np.float64]) -> float:
        model = Diffusion(*np.exp(p))
        x = 2 * model.bound * model.sensitivity * np.abs(answers.stimulus) / 100
        fit = n_correct * log_expit(x) + (answers.n - n_correct) * log_expit(-x)
        late = ((times.mean - model.mean_time(times.stimulus)) / error) ** 2
        return float(-fit.sum() + 0.5 * late.sum())

    start = np.log([10.0, 0.8, max(0.6 * times.mean.min(), 0.05)])
    best = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-6})
    return Diffusion(*(float(value) for value in np.exp(best.x)))
