"""What the neuroloom packages share: data types, random streams, parallel map, files, pictures."""

from neuroloom.shared._epochs import Epochs
from neuroloom.shared._errors import (
    ConvergenceError,
    DataError,
    MissingDependencyError,
    NeuroloomError,
    NotFittedError,
    require,
)
from neuroloom.shared._logging import logger, set_verbosity
from neuroloom.shared._parallel import map
from neuroloom.shared._plots import raster, state_ribbon, traces, trials_table
from neuroloom.shared._recording import Recording
from neuroloom.shared._saving import load_arrays, save_arrays
from neuroloom.shared._seed import Seed, as_seed
from neuroloom.shared._signal import Signal
from neuroloom.shared._spike_trains import SpikeTrains
from neuroloom.shared._style import POPULATION_COLORS, STATE_COLORS, axes, state_colors, style
from neuroloom.shared._trials import Trials
from neuroloom.shared._version import __version__

__all__ = [
    "POPULATION_COLORS",
    "STATE_COLORS",
    "ConvergenceError",
    "DataError",
    "Epochs",
    "MissingDependencyError",
    "NeuroloomError",
    "NotFittedError",
    "Recording",
    "Seed",
    "Signal",
    "SpikeTrains",
    "Trials",
    "__version__",
    "as_seed",
    "axes",
    "load_arrays",
    "logger",
    "map",
    "raster",
    "require",
    "save_arrays",
    "set_verbosity",
    "state_colors",
    "state_ribbon",
    "style",
    "traces",
    "trials_table",
]
