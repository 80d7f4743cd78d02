"""The slower door: tasks written step by step, as in NeuroGym."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from neuroloom.shared import Seed, as_seed
from neuroloom.tasks._environments.single import TaskEnv
from neuroloom.tasks._errors import ActionError, real
from neuroloom.tasks._neurogym.layout import Layout


class BaseEnv(gymnasium.Env[Any, Any], metaclass=ABCMeta):
    """What has a step of `dt` ms: environments of declared tasks, and step-by-step ones."""


class TrialEnv(Layout, BaseEnv):
    """A task that is written step by step.

    A subclass sets `timing`, `rewards`, `observation_space` and `action_space`, and writes
    `_new_trial`, which lays out a trial by `add_period`, `add_ob` and `set_groundtruth`, and
    `_step`, which says what an action leads to. Times are in ms.

    Parameters
    ----------
    dt : float
        Step in ms.
    num_trials_before_reset : int
        After so many trials the episode is truncated.
    r_tmax : float
        Reward added when a trial runs out of time.

    Raises
    ------
    TaskError
        If `dt` is not above 0.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 — gymnasium's own attribute

    def __init__(
        self, dt: float = 100, num_trials_before_reset: int = 10_000_000, r_tmax: float = 0
    ) -> None:
        self.dt = real("dt", dt, minimum=0, above=True)
        self.num_tr_exp = num_trials_before_reset
        self.r_tmax = r_tmax
        self.timing: dict[str, Any] = {}
        self.rewards: dict[str, float] = {}
        self.rng: Any = None
        self.num_tr = 0
        self.performance: float = 0.0
        self.trial: dict[str, Any] | None = None
        self.t: float = 0.0
        self.t_ind = 0
        self._ready = False
        self._top: Any = self
        self._tmax = 0.0
        self._ob: NDArray[Any] | None = None
        self._gt: NDArray[Any] | None = None
        self._clear()
        self.seed()

    def __str__(self) -> str:
        return f"{type(self).__name__}(dt={self.dt:g} ms, timing={self.timing})"

    # What a subclass writes -------------------------------------------------------------------

    def _new_trial(self, **kwargs: Any) -> dict[str, Any] | None:
        """Lay out a trial and return what was drawn for it."""
        raise NotImplementedError(f"{type(self).__name__}._new_trial is not written")

    def _step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Return observation, reward, terminated, truncated and info of an action."""
        raise NotImplementedError(f"{type(self).__name__}._step is not written")

    # Gymnasium --------------------------------------------------------------------------------

    def seed(self, seed: int | Seed | None = None) -> list[Any]:
        """Start the random numbers anew: the trials', the action space's and each duration's.

        Parameters
        ----------
        seed : int or Seed, optional
            None takes it from the operating system.

        Returns
        -------
        list
            The seed.
        """
        root = np.random.SeedSequence() if seed is None else as_seed(seed).sequence()
        self.rng = _random_state(root, 0)
        if seed is not None and isinstance(getattr(self, "action_space", None), gymnasium.Space):
            self.action_space.seed(_integer(root, 1))
        for at, name in enumerate(sorted(getattr(self, "timing", {}))):
            # Each duration has a stream of its own: with one seed for all they would be equal.
            if hasattr(self.timing[name], "seed"):
                self.timing[name].seed(_integer(root, 2 + at))
        self._durations: dict[str, np.random.Generator] = {}
        self._root = root
        return [seed]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin a trial and return its first observation.

        Parameters
        ----------
        seed : int, optional
            Determines everything that follows.
        options : dict, optional
            Taken for NeuroGym's sake and not used: no step is taken here.
        """
        super().reset(seed=seed)
        if seed is not None:
            self.seed(seed)
        self.num_tr = 0
        self._ready = True
        self._top.new_trial()
        return self._shown(), {}

    def new_trial(self, **kwargs: Any) -> dict[str, Any] | None:
        """Lay out the next trial and return what was drawn for it.

        Parameters
        ----------
        **kwargs
            Passed on to `_new_trial`.
        """
        self.t, self.t_ind = 0.0, 0
        self._clear()
        self.trial = self._new_trial(**kwargs)
        self.num_tr += 1
        self._ready = True
        return self.trial

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Act, and return observation, reward, terminated, truncated, info.

        At a trial's end ``info["trial"]`` and ``info["performance"]`` describe the trial that
        ended, and the observation is the first of the next.

        Raises
        ------
        ActionError
            If `action` lies outside the action space.
        ResetNeeded
            If there is no trial yet.
        """
        if not self._ready:
            raise ResetNeeded("Call reset() before step().")
        if not self.action_space.contains(action):
            plain = np.asarray(action)
            if plain.ndim or not self.action_space.contains(plain.item()):
                raise ActionError(f"action: expected a member of {self.action_space}, got {action}")
            action = plain.item()
        right = self.gt_now
        _, reward, terminated, truncated, info = self._step(action)
        info = {"new_trial": False, "gt": right, **info}
        self.t += self.dt
        self.t_ind += 1
        if self.t_ind >= self._n_steps and not info["new_trial"]:
            info["new_trial"] = True
            reward += self.r_tmax
        if info["new_trial"]:
            info["performance"], info["trial"] = self.performance, self.trial
            self.performance = 0.0
            truncated = truncated or self.num_tr >= self.num_tr_exp
            self._top.new_trial()
        # A reward of one number in an array is one too.
        return self._shown(), float(np.asarray(reward).item()), terminated, truncated, info

    def tell(self, **values: Any) -> dict[str, Any]:
        """Add to the present trial what a wrapper drew it by, and return all of it.

        Parameters
        ----------
        **values
            What to add; it has no effect on the trial.
        """
        self.trial = {**(self.trial or {}), **values}
        return self.trial

    def set_top(self, wrapper: Any) -> None:
        """Make trials begin by the outermost wrapper's `new_trial`.

        Parameters
        ----------
        wrapper : TrialWrapper
            The outermost one.
        """
        self._top = wrapper

    def trial_length_stats(self, num_trials: int = 100) -> dict[str, float]:
        """Return mean, s.d., 95th percentile and maximum of the length of trials in steps.

        Parameters
        ----------
        num_trials : int
            How many trials to lay out.
        """
        lengths = []
        for _ in range(num_trials):
            self.new_trial()
            lengths.append(self._n_steps)
        return {
            "mean": float(np.mean(lengths)),
            "std": float(np.std(lengths)),
            "percentile_95": float(np.percentile(lengths, 95)),
            "max": float(np.max(lengths)),
        }


# For isinstance: code that asks for NeuroGym's classes is given what has their interface.
TrialEnv.register(TaskEnv)
PeriodEnv = TrialEnv


def _random_state(root: np.random.SeedSequence, word: int) -> Any:
    # RandomState and not Generator: what is written for NeuroGym calls its methods.
    sequence = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, word))
    return np.random.RandomState(np.random.MT19937(sequence))


def _integer(root: np.random.SeedSequence, word: int) -> int:
    sequence = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, word))
    return int(sequence.generate_state(1, np.uint32)[0])
