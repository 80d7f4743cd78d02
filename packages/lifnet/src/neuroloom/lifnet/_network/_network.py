"""The declaration of a network."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np

from neuroloom.lifnet._engine import Record, Simulation
from neuroloom.lifnet._engine._connectivity import MOST_CHANNELS
from neuroloom.lifnet._errors import NetworkError, PlausibilityWarning, as_seed
from neuroloom.lifnet._network._built import BuiltNetwork, build
from neuroloom.lifnet._network._description import Description, describe
from neuroloom.lifnet._network._distributions import can_be_negative
from neuroloom.lifnet._network._inputs import CurrentInput, Input, NoiseCurrent, PoissonInput
from neuroloom.lifnet._network._population import Population
from neuroloom.lifnet._network._projection import Projection
from neuroloom.lifnet._network._synapses import Beta, Exponential
from neuroloom.shared import Seed, checks


def _parts(name: str, given: Any, kinds: tuple[type, ...]) -> tuple[Any, ...]:
    """Return the parts of a network as they were given, checked."""
    whole = isinstance(given, Iterable) and not isinstance(given, str)
    parts = tuple(given) if whole else (given,)
    for part in parts:
        if not whole or not isinstance(part, kinds):
            words = " or ".join(kind.__name__ for kind in kinds)
            raise checks.fail(name, f"a sequence of {words}", part, error=NetworkError)
    return parts


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Populations, what they send each other and what they get from outside.

    Parameters
    ----------
    populations : sequence of Population
        Populations, in the order in which their neurons are numbered.
    projections : sequence of Projection
        Recurrent synapses.
    inputs : sequence of PoissonInput, CurrentInput or NoiseCurrent
        Input from outside.
    delta_t : float
        Step in seconds that the network is meant for.
    name : str
        Name.
    metadata : mapping of str to anything
        What the network carries along, such as where it was published.

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
        for name, kinds in (
            ("populations", (Population,)),
            ("projections", (Projection,)),
            ("inputs", get_args(Input)),
        ):
            parts = _parts(name, getattr(self, name), kinds)
            object.__setattr__(self, name, parts)
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
            self._check_weights(projection)
        for source in self.inputs:
            self._check_input(source)
        if len(self.receptors) > MOST_CHANNELS:
            raise NetworkError(
                f"populations: expected at most {MOST_CHANNELS} receptors of different names, got "
                f"{len(self.receptors)}; give receptors of different populations one name"
            )
        conductances = {isinstance(s, Beta) for p in self.populations for s in p.synapses.values()}
        if len(conductances) > 1:
            raise NetworkError("populations: expected conductances or currents, got both")

    def _check_input(self, source: Input) -> None:
        population = self._find("post", source.post)
        if isinstance(source, CurrentInput):
            source.places(population.size)
        elif source.receptor is not None:
            self._receptor(source.post, source.receptor)
            synapse = population.synapses[source.receptor]
            if isinstance(source, PoissonInput) and isinstance(synapse, Beta) and source.weight < 0:
                raise NetworkError(
                    f"PoissonInput.weight: expected a conductance of at least 0 into "
                    f"{source.receptor!r} of {source.post!r}, got {source.weight:g}; inhibition is "
                    "a low reversal potential"
                )
            if isinstance(source, NoiseCurrent) and not isinstance(synapse, Exponential):
                raise NetworkError(
                    f"NoiseCurrent.receptor: expected an Exponential synapse of {source.post!r}, "
                    f"got {type(synapse).__name__}"
                )

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

    def _check_weights(self, projection: Projection) -> None:
        """Refuse weights that the receptor cannot have."""
        synapse = self._find("post", projection.post).synapses[projection.receptor]
        given = getattr(projection.rule, "weights", None)
        least = projection.weight if given is None else float(np.min(given, initial=0.0))
        if isinstance(synapse, Beta) and can_be_negative(least):
            raise NetworkError(
                f"projection {projection.pre} → {projection.post}, weight: expected conductances "
                f"of at least 0 into {projection.receptor!r}, as Normal(…, low=0), got {least!r}; "
                "inhibition is a low reversal potential"
            )

    def _check_rule(self, projection: Projection) -> None:
        n_pre = self._find("pre", projection.pre).size
        n_post = self._find("post", projection.post).size
        name = f"projection {projection.pre} → {projection.post}"
        projection.rule.check(name, n_pre, n_post, projection.pre == projection.post)

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

    def describe(self) -> Description:
        """Return the tables that describe the network in a paper (Nordlie et al. 2009).

        Times are in milliseconds, everything else in the network's own units.

        Examples
        --------
        >>> from neuroloom import lifnet
        >>> tables = lifnet.models.brunel_delta().describe()
        >>> tables.tables["B: Populations"][1]
        ('E', 'leaky integrate-and-fire', '10,000')
        >>> text = tables.to_markdown(), tables.to_latex()
        """
        return describe(self, self.name, self.delta_t)

    def _check_windows(self, duration: float) -> None:
        """Warn of inputs that a run of this length does not reach."""
        for source in self.inputs:
            if isinstance(duration, (int, float)) and source.start >= duration > 0:
                warnings.warn(
                    f"inputs: {type(source).__name__} of {source.post!r} starts at "
                    f"{source.start:g} s, which a run of {duration:g} s does not reach",
                    PlausibilityWarning,
                    stacklevel=3,
                )

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
            Threads that draw the synapses, and that it will mostly run on: the synapses are laid
            out for them. The synapses themselves do not depend on it.
        seed : int or Seed
            Seed of the connectivity, the biases and the initial voltages.
        """
        step = self.delta_t if delta_t is None else delta_t
        checks.real("delta_t", step, above=0, unit="s", error=NetworkError)
        checks.choice("dtype", dtype, ("float32", "float64"), error=NetworkError)
        checks.whole("n_threads", n_threads, at_least=1, error=NetworkError)
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
        """Return one run of a freshly drawn network.

        Parameters
        ----------
        duration : float
            Time in seconds.
        delta_t, dtype, n_threads : optional
            As for `build`.
        record, progress : optional
            As for `BuiltNetwork.simulate`.
        seed : int or Seed
            Seed of the network and of its input.
        """
        stream = as_seed(seed)
        self._check_windows(duration)
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
