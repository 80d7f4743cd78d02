"""The rate equations ``ν = Φ(μ(ν), σ(ν))`` and their solution by a damped Newton method.

All functions take one state ``(n_pops,)`` or many ``(n_states, n_pops)`` at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from neuroloom.lifnet._theory._siegert import SHIFT, Response, response

Array = NDArray[np.float64]

STEP_TOLERANCE = 1e-12
RESIDUAL_TOLERANCE = 1e-9
_MAX_ITERATIONS = 100
_MAX_HALVINGS = 12
_FEW_ITERATIONS, _FEW_HALVINGS = 40, 5  # of a start among many, which may come to nothing


@dataclass(frozen=True, eq=False)
class RateEquations:
    """Input statistics linear in the rates, and the neurons' response to them.

    ``μ = mean · ν + mean_external`` and ``σ² = variance · ν + variance_external``. The external
    parts may have one row per state; or all parts have a first axis of states, one system each.
    """

    mean: Array
    variance: Array
    mean_external: Array
    variance_external: Array
    tau_membrane: Array
    tau_synaptic: Array
    tau_refractory: Array
    threshold: Array
    reset_voltage: Array

    @property
    def n_pops(self) -> int:
        """Number of equations."""
        return int(self.mean.shape[-1])

    def moments(self, nu: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation of the input, each of the shape of `nu`."""
        positive = np.maximum(nu, 0.0)
        mu = _product(self.mean, positive) + self.mean_external
        variance = _product(self.variance, positive) + self.variance_external
        return mu, np.sqrt(np.maximum(variance, 0.0))

    def response(self, nu: Array) -> Response:
        """Return Φ(ν) in Hz and its derivatives by μ and σ."""
        mu, sigma = self.moments(nu)
        return response(
            mu,
            sigma,
            self.tau_membrane,
            self.threshold,
            self.reset_voltage,
            self.tau_refractory,
            SHIFT * np.sqrt(self.tau_synaptic / self.tau_membrane),
        )

    def phi(self, nu: Array) -> Array:
        """Return Φ(ν) in Hz."""
        return self.response(nu).rate

    def linearized(self, nu: Array) -> tuple[Array, Array]:
        """Return Φ(ν) and its Jacobian dΦ_i/dν_j, shape (..., n_pops, n_pops)."""
        answer = self.response(nu)
        return answer.rate, self.jacobian(nu, answer)

    def jacobian(self, nu: Array, answer: Response) -> Array:
        """Return dΦ_i/dν_j from the response at `nu`, shape (..., n_pops, n_pops)."""
        _, sigma = self.moments(nu)
        with np.errstate(divide="ignore", invalid="ignore"):
            by_variance = np.where(sigma > 0, answer.by_sigma / (2 * sigma), 0.0)
        return answer.by_mu[..., None] * self.mean + by_variance[..., None] * self.variance

    def lump(self, classes: Sequence[NDArray[np.int64]]) -> RateEquations:
        """Return the equations of states in which each class of populations has one rate."""
        first = np.array([members[0] for members in classes])
        member = np.zeros((self.n_pops, len(classes)))
        for g, members in enumerate(classes):
            member[members, g] = 1.0
        return replace(
            self._take(first),
            mean=self.mean[first] @ member,
            variance=self.variance[first] @ member,
        )

    def lump_each(self, groupings: Sequence[Sequence[NDArray[np.int64]]]) -> RateEquations:
        """Return one reduced system per state, as `lump` would; all with as many groups."""
        parts = [self.lump(list(groups)) for groups in groupings]
        return RateEquations(
            **{
                field.name: np.stack([getattr(part, field.name) for part in parts])
                for field in fields(self)
            }
        )

    def clamp(
        self, free: NDArray[np.int64], fixed: NDArray[np.int64], rates: Array
    ) -> RateEquations:
        """Return the equations of the `free` populations with the `fixed` ones held at `rates`."""
        part = self._take(free)
        return replace(
            part,
            mean=self.mean[np.ix_(free, free)],
            variance=self.variance[np.ix_(free, free)],
            mean_external=part.mean_external + rates @ self.mean[np.ix_(free, fixed)].T,
            variance_external=part.variance_external + rates @ self.variance[np.ix_(free, fixed)].T,
        )

    def rows(self, index: NDArray[Any] | np.int64) -> RateEquations:
        """Return the equations of some of the states, where they differ by state."""
        if self.mean.ndim == 3:
            return replace(self, **{f.name: getattr(self, f.name)[index] for f in fields(self)})
        if self.mean_external.ndim == 1:
            return self
        return replace(
            self,
            mean_external=self.mean_external[index],
            variance_external=self.variance_external[index],
        )

    def _take(self, index: NDArray[np.int64]) -> RateEquations:
        names = ("mean_external", "variance_external", "tau_membrane", "tau_synaptic")
        more = ("tau_refractory", "threshold", "reset_voltage")
        return replace(self, **{name: getattr(self, name)[..., index] for name in names + more})


@dataclass(frozen=True, eq=False)
class Solutions:
    """Where the solver ended from each start."""

    rates: Array
    """Hz, shape (n_starts, n_pops)."""
    converged: NDArray[np.bool_]
    residual: Array
    """Largest ``|ν − Φ(ν)|`` in Hz."""
    n_iterations: NDArray[np.int64]


def solve(equations: RateEquations, starts: Array, *, persist: bool = True) -> Solutions:
    """Return where Newton's method leads from each start, shape (n_starts, n_pops).

    Steps are halved until the residual falls. With `persist` a start at which that fails goes on
    with Powell's hybrid method; without, a start is given up early. One that does not arrive is
    not converged.
    """
    nu = np.maximum(np.array(starts, dtype=np.float64, ndmin=2), 0.0)
    n_starts, n_pops = nu.shape
    answer = np.stack(equations.response(nu))  # rate and its derivatives, (3, n_starts, n_pops)
    done = np.zeros(n_starts, dtype=bool)
    stuck = np.zeros(n_starts, dtype=bool)
    iterations = np.zeros(n_starts, dtype=np.int64)
    unit = np.eye(n_pops)
    most, halvings = (
        (_MAX_ITERATIONS, _MAX_HALVINGS) if persist else (_FEW_ITERATIONS, _FEW_HALVINGS)
    )
    for _ in range(most):
        todo = np.flatnonzero(~done & ~stuck)
        if not todo.size:
            break
        part, here = equations.rows(todo), nu[todo]
        known = answer[:, todo]
        matrix = unit - part.jacobian(here, Response(*known))
        iterations[todo] += 1
        step = _newton_step(matrix, here - known[0])
        moved = _search(part, nu, answer, todo, step, halvings)
        size = 1.0 + np.abs(nu[todo]).max(axis=1)
        left = np.abs(nu[todo] - answer[0, todo]).max(axis=1)
        small = np.abs(step).max(axis=1) <= STEP_TOLERANCE * size
        done[todo] = (small | ~moved) & (left <= RESIDUAL_TOLERANCE * size)
        stuck[todo] = ~moved & ~done[todo]
    for row in np.flatnonzero(~done) if persist else ():
        one = equations.rows(np.int64(row))
        nu[row], done[row] = _hybrid(one, nu[row], np.asarray(starts).reshape(nu.shape)[row])
        answer[0, row] = one.phi(nu[row])
    return Solutions(nu, done, np.abs(nu - answer[0]).max(axis=1), iterations)


def _product(matrix: Array, rates: Array) -> Array:
    """Return ``matrix · rates`` for one matrix, or one per state."""
    if matrix.ndim == 2:
        return rates @ matrix.T
    return np.asarray((matrix @ rates[..., None])[..., 0])


def _newton_step(matrix: Array, error: Array) -> Array:
    try:
        return np.asarray(np.linalg.solve(matrix, error[..., None])[..., 0])
    except np.linalg.LinAlgError:
        pairs = zip(matrix, error, strict=True)
        return np.stack([np.linalg.lstsq(m, e, rcond=None)[0] for m, e in pairs])


def _search(
    equations: RateEquations,
    nu: Array,
    answer: Array,
    rows: NDArray[np.int64],
    step: Array,
    halvings: int,
) -> NDArray[np.bool_]:
    """Move `rows` of `nu` along the step as far as the residual falls; return which moved."""
    here, norm = nu[rows], np.linalg.norm(nu[rows] - answer[0, rows], axis=1)
    moved = np.zeros(len(rows), dtype=bool)
    length = 1.0
    for _ in range(halvings + 1):
        todo = np.flatnonzero(~moved)
        trial = np.maximum(here[todo] - length * step[todo], 0.0)
        found = np.stack(equations.rows(todo).response(trial))
        closer = np.linalg.norm(trial - found[0], axis=1) < norm[todo]
        nu[rows[todo[closer]]] = trial[closer]
        answer[:, rows[todo[closer]]] = found[:, closer]
        moved[todo[closer]] = True
        if moved.all():
            break
        length /= 2
    return moved


def _hybrid(equations: RateEquations, here: Array, start: Array) -> tuple[Array, bool]:
    unit = np.eye(equations.n_pops)
    for origin in (here, start):
        answer = scipy.optimize.root(
            lambda nu: nu - equations.phi(nu),
            origin,
            jac=lambda nu: unit - equations.linearized(nu)[1],
            method="hybr",
            options={"xtol": STEP_TOLERANCE},
        )
        rates = np.maximum(answer.x, 0.0)
        left = np.abs(rates - equations.phi(rates)).max()
        if left <= RESIDUAL_TOLERANCE * (1.0 + np.abs(rates).max()):
            return rates, True
    return here, False
