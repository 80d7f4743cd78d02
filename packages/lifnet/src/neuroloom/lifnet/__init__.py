"""Spiking networks of integrate-and-fire neurons, clustered or of any kind, and their mean field.

The names here are what most work starts with. The rest stands in submodules:

========================  =================================================================
`network`                 synapses, rules, distributions, inputs; batches and trials
`models`                  published networks
`clustered`               clustered networks, their parameters and perturbations
`theory`                  mean field, fixed points, stability, continuation, fluctuations
`engine`                  the spiking engine on arrays, also in torch
`analysis`, `plots`       attractors of rasters; figures
`errors`                  errors and warnings
`core`, `execution`       the paths of the seed system
========================  =================================================================
"""

# ruff: noqa: F403, F405

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from neuroloom.lifnet._version import __version__

if _TYPE_CHECKING:
    from neuroloom.lifnet._public import *

__all__ = [
    "Analyzer",
    "Bernoulli",
    "ClusteredNetwork",
    "Config",
    "CurrentInput",
    "Delta",
    "Exponential",
    "FixedIndegree",
    "FullMeanFieldStager",
    "LIFMeanField",
    "LIFNet",
    "LifnetError",
    "MeanFieldBaseSweepRunner",
    "Network",
    "Normal",
    "PoissonInput",
    "Population",
    "Projection",
    "Record",
    "ReducedMeanFieldStager",
    "Repeater",
    "SNNBaseSweepRunner",
    "Simulation",
    "StageSNNSimulation",
    "__version__",
    "analysis",
    "bifurcation_diagram",
    "clustered",
    "copy_configs",
    "engine",
    "errors",
    "fixed_points",
    "landscape",
    "load_config",
    "models",
    "network",
    "plots",
    "save_config",
    "shipped_configs",
    "theory",
]

# Where names went that were here in version 0.1.
_MOVED = {
    "Alpha": "network",
    "BaseSweepRunner": "execution.sweep",
    "Beta": "network",
    "Branch": "theory",
    "BuiltNetwork": "network",
    "Cells": "engine",
    "CirculantPerturbation": "clustered",
    "ClippingWarning": "errors",
    "ClusteredParameters": "clustered",
    "ClusteringParams": "analysis",
    "ConfigError": "errors",
    "Connectivity": "engine",
    "CountDrive": "engine",
    "DoubleExponential": "network",
    "Explicit": "network",
    "FixedPoint": "theory",
    "FixedPoints": "theory",
    "FixedTotal": "network",
    "Landscape": "theory",
    "Logger": "execution",
    "Lognormal": "network",
    "NetworkError": "errors",
    "OrnsteinUhlenbeck": "network",
    "PerturbationError": "errors",
    "RateSolution": "theory",
    "RateTrajectory": "theory",
    "RoundingWarning": "errors",
    "SampledRate": "network",
    "SimulationError": "errors",
    "SineRate": "network",
    "State": "engine",
    "SurrogateSpike": "engine",
    "TorchRun": "engine",
    "Transfer": "theory",
    "Uniform": "network",
    "VectorialPerturbation": "clustered",
    "classify": "theory",
    "classify_active_clusters": "theory",
    "clustered_parameters": "clustered",
    "continue_branch": "theory",
    "coupling": "theory",
    "integrate_rates": "theory",
    "mean_field_trajectory": "theory",
    "plot_bifurcation": "plots",
    "plot_fixed_points": "plots",
    "plot_landscape": "plots",
    "plot_raster": "plots",
    "plot_rates": "plots",
    "plot_transitions": "plots",
    "power_spectrum": "theory",
    "run_torch": "engine",
    "siegert": "theory",
    "simulate": "engine",
    "simulate_batch": "network",
    "simulate_trials": "network",
    "transfer_function": "theory",
}


def __getattr__(name: str) -> _Any:
    """Import the package at the first use of a name: torch and numba take seconds."""
    if name in __all__:
        public = _import_module("neuroloom.lifnet._public")
        globals().update({each: getattr(public, each) for each in __all__})
        return globals()[name]
    if name in _MOVED:
        import warnings

        place = f"{__name__}.{_MOVED[name]}"
        warnings.warn(
            f"{__name__}.{name} is now {place}.{name}; the old name goes with the next version",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(_import_module(place), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
