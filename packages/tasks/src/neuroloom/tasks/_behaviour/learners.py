"""Agents that learn from reward, and how fast they do."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared import Seed, Trials, as_seed
from neuroloom.tasks._errors import TaskError, fail, real, whole


class QLearner:
    """An agent that learns what each answer is worth, whatever it sees; a policy for `run_trials`.

    After a trial the value of the answer given moves towards the trial's reward,
    ``Q += learning_rate * (reward - Q)`` (Rescorla & Wagner 1972), and the next answer is drawn
    by a softmax of the values. Values begin at 0 in every session.

    Parameters
    ----------
    n_actions : int
        Number of the task's actions.
    first : int
        The first action that is an answer: 0 where holding still is none of the actions.
    learning_rate : float
        Between 0 and 1.
    inverse_temperature : float
        How strongly values decide.
    seed : int or Seed
        Root of the answers.

    Raises
    ------
    TaskError
        If a number is out of range.

    Examples
    --------
    >>> from neuroloom.tasks import run_trials
    >>> from neuroloom.tasks.behaviour import QLearner
    >>> table = run_trials("Bandit-v0", QLearner(2), 2000, seed=1, p=(0.1, 0.9)).table
    >>> bool((table["choice"] == 1).mean() > 0.8)
    True
    """

    def __init__(
        self,
        n_actions: int,
        *,
        first: int = 0,
        learning_rate: float = 0.1,
        inverse_temperature: float = 5.0,
        seed: int | Seed = 0,
    ) -> None:
        self._n = whole("n_actions", n_actions, minimum=2) - whole("first", first)
        if self._n < 1:
            raise fail("first", f"an action below {n_actions}", first)
        self._first = first
        self._rate = real("learning_rate", learning_rate, minimum=0)
        if self._rate > 1:
            raise fail("learning_rate", "a number from 0 to 1", learning_rate)
        self._beta = real("inverse_temperature", inverse_temperature, minimum=0)
        self._seed = as_seed(seed)
        self.begin_sessions(0)

    def seeded(self, stream: Seed) -> QLearner:
        """Return a learner like this one whose answers come from another stream.

        Parameters
        ----------
        stream : Seed
            Root of its answers.
        """
        other = copy.copy(self)
        other._seed = stream
        other.begin_sessions(0)
        return other

    def begin_sessions(self, n: int) -> None:
        """Forget everything: `n` sessions begin.

        Parameters
        ----------
        n : int
            How many environments are run side by side.
        """
        self._rng = self._seed.child("q-learner").generator()
        self.values = np.zeros((n, self._n))
        self._answer, self._earned = np.full(n, -1), np.zeros(n)

    def __call__(self, observation: NDArray[Any], info: dict[str, Any]) -> NDArray[np.int64]:
        """Return the actions of environments.

        Parameters
        ----------
        observation : array, (n, n_channels)
            What they show; not looked at.
        info : dict
            ``new_trial``, ``asked`` and ``reward``; see `Policy`.
        """
        n = len(observation)
        if len(self.values) != n:
            self.begin_sessions(n)
        self._earned += info["reward"]
        self._learn(np.asarray(info["new_trial"]))
        now = np.asarray(info["asked"]) & (self._answer < 0)
        actions = np.zeros(n, dtype=np.int64)
        if now.any():
            weight = np.exp(self._beta * (self.values - self.values.max(axis=1, keepdims=True)))
            share = np.cumsum(weight, axis=1) / weight.sum(axis=1, keepdims=True)
            drawn = (self._rng.random(n)[:, None] > share[:, :-1]).sum(axis=1)
            self._answer = np.where(now, drawn, self._answer)
            actions[now] = self._first + drawn[now]
        return actions

    def _learn(self, begun: NDArray[np.bool_]) -> None:
        at = np.flatnonzero(begun & (self._answer >= 0))
        chosen = self._answer[at]
        self.values[at, chosen] += self._rate * (self._earned[at] - self.values[at, chosen])
        self._answer[begun], self._earned[begun] = -1, 0.0


@dataclass(frozen=True)
class QLearning:
    """What a Q-learner's choices say of it.

    Parameters
    ----------
    learning_rate : float
        Between 0 and 1.
    inverse_temperature : float
        How strongly values decide.
    log_likelihood : float
        Of the choices.
    converged : bool
        Whether the search for the highest likelihood ended.
    """

    learning_rate: float
    inverse_temperature: float
    log_likelihood: float
    converged: bool


def fit_q_learning(trials: Trials) -> QLearning:
    """Return the Q-learner of highest likelihood.

    Parameters
    ----------
    trials : Trials
        With ``choice`` (0, 1, …), ``reward`` and ``session``, as `run_trials` returns them;
        trials without a choice change nothing.

    Raises
    ------
    TaskError
        If there is no choice.
    DataError
        If a column is missing.
    """
    from scipy.optimize import minimize

    table = trials.require("choice", "reward", "session")
    choice = table["choice"].to_numpy(dtype=float)
    if not np.isfinite(choice).any():
        raise TaskError("trials: expected at least one choice, got none")
    groups = [np.flatnonzero(table["session"].to_numpy() == s) for s in table["session"].unique()]
    longest, k = max(map(len, groups)), int(np.nanmax(choice)) + 1
    made = np.full((longest, len(groups)), -1)
    earned = np.zeros((longest, len(groups)))
    for at, rows in enumerate(groups):
        made[: len(rows), at] = np.where(np.isfinite(choice[rows]), choice[rows], -1)
        earned[: len(rows), at] = table["reward"].to_numpy(dtype=float)[rows]
    each = np.arange(len(groups))

    def loss(p: NDArray[np.float64]) -> float:
        rate, beta = 1 / (1 + np.exp(-p[0])), np.exp(p[1])
        values, total = np.zeros((len(groups), max(k, 2))), 0.0
        for chosen, reward in zip(made, earned, strict=True):
            known = chosen >= 0
            at, one = each[known], chosen[known]
            scaled = beta * values[at]
            top = scaled.max(axis=1)
            total += float((scaled[np.arange(len(at)), one] - top).sum())
            total -= float(np.log(np.exp(scaled - top[:, None]).sum(axis=1)).sum())
            values[at, one] += rate * (reward[known] - values[at, one])
        return -total

    fits = [
        minimize(loss, np.array([start, 1.0]), method="Nelder-Mead", options={"xatol": 1e-4})
        for start in (-2.0, 0.0)
    ]
    best = min(fits, key=lambda fit: float(fit.fun))
    return QLearning(
        learning_rate=float(1 / (1 + np.exp(-best.x[0]))),
        inverse_temperature=float(np.exp(best.x[1])),
        log_likelihood=-float(best.fun),
        converged=bool(best.success),
    )
