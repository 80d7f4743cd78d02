"""Which of several conditions comes next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuroloom.tasks._errors import fail, whole


class BaseSchedule:
    """Which of `n` conditions comes next; call it once a trial.

    Parameters
    ----------
    n : int
        Number of conditions.
    """

    def __init__(self, n: int) -> None:
        self.n = whole("n", n, minimum=1)
        self.rng = np.random.default_rng()
        self.reset()

    def seed(self, seed: Any = None) -> None:
        """Start the random numbers anew; None takes the seed from the operating system."""
        self.rng = np.random.default_rng(seed)

    def reset(self) -> None:
        """Go back to the first call."""
        self.total_count = 0
        self.count = 0
        self.i = 0

    def __call__(self) -> int:
        raise NotImplementedError("a schedule of its own kind says what comes next")


class SequentialSchedule(BaseSchedule):
    """One condition after the other, 0 first.

    Examples
    --------
    >>> from neuroloom.tasks.utils.scheduler import SequentialSchedule
    >>> schedule = SequentialSchedule(3)
    >>> [schedule() for _ in range(5)]
    [0, 1, 2, 0, 1]
    """

    def __call__(self) -> int:
        self.i = self.total_count % self.n
        self.total_count += 1
        return self.i


class RandomSchedule(BaseSchedule):
    """Any condition, each as likely.

    Parameters
    ----------
    n : int
        Number of conditions.
    repeat : bool
        Whether a condition may follow on itself.
    """

    def __init__(self, n: int, *, repeat: bool = True) -> None:
        self.repeat = repeat
        super().__init__(n)

    def __call__(self) -> int:
        if self.repeat or self.n == 1 or self.total_count == 0:
            self.i = int(self.rng.integers(self.n))
        else:
            self.i = (self.i + 1 + int(self.rng.integers(self.n - 1))) % self.n
        self.total_count += 1
        return self.i


class SequentialBlockSchedule(BaseSchedule):
    """Blocks of one condition after the other, 0 first.

    Parameters
    ----------
    n : int
        Number of conditions.
    block_lens : sequence of int
        Length of the block of each.

    Raises
    ------
    TaskError
        If there is not one length for each condition.
    """

    def __init__(self, n: int, block_lens: Sequence[int]) -> None:
        super().__init__(n)
        if len(block_lens) != self.n:
            raise fail("block_lens", f"{self.n} lengths, one a condition", len(block_lens))
        self.block_lens = [whole("block_lens", length, minimum=1) for length in block_lens]

    def __call__(self) -> int:
        if self.count == self.block_lens[self.i]:
            self.count = 0
            self.i = self._next()
        self.count += 1
        self.total_count += 1
        return self.i

    def _next(self) -> int:
        return (self.i + 1) % self.n


class RandomBlockSchedule(SequentialBlockSchedule):
    """Blocks of any other condition, 0 first; see `SequentialBlockSchedule`."""

    def _next(self) -> int:
        if self.n == 1:
            return 0
        return (self.i + 1 + int(self.rng.integers(self.n - 1))) % self.n
