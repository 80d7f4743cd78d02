"""Features of recordings and simulations: families, sets, tables and single measures."""

from neuroloom.circuit_inference._features.aperiodic import (
    Aperiodic,
    AperiodicFit,
    BandPower,
    fit_aperiodic,
)
from neuroloom.circuit_inference._features.catch22 import Catch22
from neuroloom.circuit_inference._features.coupling import Coupling
from neuroloom.circuit_inference._features.family import Family
from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._features.feature_table import FeatureTable
from neuroloom.circuit_inference._features.files import load_features, save_features
from neuroloom.circuit_inference._features.fluctuations import (
    DFAResult,
    FEIResult,
    Fluctuations,
    dfa,
    envelope,
    fei,
)
from neuroloom.circuit_inference._features.line_noise import LineNoise
from neuroloom.circuit_inference._features.moments import Moments
from neuroloom.circuit_inference._features.series import Preprocessing
from neuroloom.circuit_inference._features.specparam import SpectralFit, SpectralPeaks, fit_spectrum
from neuroloom.circuit_inference._features.timescale import KneeFit, fit_knee
from neuroloom.circuit_inference._report.benchmark import FeatureBenchmark, benchmark_features

__all__ = [
    "Aperiodic",
    "AperiodicFit",
    "BandPower",
    "Catch22",
    "Coupling",
    "DFAResult",
    "FEIResult",
    "Family",
    "FeatureBenchmark",
    "FeatureSet",
    "FeatureTable",
    "Fluctuations",
    "KneeFit",
    "LineNoise",
    "Moments",
    "Preprocessing",
    "SpectralFit",
    "SpectralPeaks",
    "benchmark_features",
    "dfa",
    "envelope",
    "fei",
    "fit_aperiodic",
    "fit_knee",
    "fit_spectrum",
    "load_features",
    "save_features",
]
