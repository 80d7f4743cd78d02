"""From a recording to circuit parameters, and how sure one may be."""

from neuroloom.circuit_inference import tools
from neuroloom.circuit_inference._analysis import Analysis
from neuroloom.circuit_inference._aperiodic import (
    Aperiodic,
    AperiodicFit,
    BandPower,
    fit_aperiodic,
)
from neuroloom.circuit_inference._benchmark import FeatureBenchmark, benchmark_features
from neuroloom.circuit_inference._diagnostics import Diagnosis, tarp
from neuroloom.circuit_inference._epoch_table import epoch_table
from neuroloom.circuit_inference._errors import (
    ArgumentError,
    CircuitInferenceError,
    ConstantSeriesError,
    DelayTooLongError,
    FeatureMismatchError,
    InvalidSeriesError,
    LibraryError,
    ModelFormatError,
    NotFittedError,
    NoValidSimulationsError,
    OutOfDistributionWarning,
    PriorError,
    ScriptError,
    SeriesError,
    SeriesTooShortError,
    ShapeError,
    UnknownNameError,
    UnsafeFormatError,
)
from neuroloom.circuit_inference._estimators import known_models
from neuroloom.circuit_inference._feature_files import load_features, save_features
from neuroloom.circuit_inference._feature_set import (
    Catch22,
    Family,
    FeatureSet,
    FeatureTable,
    Moments,
)
from neuroloom.circuit_inference._features_door import Features
from neuroloom.circuit_inference._field_potential import FieldPotential
from neuroloom.circuit_inference._fluctuations import (
    DFAResult,
    FEIResult,
    Fluctuations,
    dfa,
    envelope,
    fei,
)
from neuroloom.circuit_inference._forward import (
    four_sphere,
    infinite_medium,
    infinite_medium_magnetic,
)
from neuroloom.circuit_inference._inference import Inference
from neuroloom.circuit_inference._inferer import Inferer
from neuroloom.circuit_inference._kernels import (
    Pathway,
    dipole_kernels,
    dipole_moment,
    load_kernels,
    save_kernels,
)
from neuroloom.circuit_inference._library import SimulationLibrary
from neuroloom.circuit_inference._line_noise import LineNoise
from neuroloom.circuit_inference._ood import SimulatedCloud
from neuroloom.circuit_inference._plots import (
    plot_calibration,
    plot_correlations,
    plot_identifiability,
    plot_importance,
    plot_intervals,
    plot_outside,
    plot_posterior,
)
from neuroloom.circuit_inference._posterior import Posterior, ei_ratio
from neuroloom.circuit_inference._predictive import PredictiveCheck, predictive_check
from neuroloom.circuit_inference._prior import Prior
from neuroloom.circuit_inference._proxies import proxy
from neuroloom.circuit_inference._read_signal import read_signal
from neuroloom.circuit_inference._readme_models import (
    GAO_PRIOR,
    SHOT_NOISE_PRIOR,
    gao_lfp,
    gao_library,
    shot_noise_library,
    shot_noise_rates,
)
from neuroloom.circuit_inference._report import write_report
from neuroloom.circuit_inference._series import Preprocessing
from neuroloom.circuit_inference._simulate_library import simulate_library
from neuroloom.circuit_inference._simulation import Simulation
from neuroloom.circuit_inference._specparam import SpectralFit, SpectralPeaks, fit_spectrum
from neuroloom.circuit_inference._statistics import (
    EffectSize,
    MixedEffects,
    cohen_d,
    holm,
    likelihood_ratio,
    mixed_effects,
)
from neuroloom.circuit_inference._topomap import electrode_positions, topomap
from neuroloom.circuit_inference._version import __version__

__all__ = [
    "Analysis",
    "Aperiodic",
    "AperiodicFit",
    "ArgumentError",
    "BandPower",
    "Catch22",
    "CircuitInferenceError",
    "ConstantSeriesError",
    "DFAResult",
    "DelayTooLongError",
    "Diagnosis",
    "EffectSize",
    "FEIResult",
    "Family",
    "FeatureBenchmark",
    "FeatureMismatchError",
    "FeatureSet",
    "FeatureTable",
    "Features",
    "FieldPotential",
    "Fluctuations",
    "GAO_PRIOR",
    "Inference",
    "Inferer",
    "InvalidSeriesError",
    "LibraryError",
    "LineNoise",
    "MixedEffects",
    "ModelFormatError",
    "Moments",
    "NoValidSimulationsError",
    "NotFittedError",
    "OutOfDistributionWarning",
    "Pathway",
    "Posterior",
    "PredictiveCheck",
    "Preprocessing",
    "Prior",
    "PriorError",
    "SHOT_NOISE_PRIOR",
    "ScriptError",
    "SeriesError",
    "SeriesTooShortError",
    "ShapeError",
    "SimulatedCloud",
    "Simulation",
    "SimulationLibrary",
    "SpectralFit",
    "SpectralPeaks",
    "UnknownNameError",
    "UnsafeFormatError",
    "__version__",
    "benchmark_features",
    "cohen_d",
    "dfa",
    "dipole_kernels",
    "dipole_moment",
    "ei_ratio",
    "electrode_positions",
    "envelope",
    "epoch_table",
    "fei",
    "fit_aperiodic",
    "fit_spectrum",
    "four_sphere",
    "gao_lfp",
    "gao_library",
    "holm",
    "infinite_medium",
    "infinite_medium_magnetic",
    "known_models",
    "likelihood_ratio",
    "load_features",
    "load_kernels",
    "mixed_effects",
    "plot_calibration",
    "plot_correlations",
    "plot_identifiability",
    "plot_importance",
    "plot_intervals",
    "plot_outside",
    "plot_posterior",
    "predictive_check",
    "proxy",
    "read_signal",
    "save_features",
    "save_kernels",
    "shot_noise_library",
    "shot_noise_rates",
    "simulate_library",
    "tarp",
    "tools",
    "topomap",
    "write_report",
]
