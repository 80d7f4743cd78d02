"""Streams of trials: what every door reads from."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared import Seed, as_seed
from neuroloom.shared.random import numbered
from neuroloom.tasks._design.table import Rows, Table, join
from neuroloom.tasks._engine.plan import BLOCK, TaskPlan
from neuroloom.tasks._random.counter import Draws

Counts = NDArray[np.int64]
_KINDS = 32
Spans = list[tuple[int, Rows]]
"""Runs of steps, and where in the output each begins."""


class Source(Protocol):
    """Trials of several streams."""

    def take(self, counts: Counts) -> Table:
        """Return the next ``counts[i]`` trials of every stream `i`, stream after stream."""
        ...

    def fix(self, conditions: dict[str, Any], number: Counts | None = None) -> None:
        """Give all trials from now on these conditions; `number`: each stream's next one."""
        ...


class Streams:
    """The trials of ``(task, seed, index)`` for several streams, in any order and any number.

    Stream `i` of a seed is the same to the last byte wherever it is read: by the single
    environment (stream 0), by environment `i` of a vector environment, by row `i` of a data set,
    in pieces of any length, beside any others. Conditions and noise have keys of their own, so
    that noise leaves the conditions as they are.

    Trials are independent of one another and drawn by their number, those of all streams at once;
    but those of a task that writes `session` are drawn one block after another.

    Parameters
    ----------
    plan : Plan
        Task to draw from.
    seed : int or Seed or None, or sequence of them
        Root of the streams; None takes it from the operating system. Of a sequence, each gives
        the first stream of a seed of its own.
    n : int
        How many streams, if there is one seed.
    first : int
        Number of the first of them.
    """

    def __init__(self, plan: TaskPlan, seed: Any = None, n: int = 1, *, first: int = 0) -> None:
        self.plan = plan
        if isinstance(seed, (list, tuple, np.ndarray)):
            of = [(_root(one), 0) for one in seed]
        else:
            root_of_all = _root(seed)
            of = [(root_of_all, index) for index in range(first, first + n)]
        roots = [
            np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, index))
            for root, index in of
        ]
        keys = np.array([root.generate_state(2, np.uint64) for root in roots])
        self._conditions_keys, self._noise_keys = keys.T.copy()
        self._next = np.zeros(len(roots), dtype=np.int64)
        self._sessions = [Session(plan, root) for root in roots] if plan.sessions else []
        self._apart = 0
        self._beside: dict[Any, tuple[int, Table | None]] = {}
        self._fixed: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self._next)

    def take(self, counts: Counts) -> Table:
        """Return the next ``counts[i]`` trials of every stream `i`, stream after stream."""
        of = np.repeat(np.arange(len(self)), counts)
        before = np.cumsum(counts) - counts
        number = np.arange(len(of)) + (self._next - before)[of]
        if self._sessions:
            pairs = zip(self._sessions, counts, strict=True)
            table = join([t for one, k in pairs if k for t in one.take(int(k), self._fixed)])
        else:
            draws = Draws(numbered(self._conditions_keys[of], number))
            table = self.plan.block(draws, {}, n=len(of), fixed=self._fixed)
        table.number, table.keys = number, numbered(self._noise_keys[of], number)
        self._next += counts  # not before, as what is given may be refused
        return table

    def replace(self, which: NDArray[np.int64], other: Streams) -> None:
        """Go to the start of some streams of another seed.

        Parameters
        ----------
        which : array of int
            Numbers of the streams.
        other : Streams
            As many streams, of which those are taken.
        """
        for mine, theirs in (
            (self._conditions_keys, other._conditions_keys),
            (self._noise_keys, other._noise_keys),
            (self._next, other._next),
        ):
            mine[which] = theirs[which]
        for at in which if self._sessions else ():
            self._sessions[at] = other._sessions[at]

    def apart(self, fixed: dict[str, Any]) -> tuple[Table, int]:
        """Return a trial of the first stream beside those that it gives in turn.

        It is drawn by a number of its own, whatever it gets, and hence together with others that
        may follow: a wrapper that sets one of two ground truths draws two blocks, not a trial a
        call.

        Parameters
        ----------
        fixed : dict
            Conditions that it gets.

        Returns
        -------
        table : Table
        row : int
            Which of the table's trials it is.
        """
        self._apart += 1
        if self._sessions:
            table = self._sessions[0].apart(self._apart, fixed)
            numbers = np.array([-self._apart])
            table.number, table.keys = self._next[:1], numbered(self._noise_keys[:1], numbers)
            return table, 0
        kind = told_apart(fixed)
        first, held = self._beside.pop(kind, (0, None))
        row = self._apart - first
        if held is None or row >= held.n_trials:
            # More at once of what was asked for before.
            many = 1 if held is None else min(4 * held.n_trials, BLOCK)
            numbers = -np.arange(self._apart, self._apart + many)
            draws = Draws(numbered(self._conditions_keys[:1], numbers))
            held = self.plan.block(draws, {}, n=many, fixed=fixed)
            held.number = np.repeat(self._next[:1], many)
            held.keys = numbered(self._noise_keys[:1], numbers)
            first, row = self._apart, 0
        if len(self._beside) >= _KINDS:
            self._beside.pop(next(iter(self._beside)))
        self._beside[kind] = (first, held)
        return held, row

    def fix(self, conditions: dict[str, Any], number: Counts | None = None) -> None:
        """Give all trials from now on these conditions; `number`: each stream's next one.

        A session cannot go back; it goes on with its next block.
        """
        self._fixed = dict(conditions)
        for session in self._sessions:
            session.drop()
        if number is not None and not self._sessions:
            self._next = number.copy()


class Session:
    """The trials of a stream in which they depend on those before, block after block."""

    def __init__(self, plan: TaskPlan, root: np.random.SeedSequence) -> None:
        self._plan, self._root = plan, root
        self._rng = self._generator(0)
        self._memory: dict[str, Any] = {}
        self._block: Table | None = None
        self._at = 0

    def take(self, count: int, fixed: dict[str, Any]) -> list[Table]:
        """Return the next `count` trials, in pieces."""
        pieces = []
        while count:
            if self._block is None or self._at == BLOCK:
                self._block = self._plan.block(self._rng, self._memory, fixed=fixed)
                self._at = 0
            stop = min(self._at + count, BLOCK)
            pieces.append(self._block.cut(self._at, stop))
            count -= stop - self._at
            self._at = stop
        return pieces

    def apart(self, number: int, fixed: dict[str, Any]) -> Table:
        """Return one trial that leaves those to come as they are."""
        memory = copy.deepcopy(self._memory)
        return self._plan.block(self._generator(number), memory, n=1, fixed=fixed)

    def drop(self) -> None:
        """Leave what is left of the block."""
        self._block = None

    def _generator(self, number: int) -> np.random.Generator:
        words = (*self._root.spawn_key, number)
        root = np.random.SeedSequence(self._root.entropy, spawn_key=words)
        return np.random.Generator(np.random.SFC64(root))


class Reader:
    """Streams read side by side, in pieces of any length.

    Parameters
    ----------
    source : Source
        Where trials come from.
    n : int
        Number of its streams.
    mean_steps : float
        About how many steps a trial has.
    at_once : int
        How many trials, of all streams together, to draw at once in the long run: the more, the
        less it costs, but the longer before the first.
    """

    def __init__(self, source: Source, n: int, mean_steps: float, at_once: int = 1) -> None:
        self._source, self._mean, self._at_once = source, mean_steps, at_once
        self._least = 1
        self._ahead: list[Rows | None] = [None] * n

    def read(self, steps: int) -> list[Spans]:
        """Return the next `steps` of every stream."""
        spans: list[Spans] = [[] for _ in self._ahead]
        missing = [steps] * len(spans)
        while True:
            for row, rows in enumerate(self._ahead):
                lacks = missing[row]
                if rows is None or not lacks:
                    continue
                many = rows.stop - rows.start
                if many <= lacks:
                    self._ahead[row] = None
                else:
                    stop, many = rows.start + lacks, lacks
                    self._ahead[row] = Rows(rows.table, stop, rows.stop)
                    rows = Rows(rows.table, rows.start, stop)
                spans[row].append((steps - lacks, rows))
                missing[row] = lacks - many
            lacking = np.array(missing)
            if not lacking.any():
                return spans
            self._draw(lacking > 0, lacking / self._mean)

    def fix(self, conditions: dict[str, Any], number: Counts | None = None) -> None:
        """Give the trials from now on these conditions; see `Source`."""
        self._source.fix(conditions, number)
        self._ahead = [None] * len(self._ahead)

    def _draw(self, short: NDArray[np.bool_], trials: NDArray[np.float64]) -> None:
        """Draw about so many `trials` of the streams that are `short`, or more for later."""
        # A few more than needed, so that this is hardly ever done twice for a piece.
        many = np.maximum(2 + 1.1 * trials, self._least / short.sum())
        counts = np.where(short, many, 0).astype(np.int64)
        self._least = min(2 * max(self._least, int(counts.sum())), self._at_once)
        table = self._source.take(counts)
        self._mean = table.n_rows / table.n_trials
        edges = table.starts[np.cumsum([0, *counts])].tolist()
        for row in np.flatnonzero(counts).tolist():
            self._ahead[row] = Rows(table, edges[row], edges[row + 1])


class TrialReader:
    """Streams read side by side, a whole trial of each at a time.

    Parameters
    ----------
    source : Source
        Where trials come from.
    n : int
        Number of its streams.
    at_once : int
        See `Reader`.
    """

    def __init__(self, source: Source, n: int, at_once: int = 1) -> None:
        self._source, self._n, self._at_once = source, n, at_once
        self._table: Table | None = None
        self._each, self._turn, self._many = 0, 0, 3

    def read(self) -> tuple[Table, NDArray[np.int64]]:
        """Return the next trial of every stream: a table, and which of its trials they are."""
        if self._table is None or self._turn == self._each:
            self._each, self._turn = max(3, self._many // self._n), 0
            self._table = self._source.take(np.full(self._n, self._each))
            self._many = min(2 * max(self._many, self._n * self._each), self._at_once)
        self._turn += 1
        return self._table, np.arange(self._n) * self._each + (self._turn - 1)

    def fix(self, conditions: dict[str, Any], number: Counts | None = None) -> None:
        """Give the trials from now on these conditions; see `Source`."""
        self._source.fix(conditions, number)
        self._table = None


def write(
    plan: Any,
    placed: Iterable[tuple[Rows, int]],
    observation: NDArray[np.float32],
    target: NDArray[Any],
    stride: int,
) -> None:
    """Write runs of steps, each into every `stride`-th row from its place on."""
    tables: dict[int, tuple[Table, list[tuple[int, int, int]]]] = {}
    for rows, place in placed:
        pieces = tables.setdefault(id(rows.table), (rows.table, []))[1]
        pieces.append((rows.start, rows.stop, place))
    for table, pieces in tables.values():
        plan.emit(table, pieces, observation, target, stride)


def _root(seed: int | Seed | None) -> np.random.SeedSequence:
    return np.random.SeedSequence() if seed is None else as_seed(seed).sequence()


def told_apart(fixed: dict[str, Any]) -> Any:
    """Return what tells conditions that are given from others."""
    if not fixed:
        return ()
    return tuple([(name, *_value(fixed[name])) for name in sorted(fixed)])


def _value(value: Any) -> tuple[Any, ...]:
    """Return kind and value; of what is no whole number or word its bytes, as 0. is not -0."""
    kind = type(value)
    if kind is int or kind is str:
        return kind, value
    try:
        given = np.asarray(value)
    except ValueError:  # ragged: refused where it is drawn with
        return kind, repr(value)
    return given.dtype.str, given.shape, given.tobytes()


def one_trial(plan: TaskPlan, seed: int | Seed) -> tuple[NDArray[np.float32], NDArray[Any], Rows]:
    """Return observations, targets and steps of the first trial of a seed."""
    return laid_out(plan, Streams(plan, seed).take(np.array([1])))


def laid_out(plan: TaskPlan, table: Table) -> tuple[NDArray[np.float32], NDArray[Any], Rows]:
    """Return observations, targets and steps of a whole table."""
    n = table.n_rows
    observation = np.empty((n, plan.n_channels), dtype=np.float32)
    target = np.empty((n, *plan.target_shape), dtype=plan.target_dtype)
    plan.emit(table, [(0, n, 0)], observation, target, 1)
    return observation, target, Rows(table, 0, n)
