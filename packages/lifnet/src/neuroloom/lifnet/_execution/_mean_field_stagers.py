"""Stagers of the theory: fixed points from random starts, and reduced landscapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._clustered._perturbation import checked, config_perturbations, merged
from neuroloom.lifnet._errors import SimulationError
from neuroloom.lifnet._execution._stager import Stager, by_target, perturbations_of
from neuroloom.lifnet._plots import plot_fixed_points, plot_landscape
from neuroloom.lifnet._theory._fixed_points import FixedPoints, fixed_points, initial_rates
from neuroloom.lifnet._theory._landscape import Landscape, landscape
from neuroloom.lifnet._theory._mean_field import LIFMeanField
from neuroloom.shared import Seed, checks, style

_N_RUNS = 100
_MOST_POINTS = 10_000_000

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class MeanFieldStager(Stager):
    """Base of the stagers of the theory; parameters are those of `Stager`."""

    default_config: ClassVar[str] = "2_cluster_mf"

    def mean_field(self, **named: Any) -> LIFMeanField:
        """Return the mean field, perturbed as while the perturbations are on."""
        return LIFMeanField.from_config(self.config, perturbations=self._applied(named))

    def _applied(self, options: Mapping[str, Any]) -> Mapping[str, NDArray[np.float64]]:
        named = perturbations_of(options)
        own = config_perturbations(self.config, in_time=False)
        given = merged(own, {**self.perturbations, **by_target(named)})
        return checked(given, self.config.architecture.clusters.total_pops, None)


class FullMeanFieldStager(MeanFieldStager):
    """Fixed points of the full mean field from many random starts.

    Examples
    --------
    >>> outputs = FullMeanFieldStager("2_cluster_mf", random_seed=7).run(n_runs=20)
    >>> outputs["fixed_point"].shape, bool(outputs["converged"].all())
    ((20, 6), True)
    """

    def run(
        self, nu_init: ArrayLike | None = None, n_runs: int | None = None, **named: Any
    ) -> dict[str, Any]:
        """Return where solves from random starts end.

        Parameters
        ----------
        nu_init : array_like, shape (n_pops,) or (n_runs, n_pops), optional
            Starts in Hz; uniform in (0, 1) Hz with a random subset up to 10 Hz if not given.
        n_runs : int, optional
            Number of random starts, 100 if not given; with `nu_init`, as many as it holds.
        **named : array_like
            Perturbations, ``threshold_perturbation=…``.

        Returns
        -------
        dict
            ``fixed_point`` and ``nu_init`` of shape (n_runs, n_pops) in Hz, where a solve that
            did not arrive is NaN; ``converged``; ``label`` and ``eigenvalues`` of each run's
            stability.
        """
        field = self.mean_field(**named)
        if n_runs is not None:
            n_runs = checks.whole("n_runs", n_runs, at_least=1, error=SimulationError)
        if nu_init is None:
            starts = initial_rates(n_runs or _N_RUNS, field.n_pops, seed=Seed(self.random_seed))
        else:
            starts = np.atleast_2d(field.checked_rates("nu_init", nu_init))
            if n_runs not in (None, len(starts)):
                expected = f"none beside nu_init, or as many as its {len(starts)} starts"
                raise checks.fail("n_runs", expected, n_runs, error=SimulationError)
        found = field.solve_many(starts)
        rates = np.where(found.converged[:, None], found.rates, np.nan)
        labels, eigenvalues = [], np.full(rates.shape, np.nan + 0j)
        for row, state in enumerate(rates):
            label = "not converged"
            if found.converged[row]:
                label, eigenvalues[row] = field.determine_stability(state)
            labels.append(label)
        return {
            "fixed_point": rates,
            "nu_init": starts,
            "converged": found.converged,
            "label": np.array(labels),
            "eigenvalues": eigenvalues,
        }

    def fixed_points(self, **options: Any) -> FixedPoints:
        """Return the fixed points of the mean field.

        Parameters
        ----------
        **options
            Those of `neuroloom.lifnet.fixed_points`, and perturbations,
            ``threshold_perturbation=…``. The seed is the stager's if none is given.
        """
        named = perturbations_of(options)
        others = {name: value for name, value in options.items() if name not in named}
        return fixed_points(self.mean_field(**named), **{"seed": Seed(self.random_seed), **others})

    def _plot(
        self, outputs: Mapping[str, Any], plot_arg: str | None, options: Mapping[str, Any]
    ) -> dict[str, Figure]:
        from matplotlib.figure import Figure

        field = self.mean_field(**perturbations_of(options))
        points = fixed_points(
            field, n_starts=1, starts=outputs["fixed_point"][outputs["converged"]]
        )
        with style():
            figure = Figure(figsize=(7, 4), layout="constrained")
            plot_fixed_points(points, n_clusters=field.n_clusters, ax=figure.subplots())
        return {"fixed_points": figure}


class ReducedMeanFieldStager(MeanFieldStager):
    """Reduced landscapes of some populations of the mean field.

    Examples
    --------
    >>> stager = ReducedMeanFieldStager("2_cluster_mf", random_seed=7)
    >>> outputs = stager.run(focus_pops=[0, 1], grid_density=10.0, grid_lims=(0.0, 60.0))
    >>> outputs["force_field"].shape
    (7, 7, 2)
    """

    def run(
        self,
        focus_pops: Sequence[int] | NDArray[np.integer[Any]] = (0, 1),
        grid_density: float = 0.5,
        grid_lims: ArrayLike = (0.0, 60.0),
        *,
        progress: bool = False,
        **named: Any,
    ) -> dict[str, Any]:
        """Return the landscape over the focus populations' rates.

        Parameters
        ----------
        focus_pops : sequence of int
            Populations, any number in any order.
        grid_density : float
            Distance of grid points in Hz.
        grid_lims : (low, high), or one such pair per focus population
            Rates covered, in Hz.
        progress : bool
            Show a bar.
        **named : array_like
            Perturbations, ``threshold_perturbation=…``.

        Returns
        -------
        dict
            ``potential, displacement, force_field, path, nu_outs, mesh`` as `Landscape` has them.
        """
        density = checks.real(
            "grid_density", grid_density, above=0, unit="Hz", error=SimulationError
        )
        spans = np.diff(np.broadcast_to(grid_lims, (max(1, len(focus_pops)), 2)), axis=1)
        n_points = float(np.prod(np.abs(spans) / density + 1))
        if n_points > _MOST_POINTS:
            raise SimulationError(
                f"grid_density: expected a grid of at most {_MOST_POINTS:.0e} points, got "
                f"{n_points:.3g}; take a larger distance"
            )
        result = landscape(
            self.mean_field(**named),
            focus_pops,
            step=grid_density,
            limits=grid_lims,
            progress=progress,
        )
        return {
            "potential": result.potential,
            "displacement": result.displacement,
            "force_field": result.force_field,
            "path": result.path,
            "nu_outs": result.nu_outs,
            "mesh": np.array(result.mesh),
        }

    def _plot(
        self, outputs: Mapping[str, Any], plot_arg: str | None, options: Mapping[str, Any]
    ) -> dict[str, Figure]:
        from matplotlib.figure import Figure

        names = ("force_field", "nu_outs", "path", "potential", "displacement")
        shown = Landscape(tuple(outputs["mesh"]), *(outputs[name] for name in names))
        with style():
            figure = Figure(figsize=(9, 4), layout="constrained")
            plot_landscape(shown, axs=figure.subplots(1, 2))
        return {"landscape": figure}
