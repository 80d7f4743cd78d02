"""Published networks as declarations, ready to run.

Each function returns a `Network` of the published parameters, which its arguments change.
Units: seconds, mV, pA, nF and nS, or none where the publication has none.
"""

from neuroloom.lifnet.models._brunel import brunel_alpha, brunel_delta
from neuroloom.lifnet.models._cavallari import cavallari
from neuroloom.lifnet.models._hagen import four_area, hagen
from neuroloom.lifnet.models._litwin_kumar import litwin_kumar_doiron
from neuroloom.lifnet.models._potjans_diesmann import potjans_diesmann

__all__ = [
    "brunel_alpha",
    "brunel_delta",
    "cavallari",
    "four_area",
    "hagen",
    "litwin_kumar_doiron",
    "potjans_diesmann",
]
