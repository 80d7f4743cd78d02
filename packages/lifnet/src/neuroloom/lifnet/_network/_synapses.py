"""Kinds of synapses: what a spike of weight 1 does to the neuron that receives it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neuroloom.lifnet._errors import NetworkError, warn_of_milliseconds
from neuroloom.shared import checks


def _positive(kind: str, **values: float) -> None:
    for name, value in values.items():
        checks.real(f"{kind}.{name}", value, above=0, error=NetworkError)
        warn_of_milliseconds(f"{kind}.{name}", value, stacklevel=5)


def _peak_time(rise: float, decay: float) -> float:
    """Return when the response of two time constants is largest."""
    if math.isclose(rise, decay, rel_tol=1e-9):
        return decay
    return decay * rise * math.log(decay / rise) / (decay - rise)


def _state_per_weight(rise: float, decay: float, normalise: str) -> float:
    """Return the step of the rising state x that gives the wanted response of i' = x − i/decay."""
    checks.choice("normalise", normalise, ("peak", "area"), error=NetworkError)
    if normalise == "area":  # the integral of i is x rise decay
        return 1.0 / (rise * decay)
    t = _peak_time(rise, decay)
    if math.isclose(rise, decay, rel_tol=1e-9):
        return math.e / decay
    top = (math.exp(-t / decay) - math.exp(-t / rise)) / (1.0 / rise - 1.0 / decay)
    return 1.0 / top


@dataclass(frozen=True, slots=True)
class Exponential:
    """A current that jumps and decays.

    Parameters
    ----------
    tau : float
        Decay in seconds.
    charge : bool
        The weight is the charge that flows, so that the jump is ``weight / tau``; otherwise the
        weight is the jump.
    """

    tau: float
    charge: bool = False

    def __post_init__(self) -> None:
        _positive("Exponential", tau=self.tau)
        checks.flag("Exponential.charge", self.charge, error=NetworkError)

    @property
    def constants(self) -> tuple[float, float, float]:
        """(tau_rise, tau_decay, state per weight)."""
        return 0.0, self.tau, 1.0 / self.tau if self.charge else 1.0


@dataclass(frozen=True, slots=True)
class Delta:
    """A step of the voltage itself, by the weight."""

    @property
    def constants(self) -> tuple[float, float, float]:
        """(tau_rise, tau_decay, state per weight)."""
        return 0.0, 0.0, 1.0


@dataclass(frozen=True, slots=True)
class DoubleExponential:
    """A current that rises and decays.

    Parameters
    ----------
    tau_rise, tau_decay : float
        Time constants in seconds, in any order; equal ones give an alpha function.
    normalise : {"peak", "area"}
        The weight is the largest current, or the charge.
    """

    tau_rise: float
    tau_decay: float
    normalise: str = "peak"

    def __post_init__(self) -> None:
        _positive("DoubleExponential", tau_rise=self.tau_rise, tau_decay=self.tau_decay)
        _state_per_weight(self.tau_rise, self.tau_decay, self.normalise)

    @property
    def constants(self) -> tuple[float, float, float]:
        """(tau_rise, tau_decay, state per weight)."""
        scale = _state_per_weight(self.tau_rise, self.tau_decay, self.normalise)
        return self.tau_rise, self.tau_decay, scale


def Alpha(tau: float, *, normalise: str = "peak") -> DoubleExponential:
    """Return a current ``(t / τ) e^(1 − t / τ)``.

    Parameters
    ----------
    tau : float
        When it peaks, in seconds.
    normalise : {"peak", "area"}
        The weight is the largest current, or the charge.
    """
    return DoubleExponential(tau, tau, normalise)


@dataclass(frozen=True, slots=True)
class Beta:
    """A conductance that rises and decays, whose peak is the weight.

    Parameters
    ----------
    tau_rise, tau_decay : float
        Time constants in seconds; equal ones give an alpha function.
    reversal : float
        Reversal potential.
    """

    tau_rise: float
    tau_decay: float
    reversal: float

    def __post_init__(self) -> None:
        _positive("Beta", tau_rise=self.tau_rise, tau_decay=self.tau_decay)
        checks.real("Beta.reversal", self.reversal, error=NetworkError)

    @property
    def constants(self) -> tuple[float, float, float]:
        """(tau_rise, tau_decay, state per weight)."""
        scale = _state_per_weight(self.tau_rise, self.tau_decay, "peak")
        return self.tau_rise, self.tau_decay, scale


Synapse = Exponential | Delta | DoubleExponential | Beta
