"""Slow proofs of the theory, one function each; `prove.py` runs them.

The reference file lies beside the data folder (``NEUROLOOM_DATA``); what it holds is compared with
where it is, and everything is compared with an independent computation in any case.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

from neuroloom.lifnet import (
    ClusteredNetwork,
    LIFMeanField,
    bifurcation_diagram,
    fixed_points,
    load_config,
)
from neuroloom.lifnet._theory._fixed_points import initial_rates
from neuroloom.lifnet._theory._symmetry import symmetry
from neuroloom.lifnet.theory import power_spectrum, siegert, transfer_function

J_PLUS = ("architecture", "clusters", "j_potentiated", 0)
BRUNEL_HZ = [
    (10, 3, 2, 327.0), (10, 4.5, 0.9, 6.517), (10, 5, 2, 37.95), (10, 5, 4, 90.73),
    (10, 6, 4, 55.84), (10, 8, 2, 12.99), (0, 3, 2, 194.8), (0, 4.5, 0.9, 5.832),
    (0, 5, 2, 32.03), (0, 5, 4, 73.01), (0, 6, 4, 49.15), (0, 8, 2, 12.41),
]  # fmt: skip
"""Reset (mV), g, η and the rate in Hz of model A, to the digits that are known."""


def oracle() -> dict[str, Any]:
    """Return the reference values, or nothing where they are not."""
    path = Path(os.environ.get("NEUROLOOM_DATA", ".")).parent / "reference" / "lifnet_oracle.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def exact_rate(mu, sigma, tau, theta, reset, tau_ref, tau_s) -> mpmath.mpf:
    """Return the rate by 40-digit quadrature of the textbook integral."""
    with mpmath.workdps(40):
        shift = abs(mpmath.zeta(0.5)) / mpmath.sqrt(2) * mpmath.sqrt(mpmath.mpf(tau_s) / tau)
        a, c = (mpmath.mpf(reset) - mu) / sigma + shift, (mpmath.mpf(theta) - mu) / sigma + shift
        places = sorted({a, c, *(p for p in (mpmath.mpf(0), (a + c) / 2) if a < p < c)})
        area = mpmath.quad(lambda u: mpmath.exp(u**2) * mpmath.erfc(-u), places)
        return 1 / (tau_ref + tau * mpmath.sqrt(mpmath.pi) * area)


def siegert_rates() -> dict:
    """Largest relative error of the Siegert rate on two grids."""
    rng = np.random.default_rng(1)
    own = 0.0
    for _ in range(300):
        mu, sigma, gap = rng.uniform(-1, 4), rng.uniform(0.05, 3), rng.uniform(0.1, 2)
        tau, tau_s = rng.uniform(0.005, 0.05), rng.choice([0, rng.uniform(0, 0.01)])
        ours = siegert(
            mu, sigma, tau_membrane=tau, threshold=1.5, reset_voltage=1.5 - gap,
            tau_refractory=0.005, tau_synaptic=tau_s,
        )  # fmt: skip
        exact = exact_rate(mu, sigma, tau, 1.5, 1.5 - gap, 0.005, tau_s)
        if exact > 1e-280:
            own = max(own, float(abs(float(ours) - exact) / exact))
    worst = None
    rows = oracle().get("siegert", {}).get("rows", [])
    for theta, reset, tau, tau_s, tau_ref, mu, sigma, rate in rows:
        ours = siegert(
            mu, sigma, tau_membrane=tau, threshold=theta, reset_voltage=reset,
            tau_refractory=tau_ref, tau_synaptic=tau_s,
        )  # fmt: skip
        if float(rate) > 1e-280:
            worst = max(worst or 0.0, abs(float(ours) - float(rate)) / float(rate))
    return {
        "own_points": 300, "own_worst": own, "reference_points": len(rows),
        "reference_worst": worst, "true": own <= 1e-11 and (worst is None or worst <= 1e-12),
    }  # fmt: skip


def brunel() -> dict:
    """Self-consistent rates of Brunel's model A, and how far they are from the known ones."""
    found = []
    for reset, g, eta, rate in BRUNEL_HZ:
        field = LIFMeanField(
            1, [[1000, 250]] * 2, [[0.1, -0.1 * g]] * 2, 0.1, 1000, eta * 10.0, 0.02, 0.0,
            20.0, reset, 0.002,
        )  # fmt: skip
        ends = field.solve_many([[s, s] for s in (1, 5, 30, 100, 300)])
        rates = ends.rates[ends.converged, 0]
        found.append(float(rates[np.argmin(np.abs(rates - rate))]))
    off = np.abs(np.array(found) - [row[-1] for row in BRUNEL_HZ])
    # .01 Hz, or as much as the last digit given says.
    allowed = np.array([0.01 if row[-1] < 100 else 0.05 for row in BRUNEL_HZ])
    return {
        "rates_hz": np.round(found, 4).tolist(), "largest_difference_hz": float(off.max()),
        "true": bool((off <= allowed).all()),
    }  # fmt: skip


def jacobian() -> dict:
    """Largest difference of the Jacobian from central differences at random states."""
    worst = {}
    for name in ("2_cluster_mf", "default_mf_params", "default_snn_params"):
        field = LIFMeanField.from_config(name)
        rng, h, off = np.random.default_rng(2), 1e-5, 0.0
        for _ in range(50):
            nu = rng.uniform(0.1, 60, field.n_pops)
            unit = h * np.eye(field.n_pops)
            central = (field.response(nu + unit) - field.response(nu - unit)).T / (2 * h)
            off = max(off, float(np.abs(field.jacobian(nu) - central).max()))
        worst[name] = off
    return {"largest_difference": worst, "true": max(worst.values()) <= 1e-6}


def two_clusters() -> dict:
    """All fixed points of the shipped network of two clusters, in every order."""
    field = LIFMeanField.from_config("2_cluster_mf")
    points = fixed_points(field, n_starts=1000, up_to_permutation=False, seed=3)
    shown = [
        {"E_hz": point.rates[:2].round(4).tolist(), "kind": point.label, "growth": point.growth}
        for point in points
    ]
    kinds = sorted(point.label for point in points)
    return {"points": shown, "true": kinds == ["saddle", "stable node", "stable node"]}


def active(rates: np.ndarray, n_clusters: int = 18) -> int:
    """Return the number of active clusters of a state with two levels, −1 of others."""
    clusters = rates[:n_clusters]
    levels = np.unique(clusters.round(3))
    if len(levels) == 1:
        return 0
    return int((clusters > levels.mean()).sum()) if len(levels) == 2 else -1


def random_starts(n_starts: int = 1000) -> dict:
    """States of the default network, and where random starts of two kinds end."""
    field = LIFMeanField.from_config("default_snn_params")
    points = fixed_points(field, n_starts=50, seed=1)
    listed = np.array([point.rates for point in points])
    order = symmetry(field)
    generator = np.random.default_rng(7)
    kinds = {
        "up to 10 Hz": initial_rates(n_starts, field.n_pops, seed=77),
        "up to 60 Hz": generator.uniform(0, 60, (n_starts, field.n_pops)),
    }
    ends: dict[str, dict[str, Any]] = {}
    for name, starts in kinds.items():
        answer = field.solve_many(starts)
        states = order.canonical(answer.rates[answer.converged])
        off = np.array([np.abs(listed - state).max(axis=1).min() for state in states])
        ends[name] = {
            "starts": n_starts, "arrived": len(states), "outside_the_list": int((off > 1e-5).sum()),
            "states_met": sorted({active(state) for state in states}),
        }  # fmt: skip
    known = oracle().get("mean_field_default_k_active", {})
    states, worst_rate, worst_growth = {}, 0.0, 0.0
    for point in points:
        k = active(point.rates)
        if k < 0:
            continue
        states[k] = {"kind": point.label, "growth": point.growth, "orders": point.multiplicity}
        if str(k) in known:
            _, rates, growth = known[str(k)]
            shown = point.rates[[0, 17, 18, 19, 36, 37]]
            worst_rate = max(worst_rate, float(np.abs(shown - rates).max()))
            worst_growth = max(worst_growth, abs(point.growth - growth))
    stable = sorted(active(point.rates) for point in points if point.stable)
    return {
        "states": {k: states[k] for k in sorted(states)}, "in_the_list": len(points),
        "stable": stable, "ends": ends,
        "largest_difference_to_reference_hz": worst_rate if known else None,
        "largest_difference_of_growth": worst_growth if known else None,
        "true": stable == [2, 3, 4, 5, 6] and set(range(8)) <= set(states)
        and all(end["outside_the_list"] == 0 for end in ends.values()),
    }  # fmt: skip


def bifurcation() -> dict:
    """Branches over J+ by continuation, checked against independent searches between."""
    limits = (12.0, 19.0)
    start_at = np.linspace(13.0, 19.0, 11)
    branches = bifurcation_diagram(
        "default_snn_params", J_PLUS, limits, start_at=start_at, n_starts=10
    )
    config = load_config("default_snn_params")
    missed, compared = 0, 0
    for value in (13.3, 14.6, 15.75, 16.4, 17.7):
        field = LIFMeanField.from_config(config.with_value(J_PLUS, value))
        order = symmetry(field)
        drawn = np.concatenate([branch.at(value) for branch in branches])
        solved = field.solve_many(order.canonical(drawn))
        on = order.canonical(solved.rates[solved.converged])
        ends = field.solve_many(initial_rates(200, field.n_pops, seed=5))
        for state in order.canonical(ends.rates[ends.converged]):
            compared += 1
            missed += bool(np.abs(on - state).max(axis=1).min() > 1e-3)
    lost = [
        float(b.parameter[np.flatnonzero(np.diff(b.stable.astype(int)))[0]])
        for b in branches
        if active(b.rates[0]) == 0 and b.stable.any() and not b.stable.all()
    ]
    return {
        "limits": limits, "branches": len(branches), "points": sum(len(b.labels) for b in branches),
        "with_stable_parts": sum(bool(b.stable.any()) for b in branches),
        "folds_at": sorted(round(float(b.parameter[i]), 4) for b in branches for i in b.folds),
        "uniform_state_loses_stability_at": lost,
        "random_starts_between": compared, "of_these_on_no_branch": missed, "true": missed == 0,
    }  # fmt: skip


def arousal() -> dict:
    """Stable states over the arousal level, up to the order of clusters."""
    config = load_config("default_snn_params")
    levels = np.linspace(0, 1, 11).round(3).tolist()
    counts, uniform = [], []
    for level in levels:
        field = LIFMeanField.from_config(config.with_value("arousal.level", level))
        stable = [point for point in fixed_points(field, n_starts=10, seed=1) if point.stable]
        counts.append([active(point.rates) for point in stable])
        uniform.append(any(active(point.rates) == 0 for point in stable))
    return {
        "levels": levels, "active_clusters_of_stable_states": [sorted(c) for c in counts],
        "true": len(counts[3]) > 3 and counts[-1] == [0] and not uniform[3],
    }  # fmt: skip


def closed_form(f: float, mu: float, sigma: float, tau: float, theta: float, reset: float,
                tau_ref: float, rate: float) -> tuple[complex, float]:  # fmt: skip
    """Return response to μ and spectrum by parabolic cylinder functions.

    Lindner & Schimansky-Geier (2001), Phys. Rev. Lett. 86, 2934, eqs. 5 and 6, and Lindner, García-
    Ojalvo, Neiman & Schimansky-Geier (2004), Phys. Rep. 392, eq. 5.33; ``D = σ²/2``, time in τ.
    """
    with mpmath.workdps(30):
        w = mpmath.mpf(2 * np.pi * f * tau)
        d = mpmath.mpf(sigma) ** 2 / 2
        root, iw = mpmath.sqrt(d), 1j * w
        top, bottom = (mu - theta) / root, (mu - reset) / root
        delta = (mpmath.mpf(reset) ** 2 - theta**2 + 2 * mu * (theta - reset)) / (4 * d)
        r0 = mpmath.mpf(rate) * tau
        wait = mpmath.exp(iw * tau_ref / tau)
        a, b = mpmath.pcfd(iw, top), mpmath.exp(delta) * mpmath.pcfd(iw, bottom)
        a1, b1 = mpmath.pcfd(iw - 1, top), mpmath.exp(delta) * mpmath.pcfd(iw - 1, bottom)
        by_mu = r0 * iw / (root * (iw - 1)) * (a1 - b1) / (a - wait * b)
        spectrum = r0 * (abs(a) ** 2 - abs(b) ** 2) / abs(a - wait * b) ** 2
        # Their transform has the other sign of i.
        return complex(mpmath.conj(by_mu)) / tau, float(spectrum) / tau


def linear_response() -> dict:
    """Response and spectrum of a neuron against closed forms."""
    neuron = {"tau_membrane": 0.02, "threshold": 20.0, "reset_voltage": 10.0}
    f = np.array([1.0, 5.0, 20.0, 60.0, 150.0, 400.0])
    worst = {"response": 0.0, "spectrum": 0.0}
    for mu, sigma, tau_ref in ((20.0, 5.0, 0.002), (15.0, 5.0, 0.005), (25.0, 3.0, 0.0)):
        answer = transfer_function(f, mu, sigma, tau_refractory=tau_ref, **neuron)
        rate = float(siegert(mu, sigma, tau_refractory=tau_ref, **neuron))
        for k, frequency in enumerate(f):
            by_mu, spectrum = closed_form(frequency, mu, sigma, 0.02, 20.0, 10.0, tau_ref, rate)
            off = {"response": answer.by_mu[k] / by_mu, "spectrum": answer.spectrum[k] / spectrum}
            worst = {name: max(worst[name], float(abs(off[name] - 1))) for name in worst}
    return {"largest_relative_difference": worst, "true": bool(max(worst.values()) < 1e-3)}


def network_spectrum(seconds: float = 20.0, n_seeds: int = 2) -> dict:
    """Power spectrum of an unclustered network's E neurons, simulated and by linear response.

    The theory is of first order in sqrt(τ_s/τ_m): it has to hold for fast synapses; how far it is
    off for those of the default network is written down beside.
    """
    result: dict[str, Any] = {}
    for tau_s, delta_t in ((1e-3, 1e-4), (5e-3, 2.5e-4)):
        config = load_config("default_snn_params")
        for path, value in (
            ("architecture.clusters.j_potentiated", [1.0] * 4),
            ("architecture.clusters.j_baseline", [0.189, 0.189, -0.57, -1.14]),
            ("architecture.network.tau_synaptic", tau_s),
            ("arousal.level", 0.0),
            ("init_params.delta_t", delta_t),
            ("init_params.duration_sec", seconds),
        ):
            config = config.with_value(path, value)
        result[f"tau_synaptic {tau_s * 1e3:g} ms"] = _spectra(config, n_seeds)
    ratios = result["tau_synaptic 1 ms"]["simulated_over_theory"].values()
    return result | {"true": all(abs(ratio - 1) < 0.25 for ratio in ratios)}


def _spectra(config: Any, n_seeds: int, width: float = 1e-3, segment: int = 500) -> dict:
    field = LIFMeanField.from_config(config)
    rates = field.solve_rates().x
    step = config.init_params.delta_t
    sizes = ClusteredNetwork.from_config(config, seed=0).parameters.sizes
    e = slice(0, 19)
    share = sizes[e] / sizes[e].sum()
    f = np.arange(4.0, 300.0, 4.0)
    # A spike acts from the next step on; binning multiplies the spectrum by sinc².
    spectra = power_spectrum(field, rates, f, sizes, delay=step)[:, e, e]
    theory = np.einsum("i,fij,j->f", share, spectra, share).real * np.sinc(f * width) ** 2
    waves, means = [], []
    for seed in range(n_seeds):
        run = ClusteredNetwork.from_config(config, seed=seed).simulate(seed=100 + seed)
        counts = run.spike_counts[round(0.5 / step) :, e].sum(axis=1)
        n = round(width / step)
        rate = counts[: len(counts) // n * n].reshape(-1, n).sum(axis=1) / (width * sizes[e].sum())
        means.append(rate.mean())
        pieces = rate[: len(rate) // segment * segment].reshape(-1, segment) - rate.mean()
        window = np.hanning(segment)
        power = np.abs(np.fft.rfft(pieces * window, axis=1)) ** 2
        waves.append(power.mean(axis=0) * width / (window**2).sum())
    simulated = np.interp(f, np.fft.rfftfreq(segment, width), np.mean(waves, axis=0))
    bands = {"4-50 Hz": (4, 50), "50-150 Hz": (50, 150), "150-300 Hz": (150, 300)}
    inside = {name: (f >= low) & (f < high) for name, (low, high) in bands.items()}
    return {
        "rates_hz": {"theory": float(share @ rates[e]), "simulated": float(np.mean(means))},
        "simulated_over_theory": {
            name: float(simulated[where].mean() / theory[where].mean())
            for name, where in inside.items()
        },
    }


PROOFS = (
    siegert_rates,
    brunel,
    jacobian,
    two_clusters,
    random_starts,
    bifurcation,
    arousal,
    linear_response,
    network_spectrum,
)
