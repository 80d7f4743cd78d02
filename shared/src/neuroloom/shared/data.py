"""The data types: frozen, checked when made, all times in seconds."""

from neuroloom.shared._types._aligned import AlignedSignal
from neuroloom.shared._types._aligned_spikes import AlignedSpikes
from neuroloom.shared._types._binning import Counts
from neuroloom.shared._types._clock import Clock
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._grid import PrecisionWarning
from neuroloom.shared._types._recording import Recording
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._types._time_series import TimeSeries
from neuroloom.shared._types._trial_tables._contract import IBL, MEANING
from neuroloom.shared._types._trials import Trials

__all__ = [
    "IBL",
    "MEANING",
    "AlignedSignal",
    "AlignedSpikes",
    "Clock",
    "Counts",
    "Epochs",
    "PrecisionWarning",
    "Recording",
    "Signal",
    "SpikeTrains",
    "TimeSeries",
    "Trials",
]
