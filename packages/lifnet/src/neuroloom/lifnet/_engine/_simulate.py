"""Run a network: check what comes in, then step by the compiled kernel, torch or numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from neuroloom.lifnet._engine._cells import Cells, propagators
from neuroloom.lifnet._engine._checks import (
    Pairs,
    answer_sizes,
    channels_of,
    check,
    check_conductances,
    check_end,
    check_input,
    check_schedule,
    check_state,
    seed_bits,
    spans_of,
    stimuli_of,
    table_of,
    warn_of_precision,
)
from neuroloom.lifnet._engine._connectivity import Connectivity
from neuroloom.lifnet._engine._digest import network_digest
from neuroloom.lifnet._engine._memory import check_memory
from neuroloom.lifnet._engine._noise import CountDrive
from neuroloom.lifnet._engine._normal import NormalDrive
from neuroloom.lifnet._engine._result import Record, Simulation
from neuroloom.lifnet._engine._run import KernelRun
from neuroloom.lifnet._engine._schedule import Schedule
from neuroloom.lifnet._engine._state import State, check_is_state
from neuroloom.lifnet._errors import SimulationError
from neuroloom.shared import Seed, checks


def simulate(
    cells: Cells,
    connectivity: Connectivity,
    *,
    n_steps: int,
    delta_t: float,
    drives: Sequence[CountDrive] = (),
    noise: Sequence[NormalDrive] = (),
    stimulus: ArrayLike | Pairs | None = None,
    external_jumps: ArrayLike | None = None,
    state: State | None = None,
    first_step: int | None = None,
    record: Record | None = None,
    dtype: str = "float64",
    n_threads: int = 1,
    mechanism: str = "analytic",
    backend: str = "kernel",
    populations: Mapping[str, tuple[int, int]] | None = None,
    schedule: Schedule | None = None,
    channels: Sequence[str] = (),
    progress: bool = False,
    description: str = "",
    seed: int | Seed = 0,
) -> Simulation:
    """Return the spikes of a network of leaky integrate-and-fire neurons.

    The same seed gives the same spikes for any `n_threads`, for one run or consecutive ones, and
    in float64 for every backend.

    Parameters
    ----------
    cells : Cells
        The neurons.
    connectivity : Connectivity
        The synapses.
    n_steps : int
        Number of steps.
    delta_t : float
        Step in seconds, at most half the shortest time constant.
    drives : sequence of CountDrive
        Random input.
    noise : sequence of NormalDrive
        Random input with normal values.
    stimulus : array_like, shape (n_steps, n_neurons), or sequence of pairs
        Current into each neuron; or pairs of a waveform, shape (n_steps,), and its gain for each
        neuron, shape (n_neurons,).
    external_jumps : array_like, shape (n_steps, n_neurons), optional
        Given input of channel 0, in units of weight.
    state : State, optional
        Where to begin; at rest if not given. It is not changed. A run that begins where another
        ended, with the same seed, is to the bit what one run over both would have been; another
        seed gives another future of the same past.
    first_step : int, optional
        Absolute number of the first step: random input goes on from there. That of the state if
        not given; input on its way arrives as many steps ahead in either case.
    record : Record, optional
        What to record; spikes if not given.
    dtype : {"float64", "float32"}
        Precision of the state and the weights.
    n_threads : int
        Most threads of this run; it takes fewer where they would not pay.
    mechanism : {"analytic", "euler"}
        How the linear equations are solved between spikes.
    backend : {"kernel", "torch", "numpy"}
        What computes the steps. The latter two are dense and for exponential synapses without
        delay: for comparison and, in torch, as a base for gradients.
    populations : mapping of str to (int, int), optional
        Names for ranges of neurons, over which rates and sums are taken; one for all if not given.
    schedule : Schedule, optional
        What changes in time; it replaces parameters of `cells`, jumps and weights. Kernel only.
    channels : sequence of str
        Names of the synaptic channels.
    progress : bool
        Show a bar.
    description : str
        Text in front of the bar.
    seed : int or Seed
        Seed of the random input.

    Returns
    -------
    Simulation
        Spikes, what was recorded besides, and the state at the end.

    Raises
    ------
    SimulationError
        If an argument does not fit the network.
    """
    record = Record() if record is None else record
    if not isinstance(record, Record):
        raise checks.fail("record", "a Record", record, error=SimulationError)
    checks.flag("progress", progress, error=SimulationError)
    check_is_state(state)
    if first_step is None:
        first_step = 0 if state is None else state.step
    check(cells, connectivity, n_steps, dtype, n_threads, first_step, backend)
    spans = spans_of(populations, cells.n_neurons)
    check_input(cells, drives, noise, backend)
    check_schedule(schedule, n_steps, backend)
    channels = channels_of(channels, cells.n_channels)
    checks.real("delta_t", delta_t, above=0, unit="s", error=SimulationError)
    warn_of_precision(cells, delta_t, dtype)
    bits = seed_bits(seed)
    sizes = answer_sizes(record, cells, n_steps, first_step, len(spans), np.dtype(dtype).itemsize)
    check_memory(
        {**sizes, "copies": max(sizes.values())},
        remedy="record fewer neurons or every n-th step (Record(voltage=[…], every=…)), or run "
        "piece by piece with state=run.state",
    )
    on_its_way = float(cells.n_channels * (connectivity.max_delay + 2) * cells.n_neurons)
    check_memory(
        {"input on its way": on_its_way * np.dtype(dtype).itemsize},
        remedy="take shorter delays or longer steps",
    )
    stimuli = stimuli_of(stimulus, n_steps, cells.n_neurons)
    jumps = table_of("external_jumps", external_jumps, n_steps, cells.n_neurons)
    start = State.rest(cells) if state is None else state
    check_state(start, cells, delta_t)
    if cells.reversal is not None:
        check_conductances(connectivity, drives, noise, jumps, start)
    digest = network_digest(cells, connectivity)
    start.check_network(digest)
    if backend != "kernel":
        from neuroloom.lifnet._engine._dense import run_dense

        result = run_dense(
            cells,
            connectivity,
            n_steps=n_steps,
            delta_t=delta_t,
            drives=drives,
            stimuli=stimuli,
            jumps=jumps,
            state=start,
            first_step=first_step,
            record=record,
            dtype=dtype,
            mechanism=mechanism,
            backend=backend,
            populations=spans,
            channels=channels,
            seed=bits,
        )
    else:
        run = KernelRun(
            cells,
            connectivity,
            propagators(cells, delta_t, mechanism),
            drives,
            noise,
            delta_t,
            np.dtype(dtype),
            n_threads,
            record,
            spans,
            bits,
            schedule,
            mechanism,
        )
        result = run(start, first_step, n_steps, stimuli, jumps, channels, progress, description)
    check_end(result.state, dtype, (first_step + n_steps) * delta_t)
    return replace(result, state=replace(result.state, network=digest))
