"""Observers that do as well as the noise allows: bounds for trained agents, models of subjects."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared import Seed, Trials, as_seed
from neuroloom.tasks._behaviour.run import run_trials
from neuroloom.tasks._design.catalogue import get_task
from neuroloom.tasks._design.task import DECIDE, Task
from neuroloom.tasks._engine.plan import make_plan
from neuroloom.tasks._errors import TaskError, fail, real

# Channels without noise tell trials apart as well as a noise of this size does.
_SMALLEST_SIGMA = 1e-3
_N_TEMPLATES = 1024


class IdealObserver:
    """The agent that earns most from what it is shown; a policy for `run_trials`.

    It knows the task: what every kind of trial would show without noise (templates drawn from
    the task itself), the noise, the periods and the rewards. It adds up what each channel shows
    in each period, which is all that Gaussian noise leaves to know, weighs the templates by their
    likelihood, and at the first step of the last `decide` period takes the action of the highest
    expected reward.

    Parameters
    ----------
    task : str or Task
        A task with noise and discrete actions.
    n_templates : int
        Number of trials to draw templates from; exact where the task has few kinds of trials.
    seed : int or Seed
        Where the templates come from.
    **params
        Parameters of the task, if it is given by id.

    Raises
    ------
    TaskError
        If the task has no noise, no discrete actions, or levels that change within a period.
    """

    def __init__(
        self,
        task: str | Task,
        *,
        n_templates: int = _N_TEMPLATES,
        seed: int | Seed = 0,
        **params: Any,
    ) -> None:
        self.task = get_task(task, **params)
        plan = self._plan = make_plan(self.task)
        if self.task.plan_class is not None:
            raise TaskError("task: expected one task, got a mixture; ask for each one's observer")
        if not plan.noise_columns.size or not plan.discrete:
            raise fail("task", "a task with noise and discrete actions", type(self.task).__name__)
        if self.task.overrides("curve") or plan.custom or plan.graded:
            raise TaskError(
                f"{type(self.task).__name__}: levels change within a period, or the reward depends "
                "on more than the answer; there is no ideal observer for it here"
            )
        rng = as_seed(seed).child("templates").generator()
        parts = len(plan.period_names)
        kinds, count = self._kinds(rng, n_templates)
        if len(kinds) < n_templates // 4:
            # A task of few kinds of trials: so many more that how often each comes is exact too.
            kinds, count = self._kinds(rng, 32 * n_templates)
        split = parts * plan.n_channels
        self._levels = kinds[:, :split].reshape(-1, parts, plan.n_channels)
        self._worths = kinds[:, split:]
        self._prior = np.log(count / count.sum())
        self._precision = 1 / np.maximum(plan.sigma.astype(float), _SMALLEST_SIGMA) ** 2
        self._answers = int(np.flatnonzero(plan.phase == DECIDE)[-1])
        self._sum = np.zeros((0, parts, plan.n_channels))
        self._steps = np.zeros((0, parts))

    def __call__(self, observation: NDArray[np.float32], info: dict[str, Any]) -> NDArray[np.int64]:
        """Return the actions of environments that show `observation`."""
        n = len(observation)
        if len(self._sum) != n:
            self._sum = np.zeros((n, *self._levels.shape[1:]))
            self._steps = np.zeros((n, self._levels.shape[1]))
        self._sum[info["new_trial"]] = 0
        self._steps[info["new_trial"]] = 0
        each, period = np.arange(n), info["period"]
        self._sum[each, period] += observation
        self._steps[each, period] += 1
        actions = np.zeros(n, dtype=np.int64)
        now = np.flatnonzero(period == self._answers)
        if now.size:
            actions[now] = self._expected(now).argmax(axis=1)
        return actions

    @property
    def n_actions(self) -> int:
        """Number of the task's actions."""
        return self._plan.n_actions

    def _expected(self, envs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the expected reward of every action."""
        weighted = self._levels * self._precision
        fit = np.einsum("npd,tpd->nt", self._sum[envs], weighted)
        size = np.einsum("np,tp->nt", self._steps[envs], (weighted * self._levels).sum(axis=2))
        log_posterior = self._prior + fit - size / 2
        log_posterior -= log_posterior.max(axis=1, keepdims=True)
        posterior = np.exp(log_posterior)
        posterior /= posterior.sum(axis=1, keepdims=True)
        return np.asarray(posterior @ self._worths)

    def _kinds(
        self, rng: np.random.Generator, n: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the different trials of `n` (levels and worths, flat), and how often each came."""
        table = self._plan.block(rng, {}, n=n)
        parts = len(self._plan.period_names)
        worth = self._worth(table, table.target.reshape(n, parts))
        levels = table.painted.reshape(n, -1).astype(float)
        kinds, count = np.unique(
            np.concatenate([levels, worth], axis=1), axis=0, return_counts=True
        )
        return kinds, count

    def _worth(self, table: Any, target: NDArray[np.int64]) -> NDArray[np.float64]:
        plan, pays = self._plan, self._plan.rewards
        if plan.pays:
            return np.asarray(table.payoff[0], dtype=float)
        right = target[:, np.flatnonzero(plan.phase == DECIDE)[-1]]
        worth = np.full((len(right), plan.n_actions), float(pays.get("fail", 0.0)))
        worth[np.arange(len(right)), right] = float(pays.get("correct", 0.0))
        late = np.where(table.due, pays.get("miss", 0.0), max(pays.get("withhold", 0.0), 1e-9))
        worth[:, 0] = late
        return worth


class BoundedObserver:
    """An agent that adds up the difference of two channels until it reaches a bound.

    The drift-diffusion model on the task's own noise, a policy for `run_trials`: on the
    reaction-time task it trades speed for accuracy as subjects do (Palmer, Huk & Shadlen 2005,
    J. Vision 5:376).

    Parameters
    ----------
    bound : float
        Height of the bound, in units of the summed difference times seconds.
    channels : tuple of int
        The channels of action 1 and of action 2.
    dt : float
        Step of the task in ms.
    periods : tuple of int
        Numbers of the periods in which evidence is added up and an answer may be given.

    Raises
    ------
    TaskError
        If the bound is not above 0.
    """

    def __init__(
        self,
        bound: float,
        *,
        dt: float,
        periods: tuple[int, ...],
        channels: tuple[int, int] = (1, 2),
    ) -> None:
        self.bound = real("bound", bound, minimum=0, above=True)
        self._dt, self._periods, self._channels = dt / 1000, np.asarray(periods), channels
        self._evidence = np.zeros(0)

    def __call__(self, observation: NDArray[np.float32], info: dict[str, Any]) -> NDArray[np.int64]:
        """Return the actions of environments that show `observation`."""
        if len(self._evidence) != len(observation):
            self._evidence = np.zeros(len(observation))
        self._evidence[info["new_trial"]] = 0
        first, second = (observation[:, at].astype(float) for at in self._channels)
        listening = np.isin(info["period"], self._periods)
        self._evidence += np.where(listening, (first - second) * self._dt, 0)
        there = listening & (np.abs(self._evidence) >= self.bound)
        return np.where(there, np.where(self._evidence > 0, 1, 2), 0)


def ideal_trials(
    task: str | Task, n_trials: int = 10_000, *, seed: int | Seed = 0, **params: Any
) -> Trials:
    """Return the trials of the ideal observer: the bound for every other agent.

    Parameters
    ----------
    task : str or Task
        A task with noise and discrete actions.
    n_trials : int
        Number of rows.
    seed : int or Seed
        Root of the streams.
    **params
        Parameters of the task, if it is given by id.

    Returns
    -------
    Trials
        As `run_trials` returns them.

    Raises
    ------
    TaskError
        If there is no ideal observer for the task.

    Examples
    --------
    >>> from neuroloom.tasks import ideal_trials
    >>> trials = ideal_trials("PerceptualDecisionMaking-v0", 2000, seed=1)
    >>> bool(0.87 < trials.table["correct"].mean() < 0.92)
    True
    """
    made = get_task(task, **params)
    observer = IdealObserver(made, seed=as_seed(seed).child("observer"))
    return run_trials(made, observer, n_trials, sessions=min(n_trials, 256), seed=seed)
