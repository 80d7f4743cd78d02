"""Networks as declarations: populations, projections and inputs, and what is built from them."""

from neuroloom.lifnet._network._batch import simulate_batch, simulate_trials
from neuroloom.lifnet._network._built import BuiltNetwork
from neuroloom.lifnet._network._description import Description
from neuroloom.lifnet._network._distributions import Lognormal, Normal, Uniform
from neuroloom.lifnet._network._inputs import (
    CurrentInput,
    NoiseCurrent,
    OrnsteinUhlenbeck,
    PoissonInput,
    SampledRate,
    SineRate,
)
from neuroloom.lifnet._network._network import Network
from neuroloom.lifnet._network._population import Population
from neuroloom.lifnet._network._projection import Projection
from neuroloom.lifnet._network._rules import (
    Bernoulli,
    Explicit,
    FixedIndegree,
    FixedOutdegree,
    FixedTotal,
    OneToOne,
)
from neuroloom.lifnet._network._synapses import Alpha, Beta, Delta, DoubleExponential, Exponential

__all__ = [
    "Alpha",
    "Bernoulli",
    "Beta",
    "BuiltNetwork",
    "CurrentInput",
    "Delta",
    "Description",
    "DoubleExponential",
    "Explicit",
    "Exponential",
    "FixedIndegree",
    "FixedOutdegree",
    "FixedTotal",
    "Lognormal",
    "Network",
    "NoiseCurrent",
    "Normal",
    "OneToOne",
    "OrnsteinUhlenbeck",
    "PoissonInput",
    "Population",
    "Projection",
    "SampledRate",
    "SineRate",
    "Uniform",
    "simulate_batch",
    "simulate_trials",
]
