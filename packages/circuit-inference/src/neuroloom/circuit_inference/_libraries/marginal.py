"""The distributions that a parameter may have before anything is known of a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference.errors import PriorError, unknown

Array = NDArray[np.float64]

KINDS = ("uniform", "log-uniform", "normal", "log-normal", "empirical")
_NORMAL = ("normal", "log-normal")
_N_KNOTS = 201
_EDGE = 1e-12  # of probabilities, so that their logits are finite


@dataclass(frozen=True)
class Marginal:
    """The prior of one parameter; everything is asked through its distribution function.

    Parameters
    ----------
    kind : {"uniform", "log-uniform", "normal", "log-normal", "empirical"}
    low, high : float
        Bounds; infinite only for a normal or log-normal distribution, which is cut off at others.
    mean, sd : float
        Of a normal distribution before it is cut off; of the logarithm for a log-normal one.
    knots : tuple of float
        Quantiles at equal steps of an empirical distribution, from `low` to `high`.
    """

    kind: str = "uniform"
    low: float = 0.0
    high: float = 1.0
    mean: float = 0.0
    sd: float = 1.0
    knots: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("kind", self.kind, KINDS)
        if not self.low < self.high or np.isnan([self.low, self.high]).any():
            raise PriorError(f"low, high: expected low < high, got {self.low} and {self.high}")
        if self.kind not in _NORMAL and not np.isfinite([self.low, self.high]).all():
            raise PriorError(f"low, high: expected finite bounds, got {self.low} and {self.high}")
        self._check_form()
        if self.kind == "empirical":
            self._check_knots()

    def _check_form(self) -> None:
        if self.kind not in _NORMAL and (self.mean, self.sd) != (0.0, 1.0):
            raise PriorError(
                f"mean, sd: expected none for a distribution that is {self.kind}, got "
                f"{self.mean} and {self.sd}"
            )
        if self.kind != "empirical" and len(self.knots):
            raise PriorError(f"knots: expected none for a distribution that is {self.kind}")
        if self.kind == "log-uniform" and self.low <= 0:
            raise PriorError(f"low: expected a positive bound, got {self.low:g}")
        if self.kind == "log-normal" and self.low < 0:
            raise PriorError(f"low: expected at least 0, got {self.low:g}")
        if self.kind in _NORMAL and not (np.isfinite(self.mean) and 0 < self.sd < np.inf):
            raise PriorError(f"sd: expected a positive number, got {self.sd!r}")

    def _check_knots(self) -> None:
        if not (len(self.knots) > 1 and (np.diff(self.knots) > 0).all()):
            raise PriorError("knots: expected rising quantiles")
        if (self.low, self.high) != (self.knots[0], self.knots[-1]):
            raise PriorError(
                f"low, high: expected the first and last of the knots, got {self.low:g} and "
                f"{self.high:g} for {self.knots[0]:g} and {self.knots[-1]:g}"
            )

    @classmethod
    def of_samples(cls, values: ArrayLike) -> Marginal:
        """Return the distribution of samples, by linear interpolation of their quantiles.

        Raises
        ------
        PriorError
            If there are fewer than ten different finite values.
        """
        x = np.asarray(values, dtype=np.float64)
        if not np.isfinite(x).all() or np.unique(x).size < 10:
            raise PriorError(
                f"values: expected at least 10 different finite ones, got {np.unique(x).size}"
            )
        knots = np.quantile(x, np.linspace(0, 1, min(_N_KNOTS, x.size)))
        # Ties would be jumps, which have no density: steps as small as numbers allow.
        tiny = 1e-9 * (knots[-1] - knots[0])
        knots = np.maximum.accumulate(knots + tiny * np.arange(knots.size))
        return cls("empirical", float(knots[0]), float(knots[-1]), knots=tuple(knots.tolist()))

    def cdf(self, x: Array) -> Array:
        """Return the probability below values."""
        if self.kind == "uniform":
            return np.asarray((x - self.low) / (self.high - self.low))
        if self.kind == "log-uniform":
            inside = np.maximum(x, np.finfo(float).tiny)
            return np.asarray(np.log(inside / self.low) / np.log(self.high / self.low))
        if self.kind == "empirical":
            return np.interp(x, self.knots, np.linspace(0, 1, len(self.knots)))
        from scipy.special import ndtr

        first, last, side = self._cut()
        below = (ndtr(side * self._score(x)) - first) / (last - first)
        return np.asarray(below if side > 0 else 1 - below)

    def ppf(self, p: Array) -> Array:
        """Return the values with these probabilities below them."""
        if self.kind == "uniform":
            return np.asarray(self.low + (self.high - self.low) * p)
        if self.kind == "log-uniform":
            return np.asarray(self.low * (self.high / self.low) ** p)
        if self.kind == "empirical":
            return np.interp(p, np.linspace(0, 1, len(self.knots)), self.knots)
        from scipy.special import ndtri

        first, last, side = self._cut()
        inner = first + (last - first) * (p if side > 0 else 1 - p)
        # Ends that lie nowhere are left out; those of a cut are clipped below.
        inner = np.clip(inner, 0.0 if first > 0 else _EDGE, 1.0 if last < 1 else 1 - _EDGE)
        value = self.mean + side * self.sd * ndtri(inner)
        value = np.exp(value) if self.kind == "log-normal" else value
        return np.asarray(np.clip(value, self.low, self.high))

    def log_pdf(self, x: Array) -> Array:
        """Return the log density at values inside the bounds."""
        if self.kind == "uniform":
            return np.full(np.shape(x), -np.log(self.high - self.low))
        if self.kind == "log-uniform":
            return np.asarray(-np.log(x) - np.log(np.log(self.high / self.low)))
        if self.kind == "empirical":
            knots = np.array(self.knots)
            place = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, knots.size - 2)
            return np.asarray(-np.log(np.diff(knots)[place] * (knots.size - 1)))
        first, last, _ = self._cut()
        norm = np.log(self.sd * np.sqrt(2 * np.pi) * (last - first))
        slope = np.log(x) if self.kind == "log-normal" else 0.0
        return np.asarray(-0.5 * self._score(x) ** 2 - norm - slope)

    def _score(self, x: Any) -> Array:
        """Return standard normal scores before the distribution is cut off."""
        if self.kind == "log-normal":
            with np.errstate(divide="ignore"):
                x = np.log(np.maximum(x, 0.0))
        return np.asarray((x - self.mean) / self.sd)

    def _cut(self) -> tuple[float, float, int]:
        """Return the probabilities at both bounds, and -1 where they are those of the mirrored.

        Above the mean probabilities crowd below 1, where numbers are too coarse for far tails.
        """
        from scipy.special import ndtr

        low, high = float(self._score(self.low)), float(self._score(self.high))
        if low > 0:
            return float(ndtr(-high)), float(ndtr(-low)), -1
        return float(ndtr(low)), float(ndtr(high)), 1

    def describe(self) -> dict[str, Any]:
        """Return the distribution as JSON can hold it."""
        said: dict[str, Any] = {"kind": self.kind}
        if self.kind in _NORMAL:
            said |= {"mean": self.mean, "sd": self.sd}
        if self.kind == "empirical":
            said |= {"knots": list(self.knots)}
        return said


def uniform_marginals(low: Sequence[float], high: Sequence[float]) -> tuple[Marginal, ...]:
    """Return one uniform distribution per pair of bounds."""
    return tuple(Marginal("uniform", a, b) for a, b in zip(low, high, strict=True))


def described(entry: Mapping[str, Any], low: float, high: float) -> Marginal:
    """Return the distribution that `Marginal.describe` described."""
    knots = tuple(float(x) for x in entry.get("knots", ()))
    mean, sd = float(entry.get("mean", 0.0)), float(entry.get("sd", 1.0))
    return Marginal(str(entry["kind"]), low, high, mean, sd, knots)
