"""Getting data in and out: other libraries' objects and other programs' files.

Each function names what it leaves out: in ``metadata["skipped"]`` of what it returns, with the
reason, or in a `ConversionWarning` where the returned object has no place for that.
"""

from neuroloom.shared._convert._alf import read_alf
from neuroloom.shared._convert._bids import read_bids_events
from neuroloom.shared._convert._mne import from_mne, to_mne
from neuroloom.shared._convert._neo import from_neo
from neuroloom.shared._convert._nwb._read import read_nwb, read_nwb_signal
from neuroloom.shared._convert._nwb._write import write_nwb
from neuroloom.shared._convert._pandas import from_frame, to_frame
from neuroloom.shared._convert._phy import read_phy
from neuroloom.shared._convert._pynapple import from_pynapple, to_pynapple
from neuroloom.shared._convert._rules import from_alf
from neuroloom.shared._convert._skipped import ConversionWarning
from neuroloom.shared._convert._to_neo import to_neo
from neuroloom.shared._convert._xarray import from_xarray, to_xarray

__all__ = [
    "ConversionWarning",
    "from_alf",
    "from_frame",
    "from_mne",
    "from_neo",
    "from_pynapple",
    "from_xarray",
    "read_alf",
    "read_bids_events",
    "read_nwb",
    "read_nwb_signal",
    "read_phy",
    "to_frame",
    "to_mne",
    "to_neo",
    "to_pynapple",
    "to_xarray",
    "write_nwb",
]
