"""What the outsider test of a library and a feature set can see, and what it cannot.

An observation inside the cloud has features that the model can have. What no feature measures, or
the model leaves open, may be anything: beside a Gaussian model phases drawn anew cannot be found.
So strangers are made of the library's own signals, and counted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._features.line_noise import artefacts
from neuroloom.circuit_inference._forward.recorder import coloured
from neuroloom.circuit_inference._inference.out_of_distribution import SimulatedCloud
from neuroloom.circuit_inference._libraries.library import SimulationLibrary
from neuroloom.circuit_inference.errors import ArgumentError
from neuroloom.shared import as_seed
from neuroloom.shared.random import SeedLike

Array = NDArray[np.float64]
Stranger = Callable[[Array, np.random.Generator], Array]
_SEEN = 0.9  # share found, from which on the test sees such strangers


def blind_spots(
    library: SimulationLibrary,
    feature_set: FeatureSet,
    *,
    signal: str | None = None,
    n_series: int = 100,
    seed: SeedLike = None,
) -> pd.DataFrame:
    """Return which strangers the outsider test finds among simulations, and which it cannot see.

    Half of the valid simulations are the cloud, strangers are made of the others: their phases
    drawn anew, every other sample of them, them clipped at one standard deviation, and noise,
    sines and rare spikes of their variance. The cloud that a model learns from all of the
    simulations is a little denser.

    Parameters
    ----------
    library : SimulationLibrary
        What the model learns from.
    feature_set : FeatureSet
        What is computed of a recording.
    signal : str, optional
        Which of the library's signals, where it has several.
    n_series : int
        Strangers of each kind, at most.
    seed : int or Seed, optional
        Of the halves and the strangers.

    Returns
    -------
    DataFrame
        Indexed by the kind of stranger: ``found``, the share called outside at p < .01, and
        ``meaning`` in words. The first row is of simulations as they are: false alarms.

    Raises
    ------
    ArgumentError
        If there are fewer than 40 valid simulations, or no series is asked for.

    Examples
    --------
    >>> from neuroloom.circuit_inference import Aperiodic, FeatureSet, libraries
    >>> library = libraries.field_library(
    ...     60, duration_s=4.0, rate_hz=125.0, progress=False, seed=1
    ... )
    >>> table = blind_spots(library, FeatureSet(Aperiodic((2, 45))), n_series=20, seed=0)
    >>> table.index[1], table["meaning"].iloc[1][:10]
    ('phases at random', 'cannot be ')
    """
    if isinstance(n_series, bool) or not isinstance(n_series, int) or n_series < 1:
        raise ArgumentError(f"n_series: expected at least 1, got {n_series!r}")
    if not isinstance(library, SimulationLibrary):
        raise ArgumentError(f"library: expected a SimulationLibrary, got {type(library).__name__}")
    valid = library.only_valid()
    if len(valid) < 40:
        raise ArgumentError(f"library: expected at least 40 valid simulations, got {len(valid)}")
    root = as_seed(seed)
    order = root.child("halves").generator().permutation(len(valid))
    inside, outside = np.array_split(order, 2)
    series = np.asarray(valid.signals[valid.signal_name(signal)], dtype=np.float64)
    known = feature_set.compute(series[inside], rate=library.rate_hz)
    cloud = SimulatedCloud.of(known.values[known.valid], artefacts(known.names))
    rows = {}
    for name, make in _STRANGERS.items():
        rng = root.child(name).generator()
        made = np.array([make(x, rng) for x in series[outside[:n_series]]])
        table = feature_set.compute(made, rate=library.rate_hz)
        p = cloud.p_value(table.values[table.valid])
        # A stranger without features is refused, not taken for a recording.
        found = float(1 - (p >= 0.01).sum() / len(made))
        rows[name] = {"found": found, "meaning": _meaning(name, found)}
    return pd.DataFrame.from_dict(rows, orient="index")


def _meaning(name: str, found: float) -> str:
    if name == _OWN:
        return "false alarms"
    if found >= _SEEN:
        return "seen"
    often = "cannot be seen" if found < 0.1 else "often not seen"
    return f"{often}: a recording inside the cloud may have this ({name})"


def _phases(x: Array, rng: np.random.Generator) -> Array:
    spectrum = np.fft.rfft(x)
    turned = np.abs(spectrum) * np.exp(2j * np.pi * rng.random(spectrum.size))
    return np.asarray(np.fft.irfft(turned, x.size))


def _half_rate(x: Array, rng: np.random.Generator) -> Array:
    # Forth and back, so that nothing jumps where the two meet.
    return np.concatenate([x, x[::-1]])[::2]


def _clipped(x: Array, rng: np.random.Generator) -> Array:
    return np.clip(x, x.mean() - x.std(), x.mean() + x.std())


def _noise(exponent: float) -> Stranger:
    def make(x: Array, rng: np.random.Generator) -> Array:
        noise = coloured(rng.standard_normal(2 * x.size), exponent)[: x.size]
        return np.asarray(x.mean() + x.std() * noise)

    return make


def _sine(x: Array, rng: np.random.Generator) -> Array:
    turns = x.size * 10 ** rng.uniform(-2, -0.5)  # cycles, from a hundredth of the rate to a third
    wave = np.sin(2 * np.pi * (turns * np.arange(x.size) / x.size + rng.random()))
    noisy = wave + 0.01 * rng.standard_normal(x.size)
    return np.asarray(x.mean() + x.std() * np.sqrt(2) * noisy)


def _spikes(x: Array, rng: np.random.Generator) -> Array:
    rare = (rng.random(x.size) < 0.01) + 0.01 * rng.standard_normal(x.size)
    return np.asarray(x.mean() + x.std() * (rare - rare.mean()) / rare.std())


_OWN = "simulations as they are"
_STRANGERS: dict[str, Stranger] = {
    _OWN: lambda x, rng: x,
    "phases at random": _phases,
    "half the rate": _half_rate,
    "clipped": _clipped,
    "white noise": _noise(0.0),
    "1/f noise": _noise(1.0),
    "1/f² noise": _noise(2.0),
    "a sine": _sine,
    "rare spikes": _spikes,
}
