"""Long runs that keep what they have done, and go on from there after they were stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from neuroloom.lifnet._engine._join import join
from neuroloom.lifnet._engine._result import Simulation
from neuroloom.lifnet._engine._state import State
from neuroloom.lifnet._errors import SimulationError, told_as
from neuroloom.shared import checks
from neuroloom.shared.io import register
from neuroloom.shared.jobs import Job, discard

for kind in (State, Simulation):
    register(kind)


def in_stretches(
    run: Callable[[int, int, State | None], Simulation],
    *,
    n_steps: int,
    delta_t: float,
    state: State | None,
    folder: str | Path | None,
    every: float | None,
    told: Mapping[str, Any],
) -> Simulation:
    """Return a run that keeps each stretch in a folder as soon as it is done.

    When all are there, the folder goes. Stretches that an earlier, stopped run of the same job
    kept are read.

    Parameters
    ----------
    run : callable
        ``run(start, stop, state)`` returns the steps from `start` to before `stop`.
    n_steps : int
        Number of steps.
    delta_t : float
        Step in seconds.
    state : State, optional
        Where the run begins.
    folder : path, optional
        Where stretches are kept; without it, nothing is.
    every : float, optional
        Seconds of a stretch; 10 if not given.
    told : mapping of str to object
        What tells the job from others.

    Raises
    ------
    SimulationError
        If `every` is shorter than a step, or is given without a folder, or the folder holds
        stretches of another run.
    """
    if folder is None:
        if every is not None:
            raise SimulationError("checkpoint_every: expected a folder, checkpoint=…, with it")
        return run(0, n_steps, state)
    seconds = checks.real(
        "checkpoint_every",
        10.0 if every is None else every,
        at_least=delta_t,
        unit="s",
        error=SimulationError,
    )
    length = round(seconds / delta_t)
    parts = {**told, "every": length, "state": state}
    pieces: list[Simulation] = []
    with told_as(SimulationError, "; take a folder of its own for each run, or remove this one"):
        job = Job.open(folder, parts, argument="checkpoint")
        with job.working():
            for start, stop in pairwise([*range(0, n_steps, length), n_steps]):
                before = pieces[-1].state if pieces else state
                pieces.append(job.compute(f"steps-{start}", run, start, stop, before))
    discard(folder)
    return join(pieces)
