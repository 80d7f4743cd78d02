"""Whether to act in fixation: so does an ideal observer where `abort` is a reward."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.tasks._design.task import DECIDE, FIXATE
from neuroloom.tasks._engine.plan import TaskPlan
from neuroloom.tasks._errors import TaskError


def going_on(worth: ArrayLike) -> tuple[float, float]:
    """Return between which expected rewards it is worth to go on to the answer.

    Whatever is believed of the trial, the best answer is worth at least the value of the game in
    which an opponent chooses the kind of trial, and at most the most that an answer can earn.

    Parameters
    ----------
    worth : array, (n_kinds, n_actions)
        Reward of every answer in every kind of trial; in column 0 that of none.
    """
    # Here, as the import of scipy's optimisers takes longer than that of the package.
    from scipy.optimize import linprog

    rows = np.unique(np.asarray(worth, dtype=float), axis=0)
    n, k = rows.shape
    # Shares of the answers, and the value v that they assure: rows @ shares >= v.
    found = linprog(
        np.r_[np.zeros(k), -1.0],
        A_ub=np.column_stack([-rows, np.ones(n)]),
        b_ub=np.zeros(n),
        A_eq=np.r_[np.ones(k), 0.0][None],
        b_eq=[1.0],
        bounds=[(0, None)] * k + [(None, None)],
    )
    # Without a solution, what the best single answer assures; never more than is sure.
    assured = rows.min(axis=0).max() if found.x is None else (rows @ found.x[:-1]).min()
    return float(assured), float(rows.max())


def acting_in_fixation(plan: TaskPlan, ahead: tuple[float, float]) -> NDArray[np.bool_]:
    """Return in which periods it is best to act although they ask for fixation.

    An action in fixation earns ``rewards["abort"]`` in every step in which it does not end the
    trial, and then nothing is lost by it. Where it ends the trial it is worth it if going on is
    worth less.

    Parameters
    ----------
    plan : TaskPlan
        The task.
    ahead : (float, float)
        Between which expected rewards it is worth to go on to the answer.

    Raises
    ------
    TaskError
        If neither is sure.
    """
    name, paid = type(plan.task).__name__, float(plan.rewards.get("abort", 0.0))
    fixating = np.asarray(plan.phase == FIXATE)
    never = np.zeros_like(fixating)
    least, most = ahead if plan.task.abort else (0.0, 0.0)
    # What the solver leaves of an equation is no reason to act.
    if not fixating.any() or paid <= least + 1e-9 * max(1.0, abs(least)):
        return never
    answers = np.flatnonzero(plan.phase == DECIDE)
    if answers.size and fixating[answers[0] :].any():
        raise TaskError(
            f"{name}: there is no bound here, as an action in fixation earns {paid:g} (abort), "
            "also after the answer could be given"
        )
    if paid < most:
        raise TaskError(
            f"{name}: there is no bound here, as it can pay to end a trial in fixation: that "
            f"earns {paid:g} (abort), an answer between {least:.3g} and {most:.3g}; "
            "give `abort` less, or keep trials from ending by it (`abort=False`)"
        )
    return fixating
