"""Neurons of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._errors import NetworkError
from neuroloom.lifnet._network._distributions import Distribution, check, sample
from neuroloom.lifnet._network._synapses import Beta, Synapse
from neuroloom.shared import checks


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Leaky integrate-and-fire neurons of one kind: C dV/dt = −C (V − resting)/τ + I.

    Units are free as long as they agree: seconds, and either none for the rest, or mV, pA, nF
    and nS.

    Parameters
    ----------
    name : str
        Name.
    size : int
        Number of neurons.
    tau_membrane : float
        Membrane time constant in seconds.
    threshold, reset : float
        Voltages of the spike.
    synapses : mapping of str to synapse
        How it receives, by name of the receptor: ``{"exc": Exponential(0.005), …}``. Either all
        are conductances (`Beta`) or none is.
    resting : float
        Voltage without input.
    tau_refractory : float
        Time in seconds that the voltage stays at `reset` after a spike.
    capacitance : float
        Membrane capacitance.
    bias : float or distribution or array_like, shape (size,)
        Constant current, one value per neuron.
    initial_voltage : float or distribution, optional
        Voltage at the beginning; `resting` if not given.
    """

    name: str
    size: int
    tau_membrane: float
    threshold: float
    reset: float
    synapses: Mapping[str, Synapse]
    resting: float = 0.0
    tau_refractory: float = 0.0
    capacitance: float = 1.0
    bias: Distribution | ArrayLike = 0.0
    initial_voltage: Distribution | None = None

    def __post_init__(self) -> None:
        size = checks.whole(
            f"{self.name}.size", self.size, at_least=1, accept_floats=True, error=NetworkError
        )
        object.__setattr__(self, "size", size)
        for name in ("tau_membrane", "capacitance"):
            checks.real(f"{self.name}.{name}", getattr(self, name), above=0, error=NetworkError)
        for name in ("threshold", "reset", "resting"):
            checks.real(f"{self.name}.{name}", getattr(self, name), error=NetworkError)
        name, refractory = f"{self.name}.tau_refractory", self.tau_refractory
        checks.real(name, refractory, at_least=0, unit="s", error=NetworkError)
        if self.threshold <= self.reset:
            raise NetworkError(
                f"{self.name}.threshold: expected above reset ({self.reset:g}), "
                f"got {self.threshold:g}"
            )
        if not self.synapses:
            raise NetworkError(f"{self.name}.synapses: expected at least one, got none")
        kinds = {isinstance(synapse, Beta) for synapse in self.synapses.values()}
        if len(kinds) > 1:
            raise NetworkError(f"{self.name}.synapses: expected conductances or currents, got both")
        object.__setattr__(self, "synapses", dict(self.synapses))
        if self.initial_voltage is not None:
            check(f"{self.name}.initial_voltage", self.initial_voltage)

    def biases(self, generator: np.random.Generator) -> NDArray[np.float64]:
        """Return the constant current of each neuron, drawn by `generator`."""
        if isinstance(self.bias, (list, tuple, np.ndarray)):
            values = np.asarray(self.bias, dtype=np.float64)
            if values.shape != (self.size,) or not np.isfinite(values).all():
                raise NetworkError(
                    f"{self.name}.bias: expected {self.size} finite values, got {values.shape}"
                )
            return values
        check(f"{self.name}.bias", self.bias)  # type: ignore[arg-type]
        return sample(self.bias, self.size, generator)  # type: ignore[arg-type]
