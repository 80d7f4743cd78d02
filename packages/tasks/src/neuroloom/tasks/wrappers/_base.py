"""A wrapper that stands between an environment and its trials."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import gymnasium
import numpy as np

from neuroloom.tasks._engine.streams import Streams
from neuroloom.tasks._errors import TaskError, TaskTypeError, fail


class Forwarding(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A wrapper that has what the environments within have, whatever wrappers lie between."""

    env: Any

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "env":
            raise AttributeError(name)
        return within(self.env, name)

    @property
    def spec(self) -> Any:  # type: ignore[override]
        """What the environment within was made by; wrappers are not part of it."""
        return self.env.spec

    def seed(self, seed: Any = None) -> Any:
        """Seed the environment within, and return the seed in a list.

        Parameters
        ----------
        seed : int, optional
            None takes it from the operating system.
        """
        return reseed(self.env, seed)


class TrialWrapper(Forwarding):
    """A wrapper whose `new_trial` is called at every trial's beginning.

    Other wrappers, gymnasium's own included, may lie between it and the environment.

    Parameters
    ----------
    env : gymnasium.Env
        A task's environment, a `TrialEnv`, or one of them in wrappers.

    Raises
    ------
    TaskTypeError
        If the environment has no trials.
    """

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        if not hasattr(env.unwrapped, "new_trial"):
            raise TaskTypeError(f"env: expected an environment with trials, got {env!r}")
        env.unwrapped.set_top(self)

    @property
    def unwrapped(self) -> Any:
        """The innermost environment."""
        return self.env.unwrapped

    @property
    def task(self) -> Any:
        """The innermost environment."""
        return self.unwrapped

    @property
    def ob(self) -> Any:
        """Observations of the present trial; may be replaced in `new_trial`."""
        own = self.__dict__.get("_own_ob")
        if own is not None and own[0] == self.unwrapped.num_tr:
            return own[1]
        return within(self.env, "ob")

    @ob.setter
    def ob(self, value: Any) -> None:
        """Replace it.

        Parameters
        ----------
        value : array, (n_steps, …)
            What the present trial shows.
        """
        self._own_ob = (self.unwrapped.num_tr, value)
        self.unwrapped.ob = value

    @property
    def gt(self) -> Any:
        """Right actions of the present trial."""
        return within(self.env, "gt")

    @property
    def trial(self) -> Any:
        """What was drawn for the present trial."""
        return self.unwrapped.trial

    def new_trial(self, **kwargs: Any) -> Any:
        """Begin a trial and return what was drawn for it.

        Parameters
        ----------
        **kwargs
            Conditions that it gets.
        """
        return within(self.env, "new_trial")(**kwargs)


def layers(env: Any) -> Iterator[Any]:
    """Yield an environment and all those within, from the outermost on."""
    while True:
        yield env
        if not isinstance(env, gymnasium.Wrapper):
            return
        env = env.env


def within(env: Any, name: str) -> Any:
    """Return the attribute of the outermost of some layers that has it.

    Raises
    ------
    AttributeError
        If none has.
    """
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, Forwarding) and (hasattr(type(env), name) or name in env.__dict__):
            break
        env = env.env
    return getattr(env, name)


def reseed(env: Any, seed: Any) -> Any:
    """Start the random numbers of an environment anew, and return the seed in a list."""
    return within(env, "seed")(seed)


def choices_of(env: Any) -> Sequence[Any]:
    """Return the values that the ground truth of an environment's trials can have.

    Raises
    ------
    TaskTypeError
        If they are not known, or trials cannot be given one.
    """
    inner = env.unwrapped
    choices = getattr(inner, "choices", None)
    if choices is None or not len(choices):
        raise TaskTypeError(f"{inner!r} does not say its choices: set the attribute")
    plan = getattr(inner, "plan", None)
    if plan is not None and within(env, "new_trial") == inner.new_trial:
        try:
            Streams(plan, 0).apart({"ground_truth": choices[len(choices) // 2]})
        except TaskError as error:
            name = type(inner.task).__name__
            raise TaskTypeError(
                f"env: expected trials that can be given a ground truth, got {name}: {error}"
            ) from None
    found: Sequence[Any] = choices
    return found


def generator(env: Any, seed: Any, word: str) -> np.random.Generator:
    """Return the random numbers of a wrapper, apart from those of the environment.

    Without a seed those of the seed that the environment was made with, if there is one.
    """
    words = (0x3A9, *word.encode())
    if seed is None:
        seed = getattr(env.unwrapped, "seeded", None)
    if seed is not None and hasattr(seed, "sequence"):
        seed = seed.integer(63)
    entropy = np.random.SeedSequence().entropy if seed is None else seed
    return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=words))


def pick(rng: np.random.Generator, p: Any) -> int:
    """Return what ``rng.choice(len(p), p=p)`` would, of probabilities that were checked before."""
    # In Python's own numbers, of which there are few: numpy takes longer to be called.
    edges = list(accumulate(p.tolist()))
    whole = edges[-1]
    return bisect_right([edge / whole for edge in edges], rng.random())


def probabilities(name: str, values: Any, n: int) -> Any:
    """Return `values` as `n` probabilities.

    Raises
    ------
    TaskError
        If they are not `n` numbers of at least 0 that sum to 1.
    """
    try:
        p = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        p = np.zeros(0)
    if p.shape != (n,) or not np.isfinite(p).all() or (p < 0).any() or abs(p.sum() - 1) > 1e-10:
        raise fail(name, f"{n} numbers of at least 0 that sum to 1", values)
    return p
