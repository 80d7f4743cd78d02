"""Proofs that fixed points are complete and their labels true, beside a compiled search of its own.

Nothing of the package computes a rate here: the Siegert integral is a table of the cumulative
integral of ``e^(u²) erfc(−u)``, Newton's method and the Runge–Kutta steps are written out.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numba import njit
from rows import Rows
from scipy.integrate import cumulative_simpson
from scipy.special import erfcx, zeta

from neuroloom.lifnet import LIFMeanField, fixed_points, load_config
from neuroloom.lifnet._theory._symmetry import symmetry
from neuroloom.lifnet.clustered import clustered_parameters

N_STARTS = int(os.environ.get("LIFNET_STARTS", 100_000))
LOW, HIGH, PER_UNIT = -40.0, 7.0, 200
SHIFT = abs(zeta(0.5)) / np.sqrt(2)

_fine = np.linspace(LOW, HIGH, int((HIGH - LOW) * PER_UNIT) * 4 + 1)
_TABLE = cumulative_simpson(erfcx(-_fine), x=_fine, initial=0)[::4].copy()
_SLOPE = erfcx(-_fine[::4])


@njit(cache=False)
def _cumulative(x, table, slope):
    """Return the integral up to x and the integrand there, by cubic Hermite interpolation.

    Below the table, by the expansion of ``erfcx(s)`` in 1/s, whose next term is 5e-10 of it.
    """
    if x < LOW:
        s, root = -x, np.sqrt(np.pi)
        back = np.log(s / -LOW) + (s**-2 - LOW**-2) / 4 - 3 * (s**-4 - LOW**-4) / 16
        return table[0] - back / root, (1 / s - 0.5 * s**-3 + 0.75 * s**-5) / root
    place = (x - LOW) * PER_UNIT
    k = int(place)
    if k > len(table) - 2:
        k = len(table) - 2
    t, h = place - k, 1.0 / PER_UNIT
    a, b, da, db = table[k], table[k + 1], slope[k] * h, slope[k + 1] * h
    value = a + t * (da + t * (3 * (b - a) - 2 * da - db + t * (2 * (a - b) + da + db)))
    return value, slope[k] + t * (slope[k + 1] - slope[k])


@njit(cache=False)
def _rate(mu, sigma, tau, theta, reset, tau_ref, shift, table, slope):
    """Return the rate and its derivatives by μ and σ."""
    upper, lower = (theta - mu) / sigma + shift, (reset - mu) / sigma + shift
    if upper >= HIGH:
        return 0.0, 0.0, 0.0
    c, top = _cumulative(upper, table, slope)
    a, bottom = _cumulative(lower, table, slope)
    factor = tau * np.sqrt(np.pi)
    time = tau_ref + factor * (c - a)
    up = factor / (sigma * time**2)
    by_sigma = up * (top * (upper - shift) - bottom * (lower - shift))
    return 1 / time, up * (top - bottom), by_sigma


@njit(cache=False)
def _field(nu, m, v, mx, vx, par, table, slope, phi, jac):
    """Write Φ(ν) and its Jacobian; rows of `par` are τ, θ, reset, τ_ref, shift."""
    n = len(nu)
    for i in range(n):
        mu, var = mx[i], vx[i]
        for j in range(n):
            mu += m[i, j] * nu[j]
            var += v[i, j] * nu[j]
        if not var > 1e-12:
            var = 1e-12
        sigma = np.sqrt(var)
        r, by_mu, by_sigma = _rate(
            mu, sigma, par[0, i], par[1, i], par[2, i], par[3, i], par[4, i], table, slope
        )
        phi[i] = r
        for j in range(n):
            jac[i, j] = by_mu * m[i, j] + by_sigma * v[i, j] / (2 * sigma)


@njit(cache=False)
def _newton(nu, m, v, mx, vx, par, table, slope):
    """Take ν to a fixed point in place; return the residual."""
    n = len(nu)
    phi, jac, trial = np.empty(n), np.empty((n, n)), np.empty(n)
    other = np.empty((n, n))
    _field(nu, m, v, mx, vx, par, table, slope, phi, jac)
    left = np.abs(phi - nu).max()
    for _ in range(80):
        if left < 1e-11 * (1 + np.abs(nu).max()):
            break
        a = np.eye(n) - jac
        for i in range(n):
            a[i, i] += 1e-13
        step = np.linalg.solve(a, phi - nu)
        scale, better = 1.0, False
        for _ in range(12):
            for i in range(n):
                trial[i] = max(nu[i] + scale * step[i], 0.0)
            _field(trial, m, v, mx, vx, par, table, slope, phi, other)
            now = np.abs(phi - trial).max()
            if now < left:
                better = True
                break
            scale /= 2
        if not better:  # a step of relaxation leaves the place where Newton is stuck
            _field(nu, m, v, mx, vx, par, table, slope, phi, jac)
            for i in range(n):
                trial[i] = nu[i] + 0.3 * (phi[i] - nu[i])
            _field(trial, m, v, mx, vx, par, table, slope, phi, other)
            now = np.abs(phi - trial).max()
        nu[:] = trial
        jac[:] = other
        left = now
    return left


@njit(cache=False, nogil=True)
def _search(starts, m, v, mx, vx, par, table, slope, residual):
    for k in range(len(starts)):
        residual[k] = _newton(starts[k], m, v, mx, vx, par, table, slope)


@njit(cache=False)
def _follow(nu, kick, tau, seconds, dt, m, v, mx, vx, par, table, slope):
    """Return the distance from ν, in units of the kick's, at the end, at most 1e3 of it."""
    n = len(nu)
    x = np.maximum(nu + kick, 0.0)
    first = np.sqrt(((x - nu) ** 2).sum())
    phi, jac = np.empty(n), np.empty((n, n))
    k = np.empty((4, n))
    for _ in range(int(seconds / dt)):
        for s in range(4):
            y = x.copy()
            if s:
                y += (dt if s == 3 else dt / 2) * k[s - 1]
            _field(y, m, v, mx, vx, par, table, slope, phi, jac)
            k[s] = (phi - y) / tau
        x = x + dt / 6 * (k[0] + 2 * k[1] + 2 * k[2] + k[3])
        away = np.sqrt(((x - nu) ** 2).sum()) / first
        if away > 1e3:
            break
    return away


def _numbers(field: LIFMeanField) -> tuple[Any, ...]:
    e = field.equations
    shift = SHIFT * np.sqrt(e.tau_synaptic / e.tau_membrane)
    par = np.array([e.tau_membrane, e.threshold, e.reset_voltage, e.tau_refractory, shift])
    return e.mean, e.variance, e.mean_external, e.variance_external, par, _TABLE, _SLOPE


def _distinct(states: np.ndarray) -> np.ndarray:
    kept: list[np.ndarray] = []
    for state in states:
        near = 1e-4 * (1 + np.abs(state).max())
        if all(np.abs(state - one).max() > near for one in kept):
            kept.append(state)
    return np.array(kept)


def _starts(n: int, n_pops: int, generator: np.random.Generator) -> np.ndarray:
    """Return starts of four kinds: small, up to 60 Hz, over all scales, and on few levels."""
    part = n // 4
    small = generator.uniform(0, 10, (part, n_pops))
    wide = generator.uniform(0, 60, (part, n_pops))
    scales = 10 ** generator.uniform(-2, 2.3, (part, n_pops))
    levels = np.array([0.5, 3.0, 10.0, 30.0, 60.0, 150.0])
    few = levels[generator.integers(0, len(levels), (n - 3 * part, n_pops))]
    return np.concatenate([small, wide, scales, few])


def unequal_field(generator: np.random.Generator) -> LIFMeanField:
    """Return two to six clusters like the shipped two, unequal in efficacy, in-degree and drive."""
    q = int(generator.integers(2, 7))
    mapping = load_config("2_cluster_mf").to_mapping()
    init, clusters = mapping["init_params"], mapping["architecture"]["clusters"]
    init["n_excitatory"] = clusters["n_excitatory_background"] + 80 * q
    init["n_neurons"] = init["n_excitatory"] + init["n_inhibitory"]
    clusters["n_clusters"], clusters["total_pops"] = q, 2 * q + 2
    clusters["j_potentiated"][0] = float(generator.uniform(17, 28))
    p = clustered_parameters(load_config(mapping))
    spread = 10 ** generator.uniform(-4, -1.2)  # from hardly to plainly unequal
    efficacy, in_degree = p.efficacy.copy(), np.asarray(p.in_degree, dtype=float)
    efficacy[:q, :q] *= 1 + spread * generator.standard_normal((q, q))
    in_degree[:q] *= 1 + spread * generator.standard_normal((q, 1))
    nu_ext = np.array(p.mean_nu_ext)
    nu_ext[:, :q] *= 1 + spread / 3 * generator.standard_normal(q)
    return LIFMeanField(
        q, in_degree, efficacy, p.j_ext, p.c_ext, nu_ext, p.tau_membrane, p.tau_synaptic,
        p.threshold, p.reset_voltage, p.tau_refractory,
    )  # fmt: skip


def unequal_network(number: int) -> dict:
    """Return what a search from many starts finds of one network, and what is listed."""
    generator = np.random.default_rng(1000 + number)
    field = unequal_field(generator)
    listed = fixed_points(field, seed=number)
    order = symmetry(field)
    starts = _starts(N_STARTS, field.n_pops, generator)
    residual = np.empty(len(starts))
    _search(starts, *_numbers(field), residual)
    good = starts[residual < 1e-9 * (1 + starts.max(axis=1))]
    rounded = good[np.unique(good.round(3), axis=0, return_index=True)[1]]
    found = _distinct(order.canonical(rounded))
    ours = np.array([point.rates for point in listed])
    lost = 0
    for state in found:
        near = 1e-3 * (1 + np.abs(state).max())
        if not len(ours) or np.abs(ours - state).max(axis=1).min() > near:
            sharp = field.solve_rates(state)  # is it one, to our digits?
            lost += bool(sharp.converged and np.abs(sharp.x - state).max() < near)
    return {
        "clusters": (field.n_pops - 2) // 2, "brute_force": len(found), "listed": len(ours),
        "missed": lost, "complete": listed.complete, "arrived": len(good),
    }  # fmt: skip


def unequal_clusters(rows: Rows, n_networks: int = 24) -> dict:
    """Fixed points of random unequal networks against a brute-force search from many starts."""
    found = rows.each(range(n_networks), unequal_network, n_starts=N_STARTS)
    missed = sum(row["missed"] for row in found)
    several = sum(row["brute_force"] > 1 for row in found)
    false_claims = sum(bool(row["missed"] and row["complete"]) for row in found)
    return {
        "networks": n_networks, "starts_each": N_STARTS, "missed": missed, "with_several": several,
        "complete_on_a_short_list": false_claims, "rows": found,
        "true": missed == 0 and false_claims == 0 and several > n_networks // 2,
    }  # fmt: skip


def labels_of(number: int) -> dict:
    """Return how the labels of a random E–I network's points fare beside trajectories."""
    generator = np.random.default_rng([5, number])
    j_e, g, c_e = generator.uniform(0.1, 0.5), generator.uniform(2, 7), generator.uniform(200, 1000)
    j = np.array([[j_e, -g * j_e], [j_e * generator.uniform(0.5, 2), -g * j_e]])
    drive = generator.uniform(0.9, 4) * 20.0 / (c_e * j_e * 0.02)  # of the rate that is enough
    field = LIFMeanField(
        1, [[c_e, c_e / 4]] * 2, j, j_e, c_e, drive, 0.02, generator.uniform(0, 0.004), 20.0,
        generator.uniform(0, 15), generator.uniform(0.001, 0.005),
    )  # fmt: skip
    tau = 10 ** generator.uniform(-3, -1, 2)
    times = field.rate_time_constants(tau)
    numbers = _numbers(field)
    row = {"compared": 0, "unstable": 0, "marginal": 0, "unlike": 0, "disagree": 0}
    for point in fixed_points(field, tau=tau, n_starts=10, seed=number):
        own = point.rates.copy()
        left = _newton(own, *numbers)
        if left > 1e-10 * (1 + own.max()) or np.abs(own - point.rates).max() > 1e-3:
            row["unlike"] += 1
            continue
        _, jac = _response(own, numbers)
        growth = np.linalg.eigvals((jac - np.eye(len(own))) / times[:, None]).real.max()
        if abs(growth) * times.min() < 3e-3 or own.min() < 1e-3:
            row["marginal"] += 1
            continue
        kick = generator.standard_normal(len(own))
        kick *= 1e-5 * (1 + own.max()) / np.linalg.norm(kick)
        dt = min(times.min() / 20, 0.2 / np.abs(jac).max() * times.min())
        away = _follow(own, kick, times, 12 / abs(growth), dt, *numbers)
        row["compared"] += 1
        row["unstable"] += not point.stable
        row["disagree"] += int((away < 1.0) != point.stable)
    return row


def stability_labels(rows: Rows, n_networks: int = 600) -> dict:
    """Labels of random E–I networks with unequal time constants, against trajectories."""
    found = rows.each(range(n_networks), labels_of)
    total = {key: sum(row[key] for row in found) for key in found[0]}
    return {
        "networks": n_networks, "points_compared": total["compared"],
        "of_these_unstable": total["unstable"], "left_out_as_marginal": total["marginal"],
        "unlike_our_own_newton": total["unlike"], "disagree": total["disagree"],
        "true": total["disagree"] == 0 and total["unlike"] == 0 and total["unstable"] > 50,
    }  # fmt: skip


def _response(nu: np.ndarray, numbers: tuple[Any, ...]) -> tuple[np.ndarray, np.ndarray]:
    phi, jac = np.empty(len(nu)), np.empty((len(nu), len(nu)))
    _field(nu, *numbers, phi, jac)
    return phi, jac


PROOFS = (unequal_clusters, stability_labels)
