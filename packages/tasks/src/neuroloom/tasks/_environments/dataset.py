"""Trials as batches for supervised learning."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any, Literal

import numpy as np
from gymnasium import Env
from numpy.typing import NDArray

from neuroloom.shared import Seed, as_seed, checks, require
from neuroloom.tasks._design.catalogue import get_task
from neuroloom.tasks._design.table import Rows, Table
from neuroloom.tasks._design.task import Task
from neuroloom.tasks._engine.plan import TaskPlan, make_plan
from neuroloom.tasks._engine.streams import (
    Counts,
    Reader,
    Source,
    Spans,
    Streams,
    TrialReader,
    told_apart,
    write,
)
from neuroloom.tasks._environments.batch import Batch, card_of
from neuroloom.tasks._environments.env_stream import EnvPlan, EnvStreams, without_bystanders
from neuroloom.tasks._environments.making import make
from neuroloom.tasks._environments.single import TaskEnv
from neuroloom.tasks._errors import TaskError, TaskTypeError, fail, flag, real, unknown, whole
from neuroloom.tasks._random.backend import Backend

_CACHE_VALUES = 2**20
_PHASES = ("free", "fixate", "decide")


class Dataset:
    """An endless (or `max_batch` long) iterator over batches of a task's trials.

    Row `i` of the batches is stream `i` of `seed`, the trials that environment `i` of a vector
    environment shows; batches are its consecutive pieces, however they are cached.

    Parameters
    ----------
    env : str, Task or gymnasium.Env
        Id of a task, a task, or an environment with trials. Of a task's own environment the task
        is read, as fast as by its id; of one in wrappers of trials, or written step by step,
        `batch_size` copies are made, which is slower, and rows are their trials, each copy with a
        seed of its own. Outer wrappers of gymnasium's that change neither what is shown nor what
        is right (limits of time, statistics, actions, rewards) are left out; one that changes what
        is shown step by step is refused, as a data set takes no steps.
    env_kwargs : dict, optional
        Parameters of the task, if `env` is an id.
    batch_size : int
        Number of rows.
    seq_len : int, optional
        Steps of a sequence. Default 1000, or with ``align="trial"`` the longest trial of the
        batch.
    max_batch : int, optional
        Batches until `StopIteration`; then it can be iterated again.
    batch_first : bool
        Whether the batch is the first axis and not the second.
    cache_len : int, optional
        Steps drawn at once for each row; changes the speed, nothing else. Not with
        ``align="trial"``, which draws a trial at a time.
    align : str
        ``"stream"``: sequences are consecutive pieces of the stream, beginning wherever the last
        one ended. ``"trial"``: each row is one whole trial, padded with 0.
    mask_weights : dict, optional
        Weight in `Batch.mask` of the phases ``"free"``, ``"fixate"``, ``"decide"``; default 1.
    output : str
        ``"numpy"`` or ``"torch"`` (tensors that share the arrays' memory).
    split : str
        ``"train"`` or any other name, ``"test"``: splits never share a stream.
    backend : str
        ``"auto"`` (numba if installed), ``"numba"`` or ``"numpy"``; changes the speed, no bit.
    seed : int or Seed, optional
        Root of the streams; None takes that of the environment, if it was made with one, or else
        from the operating system.

    Raises
    ------
    TaskTypeError
        If an argument is of the wrong kind, an environment is wrapped by what changes its
        observations, or the task has no ground truth.
    TaskError
        If a number is out of range or an option unknown.

    Examples
    --------
    >>> from neuroloom.tasks import Dataset
    >>> dataset = Dataset("PerceptualDecisionMaking-v0", batch_size=16, seq_len=100, seed=1)
    >>> inputs, target = dataset()
    >>> inputs.shape, target.shape
    ((100, 16, 3), (100, 16))
    """

    def __init__(
        self,
        env: str | Task | Env[Any, Any],
        env_kwargs: Mapping[str, Any] | None = None,
        batch_size: int = 1,
        seq_len: int | None = None,
        max_batch: int | None = None,
        batch_first: bool = False,
        cache_len: int | None = None,
        *,
        align: Literal["stream", "trial"] = "stream",
        mask_weights: Mapping[str, float] | None = None,
        output: Literal["numpy", "torch"] = "numpy",
        split: str = "train",
        backend: Backend = "auto",
        seed: int | Seed | None = None,
    ) -> None:
        self._env = env if isinstance(env, Env) else None
        self._envs: list[Any] = []
        self.plan: TaskPlan | EnvPlan
        env = without_bystanders(env)
        if isinstance(env, Env) and not isinstance(env, TaskEnv):
            if env_kwargs:
                raise fail("env_kwargs", "none beside an environment", sorted(env_kwargs))
            self.plan = EnvPlan(env)
        else:
            self.plan = make_plan(_task(env, env_kwargs), backend)
        self.batch_size = whole("batch_size", batch_size, minimum=1)
        if align not in ("stream", "trial"):
            raise unknown("align", align, ("stream", "trial"))
        if output not in ("numpy", "torch"):
            raise unknown("output", output, ("numpy", "torch"))
        self.align, self._output = align, output
        self._given_len = None if seq_len is None else whole("seq_len", seq_len, minimum=1)
        self.seq_len = 1000 if self._given_len is None else self._given_len
        self.max_batch = None if max_batch is None else whole("max_batch", max_batch, minimum=1)
        self.batch_first = flag("batch_first", batch_first)
        self._weights = _weights(mask_weights)
        if align == "trial" and cache_len is not None:
            raise fail("cache_len", "none with align='trial', as whole trials are drawn", cache_len)
        self._cache_len = self._steps_at_once(cache_len)
        self._split = checks.text("split", split, error=TaskTypeError)
        self._fixed = told_apart({})
        self._i_batch = 0
        if output == "torch":
            require("torch", extra="neuroloom-tasks[torch]")
        self._worker = 0
        self._at = self._cached = 0
        # What is in the cache, or in the last batch of whole trials.
        self._spans: list[Spans] = []
        self._trials: tuple[Table, NDArray[np.int64]] | None = None
        # An environment brings the seed that it was made with.
        made_with = None if self._env is None else getattr(self._env.unwrapped, "seeded", None)
        self.seed(made_with if seed is None else seed)

    @property
    def inputs_shape(self) -> tuple[int, ...]:
        """Shape of the inputs of a batch."""
        return (*self._shape(self.seq_len), self.plan.n_channels)

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Shape of the target of a batch."""
        return (*self._shape(self.seq_len), *self.plan.target_shape)

    @property
    def envs(self) -> list[Any]:
        """Environments like those of the rows, one a row; the same ones at every look."""
        if not self._envs:
            one = make(self.plan.task) if self._env is None else self._env
            self._envs = [copy.deepcopy(one) for _ in range(self.batch_size)]
        return self._envs

    @property
    def env(self) -> Any:
        """An environment like that of the first row."""
        return self.envs[0]

    def seed(self, seed: int | Seed | None = None) -> None:
        """Go to the start of the streams of `seed`; None takes it from the operating system."""
        if seed is None:
            seed = int(np.random.SeedSequence().entropy)  # type: ignore[arg-type]
        root = as_seed(seed)
        if self._split != "train":
            root = root.child(f"split {self._split}")
        self._read(root)

    def _read(self, root: Seed) -> None:
        """Go to the start of the streams of a root."""
        plan, n = self.plan, self.batch_size
        self._root = root
        source: Source
        if isinstance(plan, EnvPlan):
            source = EnvStreams(
                plan, root.child("worker").child(self._worker) if self._worker else root, n
            )
        else:
            source = Streams(plan, root, n, first=self._worker * n)
        self._reader: Reader | TrialReader
        if self.align == "trial":
            self._reader = TrialReader(source, n, plan.at_once)
        else:
            self._reader = Reader(source, n, plan.mean_steps, plan.at_once)
        self._forget()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> tuple[Any, Any]:
        return self()

    def __len__(self) -> int:
        """Return `max_batch`.

        Raises
        ------
        TaskTypeError
            If there is no end.
        """
        if self.max_batch is None:
            raise TaskTypeError("len: the data set has no end; give it max_batch")
        return self.max_batch

    def __call__(self, **conditions: Any) -> tuple[Any, Any]:
        """Return the next batch as inputs and target.

        Parameters
        ----------
        **conditions
            Conditions that all trials from now on get, ``coh=51.2``, until the next call.
        """
        inputs, target = self._next(conditions)
        return self._out(inputs), self._out(target)

    def batch(self, **conditions: Any) -> Batch:
        """Return the next batch with mask, trial numbers, periods and conditions.

        Parameters
        ----------
        **conditions
            Conditions that all trials from now on get, until the next call.
        """
        inputs, target = self._next(conditions)
        shape = self._shape(inputs.shape[1 if self.batch_first else 0])
        trial, period = np.full(shape, -1, dtype=np.int64), np.full(shape, -1, dtype=np.int64)
        mask = np.zeros(shape, dtype=np.float32)
        drawn: dict[str, NDArray[Any]] = {}
        for row, (start, rows) in self._spans_of_batch():
            part = slice(start, start + len(rows))
            where = (row, part) if self.batch_first else (part, row)
            trial[where] = np.asarray(rows.table.number)[rows.trial]
            period[where] = rows.period
            mask[where] = self._weights[self.plan.phase[rows.period]]
            for name, values in rows.conditions.items():
                if name not in drawn:
                    drawn[name] = np.zeros((*shape, *values.shape[1:]), dtype=values.dtype)
                drawn[name][where] = values[rows.trial]
        return Batch(
            inputs=self._out(inputs),
            target=self._out(target),
            mask=self._out(mask),
            trial=self._out(trial),
            period=self._out(period),
            conditions={name: self._out(values) for name, values in drawn.items()},
            period_names=self.plan.period_names,
            card=card_of(self.plan.task, self._root, self._split),
        )

    def iterable(self) -> Any:
        """Return this data set as a torch `IterableDataset`, for a `DataLoader` with workers.

        Worker `k` reads the streams ``k * batch_size`` and following, so that no two serve the
        same trials; without workers the batches are those of this data set. Give the loader
        ``batch_size=None``, as batches are made here. With `max_batch` the next pass goes on where
        the last one ended; a loader whose workers end with each pass begins the streams anew, so
        give it ``persistent_workers=True``.
        """
        from neuroloom.tasks._environments.loading import iterable

        return iterable(self)

    def for_worker(self, worker: int) -> Dataset:
        """Return a copy that reads the streams of a worker, from their start.

        Parameters
        ----------
        worker : int
            Its number; 0 reads those of this data set.
        """
        own = copy.deepcopy(self)
        own._worker = whole("worker", worker)
        own._read(own._root)
        return own

    # Within -----------------------------------------------------------------------------------

    def _next(self, conditions: dict[str, Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        if self.max_batch is not None and self._i_batch >= self.max_batch:
            self._i_batch = 0
            raise StopIteration
        fixed = told_apart(conditions)
        if fixed != self._fixed:
            self._fixed = fixed
            self._reader.fix(conditions, self._number_to_come())
            self._forget()
        reader = self._reader
        if isinstance(reader, TrialReader):
            batch = self._whole_trials(reader)
        else:
            batch = self._pieces(reader)
        self._i_batch += 1
        return batch

    def _pieces(self, reader: Reader) -> tuple[NDArray[Any], NDArray[Any]]:
        if self._at == self._cached:
            self._refill(reader)
        part = slice(self._at, self._at + self.seq_len)
        self._at = part.stop
        # Parts of the cache, which is left to their owners when the next one is made.
        if self.batch_first:
            return self._inputs[:, part].copy(), self._target[:, part].copy()
        return self._inputs[part], self._target[part]

    def _refill(self, reader: Reader) -> None:
        size, steps, plan = self.batch_size, self._cache_len, self.plan
        shape = self._shape(steps)
        inputs = np.empty((steps * size, plan.n_channels), dtype=np.float32)
        target = np.empty((steps * size, *plan.target_shape), dtype=plan.target_dtype)
        self._spans = reader.read(steps)
        stride = 1 if self.batch_first else size
        placed = [
            (rows, row * steps + at if self.batch_first else row + at * size)
            for row, spans in enumerate(self._spans)
            for at, rows in spans
        ]
        write(plan, placed, inputs, target, stride)
        self._inputs = inputs.reshape(*shape, plan.n_channels)
        self._target = target.reshape(*shape, *plan.target_shape)
        self._at, self._cached = 0, steps

    def _whole_trials(self, reader: TrialReader) -> tuple[NDArray[Any], NDArray[Any]]:
        table, trials = reader.read()
        begin, end = table.starts[trials], table.starts[trials + 1]
        longest = int((end - begin).max())
        length = longest if self._given_len is None else self._given_len
        if longest > length:
            raise TaskError(
                f"seq_len: expected at least the {longest} steps of the longest trial, got "
                f"{length}; leave seq_len out to pad to the longest"
            )
        shape = self._shape(length)
        inputs = np.zeros((*shape, self.plan.n_channels), dtype=np.float32)
        target = np.zeros((*shape, *self.plan.target_shape), dtype=self.plan.target_dtype)
        flat = inputs.reshape(-1, self.plan.n_channels)
        right = target.reshape(-1, *self.plan.target_shape)
        apart, stride = (length, 1) if self.batch_first else (1, self.batch_size)
        place = np.arange(self.batch_size) * apart
        pieces = np.stack([begin, end, place], axis=1)
        self.plan.emit(table, pieces, flat, right, stride)
        self._trials = table, trials
        return inputs, target

    def _number_to_come(self) -> Counts | None:
        """Return the number of every row's first trial of which no step was served."""
        if self._trials is not None:
            table, trials = self._trials
            return 1 + np.asarray(table.number)[trials]
        if not self._spans:
            return None
        number = np.zeros(self.batch_size, dtype=np.int64)
        for row, spans in enumerate(self._spans):
            rows = _cut(spans, self._at - 1, self._at)[-1][1]
            number[row] = 1 + np.asarray(rows.table.number)[rows.trial[-1]]
        return number

    def _spans_of_batch(self) -> Iterator[tuple[int, tuple[int, Rows]]]:
        """Yield row, first step and steps of every run of trials in the last batch."""
        if self._trials is not None:
            table, trials = self._trials
            for row, trial in enumerate(trials):
                start, stop = table.starts[trial : trial + 2].tolist()
                yield row, (0, Rows(table, start, stop))
        for row, spans in enumerate(self._spans):
            for span in _cut(spans, self._at - self.seq_len, self._at):
                yield row, span

    def _forget(self) -> None:
        self._at = self._cached = 0
        self._spans, self._trials = [], None

    def _steps_at_once(self, cache_len: int | None) -> int:
        if cache_len is None:
            width = self.plan.n_channels + max(1, int(np.prod(self.plan.target_shape)))
            cache_len = min(_CACHE_VALUES // (width * self.batch_size), 50 * self.seq_len)
        else:
            cache_len = whole("cache_len", cache_len, minimum=1)
        return self.seq_len * max(1, -(-cache_len // self.seq_len))

    def _shape(self, length: int) -> tuple[int, int]:
        return (self.batch_size, length) if self.batch_first else (length, self.batch_size)

    def _out(self, values: NDArray[Any]) -> Any:
        if self._output == "numpy":
            return values
        # Asked for here and not kept, as a module cannot be pickled.
        return require("torch", extra="neuroloom-tasks[torch]").from_numpy(values)


def _task(env: Any, env_kwargs: Mapping[str, Any] | None) -> Task:
    if not isinstance(env_kwargs, (Mapping, NoneType)):
        raise TaskTypeError(
            f"env_kwargs: expected a mapping of parameters, or None, got {env_kwargs!r} "
            f"({type(env_kwargs).__name__})"
        )
    if isinstance(env, (str, Task)):
        task = get_task(env, **(env_kwargs or {}))
    elif isinstance(env, TaskEnv):
        if env_kwargs:
            raise fail("env_kwargs", "none beside an environment", sorted(env_kwargs))
        task = env.task
    else:
        raise TaskTypeError(
            f"env: expected an id, a Task or a gymnasium.Env, got {type(env).__name__}"
        )
    if task.no_ground_truth:
        raise TaskTypeError(
            f"{type(task).__name__} has no ground truth to learn from: {task.no_ground_truth}"
        )
    return task


def _weights(given: Mapping[str, float] | None) -> NDArray[np.float32]:
    weights = np.ones(len(_PHASES), dtype=np.float32)
    for name, value in (given or {}).items():
        if name not in _PHASES:
            raise unknown("mask_weights", name, _PHASES)
        weights[_PHASES.index(name)] = real(f"mask_weights[{name!r}]", value, minimum=0)
    return weights


def _cut(spans: list[tuple[int, Rows]], start: int, stop: int) -> list[tuple[int, Rows]]:
    """Return the parts of the spans that lie between `start` and `stop`, counted from `start`."""
    out = []
    for at, rows in spans:
        first, last = max(at, start), min(at + len(rows), stop)
        if first < last:
            shift = rows.start - at
            out.append((first - start, Rows(rows.table, first + shift, last + shift)))
    return out
