"""Libraries of simulations: parameters, signals, seeds, and where they came from.

How one is made stands in `_simulate_library`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.feature_set import FeatureSet, FeatureTable
from neuroloom.circuit_inference._features.series import positive
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference._reading import reading
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    LibraryError,
    NoValidSimulationsError,
    unknown,
)
from neuroloom.shared import Seed, as_seed, load_arrays, save_arrays

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
    signals: dict[str, Array]
    rate_hz: float
    reasons: tuple[str, ...]
    measures: dict[str, Array]
    provenance: dict[str, Any]

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
        return self.rows(np.flatnonzero(self.valid))

    def rows(self, which: NDArray[np.int64]) -> SimulationLibrary:
        """Return some simulations."""
        return replace(
            self,
            theta=self.theta[which],
            signals={name: x[which] for name, x in self.signals.items()},
            reasons=tuple(self.reasons[i] for i in which),
            measures={name: x[which] for name, x in self.measures.items()},
        )

    @classmethod
    def join(cls, *libraries: SimulationLibrary) -> SimulationLibrary:
        """Return several libraries of one model and prior as one, in the order given.

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
        seeds = [str(library.provenance["seed"]) for library in libraries]
        if len(set(seeds)) < len(seeds):
            raise LibraryError(f"libraries: expected a seed of its own for each, got {seeds}")
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
            {
                **first.provenance,
                "seed": seeds,
                "n_sims": sum(len(library) for library in libraries),
            },
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
        return replace(self, signals={name: x[:, -n:] for name, x in self.signals.items()})

    def noisy(
        self,
        share: tuple[float, float] = (0.0, 0.1),
        *,
        exponent: tuple[float, float] = (1.0, 1.0),
        seed: int | Seed = 0,
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
                noise = _coloured(rng.standard_normal((x.shape[1],)), float(slope))
                x[i] += (np.sqrt(part) * x[i].std()) * noise
        added = {
            "share": list(share),
            "exponent": list(exponent),
            "seed": [root.entropy, *root.path],
        }
        return replace(self, signals=signals, provenance={**self.provenance, "noise": added})

    def features(
        self, feature_set: FeatureSet, *, signal: str | None = None, n_workers: int | None = 1
    ) -> FeatureTable:
        """Return the features of one signal of every simulation.

        Parameters
        ----------
        feature_set : FeatureSet
        signal : str, optional
            Which signal; the only one if there is one.
        """
        return feature_set.compute(
            self.signals[self.signal_name(signal)], rate=self.rate_hz, n_workers=n_workers
        )

    def signal_name(self, name: str | None = None) -> str:
        """Return `name`, or that of the only signal."""
        if name is None and len(self.signals) == 1:
            return next(iter(self.signals))
        if name not in self.signals:
            raise unknown("signal", name, self.signals)
        return name

    def save(self, path: str | Path) -> Path:
        """Write the library as one npz file with a JSON header."""
        arrays = {"theta": self.theta}
        arrays.update({f"signal:{name}": x for name, x in self.signals.items()})
        arrays.update({f"measure:{name}": x for name, x in self.measures.items()})
        header = {
            "prior": self.prior.describe(),
            "rate_hz": self.rate_hz,
            "reasons": list(self.reasons),
            "provenance": self.provenance,
            "digest": self.digest,
        }
        return save_arrays(path, arrays, kind=_KIND, header=header, version=_FORMAT)

    @classmethod
    def load(cls, path: str | Path) -> SimulationLibrary:
        """Return the library that `save` wrote.

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


def _coloured(white: Array, exponent: float) -> Array:
    """Return noise of unit variance with a power spectrum of 1/f^exponent."""
    spectrum = np.fft.rfft(white)
    spectrum[0] = 0
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (exponent / 2)
    noise = np.fft.irfft(spectrum, len(white))
    return np.asarray(noise / noise.std())


def _lengths(library: SimulationLibrary) -> dict[str, int]:
    return {name: x.shape[1] for name, x in library.signals.items()}


def _named(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
