"""The same step in plain numpy and in torch, for comparison with the kernel and for gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._engine._cells import Cells, propagators
from neuroloom.lifnet._engine._checks import neurons_of
from neuroloom.lifnet._engine._connectivity import Connectivity
from neuroloom.lifnet._engine._noise import CountDrive
from neuroloom.lifnet._engine._parts import as_precision
from neuroloom.lifnet._engine._result import Record, Simulation
from neuroloom.lifnet._engine._state import State
from neuroloom.lifnet._errors import SimulationError


def run_dense(
    cells: Cells,
    connectivity: Connectivity,
    *,
    n_steps: int,
    delta_t: float,
    drives: Sequence[CountDrive],
    stimuli: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    jumps: NDArray[Any],
    state: State,
    first_step: int,
    record: Record,
    dtype: str,
    mechanism: str,
    backend: str,
    populations: dict[str, tuple[int, int]],
    channels: tuple[str, ...],
    seed: int,
) -> Simulation:
    """Return what `simulate` returns, stepped by numpy or torch."""
    _check_dense(cells, record, backend)
    n, n_channels = cells.n_neurons, cells.n_channels
    given = np.zeros((n_steps, n_channels, n))
    for index, drive in enumerate(drives):
        counts = drive.counts(seed, n_steps, first_step=first_step, index=index)
        given[:, drive.channel] += counts * drive.jump
    if len(jumps):
        given[:, 0] += jumps
    stimulus = stimuli[1] @ stimuli[2]
    if len(stimuli[0]):
        stimulus = stimulus + stimuli[0]
    as_precision("drives", given, dtype, error=SimulationError)
    as_precision("stimulus", stimulus, dtype, error=SimulationError)
    if backend == "numpy":
        v, i, spikes, last = _numpy_steps(
            cells,
            connectivity,
            given,
            stimulus,
            state,
            first_step,
            delta_t,
            mechanism,
            np.dtype(dtype),
        )
    else:
        v, i, spikes, last = _torch_steps(
            cells, connectivity, given, stimulus, state, first_step, delta_t, mechanism, dtype
        )
    steps, who = np.nonzero(spikes)
    spans = list(populations.values())
    counts = np.stack([spikes[:, a:b].sum(axis=1) for a, b in spans], axis=1).astype(np.int32)
    watched = [neurons_of(w, n) for w in (record.voltage, record.current)]
    current = i[:, :, watched[1]] if watched[1].size else None
    if current is not None and n_channels == 1:
        current = current[:, 0]
    return Simulation(
        delta_t=delta_t,
        n_steps=n_steps,
        first_step=first_step,
        n_neurons=n,
        spike_steps=steps if record.spikes else steps[:0],
        spike_ids=(who if record.spikes else who[:0]).astype(np.int32),
        spike_counts=counts,
        populations=populations,
        voltage=v[:, watched[0]] if watched[0].size else None,
        current=current,
        population_current={},
        population_voltage={},
        every=1,
        channels=channels or tuple(f"channel {c}" for c in range(n_channels)),
        state=last,
    )


def _check_dense(cells: Cells, record: Record, backend: str) -> None:
    """Raise where only the kernel does what is asked for."""
    if cells.reversal is not None or (cells.tau_rise > 0).any():
        raise SimulationError(f"backend: expected 'kernel' for these synapses, got {backend!r}")
    if ((cells.tau_decay == 0).any(axis=1) != cells.delta_channels).any():
        raise SimulationError(
            f"backend: expected 'kernel' where a channel's kind differs, got {backend!r}"
        )
    if record.population_current or record.population_voltage or record.every != 1:
        raise SimulationError(f"record: sums and `every` need backend 'kernel', not {backend!r}")


Steps = tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_], State]


def _numpy_steps(
    cells: Cells,
    connectivity: Connectivity,
    given: NDArray[Any],
    stimulus: NDArray[Any],
    state: State,
    first_step: int,
    delta_t: float,
    mechanism: str,
    dtype: np.dtype[Any],
) -> Steps:
    """Step with nothing but numpy, from the equations and not from the kernel's coefficients."""
    indptr, target, weight, delay, channel = connectivity.to_csr()
    n_steps, n_channels, n = given.shape
    tm, capacitance = cells.tau_membrane, cells.capacitance
    n_refractory = np.rint(cells.tau_refractory / delta_t).astype(int)
    delta = cells.delta_channels
    keep_v, from_i, keep_i = (
        np.exp(-delta_t / tm),
        np.zeros(given.shape[1:]),
        np.zeros(given.shape[1:]),
    )
    from_b = tm * (1 - keep_v) / capacitance
    for c in range(n_channels):
        if delta[c]:
            continue
        ts = cells.tau_decay[c]
        keep_i[c] = np.exp(-delta_t / ts)
        with np.errstate(divide="ignore", invalid="ignore"):
            exact = tm * ts / (ts - tm) * (keep_i[c] - keep_v)
        from_i[c] = np.where(ts == tm, delta_t * keep_v, exact) / capacitance
    if mechanism == "euler":
        keep_v, from_b = 1 - delta_t / tm, delta_t / capacitance
        with np.errstate(divide="ignore"):
            keep_i = np.where(delta[:, None], 0.0, 1 - delta_t / cells.tau_decay)
        from_i = np.where(delta[:, None], 0.0, delta_t / capacitance)
    coefficients = [keep_v, from_b, from_i, keep_i, cells.scale, cells.bias]
    keep_v, from_b, from_i, keep_i, scale, bias = (
        as_precision("parameters of neurons", x, dtype) for x in coefficients
    )
    threshold, reset = (
        as_precision("parameters of neurons", x - cells.resting, dtype)
        for x in (cells.threshold, cells.reset)
    )
    v = state.above_rest(cells.resting).astype(dtype)
    i = np.array(state.current, dtype=dtype).reshape(n_channels, n)
    wait = np.array(state.refractory, dtype=int)
    ring = state.arrivals(first_step, connectivity.max_delay + 1)
    if ring is None:
        ring = np.zeros((n_channels, connectivity.max_delay + 1, n), dtype=dtype)
    coming = np.array(ring.swapaxes(0, 1), dtype=dtype)
    slots = len(coming)
    v_all, i_all = np.empty((n_steps, n), dtype), np.empty(given.shape, dtype)
    spikes = np.zeros((n_steps, n), dtype=bool)
    weight = as_precision("weights", weight, dtype)
    for t in range(n_steps):
        step = first_step + t
        clamped = wait > 0
        new = keep_v * v + from_b * (bias + stimulus[t].astype(dtype))
        now = coming[step % slots]
        for c in range(n_channels):
            if delta[c]:
                new = new + scale[c] * (now[c] + given[t, c].astype(dtype))
            else:
                new = new + from_i[c] * i[c]
                i[c] *= keep_i[c]
        if delta.any():
            now[delta] = 0
        v = np.where(clamped, reset, new)
        fired = v >= threshold
        v[fired] = reset[fired]
        wait[clamped] -= 1
        wait[fired] = n_refractory[fired]
        for j in np.flatnonzero(fired):
            row = slice(indptr[j], indptr[j + 1])
            np.add.at(coming, ((step + delay[row]) % slots, channel[row], target[row]), weight[row])
        for c in map(int, np.flatnonzero(~delta)):
            i[c] += scale[c] * (coming[step % slots, c] + given[t, c].astype(dtype))
            coming[step % slots, c] = 0
        v_all[t], i_all[t], spikes[t] = v + cells.resting.astype(dtype), i, fired
    last = State(
        v_all[-1].copy(),
        i.copy(),
        wait.astype(np.int32),
        pending=np.ascontiguousarray(coming.swapaxes(0, 1)),
        step=first_step + n_steps,
        delta_t=delta_t,
        relative=v,
    )
    return v_all, i_all, spikes, last


def _torch_steps(
    cells: Cells,
    connectivity: Connectivity,
    given: NDArray[Any],
    stimulus: NDArray[Any],
    state: State,
    first_step: int,
    delta_t: float,
    mechanism: str,
    dtype: str,
) -> Steps:
    import torch

    from neuroloom.lifnet._engine._torch import run_torch

    if cells.n_channels != 1 or connectivity.max_delay or cells.delta_channels.any():
        raise SimulationError(
            "backend: torch steps networks of one exponential channel without delay"
        )
    if state.pending is not None and np.any(state.pending):
        raise SimulationError("state: input on its way needs backend 'kernel' or 'numpy'")
    kind = getattr(torch, dtype)
    propagators(cells, delta_t, mechanism)  # says what is wrong with the step
    # From rest, so that a run goes on with the voltages that another ended with.
    from_rest = replace(
        cells,
        resting=np.zeros_like(cells.resting),
        threshold=cells.threshold - cells.resting,
        reset=cells.reset - cells.resting,
    )
    run = run_torch(
        from_rest,
        torch.as_tensor(connectivity.to_dense(), dtype=kind),
        voltage=torch.as_tensor(state.above_rest(cells.resting), dtype=kind),
        current=torch.as_tensor(np.reshape(state.current, cells.n_neurons), dtype=kind),
        refractory=torch.as_tensor(np.array(state.refractory)),
        stimulus=torch.as_tensor(stimulus, dtype=kind),
        external_jumps=torch.as_tensor(given[:, 0], dtype=kind),
        delta_t=delta_t,
        mechanism=mechanism,
    )
    i = run.current.numpy()
    v = run.voltage.numpy() + cells.resting.astype(dtype)
    last = State(
        v[-1].copy(),
        i[-1:].copy(),
        run.refractory.int().numpy(),
        step=first_step + len(given),
        delta_t=delta_t,
        relative=run.voltage[-1].numpy(),
    )
    return v, i[:, np.newaxis], run.spikes.numpy() > 0.5, last
