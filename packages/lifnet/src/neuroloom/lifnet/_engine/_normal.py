"""Normal random input by counter: what neuron n gets in step t depends on (seed, drive, t, n)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._engine._noise import mix, step_keys
from neuroloom.lifnet._errors import NetworkError
from neuroloom.shared import checks, compiled
from neuroloom.shared.random import GOLDEN

AS_CURRENT = -1
_FIRST = 2**32  # number of the first drive's stream, behind those of random counts
_HALF = 2.0**-32


@dataclass(frozen=True, slots=True, eq=False)
class NormalDrive:
    """Independent normal input of mean 0 per neuron and step.

    Parameters
    ----------
    sd : ndarray, shape (n_neurons,)
        Standard deviation of a step's value: of the current, or of the weight that enters the
        channel.
    channel : int, optional
        Synaptic channel that the values enter; a current that holds for the step if not given.
    start, stop : int, optional
        First absolute step with input, and the first without.
    """

    sd: NDArray[np.float64]
    channel: int = AS_CURRENT
    start: int = 0
    stop: int | None = None

    def __post_init__(self) -> None:
        sd = np.array(checks.array("sd", self.sd, dtype=np.float64, error=NetworkError))
        if sd.ndim != 1 or (sd < 0).any():
            raise NetworkError("sd: expected finite values of at least 0, one per neuron")
        checks.whole("channel", self.channel, at_least=AS_CURRENT, error=NetworkError)
        checks.whole("start", self.start, at_least=0, error=NetworkError)
        if self.stop is not None:
            checks.whole("stop", self.stop, at_least=0, error=NetworkError)
        object.__setattr__(self, "sd", sd)

    def keys(
        self, seed: int, index: int, first_step: int, n_steps: int
    ) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """Return the state of each step's stream, and whether the step has input.

        Parameters
        ----------
        seed : int
            Seed of the run.
        index : int
            Place of this drive in the run's list.
        first_step, n_steps : int
            Absolute number of the first step, and number of steps.
        """
        steps = np.arange(first_step, first_step + n_steps)
        on = (steps >= self.start) & (steps < (np.inf if self.stop is None else self.stop))
        return step_keys(seed, _FIRST + index, first_step, n_steps), on


def _normal(key: Any, n: Any) -> float:
    """Return neuron n's normal number of a step, by Box and Muller from the halves of one word."""
    word = mix(key + GOLDEN * (n + np.uint64(1)))
    u = (np.float64(word >> np.uint64(32)) + 0.5) * _HALF
    angle = 2 * np.pi * np.float64(word & np.uint64(0xFFFFFFFF)) * _HALF
    return float(np.sqrt(-2 * np.log(u)) * np.cos(angle))


normal: Any = compiled(inline="always")(_normal)
