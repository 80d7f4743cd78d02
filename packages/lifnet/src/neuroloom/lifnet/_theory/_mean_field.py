"""The mean field of a network of populations of leaky integrate-and-fire neurons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._clustered._drive import warn_of_negative_rates
from neuroloom.lifnet._clustered._parameters import ClusteredParameters, clustered_parameters
from neuroloom.lifnet._clustered._perturbation import config_perturbations, merged
from neuroloom.lifnet._config._load import load_config
from neuroloom.lifnet._errors import LifnetError, warn_of_milliseconds
from neuroloom.lifnet._indices import places
from neuroloom.lifnet._theory._rate_equations import RateEquations, Solutions, solve
from neuroloom.lifnet._theory._settling import settle
from neuroloom.lifnet._theory._stability import classify, linearized_eigenvalues
from neuroloom.shared import checks

Array = NDArray[np.float64]

_ROUNDING = 1e-6  # Hz
_STILL = 1e-6  # of 1 Hz + the largest rate, up to which a response equals its rates


@dataclass(frozen=True, eq=False)
class RateSolution:
    """Where a solve ended; only with `converged` is it a fixed point.

    Parameters
    ----------
    x : ndarray, shape (n_pops,)
        Rates in Hz.
    converged : bool
        Whether `x` is a fixed point.
    residual : float
        Largest ``|ν − Φ(ν)|`` in Hz.
    n_iterations : int
        Steps taken.
    message : str
        How the solve ended.
    """

    x: Array
    converged: bool
    residual: float
    n_iterations: int
    message: str

    @property
    def success(self) -> bool:
        """`converged`, under the name that scipy's solvers and the seed system use."""
        return self.converged


class LIFMeanField:
    """Population rates of a network of leaky integrate-and-fire neurons in the diffusion limit.

    A neuron of population i receives ``c_matrix[i, j]`` inputs of efficacy ``j_matrix[i, j]``
    from population j, and ``c_ext[i]`` external ones of efficacy ``j_ext[i]`` and rate
    ``nu_ext[i]``: ``μ = τ (Σ C J ν + C_ext J_ext ν_ext)`` and ``σ² = τ (Σ C J² ν + …)``
    (Brunel 2000; Amit & Brunel 1997). Its rate is `siegert`'s.

    Parameters
    ----------
    n_clusters : int
        Number of clusters Q. Values given for two populations, E and I, are spread over
        ``[E_1 … E_Q, E_b, I_1 … I_Q, I_b]``.
    c_matrix, j_matrix : array_like, shape (n_pops, n_pops)
        Inputs per neuron, and their efficacies, as [post, pre].
    j_ext, c_ext, nu_ext : array_like
        External efficacies, inputs per neuron, and rates in Hz: one value, two (E, I), or one
        per population; or one such row per kind of afferent, shape (n_kinds, n_pops).
    tau_membrane, tau_synaptic, threshold, reset_voltage, tau_refractory : array_like
        Neurons: one value, two (E, I), or one per population. Times in seconds.

    Raises
    ------
    LifnetError
        If shapes do not fit, a value is not finite, a time constant not positive, or a threshold
        not above its reset.

    Examples
    --------
    >>> brunel = LIFMeanField(1, [[1000, 250], [1000, 250]], [[0.1, -0.5], [0.1, -0.5]],
    ...     j_ext=0.1, c_ext=1000, nu_ext=20.0, tau_membrane=0.02, tau_synaptic=0.0,
    ...     threshold=20.0, reset_voltage=10.0, tau_refractory=0.002)
    >>> solution = brunel.solve_rates([30.0, 30.0])
    >>> solution.converged, round(float(solution.x[0]), 2)
    (True, 37.95)
    """

    def __init__(
        self,
        n_clusters: int,
        c_matrix: ArrayLike,
        j_matrix: ArrayLike,
        j_ext: ArrayLike,
        c_ext: ArrayLike,
        nu_ext: ArrayLike,
        tau_membrane: ArrayLike,
        tau_synaptic: ArrayLike,
        threshold: ArrayLike,
        reset_voltage: ArrayLike,
        tau_refractory: ArrayLike = 0.0,
    ) -> None:
        self.n_clusters = checks.whole("n_clusters", n_clusters, at_least=0, error=LifnetError)
        j = _matrix("j_matrix", j_matrix)
        c = _matrix("c_matrix", c_matrix)
        if c.shape != j.shape:
            raise LifnetError(f"c_matrix: expected shape {j.shape} of j_matrix, got {c.shape}")
        if (c < 0).any():
            raise LifnetError(f"c_matrix: expected numbers of at least 0, got {c.min():g}")
        self.c_matrix, self.j_matrix = c, j
        self.j_ext = self._external("j_ext", j_ext)
        self.c_ext = self._external("c_ext", c_ext, low=0.0)
        self.nu_ext = self._external("nu_ext", nu_ext, low=0.0)
        tau = self._spread("tau_membrane", tau_membrane)
        tau_s = self._spread("tau_synaptic", tau_synaptic)
        tau_ref = self._spread("tau_refractory", tau_refractory)
        theta = self._spread("threshold", threshold)
        reset = self._spread("reset_voltage", reset_voltage)
        if (tau <= 0).any():
            raise LifnetError(f"tau_membrane: expected positive values, got {tau.min():g}")
        for name, values in (("tau_synaptic", tau_s), ("tau_refractory", tau_ref)):
            if (values < 0).any():
                raise LifnetError(f"{name}: expected values of at least 0, got {values.min():g}")
        for name, values in (
            ("tau_membrane", tau),
            ("tau_synaptic", tau_s),
            ("tau_refractory", tau_ref),
        ):
            warn_of_milliseconds(name, float(values.max()), stacklevel=3)
        if (theta <= reset).any():
            i = int(np.argmin(theta - reset))
            raise LifnetError(
                f"threshold: expected more than the reset {reset[i]:g}, got {theta[i]:g} "
                f"in population {i}"
            )
        drive = self.c_ext * self.nu_ext
        self.equations = RateEquations(
            mean=tau[:, None] * c * j,
            variance=tau[:, None] * c * j**2,
            mean_external=tau * np.atleast_2d(self.j_ext * drive).sum(axis=0),
            variance_external=tau * np.atleast_2d(self.j_ext**2 * drive).sum(axis=0),
            tau_membrane=tau,
            tau_synaptic=tau_s,
            tau_refractory=tau_ref,
            threshold=theta,
            reset_voltage=reset,
        )

    @classmethod
    def from_parameters(cls, parameters: ClusteredParameters) -> LIFMeanField:
        """Return the mean field of a clustered network's `parameters`.

        Warns
        -----
        ClippingWarning
            If an external rate is negative; it is set to zero.
        """
        warn_of_negative_rates(parameters)
        return cls(
            parameters.n_clusters,
            parameters.in_degree,
            parameters.efficacy,
            parameters.j_ext,
            parameters.c_ext,
            parameters.mean_nu_ext,
            parameters.tau_membrane,
            parameters.tau_synaptic,
            parameters.threshold,
            parameters.reset_voltage,
            parameters.tau_refractory,
        )

    @classmethod
    def from_config(
        cls,
        config: Any = None,
        *,
        perturbations: Mapping[str, ArrayLike | None] | None = None,
        whole_in_degrees: bool = True,
    ) -> LIFMeanField:
        """Return the mean field of a configuration (anything `load_config` reads).

        The configuration's own perturbations act as they do while they are on; those given here
        replace them, target by target.

        Parameters
        ----------
        config : anything that `load_config` reads
            The configuration.
        perturbations : mapping of target to array_like, optional
            As for `clustered_parameters`.
        whole_in_degrees : bool
            Neurons have whole numbers of inputs, as in simulations; if not, a connection
            probability acts as the real number that it is.

        Examples
        --------
        >>> field = LIFMeanField.from_config("2_cluster_mf")
        >>> field.n_pops
        6
        """
        loaded = load_config(config)
        own = config_perturbations(loaded, in_time=False)
        given = merged(own, perturbations)
        return cls.from_parameters(
            clustered_parameters(loaded, given, whole_in_degrees=whole_in_degrees)
        )

    @property
    def n_pops(self) -> int:
        """Number of populations."""
        return len(self.j_matrix)

    def response(self, nu: ArrayLike) -> Array:
        """Return Φ(ν) in Hz for rates `nu`, shape (n_pops,) or (n_states, n_pops)."""
        return self.equations.phi(self.checked_rates("nu", nu))

    def jacobian(self, nu: ArrayLike) -> Array:
        """Return dΦ_i/dν_j at rates `nu` in Hz, shape (..., n_pops, n_pops)."""
        return self.equations.linearized(self.checked_rates("nu", nu))[1]

    def moments(self, nu: ArrayLike) -> tuple[Array, Array]:
        """Return mean μ and noise amplitude σ of the populations' input at rates `nu` in Hz."""
        return self.equations.moments(self.checked_rates("nu", nu))

    def solve_rates(self, nu_init: ArrayLike | None = None) -> RateSolution:
        """Return the solution of ν = Φ(ν) that a start leads to.

        A damped Newton method is tried first, then Powell's hybrid method; where both are stuck,
        the flow ``τ dν/dt = −ν + Φ(ν)`` is followed, with the membrane time constants.

        Parameters
        ----------
        nu_init : array_like, shape (n_pops,), optional
            Rates to start from, in Hz; zeros if not given.

        Returns
        -------
        RateSolution
            With `x` in Hz and `converged`; a solve that does not arrive is flagged, never passed
            off as a fixed point.
        """
        start = np.zeros(self.n_pops) if nu_init is None else self.checked_rates("nu_init", nu_init)
        if start.ndim != 1:
            raise LifnetError(f"nu_init: expected shape ({self.n_pops},), got {start.shape}")
        found = self.solve_many(start[None])
        ok = bool(found.converged[0])
        message = (
            "converged"
            if ok
            else (f"no solution from this start: |nu - Phi(nu)| is {found.residual[0]:.3g} Hz")
        )
        return RateSolution(
            found.rates[0], ok, float(found.residual[0]), int(found.n_iterations[0]), message
        )

    def solve_many(self, starts: ArrayLike, *, persist: bool = True) -> Solutions:
        """Return the solutions from many starts at once.

        Parameters
        ----------
        starts : array_like, shape (n_starts, n_pops)
            Rates to start from, in Hz.
        persist : bool
            Go on with Powell's hybrid method, one start at a time, where Newton's method is stuck,
            and with the flow of the rates where that is stuck, too.
        """
        checks.flag("persist", persist, error=LifnetError)
        rates = np.atleast_2d(self.checked_rates("starts", starts))
        found = solve(self.equations, rates, persist=persist)
        left = np.flatnonzero(~found.converged)
        if persist and left.size:
            states, settled = settle(self.equations, rates[left], self._units_of_time(None))
            found.rates[left[settled]] = states[settled]
            found.converged[left[settled]] = True
            there = self.equations.phi(states[settled])
            found.residual[left[settled]] = np.abs(states[settled] - there).max(axis=1)
        return found

    def determine_stability(
        self, nu: ArrayLike, *, tau: ArrayLike | None = None
    ) -> tuple[str, NDArray[np.complex128]]:
        """Return the kind of a fixed point and the eigenvalues of the linearized dynamics.

        Parameters
        ----------
        nu : array_like, shape (n_pops,)
            A fixed point, in Hz.
        tau : array_like, optional
            Time constants of the rates in seconds: one, two (E, I), or one per population; then
            eigenvalues are in 1/s. If not given, the membrane time constants as in
            `integrate_rates`, and time is in units of their mean: with one common time constant
            the eigenvalues are those of ``dΦ/dν − 1``.

        Returns
        -------
        label : str
            As `classify` names it.
        eigenvalues : ndarray of complex, shape (n_pops,)
            Of ``(dΦ/dν − 1)/τ``, largest real part first.

        Raises
        ------
        LifnetError
            If `nu` is no fixed point or does not fit, or a time constant is not positive.
        """
        rates = self.checked_rates("nu", nu)
        self.check_fixed("nu", rates)
        values = linearized_eigenvalues(self.jacobian(rates), self._units_of_time(tau))
        return classify(values), values

    def check_fixed(self, name: str, rates: Array) -> None:
        """Raise unless rates are one fixed point.

        Parameters
        ----------
        name : str
            The argument, for the error.
        rates : ndarray, shape (n_pops,)
            In Hz.

        Raises
        ------
        LifnetError
            If the response to them is another one.
        """
        if rates.ndim != 1:
            raise LifnetError(f"{name}: expected shape ({self.n_pops},), got {rates.shape}")
        left = float(np.abs(rates - self.response(rates)).max())
        if left > _STILL * (1 + np.abs(rates).max()):
            raise LifnetError(
                f"{name}: expected a fixed point, got |nu - Phi(nu)| of {left:.3g} Hz; "
                "solve_rates(nu).x is one if it converged"
            )

    def rate_time_constants(self, tau: ArrayLike | None = None) -> Array | None:
        """Return `tau` checked, one time constant of the rates per population; None for None."""
        if tau is None:
            return None
        spread = self._spread("tau", tau)
        if (spread <= 0).any():
            raise LifnetError(f"tau: expected positive time constants, got {spread.min():g}")
        warn_of_milliseconds("tau", float(spread.max()))
        return spread

    def _units_of_time(self, tau: ArrayLike | None) -> Array:
        given = self.rate_time_constants(tau)
        if given is not None:
            return given
        membrane = self.equations.tau_membrane
        return np.asarray(membrane / membrane.mean())

    def effective_response_function(
        self,
        focus: ArrayLike,
        nu: ArrayLike,
        *,
        nu_init: ArrayLike | None = None,
        tau: ArrayLike | None = None,
    ) -> Array:
        """Return Φ of all populations with the focus clamped and the others settled around it.

        Parameters
        ----------
        focus : sequence of int
            Populations whose rates are held.
        nu : array_like, shape (n_focus,) or (n_states, n_focus)
            Their rates in Hz.
        nu_init : array_like, optional
            Rates from which those of the other populations settle, (n_pops − n_focus,), in Hz;
            zeros if not given.
        tau : array_like, optional
            Time constants of the rates, see `determine_stability`.

        Returns
        -------
        ndarray, shape (n_pops,) or (n_states, n_pops)
            Rates in Hz; NaN where the others come to no stable state (Mascaro & Amit 1999).
        """
        return self.around(focus, nu, nu_init=nu_init, tau=tau)[0]

    def around(
        self,
        focus: ArrayLike,
        nu: ArrayLike,
        *,
        nu_init: ArrayLike | None = None,
        tau: ArrayLike | None = None,
    ) -> tuple[Array, Array]:
        """Return the effective response, and the full states ν that it was taken at.

        Parameters `focus`, `nu`, `nu_init` and `tau` are those of `effective_response_function`.
        The other populations are at the stable state that their rates flow into; NaN where they
        come to none.
        """
        held = places("focus", focus, self.n_pops)
        rates = np.atleast_2d(_rates("nu", nu, len(held)))
        free = np.setdiff1d(np.arange(self.n_pops), held)
        state = np.empty((len(rates), self.n_pops))
        state[:, held] = rates
        if len(free):
            starts = _starts(nu_init, len(rates), len(free))
            times = self._units_of_time(tau)[free]
            others, settled = settle(self.equations.clamp(free, held, rates), starts, times)
            state[:, free] = np.where(settled[:, None], others, np.nan)
        answer = self.equations.phi(state)
        shape = np.shape(nu)[:-1]
        return answer.reshape(*shape, self.n_pops), state.reshape(*shape, self.n_pops)

    def checked_rates(self, name: str, values: ArrayLike) -> Array:
        """Return rates of shape (n_pops,) or (n_states, n_pops) in Hz, or raise in `name`'s name.

        Parameters
        ----------
        name : str
            The argument, for the error.
        values : array_like
            Rates in Hz.

        Raises
        ------
        LifnetError
            If they are of another shape, not finite or negative.
        """
        return _rates(name, values, self.n_pops)

    def checked_sizes(
        self, name: str, sizes: ArrayLike, *, error: type[LifnetError] = LifnetError
    ) -> NDArray[np.int64]:
        """Return the number of neurons of each population, or raise in `name`'s name.

        Parameters
        ----------
        name : str
            The argument, for the error.
        sizes : array_like, shape (n_pops,)
            Whole numbers, 0 for a population without neurons.
        error : type
            Class of the error.

        Raises
        ------
        LifnetError
            Or `error`, if they are of another shape, not whole or negative.
        """
        n: NDArray[np.int64] = checks.array(name, sizes, dtype=np.int64, error=error)
        if n.shape != (self.n_pops,) or (n < 0).any():
            expected = f"{self.n_pops} numbers of neurons, at least 0"
            raise checks.fail(name, expected, n.tolist(), error=error)
        return n

    def _spread(self, name: str, values: ArrayLike) -> Array:
        """Return one value per population of a scalar, an (E, I) pair or a full vector."""
        array = checks.array(name, values, dtype=np.float64, error=LifnetError)
        n = self.n_pops
        if array.ndim == 0:
            array = np.full(n, float(array))
        elif array.shape == (2,) and n != 2 and n > self.n_clusters + 1:
            array = np.repeat(array, [self.n_clusters + 1, n - self.n_clusters - 1])
        if array.shape != (n,):
            raise LifnetError(f"{name}: expected one value, two (E, I) or {n}, got {array.shape}")
        return array.copy()

    def _external(self, name: str, values: ArrayLike, low: float = -np.inf) -> Array:
        array = checks.array(name, values, dtype=np.float64, error=LifnetError)
        if array.ndim == 2:
            result = np.stack([self._spread(name, row) for row in array])
        else:
            result = self._spread(name, array)
        if (result < low).any():
            raise LifnetError(f"{name}: expected values of at least {low:g}, got {result.min():g}")
        return result


def check_field(field: object) -> None:
    """Raise unless what was given as `field` is a mean field."""
    if not isinstance(field, LIFMeanField):
        expected = "a mean field, as LIFMeanField.from_config(…)"
        raise checks.fail("field", expected, field, error=LifnetError)


def _starts(nu_init: ArrayLike | None, n_states: int, n: int) -> Array:
    """Return where `n` rates begin in each state: zeros, one start for all, or one per state."""
    start = np.zeros(n) if nu_init is None else _rates("nu_init", nu_init, n)
    if start.ndim == 2 and len(start) != n_states:
        raise LifnetError(f"nu_init: expected one start or {n_states}, got {len(start)}")
    return np.broadcast_to(start, (n_states, n))


def _rates(name: str, values: ArrayLike, n: int) -> Array:
    """Return rates of shape (n,) or (n_states, n) in Hz, checked."""
    array = checks.array(name, values, dtype=np.float64, finite=False, error=LifnetError)
    if array.ndim not in (1, 2) or array.shape[-1] != n:
        raise LifnetError(f"{name}: expected {n} rates, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise LifnetError(f"{name}: expected finite rates, got NaN or inf")
    if (array < -_ROUNDING).any():  # a solution may be off by its tolerance
        raise LifnetError(f"{name}: expected rates of at least 0 Hz, got {array.min():g}")
    return array


def _matrix(name: str, values: ArrayLike) -> Array:
    array = checks.array(name, values, dtype=np.float64, error=LifnetError)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise LifnetError(f"{name}: expected a square matrix [post, pre], got {array.shape}")
    return array
