"""Many trials of one network, or many networks, on all cores or a cluster."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import neuroloom.shared as shared
from neuroloom.lifnet._engine import Record, Simulation
from neuroloom.lifnet._errors import SimulationError, check_function
from neuroloom.lifnet._network._built import BuiltNetwork
from neuroloom.lifnet._network._network import Network
from neuroloom.shared import Seed, checks

P = TypeVar("P")


def summary(run: Simulation) -> dict[str, Any]:
    """Return what most batches keep of a run: rates, and spike counts per population and step."""
    return {
        "rates_hz": run.rates_hz(),
        "spike_counts": run.spike_counts,
        "population_current": run.population_current,
        "delta_t": run.delta_t,
    }


def simulate_batch(
    network: Callable[[P], Network],
    points: Sequence[P],
    duration: float,
    *,
    summarize: Callable[[Simulation], Any] = summary,
    record: Record | None = None,
    delta_t: float | None = None,
    dtype: str = "float32",
    n_workers: int | None = None,
    backend: str | None = None,
    resume: str | Path | None = None,
    progress: bool = True,
    seed: int | Seed,
) -> list[Any]:
    """Return a summary of one run per parameter point.

    Each worker draws and runs its own network on one thread. The results do not depend on the
    number or kind of workers.

    Parameters
    ----------
    network : callable
        Makes the network of a point; a function of a module, so that other processes find it.
    points : sequence
        Parameter points.
    duration : float
        Time of each run in seconds.
    summarize : callable
        Takes the `Simulation` of a point and returns what to keep of it.
    record : Record, optional
        What to record.
    delta_t : float, optional
        Step in seconds; the network's own if not given.
    dtype : {"float32", "float64"}
        Precision.
    n_workers, backend, resume, progress
        As for `neuroloom.shared.map`.
    seed : int or Seed
        Root of the seeds; point i runs with ``seed.child(i)``.
    """
    expected = "from a point to its Network"
    check_function("network", network, expected, error=SimulationError)
    _check_summarize(summarize)
    one = functools.partial(
        _point,
        network=network,
        duration=duration,
        summarize=summarize,
        record=record,
        delta_t=delta_t,
        dtype=dtype,
    )
    return shared.map(
        one,
        points,
        n_workers=n_workers,
        backend=backend,
        resume=resume,
        progress=progress,
        description="networks",
        seed=seed,
    )


def _point(
    point: Any,
    stream: Seed,
    *,
    network: Callable[[Any], Network],
    duration: float,
    summarize: Callable[[Simulation], Any],
    record: Record | None,
    delta_t: float | None,
    dtype: str,
) -> Any:
    declared = network(point)
    if not isinstance(declared, Network):
        expected = f"a function that returns a Network for each point, as for {point!r}"
        raise checks.fail("network", expected, declared, error=SimulationError)
    run = declared.simulate(duration, delta_t=delta_t, dtype=dtype, record=record, seed=stream)
    return summarize(run)


def simulate_trials(
    built: BuiltNetwork,
    n_trials: int,
    duration: float,
    *,
    summarize: Callable[[Simulation], Any] = summary,
    record: Record | None = None,
    n_workers: int | None = None,
    backend: str | None = None,
    resume: str | Path | None = None,
    progress: bool = True,
    seed: int | Seed,
) -> list[Any]:
    """Return a summary of each of `n_trials` runs of one network, which the workers share.

    Parameters
    ----------
    built : BuiltNetwork
        The network.
    n_trials : int
        Number of trials.
    duration : float
        Time of each trial in seconds.
    summarize : callable
        Takes the `Simulation` of a trial and returns what to keep of it.
    record : Record, optional
        What to record.
    n_workers, backend, resume, progress
        As for `neuroloom.shared.map`; with threads, nothing is copied.
    seed : int or Seed
        Root of the seeds; trial i runs with ``seed.child(i)``.
    """
    if not isinstance(built, BuiltNetwork):
        raise checks.fail(
            "built", "a BuiltNetwork, as network.build(seed=…)", built, error=SimulationError
        )
    _check_summarize(summarize)
    n_trials = checks.whole("n_trials", n_trials, at_least=0, error=SimulationError)
    one = functools.partial(
        _trial, built=built, duration=duration, summarize=summarize, record=record
    )
    return shared.map(
        one,
        range(n_trials),
        n_workers=n_workers,
        backend=backend,
        resume=resume,
        progress=progress,
        description="trials",
        seed=seed,
    )


def _trial(
    _: int,
    stream: Seed,
    *,
    built: BuiltNetwork,
    duration: float,
    summarize: Callable[[Simulation], Any],
    record: Record | None,
) -> Any:
    return summarize(built.simulate(duration, record=record, seed=stream))


def _check_summarize(summarize: object) -> None:
    expected = "from a run to what is kept of it"
    check_function("summarize", summarize, expected, error=SimulationError)
