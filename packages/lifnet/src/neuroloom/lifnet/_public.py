"""What `neuroloom.lifnet` holds at its top; imported when a name of it is first used."""

from neuroloom.lifnet import models
from neuroloom.lifnet._analysis._analyzer import Analyzer
from neuroloom.lifnet._analysis._attractors import ClusteringParams
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
from neuroloom.lifnet._engine import (
    Cells,
    Connectivity,
    CountDrive,
    Record,
    Simulation,
    State,
    SurrogateSpike,
    TorchRun,
    run_torch,
    simulate,
)
from neuroloom.lifnet._errors import (
    ClippingWarning,
    ConfigError,
    LifnetError,
    NetworkError,
    PerturbationError,
    RoundingWarning,
    SimulationError,
)
from neuroloom.lifnet._execution._logger import Logger
from neuroloom.lifnet._execution._mean_field_stagers import (
    FullMeanFieldStager,
    ReducedMeanFieldStager,
)
from neuroloom.lifnet._execution._repeater import Repeater
from neuroloom.lifnet._execution._snn_stager import StageSNNSimulation
from neuroloom.lifnet._execution._sweep import (
    BaseSweepRunner,
    MeanFieldBaseSweepRunner,
    SNNBaseSweepRunner,
)
from neuroloom.lifnet._lif_net import LIFNet
from neuroloom.lifnet._network import (
    Alpha,
    Bernoulli,
    Beta,
    BuiltNetwork,
    CurrentInput,
    Delta,
    DoubleExponential,
    Explicit,
    Exponential,
    FixedIndegree,
    FixedTotal,
    Lognormal,
    Network,
    Normal,
    OrnsteinUhlenbeck,
    PoissonInput,
    Population,
    Projection,
    SampledRate,
    SineRate,
    Uniform,
    simulate_batch,
    simulate_trials,
)
from neuroloom.lifnet._plots import (
    plot_bifurcation,
    plot_fixed_points,
    plot_landscape,
    plot_raster,
    plot_rates,
    plot_transitions,
)
from neuroloom.lifnet._theory._activity import classify_active_clusters
from neuroloom.lifnet._theory._continuation import (
    Branch,
    bifurcation_diagram,
    continue_branch,
)
from neuroloom.lifnet._theory._dynamics import (
    RateTrajectory,
    integrate_rates,
    mean_field_trajectory,
)
from neuroloom.lifnet._theory._fixed_points import FixedPoint, FixedPoints, fixed_points
from neuroloom.lifnet._theory._landscape import Landscape, landscape
from neuroloom.lifnet._theory._linear_response import (
    Transfer,
    coupling,
    power_spectrum,
    transfer_function,
)
from neuroloom.lifnet._theory._mean_field import LIFMeanField, RateSolution
from neuroloom.lifnet._theory._siegert import siegert
from neuroloom.lifnet._theory._stability import classify
from neuroloom.lifnet._version import __version__

__all__ = [
    "Alpha",
    "Analyzer",
    "BaseSweepRunner",
    "Bernoulli",
    "Beta",
    "Branch",
    "BuiltNetwork",
    "Cells",
    "CirculantPerturbation",
    "ClippingWarning",
    "ClusteredNetwork",
    "ClusteredParameters",
    "ClusteringParams",
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
    "FixedPoints",
    "FixedTotal",
    "FullMeanFieldStager",
    "LIFMeanField",
    "LIFNet",
    "Landscape",
    "LifnetError",
    "Logger",
    "Lognormal",
    "MeanFieldBaseSweepRunner",
    "Network",
    "NetworkError",
    "Normal",
    "OrnsteinUhlenbeck",
    "PerturbationError",
    "PoissonInput",
    "Population",
    "Projection",
    "RateSolution",
    "RateTrajectory",
    "Record",
    "ReducedMeanFieldStager",
    "Repeater",
    "RoundingWarning",
    "SNNBaseSweepRunner",
    "SampledRate",
    "Simulation",
    "SimulationError",
    "SineRate",
    "StageSNNSimulation",
    "State",
    "SurrogateSpike",
    "TorchRun",
    "Transfer",
    "Uniform",
    "VectorialPerturbation",
    "__version__",
    "bifurcation_diagram",
    "classify",
    "classify_active_clusters",
    "clustered_parameters",
    "continue_branch",
    "copy_configs",
    "coupling",
    "fixed_points",
    "integrate_rates",
    "landscape",
    "load_config",
    "mean_field_trajectory",
    "models",
    "plot_bifurcation",
    "plot_fixed_points",
    "plot_landscape",
    "plot_raster",
    "plot_rates",
    "plot_transitions",
    "power_spectrum",
    "run_torch",
    "save_config",
    "shipped_configs",
    "siegert",
    "simulate",
    "simulate_batch",
    "simulate_trials",
    "transfer_function",
]
