"""Box priors with names and units, and the way to unbounded coordinates and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference.errors import PriorError, ShapeError
from neuroloom.shared import Seed, as_seed

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Prior:
    """Independent uniform priors.

    Parameters
    ----------
    names : sequence of str
        Names of the parameters.
    low, high : sequence of float
        Bounds of each.
    units : sequence of str, optional
        Unit of each; empty where there is none.

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

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
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
        for name, low, high in zip(self.names, self.low, self.high, strict=True):
            if not (np.isfinite([low, high]).all() and low < high):
                raise PriorError(f"{name}: expected finite low < high, got {low} and {high}")

    @classmethod
    def box(cls, bounds: Mapping[str, Sequence[Any]]) -> Prior:
        """Return the prior of ``{name: (low, high)}`` or ``{name: (low, high, unit)}``."""
        return cls(
            tuple(bounds),
            tuple(b[0] for b in bounds.values()),
            tuple(b[1] for b in bounds.values()),
            tuple(b[2] if len(b) > 2 else "" for b in bounds.values()),
        )

    @property
    def n_parameters(self) -> int:
        """Number of parameters."""
        return len(self.names)

    def sample(self, n: int, *, seed: int | Seed) -> Array:
        """Return `n` draws, shape (n, n_parameters); draw i is the same for any n > i."""
        root = as_seed(seed)
        draws = [root.child(i).generator().random(self.n_parameters) for i in range(n)]
        unit = np.array(draws).reshape(n, self.n_parameters)
        low, high = np.array(self.low), np.array(self.high)
        return np.asarray(low + (high - low) * unit)

    def matrix(self, theta: ArrayLike, argument: str = "theta") -> Array:
        """Return parameters as (n_rows, n_parameters).

        Raises
        ------
        ShapeError
            If there is another number of columns.
        """
        values = np.asarray(theta, dtype=np.float64)
        if values.ndim == 1 and self.n_parameters == 1:
            values = values[:, None]
        if values.ndim != 2 or values.shape[1] != self.n_parameters:
            raise ShapeError(
                f"{argument}: expected shape (n_rows, {self.n_parameters}) for {self.names}, "
                f"got {values.shape}"
            )
        return values

    def contains(self, theta: ArrayLike) -> NDArray[np.bool_]:
        """Return which rows lie inside the bounds."""
        values = self.matrix(theta)
        inside = (values >= np.array(self.low)) & (values <= np.array(self.high))
        return np.asarray(inside.all(axis=1))

    def check(self, theta: Array) -> None:
        """Check that all rows lie inside.

        Raises
        ------
        PriorError
            With the first row, parameter and value that do not.
        """
        outside = (theta < np.array(self.low)) | (theta > np.array(self.high))
        if outside.any():
            row, column = map(int, np.argwhere(outside)[0])
            raise PriorError(
                f"theta: expected {self.names[column]} in [{self.low[column]:g}, "
                f"{self.high[column]:g}], got {theta[row, column]:g} in row {row} "
                f"({int(outside.any(axis=1).sum())} rows outside)"
            )

    def to_unbounded(self, theta: Array) -> Array:
        """Return the logit of the place between the bounds, which every real number is."""
        low, high = np.array(self.low), np.array(self.high)
        unit = np.clip((theta - low) / (high - low), 1e-6, 1 - 1e-6)
        return np.asarray(np.log(unit) - np.log1p(-unit))

    def from_unbounded(self, u: Array) -> Array:
        """Return the parameters of unbounded coordinates, always inside the bounds."""
        low, high = np.array(self.low), np.array(self.high)
        return np.asarray(low + (high - low) / (1 + np.exp(-u)))

    def log_jacobian(self, u: Array) -> Array:
        """Return log ``|dθ/du|`` summed over parameters, shape of the leading axes."""
        width = np.array(self.high) - np.array(self.low)
        return np.asarray((np.log(width) - np.logaddexp(0, u) - np.logaddexp(0, -u)).sum(axis=-1))

    def describe(self) -> dict[str, Any]:
        """Return the prior as JSON can hold it."""
        return {
            "names": list(self.names),
            "low": list(self.low),
            "high": list(self.high),
            "units": list(self.units),
        }

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Prior:
        """Return the prior that `describe` described."""
        return cls(**{key: tuple(value) for key, value in description.items()})

    @classmethod
    def spanning(cls, theta: ArrayLike, names: Sequence[str] = ()) -> Prior:
        """Return the box around parameters, a hundredth wider on each side."""
        values = np.asarray(theta, dtype=np.float64)
        values = values[:, None] if values.ndim == 1 else values
        low, high = values.min(axis=0), values.max(axis=0)
        margin = 0.01 * np.maximum(high - low, 1e-12)
        labels = tuple(names) or tuple(f"theta_{i}" for i in range(values.shape[1]))
        return cls(labels, tuple(low - margin), tuple(high + margin))


def as_prior(given: Any, n_parameters: int) -> Prior:
    """Return a `Prior` from one of ours, or from a torch distribution such as sbi's BoxUniform.

    Parameters
    ----------
    given : Prior, or torch Distribution
        Of independent uniform parameters with finite bounds; single uniforms and lists of them
        are taken too, as sbi takes them.
    n_parameters : int
        How many parameters there are.

    Raises
    ------
    PriorError
        If it is none of these, or of another number of parameters.
    """
    if isinstance(given, Prior):
        return given
    parts = list(given) if isinstance(given, (list, tuple)) else [given]
    bounds = [_uniform_bounds(part) for part in parts]
    low, high = (np.concatenate(ends) for ends in zip(*bounds, strict=True))
    if low.size != n_parameters:
        raise PriorError(f"prior: expected {n_parameters} parameters, got {low.size}")
    return Prior(tuple(f"theta_{i}" for i in range(low.size)), tuple(low), tuple(high))


def _uniform_bounds(part: Any) -> tuple[Array, Array]:
    base = part
    while hasattr(base, "base_dist"):
        if getattr(base, "transforms", None):
            raise PriorError(f"prior: expected uniform parameters, got a {type(part).__name__}")
        base = base.base_dist
    if not (hasattr(base, "low") and hasattr(base, "high") and hasattr(base, "log_prob")):
        raise PriorError(
            f"prior: expected a Prior or uniform parameters such as sbi's BoxUniform, got "
            f"{type(part).__name__}"
        )
    low, high = (np.atleast_1d(np.asarray(end, np.float64)) for end in (base.low, base.high))
    return low.ravel(), high.ravel()
