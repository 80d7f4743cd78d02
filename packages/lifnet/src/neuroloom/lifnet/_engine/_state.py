"""Where a run begins or ended: in memory, and in a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._engine._cells import Cells
from neuroloom.lifnet._errors import SimulationError, told_as
from neuroloom.shared import checks, load_arrays, save_arrays

_KIND = "lifnet-state"
_VERSION = 1
_ARRAYS = ("voltage", "current", "refractory", "rise", "pending", "relative", "rates")


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Where a run begins or ended.

    Parameters
    ----------
    voltage : ndarray, shape (n_neurons,)
        Membrane voltages.
    current : ndarray, shape (n_channels, n_neurons)
        Synaptic currents or conductances.
    refractory : ndarray of int, shape (n_neurons,)
        Steps for which each neuron stays at its reset.
    rise : ndarray, shape (n_channels, n_neurons), optional
        Rising states of synapses that have one.
    pending : ndarray, shape (n_channels, n_slots, n_neurons), optional
        Input on its way, by arrival step modulo n_slots.
    step : int
        Absolute number of the next step: random input, inputs in time and perturbations go on
        from there.
    delta_t : float, optional
        Step in seconds of the run that ended here, in which `refractory`, `pending` and `step`
        count; a run with another one is refused.
    relative : ndarray, shape (n_neurons,), optional
        Voltages above rest as the run held them. `voltage` is their sum with the resting voltage,
        which rounds; a neuron whose `voltage` was changed since begins at that.
    rates : ndarray, shape (n_processes,), optional
        Where the Ornstein–Uhlenbeck rates of a network stand, in the order of its inputs, as
        distances from their means in Hz.
    network : str, optional
        Digest of the neurons and synapses of the run that ended here.
    bound : bool
        Let no other network go on from here; so are states from files.
    """

    voltage: NDArray[Any]
    current: NDArray[Any]
    refractory: NDArray[np.int32]
    rise: NDArray[Any] | None = None
    pending: NDArray[Any] | None = None
    step: int = 0
    delta_t: float | None = None
    relative: NDArray[Any] | None = None
    rates: NDArray[np.float64] | None = None
    network: str | None = None
    bound: bool = False

    @classmethod
    def rest(cls, cells: Cells) -> State:
        """Return neurons at rest without any input."""
        n, c = cells.n_neurons, cells.n_channels
        return cls(cells.resting.copy(), np.zeros((c, n)), np.zeros(n, dtype=np.int32))

    def with_voltage(self, voltage: ArrayLike) -> State:
        """Return this state with other voltages."""
        given = checks.array("voltage", voltage, dtype=np.float64, error=SimulationError)
        if given.shape not in ((), self.voltage.shape):
            raise SimulationError(
                f"voltage: expected one value or shape {self.voltage.shape}, got {given.shape}"
            )
        values = np.array(np.broadcast_to(given, self.voltage.shape))
        return replace(self, voltage=values, relative=None)

    def above_rest(self, resting: NDArray[np.float64]) -> NDArray[Any]:
        """Return the voltages above rest: to the bit those with which a run ended.

        Parameters
        ----------
        resting : ndarray, shape (n_neurons,)
            Resting voltages of the neurons that go on.
        """
        above = self.voltage - resting
        if self.relative is None:
            return np.asarray(above)
        same = self.relative + resting.astype(self.relative.dtype) == self.voltage
        return np.where(same, self.relative, above)

    def arrivals(self, first_step: int, n_slots: int) -> NDArray[Any] | None:
        """Return the input on its way for a run whose first step has another number.

        Parameters
        ----------
        first_step : int
            Absolute number of the run's first step.
        n_slots : int
            Least number of slots.

        Returns
        -------
        ndarray, shape (n_channels, n_slots, n_neurons), or None
            By arrival step modulo its number of slots, of which there are more than asked for
            where input arrives later than that; None where nothing is on its way.
        """
        if self.pending is None or not self.pending.any():
            return None
        old = self.pending
        ahead = np.arange(old.shape[1])
        old = old[:, (self.step + ahead) % len(ahead)]
        last = int(np.flatnonzero(old.any(axis=(0, 2)))[-1])
        ring = np.zeros((len(old), max(n_slots, last + 2), old.shape[2]), dtype=old.dtype)
        ring[:, (first_step + ahead[: last + 1]) % ring.shape[1]] = old[:, : last + 1]
        return ring

    def save(self, path: str | Path) -> Path:
        """Write the state to an ``.npz``, and return its path.

        The file holds numbers only, and the digest of the network that the run was of. A run that
        goes on from it, with the same seed, is to the bit the rest of an unbroken one.

        Parameters
        ----------
        path : path
            File to write, whole or not at all.

        Raises
        ------
        SimulationError
            If the folder is missing.
        """
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        header = {"step": self.step, "delta_t": self.delta_t, "network": self.network}
        given = {name: np.asarray(value) for name, value in arrays.items() if value is not None}
        with told_as(SimulationError):
            return save_arrays(path, given, kind=_KIND, header=header, version=_VERSION)

    @classmethod
    def load(cls, path: str | Path, network: Any = None) -> State:
        """Return a state that `save` wrote. No code of the file is run.

        Parameters
        ----------
        path : path
            File to read.
        network : object with a digest, or str, optional
            What will go on: a `BuiltNetwork`, a `ClusteredNetwork`, or a digest. It is checked
            here; if not given, when the run begins.

        Raises
        ------
        SimulationError
            If the file is missing, damaged, of another kind or of a newer format, or the state is
            one of another network.
        """
        with told_as(SimulationError):
            arrays, header = load_arrays(path, kind=_KIND, version=_VERSION)
        try:
            state = cls(
                **{name: arrays.get(name) for name in _ARRAYS},  # type: ignore[arg-type]
                step=checks.whole("step", header["step"], at_least=0, error=SimulationError),
                delta_t=header["delta_t"],
                network=header["network"],
                bound=True,
            )
        except KeyError as error:
            raise SimulationError(
                f"path: expected a whole state, got {path} without {error}"
            ) from error
        if any(getattr(state, name) is None for name in _ARRAYS[:3]):
            raise SimulationError(f"path: expected a whole state, got {path} without {_ARRAYS[:3]}")
        if network is not None:
            state.check_network(getattr(network, "digest", network))
        return state

    def check_network(self, digest: str) -> None:
        """Raise unless a network may go on from here.

        Parameters
        ----------
        digest : str
            Digest of the network that is to go on.

        Raises
        ------
        SimulationError
            If the state is bound to another network.
        """
        if self.bound and self.network is not None and self.network != digest:
            raise SimulationError(
                f"state: expected one of this network (digest {digest}), got one of another "
                f"({self.network}); go on in it on purpose "
                "with dataclasses.replace(state, bound=False)"
            )


def check_is_state(state: object) -> None:
    """Raise unless a run may begin here: at a state, or at nothing.

    Parameters
    ----------
    state : object
        What was given.

    Raises
    ------
    SimulationError
        If it is something else, as the run that left a state.
    """
    if state is not None and not isinstance(state, State):
        raise SimulationError(
            f"state: expected a State, as run.state or State.load(path), got {type(state).__name__}"
        )
