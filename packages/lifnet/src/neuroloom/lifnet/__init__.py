"""Clustered spiking networks and their mean field from one configuration."""

# ruff: noqa: F403, F405

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from neuroloom.lifnet._version import __version__

if _TYPE_CHECKING:
    from neuroloom.lifnet._public import *

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


def __getattr__(name: str) -> _Any:
    """Import the package at the first use of a name: torch and numba take seconds."""
    if name in __all__:
        public = _import_module("neuroloom.lifnet._public")
        globals().update({each: getattr(public, each) for each in __all__})
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
