"""Priors with names and units, and the way to unbounded coordinates and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._libraries.constraint import holds
from neuroloom.circuit_inference._libraries.dependence import Dependence
from neuroloom.circuit_inference._libraries.marginal import (
    Marginal,
    described,
    uniform_marginals,
)
from neuroloom.circuit_inference.errors import PriorError, ShapeError
from neuroloom.shared import as_seed, checks
from neuroloom.shared.random import SeedLike

Array = NDArray[np.float64]

_MOST_TRIES = 10_000


@dataclass(frozen=True)
class Prior:
    """Parameters within bounds, independent unless it is said, and constraints between them.

    Parameters
    ----------
    names : sequence of str
        Names of the parameters.
    low, high : sequence of float
        Bounds of each; infinite for normal distributions that are not cut off.
    units : sequence of str, optional
        Unit of each; empty where there is none.
    marginals : sequence of Marginal, optional
        Distribution of each; uniform if not given.
    constraints : sequence of str, optional
        Comparisons that hold, such as ``"abs(J_EI) > J_EE"``; see `holds`.
    dependence : Dependence, optional
        What the parameters have to do with one another; `normal` and `from_samples` make it.

    Raises
    ------
    PriorError
        If the lengths differ, a name repeats, or ``low < high`` does not hold.

    Examples
    --------
    >>> prior = Prior.box({"tau": (0.1, 2.0, "ms"), "J": (-40.0, -1.0, "pA")})
    >>> prior.names
    ('tau', 'J')
    >>> prior.contains([[1.0, -5.0], [3.0, -5.0]])
    array([ True, False])
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    units: tuple[str, ...] = ()
    marginals: tuple[Marginal, ...] = ()
    constraints: tuple[str, ...] = ()
    dependence: Dependence | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if not all(isinstance(text, str) for text in (*self.names, *self.units)):
            raise PriorError(
                f"names, units: expected texts, got {self.names} and {tuple(self.units)}"
            )
        for field in ("low", "high"):
            try:
                values = tuple(float(v) for v in np.atleast_1d(getattr(self, field)))
            except (TypeError, ValueError) as error:
                raise PriorError(f"{field}: expected one number per parameter") from error
            object.__setattr__(self, field, values)
        object.__setattr__(self, "units", tuple(self.units) or ("",) * len(self.names))
        lengths = {len(self.names), len(self.low), len(self.high), len(self.units)}
        if len(lengths) != 1 or not self.names:
            raise PriorError(
                f"names, low, high, units: expected equal lengths, got {len(self.names)}, "
                f"{len(self.low)}, {len(self.high)}, {len(self.units)}"
            )
        if len(set(self.names)) != len(self.names):
            raise PriorError(f"names: expected distinct names, got {self.names}")
        self._check_bounds()

    def _check_bounds(self) -> None:
        for name, low, high in zip(self.names, self.low, self.high, strict=True):
            if not low < high or np.isnan([low, high]).any():
                raise PriorError(f"{name}: expected low < high, got {low} and {high}")
            if not self.marginals and not np.isfinite([low, high]).all():
                raise PriorError(f"{name}: expected finite bounds, got {low} and {high}")
        given = tuple(self.marginals) or uniform_marginals(self.low, self.high)
        if len(given) != len(self.names):
            raise PriorError(
                f"marginals: expected one per parameter ({len(self.names)}), got {len(given)}"
            )
        for name, low, high, one in zip(self.names, self.low, self.high, given, strict=True):
            if (one.low, one.high) != (low, high):
                raise PriorError(
                    f"{name}: expected the bounds of its marginal, {one.low:g} and {one.high:g}, "
                    f"got {low:g} and {high:g}"
                )
        object.__setattr__(self, "marginals", given)
        object.__setattr__(self, "constraints", tuple(self.constraints))
        if self.dependence is not None and len(self.dependence.covariance) != len(self.names):
            raise PriorError(
                f"dependence: expected one of {len(self.names)} parameters, got "
                f"{len(self.dependence.covariance)}"
            )
        if self.constraints:
            middle = {n: m.ppf(np.array([0.5])) for n, m in zip(self.names, given, strict=True)}
            for text in self.constraints:
                holds(text, middle)  # says what is wrong with it

    @classmethod
    def box(cls, bounds: Mapping[str, Sequence[Any]]) -> Prior:
        """Return the prior of ``{name: (low, high)}`` or ``{name: (low, high, unit)}``.

        Parameters
        ----------
        bounds : mapping of str to tuple
            By name: low, high, and a unit if there is one.
        """
        for name, entry in bounds.items():
            if isinstance(entry, str) or not 2 <= len(entry) <= 3:
                raise PriorError(f"{name}: expected (low, high) or (low, high, unit), got {entry}")
        return cls(
            tuple(bounds),
            tuple(b[0] for b in bounds.values()),
            tuple(b[1] for b in bounds.values()),
            tuple(b[2] if len(b) > 2 else "" for b in bounds.values()),
        )

    @classmethod
    def of(
        cls,
        marginals: Mapping[str, Marginal],
        *,
        units: Mapping[str, str] | None = None,
        constraints: Sequence[str] = (),
    ) -> Prior:
        """Return the prior of ``{name: Marginal(…)}``.

        Parameters
        ----------
        marginals : mapping of str to Marginal
        units : mapping of str to str, optional
        constraints : sequence of str
            As for the class.

        Examples
        --------
        >>> prior = Prior.of(
        ...     {"rate": Marginal("log-uniform", 0.1, 10.0), "x": Marginal("normal", -2.0, 2.0)},
        ...     constraints=["x < rate"],
        ... )
        >>> bool(prior.contains(prior.sample(5, seed=0)).all())
        True
        """
        if strange := sorted(set(units or {}) - set(marginals)):
            raise PriorError(f"units: expected names of {list(marginals)}, got {strange} too")
        return cls(
            tuple(marginals),
            tuple(m.low for m in marginals.values()),
            tuple(m.high for m in marginals.values()),
            tuple((units or {}).get(name, "") for name in marginals),
            tuple(marginals.values()),
            tuple(constraints),
        )

    @classmethod
    def from_samples(cls, theta: ArrayLike, names: Sequence[str] = ()) -> Prior:
        """Return the distribution of samples, with what the parameters have to do with each other.

        Parameters
        ----------
        theta : array_like, shape (n_rows, n_parameters)
            Samples; draws are smoothed a little, and stay between the smallest and the largest.
        names : sequence of str
            Of the parameters; ``theta_0`` … if not given.
        """
        values = np.asarray(theta, dtype=np.float64)
        values = values[:, None] if values.ndim == 1 else values
        labels = tuple(names) or tuple(f"theta_{i}" for i in range(values.shape[1]))
        if values.ndim != 2 or len(labels) != values.shape[1]:
            raise PriorError(f"names: expected one per column of {values.shape}, got {labels}")
        columns = zip(labels, values.T, strict=True)
        prior = cls.of({name: Marginal.of_samples(column) for name, column in columns})
        if len(labels) == 1:
            return prior
        from scipy.special import ndtri

        edge = 0.5 / len(values)
        scores = ndtri(np.clip(prior._unit(values), edge, 1 - edge))
        return replace(prior, dependence=Dependence.of_scores(scores))

    @classmethod
    def normal(
        cls,
        mean: ArrayLike,
        covariance: ArrayLike,
        names: Sequence[str] = (),
        *,
        units: Sequence[str] = (),
    ) -> Prior:
        """Return the multivariate normal prior.

        Parameters
        ----------
        mean : array_like, shape (n_parameters,)
        covariance : array_like, shape (n_parameters, n_parameters)
        names : sequence of str
            Of the parameters; ``theta_0`` … if not given.
        units : sequence of str
            Of the parameters.

        Raises
        ------
        PriorError
            If the covariance is not symmetric and positive definite.

        Examples
        --------
        >>> prior = Prior.normal([0, 1], [[1.0, 0.9], [0.9, 1.0]], ["a", "b"])
        >>> round(float(np.corrcoef(prior.sample(2000, seed=0).T)[0, 1]), 1)
        0.9
        """
        middle = np.atleast_1d(np.asarray(mean, dtype=np.float64))
        matrix = np.atleast_2d(np.asarray(covariance, dtype=np.float64))
        if matrix.shape != (middle.size, middle.size) or not (np.diag(matrix) > 0).all():
            raise PriorError(
                f"covariance: expected shape ({middle.size}, {middle.size}) with a positive "
                f"diagonal, got {matrix.shape}"
            )
        spread = np.sqrt(np.diag(matrix))
        labels = tuple(names) or tuple(f"theta_{i}" for i in range(middle.size))
        ends = (-np.inf,) * middle.size, (np.inf,) * middle.size
        marginals = tuple(
            Marginal("normal", -np.inf, np.inf, float(m), float(s))
            for m, s in zip(middle, spread, strict=True)
        )
        dependence = Dependence.of_correlation(matrix / np.outer(spread, spread))
        return cls(labels, *ends, tuple(units), marginals, dependence=dependence)

    def joined(self, other: Prior) -> Prior:
        """Return the prior of these parameters and those of another, independent of these.

        Parameters
        ----------
        other : Prior
            Of other parameters.

        Raises
        ------
        PriorError
            If both have a dependence of their own.
        """
        if self.dependence is not None and other.dependence is not None:
            raise PriorError("other: expected independent parameters, both priors have dependent")
        dependence = None
        if self.dependence is not None:
            dependence = self.dependence.beside(0, other.n_parameters)
        if other.dependence is not None:
            dependence = other.dependence.beside(self.n_parameters, 0)
        return Prior(
            self.names + other.names,
            self.low + other.low,
            self.high + other.high,
            self.units + other.units,
            self.marginals + other.marginals,
            self.constraints + other.constraints,
            dependence,
        )

    @property
    def bounded(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Finite lower and upper ends: the bounds, or the 0.1 and 99.9 % quantiles without any."""
        ends = []
        for bounds, p in ((self.low, 1e-3), (self.high, 1 - 1e-3)):
            pairs = zip(bounds, self.marginals, strict=True)
            ends.append(tuple(b if np.isfinite(b) else float(m.ppf(np.array(p))) for b, m in pairs))
        return ends[0], ends[1]

    @property
    def n_parameters(self) -> int:
        """Number of parameters."""
        return len(self.names)

    def sample(self, n: int, *, seed: SeedLike) -> Array:
        """Return `n` draws, shape (n, n_parameters); draw i is the same for any n > i.

        Parameters
        ----------
        seed : int or Seed, optional
            Draw i comes from ``seed.child(i)``.
        """
        checks.whole("n", n, at_least=0, error=PriorError)
        root = as_seed(seed)
        out = np.empty((n, self.n_parameters))
        for i in range(n):
            out[i] = self._draw(root.child(i).generator())
        return out

    def _draw(self, rng: np.random.Generator) -> Array:
        for _ in range(_MOST_TRIES):
            if self.dependence is None:
                unit = rng.random(self.n_parameters)
            else:
                unit = self.dependence.draw(rng)
            row = np.array([m.ppf(p) for m, p in zip(self.marginals, unit, strict=True)])
            if not self.constraints or self.allowed(row[None])[0]:
                return row
        raise PriorError(
            f"constraints: expected some of {_MOST_TRIES} draws to keep {self.constraints}, got "
            "none"
        )

    def allowed(self, theta: Array) -> NDArray[np.bool_]:
        """Return where the constraints hold, shape of all axes of `theta` but the last."""
        out = np.ones(theta.shape[:-1], dtype=bool)
        values = {name: theta[..., j] for j, name in enumerate(self.names)}
        for text in self.constraints:
            out &= holds(text, values)
        return out

    def matrix(self, theta: ArrayLike, argument: str = "theta") -> Array:
        """Return parameters as (n_rows, n_parameters).

        Parameters
        ----------
        theta : array_like or DataFrame
            Parameters; a vector where there is one parameter. Columns of a table go by name.
        argument : str
            What errors call it.

        Raises
        ------
        ShapeError
            If there is another number of columns, or a table has others.
        """
        if isinstance(theta, pd.DataFrame) and any(isinstance(c, str) for c in theta):
            if sorted(map(str, theta)) != sorted(self.names):
                raise ShapeError(
                    f"{argument}: expected the columns {self.names}, got {tuple(theta)}"
                )
            theta = theta[list(self.names)]
        values = checks.array(
            argument, theta, np.float64, finite=False, copy=False, error=ShapeError
        )
        if values.ndim == 1 and self.n_parameters == 1:
            values = values[:, None]
        if values.ndim != 2 or values.shape[1] != self.n_parameters:
            raise ShapeError(
                f"{argument}: expected shape (n_rows, {self.n_parameters}) for {self.names}, "
                f"got {values.shape}"
            )
        return values

    def contains(self, theta: ArrayLike) -> NDArray[np.bool_]:
        """Return which rows lie inside the bounds.

        Parameters
        ----------
        theta : array_like, shape (n_rows, n_parameters)
            Parameters.
        """
        values = self.matrix(theta)
        inside = (values >= np.array(self.low)) & (values <= np.array(self.high))
        return np.asarray(inside.all(axis=1)) & self.allowed(values)

    def check(self, theta: Array) -> None:
        """Check that all rows lie inside.

        Parameters
        ----------
        theta : ndarray, shape (n_rows, n_parameters)
            Parameters.

        Raises
        ------
        PriorError
            With the first row, parameter and value that do not.
        """
        outside = ~((theta >= np.array(self.low)) & (theta <= np.array(self.high)))
        if outside.any():
            row, column = map(int, np.argwhere(outside)[0])
            raise PriorError(
                f"theta: expected {self.names[column]} in [{self.low[column]:g}, "
                f"{self.high[column]:g}], got {theta[row, column]:g} in row {row} "
                f"({int(outside.any(axis=1).sum())} rows outside)"
            )
        broken = ~self.allowed(theta)
        if broken.any():
            raise PriorError(
                f"theta: expected {' and '.join(self.constraints)}, got {int(broken.sum())} rows "
                f"where it does not hold, the first {int(np.flatnonzero(broken)[0])}"
            )

    def to_unbounded(self, theta: Array) -> Array:
        """Return the logit of the probability below each parameter, which every number can be.

        Parameters
        ----------
        theta : ndarray, shape (..., n_parameters)
            Parameters inside the bounds.
        """
        unit = self._unit(theta)
        return np.asarray(np.log(unit) - np.log1p(-unit))

    def _unit(self, theta: Array) -> Array:
        columns = [m.cdf(theta[..., j]) for j, m in enumerate(self.marginals)]
        return np.clip(np.stack(columns, axis=-1), 1e-6, 1 - 1e-6)

    def from_unbounded(self, u: Array) -> Array:
        """Return the parameters of unbounded coordinates, always inside the bounds.

        Parameters
        ----------
        u : ndarray, shape (..., n_parameters)
            Unbounded coordinates.
        """
        unit = 1 / (1 + np.exp(-u))
        return np.stack([m.ppf(unit[..., j]) for j, m in enumerate(self.marginals)], axis=-1)

    def log_jacobian(self, u: Array) -> Array:
        """Return log ``|dθ/du|`` summed over parameters, shape of the leading axes.

        Parameters
        ----------
        u : ndarray, shape (..., n_parameters)
            Unbounded coordinates.
        """
        theta = self.from_unbounded(u)
        density = sum(m.log_pdf(theta[..., j]) for j, m in enumerate(self.marginals))
        return np.asarray((-np.logaddexp(0, u) - np.logaddexp(0, -u)).sum(axis=-1) - density)

    def describe(self) -> dict[str, Any]:
        """Return the prior as JSON can hold it."""
        said: dict[str, Any] = {
            "names": list(self.names),
            "low": [x if np.isfinite(x) else None for x in self.low],
            "high": [x if np.isfinite(x) else None for x in self.high],
            "units": list(self.units),
        }
        if any(m.kind != "uniform" for m in self.marginals):
            said["marginals"] = [m.describe() for m in self.marginals]
        if self.constraints:
            said["constraints"] = list(self.constraints)
        if self.dependence is not None:
            said["dependence"] = self.dependence.describe()
        return said

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Prior:
        """Return the prior that `describe` described.

        Parameters
        ----------
        description : mapping
            As `describe` returns it.
        """
        low = tuple(-np.inf if x is None else float(x) for x in description["low"])
        high = tuple(np.inf if x is None else float(x) for x in description["high"])
        entries = description.get("marginals") or []
        return cls(
            tuple(map(str, description["names"])),
            low,
            high,
            tuple(map(str, description["units"])),
            tuple(described(e, a, b) for e, a, b in zip(entries, low, high, strict=True))
            if entries
            else (),
            tuple(map(str, description.get("constraints", ()))),
            Dependence.from_description(description["dependence"])
            if description.get("dependence")
            else None,
        )

    @classmethod
    def spanning(cls, theta: ArrayLike, names: Sequence[str] = ()) -> Prior:
        """Return the box around parameters, a hundredth wider on each side.

        Parameters
        ----------
        theta : array_like, shape (n_rows, n_parameters)
            What the box spans.
        names : sequence of str
            Of the parameters; ``theta_0`` … if not given.
        """
        values = np.asarray(theta, dtype=np.float64)
        values = values[:, None] if values.ndim == 1 else values
        low, high = values.min(axis=0), values.max(axis=0)
        margin = 0.01 * np.maximum(high - low, 1e-12)
        labels = tuple(names) or tuple(f"theta_{i}" for i in range(values.shape[1]))
        return cls(labels, tuple(low - margin), tuple(high + margin))
