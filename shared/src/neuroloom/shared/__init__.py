"""What the neuroloom packages share: data types, random streams, parallel map, files, pictures.

The types and what moves them are here; the rest lies in submodules: ``checks`` of arguments,
``cli`` for command lines, ``convert`` for other libraries' data, ``data`` for all types, ``io``
for files, ``jobs`` for long work, ``plots`` for pictures, ``random`` for numbers by counter and
``report`` for pages of HTML.
"""

import typing

from neuroloom.shared._compiled import compiled
from neuroloom.shared._convert._neo import from_neo
from neuroloom.shared._convert._nwb._read import read_nwb
from neuroloom.shared._convert._nwb._write import write_nwb
from neuroloom.shared._convert._pandas import from_frame, to_frame
from neuroloom.shared._convert._pynapple import from_pynapple, to_pynapple
from neuroloom.shared._convert._to_neo import to_neo
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
from neuroloom.shared._versions import show_versions
from neuroloom.shared.data import Epochs, Recording, Signal, SpikeTrains, TimeSeries, Trials
from neuroloom.shared.io import load, load_arrays, save, save_arrays
from neuroloom.shared.parallel import map
from neuroloom.shared.plots import axes, state_colors, style

__all__ = [
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
    "logger",
    "map",
    "read_nwb",
    "require",
    "save",
    "save_arrays",
    "set_verbosity",
    "show_versions",
    "state_colors",
    "style",
    "to_frame",
    "to_neo",
    "to_pynapple",
    "to_xarray",
    "write_nwb",
]

# Where names went that were here in version 0.1.
_MOVED = {
    "POPULATION_COLORS": "plots",
    "STATE_COLORS": "plots",
    "load_table": "io",
    "raster": "plots",
    "save_table": "io",
    "state_ribbon": "plots",
    "traces": "plots",
    "trials_table": "plots",
}


def __getattr__(name: str) -> typing.Any:
    """Return a name that moved to a submodule, with a warning."""
    if name not in _MOVED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib
    import warnings

    place = f"{__name__}.{_MOVED[name]}"
    warnings.warn(
        f"neuroloom.shared.{name} is now {place}.{name}; the old name goes with the next version",
        DeprecationWarning,
        stacklevel=2,
    )
    return getattr(importlib.import_module(place), name)
