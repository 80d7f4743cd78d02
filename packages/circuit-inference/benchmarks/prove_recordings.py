"""Recordings inside a library's cloud, and what is answered there.

CA1 beside `paced_library` in epochs of 10 s, EEG beside `field_library` in epochs of 5 s, each
through a recorder. Said are the share of epochs inside, how far each parameter contracts against
the prior, whether two halves agree, how many planted outsiders are found, and whether known
differences come back.

Features and bounds were chosen on simulations and on the first half of each recording; what is
reported is of the second half, and of outsiders made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import neuroloom.circuit_inference as ci

Array = np.ndarray
Row = dict[str, Any]
LEVEL = 0.01


@dataclass(frozen=True)
class Kind:
    """A kind of recording, and how it is looked at.

    Attributes
    ----------
    rate_hz : float
    epoch_s : float
    sensor : tuple of float
        Bounds of the sensor noise's variance over the field potential's.
    bands : tuple of tuple of (float, float)
        In Hz, of windows of 1 s and of 2 s, beside the mains and rhythms that the model lacks.
    slopes : tuple of (float, float)
        Ranges of the exponents.
    paced : Coupling, optional
        Where a rhythm paces the field: its couplings are compared too.
    """

    rate_hz: float
    epoch_s: float
    sensor: tuple[float, float]
    bands: tuple[tuple[tuple[float, float], ...], ...]
    slopes: tuple[tuple[float, float], ...]
    paced: ci.Coupling | None

    @property
    def features(self) -> ci.FeatureSet:
        """What is compared."""
        powers = [ci.BandPower(bands, window_s=w) for w, bands in enumerate(self.bands, 1)]
        slopes = [ci.Aperiodic(span, window_s=1.0) for span in self.slopes]
        return ci.FeatureSet(*powers, *slopes, *([self.paced] if self.paced else []))

    @property
    def prior(self) -> ci.Prior:
        """Of the field's parameters."""
        libraries = ci.libraries
        return libraries.PACED_PRIOR if self.paced else libraries.FIELD_PRIOR

    @property
    def recorder(self) -> ci.forward.Recorder:
        """What the electrode adds."""
        return ci.forward.Recorder(background=(0, 0), sensor=self.sensor)

    def fields(self, theta: Array, seed: int) -> Array:
        """Return a field potential for each row of parameters."""
        make = ci.libraries.paced_field if self.paced else ci.libraries.synaptic_field
        return make(theta, duration_s=self.epoch_s, rate_hz=self.rate_hz, seed=seed)

    def library(self, n: int, seed: int) -> ci.SimulationLibrary:
        """Return simulations as they would be recorded."""
        make = ci.libraries.paced_library if self.paced else ci.libraries.field_library
        library = make(n, duration_s=self.epoch_s, rate_hz=self.rate_hz, progress=False, seed=seed)
        return library.recorded(self.recorder, seed=seed + 1)

    def epochs(self, series: Array) -> Array:
        """Return a recording in epochs, shape (n_epochs, n_times)."""
        n = round(self.epoch_s * self.rate_hz)
        return series[: len(series) // n * n].reshape(-1, n)


_THETA = ((3, 5), (5, 9.5), (10, 18), (18, 25))
_FAST = ((25, 35), (35, 45), (62, 75), (125, 150))
_SLOW = ((2, 4), (4, 6), (14, 18), (18, 23), (23, 29), (29, 36), (36, 45))
KINDS = {
    "CA1": Kind(
        1000.0, 10.0, (1e-5, 0.02),
        ((*_THETA, *_FAST), ((5, 6), (6, 7), (7, 8), (8, 9.5))),
        (),
        ci.Coupling((5, 9.5), ((25, 45), (45, 90))),
    ),
    "EEG": Kind(
        128.0, 5.0, (1e-4, 0.3), (_SLOW,), ((2, 6.5), (14, 28), (24, 45)), None
    ),
}  # fmt: skip


def _read(folder: Path) -> tuple[dict[str, dict[str, Array]], dict[str, dict[str, Array]]]:
    """Return series by kind and channel, and those of electrodes that the kinds do not have."""
    lfp, eeg = np.load(folder / "lfp_neurodsp.npz"), np.load(folder / "eeg_eeglab_sample.npz")
    names = [str(name) for name in eeg["channels"]]
    channels = dict(zip(names, eeg["data_uV"].astype(float), strict=True))
    brain = ("Fz", "F3", "F4", "Cz", "C3", "C4", "Pz", "O1", "O2", "Oz")
    eyes = [name for name in names if "EOG" in name]
    kinds = {
        "CA1": {"CA1": lfp["ca1_lfp"].astype(float)},
        "EEG": {name: channels[name] for name in brain if name in channels},
    }
    others = {"CA1": {"M1": lfp["m1_ecog_uV"].astype(float)}}
    if eyes:
        others["EEG"] = {name: channels[name] for name in eyes}
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
    prior, features, recorder = kind.prior, kind.features, kind.recorder
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
            series = kind.fields(np.repeat(theta[None], n_epochs, axis=0), int(rng.integers(2**31)))
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


def directions(
    kind: Kind,
    name: str,
    *,
    n_pairs: int = 3000,
    n_tests: int = 120,
    n_epochs: int = 20,
    folder: Path | None = None,
) -> Row:
    """Return how often `condition_pairs` tells a threefold change of one parameter, and none.

    Tests are drawn as the pairs are not: a start and three times or a third of it, or the same
    twice; nothing was chosen on them.
    """
    make = ci.libraries.paced_one if kind.paced else ci.libraries.field_one
    simulator = partial(make, duration_s=kind.epoch_s, rate_hz=kind.rate_hz)
    pairs = ci.diagnostics.condition_pairs(
        simulator, kind.prior, name, n_pairs, kind.features, rate_hz=kind.rate_hz,
        n_epochs=n_epochs, recorder=kind.recorder, folder=folder, progress=False, seed=31,
    )  # fmt: skip
    inferer = ci.Inferer("mdn", pairs.prior).fit(pairs.features, pairs.theta, seed=1)
    rng = np.random.default_rng(81)
    column = kind.prior.names.index(name)
    low, high = kind.prior.low[column], kind.prior.high[column]
    out: Row = {"pairs": n_pairs, "epochs of each": n_epochs, "tests": n_tests}
    for label, factor in (("threefold", 3.0), ("no change", 1.0)):
        rows, larger = [], rng.random(n_tests) < 0.5
        for test, up in enumerate(larger):
            theta = kind.prior.sample(1, seed=7000 + test)[0]
            start = low * (high / factor / low) ** rng.random()
            amounts, sides = kind.recorder.draw(rng), []
            for value in (start, factor * start) if up else (factor * start, start):
                theta[column] = value
                same = np.repeat(theta[None], n_epochs, axis=0)
                series = kind.fields(same, int(rng.integers(2**31)))
                seen = [kind.recorder.record(x, kind.rate_hz, amounts, rng) for x in series]
                sides.append(kind.features.compute(np.stack(seen), rate=kind.rate_hz))
            rows.append(pairs.of(*sides).values[0])
        found = inferer.predict(np.array(rows), n_samples=1000, warn=False, seed=1)
        for level in (0.9, 0.95):
            answers = ci.diagnostics.direction(found, level=level)
            said = np.array([a.verdict != "cannot be said" for a in answers])
            right = np.array([a.verdict for a in answers]) == np.where(larger, "larger", "smaller")
            out[f"{label}, level {level:g}"] = {
                "answered": float(said.mean()),
                **({"right": int((said & right).sum())} if factor > 1 else {}),
                **({"wrong": int((said & ~right).sum())} if factor > 1 else {}),
            }
        out[f"{label}, outside"] = float((found.ood_p < LEVEL).mean())
    return out


def _half(epochs: Array, development: bool) -> Array:
    middle = len(epochs) // 2
    return epochs[:middle] if development else epochs[middle:]


def inside(
    folder: Path, *, n_sims: int = 1000, n_pairs: int = 30, development: bool = False
) -> Row:
    """Return what is said of each kind of recording: of the half that nothing was chosen on."""
    kinds, others = _read(folder)
    out: Row = {}
    for name, kind in KINDS.items():
        parts = {
            channel: _half(kind.epochs(series), development)
            for channel, series in kinds[name].items()
        }
        strangers = [kind.epochs(series) for series in others.get(name, {}).values()]
        out[name] = _of_kind(kind, parts, strangers, n_sims, n_pairs)
        print(name, out[name], flush=True)
    return out


def _of_kind(
    kind: Kind, parts: dict[str, Array], strangers: list[Array], n_sims: int, n_pairs: int
) -> Row:
    rng = np.random.default_rng(5)
    library = kind.library(n_sims, 3)
    inferer = ci.Inferer("mdn", library.prior)
    inferer.fit(library.features(kind.features), library.theta, feature_set=kind.features, seed=1)

    def ask(series: Array) -> Any:
        table = kind.features.compute(series, rate=kind.rate_hz)
        return inferer.predict(table, n_samples=500, warn=False, seed=2)

    epochs = np.concatenate(list(parts.values()))
    posterior = ask(epochs)
    among = posterior.ood_p >= LEVEL
    names = posterior.names
    ends = np.cumsum([len(part) for part in parts.values()])
    taus = np.log(posterior.mean[:, names.index("tau_I")])
    halves = {
        channel: [round(float(np.exp(half.mean())), 2) for half in np.array_split(part, 2)]
        for channel, part in zip(parts, np.split(taus, ends[:-1]), strict=True)
    }
    tested = kind.library(200, 70)
    table = tested.features(kind.features)
    report = inferer.diagnose(table, tested.theta, seed=3)
    many = np.repeat(epochs, max(1, 100 // len(epochs)), axis=0)
    # Two stretches side by side, every other sample of them: half the rate at the same length.
    pairs = epochs[: len(epochs) // 2 * 2].reshape(-1, 2 * epochs.shape[1])
    planted = {
        "another model (a resonance)": _resonances(200, epochs.shape[1], kind.rate_hz, rng),
        "half the rate": pairs[:, ::2],
        "phases at random": _phases(many, rng),
    }
    if strangers:
        planted["another electrode"] = np.concatenate(strangers)
    contraction = posterior.contraction[among].mean(axis=0).round(3).tolist()
    middle = np.median(posterior.mean[among], axis=0).round(2).tolist()
    return {
        "epochs": len(epochs),
        "inside": float(among.mean()),
        "contraction": dict(zip(names, contraction, strict=True)),
        "median of the means": dict(zip(names, middle, strict=True)),
        "tau_I of two halves (ms)": halves,
        "simulations": {
            "contraction": report.contraction.round(3).tolist(),
            "coverage of 90 %": report.coverage[2].round(3).tolist(),
            "called outside": float((inferer.predict(table, warn=False).ood_p < LEVEL).mean()),
        },
        "outsiders found": {
            label: {"epochs": len(x), "share": float((ask(x).ood_p < LEVEL).mean())}
            for label, x in planted.items()
        },
        "known differences": {
            name: _pairs(inferer, kind, name, n_pairs, 20) for name in ("tau_I", "gI/gE")
        },
        "known differences, all else the same": {
            name: directions(kind, name) for name in ("tau_I", "gI/gE")
        },
    }
