"""One network in the kernel's form: stretches of steps, and what they leave put together."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from neuroloom.lifnet._engine import _kernel as kernel
from neuroloom.lifnet._engine._cells import Cells, Propagators
from neuroloom.lifnet._engine._checks import neurons_of
from neuroloom.lifnet._engine._connectivity import Connectivity
from neuroloom.lifnet._engine._noise import GUIDE_BITS, CountDrive, step_keys
from neuroloom.lifnet._engine._normal import NormalDrive
from neuroloom.lifnet._engine._parts import GRID, MAX_PART, Parts, as_precision
from neuroloom.lifnet._engine._result import Record, Simulation
from neuroloom.lifnet._engine._schedule import Schedule, no_changes
from neuroloom.lifnet._engine._state import State
from neuroloom.lifnet._errors import SimulationError

# Steps between two returns to Python: few enough to show progress, enough to hide the cost.
_STRETCH_BYTES = 64e6
# Threads meet in every step: below this they wait for each other longer than they work.
_LEAST_PER_THREAD = 2560
# What tables of inputs that change in every step may take.
_TABLE_BYTES = 2e6


def kernel_kinds(cells: Cells) -> NDArray[np.int64]:
    """Return the kind of each neuron's synapse, shape (n_channels, n_neurons)."""
    current = np.where(cells.tau_rise > 0, kernel.RISE_AND_DECAY, kernel.EXPONENTIAL)
    return np.where(cells.tau_decay == 0, kernel.DELTA, current)


def _padded(
    tables: list[tuple[NDArray[np.uint64], NDArray[np.uint16], NDArray[np.int32]]],
) -> tuple[NDArray[np.uint64], NDArray[np.uint16]]:
    """Return the thresholds and guides of all drives as one array each."""
    if len(tables) == 1:
        return tables[0][0][np.newaxis], tables[0][1][np.newaxis]
    shape = [len(tables)] + [max((t[0].shape[i] for t in tables), default=1) for i in range(3)]
    limit = np.full(shape, 2**64 - 1, dtype=np.uint64)
    guide = np.zeros((*shape[:3], 2**GUIDE_BITS), dtype=np.uint16)
    for d, (edges, places, _) in enumerate(tables):
        a, b, c = edges.shape
        limit[d, :a, :b, :c] = edges
        guide[d, :a, :b] = places
    return limit, guide


class KernelRun:
    """The arrays of one network in the kernel's form."""

    def __init__(
        self,
        cells: Cells,
        connectivity: Connectivity,
        step: Propagators,
        drives: Sequence[CountDrive],
        noise: Sequence[NormalDrive],
        delta_t: float,
        dtype: np.dtype[Any],
        n_threads: int,
        record: Record,
        populations: dict[str, tuple[int, int]],
        seed: int,
        schedule: Schedule | None,
        mechanism: str,
    ) -> None:
        self.cells, self.drives, self.delta_t, self.dtype = cells, drives, delta_t, dtype
        self.record, self.populations, self.seed = record, populations, seed
        self.noise = noise
        n = cells.n_neurons
        n_threads = max(1, min(n_threads, -(-n // GRID), n // _LEAST_PER_THREAD))
        parts: Parts = connectivity.split(max(n_threads, -(-n // MAX_PART)), dtype.name)
        n_parts = len(parts.bounds) - 1
        self.of_thread = np.rint(np.linspace(0, n_parts, n_threads + 1)).astype(np.int64)
        self.n_threads = n_threads
        starts = [cells.runs(), np.arange(0, n, GRID), parts.bounds]
        starts += [np.flatnonzero(np.diff(drive.group)) + 1 for drive in drives]
        starts += [] if schedule is None else [schedule.starts]
        starts += [np.array(list(populations.values()), dtype=np.int64).ravel()]
        self.tile_start = np.unique(np.concatenate(starts)).astype(np.int64)
        at = self.tile_start[:-1]

        def one(values: NDArray[Any]) -> NDArray[Any]:
            some = np.asarray(values)[..., at].T
            return np.ascontiguousarray(self._cast("parameters of neurons", some))

        conductance = cells.reversal is not None
        reversal = cells.reversal if cells.reversal is not None else np.zeros((0, n))
        self.v_b = delta_t / cells.capacitance if conductance else step.v_b
        self.tiles = kernel.Tiles(
            start=self.tile_start,
            of_part=np.searchsorted(self.tile_start, parts.bounds),
            v_v=one(step.v_v),
            v_b=one(self.v_b),
            threshold=one(cells.threshold - cells.resting),
            reset=one(cells.reset - cells.resting),
            n_refractory=step.n_refractory[at],
            v_i=one(step.v_i),
            v_x=one(step.v_x),
            i_i=one(step.i_i),
            i_x=one(step.i_x),
            x_x=one(step.x_x),
            scale=one(cells.scale),
            kind=kernel_kinds(cells)[:, at].T.copy(),
            reversal=one(reversal - cells.resting),
            leak=one(delta_t / cells.tau_membrane),
        )
        self.synapses = kernel.Synapses(
            bounds=parts.bounds,
            rows=parts.rows,
            start=parts.start,
            delay=parts.delay,
            channel=parts.channel,
            target=parts.target,
            weight=parts.weight,
        )
        self.seg_weight = parts.weight if parts.shared_weights else None
        self.conductance = True if conductance else None
        self.changes = no_changes(dtype)
        if schedule is not None:
            self.changes = schedule.arrays(at, parts.block, delta_t, mechanism, dtype)
        self.window = max(1, connectivity.min_delay)
        self.n_slots = connectivity.max_delay + 2
        self.bias = self._cast("bias", self.v_b * cells.bias)
        self.watched = [neurons_of(w, n) for w in (record.voltage, record.current)]

    def __call__(
        self,
        start: State,
        first_step: int,
        n_steps: int,
        stimuli: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
        jumps: NDArray[Any],
        channels: tuple[str, ...],
        progress: bool,
        description: str,
    ) -> Simulation:
        state = self._begin(start, first_step)
        per_step = 8 * self.cells.n_neurons + 4 * sum(w.size for w in self.watched) * 2
        stretch = int(np.clip(_STRETCH_BYTES // per_step, 200, 20000))
        stretch = max(1, min(stretch, int(_TABLE_BYTES // max(1, self._table_bytes()))))
        done = 0
        pieces: list[dict[str, Any]] = []
        with (
            ThreadPoolExecutor(self.n_threads) as pool,
            tqdm(total=n_steps, desc=description or None, unit="step", disable=not progress) as bar,
        ):
            while done < n_steps:
                n = min(stretch, n_steps - done)
                here = slice(done, done + n)
                given = kernel.Given(
                    self.bias,
                    self._cast("stimulus", stimuli[0][here]),
                    self._cast("stimulus", stimuli[1][here]),
                    self._cast("stimulus", stimuli[2]),
                    self._cast("external_jumps", jumps[here]),
                    *self._normal(first_step + done, n),
                )
                changes = self.changes._replace(version=self.changes.version[here])
                pieces.append(self._stretch(pool, state, first_step + done, n, given, changes))
                done += n
                bar.update(n)
        return self._gather(pieces, state, first_step, n_steps, channels)

    def _cast(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        return as_precision(name, values, self.dtype, error=SimulationError)

    def _begin(self, start: State, first_step: int) -> kernel.Variables:
        cells, n = self.cells, self.cells.n_neurons
        shape = (cells.n_channels, n)
        ring = start.arrivals(first_step, self.n_slots)
        if ring is None:
            ring = np.zeros((cells.n_channels, self.n_slots, n), dtype=self.dtype)
        rise = np.zeros(shape) if start.rise is None else start.rise
        return kernel.Variables(
            v=self._cast("state.voltage", start.above_rest(cells.resting)).copy(),
            i=self._cast("state.current", start.current).reshape(shape).copy(),
            x=self._cast("state.rise", rise).reshape(shape).copy(),
            refractory=start.refractory.astype(np.int32).copy(),
            ring=self._cast("state.pending", ring),
        )

    def _table_bytes(self) -> int:
        """Return the bytes of one step's tables of random counts, where steps have their own."""
        if all(drive.table_of_step is None for drive in self.drives):
            return 0
        n_groups, n_counts = (
            max(getattr(drive, name) for drive in self.drives) for name in ("n_groups", "n_counts")
        )
        return int(len(self.drives) * n_groups * (8 * n_counts + 2 * 2**GUIDE_BITS))

    def _noise(self, first_step: int, n_steps: int) -> kernel.Noise:
        tables = [drive.tables(first_step, n_steps) for drive in self.drives]
        limit, guide = _padded(tables)
        at = self.tile_start[:-1]
        none = (0, self.cells.n_neurons)
        return kernel.Noise(
            keys=np.array(
                [step_keys(self.seed, d, first_step, n_steps) for d in range(len(tables))],
                dtype=np.uint64,
            ).reshape(len(tables), n_steps),
            table=np.array([t[2] for t in tables], dtype=np.int32).reshape(len(tables), n_steps),
            limit=limit,
            guide=guide,
            group=np.array([d.group[at] for d in self.drives], np.int32).reshape(-1, len(at)),
            jump=self._cast("drives", np.array([d.jump for d in self.drives])).reshape(
                none if not tables else (-1, self.cells.n_neurons)
            ),
            channel=np.array([d.channel for d in self.drives], dtype=np.int64),
        )

    def _normal(self, first_step: int, n_steps: int) -> tuple[NDArray[Any], ...]:
        """Return the keys, the times, the sizes and the channels of the normal input."""
        pairs = [
            drive.keys(self.seed, index, first_step, n_steps)
            for index, drive in enumerate(self.noise)
        ]
        shape, n = (len(pairs), n_steps), self.cells.n_neurons
        return (
            np.array([key for key, _ in pairs], dtype=np.uint64).reshape(shape),
            np.array([on for _, on in pairs], dtype=np.bool_).reshape(shape),
            np.array([drive.sd for drive in self.noise], dtype=np.float64).reshape(-1, n),
            np.array([drive.channel for drive in self.noise], dtype=np.int64),
        )

    def _stretch(
        self,
        pool: ThreadPoolExecutor,
        state: kernel.Variables,
        first_step: int,
        n_steps: int,
        given: kernel.Given,
        changes: kernel.Changes,
    ) -> dict[str, Any]:
        record, dtype = self.record, self.dtype
        n_tiles, n_channels = len(self.tile_start) - 1, self.cells.n_channels
        n_records = (first_step + n_steps) // record.every - first_step // record.every
        both = np.union1d(*self.watched)
        of_part = self.tiles.of_part
        largest = max(
            self.tile_start[of_part[b]] - self.tile_start[of_part[a]]
            for a, b in zip(self.of_thread[:-1], self.of_thread[1:], strict=True)
        )
        out = kernel.Output(
            # Untouched pages of this take no memory.
            spikes=np.empty((self.n_threads, max(1, n_steps * largest)), dtype=np.int32),
            ends=np.zeros((self.n_threads, n_steps + 1), dtype=np.int64),
            every=record.every,
            voltage=np.empty((n_records if self.watched[0].size else 0, len(both)), dtype),
            current=np.empty(
                (n_records if self.watched[1].size else 0, n_channels, len(both)), dtype
            ),
            watched=both,
            watched_of_tile=np.searchsorted(both, self.tile_start),
            tile_current=np.empty(
                (n_records if record.population_current else 0, n_channels, n_tiles)
            ),
            tile_voltage=np.empty((n_records if record.population_voltage else 0, n_tiles)),
        )
        noise = self._noise(first_step, n_steps)
        counter = np.zeros(1, dtype=np.int64)
        scratch = np.empty((self.n_threads, 4, GRID), dtype=dtype)
        fired = np.empty((self.n_threads, GRID), dtype=np.uint8)
        words = np.empty((self.n_threads, GRID), dtype=np.uint64)

        def work(thread: int) -> None:
            kernel.advance(
                thread,
                self.of_thread,
                first_step,
                n_steps,
                self.window,
                self.tiles,
                self.synapses,
                self.seg_weight,
                noise,
                given,
                state,
                out,
                self.conductance,
                changes,
                scratch,
                fired,
                words,
                counter,
            )

        for _ in pool.map(work, range(self.n_threads)):
            pass
        return self._collect(out, state, n_steps, both)

    def _collect(
        self, out: kernel.Output, state: kernel.Variables, n_steps: int, both: NDArray[Any]
    ) -> dict[str, Any]:
        """Return what a stretch leaves, in its final form and without the working arrays."""
        per_step = np.diff(out.ends, axis=1)
        ids = [out.spikes[q, : out.ends[q, -1]] for q in range(self.n_threads)]
        steps = [np.repeat(np.arange(n_steps), per_step[q]) for q in range(self.n_threads)]
        step, who = np.concatenate(steps), np.concatenate(ids)
        if self.n_threads > 1:
            order = np.argsort(step, kind="stable")
            step, who = step[order], who[order]
        spans = list(self.populations.values())
        counts = np.zeros((n_steps, len(spans)), dtype=np.int32)
        for p, (first, last) in enumerate(spans):
            inside = step[(who >= first) & (who < last)]
            counts[:, p] = np.bincount(inside, minlength=n_steps)
        piece: dict[str, Any] = {"n": n_steps, "counts": counts}
        if self.record.spikes:
            piece["step"], piece["who"] = step, who
        rest = self.cells.resting[both].astype(self.dtype)
        mine = [np.searchsorted(both, w) for w in self.watched]
        piece["voltage"] = (out.voltage + rest)[:, mine[0]] if self.watched[0].size else None
        piece["current"] = out.current[:, :, mine[1]] if self.watched[1].size else None
        edges = np.searchsorted(self.tile_start, np.array(spans))
        if self.record.population_current:
            piece["sums"] = [out.tile_current[:, :, a:b].sum(axis=2) for a, b in edges]
        if self.record.population_voltage:
            resting = [self.cells.resting[a:b].sum() for a, b in spans]
            piece["voltage sums"] = [
                out.tile_voltage[:, a:b].sum(axis=1) + r
                for (a, b), r in zip(edges, resting, strict=True)
            ]
        return piece

    def _gather(
        self,
        pieces: list[dict[str, Any]],
        state: kernel.Variables,
        first_step: int,
        n_steps: int,
        channels: tuple[str, ...],
    ) -> Simulation:
        record, cells = self.record, self.cells
        offsets = np.cumsum([0] + [piece["n"] for piece in pieces])

        def joined(name: str) -> Any:
            parts = [piece.pop(name) for piece in pieces]
            return None if parts[0] is None else np.concatenate(parts)

        def sums(name: str) -> dict[str, Any]:
            return {
                population: np.concatenate([piece[name][p] for piece in pieces])
                for p, population in enumerate(self.populations)
            }

        steps = np.zeros(0, dtype=np.int64)
        who = np.zeros(0, dtype=np.int32)
        if record.spikes:
            steps = np.concatenate(
                [piece["step"] + o for piece, o in zip(pieces, offsets, strict=False)]
            )
            who = joined("who")
        current = joined("current")
        if current is not None and cells.n_channels == 1:
            current = current[:, 0]
        return Simulation(
            delta_t=self.delta_t,
            n_steps=n_steps,
            first_step=first_step,
            n_neurons=cells.n_neurons,
            spike_steps=steps,
            spike_ids=who,
            spike_counts=joined("counts"),
            populations=self.populations,
            voltage=joined("voltage"),
            current=current,
            population_current=sums("sums") if record.population_current else {},
            population_voltage=sums("voltage sums") if record.population_voltage else {},
            every=record.every,
            channels=channels or tuple(f"channel {c}" for c in range(cells.n_channels)),
            state=State(
                state.v + cells.resting.astype(self.dtype),
                state.i,
                state.refractory,
                state.x,
                state.ring,
                first_step + n_steps,
                self.delta_t,
                state.v,
            ),
        )
