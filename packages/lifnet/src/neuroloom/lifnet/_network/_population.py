"""Neurons of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._errors import NetworkError, warn_of_milliseconds
from neuroloom.lifnet._network._distributions import Values, mean_of, sample, values_of
from neuroloom.lifnet._network._synapses import Beta, Synapse
from neuroloom.shared import Seed, checks


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
    tau_membrane : float, distribution or array_like
        Membrane time constant in seconds.
    threshold, reset : float, distribution or array_like
        Voltages of the spike.
    synapses : mapping of str to synapse
        How it receives, by name of the receptor: ``{"exc": Exponential(0.005), …}``. Either all
        are conductances (`Beta`) or none is. A receptor of one name may be of another kind in
        another population.
    resting : float, distribution or array_like
        Voltage without input.
    tau_refractory : float, distribution or array_like
        Time in seconds that the voltage stays at `reset` after a spike. Drawn ones are rounded to
        the step.
    capacitance : float, distribution or array_like
        Membrane capacitance.
    bias : float, distribution or array_like
        Constant current.
    initial_voltage : float, distribution or array_like, optional
        Voltage at the beginning; `resting` if not given.

    Each of these is one number for all neurons, a distribution from which each neuron draws its
    own when the network is built, or one value per neuron, shape (size,). Neurons that differ take
    longer than equal ones: the engine steps through runs of equal neurons.

    Raises
    ------
    NetworkError
        If a value is impossible, here or when it is drawn.
    """

    name: str
    size: int
    tau_membrane: Values
    threshold: Values
    reset: Values
    synapses: Mapping[str, Synapse]
    resting: Values = 0.0
    tau_refractory: Values = 0.0
    capacitance: Values = 1.0
    bias: Values = 0.0
    initial_voltage: Values | None = None

    def __post_init__(self) -> None:
        name = checks.text("Population.name", self.name, error=NetworkError)
        object.__setattr__(self, "name", name)
        size = checks.whole(
            f"{self.name}.size", self.size, at_least=1, accept_floats=True, error=NetworkError
        )
        object.__setattr__(self, "size", size)
        self._check("tau_membrane", above=0.0, unit="s")
        self._check("capacitance", above=0.0)
        self._check("tau_refractory", at_least=0.0, unit="s")
        for name in ("threshold", "reset", "resting", "bias"):
            self._check(name)
        if self.initial_voltage is not None:
            self._check("initial_voltage")
        self._check_reset()
        for name in ("tau_membrane", "tau_refractory"):
            value = getattr(self, name)
            longest = value.max() if isinstance(value, np.ndarray) else mean_of(value)
            warn_of_milliseconds(f"{self.name}.{name}", float(longest))
        if not isinstance(self.synapses, Mapping) or not all(
            isinstance(synapse, get_args(Synapse)) for synapse in self.synapses.values()
        ):
            raise NetworkError(
                f"{self.name}.synapses: expected synapses by the name of their receptor, as "
                f'{{"exc": Exponential(0.005)}}, got {self.synapses!r}'
            )
        if not self.synapses:
            raise NetworkError(f"{self.name}.synapses: expected at least one, got none")
        kinds = {isinstance(synapse, Beta) for synapse in self.synapses.values()}
        if len(kinds) > 1:
            raise NetworkError(f"{self.name}.synapses: expected conductances or currents, got both")
        object.__setattr__(self, "synapses", dict(self.synapses))

    def _check_reset(self) -> None:
        if not all(isinstance(v, (float, np.ndarray)) for v in (self.threshold, self.reset)):
            return  # checked when it is drawn
        thresholds, resets = (
            np.broadcast_to(np.asarray(v, dtype=np.float64), self.size)
            for v in (self.threshold, self.reset)
        )
        place = int(np.argmin(thresholds - resets))
        if thresholds[place] <= resets[place]:
            raise NetworkError(
                f"{self.name}.threshold: expected above reset ({resets[place]:g}), "
                f"got {thresholds[place]:g}"
            )

    def _check(self, name: str, **bounds: Any) -> None:
        value = values_of(f"{self.name}.{name}", getattr(self, name), self.size, **bounds)
        object.__setattr__(self, name, value)

    def values(self, name: str, seed: Seed) -> NDArray[np.float64]:
        """Return a parameter of each neuron.

        Parameters
        ----------
        name : str
            The parameter: ``"threshold"``, ``"bias"``, …
        seed : Seed
            What a distribution draws from.
        """
        return sample(getattr(self, name), self.size, seed.generator())
