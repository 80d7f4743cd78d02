"""The errors and warnings of neuroloom.mi."""

from neuroloom.mi._errors import (
    AxisWarning,
    CeilingWarning,
    ClockWarning,
    CriticOutputError,
    DataShapeError,
    DegenerateDataWarning,
    InsufficientDataError,
    InvalidDataError,
    NeuralMIError,
    OptionError,
    SmallSampleWarning,
    TrainingError,
    UnitsWarning,
    UnknownOptionError,
)

__all__ = [
    "AxisWarning",
    "CeilingWarning",
    "ClockWarning",
    "CriticOutputError",
    "DataShapeError",
    "DegenerateDataWarning",
    "InsufficientDataError",
    "InvalidDataError",
    "NeuralMIError",
    "OptionError",
    "SmallSampleWarning",
    "TrainingError",
    "UnitsWarning",
    "UnknownOptionError",
]
