"""What inference returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.series import read_only, row_numbers
from neuroloom.circuit_inference.errors import ArgumentError, ShapeError, unknown

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Posterior:
    """What is known about the parameters behind each observation.

    Attributes
    ----------
    names, units : tuple of str
        Of the parameters.
    mean : ndarray, shape (n_rows, n_parameters)
        Posterior means; point estimates of a model without a posterior. NaN where not `valid`.
    samples : ndarray, shape (n_rows, n_samples, n_parameters), or None
        Posterior draws; None for a model that gives points only.
    valid : ndarray of bool, shape (n_rows,)
        Whether the row's features were finite and its draws keep the prior's constraints.
    ood_p : ndarray, shape (n_rows,)
        Fraction of simulations at least as far out as the observation: small means that the
        model does not produce such recordings, and that its parameters cannot be interpreted.
        NaN where the row is not valid or there are too few simulations to say.
    epistemic : ndarray, shape (n_rows, n_parameters), or None
        Standard deviation between the members of an ensemble: what more simulations would
        settle. The rest of `std` is in the data.
    prior_std : ndarray, shape (n_parameters,), or None
        Standard deviations of the parameters that the model learned from: the prior after the
        validity gates. None for quantities that were derived.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    mean: Array
    samples: Array | None
    valid: NDArray[np.bool_]
    ood_p: Array
    epistemic: Array | None = None
    prior_std: Array | None = None

    def __post_init__(self) -> None:
        for name in ("mean", "samples", "valid", "ood_p", "epistemic", "prior_std"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, read_only(np.asarray(value)))

    def __len__(self) -> int:
        return len(self.mean)

    def rows(self, which: ArrayLike) -> Posterior:
        """Return the posterior of some observations, by numbers, a slice or a mask.

        Parameters
        ----------
        which : array_like of int or bool, or slice
            Numbers of the rows, or one True or False for each.

        Raises
        ------
        ShapeError
            If an observation does not exist, or a mask has another length.
        """
        places = row_numbers(which, len(self))
        return replace(
            self,
            mean=self.mean[places],
            samples=None if self.samples is None else self.samples[places],
            valid=self.valid[places],
            ood_p=self.ood_p[places],
            epistemic=None if self.epistemic is None else self.epistemic[places],
        )

    @property
    def draws(self) -> Array:
        """The samples, shape (n_rows, n_samples, n_parameters).

        Raises
        ------
        ArgumentError
            If the model gives points only.
        """
        if self.samples is None:
            raise ArgumentError("model: expected one with a posterior, this one gives points only")
        return self.samples

    @property
    def std(self) -> Array:
        """Posterior standard deviations, shape (n_rows, n_parameters)."""
        return np.asarray(self.draws.std(axis=1))

    @property
    def contraction(self) -> Array:
        """1 − posterior variance / prior variance, shape (n_rows, n_parameters).

        Of the prior that the validity gates leave: what the gates say is not what the data say.
        """
        if self.prior_std is None:
            raise ArgumentError("names: expected the model's own parameters, got derived ones")
        return np.asarray(1 - (self.std / self.prior_std) ** 2)

    @property
    def median(self) -> Array:
        """Posterior medians, shape (n_rows, n_parameters)."""
        return np.asarray(np.median(self.draws, axis=1))

    def interval(self, level: float = 0.9) -> tuple[Array, Array]:
        """Return lower and upper ends of the central credible interval.

        Parameters
        ----------
        level : float
            Probability inside, between 0 and 1.
        """
        if not 0 < level < 1:
            raise ArgumentError(f"level: expected a probability between 0 and 1, got {level!r}")
        low, high = np.quantile(self.draws, [(1 - level) / 2, (1 + level) / 2], axis=1)
        return low, high

    def of(self, name: str) -> Array:
        """Return the draws of one parameter, shape (n_rows, n_samples).

        Parameters
        ----------
        name : str
            Name of the parameter.
        """
        if name not in self.names:
            raise unknown("name", name, self.names)
        return self.draws[:, :, self.names.index(name)]

    def derived(
        self, name: str, function: Callable[[dict[str, Array]], Array], *, unit: str = ""
    ) -> Posterior:
        """Return the posterior with one more quantity, computed draw by draw.

        Parameters
        ----------
        name : str
            Name of the quantity, ``"E/I"``.
        function : callable
            Called with a mapping of parameter name to draws (n_rows, n_samples).
        unit : str
            Its unit.
        """
        if name in self.names:
            raise ArgumentError(f"name: expected another than those of {self.names}, got {name!r}")
        value = np.asarray(function({key: self.of(key) for key in self.names}), dtype=np.float64)
        if value.shape != self.draws.shape[:2]:
            raise ShapeError(
                f"function: expected one value per row and draw {self.draws.shape[:2]}, got "
                f"{value.shape}"
            )
        return replace(
            self,
            names=(*self.names, name),
            units=(*self.units, unit),
            mean=np.column_stack([self.mean, value.mean(axis=1)]),
            samples=np.concatenate([self.draws, value[:, :, None]], axis=2),
            epistemic=None,
            prior_std=None,
        )

    def to_frame(self, *, level: float = 0.9) -> pd.DataFrame:
        """Return one row per observation: mean, interval and width per parameter, validity, OOD.

        Parameters
        ----------
        level : float
            Probability inside the interval.
        """
        columns: dict[str, Array | NDArray[np.bool_]] = {}
        low, high = self.interval(level) if self.samples is not None else (None, None)
        for j, name in enumerate(self.names):
            columns[f"{name} mean"] = self.mean[:, j]
            if low is not None and high is not None:
                columns[f"{name} {(1 - level) / 2:.3g}"] = low[:, j]
                columns[f"{name} {(1 + level) / 2:.3g}"] = high[:, j]
        columns["valid"] = self.valid
        columns["ood_p"] = self.ood_p
        return pd.DataFrame(columns)


def ei_ratio(theta: dict[str, Array]) -> Array:
    """Return E/I = (J_EE / J_EI) / (J_IE / J_II) of Hagen-type parameters."""
    return np.asarray((theta["J_EE"] / theta["J_EI"]) / (theta["J_IE"] / theta["J_II"]))
