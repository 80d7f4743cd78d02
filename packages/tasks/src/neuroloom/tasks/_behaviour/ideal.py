"""The ideal observer: what nobody can do better, and how well that is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared import Seed, Trials
from neuroloom.tasks._behaviour.fixating import acting_in_fixation, going_on
from neuroloom.tasks._behaviour.kinds import Kinds, list_kinds
from neuroloom.tasks._behaviour.run import run_trials
from neuroloom.tasks._design.catalogue import get_task
from neuroloom.tasks._design.task import Task
from neuroloom.tasks._engine.plan import make_plan
from neuroloom.tasks._errors import TaskError, fail

_VALUES_AT_ONCE = 2**23


class IdealObserver:
    """The agent that earns most from what it is shown; a policy for `run_trials`.

    It knows the task: all kinds of trials there are and how likely each is, the noise, the
    periods, the rewards, and how trials depend on those before. It adds up what each channel
    shows in each period, which is all that Gaussian noise leaves to know, computes the posterior
    over the kinds, and takes the action of the highest expected reward, in the last step in which
    it can where evidence still comes, in the first otherwise. Where an action in fixation earns
    something it acts there as well, if no more is lost by it. Where trials depend on those before
    it follows the hidden state by Bayes' rule, told after every trial what would have been right.

    Nothing is sampled. Where a task draws a number from a continuum, it is replaced by 64 values.

    Parameters
    ----------
    task : str or Task
        A task with noise and discrete actions.
    **params
        Parameters of the task, if it is given by id.

    Raises
    ------
    TaskError
        If there is no exact bound for the task; the message says why.

    Examples
    --------
    >>> from neuroloom.tasks import IdealObserver, run_trials
    >>> observer = IdealObserver("PerceptualDecisionMaking-v0")
    >>> observer.n_actions
    3
    """

    def __init__(self, task: str | Task, **params: Any) -> None:
        self.task = get_task(task, **params)
        plan = self._plan = make_plan(self.task)
        name = type(self.task).__name__
        if self.task.plan_class is not None and not hasattr(self.task, "inner"):
            raise TaskError("task: expected one task, got a mixture; ask for each one's observer")
        if not plan.noise_columns.size or not plan.discrete:
            raise fail("task", "a task with noise and discrete actions", name)
        self._sessions = 0
        self._own: Any = self.task.ideal_policy(plan.sigma)
        if self._own is not None:
            ahead = getattr(self._own, "ahead", None)
            never = np.zeros(len(plan.phase), dtype=bool)
            self._acts = never if ahead is None else acting_in_fixation(plan, ahead)
            return
        if self.task.overrides("curve") or not plan.plain or plan.graded:
            raise TaskError(
                f"{name}: there is no bound here, as levels change within a period, or the reward "
                "depends on more than the answer"
            )
        if self.task.plan_class is not None:
            raise TaskError(
                f"{name}: there is no exact bound for a task that is made of another; ask for "
                "that of an id that has its rule of answers itself"
            )
        if plan.sessions and self.task.history() is None:
            raise TaskError(
                f"{name}: there is no bound here, as trials depend on those before in a way that "
                "the task does not state (`history`)"
            )
        self._parts = self.task.search(plan.sigma)
        self._kinds = list_kinds(plan) if self._parts is None else self._parts.kinds(plan)
        self._acts = acting_in_fixation(plan, going_on(self._kinds.stakes))

    @property
    def n_actions(self) -> int:
        """Number of the task's actions."""
        return self._plan.n_actions

    def begin_sessions(self, n: int) -> None:
        """Forget everything: `n` sessions begin.

        Parameters
        ----------
        n : int
            How many environments are run side by side.
        """
        if self._own is not None:
            self._own.begin_sessions(n)
            return
        self._sessions = n
        shape = (n, len(self._plan.period_names), self._plan.n_channels)
        self._sum, self._steps = np.zeros(shape), np.zeros(shape[:2])
        self._within, self._right = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        history = self.task.history()
        self._belief = None if history is None else history.begin(n)
        self._history = history
        self._started = np.zeros(n, dtype=bool)

    def __call__(self, observation: NDArray[np.float32], info: dict[str, Any]) -> NDArray[np.int64]:
        """Return the actions of environments.

        Parameters
        ----------
        observation : array, (n, n_channels)
            What they show.
        info : dict
            ``new_trial``, ``period`` and, of trials that are over, ``gt``; see `Policy`.
        """
        actions = self._answers(observation, info)
        return np.where(self._acts[info["period"]], 1, actions)

    def _answers(self, observation: NDArray[np.float32], info: dict[str, Any]) -> NDArray[np.int64]:
        """Return the answers of those that give one now, and 0 of others."""
        if self._own is not None:
            return np.asarray(self._own(observation, info))
        if self._sessions != len(observation):
            self.begin_sessions(len(observation))
        period, begun = info["period"], np.asarray(info["new_trial"])
        self._learn(begun)
        each = np.arange(len(observation))
        self._sum[begun], self._steps[begun], self._within[begun] = 0, 0, 0
        self._sum[each, period] += observation
        self._steps[each, period] += 1
        asked = period == self._kinds.answer
        self._right = np.where(asked, info["gt"], self._right)
        actions = np.zeros(len(observation), dtype=np.int64)
        now = np.flatnonzero(asked & (self._within == self._kinds.waits))
        self._within += asked
        if now.size:
            actions[now] = self._best(now)
        return actions

    def _learn(self, begun: NDArray[np.bool_]) -> None:
        """Take in what would have been right in the trials that are over."""
        if self._history is not None:
            over = np.flatnonzero(begun & self._started)
            if over.size:
                self._history.learn(self._belief, over, self._right[over])
        self._started |= begun

    def _best(self, envs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the best answer of some environments, those of equal worth the first."""
        if self._parts is not None:
            expected = self._parts.expected(self._sum[envs], self._steps[envs])
            return np.asarray(expected.argmax(axis=1))
        at_once = max(1, _VALUES_AT_ONCE // len(self._kinds.weight))
        pieces = [envs[at : at + at_once] for at in range(0, len(envs), at_once)]
        return np.concatenate([self._expected(piece).argmax(axis=1) for piece in pieces])

    def _expected(self, envs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the expected reward of every action."""
        kinds: Kinds = self._kinds
        weighted = kinds.levels * kinds.precision
        total = self._sum[envs[:, None], kinds.period, kinds.channel]
        steps = self._steps[envs[:, None], kinds.period]
        log_likelihood = total @ weighted.T - steps @ (weighted * kinds.levels).T / 2
        log_likelihood -= log_likelihood.max(axis=1, keepdims=True)
        likelihood = np.exp(log_likelihood)
        if kinds.by_truth is None or self._history is None:
            return np.asarray((likelihood * kinds.weight) @ kinds.worth)
        prior = self._history.prior(self._belief, envs)
        worth = np.einsum("nk,ns,ska->na", likelihood, prior, kinds.by_truth[1], optimize=True)
        return np.asarray(worth)


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
        As `run_trials` returns them; sessions have 500 trials where trials depend on those
        before.

    Raises
    ------
    TaskError
        If there is no exact bound for the task; the message says why.

    Examples
    --------
    >>> from neuroloom.tasks import ideal_trials
    >>> trials = ideal_trials("PerceptualDecisionMaking-v0", 2000, seed=1)
    >>> bool(0.87 < trials.table["correct"].mean() < 0.92)
    True
    """
    made = get_task(task, **params)
    observer = IdealObserver(made)
    sessions = None if make_plan(made).sessions else min(n_trials, 256)
    return run_trials(made, observer, n_trials, sessions=sessions, seed=seed)
