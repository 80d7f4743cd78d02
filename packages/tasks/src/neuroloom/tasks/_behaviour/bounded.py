"""A model of subjects: evidence is added up to a bound."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._errors import real


class BoundedObserver:
    """An agent that adds up the difference of two channels until it reaches a bound.

    The drift-diffusion model on the task's own noise, a policy for `run_trials`: on the
    reaction-time task it trades speed for accuracy as subjects do (Palmer, Huk & Shadlen 2005,
    J. Vision 5:376).

    Parameters
    ----------
    bound : float
        Height of the bound, in units of the summed difference times seconds.
    channels : tuple of int
        The channels of action 1 and of action 2.
    dt : float
        Step of the task in ms.
    periods : tuple of int
        Numbers of the periods in which evidence is added up and an answer may be given.

    Raises
    ------
    TaskError
        If the bound is not above 0.
    """

    def __init__(
        self,
        bound: float,
        *,
        dt: float,
        periods: tuple[int, ...],
        channels: tuple[int, int] = (1, 2),
    ) -> None:
        self.bound = real("bound", bound, minimum=0, above=True)
        self._dt, self._periods, self._channels = dt / 1000, np.asarray(periods), channels
        self._evidence = np.zeros(0)

    def __call__(self, observation: NDArray[np.float32], info: dict[str, Any]) -> NDArray[np.int64]:
        """Return the actions of environments that show `observation`."""
        if len(self._evidence) != len(observation):
            self._evidence = np.zeros(len(observation))
        self._evidence[info["new_trial"]] = 0
        first, second = (observation[:, at].astype(float) for at in self._channels)
        listening = np.isin(info["period"], self._periods)
        self._evidence += np.where(listening, (first - second) * self._dt, 0)
        there = listening & (np.abs(self._evidence) >= self.bound)
        return np.where(there, np.where(self._evidence > 0, 1, 2), 0)
