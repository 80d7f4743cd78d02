"""What the neurons are: parameters per neuron, and how one step takes their state forward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._errors import NetworkError, RoundingWarning, SimulationError
from neuroloom.shared import checks

Array = NDArray[np.float64]
MECHANISMS = ("analytic", "euler")


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Leaky integrate-and-fire neurons, one entry per neuron.

    Units are free as long as they agree: seconds, and for example mV, pA, nF and nS.

    Parameters
    ----------
    tau_membrane : ndarray, shape (n_neurons,)
        Membrane time constant in seconds.
    tau_decay, tau_rise : ndarray, shape (n_channels, n_neurons)
        Time constants of the synaptic channels in seconds. ``tau_rise == 0`` is an exponential
        synapse; ``tau_rise == tau_decay == 0`` a delta synapse, which steps the voltage.
    scale : ndarray, shape (n_channels, n_neurons)
        What one unit of weight adds to the channel's state.
    threshold, reset, resting : ndarray, shape (n_neurons,)
        Voltages.
    tau_refractory : ndarray, shape (n_neurons,)
        Time in seconds for which the voltage stays at `reset` after a spike.
    capacitance, bias : ndarray, shape (n_neurons,)
        Membrane capacitance, and a constant current into it.
    reversal : ndarray, shape (n_channels, n_neurons), optional
        Reversal potentials. Given, channels are conductances that follow a beta function.

    Raises
    ------
    NetworkError
        If shapes differ, a value is not finite, a time constant or capacitance is not positive,
        or a threshold does not lie above its reset.
    """

    tau_membrane: Array
    tau_decay: Array
    tau_rise: Array
    scale: Array
    threshold: Array
    reset: Array
    resting: Array
    tau_refractory: Array
    capacitance: Array
    bias: Array
    reversal: Array | None = None

    def __post_init__(self) -> None:
        shape = np.shape(self.tau_membrane)
        if len(shape) != 1 or not shape[0]:
            raise NetworkError(f"tau_membrane: expected one value per neuron, got shape {shape}")
        for name in self.__slots__:
            value = getattr(self, name)
            if value is None:
                continue
            expected = (
                (len(np.atleast_2d(self.tau_decay)), *shape)
                if name in ("tau_decay", "tau_rise", "scale", "reversal")
                else shape
            )
            if np.shape(value) != expected:
                raise NetworkError(f"{name}: expected shape {expected}, got {np.shape(value)}")
            if not np.isfinite(value).all():
                raise NetworkError(f"{name}: expected finite values, got NaN or infinity")
        for name in ("tau_membrane", "capacitance"):
            if (getattr(self, name) <= 0).any():
                raise NetworkError(f"{name}: expected positive, got {getattr(self, name).min():g}")
        for name in ("tau_decay", "tau_rise", "tau_refractory"):
            if (getattr(self, name) < 0).any():
                raise NetworkError(f"{name}: expected 0 or more, got {getattr(self, name).min():g}")
        if (self.threshold <= self.reset).any():
            worst = int(np.argmax(self.reset - self.threshold))
            raise NetworkError(
                f"threshold: expected above reset_voltage, got {self.threshold[worst]:g} "
                f"with reset {self.reset[worst]:g} (neuron {worst})"
            )

    @classmethod
    def create(
        cls,
        n_neurons: int,
        *,
        tau_membrane: ArrayLike,
        tau_synaptic: ArrayLike,
        threshold: ArrayLike,
        reset: ArrayLike = 0.0,
        tau_refractory: ArrayLike = 0.0,
        resting: ArrayLike = 0.0,
        capacitance: ArrayLike = 1.0,
        bias: ArrayLike = 0.0,
        charge: bool = True,
    ) -> Cells:
        """Return neurons with exponential synapses; scalars hold for all neurons.

        Parameters
        ----------
        n_neurons : int
            Number of neurons.
        tau_membrane, threshold, reset, tau_refractory, resting, capacitance, bias : array_like
            A scalar or one value per neuron.
        tau_synaptic : array_like
            A scalar, one value per neuron, or shape (n_channels, n_neurons).
        charge : bool
            A weight is the charge that a spike carries: the current jumps by
            ``weight / tau_synaptic``. Otherwise the weight is the jump of the current.
        """

        def each(name: str, value: ArrayLike) -> Array:
            given = checks.array(name, value, dtype=np.float64, error=NetworkError)
            if given.shape not in ((), (1,), (n_neurons,)):
                raise NetworkError(
                    f"{name}: expected a number or one per neuron ({n_neurons}), "
                    f"got shape {given.shape}"
                )
            return np.array(np.broadcast_to(given, (n_neurons,)))

        n_neurons = checks.whole("n_neurons", n_neurons, at_least=1, error=NetworkError)
        checks.flag("charge", charge, error=NetworkError)
        tau = checks.array("tau_synaptic", tau_synaptic, dtype=np.float64, error=NetworkError)
        rows = tau if tau.ndim == 2 else tau[np.newaxis] if tau.ndim else tau.reshape(1, 1)
        decay = np.stack([each("tau_synaptic", row[0] if row.size == 1 else row) for row in rows])
        if (decay <= 0).any():
            raise NetworkError(f"tau_synaptic: expected positive, got {decay.min():g}")
        return cls(
            tau_membrane=each("tau_membrane", tau_membrane),
            tau_decay=decay,
            tau_rise=np.zeros_like(decay),
            scale=1.0 / decay if charge else np.ones_like(decay),
            threshold=each("threshold", threshold),
            reset=each("reset_voltage", reset),
            resting=each("resting", resting),
            tau_refractory=each("tau_refractory", tau_refractory),
            capacitance=each("capacitance", capacitance),
            bias=each("bias", bias),
        )

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return len(self.tau_membrane)

    @property
    def n_channels(self) -> int:
        """Number of synaptic channels."""
        return len(self.tau_decay)

    @property
    def delta_channels(self) -> NDArray[np.bool_]:
        """Whether each channel steps the voltage itself, shape (n_channels,)."""
        return np.asarray((self.tau_decay == 0).all(axis=1))

    def runs(self) -> NDArray[np.int64]:
        """Return where the parameters change from one neuron to the next, with both ends."""
        change = np.zeros(self.n_neurons, dtype=bool)
        for name in self.__slots__:
            value = getattr(self, name)
            if value is None or name == "bias":
                continue
            rows = np.atleast_2d(value)
            change[1:] |= (rows[:, 1:] != rows[:, :-1]).any(axis=0)
        change[0] = True
        return np.append(np.flatnonzero(change), self.n_neurons)


@dataclass(frozen=True, slots=True, eq=False)
class Propagators:
    """How one step takes each neuron's state forward; all relative to the resting voltage.

    ``v' = v_v v + Σ v_i i + Σ v_x x + v_b (bias + stimulus)``, ``i' = i_i i + i_x x``,
    ``x' = x_x x``; arrivals are added to the last state of their channel (x, i or v).
    """

    v_v: Array
    v_b: Array
    v_i: Array
    v_x: Array
    i_i: Array
    i_x: Array
    x_x: Array
    n_refractory: NDArray[np.int32]


def propagators(cells: Cells, delta_t: float, mechanism: str = "analytic") -> Propagators:
    """Return the exact (or Euler's) step of the linear equations between two spikes.

    Raises
    ------
    SimulationError
        If the step is not positive, longer than half the shortest time constant (Euler: unstable),
        or the mechanism is not known.
    """
    if mechanism not in MECHANISMS:
        raise SimulationError(f"mechanism: expected one of {MECHANISMS}, got {mechanism!r}")
    checks.real("delta_t", delta_t, above=0, unit="s", error=SimulationError)
    taus = [cells.tau_membrane, cells.tau_decay, cells.tau_rise]
    shortest = min(float(tau[tau > 0].min()) for tau in taus if (tau > 0).any())
    if delta_t > shortest / 2 * (1 + 1e-9):
        raise SimulationError(
            f"delta_t: expected at most half the shortest time constant ({shortest / 2:g} s), "
            f"got {delta_t:g} s"
        )
    n_channels, n = cells.tau_decay.shape
    shape = (n_channels, n)
    # A conductance acts on the voltage by its integral over the step: no membrane in between.
    membrane = np.full(n, np.inf) if cells.reversal is not None else cells.tau_membrane
    v_i, v_x, i_i, i_x, x_x = (np.zeros(shape) for _ in range(5))
    if mechanism == "euler":
        v_v = 1.0 - delta_t / cells.tau_membrane
        v_b = delta_t / cells.capacitance
    else:
        v_v = np.exp(-delta_t / cells.tau_membrane)
        v_b = -np.expm1(-delta_t / cells.tau_membrane) * cells.tau_membrane / cells.capacitance
    for c in range(n_channels):
        decay, rise = cells.tau_decay[c], cells.tau_rise[c]
        some = decay > 0
        if mechanism == "euler":
            v_i[c] = np.where(some, delta_t / cells.capacitance, 0.0)
            i_i[c, some] = 1.0 - delta_t / decay[some]
            i_x[c] = np.where(rise > 0, delta_t, 0.0)
            x_x[c, rise > 0] = 1.0 - delta_t / rise[rise > 0]
            continue
        i_i[c, some] = np.exp(-delta_t / decay[some])
        v_i[c, some] = _convolved(membrane[some], decay[some], delta_t)
        v_i[c] /= cells.capacitance
        both = np.flatnonzero(rise > 0)
        if both.size:
            kinds = np.stack([membrane, decay, rise, cells.capacitance])[:, both]
            unique, which = np.unique(kinds, axis=1, return_inverse=True)
            steps = np.array([_chain(tm, ts, tr, cm, delta_t) for tm, ts, tr, cm in unique.T])
            steps = steps[which.ravel()]
            v_x[c, both], i_x[c, both], x_x[c, both] = steps.T
    return Propagators(v_v, v_b, v_i, v_x, i_i, i_x, x_x, _whole_steps(cells, delta_t))


def _convolved(tau_membrane: Array, tau_synaptic: Array, delta_t: float) -> Array:
    """Return the voltage after one step from a unit of current, also where both times agree."""
    difference = 1.0 / tau_membrane - 1.0 / tau_synaptic
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.expm1(delta_t * difference) / difference
    ratio = np.where(np.abs(difference) * delta_t < 1e-14, delta_t, ratio)
    return np.asarray(np.exp(-delta_t / tau_membrane) * ratio)


def _chain(
    tau_membrane: float, decay: float, rise: float, capacitance: float, delta_t: float
) -> tuple[float, float, float]:
    """Return how one unit of x moves (v, i, x) in one step of x → i → v."""
    rates = np.array(
        [
            [-1.0 / tau_membrane, 1.0 / capacitance, 0.0],
            [0.0, -1.0 / decay, 1.0],
            [0.0, 0.0, -1.0 / rise],
        ]
    )
    step: Any = scipy.linalg.expm(rates * delta_t)
    return float(step[0, 2]), float(step[1, 2]), float(step[2, 2])


def _whole_steps(cells: Cells, delta_t: float) -> NDArray[np.int32]:
    """Return the refractory time in steps; a time between two steps is rounded, with a warning."""
    exact = cells.tau_refractory / delta_t
    steps = np.rint(exact)
    longest = np.iinfo(np.int32).max
    if steps.max() > longest:
        raise SimulationError(
            f"tau_refractory: expected at most {longest:,} steps of {delta_t:g} s, got "
            f"{cells.tau_refractory.max():g} s"
        )
    off = np.abs(exact - steps) > 1e-6 * np.maximum(1.0, steps)
    if off.any():
        import warnings

        first = float(cells.tau_refractory[np.argmax(off)])
        warnings.warn(
            f"tau_refractory of {first:g} s is not a multiple of delta_t ({delta_t:g} s); "
            f"rounded to {float(steps[np.argmax(off)]) * delta_t:g} s",
            RoundingWarning,
            stacklevel=4,
        )
    return steps.astype(np.int32)


__all__ = ["MECHANISMS", "Cells", "Propagators", "propagators"]
