"""Which model class made a signal: networks, two fields, plain noise, and a recording.

Classes are told by `compare_models` from features that amplitudes do not enter: exponent and
relative band powers of the z-scored current proxy, at 1,000 Hz. Each class has simulations to learn
from and others, which are asked; of a recording nobody knows the answer.

Networks take minutes to hours and lie in a folder of their own per model: a run that was stopped
goes on there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import neuroloom.circuit_inference as ci

Row = dict[str, Any]
RATE_HZ = 1000.0
LEVEL = 0.9
FEATURES = ci.FeatureSet(
    ci.Aperiodic((5.0, 200.0), window_s=0.5),
    ci.BandPower(((5, 12), (12, 25), (25, 45), (45, 80), (80, 150), (150, 300)), window_s=0.5),
    preprocessing=ci.Preprocessing(zscore=True, rate_hz=RATE_HZ),
)


@dataclass(frozen=True)
class Size:
    """Networks of one size.

    Attributes
    ----------
    seconds : float
        Length of the signals.
    networks : dict of str to (str, int)
        Label, model and how many of it to simulate.
    """

    seconds: float
    networks: dict[str, tuple[str, int]]


SIZES = {
    "an eighth of the size, 2 s": Size(
        2.0,
        {
            "Hagen": ("hagen_eighth", 160),
            "Cavallari": ("cavallari_eighth", 120),
            "four areas": ("four_area_eighth", 160),
        },
    ),
    "full size, 1 s": Size(
        1.0,
        {
            "Hagen": ("hagen", 200),
            "Cavallari": ("cavallari", 160),
            "four areas": ("four_area", 160),
        },
    ),
}


def _network(model: str, n_sims: int, seconds: float, folder: Path) -> ci.SimulationLibrary:
    """Return the networks that passed their gates, of the boxes that `libraries` names."""
    from libraries import CAVALLARI, HAGEN

    from neuroloom.circuit_inference.simulate import Gates, network_library

    done = folder / f"{model}.npz"  # stays when the code of the simulator changes
    if done.is_file():
        return ci.SimulationLibrary.load(done).only_valid()
    library = network_library(
        model, n_sims, duration_s=seconds, transient_s=0.3, gates=Gates(cv=None),
        prior=CAVALLARI if model.startswith("cavallari") else HAGEN,
        folder=folder / model, batch_size=1, n_workers=1, progress=False, seed=11,
    )  # fmt: skip
    library.save(done)
    return library.only_valid()


def _field(make: Any, n: int, seconds: float, seed: int) -> ci.SimulationLibrary:
    return make(n, duration_s=seconds, rate_hz=RATE_HZ, progress=False, seed=seed)


def classes(folder: Path, data: Path | None, size: Size, n_learned: int, n_asked: int) -> Row:
    """Return how often each class is named for signals that it made, rightly and wrongly.

    Parameters
    ----------
    folder : Path
        Of the networks; simulations that are there are not done again.
    data : Path, optional
        Folder with ``lfp_neurodsp.npz``, whose CA1 is asked for in as many pieces.
    size : Size
    n_learned, n_asked : int
        Signals of each class to learn from, and others; a class that has fewer gives half to each.
    """
    fields = {"shot noise": ci.gao_library, "field": ci.libraries.field_library}
    made = {
        label: _network(model, n, size.seconds, folder)
        for label, (model, n) in size.networks.items()
    } | {
        label: _field(make, n_learned + n_asked, size.seconds, 21) for label, make in fields.items()
    }
    learned, asked, signals = {}, {}, {}
    for label, library in made.items():
        first = min(n_learned, max(len(library) - n_asked, len(library) // 2))
        learned[label] = library.rows(np.arange(first))
        rest = library.rows(np.arange(first, min(first + n_asked, len(library))))
        name = "LRWS" if "LRWS" in library.signals else library.signal_name()
        signals[label] = name
        asked[label] = rest.features(FEATURES, signal=name)
    strangers = np.random.default_rng(31)
    n_times = round(size.seconds * RATE_HZ)
    for exponent in (0, 1, 2):
        spectrum = np.fft.rfft(strangers.standard_normal((n_asked, 2 * n_times)), axis=1)
        spectrum[:, 1:] *= np.arange(1.0, n_times + 1) ** (-exponent / 2)
        spectrum[:, 0] = 0
        series = np.fft.irfft(spectrum, axis=1)[:, :n_times]
        asked[f"noise, exponent {exponent}"] = FEATURES.compute(series, rate=RATE_HZ)
    if data is not None and (data / "lfp_neurodsp.npz").is_file():
        ca1 = np.load(data / "lfp_neurodsp.npz")["ca1_lfp"].astype(float)
        pieces = ca1[: n_asked * n_times].reshape(n_asked, n_times)
        asked["CA1"] = FEATURES.compute(pieces, rate=1000.0)
    out: Row = {"learned": {label: len(library) for label, library in learned.items()}}
    for label, table in asked.items():
        found = ci.diagnostics.compare_models(table, learned, FEATURES, signals=signals, seed=0)
        out["accuracy on folds"] = round(found.accuracy, 3)
        said = Counter(found.verdicts(level=LEVEL))
        reasons = Counter(reason.split(":")[0] for reason in found.reasons(level=LEVEL) if reason)
        networks = [found.names.index(name) for name in size.networks]
        network = found.probabilities[:, networks].sum(axis=1) * (1 - found.noise) >= LEVEL
        out[f"made by {label}"] = {
            "asked": len(table.values),
            **said,
            "one of the networks": int(network.sum()),
            "reasons": dict(reasons),
        }
    return out
