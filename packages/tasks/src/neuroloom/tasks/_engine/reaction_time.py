"""The reaction-time version of a task: the answer counts as soon as the stimulus is on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._design.table import Table
from neuroloom.tasks._design.task import Answer, Names, Period, Task, computed, decide, free
from neuroloom.tasks._engine.plan import BLOCK, TaskPlan, make_plan
from neuroloom.tasks._errors import TaskTypeError, unknown
from neuroloom.tasks._random.backend import Backend
from neuroloom.tasks._random.counter import Rng

_HOOKS = (
    "curve",
    "outcome",
    "grade",
    "answer_timing",
    "observe",
    "correct_action",
    "on_trial_start",
)


class ReactionTimeTask(Task):
    """A task whose stimulus can be answered from its second step on; see `reaction_time`.

    Parameters
    ----------
    inner : Task
        The task of fixed duration.
    end_on_stimulus : bool
        Whether a trial ends with the stimulus.
    """

    inner: Task
    end_on_stimulus: bool = True

    answer = Answer(clock="onset")

    def __post_init__(self) -> None:
        names = list(self.inner.periods)
        for name in ("stimulus", "decision"):
            if name not in names:
                raise unknown("period", name, names)
        if any(self.inner.overrides(hook) for hook in _HOOKS) or self.inner.plan_class:
            raise TaskTypeError(
                f"reaction_time: {type(self.inner).__name__} has rules of its own, not just an "
                "answer in a decision period"
            )
        at = names.index("stimulus")
        parts: dict[str, Period] = {name: self.inner.periods[name] for name in names[:at]}
        parts["onset"] = free(computed)
        parts["stimulus"] = decide(computed)
        if not self.end_on_stimulus:
            parts |= {name: decide(computed) for name in names[at + 1 :]}
        object.__setattr__(self, "periods", parts)
        object.__setattr__(self, "default_rewards", dict(self.inner.reward))
        object.__setattr__(self, "dt", float(self.inner.dt))
        object.__setattr__(self, "abort", self.inner.abort)
        object.__setattr__(self, "no_ground_truth", self.inner.no_ground_truth)
        super().__post_init__()

    def channels(self) -> Names:
        """Return the task's channels."""
        return self.inner.channels()

    def actions(self) -> Any:
        """Return the task's actions."""
        return self.inner.actions()

    def payoff(self, c: Any) -> Any:
        """Return what the task pays for every answer.

        Parameters
        ----------
        c : dict of array, (n, …)
            Conditions of the trials.
        """
        return self.inner.payoff(c)

    def evidence(self, c: Any) -> Any:
        """Return the task's signed stimulus.

        Parameters
        ----------
        c : dict of array, (n, …)
            Conditions of the trials.
        """
        return self.inner.evidence(c)

    def overrides(self, hook: str) -> bool:
        """Return whether the task within writes the method `hook` itself."""
        return self.inner.overrides(hook)


class ReactionTimePlan(TaskPlan):
    """Draws the trials of the task within, and moves their decision to the stimulus."""

    task: ReactionTimeTask

    def __init__(self, task: Task, *, backend: Backend = "numpy") -> None:
        assert isinstance(task, ReactionTimeTask)
        self._inner = make_plan(task.inner)
        at = self._inner.part["stimulus"]
        kept = at + 1 if task.end_on_stimulus else len(self._inner.period_names)
        # The period of the task within that each period shows; the stimulus comes twice.
        self._shown = np.array([*range(at + 1), *range(at, kept)])
        self._at = at
        super().__init__(task, backend=backend)
        self.sessions = self._inner.sessions

    def _durations(self) -> dict[str, Any]:
        return {}

    def _sigmas(self) -> NDArray[np.float32]:
        sigma: NDArray[np.float32] = self._inner.sigma[self._shown]
        return sigma

    def block(
        self,
        rng: Rng,
        memory: dict[str, Any],
        *,
        n: int = BLOCK,
        fixed: dict[str, Any] | None = None,
    ) -> Table:
        """Return `n` trials; see `TaskPlan.block`."""
        table = self._inner.block(rng, memory, n=n, fixed=fixed)
        at, parts = self._at, len(self._inner.period_names)
        counts = table.counts[:, self._shown]
        counts[:, at] = np.minimum(counts[:, at], 1)
        counts[:, at + 1] -= counts[:, at]
        levels = table.painted[:, self._shown]
        before = table.target.reshape(n, parts, *self.target_shape)
        target = before[:, self._shown]
        target[:, at + 1 :] = before[:, self._inner.part["decision"], None]
        return Table(
            plan=self,
            conditions=table.conditions,
            counts=counts,
            levels=np.ascontiguousarray(levels.reshape(-1, self.n_channels)),
            target=target.reshape(-1, *self.target_shape),
        )


ReactionTimeTask.plan_class = ReactionTimePlan


def reaction_time(task: Task, *, end_on_stimulus: bool = True) -> ReactionTimeTask:
    """Return the reaction-time version of a task: answers count from the stimulus' second step on.

    Parameters
    ----------
    task : Task
        With the periods ``stimulus`` and ``decision``.
    end_on_stimulus : bool
        Whether a trial ends with the stimulus; otherwise it goes on to the decision's end.

    Raises
    ------
    TaskError
        If the task lacks one of the periods.
    TaskTypeError
        If the task has rules of its own.

    Examples
    --------
    >>> import neuroloom.tasks as tasks
    >>> task = tasks.reaction_time(tasks.get_task("PerceptualDecisionMaking-v0"))
    >>> list(task.periods)
    ['fixation', 'onset', 'stimulus']
    """
    return ReactionTimeTask(inner=task, end_on_stimulus=end_on_stimulus)
