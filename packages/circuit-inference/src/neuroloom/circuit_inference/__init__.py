"""From a recording to circuit parameters, and how sure one may be."""

import importlib
import typing

from neuroloom.circuit_inference._estimators import known_models
from neuroloom.circuit_inference._features.aperiodic import Aperiodic, BandPower
from neuroloom.circuit_inference._features.catch22 import Catch22
from neuroloom.circuit_inference._features.coupling import Coupling
from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._features.feature_table import FeatureTable
from neuroloom.circuit_inference._features.fluctuations import Fluctuations
from neuroloom.circuit_inference._features.line_noise import LineNoise
from neuroloom.circuit_inference._features.moments import Moments
from neuroloom.circuit_inference._features.series import Preprocessing
from neuroloom.circuit_inference._inference.diagnostics import Diagnosis
from neuroloom.circuit_inference._inference.inferer import Inferer
from neuroloom.circuit_inference._inference.posterior import Posterior
from neuroloom.circuit_inference._inference.predictive_check import PredictiveCheck
from neuroloom.circuit_inference._libraries.library import SimulationLibrary
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference._libraries.simulate import simulate_library
from neuroloom.circuit_inference._libraries.toy_models import gao_lfp, gao_library
from neuroloom.circuit_inference._recordings.bids import bids_table
from neuroloom.circuit_inference._recordings.epoch_table import epoch_table
from neuroloom.circuit_inference._recordings.read_signal import read_signal, read_signals
from neuroloom.circuit_inference._report.html import write_report
from neuroloom.circuit_inference._report.mixed_models import mixed_effects
from neuroloom.circuit_inference._version import __version__
from neuroloom.circuit_inference.errors import (
    CircuitInferenceError,
    FeatureMismatchError,
    InvalidSeriesError,
    LibraryError,
    ModelFormatError,
    NoValidSimulationsError,
    OutOfDistributionWarning,
    PriorError,
    UnsafeFormatError,
)

__all__ = [
    "Aperiodic",
    "BandPower",
    "Catch22",
    "CircuitInferenceError",
    "Coupling",
    "Diagnosis",
    "FeatureMismatchError",
    "FeatureSet",
    "FeatureTable",
    "Fluctuations",
    "Inferer",
    "InvalidSeriesError",
    "LibraryError",
    "LineNoise",
    "ModelFormatError",
    "Moments",
    "NoValidSimulationsError",
    "OutOfDistributionWarning",
    "Posterior",
    "PredictiveCheck",
    "Preprocessing",
    "Prior",
    "PriorError",
    "SimulationLibrary",
    "UnsafeFormatError",
    "__version__",
    "bids_table",
    "epoch_table",
    "gao_lfp",
    "gao_library",
    "known_models",
    "mixed_effects",
    "read_signal",
    "read_signals",
    "simulate_library",
    "write_report",
]

# ncpi's own names, imported when asked for.
_NCPI = {
    "Analysis": "_ncpi.analysis",
    "extract_variables": "_ncpi.analysis",
    "run_script": "_ncpi.simulation",
    "roll_with_zeros": "_forward.proxies",
    **dict.fromkeys(
        (
            *("compute_mean_nu_X", "make_cell_uniform", "set_Ih", "set_Ih_hay2011"),
            *("set_Ih_linearized", "set_Ih_linearized_hay2011", "set_V_R"),
            *("set_V_R_Ih_linearized_v2", "set_active", "set_active_hay2011"),
            *("set_frozen_hay2011", "set_frozen_hay2011_no_Ih", "set_pas_hay2011", "set_passive"),
        ),
        "_ncpi.biophysics",
    ),
    "Features": "_ncpi.features",
    "FieldPotential": "_ncpi.field_potential",
    "Inference": "_ncpi.inference",
    "Simulation": "_ncpi.simulation",
}
_MODULES = (
    *("diagnostics", "errors", "features", "forward", "libraries", "plots", "simulate"),
    *("statistics", "tools"),
)
# Names of before that live in public modules now; gone in the next version.
_MOVED = {
    "AperiodicFit": "features",
    "ArgumentError": "errors",
    "ConstantSeriesError": "errors",
    "DFAResult": "features",
    "DelayTooLongError": "errors",
    "EffectSize": "statistics",
    "FEIResult": "features",
    "Family": "features",
    "FeatureBenchmark": "features",
    "GAO_PRIOR": "libraries",
    "MixedEffects": "statistics",
    "NotFittedError": "errors",
    "Pathway": "forward",
    "SHOT_NOISE_PRIOR": "libraries",
    "ScriptError": "errors",
    "SeriesError": "errors",
    "SeriesTooShortError": "errors",
    "ShapeError": "errors",
    "SimulatedCloud": "diagnostics",
    "SpectralFit": "features",
    "SpectralPeaks": "features",
    "UnknownNameError": "errors",
    "benchmark_features": "features",
    "cohen_d": "statistics",
    "dfa": "features",
    "dipole_kernels": "forward",
    "dipole_moment": "forward",
    "ei_ratio": "diagnostics",
    "electrode_positions": "plots",
    "envelope": "features",
    "fei": "features",
    "fit_aperiodic": "features",
    "fit_spectrum": "features",
    "four_sphere": "forward",
    "holm": "statistics",
    "infinite_medium": "forward",
    "infinite_medium_magnetic": "forward",
    "likelihood_ratio": "statistics",
    "load_features": "features",
    "load_kernels": "forward",
    "plot_calibration": "plots",
    "plot_correlations": "plots",
    "plot_identifiability": "plots",
    "plot_importance": "plots",
    "plot_intervals": "plots",
    "plot_outside": "plots",
    "plot_posterior": "plots",
    "predictive_check": "diagnostics",
    "proxy": "forward",
    "save_features": "features",
    "save_kernels": "forward",
    "shot_noise_library": "libraries",
    "shot_noise_rates": "libraries",
    "tarp": "diagnostics",
    "topomap": "plots",
}


def __getattr__(name: str) -> typing.Any:
    """Return one of ncpi's names, or a name of before from the module that it moved to."""
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NCPI:
        return getattr(importlib.import_module(f"{__name__}.{_NCPI[name]}"), name)
    if name in _MOVED:
        import warnings

        home = f"{__name__}.{_MOVED[name]}"
        warnings.warn(f"{__name__}.{name} moved to {home}.{name}", DeprecationWarning, stacklevel=2)
        return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_NCPI, *_MODULES})
