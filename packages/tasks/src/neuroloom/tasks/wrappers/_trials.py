"""Wrappers that decide what the next trial is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker
from numpy.typing import NDArray

from neuroloom.tasks._engine.conditions import own_number
from neuroloom.tasks._errors import TaskTypeError, fail, flag, real, whole
from neuroloom.tasks.wrappers._base import (
    Forwarding,
    TrialWrapper,
    choices_of,
    generator,
    layers,
    pick,
    probabilities,
    reseed,
    within,
)

# What `gymnasium.make` puts around every environment.
_CHECKS = (OrderEnforcing, PassiveEnvChecker)


class _Drawing(TrialWrapper):
    """A wrapper with random numbers of its own, seeded with the environment's seed."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.rng = generator(env, None, type(self).__name__)

    def seed(self, seed: Any = None) -> Any:
        """Seed the wrapper and the environment within."""
        self.rng = generator(self.env, seed, type(self).__name__)
        return super().seed(seed)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """Begin a trial; a seed determines the wrapper's choices too."""
        if seed is not None:
            self.rng = generator(self.env, seed, type(self).__name__)
            self._begin()
        return self.env.reset(seed=seed, options=options)

    def _begin(self) -> None:
        """Forget the trials so far."""


class RandomGroundTruth(_Drawing):
    """Draws the ground truth of every trial with given probabilities.

    Parameters
    ----------
    env : gymnasium.Env
        With `choices`.
    p : sequence of float, optional
        Probability of each choice; default: all equal. ``new_trial(p=...)`` sets it for a trial.

    Raises
    ------
    TaskError
        If there is not one probability for each choice, or they do not sum to 1.
    """

    def __init__(
        self, env: Any, p: Sequence[float] | NDArray[np.floating[Any]] | None = None
    ) -> None:
        super().__init__(env)
        self.choices = choices_of(env)
        n = len(self.choices)
        self.p = probabilities("p", np.full(n, 1 / n) if p is None else p, n)

    def new_trial(self, **kwargs: Any) -> Any:
        """Begin a trial."""
        p = kwargs.pop("p", None)
        p = self.p if p is None else probabilities("p", p, len(self.choices))
        kwargs.setdefault("ground_truth", self.choices[pick(self.rng, p)])
        return super().new_trial(**kwargs)


class TrialHistoryV2(_Drawing):
    """Draws the ground truth given that of the trial before.

    Parameters
    ----------
    env : gymnasium.Env
        With `choices`.
    probs : array, (n, n), optional
        Row `i`: probabilities after choice `i`; default: all equal.
        ``new_trial(probs=...)`` replaces them.

    Raises
    ------
    TaskError
        If a row is not a distribution over the choices.
    """

    def __init__(self, env: Any, probs: Any = None) -> None:
        super().__init__(env)
        self.choices = choices_of(env)
        self.n_ch = len(self.choices)
        self.probs = self._rows(
            np.full((self.n_ch,) * 2, 1 / self.n_ch) if probs is None else probs
        )
        self._begin()

    def _begin(self) -> None:
        self.prev_trial: int | None = None

    def new_trial(self, **kwargs: Any) -> Any:
        """Begin a trial."""
        if "probs" in kwargs:
            self.probs = self._rows(kwargs.pop("probs"))
        if self.prev_trial is None:
            self.prev_trial = int(self.rng.integers(self.n_ch))
        self.prev_trial = pick(self.rng, self.probs[self.prev_trial])
        kwargs["ground_truth"] = self.choices[self.prev_trial]
        return super().new_trial(**kwargs)

    def _rows(self, probs: Any) -> Any:
        if np.shape(probs) != (self.n_ch, self.n_ch):
            raise fail("probs", f"shape {(self.n_ch, self.n_ch)}", np.shape(probs))
        return np.stack([probabilities("probs", row, self.n_ch) for row in probs])


class SideBias(_Drawing):
    """Draws the ground truth with probabilities that change from block to block.

    Parameters
    ----------
    env : gymnasium.Env
        With `choices`.
    probs : sequence of sequences of float
        One distribution over the choices for each kind of block; the next block is always of
        another kind.
    block_dur : int, float or (int, int)
        Trials of a block; probability of a new block at each trial; or the range (both ends
        included) from which a block's length is drawn.

    Raises
    ------
    TaskError
        If a row is not a distribution over the choices, or `block_dur` out of range.
    TaskTypeError
        If `block_dur` is none of these.
    """

    def __init__(self, env: Any, probs: Any, block_dur: Any = 200) -> None:
        super().__init__(env)
        self.choices = choices_of(env)
        if not isinstance(probs, (list, tuple, np.ndarray)):
            raise TaskTypeError(f"probs: expected a list of lists, got {type(probs).__name__}")
        if not len(probs):
            raise fail("probs", "at least one list of probabilities", probs)
        self.probs = np.stack([probabilities("probs", row, len(self.choices)) for row in probs])
        self.block_dur = _block_length(block_dur)
        self._begin()

    def _begin(self) -> None:
        self.curr_block = int(self.rng.integers(len(self.probs)))
        self._left = self._draw_length()

    def new_trial(self, **kwargs: Any) -> Any:
        """Begin a trial; `curr_block` is the kind of block that the trial after it is in."""
        if isinstance(self.block_dur, float):
            if self.rng.random() < self.block_dur:
                self._switch()
        p = self.probs[self.curr_block]
        kwargs["ground_truth"] = self.choices[pick(self.rng, p)]
        if not isinstance(self.block_dur, float):
            self._left -= 1
            if self._left == 0:
                self._switch()
        super().new_trial(**kwargs)
        # As in NeuroGym, the trial says by which probabilities it was drawn.
        return self.unwrapped.tell(probs=p.copy())

    def _switch(self) -> None:
        n = len(self.probs)
        if n > 1:
            self.curr_block = (self.curr_block + 1 + int(self.rng.integers(n - 1))) % n
        self._left = self._draw_length()

    def _draw_length(self) -> int:
        if isinstance(self.block_dur, tuple):
            return int(self.rng.integers(self.block_dur[0], self.block_dur[1] + 1))
        return self.block_dur if isinstance(self.block_dur, int) else 0


def _block_length(value: Any) -> int | float | tuple[int, int]:
    if isinstance(value, tuple):
        if len(value) != 2:
            raise fail("block_dur", "(shortest, longest)", value)
        low, high = (whole("block_dur", part, minimum=1) for part in value)
        if low > high:
            raise fail("block_dur", "shortest <= longest", value)
        return low, high
    if isinstance(value, (float, np.floating)):
        p = real("block_dur", value, minimum=0, above=True)
        if p >= 1:
            raise fail("block_dur", "a probability below 1, or a whole number of trials", value)
        return p
    return whole("block_dur", value, minimum=1)


class ScheduleAttr(TrialWrapper):
    """Gives every trial the conditions that a schedule says.

    Parameters
    ----------
    env : gymnasium.Env
        Any with trials.
    schedule : callable
        Returns the number of the next conditions; see `neuroloom.tasks.utils.scheduler`.
    attr_list : sequence of dict
        Arguments of `new_trial`.

    Raises
    ------
    TaskTypeError
        If an entry is not a dict.
    """

    def __init__(
        self, env: Any, schedule: Callable[[], int], attr_list: Sequence[Mapping[str, Any]]
    ) -> None:
        super().__init__(env)
        if not all(isinstance(attr, Mapping) for attr in attr_list):
            raise TaskTypeError("attr_list: expected a list of dicts, one a condition")
        if not len(attr_list):
            raise fail("attr_list", "at least one dict", "none")
        self.schedule, self.attr_list = _called(schedule), list(attr_list)

    def seed(self, seed: Any = None) -> Any:
        """Seed the schedule and the environment within."""
        _seed_schedule(self.schedule, seed)
        return super().seed(seed)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """Begin a trial; a seed starts the schedule anew."""
        if seed is not None:
            _seed_schedule(self.schedule, seed)
        return self.env.reset(seed=seed, options=options)

    def new_trial(self, **kwargs: Any) -> Any:
        """Begin a trial."""
        chosen = self.attr_list[_scheduled(self.schedule, len(self.attr_list))]
        return super().new_trial(**{**kwargs, **chosen})


def _in_turn(env: Any, alone: bool) -> Any:
    """Return an environment that can take turns with others, without what gets in the way.

    Raises
    ------
    TaskTypeError
        If a wrapper counts on every step or reset; it has to go outside.
    """
    plain = list(layers(env))[:-1]
    if all(isinstance(one, _CHECKS) for one in plain):
        return env.unwrapped
    for one in plain:
        ours = isinstance(one, Forwarding)
        if not alone and not ours and not isinstance(one, (gymnasium.ObservationWrapper, *_CHECKS)):
            raise TaskTypeError(
                f"envs: {type(one).__name__} counts on every reset and step of its environment; "
                "put it around the environments that take turns, not inside"
            )
    return env


class MultiEnvs(TrialWrapper):
    """Several environments of the same spaces, of which one is on.

    Parameters
    ----------
    envs : sequence of gymnasium.Env
        The environments.
    env_input : bool
        Whether observations end with which of them is on, one channel each.

    Raises
    ------
    TaskError
        If the spaces differ.
    """

    def __init__(self, envs: Sequence[Any], env_input: bool = False) -> None:
        if not len(envs):
            raise fail("envs", "at least one environment", "none")
        envs = [_in_turn(env, alone=len(envs) == 1) for env in envs]
        super().__init__(envs[0])
        first = envs[0]
        for at, env in enumerate(envs):
            for space in ("observation_space", "action_space"):
                got, expected = getattr(env, space), getattr(first, space)
                if got.shape != expected.shape or getattr(got, "n", 0) != getattr(expected, "n", 0):
                    raise fail(f"envs[{at}].{space}", f"{expected}, as of the first", got)
        self.envs, self.env_input, self.i_env = list(envs), flag("env_input", env_input), 0
        if env_input:
            space, n = first.observation_space, len(envs)
            low = np.concatenate([np.broadcast_to(space.low, space.shape), np.zeros(n)])
            high = np.concatenate([np.broadcast_to(space.high, space.shape), np.ones(n)])
            self.observation_space = spaces.Box(
                low.astype(np.float32), high.astype(np.float32), dtype=np.float32
            )
        for env in self.envs:
            env.unwrapped.set_top(self)
        self._resetting = False

    def set_i(self, i: int) -> None:
        """Turn the environment `i` on."""
        self.i_env = own_number("i", i, len(self.envs))
        self.env = self.envs[self.i_env]

    def seed(self, seed: Any = None) -> Any:
        """Seed every environment, each apart."""
        for at, env in enumerate(self.envs):
            reseed(env, None if seed is None else seed + at)
        return [seed]

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """Begin a trial of the environment that is on."""
        if seed is not None:
            self.seed(seed)
        self._next_env()
        self._resetting = True
        observation, info = self.env.reset(options=options)
        self._resetting = False
        return self._with_rule(observation), info

    def _next_env(self) -> None:
        """Turn the environment of the next trial on."""

    def step(self, action: Any) -> Any:
        """Act in the environment that is on."""
        before = self.i_env
        observation, reward, terminated, truncated, info = self.env.step(action)
        if self.i_env != before:
            # What the wrappers within show of the environment that is on now.
            observation = _seen(self.env, self.unwrapped.observation_now, action, reward)
        return self._with_rule(observation), reward, terminated, truncated, info

    def _with_rule(self, observation: Any) -> Any:
        """Return an observation with which environment is on."""
        if not self.env_input:
            return observation
        rule = np.zeros(len(self.envs), dtype=np.float32)
        rule[self.i_env] = 1
        return np.concatenate([np.asarray(observation, dtype=np.float32), rule])

    def new_trial(self, **kwargs: Any) -> Any:
        """Begin a trial of the environment that is on."""
        return super().new_trial(**kwargs)

    @property
    def ob(self) -> Any:
        """Observations of the present trial, with which environment is on."""
        ob = within(self.env, "ob")
        if not self.env_input:
            return ob
        rule = np.zeros((len(ob), len(self.envs)), dtype=np.float32)
        rule[:, self.i_env] = 1
        return np.concatenate([np.asarray(ob, dtype=np.float32), rule], axis=1)

    @ob.setter
    def ob(self, value: Any) -> None:
        self.unwrapped.ob = value


class ScheduleEnvs(MultiEnvs):
    """Several environments of the same spaces, one a trial, by a schedule.

    Parameters
    ----------
    envs : sequence of gymnasium.Env
        The environments.
    schedule : callable
        Returns the number of the next; see `neuroloom.tasks.utils.scheduler`.
    env_input : bool
        Whether observations end with which of them is on, one channel each.
    """

    def __init__(
        self, envs: Sequence[Any], schedule: Callable[[], int], env_input: bool = False
    ) -> None:
        super().__init__(envs, env_input)
        self.schedule = _called(schedule)
        self.next_i_env = self._drawn()

    def seed(self, seed: Any = None) -> Any:
        """Seed the schedule and every environment."""
        _seed_schedule(self.schedule, seed)
        self.next_i_env = self._drawn()
        return super().seed(seed)

    def new_trial(self, **kwargs: Any) -> Any:
        """Begin a trial of the next environment."""
        if not self._resetting:
            self._next_env()
        return super().new_trial(**kwargs)

    def _next_env(self) -> None:
        self.set_i(self.next_i_env)
        self.next_i_env = self._drawn()

    def _drawn(self) -> int:
        """Return the number of the environment that the schedule names next."""
        return _scheduled(self.schedule, len(self.envs))


def _called(schedule: Any) -> Any:
    """Return a schedule, if it can be called."""
    if not callable(schedule):
        raise TaskTypeError(
            f"schedule: expected a function that returns a number, got {schedule!r}"
        )
    return schedule


def _scheduled(schedule: Callable[[], int], n: int) -> int:
    """Return which of `n` a schedule names; -1 is none, though a list would take it."""
    at = schedule()
    return at if type(at) is int and 0 <= at < n else own_number("schedule", at, n)


def _seed_schedule(schedule: Any, seed: Any) -> None:
    if hasattr(schedule, "seed"):
        schedule.seed(seed)
    if hasattr(schedule, "reset"):
        schedule.reset()


def _seen(env: Any, observation: Any, action: Any, reward: float) -> Any:
    """Return what wrappers show of an observation, after an action and a reward."""
    for layer in reversed(list(layers(env))[:-1]):
        if hasattr(type(layer), "shown"):
            observation = layer.shown(observation, action, reward)
        elif isinstance(layer, gymnasium.ObservationWrapper):
            observation = layer.observation(observation)
    return observation
