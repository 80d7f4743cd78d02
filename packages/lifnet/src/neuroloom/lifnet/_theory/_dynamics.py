"""Rates in time: ``τ dν/dt = −ν + Φ(ν)``, with time-dependent networks and finite-size noise."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._clustered._parameters import clustered_parameters
from neuroloom.lifnet._clustered._perturbation import (
    checked,
    config_perturbations,
    merged,
    segments,
)
from neuroloom.lifnet._config._load import load_config, warn_of_unreached
from neuroloom.lifnet._engine._memory import check_memory
from neuroloom.lifnet._errors import RoundingWarning, SimulationError, as_seed
from neuroloom.lifnet._theory._mean_field import LIFMeanField, check_field
from neuroloom.shared import Seed, Signal, checks

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RateTrajectory:
    """Population rates over time.

    Parameters
    ----------
    rates : ndarray, shape (n_steps, n_pops)
        Hz at the end of each step.
    delta_t : float
        Step in seconds.
    """

    rates: Array
    delta_t: float

    @property
    def times(self) -> Array:
        """Seconds, shape (n_steps,)."""
        return np.asarray(np.arange(1, len(self.rates) + 1) * self.delta_t, dtype=np.float64)

    def to_signal(self) -> Signal:
        """Return the rates as a `Signal`."""
        return Signal(self.rates, 1.0 / self.delta_t, self.delta_t)


def integrate_rates(
    field: LIFMeanField | Sequence[tuple[int, LIFMeanField]],
    nu_init: ArrayLike,
    *,
    duration: float,
    delta_t: float = 0.5e-3,
    tau: ArrayLike | None = None,
    sizes: ArrayLike | None = None,
    seed: int | Seed = 0,
) -> RateTrajectory:
    """Return the rates of a mean field over time.

    Without `sizes` by the classical Runge–Kutta method. With them each population's activity
    fluctuates as that of so many neurons, ``τ dν = (−ν + Φ) dt + √(Φ/N) dW`` (Brunel & Hakim
    1999; Mattia & Del Giudice 2002), by the Euler–Maruyama method; rates stay at least 0.

    Parameters
    ----------
    field : LIFMeanField, or sequence of (n_steps, LIFMeanField)
        One mean field, or one after the other.
    nu_init : array_like, shape (n_pops,)
        Rates at the beginning, in Hz.
    duration, delta_t : float
        In seconds.
    tau : array_like, optional
        Time constants of the rates in seconds: one, two (E, I), or one per population; the
        membrane time constants if not given, as for `LIFMeanField.determine_stability`.
    sizes : array_like, shape (n_pops,), optional
        Neurons of each population.
    seed : int or Seed
        Seed of the fluctuations.

    Examples
    --------
    >>> field = LIFMeanField.from_config("2_cluster_mf")
    >>> run = integrate_rates(field, [30, 2, 2, 13, 13, 13], duration=1.0)
    >>> run.rates[-1, :2].round(1).tolist()
    [51.1, 2.5]
    """
    delta_t = checks.real("delta_t", delta_t, above=0, unit="s", error=SimulationError)
    n_steps = _n_steps(duration, delta_t)
    pieces = [(n_steps, field)] if isinstance(field, LIFMeanField) else _pieces(field, n_steps)
    n_pops = pieces[0][1].n_pops
    check_memory({"rates": 8.0 * n_steps * n_pops}, remedy="take a shorter time or longer steps")
    nu = _first_rates(nu_init, n_pops)
    per_neuron = None if sizes is None else _per_neuron(pieces[0][1], sizes)
    generator = as_seed(seed).generator()
    rates = np.empty((n_steps, n_pops))
    step = 0
    for length, piece in pieces:
        phi = piece.equations.phi
        times = piece.rate_time_constants(tau)
        h = delta_t / (piece.equations.tau_membrane if times is None else times)
        if (h > 0.5).any():
            raise SimulationError(f"delta_t: expected at most half of tau, got {delta_t:g} s")
        for _ in range(length):
            if per_neuron is None:
                nu = _runge_kutta(phi, nu, h)
            else:
                kick = generator.standard_normal(n_pops)
                nu = _euler_maruyama(phi, nu, h, kick, per_neuron, delta_t)
            rates[step] = nu
            step += 1
    return RateTrajectory(rates, delta_t)


def _n_steps(duration: float, delta_t: float) -> int:
    """Return a duration in steps; one between two steps is rounded, with a warning."""
    duration = checks.real("duration", duration, at_least=delta_t, unit="s", error=SimulationError)
    n_steps = round(duration / delta_t)
    if abs(duration / delta_t - n_steps) > 1e-6 * n_steps:
        warnings.warn(
            f"duration of {duration:g} s is not a multiple of delta_t ({delta_t:g} s); rounded to "
            f"{n_steps * delta_t:g} s",
            RoundingWarning,
            stacklevel=3,
        )
    return n_steps


def _pieces(field: Any, n_steps: int) -> list[tuple[int, LIFMeanField]]:
    """Return mean fields and their numbers of steps, checked."""
    try:
        pieces = [
            (checks.whole("field", n, at_least=1, error=SimulationError), one) for n, one in field
        ]
    except (TypeError, ValueError) as error:
        expected = "a mean field, or pairs of a number of steps and a mean field"
        raise checks.fail("field", expected, field, error=SimulationError) from error
    for _, one in pieces:
        check_field(one)
    if not pieces or sum(n for n, _ in pieces) != n_steps:
        raise SimulationError(f"field: expected pieces of {n_steps} steps together")
    return pieces


def _first_rates(nu_init: ArrayLike, n_pops: int) -> Array:
    nu: Array = checks.array("nu_init", nu_init, dtype=np.float64, error=SimulationError)
    if nu.shape != (n_pops,):
        raise SimulationError(f"nu_init: expected {n_pops} finite rates, got shape {nu.shape}")
    if (nu < 0).any():
        raise SimulationError(f"nu_init: expected rates of at least 0 Hz, got {nu.min():g}")
    return nu


def _per_neuron(field: LIFMeanField, sizes: ArrayLike) -> Array:
    """Return 1/N of each population, 0 where it has no neurons."""
    n = field.checked_sizes("sizes", sizes, error=SimulationError)
    return np.asarray(np.divide(1.0, n, out=np.zeros(len(n)), where=n > 0))


def _runge_kutta(phi: Callable[[Array], Array], nu: Array, h: Array) -> Array:
    """Return the rates after a step of `h` in units of the time constants."""
    k1 = phi(nu) - nu
    k2 = phi(nu + h / 2 * k1) - (nu + h / 2 * k1)
    k3 = phi(nu + h / 2 * k2) - (nu + h / 2 * k2)
    k4 = phi(nu + h * k3) - (nu + h * k3)
    return np.asarray(nu + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))


def _euler_maruyama(
    phi: Callable[[Array], Array],
    nu: Array,
    h: Array,
    kick: Array,
    per_neuron: Array,
    delta_t: float,
) -> Array:
    """Return the rates after a step with the noise of so many neurons."""
    target = phi(nu)
    shock = kick * np.sqrt(target * per_neuron / delta_t)
    return np.maximum(nu + h * (target - nu + shock), 0.0)


def mean_field_trajectory(
    config: Any,
    nu_init: ArrayLike | None = None,
    *,
    duration: float | None = None,
    delta_t: float | None = None,
    perturbations: Any = None,
    tau: ArrayLike | None = None,
    finite_size: bool = False,
    seed: int | Seed = 0,
) -> RateTrajectory:
    """Return the rates of a configuration's mean field, its perturbations switched in time.

    Parameters
    ----------
    config : anything that `load_config` reads
        The configuration.
    nu_init : array_like, shape (n_pops,), optional
        Rates at the beginning in Hz; the fixed point that a solve from zero finds if not given.
    duration, delta_t : float, optional
        In seconds; the configuration's if not given.
    perturbations : mapping of target to array_like, optional
        They replace the configuration's own, target by target; a last axis of one value per step
        is time.
    tau : array_like, optional
        As for `integrate_rates`.
    finite_size : bool
        Let the populations fluctuate as so many neurons do.
    seed : int or Seed
        Seed of the fluctuations.
    """
    checks.flag("finite_size", finite_size, error=SimulationError)
    loaded = load_config(config)
    if duration is not None:
        loaded = loaded.with_value("init_params.duration_sec", duration)
    if delta_t is not None:
        loaded = loaded.with_value("init_params.delta_t", delta_t)
    if duration is not None or delta_t is not None:
        warn_of_unreached(loaded)
    init = loaded.init_params
    n_steps, n_pops = (
        round(init.duration_sec / init.delta_t),
        loaded.architecture.clusters.total_pops,
    )
    own = config_perturbations(loaded, in_time=True)
    given = checked(merged(own, perturbations), n_pops, n_steps)
    pieces = [
        (stop - start, LIFMeanField.from_parameters(clustered_parameters(loaded, constant)))
        for start, stop, constant in segments(given, n_pops, n_steps)
    ]
    if nu_init is None:
        found = pieces[0][1].solve_rates()
        if not found.converged:
            raise SimulationError(
                f"nu_init: expected rates to begin at, since there is {found.message}"
            )
        nu_init = found.x
    return integrate_rates(
        pieces,
        nu_init,
        duration=init.duration_sec,
        delta_t=init.delta_t,
        tau=tau,
        sizes=clustered_parameters(loaded).sizes if finite_size else None,
        seed=seed,
    )
