"""What the neuroloom packages share: data types, random streams, parallel map, files, pictures."""

from neuroloom.shared._compiled import compiled
from neuroloom.shared._convert._neo import from_neo, to_neo
from neuroloom.shared._convert._nwb import read_nwb
from neuroloom.shared._convert._pandas import from_frame, to_frame
from neuroloom.shared._convert._pynapple import from_pynapple, to_pynapple
from neuroloom.shared._convert._xarray import from_xarray, to_xarray
from neuroloom.shared._errors import (
    ConvergenceError,
    DataError,
    MissingDependencyError,
    NeuroloomError,
    NotFittedError,
    require,
)
from neuroloom.shared._logging import logger, set_verbosity
from neuroloom.shared._seed import Seed, as_seed
from neuroloom.shared._version import __version__
from neuroloom.shared.data import Epochs, Recording, Signal, SpikeTrains, TimeSeries, Trials
from neuroloom.shared.io import load, load_arrays, load_table, save, save_arrays, save_table
from neuroloom.shared.parallel import map
from neuroloom.shared.plots import (
    POPULATION_COLORS,
    STATE_COLORS,
    axes,
    raster,
    state_colors,
    state_ribbon,
    style,
    traces,
    trials_table,
)

__all__ = [
    "ConvergenceError",
    "DataError",
    "Epochs",
    "MissingDependencyError",
    "NeuroloomError",
    "NotFittedError",
    "POPULATION_COLORS",
    "Recording",
    "STATE_COLORS",
    "Seed",
    "Signal",
    "SpikeTrains",
    "TimeSeries",
    "Trials",
    "__version__",
    "as_seed",
    "axes",
    "compiled",
    "from_frame",
    "from_neo",
    "from_pynapple",
    "from_xarray",
    "load",
    "load_arrays",
    "load_table",
    "logger",
    "map",
    "raster",
    "read_nwb",
    "require",
    "save",
    "save_arrays",
    "save_table",
    "set_verbosity",
    "state_colors",
    "state_ribbon",
    "style",
    "to_frame",
    "to_neo",
    "to_pynapple",
    "to_xarray",
    "traces",
    "trials_table",
]
