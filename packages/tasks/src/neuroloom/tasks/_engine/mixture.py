"""Several tasks in one: every trial is of a task drawn anew, at the speed of one task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._design.catalogue import entries, get_collection, get_task
from neuroloom.tasks._design.table import Table
from neuroloom.tasks._design.task import Names, Period, Task
from neuroloom.tasks._engine.conditions import own_number
from neuroloom.tasks._engine.plan import BLOCK, TaskPlan, make_plan
from neuroloom.tasks._errors import TaskError, TaskTypeError, fail
from neuroloom.tasks._random.backend import Backend
from neuroloom.tasks._random.counter import Draws, Rng

_HOOKS = (
    "curve",
    "outcome",
    "payoff",
    "grade",
    "answer_timing",
    "observe",
    "correct_action",
    "on_trial_start",
)


class Mixture(Task):
    """Trials of several tasks, each drawn with a probability of its own; see `mix`.

    Parameters
    ----------
    tasks : tuple of Task
        With the same step, number of channels, actions and rewards.
    labels : tuple of str
        A name for each.
    p : tuple of float
        Their probabilities.
    rule_input : bool
        Whether observations end with one channel a task, 1 for the task that is on.
    """

    tasks: tuple[Task, ...] = ()
    labels: tuple[str, ...] = ()
    p: tuple[float, ...] = ()
    rule_input: bool = True

    def __post_init__(self) -> None:
        parts: dict[str, Period] = {}
        for label, task in zip(self.labels, self.tasks, strict=True):
            parts |= {f"{label}/{name}": period for name, period in task.periods.items()}
        # One task's periods are its class's; here they depend on the tasks.
        object.__setattr__(self, "periods", parts)
        object.__setattr__(self, "default_rewards", _rewards(self))
        object.__setattr__(self, "dt", float(self.tasks[0].dt))
        super().__post_init__()

    def channels(self) -> Names:
        """Return the first task's channels, and the rule's."""
        own = self.tasks[0].channels()
        return {**own, "rule": len(self.tasks)} if self.rule_input else own

    def actions(self) -> Any:
        """Return the first task's actions."""
        return self.tasks[0].actions()


class MixedPlan(TaskPlan):
    """The plan of a mixture: blocks are put together from blocks of its tasks."""

    task: Mixture

    def __init__(self, task: Task, *, backend: Backend = "numpy") -> None:
        assert isinstance(task, Mixture)
        self._plans = [TaskPlan(one) for one in task.tasks]
        sizes = [len(plan.period_names) for plan in self._plans]
        self._sizes = np.array(sizes)
        self._most = max(sizes)
        first = np.cumsum([0, *sizes[:-1]])
        self._numbers = np.stack(
            [
                at + np.minimum(np.arange(self._most), size - 1)
                for at, size in zip(first, sizes, strict=True)
            ]
        ).astype(np.int16)
        super().__init__(task, backend=backend)
        self.at_once *= len(self._plans) // 5 + 1
        self.sessions = any(plan.sessions for plan in self._plans)
        self._known = _known(self._plans)

    def _durations(self) -> dict[str, Any]:
        return {}

    def _sigmas(self) -> NDArray[np.float32]:
        sigma = np.zeros((len(self.period_names), self.n_channels), dtype=np.float32)
        at = 0
        for plan in self._plans:
            sigma[at : at + len(plan.sigma), : plan.n_channels] = plan.sigma
            at += len(plan.sigma)
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
        fixed = dict(fixed or {})
        which = rng.choice(len(self._plans), size=n, p=self.task.p)
        if "task" in fixed:
            which[:] = own_number("task", fixed.pop("task"), len(self._plans))
        sizes = np.bincount(which, minlength=len(self._plans))
        rows = np.split(np.argsort(which, kind="stable"), np.cumsum(sizes)[:-1])
        counts = np.zeros((n, self._most), dtype=np.int64)
        target = np.zeros((n, self._most), dtype=self.target_dtype)
        # Levels lie task by task, so that each is painted in one go; `base` says where. A trial
        # of few periods has few rows; those after the last are for whoever reads as many for all.
        n_rows = int(sizes @ self._sizes) + self._most
        levels = np.zeros((n_rows, self.n_channels), dtype=np.float32)
        base, drawn, at = np.empty(n, dtype=np.int64), {}, 0
        for k, (plan, where) in enumerate(zip(self._plans, rows, strict=True)):
            if not where.size:
                continue
            own = memory.setdefault(self.task.labels[k], {})
            some = rng.at(where) if isinstance(rng, Draws) else rng
            parts = int(self._sizes[k])
            stop = at + len(where) * parts
            painted = levels[at:stop].reshape(len(where), parts, -1)[:, :, : plan.n_channels]
            drawn[k], steps, right = plan.fill_observation(some, own, painted, fixed)
            counts[where, :parts], target[where, :parts] = steps, right
            if self.task.rule_input:
                levels[at:stop, plan.n_channels + k] = 1
            base[where] = np.arange(at, stop, parts)
            at = stop
        return Table(
            plan=self,
            conditions=_Conditions(which, rows, drawn, self._known),  # type: ignore[arg-type]
            counts=counts,
            levels=levels,
            target=target.reshape(-1),
            segment_period=self._numbers[which].ravel(),
            base=base,
        )


Mixture.plan_class = MixedPlan


def _known(plans: list[TaskPlan]) -> dict[str, NDArray[Any]]:
    """Return an example of every condition that one of the tasks draws."""
    known: dict[str, NDArray[Any]] = {}
    for plan in plans:
        for name, values in plan.block(np.random.default_rng(0), {}, n=1).conditions.items():
            known[name] = values.astype(np.result_type(values, known.get(name, values)))
    return known


class _Conditions(Mapping[str, NDArray[Any]]):
    """What was drawn for all trials, put together when asked for; 0 in trials without it."""

    def __init__(
        self,
        which: NDArray[np.int64],
        rows: list[NDArray[np.int64]],
        drawn: dict[int, Mapping[str, NDArray[Any]]],
        known: Mapping[str, NDArray[Any]],
    ) -> None:
        self._rows, self._drawn, self._known = rows, drawn, known
        self._made: dict[str, NDArray[Any]] = {"task": which}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._made:
            like = self._known[name]
            whole = np.zeros((len(self._made["task"]), *like.shape[1:]), dtype=like.dtype)
            for k, one in self._drawn.items():
                if name in one:
                    whole[self._rows[k]] = one[name]
            self._made[name] = whole
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        yield "task"
        yield from self._known

    def __len__(self) -> int:
        return 1 + len(self._known)


def mix(
    tasks: str | Sequence[str | Task],
    *,
    p: Sequence[float] | NDArray[np.floating[Any]] | None = None,
    rule_input: bool = True,
    **params: Any,
) -> Mixture:
    """Return a task each of whose trials is of one of several tasks.

    What NeuroGym's `ScheduleEnvs` with a `RandomSchedule` does, as a task of its own: it goes
    through all doors, as fast as a single task.

    Parameters
    ----------
    tasks : str or sequence of str or Task
        Ids or tasks; or the name of a collection, ``"yang19"``.
    p : sequence of float, optional
        Probability of each task; default: all equal.
    rule_input : bool
        Whether observations end with one channel a task, 1 for the task that is on.
    **params
        Parameters of every task given by id.

    Returns
    -------
    Mixture
        Its trials have the condition ``task``, the number of the task, besides those of all
        tasks (0 in trials of tasks that don't draw them).

    Raises
    ------
    TaskError
        If steps, channels, actions or rewards differ, or `p` is no distribution.
    TaskTypeError
        If a task has rules of its own (not just phases and targets), or no ground truth.

    Examples
    --------
    >>> import neuroloom.tasks as tasks
    >>> data = tasks.Dataset(tasks.mix("yang19"), batch_size=8, seq_len=100, seed=1)
    >>> data()[0].shape
    (100, 8, 53)
    """
    ids: list[str | Task]
    if isinstance(tasks, str):
        collections = {known.collection for known in entries().values()} - {""}
        ids = [*get_collection(tasks)] if tasks in collections else [tasks]
    else:
        ids = list(tasks)
    if not ids:
        raise fail("tasks", "at least one task", "none")
    made = tuple(get_task(one, **params) if isinstance(one, str) else one for one in ids)
    labels = [one.rsplit("-v", 1)[0] if isinstance(one, str) else type(one).__name__ for one in ids]
    for at, label in enumerate(labels):
        if label in labels[:at]:
            labels[at] = f"{label}#{labels[:at].count(label) + 1}"
    _check(made, labels)
    chosen = np.full(len(made), 1 / len(made)) if p is None else np.asarray(p, dtype=float)
    if chosen.shape != (len(made),) or (chosen < 0).any() or not abs(chosen.sum() - 1) < 1e-9:
        raise fail("p", f"{len(made)} probabilities that sum to 1", p)
    return Mixture(
        tasks=made, labels=tuple(labels), p=tuple(chosen.tolist()), rule_input=rule_input
    )


def _check(tasks: tuple[Task, ...], labels: list[str]) -> None:
    first = make_plan(tasks[0])
    for label, task in zip(labels, tasks, strict=True):
        if isinstance(task, Mixture) or any(task.overrides(hook) for hook in _HOOKS):
            raise TaskTypeError(
                f"{label}: has rules of its own and cannot be mixed so; use ScheduleEnvs"
            )
        if task.no_ground_truth:
            raise TaskTypeError(f"{label} has no ground truth: {task.no_ground_truth}")
        plan = make_plan(task)
        for what in ("dt", "n_channels", "n_actions", "discrete"):
            got, expected = getattr(plan, what), getattr(first, what)
            if got != expected:
                raise TaskError(
                    f"{label}: expected {what} {expected}, as {labels[0]} has, got {got}"
                )
        if not plan.discrete:
            raise TaskTypeError(f"{label}: expected discrete actions, got {plan.action_space}")


def _rewards(mixture: Mixture) -> dict[str, float]:
    """Return the rewards that all tasks share.

    Those for not answering only count in tasks in which it comes to that.
    """
    shared: dict[str, float] = {}
    for label, task in zip(mixture.labels, mixture.tasks, strict=True):
        own = {**dict.fromkeys(("abort", "correct", "fail"), 0.0), **task.reward}
        due = make_plan(task).block(np.random.default_rng(0), {}).due
        for name, used in (("miss", due.any()), ("withhold", not due.all())):
            if used:
                own.setdefault(name, 0.0)
            else:
                own.pop(name, None)
        for name, value in own.items():
            if shared.setdefault(name, value) != value:
                raise TaskError(
                    f"{label}: expected reward {name!r} {shared[name]}, as before, got {value}; "
                    "give the tasks the same rewards"
                )
    return shared
