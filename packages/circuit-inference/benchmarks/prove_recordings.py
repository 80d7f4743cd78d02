"""Recordings inside a library's cloud, and what is answered there.

CA1 and EEG, each with a library of `field_library` through a recorder, in epochs of 5 s. Said are
the share of epochs inside, how far each parameter contracts against the prior, whether two halves
agree, how many planted outsiders are found, and whether known differences come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import neuroloom.circuit_inference as ci

Array = np.ndarray
Row = dict[str, Any]
EPOCH_S = 5.0


@dataclass(frozen=True)
class Kind:
    """A kind of recording, and how it is looked at.

    Attributes
    ----------
    rate_hz : float
    sensor : tuple of float
        Bounds of the sensor noise's variance over the field potential's.
    bands : tuple of (float, float)
        In Hz, beside the rhythms (theta, alpha) and the mains, which the model does not have.
    slopes : tuple of (float, float)
        Ranges of the exponents.
    """

    rate_hz: float
    sensor: tuple[float, float]
    bands: tuple[tuple[float, float], ...]
    slopes: tuple[tuple[float, float], ...]

    @property
    def features(self) -> ci.FeatureSet:
        """What is compared."""
        slopes = [ci.Aperiodic(span, window_s=1.0) for span in self.slopes]
        return ci.FeatureSet(ci.BandPower(bands=self.bands, window_s=1.0), *slopes)

    def library(self, n: int, seed: int) -> ci.SimulationLibrary:
        """Return simulations as they would be recorded."""
        library = ci.libraries.field_library(
            n, duration_s=EPOCH_S, rate_hz=self.rate_hz, progress=False, seed=seed
        )
        recorder = ci.forward.Recorder(background=(0, 0), sensor=self.sensor)
        return library.recorded(recorder, seed=seed + 1)


KINDS = {
    "CA1": Kind(
        1000.0, (1e-4, 0.05),
        ((25, 35), (35, 45), (52, 58), (62, 75), (75, 95), (95, 115), (125, 150), (150, 175)),
        ((25, 58), (62, 115), (105, 175)),
    ),
    "EEG": Kind(
        128.0, (1e-4, 0.3),
        ((2, 4), (4, 6), (14, 18), (18, 23), (23, 29), (29, 36), (36, 45)),
        ((2, 6.5), (14, 28), (24, 45)),
    ),
}  # fmt: skip


def _epochs(series: Array, rate: float) -> Array:
    n = round(EPOCH_S * rate)
    return series[: len(series) // n * n].reshape(-1, n)


def _read(folder: Path) -> tuple[dict[str, dict[str, Array]], dict[str, Array]]:
    """Return epochs by kind and channel, and those of electrodes that the kinds do not have."""
    lfp, eeg = np.load(folder / "lfp_neurodsp.npz"), np.load(folder / "eeg_eeglab_sample.npz")
    names = [str(name) for name in eeg["channels"]]
    channels = dict(zip(names, eeg["data_uV"].astype(float), strict=True))
    brain = ("Fz", "F3", "F4", "Cz", "C3", "C4", "Pz", "O1", "O2", "Oz")
    eyes = [name for name in names if "EOG" in name]
    kinds = {
        "CA1": {"CA1": _epochs(lfp["ca1_lfp"].astype(float), 1000.0)},
        "EEG": {name: _epochs(channels[name], 128.0) for name in brain if name in channels},
    }
    others = {"CA1": _epochs(lfp["m1_ecog_uV"].astype(float), 1000.0)}
    if eyes:
        others["EEG"] = np.concatenate([_epochs(channels[name], 128.0) for name in eyes])
    return kinds, others


def _resonances(n: int, n_times: int, rate: float, rng: np.random.Generator) -> Array:
    """Return noise through a resonance between 15 and 40 Hz: what a loop of E and I does."""
    from scipy.signal import lfilter

    out = np.empty((n, n_times))
    for row in out:
        turn, decay = 2 * np.pi * rng.uniform(15, 40) / rate, np.exp(-rng.uniform(15, 40) / rate)
        poles = [1, -2 * decay * np.cos(turn), decay**2]
        row[:] = lfilter([1.0], poles, rng.standard_normal(n_times + 500))[500:]
    return out


def _phases(x: Array, rng: np.random.Generator) -> Array:
    spectrum = np.fft.rfft(x, axis=1)
    turns = np.exp(2j * np.pi * rng.random(spectrum.shape))
    return np.fft.irfft(np.abs(spectrum) * turns, x.shape[1], axis=1)


def _pairs(inferer: ci.Inferer, kind: Kind, name: str, n_pairs: int, n_epochs: int) -> Row:
    """Return how often a known change of one parameter, by 3 or a third of it, is answered."""
    rng = np.random.default_rng(8)
    prior, features = ci.libraries.FIELD_PRIOR, kind.features
    recorder = ci.forward.Recorder(background=(0, 0), sensor=kind.sensor)
    column = prior.names.index(name)
    low, high = prior.low[column], prior.high[column]
    counts = {"right": 0, "wrong": 0, "cannot be said": 0}
    reasons: dict[str, int] = {}
    for pair in range(n_pairs):
        theta = prior.sample(1, seed=900 + pair)[0]
        start = low * (high / 3 / low) ** rng.random()
        values = [start, 3 * start] if rng.random() < 0.5 else [3 * start, start]
        amounts = recorder.draw(rng)
        sides = []
        for value in values:
            theta[column] = value
            series = ci.libraries.synaptic_field(
                np.repeat(theta[None], n_epochs, axis=0),
                duration_s=EPOCH_S, rate_hz=kind.rate_hz, seed=int(rng.integers(2**31)),
            )  # fmt: skip
            seen = np.stack([recorder.record(x, kind.rate_hz, amounts, rng) for x in series])
            table = features.compute(seen, rate=kind.rate_hz)
            sides.append(inferer.predict(table, n_samples=500, warn=False, seed=pair))
        answer = ci.diagnostics.difference(*sides, name)
        expected = "larger" if values[1] > values[0] else "smaller"
        if answer.verdict == "cannot be said":
            counts[answer.verdict] += 1
            reason = answer.reason.split(":")[0]
            reasons[reason] = reasons.get(reason, 0) + 1
        else:
            counts["right" if answer.verdict == expected else "wrong"] += 1
    return {**counts, "reasons": reasons, "pairs": n_pairs, "epochs of each": n_epochs}


def inside(folder: Path, *, n_sims: int = 1000, n_pairs: int = 30) -> Row:
    """Return what is said of each kind of recording."""
    kinds, others = _read(folder)
    rng = np.random.default_rng(5)
    out: Row = {}
    for name, kind in KINDS.items():
        library = kind.library(n_sims, 3)
        table = library.features(kind.features)
        inferer = ci.Inferer("mdn", library.prior)
        inferer.fit(table, library.theta, feature_set=kind.features, seed=1)
        epochs = np.concatenate(list(kinds[name].values()))

        def ask(series: Array, kind: Kind = kind, inferer: ci.Inferer = inferer) -> Any:
            table = kind.features.compute(series, rate=kind.rate_hz)
            return inferer.predict(table, n_samples=500, warn=False, seed=2)

        posterior = ask(epochs)
        among = posterior.ood_p >= 0.01
        means = np.log(posterior.mean[:, :3])
        halves: Row = {}
        place = 0
        for channel, part in kinds[name].items():
            which = np.arange(place, place + len(part))
            place += len(part)
            a, b = np.array_split(which, 2)
            halves[channel] = [round(float(np.exp(means[half, 1].mean())), 2) for half in (a, b)]
        tested = kind.library(200, 70)
        report = inferer.diagnose(tested.features(kind.features), tested.theta, seed=3)
        planted = {
            "another model (a resonance)": _resonances(200, epochs.shape[1], kind.rate_hz, rng),
            "half the rate": epochs[:, ::2],
            "phases at random": _phases(epochs, rng),
        }
        if name in others:
            planted["another electrode"] = others[name]
        row: Row = {
            "epochs": len(epochs),
            "inside": float(among.mean()),
            "contraction": dict(
                zip(
                    posterior.names,
                    posterior.contraction[among].mean(axis=0).round(3).tolist(),
                    strict=True,
                )
            ),
            "median of the means": dict(
                zip(posterior.names, np.median(posterior.mean[among], axis=0).round(2).tolist(),
                    strict=True)
            ),
            "tau_I of two halves (ms)": halves,
            "simulations": {
                "contraction": report.contraction.round(3).tolist(),
                "coverage of 90 %": report.coverage[2].round(3).tolist(),
            },
            "outsiders found": {},
        }  # fmt: skip
        for label, series in planted.items():
            row["outsiders found"][label] = float((ask(series).ood_p < 0.01).mean())
        row["known differences"] = {
            parameter: _pairs(inferer, kind, parameter, n_pairs, 20)
            for parameter in ("tau_I", "gI/gE")
        }
        out[name] = row
        print(name, row, flush=True)
    return out
