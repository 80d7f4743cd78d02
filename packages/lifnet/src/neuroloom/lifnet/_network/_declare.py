"""The declaration of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._engine import Record, Simulation
from neuroloom.lifnet._engine._connectivity import MOST_CHANNELS
from neuroloom.lifnet._errors import NetworkError
from neuroloom.lifnet._network._distributions import Distribution, Normal, Uniform, check, mean_of
from neuroloom.lifnet._network._inputs import CurrentInput, Input
from neuroloom.lifnet._network._rules import Explicit, FixedIndegree, Rule
from neuroloom.lifnet._network._synapses import Beta, Synapse
from neuroloom.shared import Seed, as_seed, checks

if TYPE_CHECKING:
    from neuroloom.lifnet._network._built import BuiltNetwork


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
        """Return the constant current of each neuron."""
        from neuroloom.lifnet._network._distributions import sample

        if isinstance(self.bias, (list, tuple, np.ndarray)):
            values = np.asarray(self.bias, dtype=np.float64)
            if values.shape != (self.size,) or not np.isfinite(values).all():
                raise NetworkError(
                    f"{self.name}.bias: expected {self.size} finite values, got {values.shape}"
                )
            return values
        check(f"{self.name}.bias", self.bias)  # type: ignore[arg-type]
        return sample(self.bias, self.size, generator)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Synapses from one population to another.

    Parameters
    ----------
    pre, post : str
        Populations.
    rule : Bernoulli, FixedIndegree, FixedTotal or Explicit
        Who connects to whom.
    weight : float or distribution
        Weight, in the unit of the receptor.
    delay : float or distribution
        Time in seconds from a spike to the synapse's response, rounded to the step: at least one
        step, or 0 for a response that begins in the next step.
    receptor : str
        Synapse of `post` that the spikes enter.
    """

    pre: str
    post: str
    rule: Rule
    weight: Distribution
    delay: Distribution = 0.0
    receptor: str = "exc"

    def __post_init__(self) -> None:
        name = f"projection {self.pre} → {self.post}"
        check(f"{name}, weight", self.weight)
        check(f"{name}, delay", self.delay)
        negative = isinstance(self.delay, Uniform) and self.delay.low < 0
        if mean_of(self.delay) < 0 or negative:
            raise NetworkError(f"{name}, delay: expected 0 or more, got {self.delay!r}")
        if isinstance(self.delay, Normal):  # drawn again until it is not negative
            replace(self.delay, low=max(self.delay.low, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Populations, what they send each other and what they get from outside.

    Parameters
    ----------
    populations : sequence of Population
        Populations, in the order in which their neurons are numbered.
    projections : sequence of Projection
        Recurrent synapses.
    inputs : sequence of PoissonInput or CurrentInput
        Input from outside.
    delta_t : float
        Step in seconds that the network is meant for.
    name : str
        Name.

    Raises
    ------
    NetworkError
        If a name is used twice or does not exist, or parts do not fit together.

    Examples
    --------
    >>> from neuroloom import lifnet
    >>> synapses = {"exc": lifnet.Delta()}
    >>> net = lifnet.Network(
    ...     [lifnet.Population("E", 200, 0.02, threshold=20.0, reset=10.0, synapses=synapses)],
    ...     [lifnet.Projection("E", "E", lifnet.Bernoulli(0.1), weight=0.1, delay=0.0015)],
    ...     [lifnet.PoissonInput("E", rate_hz=10.0, weight=0.1, n_sources=1200)],
    ... )
    >>> run = net.simulate(0.2, seed=1)
    >>> list(run.rates_hz())
    ['E']
    """

    populations: Sequence[Population]
    projections: Sequence[Projection] = ()
    inputs: Sequence[Input] = ()
    delta_t: float = 1e-4
    name: str = "network"
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("populations", "projections", "inputs"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.populations:
            raise NetworkError("populations: expected at least one, got none")
        names = [population.name for population in self.populations]
        if len(set(names)) < len(names):
            raise NetworkError(f"populations: expected distinct names, got {names}")
        checks.real("delta_t", self.delta_t, above=0, unit="s", error=NetworkError)
        for projection in self.projections:
            self._find("pre", projection.pre)
            self._receptor(projection.post, projection.receptor)
            self._check_rule(projection)
        for source in self.inputs:
            if isinstance(source, CurrentInput):
                source.places(self._find("post", source.post).size)
            else:
                self._receptor(source.post, source.receptor)
        if len(self.receptors) > MOST_CHANNELS:
            raise NetworkError(
                f"populations: expected at most {MOST_CHANNELS} receptors of different names, got "
                f"{len(self.receptors)}; give receptors of different populations one name"
            )
        kinds: dict[str, type] = {}
        for population in self.populations:
            for receptor, synapse in population.synapses.items():
                known = kinds.setdefault(receptor, type(synapse))
                if known is not type(synapse):
                    raise NetworkError(
                        f"{population.name}.synapses[{receptor!r}]: expected {known.__name__} as "
                        f"in the other populations, got {type(synapse).__name__}"
                    )
        if len({kind is Beta for kind in kinds.values()}) > 1:
            raise NetworkError("populations: expected conductances or currents, got both")

    def _find(self, role: str, name: str) -> Population:
        for population in self.populations:
            if population.name == name:
                return population
        names = [population.name for population in self.populations]
        raise checks.unknown(role, name, names, error=NetworkError)

    def _receptor(self, population: str, receptor: str) -> None:
        known = list(self._find("post", population).synapses)
        if receptor not in known:
            raise NetworkError(
                f"receptor: expected one of {known} of {population!r}, got {receptor!r}"
            )

    def _check_rule(self, projection: Projection) -> None:
        n_pre = self._find("pre", projection.pre).size
        n_post = self._find("post", projection.post).size
        name, rule = f"projection {projection.pre} → {projection.post}", projection.rule
        if isinstance(rule, Explicit):
            if len(rule.indptr) != n_pre + 1:
                raise NetworkError(f"{name}: expected {n_pre} rows, got {len(rule.indptr) - 1}")
            if rule.indices.size and not 0 <= rule.indices.min() <= rule.indices.max() < n_post:
                raise NetworkError(f"{name}: expected targets from 0 to {n_post - 1}")
        if isinstance(rule, FixedIndegree):
            sources = n_pre - (projection.pre == projection.post and not rule.autapses)
            # With repetition one source is enough for any number of synapses.
            if rule.n > (sources if not rule.multapses else rule.n * sources):
                raise NetworkError(f"{name}: expected at most {sources} sources, got {rule.n}")

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return sum(population.size for population in self.populations)

    @property
    def receptors(self) -> tuple[str, ...]:
        """Names of all receptors, in order of first appearance: the engine's channels."""
        return tuple(dict.fromkeys(r for p in self.populations for r in p.synapses))

    @property
    def spans(self) -> dict[str, tuple[int, int]]:
        """First neuron of each population and the one after its last."""
        ends = np.cumsum([population.size for population in self.populations])
        return {
            population.name: (int(end) - population.size, int(end))
            for population, end in zip(self.populations, ends, strict=True)
        }

    def build(
        self,
        *,
        delta_t: float | None = None,
        dtype: str = "float32",
        n_threads: int = 1,
        seed: int | Seed,
    ) -> BuiltNetwork:
        """Return the network with its synapses drawn, ready for any number of trials.

        Parameters
        ----------
        delta_t : float, optional
            Step in seconds; the network's own if not given.
        dtype : {"float32", "float64"}
            Precision.
        n_threads : int
            Threads that it will mostly run on: the synapses are laid out for them. The synapses
            themselves do not depend on it.
        seed : int or Seed
            Seed of the connectivity, the biases and the initial voltages.
        """
        from neuroloom.lifnet._network._built import build

        step = self.delta_t if delta_t is None else delta_t
        return build(self, step, dtype, n_threads, as_seed(seed))

    def simulate(
        self,
        duration: float,
        *,
        delta_t: float | None = None,
        dtype: str = "float32",
        n_threads: int = 1,
        record: Record | None = None,
        progress: bool = False,
        seed: int | Seed,
    ) -> Simulation:
        """Return one run of `duration` seconds of a freshly drawn network; see `BuiltNetwork`."""
        stream = as_seed(seed)
        built = self.build(
            delta_t=delta_t, dtype=dtype, n_threads=n_threads, seed=stream.child("connectivity")
        )
        return built.simulate(
            duration,
            n_threads=n_threads,
            record=record,
            progress=progress,
            seed=stream.child("noise"),
        )
