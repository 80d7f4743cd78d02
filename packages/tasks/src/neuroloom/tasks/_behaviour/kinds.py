"""All kinds of trials of a task, with their probabilities: what an ideal observer reckons with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.tasks._design.levels import Levels, Targets
from neuroloom.tasks._design.task import Task
from neuroloom.tasks._engine.plan import TaskPlan
from neuroloom.tasks._errors import TaskError

_NODES = 64
_MOST = 2**17
# Channels without noise tell trials apart as well as a noise of this size does.
_SMALLEST_SIGMA = 1e-3


@dataclass(frozen=True, eq=False)
class Kinds:
    """Trials that differ in what they show.

    Parameters
    ----------
    weight : array, (n_kinds,)
        Probability of each.
    levels : array, (n_kinds, n_columns)
        What each shows without noise in the columns in which kinds differ.
    period, channel : array of int, (n_columns,)
        Where these columns are.
    precision : array, (n_columns,)
        One over the variance of their noise in a step.
    worth : array, (n_kinds, n_actions)
        Expected reward of every action as the answer; of 0: of none.
    stakes : array, (n, n_actions)
        What answers can be worth in expectation, every row that there is once.
    by_truth : array, (n_truths, n_kinds, n_actions), optional
        Of tasks with a history, worth times probability by the hidden state.
    answer : int
        Number of the period in which to answer.
    waits : int
        Step of that period in which to answer.
    """

    weight: NDArray[np.float64]
    levels: NDArray[np.float64]
    period: NDArray[np.int64]
    channel: NDArray[np.int64]
    precision: NDArray[np.float64]
    worth: NDArray[np.float64]
    stakes: NDArray[np.float64]
    by_truth: tuple[NDArray[np.float64], NDArray[np.float64]] | None
    answer: int
    waits: int


class _Unlisted(Exception):
    """A draw of which not all outcomes can be listed."""


class Listed:
    """Stands for a random generator, and gives all that it could draw, one combination a row.

    What is drawn from finitely many values is exact; a number between 0 and 1 is one of 64, as
    in an integral by the midpoint rule.

    Parameters
    ----------
    axes : list of array, optional
        Weights of the outcomes of every draw, as found by a first pass without.
    """

    def __init__(self, axes: list[NDArray[np.float64]] | None = None) -> None:
        self.axes: list[NDArray[np.float64]] = []
        self._known = axes
        self._shape = tuple(len(axis) for axis in axes) if axes else ()
        self.n = math.prod(self._shape) if axes else 1

    @property
    def weight(self) -> NDArray[np.float64]:
        """Probability of every combination."""
        out = np.ones(1)
        for axis in self._known or ():
            out = (out[:, None] * axis).ravel()
        return out

    def integers(self, low: Any, high: Any = None, size: Any = None, **_: Any) -> NDArray[np.int64]:
        """Return all integers that could be drawn."""
        first, end = (0, low) if high is None else (low, high)
        if np.ndim(first) or np.ndim(end):
            raise _Unlisted("integers between bounds that differ from trial to trial")
        k = int(end) - int(first)
        return int(first) + self._each(np.full(k, 1 / k), size)

    def choice(self, a: Any, size: Any = None, replace: bool = True, p: Any = None) -> NDArray[Any]:
        """Return all values that could be chosen."""
        values = np.arange(a) if np.ndim(a) == 0 else np.asarray(a)
        if not replace:
            raise _Unlisted("a choice without replacement")
        weights = np.full(len(values), 1 / len(values)) if p is None else np.asarray(p, dtype=float)
        return values[self._each(weights, size)]

    def random(self, size: Any = None) -> NDArray[np.float64]:
        """Return numbers between 0 and 1 that stand for all."""
        return (self._each(np.full(_NODES, 1 / _NODES), size) + 0.5) / _NODES

    def uniform(self, low: ArrayLike, high: ArrayLike, size: Any = None) -> NDArray[np.float64]:
        """Return numbers between two that stand for all."""
        return np.asarray(np.add(low, np.subtract(high, low) * self.random(size)))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise _Unlisted(f"numbers drawn by rng.{name}")

    def _each(self, weights: NDArray[np.float64], size: Any) -> NDArray[np.int64]:
        shape = (size,) if np.ndim(size) == 0 else tuple(size)
        if shape != (self.n,):
            raise _Unlisted(f"a draw of shape {shape[1:]} for every trial")
        self.axes.append(weights)
        if self._known is None:
            return np.zeros(1, dtype=np.int64)
        at = len(self.axes) - 1
        if at >= len(self._shape) or len(weights) != self._shape[at]:
            raise _Unlisted("draws that depend on others")
        which = np.arange(self._shape[at]).reshape(
            [-1 if k == at else 1 for k in range(len(self._shape))]
        )
        return np.broadcast_to(which, self._shape).ravel()


def list_kinds(plan: TaskPlan) -> Kinds:
    """Return all kinds of trials of a task.

    Parameters
    ----------
    plan : TaskPlan
        A task with noise and discrete actions, without rules of its own.

    Raises
    ------
    TaskError
        If they cannot be listed, or the answer cannot be timed; the message says why.
    """
    task, name = plan.task, type(plan.task).__name__
    answers = np.flatnonzero(plan.phase == 2)
    if len(answers) != 1:
        raise TaskError(f"{name}: there is no bound where {len(answers)} periods ask for an answer")
    answer = int(answers[0])
    some = plan.block(np.random.default_rng(0), {}, n=64)
    listed, c, levels, target = _painted(plan, some.counts[0])
    other = some.counts[np.abs(some.counts - some.counts[0]).sum(axis=1).argmax()]
    if (other != some.counts[0]).any():
        again = _painted(plan, other)
        if not (np.array_equal(again[2], levels) and np.array_equal(again[3], target)):
            raise TaskError(
                f"{name}: there is no bound here, as what is shown or right depends on how long "
                "periods are"
            )
    worth = _worth(plan, c, target, answer)
    differs = np.ptp(levels, axis=0) > 0
    period, channel = np.nonzero(differs)
    shown = levels[:, period, channel].astype(float)
    sigma = np.maximum(plan.sigma.astype(float), _SMALLEST_SIGMA)[period, channel]
    lengths = some.counts[:, answer]
    waits = 0
    if differs[answer].any():
        # Evidence goes on while the answer may be given: it is given in the last step.
        if lengths.min() != lengths.max():
            raise TaskError(
                f"{name}: there is no bound here, as evidence goes on in an answer period of "
                "unknown length"
            )
        waits = int(lengths[0]) - 1
    kinds, group = np.unique(shown, axis=0, return_inverse=True)
    group = group.ravel()
    weight = np.asarray(np.bincount(group, weights=listed.weight), dtype=float)
    mean = _grouped(group, worth * listed.weight[:, None], len(kinds)) / weight[:, None]
    by_truth = None
    history = task.history()
    if history is not None:
        truth = np.asarray(c[history.condition])
        states = history.values
        parts = [
            listed.weight * (truth == one) / listed.weight[truth == one].sum() for one in states
        ]
        by_truth = (
            np.stack([np.bincount(group, part, len(kinds)).astype(float) for part in parts]),
            np.stack([_grouped(group, worth * part[:, None], len(kinds)) for part in parts]),
        )
    # Of the kinds that show the same only their mean counts, unless a history tells them apart.
    stakes = np.unique(mean if history is None else worth, axis=0)
    return Kinds(
        *(weight, kinds, period, channel, 1 / sigma**2, mean, stakes, by_truth, answer, waits)
    )


def _painted(
    plan: TaskPlan, counts: NDArray[np.int64]
) -> tuple[Listed, dict[str, NDArray[Any]], NDArray[np.float32], NDArray[Any]]:
    """Return all that a task can draw, what it shows and what is right, with such lengths."""
    task, name = plan.task, type(plan.task).__name__
    listed, c = _all(task)
    n = listed.n
    steps = {k: np.full(n, counts[at]) for k, at in plan.part.items()}
    before = {k: v.copy() for k, v in steps.items()}
    task.arrange(c, steps)
    moved = [k for k in plan.period_names if len(np.unique(steps[k] - before[k])) > 1]
    if moved:
        raise TaskError(
            f"{name}: there is no bound here, as the lengths of {moved} tell trials apart"
        )
    levels = np.zeros((n, len(plan.period_names), plan.n_channels), dtype=np.float32)
    target = np.zeros((n, len(plan.period_names)), dtype=plan.target_dtype)
    task.fill_observation(c, Levels(levels, plan), Targets(target, plan))
    return listed, c, levels, target


def _all(task: Task) -> tuple[Listed, dict[str, NDArray[Any]]]:
    """Return all that a task can draw."""
    try:
        counting = Listed()
        task.example(counting, 1)  # type: ignore[arg-type]
        n = math.prod(len(axis) for axis in counting.axes)
        if n > _MOST:
            raise _Unlisted(f"{n} kinds of trials, more than {_MOST}")
        listed = Listed(counting.axes) if counting.axes else counting
        return listed, task.example(listed, listed.n)  # type: ignore[arg-type]
    except _Unlisted as why:
        name = type(task).__name__
        raise TaskError(f"{name}: there is no bound here, because of {why}") from None


def _grouped(group: NDArray[np.int64], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    out = np.zeros((n, values.shape[1]))
    np.add.at(out, group, values)
    return out


def _worth(
    plan: TaskPlan, c: dict[str, NDArray[Any]], target: NDArray[np.int64], answer: int
) -> NDArray[np.float64]:
    """Return the reward of every answer; in column 0 that of none."""
    pays, n = plan.rewards, len(target)
    right = target[:, answer]
    if plan.pays:
        worth = np.array(plan.payoff(c)[0], dtype=float)
    else:
        worth = np.full((n, plan.n_actions), float(pays.get("fail", 0.0)))
        worth[np.arange(n), right] = float(pays.get("correct", 0.0))
    due = (target != 0).any(axis=1)
    worth[:, 0] = np.where(due, pays.get("miss", 0.0), pays.get("withhold", 0.0))
    return worth
