"""What all generators share: checked sizes, a random stream, arrays or tensors out."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuroloom.mi._errors import OptionError
from neuroloom.shared import Seed, as_seed


def stream(name: str, seed: int | Seed | None) -> np.random.Generator:
    """Return the generator of one data set; without a seed, a fresh one from the system."""
    root = Seed(secrets.randbits(63)) if seed is None else as_seed(seed)
    return root.child(name).generator()


def hand_out(use_torch: bool, *arrays: NDArray[np.floating]) -> tuple[Any, ...]:
    """Return the arrays, as float32 tensors if asked for."""
    if not use_torch:
        return arrays
    return tuple(torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32)) for a in arrays)


def positive(**values: float) -> None:
    """Check that all values are positive numbers.

    Raises
    ------
    OptionError
        Naming the first that is not.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not np.isreal(value) or not value > 0:
            raise OptionError(f"{name}: expected a positive number, got {value!r}")


def not_negative(**values: float) -> None:
    """Check that all values are numbers of at least 0.

    Raises
    ------
    OptionError
        Naming the first that is not.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not np.isreal(value) or not value >= 0:
            raise OptionError(f"{name}: expected a number of at least 0, got {value!r}")
