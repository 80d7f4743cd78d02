"""How long a period lasts: distributions in ms, drawn for many trials at once."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._errors import TaskTypeError, TimingError, unknown
from neuroloom.tasks._random.counter import Rng

_SMALLEST_MASS = 1e-12


class Duration:
    """A distribution of durations in ms."""

    def draw(self, rng: Rng, n: int) -> NDArray[np.float64]:
        """Return `n` durations in ms."""
        raise NotImplementedError

    def shortest(self) -> Sequence[float]:
        """Return the durations in ms that must not round to no step at all."""
        return ()


@dataclass(frozen=True)
class Constant(Duration):
    """Always `ms`."""

    ms: float

    def __post_init__(self) -> None:
        _positive("a duration", self.ms)

    def draw(self, rng: Rng, n: int) -> NDArray[np.float64]:
        """Return `n` times the same duration in ms."""
        return np.full(n, float(self.ms))

    def shortest(self) -> Sequence[float]:
        """Return the duration in ms."""
        return (self.ms,)


@dataclass(frozen=True)
class Steps(Duration):
    """Always `n` steps, whatever the step is."""

    n: int

    def draw(self, rng: Rng, n: int) -> NDArray[np.float64]:
        """Return nothing of use: steps have no length in ms."""
        raise NotImplementedError("a duration in steps is not drawn")


@dataclass(frozen=True)
class Uniform(Duration):
    """Uniform between `low` and `high`."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _positive("uniform: low", self.low)
        _positive("uniform: high", self.high)
        if self.low > self.high:
            raise TimingError(f"uniform: expected low <= high, got {self.low} and {self.high}")

    def draw(self, rng: Rng, n: int) -> NDArray[np.float64]:
        """Return `n` durations in ms."""
        return rng.uniform(self.low, self.high, n)

    def shortest(self) -> Sequence[float]:
        """Return the lower end in ms."""
        return (self.low,)


@dataclass(frozen=True)
class Choice(Duration):
    """One of `values`, each as likely."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.values):
            raise TimingError("choice: expected at least one duration, got none")
        object.__setattr__(self, "values", tuple(_positive("choice", v) for v in self.values))

    def draw(self, rng: Rng, n: int) -> NDArray[np.float64]:
        """Return `n` durations in ms."""
        return np.asarray(self.values, dtype=float)[rng.integers(len(self.values), size=n)]

    def shortest(self) -> Sequence[float]:
        """Return all durations in ms."""
        return self.values


@dataclass(frozen=True)
class TruncatedExponential(Duration):
    """Exponential with `mean`, cut to ``[low, high)``; drawn by the inverse of its distribution.

    The mean is that of the exponential before it is cut.
    """

    mean: float
    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        _check_window(self.mean, self.low, self.high)

    def draw(self, rng: Rng, n: int) -> NDArray[np.float64]:
        """Return `n` durations in ms."""
        return np.asarray(truncated_exponential(rng.random(n), self.mean, self.low, self.high))

    def shortest(self) -> Sequence[float]:
        """Return the lower end in ms."""
        return (self.low,)


@dataclass(frozen=True)
class Until(Duration):
    """Whatever is left until `ms` after the start of the trial."""

    ms: float

    def __post_init__(self) -> None:
        _positive("until", self.ms)

    def draw(self, rng: Rng, n: int) -> NDArray[np.float64]:
        """Return zeros: the length follows from others, see `TaskPlan.fill_observation`."""
        return np.zeros(n)


@dataclass(frozen=True)
class Computed(Duration):
    """Set by the task's `arrange`; a user cannot set it."""

    def draw(self, rng: Rng, n: int) -> NDArray[np.float64]:
        """Return zeros, to be filled in."""
        return np.zeros(n)


@dataclass(frozen=True)
class Called(Duration):
    """The user's own function: ``f()`` once a trial, or ``f(rng, n)`` for `n` trials at once."""

    function: Callable[..., Any]
    vectorised: bool

    def draw(self, rng: Rng, n: int) -> NDArray[np.float64]:
        """Return `n` durations in ms."""
        drawn = self.function(rng, n) if self.vectorised else [self.function() for _ in range(n)]
        values = np.asarray(drawn, dtype=float)
        if values.shape != (n,) or not np.isfinite(values).all() or (values < 0).any():
            raise TimingError(
                f"timing: expected {n} finite durations of at least 0 ms from the function, "
                f"got {np.array2string(values, threshold=8)}"
            )
        return values


def truncated_exponential(
    uniform: NDArray[np.float64] | float, mean: float, low: float = 0.0, high: float = math.inf
) -> Any:
    """Return the value of the cut exponential at cumulated probability `uniform`."""
    if low == high:
        return np.full_like(np.asarray(uniform, dtype=float), low)
    mass = -math.expm1(-(high - low) / mean)
    return low - mean * np.log1p(-np.asarray(uniform) * mass)


def as_duration(value: Any) -> Duration:
    """Return the distribution that a user's `timing` entry stands for.

    Parameters
    ----------
    value : Duration, float, sequence of float, tuple or callable
        A number of ms; several numbers, drawn from with equal weight; ``(name, arguments)`` with
        the name ``"uniform"``, ``"choice"``, ``"truncated_exponential"``, ``"constant"`` or
        ``"until"``; a function ``f()`` or ``f(rng, n)``.

    Raises
    ------
    TimingError
        If a duration is negative, not finite, or its window is empty.
    TaskTypeError
        If the value is none of these.
    """
    if isinstance(value, Duration):
        return value
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        return Constant(float(value))
    if isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[0], str):
        return _named(value[0], value[1])
    if isinstance(value, (tuple, list, np.ndarray)):
        return Choice(tuple(value))
    if hasattr(value, "duration"):
        return as_duration(value.duration())
    if callable(value):
        return Called(value, vectorised=_takes_rng(value))
    raise TaskTypeError(
        "timing: expected a number of ms, a list of them, (name, arguments) or a function, "
        f"got {value!r} ({type(value).__name__})"
    )


def _named(name: str, args: Any) -> Duration:
    several = tuple(args) if isinstance(args, (tuple, list, np.ndarray)) else (args,)
    if name == "uniform":
        return Uniform(*several)
    if name == "choice":
        return Choice(several)
    if name == "truncated_exponential":
        return TruncatedExponential(*several)
    if name == "constant":
        return Constant(*several)
    if name == "until":
        return Until(*several)
    raise unknown(
        "timing", name, ("uniform", "choice", "truncated_exponential", "constant", "until")
    )


def _takes_rng(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    free = [p for p in parameters if p.default is p.empty and p.kind <= p.POSITIONAL_OR_KEYWORD]
    return len(free) == 2


def _positive(what: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise TaskTypeError(f"{what}: expected a number of ms, got {value!r}")
    if not math.isfinite(value) or value < 0:
        raise TimingError(f"{what}: expected a finite number of ms of at least 0, got {value}")
    return float(value)


def _check_window(mean: float, low: float, high: float) -> None:
    if not mean > 0 or not math.isfinite(mean):
        raise TimingError(f"truncated exponential: expected a mean above 0 ms, got {mean}")
    if not low >= 0 or not low <= high or math.isinf(low):
        raise TimingError(
            f"truncated exponential: expected 0 <= min <= max, got min {low} and max {high}"
        )
    mass = math.exp(-low / mean) - (0.0 if math.isinf(high) else math.exp(-high / mean))
    if low < high and mass < _SMALLEST_MASS:
        raise TimingError(
            f"truncated exponential: a mean of {mean} ms leaves the window {low} to {high} ms "
            f"a probability of {mass:.1g}; widen it or raise the mean"
        )


def written(duration: Duration, dt: float) -> Any:
    """Return a duration as a `timing` entry: a number, a list, or (name, arguments).

    Parameters
    ----------
    duration : Duration
        What to write.
    dt : float
        Step in ms, for durations in steps.
    """
    match duration:
        case Constant(ms):
            return ms
        case Steps(n):
            return n * dt
        case Choice(values):
            return list(values)
        case Uniform(low, high):
            return ("uniform", (low, high))
        case TruncatedExponential(mean, low, high):
            return ("truncated_exponential", (mean, low, high))
        case Until(ms):
            return ("until", ms)
        case Called(function):
            return function
    return duration
