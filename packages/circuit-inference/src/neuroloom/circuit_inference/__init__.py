"""From a recording to circuit parameters, and how sure one may be."""

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
from neuroloom.circuit_inference._feature_set import (
    Catch22,
    Family,
    FeatureSet,
    FeatureTable,
    Moments,
)
from neuroloom.circuit_inference._features_door import Features
from neuroloom.circuit_inference._field_potential import FieldPotential
from neuroloom.circuit_inference._inference import Inference
from neuroloom.circuit_inference._proxies import proxy
from neuroloom.circuit_inference._series import Preprocessing
from neuroloom.circuit_inference._version import __version__

__all__ = [
    "ArgumentError",
    "Catch22",
    "CircuitInferenceError",
    "ConstantSeriesError",
    "DelayTooLongError",
    "Family",
    "FeatureMismatchError",
    "FeatureSet",
    "FeatureTable",
    "Features",
    "FieldPotential",
    "Inference",
    "InvalidSeriesError",
    "LibraryError",
    "ModelFormatError",
    "Moments",
    "NoValidSimulationsError",
    "NotFittedError",
    "OutOfDistributionWarning",
    "Preprocessing",
    "PriorError",
    "ScriptError",
    "SeriesError",
    "SeriesTooShortError",
    "ShapeError",
    "UnknownNameError",
    "UnsafeFormatError",
    "__version__",
    "proxy",
]
