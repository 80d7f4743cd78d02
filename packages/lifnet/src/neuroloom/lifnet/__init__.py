"""Clustered spiking networks and their mean field from one configuration."""

from neuroloom.lifnet._clustered._clustered_network import ClusteredNetwork
from neuroloom.lifnet._clustered._parameters import ClusteredParameters, clustered_parameters
from neuroloom.lifnet._clustered._perturbation import (
    CirculantPerturbation,
    VectorialPerturbation,
)
from neuroloom.lifnet._config._load import (
    copy_configs,
    load_config,
    save_config,
    shipped_configs,
)
from neuroloom.lifnet._config._schema import Config
from neuroloom.lifnet._errors import (
    ClippingWarning,
    ConfigError,
    LifnetError,
    NetworkError,
    PerturbationError,
    RoundingWarning,
    SimulationError,
)
from neuroloom.lifnet._plots import plot_fixed_points, plot_raster, plot_rates
from neuroloom.lifnet._theory._fixed_points import FixedPoint, fixed_points
from neuroloom.lifnet._theory._mean_field import LIFMeanField, RateSolution
from neuroloom.lifnet._theory._siegert import siegert
from neuroloom.lifnet._theory._stability import classify
from neuroloom.lifnet._version import __version__

__all__ = [
    "Alpha",
    "Bernoulli",
    "Beta",
    "BuiltNetwork",
    "Cells",
    "CirculantPerturbation",
    "ClippingWarning",
    "ClusteredNetwork",
    "ClusteredParameters",
    "Config",
    "ConfigError",
    "Connectivity",
    "CountDrive",
    "CurrentInput",
    "Delta",
    "DoubleExponential",
    "Explicit",
    "Exponential",
    "FixedIndegree",
    "FixedPoint",
    "FixedTotal",
    "LIFMeanField",
    "LifnetError",
    "Lognormal",
    "Network",
    "NetworkError",
    "Normal",
    "OrnsteinUhlenbeck",
    "PerturbationError",
    "PoissonInput",
    "Population",
    "Projection",
    "RateSolution",
    "Record",
    "RoundingWarning",
    "SampledRate",
    "Simulation",
    "SimulationError",
    "SineRate",
    "State",
    "SurrogateSpike",
    "TorchRun",
    "Uniform",
    "VectorialPerturbation",
    "__version__",
    "classify",
    "clustered_parameters",
    "copy_configs",
    "fixed_points",
    "load_config",
    "models",
    "plot_fixed_points",
    "plot_raster",
    "plot_rates",
    "run_torch",
    "save_config",
    "shipped_configs",
    "siegert",
    "simulate",
    "simulate_batch",
    "simulate_trials",
]
