"""Libraries of simulations: parameters, signals, seeds, and where they came from.

How one is made stands in `_simulate_library`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._features.feature_table import FeatureTable
from neuroloom.circuit_inference._features.series import positive, read_only, row_numbers
from neuroloom.circuit_inference._forward.recorder import Recorder, coloured
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference._reading import reading
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    LibraryError,
    NoValidSimulationsError,
    unknown,
)
from neuroloom.shared import Seed, as_seed, load_arrays, save_arrays
from neuroloom.shared.random import SeedLike

Array = NDArray[np.float64]

_KIND = "SimulationLibrary"
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class SimulationLibrary:
    """Simulated signals and the parameters that produced them.

    Attributes
    ----------
    prior : Prior
        What the parameters were drawn from, with names and units.
    theta : ndarray, shape (n_sims, n_parameters)
        Parameters.
    signals : dict of str to ndarray, shape (n_sims, n_times)
        Field potentials by name.
    rate_hz : float
        Sampling rate of the signals.
    reasons : tuple of str
        Why a simulation failed its validity gates, empty where it did not.
    measures : dict of str to ndarray, shape (n_sims,)
        What the gates measured, and whatever else the simulator reports as numbers.
    provenance : dict
        Model, options, seed, versions.
    """

    prior: Prior
    theta: Array
    signals: Mapping[str, Array]
    rate_hz: float
    reasons: tuple[str, ...]
    measures: Mapping[str, Array]
    provenance: dict[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "theta", read_only(np.asarray(self.theta)))
        for field in ("signals", "measures"):
            given = {name: read_only(np.asarray(x)) for name, x in getattr(self, field).items()}
            object.__setattr__(self, field, MappingProxyType(given))
        object.__setattr__(self, "provenance", dict(self.provenance))

    def __reduce__(self) -> tuple[Any, ...]:  # read-only mappings cannot be sent to workers
        fields = (dict(self.signals), self.rate_hz, self.reasons, dict(self.measures))
        return type(self), (self.prior, self.theta, *fields, dict(self.provenance))

    def __len__(self) -> int:
        return len(self.theta)

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Which simulations passed their gates, shape (n_sims,)."""
        return np.array([not reason for reason in self.reasons], dtype=bool)

    @property
    def duration_s(self) -> float:
        """Length of the signals in seconds."""
        return float(next(iter(self.signals.values())).shape[1] / self.rate_hz)

    @property
    def digest(self) -> str:
        """Identity of the parameters and signals."""
        state = hashlib.blake2s(self.theta.tobytes(), digest_size=12)
        for name in sorted(self.signals):
            state.update(name.encode() + np.ascontiguousarray(self.signals[name]).tobytes())
        return state.hexdigest()

    def gate_report(self) -> dict[str, int]:
        """Return how many simulations passed, and how many failed for which reason."""
        report = {"passed": int(self.valid.sum())}
        for reason in self.reasons:
            for part in filter(None, reason.split("; ")):
                key = part.split(":")[0]
                report[key] = report.get(key, 0) + 1
        return report

    def only_valid(self) -> SimulationLibrary:
        """Return the simulations that passed their gates.

        Raises
        ------
        NoValidSimulationsError
            If none did.
        """
        if not self.valid.any():
            raise NoValidSimulationsError(
                f"library: expected simulations that pass their gates, got none of {len(self)}",
                n_dropped=len(self),
                reasons=self.gate_report(),
            )
        return self.rows(self.valid)

    def rows(self, which: ArrayLike) -> SimulationLibrary:
        """Return some simulations, by numbers, a slice or a mask.

        Parameters
        ----------
        which : array_like of int or bool, or slice
            Numbers of simulations, or one True or False for each.

        Raises
        ------
        ShapeError
            If a simulation does not exist, or a mask has another length.
        """
        places = row_numbers(which, len(self))
        return replace(
            self,
            theta=self.theta[places],
            signals={name: x[places] for name, x in self.signals.items()},
            reasons=tuple(self.reasons[i] for i in places),
            measures={name: x[places] for name, x in self.measures.items()},
        )

    @classmethod
    def join(cls, *libraries: SimulationLibrary) -> SimulationLibrary:
        """Return several libraries of one model and prior as one, in the order given.

        Shards of one library (``simulate_library(shard=…)``) become that library, in its order.

        Parameters
        ----------
        libraries : SimulationLibrary
            The parts.

        Raises
        ------
        LibraryError
            If they differ in prior, signals, their length or rate, or share a seed.
        """
        if not libraries:
            raise LibraryError("libraries: expected at least one, got none")
        first = libraries[0]
        for library in libraries[1:]:
            for what, ours, theirs in (
                ("prior", first.prior.describe(), library.prior.describe()),
                ("rate_hz", first.rate_hz, library.rate_hz),
                ("model", first.provenance["model"], library.provenance["model"]),
                ("signals", _lengths(first), _lengths(library)),
            ):
                if ours != theirs:
                    raise LibraryError(f"libraries: expected one {what}, got {ours} and {theirs}")
        if len(libraries) > 1 and all("shard" in library.provenance for library in libraries):
            return cls._of_shards(libraries)
        seeds = [str(library.provenance["seed"]) for library in libraries]
        if len(set(seeds)) < len(seeds):
            raise LibraryError(f"libraries: expected a seed of its own for each, got {seeds}")
        return cls._stacked(libraries, {"seed": seeds, "n_sims": sum(map(len, libraries))})

    @classmethod
    def _of_shards(cls, libraries: Sequence[SimulationLibrary]) -> SimulationLibrary:
        """Return all shards of one library, its simulations in their order."""
        first = libraries[0].provenance
        n_sims, n_shards = int(first["n_sims"]), int(first["shard"][1])
        got = [int(library.provenance["shard"][0]) for library in libraries]
        same = {(str(p.provenance["seed"]), p.provenance["n_sims"]) for p in libraries}
        places = [library.provenance["index"] for library in libraries]
        whole = sorted(i for part in places for i in part) == list(range(n_sims))
        sizes = [len(part) for part in places] == [len(library) for library in libraries]
        if not (whole and sizes and len(same) == 1):
            raise LibraryError(
                f"libraries: expected each of the {n_shards} shards of one library once and "
                f"whole, got the shards {got}"
            )
        stacked = cls._stacked(libraries, {"n_sims": n_sims})
        del stacked.provenance["shard"], stacked.provenance["index"]
        return stacked.rows(np.argsort(np.concatenate(places)))

    @classmethod
    def _stacked(
        cls, libraries: Sequence[SimulationLibrary], changes: Mapping[str, Any]
    ) -> SimulationLibrary:
        first = libraries[0]
        measures = sorted({name for library in libraries for name in library.measures})
        return cls(
            first.prior,
            np.concatenate([library.theta for library in libraries]),
            {
                name: np.concatenate([library.signals[name] for library in libraries])
                for name in first.signals
            },
            first.rate_hz,
            tuple(reason for library in libraries for reason in library.reasons),
            {
                name: np.concatenate(
                    [
                        library.measures.get(name, np.full(len(library), np.nan))
                        for library in libraries
                    ]
                )
                for name in measures
            },
            {**first.provenance, **changes},
        )

    def cut(self, duration_s: float) -> SimulationLibrary:
        """Return the library with signals as long as a recording: its last `duration_s` seconds.

        Features of short signals scatter more; a model trained on long ones would be too sure of
        a short recording.

        Raises
        ------
        ArgumentError
            If the signals are shorter.
        """
        n = round(positive("duration_s", duration_s, "of seconds") * self.rate_hz)
        if n > next(iter(self.signals.values())).shape[1] or n < 1:
            raise ArgumentError(
                f"duration_s: expected at most the {self.duration_s:g} s simulated, "
                f"got {duration_s:g}"
            )
        cut = replace(self, signals={name: x[:, -n:] for name, x in self.signals.items()})
        return cut._treated({"kind": "cut", "duration_s": float(duration_s)})

    def noisy(
        self,
        share: tuple[float, float] = (0.0, 0.1),
        *,
        exponent: tuple[float, float] = (1.0, 1.0),
        seed: SeedLike = None,
    ) -> SimulationLibrary:
        """Return the library with 1/f noise added to each signal, as recordings have it.

        A model that has only seen simulations takes the noise of a recording for a property of
        the circuit. One that has learned from different amounts of it does not, and its
        posteriors are as wide as not knowing the amount makes them.

        Parameters
        ----------
        share : tuple of float
            Bounds of the noise's variance over the signal's own; uniform, one per simulation.
        exponent : tuple of float
            Bounds of the exponent of the noise's power spectrum; 0 is white, 1 pink.
        seed : int or Seed
            Simulation i draws from ``seed.child(i)``.

        Raises
        ------
        ArgumentError
            If the bounds are not finite, out of order, or a share is negative.
        """
        for name, (low, high) in (("share", share), ("exponent", exponent)):
            if not np.isfinite([low, high]).all() or low > high or (name == "share" and low < 0):
                raise ArgumentError(f"{name}: expected finite bounds in order, got {(low, high)}")
        root = as_seed(seed)
        signals: dict[str, Array] = {name: x.copy() for name, x in self.signals.items()}
        for i in range(len(self)):
            rng = root.child(i).generator()
            part, slope = rng.uniform(*share), rng.uniform(*exponent)
            for x in signals.values():
                noise = coloured(rng.standard_normal((x.shape[1],)), float(slope))
                x[i] += (np.sqrt(part) * x[i].std()) * noise
        described = {"kind": "noise", "share": list(share), "exponent": list(exponent)}
        return replace(self, signals=signals)._treated(
            {**described, "seed": [root.entropy, *root.path]}
        )

    def recorded(
        self, recorder: Recorder, *, infer: bool = False, seed: SeedLike = None
    ) -> SimulationLibrary:
        """Return the library as a recorder would have it: background, noise, filters, gain, rate.

        Parameters
        ----------
        recorder : Recorder
            What stands between field potential and file; each simulation draws amounts of its own.
        infer : bool
            Make the amounts parameters too, so that posteriors say what is known of them;
            otherwise they are measures, and posteriors are averaged over them.
        seed : int or Seed, optional
            Simulation i draws from ``seed.child(i)``.

        Raises
        ------
        ArgumentError
            If a filter's corner is above half the rate.
        """
        root = as_seed(seed)
        amounts: dict[str, list[float]] = {}
        signals: dict[str, list[Array]] = {name: [] for name in self.signals}
        for i in range(len(self)):
            rng = root.child(i).generator()
            drawn = recorder.draw(rng)
            for key, value in drawn.items():
                amounts.setdefault(f"recorder {key}", []).append(value)
            for name, x in self.signals.items():
                series = np.asarray(x[i], dtype=np.float64)
                signals[name].append(recorder.record(series, self.rate_hz, drawn, rng))
        new = {name: np.array(values) for name, values in amounts.items()}
        prior, theta = self.prior, self.theta
        if infer:
            more = recorder.marginals
            prior = prior.joined(Prior.of(more)) if more else prior
            theta = np.column_stack([theta, *(new.pop(name) for name in more)])
        treated = replace(
            self,
            prior=prior,
            theta=theta,
            signals={name: np.stack(rows).astype(np.float32) for name, rows in signals.items()},
            rate_hz=recorder.rate_hz or self.rate_hz,
            measures={**self.measures, **new},
        )
        return treated._treated({"kind": "recorder", **recorder.describe()})

    def _treated(self, treatment: dict[str, Any]) -> SimulationLibrary:
        done = [*self.provenance.get("treatments", []), treatment]
        return replace(self, provenance={**self.provenance, "treatments": done})

    def treated_alike(self, other: SimulationLibrary, seed: Seed) -> SimulationLibrary:
        """Return another library after what was done to the signals of this one, in order.

        Parameters
        ----------
        other : SimulationLibrary
            New simulations of the same simulator.
        seed : Seed
            Of the random parts, which are drawn anew.
        """
        for i, treatment in enumerate(self.provenance.get("treatments", [])):
            options = {k: v for k, v in treatment.items() if k not in ("kind", "seed")}
            if treatment["kind"] == "cut":
                other = other.cut(**options)
            elif treatment["kind"] == "recorder":
                other = other.recorded(Recorder(**options), seed=seed.child(i))
            else:
                spans = {name: (float(a), float(b)) for name, (a, b) in options.items()}
                other = other.noisy(**spans, seed=seed.child(i))
        return other if other.duration_s == self.duration_s else other.cut(self.duration_s)

    def features(
        self,
        feature_set: FeatureSet,
        *,
        signal: str | None = None,
        failed: bool = False,
        n_workers: int | None = None,
    ) -> FeatureTable:
        """Return the features of one signal of every simulation.

        Parameters
        ----------
        feature_set : FeatureSet
        signal : str, optional
            Which signal; the only one if there is one.
        failed : bool
            Compute features of simulations that failed their validity gates too, where they have
            a signal. Otherwise their rows are NaN, and no model learns from them.
        n_workers : int, optional
            Threads, −1 for all cores; the values do not depend on it.

        Returns
        -------
        FeatureTable
            One row per simulation.

        Raises
        ------
        NoValidSimulationsError
            If no simulation passed its gates.
        SeriesError
            If a signal has no features and the feature set's policy is "raise".
        """
        signals = self.signals[self.signal_name(signal)]
        wanted = self.valid | failed
        wanted &= self.valid | np.isfinite(signals).all(axis=1)  # stopped before it had a signal
        if not wanted.any():
            self.only_valid()
        places = np.flatnonzero(wanted)
        table = feature_set.compute(signals[places], rate=self.rate_hz, n_workers=n_workers)
        if len(places) == len(self):
            return table
        values = np.full((len(self), len(table.names)), np.nan)
        values[places] = table.values
        reasons = [f"failed its validity gates: {reason}" for reason in self.reasons]
        n_times = np.zeros(len(self), dtype=np.int64)
        for i, place in enumerate(places):
            reasons[place] = table.reasons[i]
            n_times[place] = 0 if table.n_times is None else table.n_times[i]
        return replace(table, values=values, reasons=tuple(reasons), n_times=n_times)

    def signal_name(self, name: str | None = None) -> str:
        """Return `name`, or that of the only signal."""
        if name is None and len(self.signals) == 1:
            return next(iter(self.signals))
        if name is None or name not in self.signals:
            raise unknown("signal", name, self.signals)
        return name

    def save(self, path: str | Path) -> Path:
        """Write the library as one npz file with a JSON header.

        Parameters
        ----------
        path : str or Path
            Of the npz file, ending in ``.npz``.

        Raises
        ------
        ArgumentError
            If it ends in something else: the command line knows a library by its suffix.
        """
        if Path(path).suffix != ".npz":
            raise ArgumentError(f"path: expected a file ending in .npz, got {Path(path).name!r}")
        arrays: dict[str, Any] = {"theta": self.theta}
        arrays.update({f"signal:{name}": x for name, x in self.signals.items()})
        arrays.update({f"measure:{name}": x for name, x in self.measures.items()})
        header = {
            "prior": self.prior.describe(),
            "rate_hz": self.rate_hz,
            "reasons": list(self.reasons),
            "provenance": dict(self.provenance),
            "digest": self.digest,
        }
        return save_arrays(path, arrays, kind=_KIND, header=header, version=_FORMAT)

    @classmethod
    def load(cls, path: str | Path) -> SimulationLibrary:
        """Return the library that `save` wrote.

        Parameters
        ----------
        path : str or Path
            Of the npz file.

        Raises
        ------
        LibraryError
            If the file is missing, foreign, of a newer format, holds objects or was changed.
        """
        with reading("path", "library", LibraryError):
            arrays, header = load_arrays(path, kind=_KIND, version=_FORMAT)
            library = cls(
                Prior.from_description(header["prior"]),
                arrays["theta"],
                _named(arrays, "signal:"),
                float(header["rate_hz"]),
                tuple(header["reasons"]),
                _named(arrays, "measure:"),
                dict(header["provenance"]),
            )
            if library.digest != header["digest"]:
                raise LibraryError(
                    f"path: expected content {header['digest']}, got {library.digest}: "
                    f"{Path(path).name} was changed"
                )
            library._check_lengths()
            return library

    def _check_lengths(self) -> None:
        lengths = {len(self.theta), len(self.reasons), *map(len, self.signals.values())}
        if len(lengths | set(map(len, self.measures.values()))) != 1:
            raise LibraryError("path: expected parameters, signals and measures of one length")
        self.prior.matrix(self.theta)


def _lengths(library: SimulationLibrary) -> dict[str, int]:
    return {name: x.shape[1] for name, x in library.signals.items()}


def _named(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
