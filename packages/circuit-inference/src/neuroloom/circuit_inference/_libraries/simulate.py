"""Make libraries: call a simulator once per draw from the prior.

Draw i and its randomness come from ``seed.child(i)``, so that the same library is made by one
process, by many, on a cluster and in several sittings.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.series import positive
from neuroloom.circuit_inference._libraries.library import SimulationLibrary
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference._version import __version__
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    LibraryError,
)
from neuroloom.shared import DataError, Seed, as_seed, map
from neuroloom.shared.io import atomic
from neuroloom.shared.random import SeedLike

Array = NDArray[np.float64]
_ROUNDED = 1e-4  # of a signal's range, by which single precision may change it
Simulator = Callable[[Array, Seed], Mapping[str, Any]]


def simulate_library(
    simulator: Simulator,
    prior: Prior,
    n_sims: int,
    *,
    rate_hz: float,
    folder: str | Path | None = None,
    shard: tuple[int, int] | None = None,
    batch_size: int = 16,
    n_workers: int | None = None,
    backend: str | None = None,
    progress: bool = True,
    describe: Mapping[str, Any] | None = None,
    seed: SeedLike = None,
) -> SimulationLibrary:
    """Return `n_sims` simulations with parameters from the prior.

    Parameters
    ----------
    simulator : callable
        ``simulator(theta, seed)`` with theta of shape (n_parameters,) returns a mapping: arrays
        are signals, numbers are measures, and ``"reason"`` says why the simulation is invalid. It
        must be importable by other processes (a module's function or class).
    prior : Prior
    n_sims : int
    rate_hz : float
        Sampling rate of the signals.
    folder : str or Path, optional
        Where finished simulations are kept: a run that was stopped goes on where it was, a larger
        `n_sims` computes what is missing, and several processes on one folder share the work. A
        folder belongs to one library: another simulator (its code and arguments), prior, seed or
        version is refused.
    shard : tuple of (int, int), optional
        ``(i, n)`` makes part i of n of the simulations only, for several machines;
        `SimulationLibrary.join` puts the shards together, and the call without `shard` on their
        folders' files as well.
    batch_size : int
        Simulations per task; another size may go on with a folder.
    n_workers, backend, progress
        As in `neuroloom.shared.map`; a surrounding ``joblib.parallel_config`` may name a cluster.
    describe : mapping, optional
        What the provenance should say about the model.
    seed : int or Seed
        Parameters come from ``seed.child("theta")``, simulation i's noise from
        ``seed.child("noise").child(i)``.

    Raises
    ------
    LibraryError
        If `folder` holds another library.
    ArgumentError
        If an argument makes no sense, or the simulator returns something else.

    Examples
    --------
    >>> from neuroloom.circuit_inference import gao_library
    >>> library = gao_library(4, duration_s=2.0, progress=False, seed=1)
    >>> library.theta.shape, library.signals["lfp"].shape
    ((4, 1), (4, 2000))
    """
    if isinstance(n_sims, bool) or not isinstance(n_sims, int) or n_sims < 1:
        raise ArgumentError(f"n_sims: expected at least 1, got {n_sims!r}")
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ArgumentError(f"batch_size: expected at least 1, got {batch_size!r}")
    if n_workers is not None and (n_workers == 0 or n_workers < -1):
        raise ArgumentError(f"n_workers: expected -1 or at least 1, got {n_workers!r}")
    rate_hz = positive("rate_hz", rate_hz, "of Hz")
    root = as_seed(seed)
    theta = prior.sample(n_sims, seed=root.child("theta"))
    noise = root.child("noise")
    provenance = {
        "model": dict(describe or {}),
        "seed": [root.entropy, *root.path],
        "rate_hz": rate_hz,
        "prior": prior.describe(),
        "versions": {"circuit_inference": __version__, "numpy": np.__version__},
    }
    resume = None if folder is None else _claim(Path(folder), provenance)
    more: dict[str, Any] = {"n_sims": n_sims, "python": platform.python_version()}
    if shard is not None:
        more["shard"] = list(shard)
    return _simulated(
        simulator, prior, theta, noise, {**provenance, **more}, batch_size=batch_size,
        n_workers=n_workers, backend=backend, progress=progress, resume=resume, shard=shard,
    )  # fmt: skip


def simulate_at(
    simulator: Simulator,
    prior: Prior,
    theta: Array,
    *,
    rate_hz: float,
    n_workers: int | None,
    backend: str | None,
    progress: bool,
    seed: Seed,
) -> SimulationLibrary:
    """Return simulations at given parameters, which are no sample of the prior."""
    if n_workers is not None and (n_workers == 0 or n_workers < -1):
        raise ArgumentError(f"n_workers: expected -1 or at least 1, got {n_workers!r}")
    provenance = {"model": {}, "seed": [seed.entropy, *seed.path], "n_sims": len(theta)}
    return _simulated(
        simulator, prior, theta, seed, {**provenance, "rate_hz": rate_hz}, batch_size=4,
        n_workers=n_workers, backend=backend, progress=progress, resume=None,
    )  # fmt: skip


def _simulated(
    simulator: Simulator,
    prior: Prior,
    theta: Array,
    noise: Seed,
    provenance: dict[str, Any],
    *,
    batch_size: int,
    n_workers: int | None,
    backend: str | None,
    progress: bool,
    resume: Path | None,
    shard: tuple[int, int] | None = None,
) -> SimulationLibrary:
    try:
        rows = map(
            partial(_run_one, simulator=simulator),
            [(i, row, noise.child(i)) for i, row in enumerate(theta)],
            batch_size=batch_size,
            shard=shard,
            n_workers=n_workers,
            backend=backend,
            progress=progress,
            description="simulations",
            resume=resume,
        )
    except DataError as error:
        if "resume" in str(error):
            raise LibraryError(f"folder: expected this library's simulations; {error}") from error
        if str(error).startswith("shard:"):
            raise ArgumentError(str(error)) from error
        raise
    places = [int(row.pop("index")) for row in rows]
    if shard is not None:
        provenance = {**provenance, "index": places}
    return _joined(rows, prior, theta[places], provenance["rate_hz"], provenance)


def _run_one(item: tuple[int, Array, Seed], simulator: Simulator) -> dict[str, Any]:
    index, theta, seed = item
    return {**_plain(simulator(theta, seed)), "index": index}


def _plain(result: Any) -> dict[str, Any]:
    """Return what a simulator said: signals, numbers, and the reason where it is invalid."""
    if not isinstance(result, Mapping) or not all(isinstance(name, str) for name in result):
        raise ArgumentError(
            "simulator: expected a mapping of names to signals and numbers, got "
            f"{type(result).__name__} {list(result) if isinstance(result, Mapping) else ''}"
        )
    return {name: _entry(name, value) for name, value in result.items()}


def _entry(name: str, value: Any) -> Any:
    if name == "reason":
        if not (value is None or isinstance(value, str)):
            raise ArgumentError(
                f"simulator: expected as reason a text, empty where it is valid, got {value!r}"
            )
        return value or ""
    given = np.asarray(value)
    if given.dtype.kind not in "biuf" or given.ndim > 1:
        raise ArgumentError(
            f"simulator: expected signals of one dimension and real numbers, got {name!r} of "
            f"shape {given.shape} and type {type(value).__name__} ({given.dtype})"
        )
    return _compact(given) if given.ndim else float(given)


def _compact(signal: NDArray[Any]) -> NDArray[Any]:
    """Return a signal in single precision, in double where an offset would swallow what changes."""
    full = signal.astype(np.float64)
    seen = full[np.isfinite(full)]
    most = np.abs(seen).max(initial=0.0)
    fine = most * np.finfo(np.float32).eps <= _ROUNDED * np.ptp(seen) if seen.size else True
    return full.astype(np.float32) if fine and most < np.finfo(np.float32).max else full


def _claim(folder: Path, provenance: Mapping[str, Any]) -> Path:
    """Return where simulations are kept, after checking that the folder is this library's."""
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "library.json"
    ours = json.loads(json.dumps(provenance))
    if record.exists():
        try:
            known = json.loads(record.read_text())
        except ValueError as error:
            raise LibraryError(f"folder: expected a readable {record.name}, got {error}") from error
        changed = sorted(key for key in ours if known.get(key) != ours[key])
        if changed:
            raise LibraryError(
                f"folder: expected this library in {folder.name}, got one that differs in {changed}"
            )
    else:
        with atomic(record) as file:
            file.write(json.dumps(ours, indent=1).encode())
    return folder / "simulations"


def _lengths(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Return how long each signal is, if all valid simulations have the same ones."""

    def sizes(row: dict[str, Any]) -> dict[str, int]:
        return {name: value.size for name, value in row.items() if isinstance(value, np.ndarray)}

    first = next((row for row in rows if not row.get("reason")), rows[0])
    lengths = sizes(first)
    for row in rows:
        got = sizes(row)
        if got != lengths and not (row.get("reason") and got.items() <= lengths.items()):
            raise ArgumentError(
                "simulator: expected the same signals of one length from each valid simulation, "
                f"got {lengths} and {got}"
            )
    return lengths


def _joined(
    rows: list[dict[str, Any]],
    prior: Prior,
    theta: Array,
    rate_hz: float,
    provenance: dict[str, Any],
) -> SimulationLibrary:
    if not rows:
        raise LibraryError("shard: expected at least one simulation, got none")
    lengths = _lengths(rows)
    signals = {
        name: np.stack(
            [row.get(name, np.full(lengths[name], np.nan, dtype=np.float32)) for row in rows]
        )
        for name in lengths
    }
    numbers = sorted({k for row in rows for k, v in row.items() if isinstance(v, float)})
    measures = {name: np.array([row.get(name, np.nan) for row in rows]) for name in numbers}
    reasons = tuple(row.get("reason", "") for row in rows)
    return SimulationLibrary(prior, theta, signals, rate_hz, reasons, measures, provenance)
