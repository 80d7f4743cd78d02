"""Validity gates: whether a simulation did anything that a cortex might do.

Thresholds are those of ncpi's simulation resource. What each gate measured stays with the library,
so that other thresholds can be applied later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_INTERVALS = 10  # of a neuron, for its coefficient of variation: fewer bias it down


@dataclass(frozen=True)
class Gates:
    """Thresholds of the validity gates; None switches a gate off.

    Parameters
    ----------
    max_rate_hz : float
        Mean rate of any population; checked during the transient, so that networks that run away
        are stopped.
    min_rate_hz : float
        Mean rate of the excitatory population.
    max_mean_correlation, max_correlation_95 : float, optional
        Mean (absolute) and 95 % quantile of pairwise correlations of spike counts in 10 ms.
    isi_ms : tuple of float, optional
        Range of the median over neurons of the mean interspike interval.
    cv : tuple of float, optional
        Range of the median over neurons of the intervals' coefficient of variation.
    min_spectral_r2 : float, optional
        R² of the aperiodic line through the field potential's spectrum. Off unless given: the
        resource's 0.9 is that of a fit with peaks, which a line alone does not reach.
    max_peak_power : float, optional
        Height (log10) above that line of the highest peak.
    n_neurons : int
        Neurons sampled for the correlations and intervals.
    """

    max_rate_hz: float = 50.0
    min_rate_hz: float = 0.05
    max_mean_correlation: float | None = 0.2
    max_correlation_95: float | None = 0.5
    isi_ms: tuple[float, float] | None = (2.0, 5000.0)
    cv: tuple[float, float] | None = (0.5, 3.0)
    min_spectral_r2: float | None = None
    max_peak_power: float | None = None
    n_neurons: int = 1000

    def judge(self, measures: dict[str, float]) -> str:
        """Return why the simulation is invalid, empty if it is not.

        Measures that could not be taken (too few neurons with spikes) fail no gate.
        """
        found = []
        if measures["rate_max"] > self.max_rate_hz:
            found.append(f"rate too high: {measures['rate_max']:.3g} Hz")
        if measures["rate_E"] < self.min_rate_hz:
            found.append(f"silent: {measures['rate_E']:.3g} Hz")
        limits = (
            ("correlation_mean", None, self.max_mean_correlation),
            ("correlation_95", None, self.max_correlation_95),
            ("isi_ms", *(self.isi_ms or (None, None))),
            ("cv", *(self.cv or (None, None))),
            ("spectral_r2", self.min_spectral_r2, None),
            ("peak_power", None, self.max_peak_power),
        )
        for name, low, high in limits:
            value = measures.get(name, np.nan)
            if low is not None and value < low:
                found.append(f"{name} too low: {value:.3g}")
            if high is not None and value > high:
                found.append(f"{name} too high: {value:.3g}")
        return "; ".join(found)


def spike_measures(
    steps: NDArray[np.int64],
    ids: NDArray[np.int32],
    neurons: NDArray[np.int64],
    delta_t: float,
    n_steps: int,
) -> dict[str, float]:
    """Return correlations, intervals and their variability of some neurons.

    Parameters
    ----------
    steps, ids : ndarray, shape (n_spikes,)
        Step and neuron of each spike, sorted by step.
    neurons : ndarray
        Which neurons to use.
    delta_t : float
        Step in seconds.
    n_steps : int
        Length of the run.
    """
    chosen = np.full(int(max(ids.max(initial=0), neurons.max())) + 1, -1)
    chosen[neurons] = np.arange(neurons.size)
    who = chosen[ids]
    keep = who >= 0
    who, when = who[keep], steps[keep] * delta_t
    out = {"correlation_mean": np.nan, "correlation_95": np.nan, "isi_ms": np.nan, "cv": np.nan}
    n_bins = int(n_steps * delta_t / 0.010)
    counts = np.zeros((neurons.size, max(n_bins, 1)))
    place = np.minimum((when / 0.010).astype(np.int64), counts.shape[1] - 1)
    np.add.at(counts, (who, place), 1)
    active = counts.std(axis=1) > 0
    if active.sum() >= 50 and n_bins > 10:
        r = np.corrcoef(counts[active])
        pairs = np.abs(r[np.triu_indices(len(r), 1)])
        out["correlation_mean"] = float(abs(r[np.triu_indices(len(r), 1)].mean()))
        out["correlation_95"] = float(np.quantile(pairs, 0.95))
    order = np.argsort(who, kind="stable")
    who, when = who[order], when[order]
    gaps = np.diff(when)[np.diff(who) == 0]
    owner = who[1:][np.diff(who) == 0]
    n = np.bincount(owner, minlength=neurons.size)
    mean = np.bincount(owner, gaps, neurons.size) / np.maximum(n, 1)
    square = np.bincount(owner, gaps**2, neurons.size) / np.maximum(n, 1)
    if (n >= 3).sum() >= 50:
        out["isi_ms"] = float(np.median(mean[n >= 3]) * 1e3)
    enough = n >= _INTERVALS
    if enough.sum() >= 50:
        spread = np.sqrt(np.maximum(square - mean**2, 0))
        out["cv"] = float(np.median(spread[enough] / mean[enough]))
    return out


def spectral_measures(signal: Array, rate_hz: float) -> dict[str, float]:
    """Return R² of the aperiodic line (5 to 200 Hz) and the highest peak above it (log10)."""
    from neuroloom.circuit_inference._features.aperiodic import fit_aperiodic, welch_spectra

    freqs, power = welch_spectra(signal[None], rate_hz, window_s=0.5)
    top = min(200.0, 0.45 * rate_hz)
    if not (power > 0).all():
        return {"spectral_r2": np.nan, "peak_power": np.nan}
    fit = fit_aperiodic(freqs, power, freq_range=(5.0, top))
    used = (freqs >= 5) & (freqs <= top)
    line = fit.offset[0] - fit.exponent[0] * np.log10(freqs[used])
    return {
        "spectral_r2": float(fit.r_squared[0]),
        "peak_power": float((np.log10(power[0, used]) - line).max()),
    }
