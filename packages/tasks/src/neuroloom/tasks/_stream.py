"""A stream of trials: what every door reads from."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared import Seed, as_seed
from neuroloom.tasks._errors import whole
from neuroloom.tasks._plan import Plan
from neuroloom.tasks._table import Rows, Table


class Stream:
    """The trials of ``(task, seed, index)``, one after another, step by step.

    Stream `i` of a seed is the same to the last byte wherever it is read: by the single
    environment (stream 0), by environment `i` of a vector environment, by row `i` of a data set,
    in pieces of any length. Conditions and noise come from two generators, so that noise leaves
    the conditions as they are.

    Parameters
    ----------
    plan : Plan
        Task to draw from.
    seed : int or Seed or None
        Root of the streams; None takes it from the operating system.
    index : int
        Which stream.
    """

    def __init__(self, plan: Plan, seed: int | Seed | None, index: int = 0) -> None:
        self.plan = plan
        root = np.random.SeedSequence() if seed is None else _root(seed)
        words = (*root.spawn_key, whole("index", index))
        self._draws = _generator(root.entropy, (*words, 0))
        self._noise = _generator(root.entropy, (*words, 1))
        self._memory: dict[str, Any] = {}
        self._table: Table | None = None
        self._row = 0
        self._n_trials = 0
        self._fixed: dict[str, Any] = {}
        self._scratch = np.empty(0, dtype=np.float32)

    def fill(
        self,
        observation: NDArray[np.float32],
        target: NDArray[Any],
        offset: int = 0,
        stride: int = 1,
    ) -> list[tuple[int, Rows]]:
        """Write the next steps into every `stride`-th row of `observation` and `target`.

        Parameters
        ----------
        observation, target : array, (n_rows, …)
            Where to write, contiguous.
        offset : int
            Row of the first step.
        stride : int
            How many rows further the next step goes.

        Returns
        -------
        list of (int, Rows)
            Where in the output each run of steps begins, and the steps: at the end of a block a
            new run begins.
        """
        at, spans, steps = 0, [], -(-(len(observation) - offset) // stride)
        while at < steps:
            table = self._current()
            start = self._row
            stop = min(table.n_rows, start + steps - at)
            place = offset + at * stride
            self.plan.emit(table, start, stop, self._normal, observation, target, place, stride)
            spans.append((at, Rows(table, start, stop)))
            at, self._row = at + stop - start, stop
        return spans

    def trial(self, **fixed: Any) -> tuple[NDArray[np.float32], NDArray[Any], Rows]:
        """Return one trial drawn apart from the blocks, with some conditions as given."""
        table = self.plan.block(self._draws, self._memory, n=1, fixed=fixed)
        table.first = self._n_trials
        observation, target = self.empty(table.n_rows)
        self.plan.emit(table, 0, table.n_rows, self._normal, observation, target, 0, 1)
        return observation, target, Rows(table, 0, table.n_rows)

    def next_trial(self) -> tuple[NDArray[np.float32], NDArray[Any], Rows]:
        """Return the next whole trial: at a trial's start this one, within one the next."""
        table = self._current()
        begins = np.searchsorted(table.starts, self._row)
        if begins == table.n_trials:
            self.fill(*self.empty(table.n_rows - self._row))
            return self.next_trial()
        self.fill(*self.empty(int(table.starts[begins]) - self._row))
        start, stop = int(table.starts[begins]), int(table.starts[begins + 1])
        observation, target = self.empty(stop - start)
        self.fill(observation, target)
        return observation, target, Rows(table, start, stop)

    def fix(self, conditions: dict[str, Any]) -> None:
        """Give all trials from now on these conditions; drops what is left of the block."""
        self._fixed = dict(conditions)
        self._table = None

    def empty(self, n: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Return room for the observations and targets of `n` steps."""
        plan = self.plan
        observation = np.empty((n, plan.n_channels), dtype=np.float32)
        return observation, np.empty((n, *plan.target_shape), dtype=plan.target_dtype)

    def copy(self) -> Stream:
        """Return a stream that goes on as this one would."""
        return copy.deepcopy(self)

    def _current(self) -> Table:
        if self._table is None or self._row == self._table.n_rows:
            self._table = self.plan.block(self._draws, self._memory, fixed=self._fixed)
            self._table.first = self._n_trials
            self._n_trials += self.plan.block_size
            self._row = 0
        return self._table

    def _normal(self, n: int, k: int) -> NDArray[np.float32]:
        """Return noise that is overwritten by the next call."""
        if self._scratch.size < n * k:
            self._scratch = np.empty(max(n * k, 2 * self._scratch.size), dtype=np.float32)
        draws = self._scratch[: n * k]
        self._noise.standard_normal(out=draws, dtype=np.float32)
        return draws.reshape(n, k)


def _root(seed: int | Seed) -> np.random.SeedSequence:
    return as_seed(seed).sequence()


def _generator(entropy: Any, words: tuple[int, ...]) -> np.random.Generator:
    sequence = np.random.SeedSequence(entropy, spawn_key=words)
    return np.random.Generator(np.random.SFC64(sequence))
