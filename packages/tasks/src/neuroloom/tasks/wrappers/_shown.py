"""Wrappers that change what is shown, and the reaction-time version of a task."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from neuroloom.tasks._engine.reaction_time import reaction_time
from neuroloom.tasks._environments.single import TaskEnv
from neuroloom.tasks._errors import TaskTypeError, real
from neuroloom.tasks._neurogym.trial_env import TrialEnv
from neuroloom.tasks.wrappers._base import Forwarding, TrialWrapper, generator

_AHEAD = 64
_NUMBERS = (int, float)
_SINGLE = np.dtype(np.float32)


class Noise(Forwarding):
    """Adds normal noise to the observations.

    Parameters
    ----------
    env : gymnasium.Env
        Any with a box of observations.
    std_noise : float
        Standard deviation at every step.

    Raises
    ------
    TaskError
        If the standard deviation is negative.
    TaskTypeError
        If the observations are no box.
    """

    def __init__(self, env: Any, std_noise: float = 0.1) -> None:
        super().__init__(env)
        self.std_noise = real("std_noise", std_noise, minimum=0)
        self._begin(generator(env, None, "Noise"))
        space = env.observation_space
        if not isinstance(space, spaces.Box):
            raise TaskTypeError(f"env: expected a box of observations, got {space}")
        self.observation_space = spaces.Box(-np.inf, np.inf, space.shape, space.dtype)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """Begin a trial; a seed determines the noise too."""
        if seed is not None:
            self._begin(generator(self.env, seed, "Noise"))
        observation, info = self.env.reset(seed=seed, options=options)
        return self._noisy(observation), info

    def step(self, action: Any) -> Any:
        """Act."""
        observation, *rest = self.env.step(action)
        return self._noisy(observation), *rest

    def shown(self, observation: Any, action: Any, reward: float) -> Any:
        """Return what an observation looks like."""
        return self._noisy(observation)

    def seed(self, seed: Any = None) -> Any:
        """Seed the noise and the environment within."""
        self._begin(generator(self.env, seed, "Noise"))
        return super().seed(seed)

    def _begin(self, rng: np.random.Generator) -> None:
        self.rng, self._left = rng, 0

    def _noisy(self, observation: Any) -> Any:
        if self._left == 0:
            # Many steps at once are drawn faster, and are the same numbers.
            self._drawn = self.rng.standard_normal((_AHEAD, *np.shape(observation)))
            self._left = _AHEAD
        noise = self._drawn[_AHEAD - self._left]
        self._left -= 1
        return (observation + self.std_noise * noise).astype(self.observation_space.dtype)


class PassAction(Forwarding):
    """Ends observations with the last action: its number, or all its components."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        shape = env.action_space.shape or ()
        self._nothing = np.zeros(int(np.prod(shape)) or 1)
        self.observation_space = _longer(env.observation_space, len(self._nothing))

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """Begin a trial; the last action is 0."""
        observation, info = self.env.reset(seed=seed, options=options)
        return _joined(observation, self._nothing), info

    def step(self, action: Any) -> Any:
        """Act."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        shown = self.shown(observation, action, reward)
        return shown, reward, terminated, truncated, info

    def shown(self, observation: Any, action: Any, reward: float) -> Any:
        """Return what an observation looks like after an action."""
        return _joined(observation, action)


class PassReward(Forwarding):
    """Ends observations with the last reward."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.observation_space = _longer(env.observation_space, 1)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """Begin a trial; the last reward is 0."""
        observation, info = self.env.reset(seed=seed, options=options)
        return _joined(observation, 0), info

    def step(self, action: Any) -> Any:
        """Act."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        shown = self.shown(observation, action, reward)
        return shown, reward, terminated, truncated, info

    def shown(self, observation: Any, action: Any, reward: float) -> Any:
        """Return what an observation looks like after a reward."""
        return _joined(observation, reward)


class ReactionTime(TrialWrapper):
    """Lets a task be answered as soon as its stimulus is on.

    The environment of one of the package's own tasks goes on with the task's reaction-time
    version, see `neuroloom.tasks.reaction_time`, which serves the other doors too.

    Parameters
    ----------
    env : gymnasium.Env
        A task's environment or a `TrialEnv`, with the periods ``stimulus`` and ``decision``.
    urgency : float
        Added to the reward of every step.
    end_on_stimulus : bool
        Whether the trial ends with the stimulus.

    Raises
    ------
    TaskTypeError
        If the environment has rules of its own, or no trials.
    TaskError
        If it lacks one of the periods; of a `TrialEnv` said at the first trial.
    """

    def __init__(self, env: Any, urgency: float = 0.0, end_on_stimulus: bool = True) -> None:
        inner = env.unwrapped
        if isinstance(inner, TaskEnv):
            inner.become(reaction_time(inner.task, end_on_stimulus=end_on_stimulus))
        elif not isinstance(inner, TrialEnv):
            raise TaskTypeError(f"env: expected a task's environment or a TrialEnv, got {env!r}")
        super().__init__(env)
        self.urgency = real("urgency", urgency)
        self.end_on_stimulus = end_on_stimulus

    def new_trial(self, **kwargs: Any) -> Any:
        """Begin a trial in which the decision begins one step after the stimulus."""
        trial = super().new_trial(**kwargs)
        task = self.unwrapped
        if isinstance(task, TaskEnv):
            return trial
        right = task.view_groundtruth("decision")[0].copy()
        start = task.start_ind["stimulus"] + 1
        end = task.end_ind["stimulus"]
        task.start_t["decision"], task.start_ind["decision"] = start * task.dt, start
        if self.end_on_stimulus:
            task.end_t["decision"], task.end_ind["decision"] = end * task.dt, end
            task.ob, task.gt = task.ob[:end], task.gt[:end]
            task.tmax = end * task.dt
        task.set_groundtruth(right, "decision")
        return trial

    def step(self, action: Any) -> Any:
        """Act; ``info["tr_dur"]`` of an ended trial is its length in steps."""
        steps = self.unwrapped.t_ind + 1
        observation, reward, terminated, truncated, info = self.env.step(action)
        if info.get("new_trial"):
            info["tr_dur"] = steps
        return observation, reward + self.urgency, terminated, truncated, info


def _longer(space: Any, n: int) -> spaces.Box:
    if not isinstance(space, spaces.Box):
        raise TaskTypeError(f"env: expected a box of observations, got {space}")
    shape = (int(np.prod(space.shape)) + n,)
    return spaces.Box(-np.inf, np.inf, shape, np.float32)


def _joined(observation: Any, more: Any) -> Any:
    if type(observation) is np.ndarray and observation.ndim == 1 and type(more) in _NUMBERS:
        # As below, of one number: this is done at every step.
        n = len(observation)
        out = np.empty(n + 1, _SINGLE)
        out[:n], out[n] = observation, more
        return out
    shown, more = np.asarray(observation), np.asarray(more)
    out = np.empty(shown.size + more.size, dtype=np.float32)
    out[: shown.size] = shown.reshape(-1)
    out[shown.size :] = more.reshape(-1)
    return out
