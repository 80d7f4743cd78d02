"""What an action earns: the one rule, as a table that every stepper looks up."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._design.task import DECIDE, FIXATE, FREE, PAYS
from neuroloom.tasks._errors import fail

_SHAPE = (3, 2, 2, 2, 2)


@dataclass(frozen=True, eq=False)
class Rule:
    """Reward and consequence of an action in every case; see `case_of`.

    Parameters
    ----------
    reward, performance : array, (n_cases,)
        What is earned, and the performance of a trial that ends so.
    end : array of bool, (n_cases,)
        Whether the trial ends.
    answers : array of bool, (n_cases,)
        Whether the action is an answer. Where answers are priced, their worth is added.
    """

    reward: NDArray[np.float64]
    performance: NDArray[np.float64]
    end: NDArray[np.bool_]
    answers: NDArray[np.bool_]


def case_of(phase: Any, acted: Any, right: Any, last: Any, due: Any) -> Any:
    """Return the number of a case.

    Parameters
    ----------
    phase : int
        Of the period: ``FREE``, ``FIXATE`` or ``DECIDE``.
    acted : bool
        Whether the action is another than 0.
    right : bool
        Whether the action is the target.
    last : bool
        Whether this is the last step of the trial.
    due : bool
        Whether the trial asks for an answer at all.
    """
    return (((phase * 2 + acted) * 2 + right) * 2 + last) * 2 + due


def make_rule(rewards: Mapping[str, float], *, abort_ends: bool, priced: bool) -> Rule:
    """Return the rule of a task.

    Parameters
    ----------
    rewards : mapping
        ``abort``, ``correct``, ``fail``, ``miss`` and ``withhold``; those missing are 0.
    abort_ends : bool
        Whether an action in a `fixate` period ends the trial.
    priced : bool
        Whether the task says itself what an answer is worth.
    """
    pays = {name: float(rewards.get(name, 0.0)) for name in PAYS}
    n = int(np.prod(_SHAPE))
    reward, performance = np.zeros(n), np.zeros(n)
    end, answers = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    for phase, *flags in itertools.product((FREE, FIXATE, DECIDE), *[(False, True)] * 4):
        acted, right, last, due = flags
        at = case_of(phase, acted, right, last, due)
        answered, aborted = acted and phase == DECIDE, acted and phase == FIXATE
        settled = answered or (aborted and abort_ends)
        if aborted:
            reward[at] = pays["abort"]
        if answered and not priced:
            reward[at], performance[at] = pays["correct" if right else "fail"], float(right)
        if last and not settled:
            reward[at] += pays["miss" if due else "withhold"]
            performance[at] = float(not due)
        end[at], answers[at] = settled or last, answered
    return Rule(reward, performance, end, answers)


def settled(given: Any, n: int, task: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return reward, whether trials end, and performance as a task's `outcome` gives them.

    Parameters
    ----------
    given : tuple of array, (n,)
        What it returned.
    n : int
        Of how many environments.
    task : str
        Name of the task.

    Raises
    ------
    TaskError
        If it is something else.
    """
    try:
        reward, ends, performance = map(np.asarray, given)
    except (TypeError, ValueError):
        got = f"{given!r}"
    else:
        if reward.shape == ends.shape == performance.shape == (n,):
            return reward, ends, performance
        got = f"shapes {reward.shape}, {ends.shape} and {performance.shape}"
    raise fail(f"{task}.outcome", f"reward, ends and performance, {n} of each", got)
