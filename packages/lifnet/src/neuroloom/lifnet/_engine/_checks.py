"""What comes into a simulation, checked and brought into one form."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._engine._cells import Cells
from neuroloom.lifnet._engine._connectivity import Connectivity
from neuroloom.lifnet._engine._noise import CountDrive
from neuroloom.lifnet._engine._normal import NormalDrive
from neuroloom.lifnet._engine._result import Record
from neuroloom.lifnet._engine._schedule import Schedule
from neuroloom.lifnet._engine._state import State
from neuroloom.lifnet._errors import RoundingWarning, SimulationError
from neuroloom.lifnet._indices import places
from neuroloom.shared import Seed, checks

Pairs = Sequence[tuple[ArrayLike, ArrayLike]]
Span = tuple[int, int]
DTYPES = ("float32", "float64")


def check(
    cells: Cells,
    connectivity: Connectivity,
    n_steps: int,
    dtype: str,
    n_threads: int,
    first_step: int,
    backend: str,
) -> None:
    """Raise unless the arguments of `simulate` fit together."""
    for name, part, kind in (
        ("cells", cells, Cells),
        ("connectivity", connectivity, Connectivity),
    ):
        if not isinstance(part, kind):
            raise checks.fail(name, f"{kind.__name__} of the engine", part, error=SimulationError)
    for name, value, least in (
        ("n_steps", n_steps, 1),
        ("n_threads", n_threads, 1),
        ("first_step", first_step, 0),
    ):
        checks.whole(name, value, at_least=least, accept_floats=True, error=SimulationError)
    checks.choice("dtype", dtype, DTYPES, error=SimulationError)
    checks.choice("backend", backend, ("kernel", "torch", "numpy"), error=SimulationError)
    if connectivity.n_neurons != cells.n_neurons:
        raise SimulationError(
            f"connectivity: expected {cells.n_neurons} neurons, got {connectivity.n_neurons}"
        )
    if connectivity.n_channels > cells.n_channels:
        raise SimulationError(
            f"connectivity: expected at most {cells.n_channels} channels, "
            f"got {connectivity.n_channels}"
        )
    _check_delays(cells, connectivity)


def _check_delays(cells: Cells, connectivity: Connectivity) -> None:
    """Refuse synapses that would have to change a voltage in the step that made the spike."""
    if connectivity.min_delay or not connectivity.n_synapses:
        return
    for channel in np.flatnonzero((cells.tau_decay == 0).any(axis=1)).tolist():
        hit = connectivity.reached_at_once(channel) & (cells.tau_decay[channel] == 0)
        if hit.any():
            raise SimulationError(
                "delay_steps: expected at least 1 where synapses are delta synapses, got 0 into "
                f"neuron {int(np.argmax(hit))} on channel {channel}"
            )


def check_conductances(
    connectivity: Connectivity,
    drives: Sequence[CountDrive],
    noise: Sequence[NormalDrive],
    jumps: NDArray[Any],
    state: State,
) -> None:
    """Refuse what would make conductances negative.

    Parameters
    ----------
    connectivity : Connectivity
        The synapses.
    drives, noise : sequences
        Random input.
    jumps : ndarray
        Given input.
    state : State
        Where the run begins.
    """
    if any(normal.channel >= 0 for normal in noise):
        raise SimulationError("noise: expected none into conductances, which it makes negative")
    given = {
        "weights": [connectivity.parts.weight],
        "drives": [drive.jump for drive in drives],
        "external_jumps": [jumps],
        "state.current": [np.asarray(state.current)],
    }
    for name, arrays in given.items():
        least = min((float(values.min()) for values in arrays if values.size), default=0.0)
        if least < 0:
            raise SimulationError(
                f"{name}: expected conductances of at least 0, got {least:g}; what a synapse does "
                "is in its reversal potential"
            )


def spans_of(populations: Mapping[str, tuple[int, int]] | None, n: int) -> dict[str, Span]:
    """Return the ranges of neurons that rates and sums are taken over: named ones, or all."""
    if populations is None:
        return {"all": (0, n)}
    if not isinstance(populations, Mapping):
        expected = 'ranges of neurons by name, as {"E": (0, 80)}'
        raise checks.fail("populations", expected, populations, error=SimulationError)
    spans: dict[str, Span] = {}
    for name, span in populations.items():
        label, expected = f"populations[{name!r}]", f"a range in 0 to {n}"
        ends = checks.array(label, span, dtype=np.int64, error=SimulationError)
        if ends.shape != (2,) or not 0 <= ends[0] < ends[1] <= n:
            raise checks.fail(label, expected, span, error=SimulationError)
        spans[name] = (int(ends[0]), int(ends[1]))
    return spans or {"all": (0, n)}


def channels_of(names: Sequence[str], n: int) -> tuple[str, ...]:
    """Return the names of the synaptic channels: one for each, or none at all."""
    if isinstance(names, str) or np.ndim(names) != 1 or len(names) not in (0, n):
        raise checks.fail("channels", f"{n} names, or none", names, error=SimulationError)
    return tuple(checks.text("channels", name, error=SimulationError) for name in names)


def check_input(
    cells: Cells, drives: Sequence[CountDrive], noise: Sequence[NormalDrive], backend: str
) -> None:
    """Raise unless random input is for these cells and this engine."""
    for drive in drives:
        if len(drive.group) != cells.n_neurons:
            raise SimulationError(
                f"drives: expected groups for {cells.n_neurons} neurons, got {len(drive.group)}"
            )
        if drive.channel >= cells.n_channels:
            raise SimulationError(
                f"drives: expected a channel below {cells.n_channels}, got {drive.channel}"
            )
    if noise and backend != "kernel":
        raise SimulationError(f"noise: expected backend 'kernel', got {backend!r}")
    for normal in noise:
        if len(normal.sd) != cells.n_neurons or normal.channel >= cells.n_channels:
            raise SimulationError(
                f"noise: expected {cells.n_neurons} standard deviations and a channel below "
                f"{cells.n_channels}, got {len(normal.sd)} and {normal.channel}"
            )


def check_schedule(schedule: Schedule | None, n_steps: int, backend: str) -> None:
    """Raise unless what changes in time is given for each step of the kernel."""
    if schedule is not None and (backend != "kernel" or len(schedule.version) != n_steps):
        raise SimulationError(
            f"schedule: expected one version for each of {n_steps} steps of the kernel, got "
            f"{len(schedule.version)} for {backend!r}"
        )


def seed_bits(seed: int | Seed) -> int:
    """Return the number that a run's random input is drawn from."""
    if isinstance(seed, Seed):
        return seed.integer(64)
    most = 2**64 - 1
    return checks.whole("seed", seed, at_least=0, at_most=most, error=SimulationError)


def check_state(state: State, cells: Cells, delta_t: float) -> None:
    """Raise unless a state fits the cells and the step."""
    checks.whole("state.step", state.step, at_least=0, error=SimulationError)
    if state.delta_t is not None and not np.isclose(state.delta_t, delta_t, rtol=1e-9, atol=0):
        raise SimulationError(
            f"state: expected one that a run in steps of {delta_t:g} s left, got {state.delta_t:g} "
            "s, in which its refractory times and input on its way count; begin at its voltages "
            "with State.rest(cells).with_voltage(state.voltage)"
        )
    n, c = cells.n_neurons, cells.n_channels
    expected = {"voltage": (n,), "current": (c, n), "refractory": (n,)}
    if state.rise is not None:
        expected["rise"] = (c, n)
    if state.relative is not None:
        expected["relative"] = (n,)
    if state.pending is not None:
        expected["pending"] = (
            c,
            np.shape(state.pending)[1] if np.ndim(state.pending) == 3 else 1,
            n,
        )
    for name, shape in expected.items():
        value = np.asarray(getattr(state, name))
        if value.shape != shape and not (name == "current" and c == 1 and value.shape == (n,)):
            raise SimulationError(f"state.{name}: expected shape {shape}, got {value.shape}")
        if not np.isfinite(value).all():
            raise SimulationError(f"state.{name}: expected finite values, got NaN or infinity")
    waiting = checks.array(
        "state.refractory", state.refractory, dtype=np.int32, copy=False, error=SimulationError
    )
    if waiting.min() < 0:
        raise checks.fail(
            "state.refractory", "whole steps of at least 0", waiting.min(), error=SimulationError
        )


def answer_sizes(
    record: Record, cells: Cells, n_steps: int, first_step: int, n_populations: int, itemsize: int
) -> dict[str, float]:
    """Return the bytes of what a run keeps by part, but for its spikes, which nobody knows before.

    Parameters
    ----------
    record : Record
        What is recorded.
    cells : Cells
        The neurons.
    n_steps, first_step : int
        Number of steps, and the absolute number of the first.
    n_populations : int
        Number of populations.
    itemsize : int
        Bytes of a voltage.
    """
    n_samples = (first_step + n_steps) // record.every - first_step // record.every
    voltage, current = (
        len(neurons_of(w, cells.n_neurons)) for w in (record.voltage, record.current)
    )
    sums = record.population_current * cells.n_channels + record.population_voltage
    return {
        "voltages": float(n_samples * voltage * itemsize),
        "currents": float(n_samples * current * cells.n_channels * itemsize),
        "sums over populations": float(n_samples * sums * n_populations * 8),
        "spike counts": float(n_steps * n_populations * 4),
    }


def table_of(name: str, values: ArrayLike | None, n_steps: int, n: int) -> NDArray[Any]:
    """Return input per step and neuron; no rows where there is none."""
    if values is None:
        return np.zeros((0, n))
    table = checks.array(name, values, booleans=True, copy=False, error=SimulationError)
    if table.shape != (n_steps, n):
        raise SimulationError(f"{name}: expected shape {(n_steps, n)}, got {table.shape}")
    return table


def stimuli_of(
    stimulus: ArrayLike | Pairs | None, n_steps: int, n: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the stimulus as a table, or as waveforms and gains; unused ones are empty."""
    nothing = (np.zeros((0, n)), np.zeros((n_steps, 0)), np.zeros((0, n)))
    if stimulus is None:
        return nothing
    if isinstance(stimulus, (list, tuple)) and stimulus and isinstance(stimulus[0], tuple):
        waves, gains = (
            [
                checks.array("stimulus", pair[k], dtype=np.float64, error=SimulationError)
                for pair in stimulus
            ]
            for k in range(2)
        )
        for wave, gain in zip(waves, gains, strict=True):
            if wave.shape != (n_steps,) or gain.shape != (n,):
                raise SimulationError(
                    f"stimulus: expected waveforms of shape {(n_steps,)} and gains of {(n,)}, "
                    f"got {wave.shape} and {gain.shape}"
                )
        return nothing[0], np.stack(waves, axis=1), np.stack(gains)
    return table_of("stimulus", stimulus, n_steps, n), nothing[1], nothing[2]  # type: ignore[arg-type]


def neurons_of(watch: Any, n: int) -> NDArray[np.int64]:
    """Return the neurons that `watch` names: all, none, or some."""
    if watch is None or watch is False:
        return np.zeros(0, dtype=np.int64)
    if watch is True:
        return np.arange(n)
    return places("record", watch, n, unique=False, error=SimulationError)


def check_end(state: State, dtype: str, time: float) -> None:
    """Raise if sums have left what the precision can hold: spikes would stop in silence.

    Parameters
    ----------
    state : State
        Where a run ended.
    dtype : {"float32", "float64"}
        Precision.
    time : float
        When, in seconds.
    """
    for name in ("voltage", "current"):
        values = np.atleast_2d(getattr(state, name))
        if not np.isfinite(values).all():
            neuron = int(np.argmax(~np.isfinite(values).all(axis=0)))
            raise SimulationError(
                f"weights and input: expected sums that {dtype} holds, got a {name} beyond its "
                f"range in neuron {neuron} by {time:g} s; take smaller ones, another unit or "
                "dtype='float64'"
            )


def warn_of_precision(cells: Cells, delta_t: float, dtype: str) -> None:
    """Warn if rounding is more than a hundredth of what a voltage decays in a step.

    Parameters
    ----------
    cells : Cells
        The neurons.
    delta_t : float
        Step in seconds.
    dtype : {"float32", "float64"}
        Precision.
    """
    longest = float(cells.tau_membrane.max())
    if 0 < 0.01 * delta_t / longest < np.finfo(dtype).eps / 2:
        warnings.warn(
            f"dtype: a step of {delta_t:g} s changes neurons with tau_membrane of {longest:g} s by "
            f"less than {dtype} resolves; take 'float64' or longer steps",
            RoundingWarning,
            stacklevel=3,
        )
