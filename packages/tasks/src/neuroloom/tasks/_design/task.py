"""What a task is: periods, channels, actions, rewards, and how its trials are drawn."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from types import MappingProxyType, NoneType
from typing import Any, ClassVar, Protocol, dataclass_transform

import numpy as np
from gymnasium.spaces import Space
from numpy.typing import NDArray

from neuroloom.tasks._design.durations import Computed, Duration, Steps, as_duration
from neuroloom.tasks._design.levels import Levels, Targets
from neuroloom.tasks._design.parameters import checked
from neuroloom.tasks._design.renamed import adopt_old_names
from neuroloom.tasks._design.state import Now
from neuroloom.tasks._design.table import Conditions, Rows
from neuroloom.tasks._design.timing_reward import timing_reward
from neuroloom.tasks._design.written import check_written
from neuroloom.tasks._errors import TaskTypeError, real, unknown, whole
from neuroloom.tasks._random.counter import Rng

FREE, FIXATE, DECIDE = 0, 1, 2
PAYS = ("abort", "correct", "fail", "miss", "withhold")
"""The rewards that the engine knows."""

StepCounts = dict[str, NDArray[np.int64]]
"""Length of every period in steps, one a trial."""
Names = Mapping[str, int | Sequence[int]]
"""Name to how many channels or actions, or to explicit indices."""
Noise = Mapping[tuple[str, str], float]
"""Period and channels to sigma."""
Array = NDArray[Any]


@dataclass(frozen=True)
class Period:
    """How long a period lasts, and what an action does in it.

    Parameters
    ----------
    duration : Duration or what `as_duration` takes
        Its length in ms, or a distribution of lengths.
    phase : int
        ``FREE``: actions have no effect. ``FIXATE``: an action other than 0 costs
        ``rewards["abort"]``, and ends the trial if the task's `abort` is set. ``DECIDE``: the
        first action other than 0 is the answer and ends the trial.
    """

    duration: Duration
    phase: int = FREE


@dataclass(frozen=True)
class Paper:
    """The study that a task comes from."""

    name: str
    link: str


@dataclass(frozen=True)
class Answer:
    """Which actions of a trial are its answer, for the tables of `run_trials`.

    Parameters
    ----------
    periods : tuple of str
        Periods in which an action other than 0 is an answer; default: the `decide` periods.
    first : int
        The action that is choice 0; those above it are 1, 2, …, and those below it no choice.
        Where it is 0, not to act is an answer as well.
    clock : str
        Period with which reaction times begin; default: the first in which an answer counts.
    last_step : bool
        Whether the answer is what is done in the trial's last step.
    """

    periods: tuple[str, ...] = ()
    first: int = 1
    clock: str = ""
    last_step: bool = False


class History(Protocol):
    """How a hidden state goes on from trial to trial, as an ideal observer follows it.

    The state's value in a trial is one of `values` of the condition `condition`.
    """

    condition: str
    values: tuple[int, ...]

    def begin(self, n: int) -> Any:
        """Return the beliefs of `n` sessions before their first trial."""
        ...

    def prior(self, belief: Any, sessions: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the probabilities of the values in the present trials, ``(n, n_values)``."""
        ...

    def learn(self, belief: Any, sessions: NDArray[np.int64], right: NDArray[np.int64]) -> None:
        """Take in the right actions of the trials that ended, and go to the next trial."""
        ...


def free(duration: Any) -> Period:
    """Return a period in which actions have no effect."""
    return Period(as_duration(duration), FREE)


def fixate(duration: Any) -> Period:
    """Return a period in which any action but 0 costs ``rewards["abort"]``."""
    return Period(as_duration(duration), FIXATE)


def decide(duration: Any) -> Period:
    """Return a period in which the first action other than 0 is the answer."""
    return Period(as_duration(duration), DECIDE)


def steps(n: int) -> Duration:
    """Return a duration of `n` steps, whatever the step is."""
    return Steps(whole("steps", n, minimum=1))


computed = Computed()
"""The duration of a period whose length the task's `arrange` sets."""


def timeline(**periods: Any) -> Mapping[str, Period]:
    """Return the periods of a trial in their order; a bare duration is a free period."""
    return MappingProxyType(
        {n: p if isinstance(p, Period) else free(p) for n, p in periods.items()}
    )


def rewards(**amounts: float) -> Mapping[str, float]:
    """Return a task's rewards by name.

    The engine knows ``abort`` (an action in a `fixate` period), ``correct`` and ``fail`` (the
    answer in a `decide` period), ``miss`` (no answer where one was due) and ``withhold`` (no
    answer where none was due); those not named are 0. A task may use more in its own hooks.
    """
    return MappingProxyType({name: float(value) for name, value in amounts.items()})


_WORDS: Mapping[str, type] = {
    "answer": Answer,
    "no_ground_truth": str,
    "unannounced": tuple,
    "periods": Mapping,
    "default_rewards": Mapping,
}


def _own(value: Any) -> Any:
    """Return a copy of a value that holds others, and any other value as it is."""
    return copy.deepcopy(value) if isinstance(value, (list, tuple, dict, np.ndarray)) else value


@dataclass_transform(kw_only_default=True, frozen_default=True)
class _Declared:
    """Makes a frozen, keyword-only dataclass of every subclass."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        adopt_old_names(cls)
        tasks = [k for k in cls.__mro__[1:] if _Declared in k.__bases__]
        if tasks:
            check_written(cls, tasks[0], _WORDS)
        own = cls.__dict__.get("__annotations__", {})
        for base in cls.__mro__[1:]:
            # ``dt = 50`` in a subclass is a new default, as ``dt: float = 50`` is.
            for name, annotation in base.__dict__.get("__annotations__", {}).items():
                parameter = is_dataclass(base) and name in {one.name for one in fields(base)}
                if parameter and name in cls.__dict__ and name not in own:
                    own = {**own, name: annotation}
        cls.__annotations__ = own
        dataclass(frozen=True, kw_only=True, eq=False)(cls)


class Task(_Declared):
    """A task: a frozen declaration and two vectorised functions.

    Subclasses name their parameters as annotated fields (they become keyword arguments), set
    `periods` and `default_rewards`, and write `channels`, `actions`, `conditions` and
    `fill_observation`; the other methods have a default. Nothing of a task changes after it is
    made, so that one task serves any number of environments.

    Parameters
    ----------
    dt : float
        Step in ms.
    rewards : mapping, optional
        Replaces entries of `default_rewards`.
    timing : mapping, optional
        Replaces durations of `periods`; see `as_duration` for what an entry can be.
    abort : bool
        Whether an action in a `fixate` period ends the trial.

    Raises
    ------
    TaskError
        If a parameter is out of range, or a key of `rewards` or `timing` is not known.
    """

    dt: float = 100.0
    rewards: Mapping[str, float] | None = None
    timing: Mapping[str, Any] | None = None
    abort: bool = False

    periods: ClassVar[Mapping[str, Period]] = MappingProxyType({})
    default_rewards: ClassVar[Mapping[str, float]] = MappingProxyType({})
    no_ground_truth: ClassVar[str] = ""
    """Why there is no ground truth, in tasks that have none."""
    unannounced: ClassVar[tuple[str, ...]] = ()
    """Periods that nothing tells apart: agents are told that they are in the first of them."""
    answer: ClassVar[Answer] = Answer()
    """Which actions are a trial's answer."""
    plan_class: ClassVar[Any] = None
    """The kind of plan that draws its trials, if it is not the usual one."""

    def __post_init__(self) -> None:
        real("dt", self.dt, minimum=0, above=True)
        for name in ("rewards", "timing"):
            value = getattr(self, name)
            if not isinstance(value, (Mapping, NoneType)):
                raise TaskTypeError(
                    f"{name}: expected a mapping of names, or None, got {value!r} "
                    f"({type(value).__name__})"
                )
            if value is not None:
                # A copy, as a task stays what it is whatever becomes of what it was made with.
                object.__setattr__(self, name, {key: _own(one) for key, one in value.items()})
        self._check_declared()
        for name in self.rewards or {}:
            if name not in self.default_rewards:
                raise unknown("rewards", name, self.default_rewards)
            real(f"rewards[{name!r}]", (self.rewards or {})[name])
        settable = [n for n, p in self.periods.items() if not isinstance(p.duration, Computed)]
        for name in self.timing or {}:
            if name not in settable:
                raise unknown("timing", name, settable)
            as_duration((self.timing or {})[name])
        for field in fields(self):
            value = checked(type(self), field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, value)
        self.validate()

    def _check_declared(self) -> None:
        """Refuse periods and rewards of the class that are none."""
        for name, period in self.periods.items():
            if not isinstance(period, Period):
                raise TaskTypeError(
                    f"periods[{name!r}]: expected a period, as timeline(...), fixate(...), "
                    f"decide(...) and free(...) make them, got {period!r}"
                )
        for name, value in self.default_rewards.items():
            real(f"default_rewards[{name!r}]", value)

    # What a task file writes ------------------------------------------------------------------

    def validate(self) -> None:
        """Check the task's own parameters; raise a `TaskError` if one does not fit."""

    def channels(self) -> Names:
        """Return the observation's channels: name to how many, or to explicit indices."""
        raise NotImplementedError(f"{type(self).__name__}.channels is not written")

    def actions(self) -> Names | Space[Any]:
        """Return the actions: name to how many, or to explicit indices; or a whole space."""
        raise NotImplementedError(f"{type(self).__name__}.actions is not written")

    def noise(self) -> Noise:
        """Return the noise: (period, channels) to sigma, the s.d. in a bin of 1 ms averaged.

        A step of dt ms gets the standard deviation ``sigma / sqrt(dt)``. ``"*"`` stands for all
        channels.
        """
        return {}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        """Return what is drawn for `n` trials, arrays of `n` rows by name.

        `rng` has the methods of numpy's `Generator`; what they return has `n` rows, one a trial,
        so that a trial is the same whatever others are drawn beside it.
        """
        return {}

    def session(self, rng: np.random.Generator, n: int, memory: dict[str, Any]) -> Conditions:
        """Return the conditions of the next `n` trials of a session.

        To be written instead of `conditions` where trials depend on those before: whatever is
        put into `memory` is there again for the next `n` trials of the same session. Here `rng`
        is numpy's, and goes on from call to call.
        """
        return self.conditions(rng, n)

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        """Derive conditions from those drawn, and set or change lengths in steps, in place.

        Parameters
        ----------
        c : dict of array, (n, …)
            Conditions of the trials.
        steps : dict of array of int, (n,)
            Length of every period in steps.
        """

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        """Write the level of every channel and the target of every period, in place.

        Parameters
        ----------
        c : dict of array, (n, …)
            Conditions of the trials.
        levels : Levels
            Where to write what is shown.
        target : Targets
            Where to write the right actions.
        """
        raise NotImplementedError(f"{type(self).__name__}.fill_observation is not written")

    def curve(self, rows: Rows, observation: Array, target: Array) -> None:
        """Change the observation and target step by step, in place, before noise is added.

        Parameters
        ----------
        rows : Rows
            The steps, in order.
        observation : array of float32, (n_steps, n_channels)
            What is shown, without noise.
        target : array, (n_steps, …)
            Right actions.
        """

    def payoff(self, c: Conditions) -> tuple[Array, Array]:
        """Return reward and performance of every answer in a `decide` period, `(n, actions)`.

        Written where an answer's worth is not just ``correct`` or ``fail``.

        Parameters
        ----------
        c : dict of array, (n, …)
            Conditions of the trials.
        """
        raise NotImplementedError

    def grade(self, rows: Rows) -> tuple[Array, Array]:
        """Return reward and performance of an answer at every step, `(n_steps,)` each.

        Written where an answer's worth depends on when it comes.

        Parameters
        ----------
        rows : Rows
            The steps, in order.
        """
        due, interval, margin = self.answer_timing(dict(rows.conditions))
        error = rows.step * self.dt - np.asarray(due)[rows.trial]
        return timing_reward(error, np.asarray(interval)[rows.trial], margin, self.reward)

    def answer_timing(self, c: Conditions) -> tuple[Array, Array, float]:
        """Return when an answer is due in ms of the trial, the interval it ends, and a margin.

        Written instead of `grade`, and faster, where answers are worth what `timing_reward` says.

        Parameters
        ----------
        c : dict of array, (n, …)
            Conditions of the trials.
        """
        raise NotImplementedError

    def outcome(self, now: Now, action: Array) -> tuple[Array, Array, Array]:
        """Return reward, whether the trial ends, and performance, of `n` environments at once.

        Written where nothing simpler does; replaces the phases altogether. A trial ends at its
        last step in any case.

        Parameters
        ----------
        now : Now
            Where the environments stand.
        action : array, (n,) or (n, k)
            What is done.
        """
        raise NotImplementedError

    def on_trial_start(self, now: Now) -> None:
        """Prepare ``now.memory`` for a new trial of the environments that `now` is about."""

    def observe(self, now: Now, observation: Array) -> Array:
        """Return the observation that the agent's own doing leads to.

        Parameters
        ----------
        now : Now
            Where the environments stand.
        observation : array of float32, (n, n_channels)
            What was painted, with noise.
        """
        raise NotImplementedError

    def correct_action(self, now: Now) -> Array:
        """Return the right action where it depends on what the agent has done.

        Parameters
        ----------
        now : Now
            Where the environments stand.
        """
        raise NotImplementedError

    def evidence(self, c: Conditions) -> Array | None:
        """Return the signed stimulus of every trial, positive where it speaks for choice 1.

        Written where there are two choices; it is the column ``stimulus`` of `run_trials`.

        Parameters
        ----------
        c : dict of array, (n,)
            Conditions of the trials.
        """
        return None

    def example(self, rng: Rng, n: int) -> Conditions:
        """Return conditions of trials as they come to someone who knows nothing of those before.

        Written beside `session`, for ideal observers.

        Parameters
        ----------
        rng : Draws or numpy.random.Generator
            What they are drawn from.
        n : int
            How many.
        """
        return self.conditions(rng, n)

    def history(self) -> History | None:
        """Return how a hidden state goes on from trial to trial, for ideal observers."""
        return None

    def search(self, sigma: Array) -> Any:
        """Return the posterior of a task whose kinds of trials are too many to list, if written.

        Parameters
        ----------
        sigma : array, (n_periods, n_channels)
            S.d. of the noise in a step.
        """
        return None

    def ideal_policy(self, sigma: Array) -> Any:
        """Return the ideal observer of a task with rules of its own, if it is written.

        Its property `ahead`, if it has one, says between which two expected rewards it is worth to
        go on from fixation to the answer; without it, it decides itself what to do in fixation.

        Parameters
        ----------
        sigma : array, (n_periods, n_channels)
            S.d. of the noise in a step.
        """
        return None

    # What the engine reads --------------------------------------------------------------------

    @property
    def reward(self) -> Mapping[str, float]:
        """The rewards in force."""
        return {**self.default_rewards, **(self.rewards or {})}

    def overrides(self, hook: str) -> bool:
        """Return whether the task writes the method `hook` itself."""
        return getattr(type(self), hook) is not getattr(Task, hook)
