"""The answers of trials that are under way, and the table of those that ended."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared import Trials
from neuroloom.tasks._behaviour.worlds import World, answer_of, answers_last
from neuroloom.tasks._engine.plan import TaskPlan
from neuroloom.tasks._errors import fail

OWN = (
    *("action", "choice", "target", "correct", "reward", "performance", "reaction_time"),
    *("stimulus", "trial", "session"),
)
"""Columns that the table makes itself; no condition may be called so."""
_PROBE = 256


class Answers:
    """The answer of every environment's present trial, as it goes on.

    Parameters
    ----------
    source : World
        The environments.
    """

    def __init__(self, source: World) -> None:
        self._rule, self._plan = answer_of(source)
        n = source.n
        self._dt = source.dt
        self._shape = tuple(source.action_space.shape or ())
        self._clock = -1
        if self._plan is not None and self._rule.clock:
            self._clock = self._plan.part[self._rule.clock]
        self.action = np.zeros((n, *self._shape), dtype=source.action_space.dtype)
        self.target = np.zeros_like(self.action)
        self.answered = np.zeros(n, dtype=bool)
        self._step, self._since = np.zeros(n, dtype=np.int64), np.full(n, -1)
        self._when = np.zeros(n, dtype=np.int64)
        self._withholds = self._holds_back()
        self._last_step = self._plan is not None and answers_last(self._plan)

    def see(self, about: dict[str, NDArray[Any]], actions: NDArray[Any]) -> None:
        """Take in what is done in a step, before it has an effect."""
        asked, right = about["asked"], about["gt"]
        running = asked if self._clock < 0 else about["period"] == self._clock
        np.copyto(self._since, self._step, where=running & (self._since < 0))
        if self._last_step:  # this is the last step, until the trial goes on
            fresh = asked
            np.copyto(self.answered, self._acts(actions), where=asked)
        else:
            fresh = asked & ~self.answered
            fresh &= self._acts(actions)
            self.answered |= fresh
        told = asked & ~self.answered  # what is due is the target, until there is an answer
        told &= self._any(right)
        told |= fresh
        if np.count_nonzero(told):
            self._put(self.target, told, right)
            self._put(self.action, fresh, actions)
            np.copyto(self._when, self._step, where=fresh)
        self._step += 1

    def columns(self, conditions: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return ``action``, ``choice``, ``target``, ``reaction_time``, ``stimulus``."""
        since = np.where(self._since < 0, 0, self._since)
        seconds = (self._when - since) * self._dt / 1000
        out: dict[str, NDArray[Any]] = {
            "action": self.action.copy(),
            "target": self.target.copy(),
            "reaction_time": np.where(self.answered, seconds, np.nan),
        }
        if not self._shape:
            # An action below the first choice, a rule that is named say, chooses nothing.
            chosen = self.answered & (self.action >= self._rule.first)
            choice = np.where(chosen, self.action - float(self._rule.first), np.nan)
            if self._withholds:
                choice = self.answered.astype(float)
            out["choice"] = choice
        evidence = None if self._plan is None else self._plan.task.evidence(conditions)
        if evidence is not None:
            stimulus = np.asarray(evidence, dtype=float)
            if stimulus.shape != self.answered.shape:
                name, expected = "evidence", f"one number a trial, shape {self.answered.shape}"
                raise fail(name, expected, f"shape {stimulus.shape}")
            out["stimulus"] = stimulus
        return out

    def forget(self, ended: NDArray[np.bool_]) -> None:
        """Begin the next trial of some environments."""
        self.action[ended], self.target[ended], self.answered[ended] = 0, 0, False
        self._step[ended], self._since[ended], self._when[ended] = 0, -1, 0

    def _acts(self, actions: NDArray[Any]) -> NDArray[np.bool_] | bool:
        """Return which actions are answers: where a movement ends, 0 is a place as well."""
        every = self._rule.first == 0 or (self._last_step and bool(self._shape))
        return True if every else self._any(actions)

    def _any(self, actions: NDArray[Any]) -> NDArray[np.bool_]:
        if actions.ndim == 1:
            return np.asarray(actions != 0)
        return np.asarray((actions.reshape(len(actions), -1) != 0).any(axis=1))

    def _put(self, into: NDArray[Any], where: NDArray[np.bool_], values: NDArray[Any]) -> None:
        which = where if where.ndim == into.ndim else where.reshape(-1, *(1,) * (into.ndim - 1))
        np.copyto(into, np.asarray(values), where=which, casting="unsafe")

    def _holds_back(self) -> bool:
        """Return whether not to go is an answer: there is one action, not always due."""
        plan = self._plan
        if (
            plan is None
            or plan.n_actions != 2
            or self._rule.first != 1
            or plan.task.no_ground_truth
        ):
            return False
        return bool(not plan.block(np.random.default_rng(0), {}, n=_PROBE).due.all())


def check_names(plan: TaskPlan | None, names: Any) -> None:
    """Refuse conditions that are called as columns of the table.

    Raises
    ------
    TaskError
        If there is one.
    """
    for name in names:
        if name in OWN:
            task = "the environment" if plan is None else type(plan.task).__name__
            raise fail(
                f"conditions of {task}",
                f"other names than the table's own {sorted(OWN)}",
                repr(name),
            )


def table(columns: dict[str, list[NDArray[Any]]]) -> Trials:
    """Return the trials sorted by session and number.

    Parameters
    ----------
    columns : dict of list of array
        Pieces of every column.
    """
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    order = np.lexsort((joined["trial"], joined["session"]))
    flat = {name: _column(values[order]) for name, values in joined.items()}
    return Trials(flat, session="session")


def _column(values: NDArray[Any]) -> Any:
    if values.ndim > 1:
        return list(values)
    if values.dtype == object:
        plain = np.array(values.tolist()) if all(np.ndim(v) == 0 for v in values) else values
        return plain if plain.dtype != object else list(values)
    return values
