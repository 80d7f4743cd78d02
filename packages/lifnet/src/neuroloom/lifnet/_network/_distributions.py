"""Distributions of weights, delays and first voltages."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._errors import NetworkError
from neuroloom.shared import checks

CONSTANT, NORMAL, LOGNORMAL, UNIFORM, GIVEN = range(5)
_EXPECTED = "a finite number, a distribution, or one value per neuron"
_RAREST = 1e-5  # share of draws within the bounds below which drawing again takes for ever


def _check_numbers(kind: str, *, finite: bool = True, **values: float) -> None:
    for name, value in values.items():
        checks.real(f"{kind}.{name}", value, finite=finite, error=NetworkError)


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal values, drawn again until they lie in [low, high].

    Parameters
    ----------
    mean, sd : float
        Mean and standard deviation before the bounds.
    low, high : float
        Bounds. ``Normal(j, 0.1 * abs(j), low=0)`` keeps the sign of a positive weight.
    """

    mean: float
    sd: float
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        _check_numbers("Normal", mean=self.mean, sd=self.sd)
        _check_numbers("Normal", finite=False, low=self.low, high=self.high)
        if self.sd < 0:
            raise NetworkError(f"Normal: expected finite mean and sd ≥ 0, got {self}")
        if not self.low < self.high or not self.low - 4 * self.sd <= self.mean <= (
            self.high + 4 * self.sd
        ):
            raise NetworkError(f"Normal: expected bounds around the mean, got {self}")
        if self.sd > 0:
            inside = scipy.special.ndtr(np.subtract((self.low, self.high), self.mean) / self.sd)
            if inside[1] - inside[0] < _RAREST:
                raise NetworkError(
                    f"Normal: expected bounds that values fall between, got {self}, which takes "
                    f"one in {1 / max(inside[1] - inside[0], 1e-300):.2g}"
                )

    @classmethod
    def relative(cls, mean: float, cv: float) -> Normal:
        """Return a normal of standard deviation ``cv |mean|`` that keeps the mean's sign.

        Parameters
        ----------
        mean : float
            Mean before the cut.
        cv : float
            Coefficient of variation.
        """
        mean = checks.real("mean", mean, error=NetworkError)
        cv = checks.real("cv", cv, at_least=0, error=NetworkError)
        bounds = (0.0, math.inf) if mean >= 0 else (-math.inf, 0.0)
        return cls(mean, cv * abs(mean), *bounds)


@dataclass(frozen=True, slots=True)
class Lognormal:
    """Log-normal values.

    Parameters
    ----------
    mean, sd : float
        Mean and standard deviation of the values; a negative mean turns their sign.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        _check_numbers("Lognormal", mean=self.mean, sd=self.sd)
        if self.sd < 0 or not self.mean:
            raise NetworkError(f"Lognormal: expected finite mean ≠ 0 and sd ≥ 0, got {self}")


@dataclass(frozen=True, slots=True)
class Uniform:
    """Values spread evenly over [low, high).

    Parameters
    ----------
    low, high : float
        Bounds.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_numbers("Uniform", low=self.low, high=self.high)
        if self.low > self.high:
            raise NetworkError(f"Uniform: expected finite low ≤ high, got {self}")


Distribution = float | Normal | Lognormal | Uniform
Values = Distribution | ArrayLike  # a number or a distribution, or one value per neuron


def mean_of(value: Distribution) -> float:
    """Return the mean, of a normal before its bounds."""
    if isinstance(value, Uniform):
        return (value.low + value.high) / 2
    return value.mean if isinstance(value, (Normal, Lognormal)) else float(value)


def can_be_negative(value: Distribution) -> bool:
    """Return whether a number, or one that a distribution gives, may lie below 0."""
    if isinstance(value, Normal):
        return value.low < 0 and (value.sd > 0 or value.mean < 0)
    if isinstance(value, Uniform):
        return value.low < 0
    return mean_of(value) < 0


def check(name: str, value: Distribution) -> None:
    """Raise unless `value` is a finite number or a distribution."""
    if isinstance(value, (Normal, Lognormal, Uniform)):
        return
    checks.real(name, value, expected="a finite number or a distribution", error=NetworkError)


def values_of(
    name: str,
    value: Values,
    size: int,
    *,
    above: float | None = None,
    at_least: float | None = None,
    unit: str = "",
) -> Distribution | NDArray[np.float64]:
    """Return a number, a distribution, or one value per neuron, checked.

    Parameters
    ----------
    name : str
        What an error calls it.
    value : float, distribution or array_like, shape (size,)
        As given.
    size : int
        Number of neurons.
    above, at_least : float, optional
        Lower bounds of numbers and arrays; what a distribution draws is checked when it is drawn.
    unit : str
        For errors.

    Raises
    ------
    NetworkError
        If a number is not finite or out of its bounds, or the shape is another one.
    """
    if isinstance(value, (Normal, Lognormal, Uniform)):
        return value
    if np.ndim(value) == 0:
        bounded = above is not None or at_least is not None
        return checks.real(
            name,
            value,
            above=-math.inf if above is None else above,
            at_least=-math.inf if at_least is None else at_least,
            unit=unit,
            expected="" if bounded else _EXPECTED,
            error=NetworkError,
        )
    values = checks.array(name, value, ndim=1, error=NetworkError)
    if values.shape != (size,):
        raise checks.fail(
            name, f"a number, a distribution, or {size} values", values.shape, error=NetworkError
        )
    least = float(values.min())
    if above is not None and least <= above:
        raise checks.fail(name, f"values above {above:g}", least, error=NetworkError)
    if at_least is not None and least < at_least:
        raise checks.fail(name, f"values of at least {at_least:g}", least, error=NetworkError)
    return values


def coded(value: Distribution) -> tuple[int, float, float, float, float]:
    """Return (kind, a, b, low, high) for the compiled wiring."""
    if isinstance(value, Normal):
        return NORMAL, value.mean, value.sd, value.low, value.high
    if isinstance(value, Lognormal):
        spread = math.sqrt(math.log1p((value.sd / value.mean) ** 2))
        centre = math.log(abs(value.mean)) - spread**2 / 2
        return LOGNORMAL, centre, spread, math.copysign(1.0, value.mean), 0.0
    if isinstance(value, Uniform):
        return UNIFORM, value.low, value.high - value.low, 0.0, 0.0
    return CONSTANT, float(value), 0.0, 0.0, 0.0


def sample(
    value: Distribution | NDArray[np.float64], n: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return `n` values; given ones as they are."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, Normal):
        out = generator.normal(value.mean, value.sd, n)
        while (wrong := (out < value.low) | (out > value.high)).any():
            out[wrong] = generator.normal(value.mean, value.sd, int(wrong.sum()))
        return out
    if isinstance(value, Lognormal):
        _, centre, spread, sign, _ = coded(value)
        return np.asarray(sign * generator.lognormal(centre, spread, n))
    if isinstance(value, Uniform):
        return generator.uniform(value.low, value.high, n)
    return np.full(n, float(value))
