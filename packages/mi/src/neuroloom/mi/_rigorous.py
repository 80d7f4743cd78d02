"""Mode ``rigorous``: the estimate without the bias of finite data."""

from __future__ import annotations

from neuroloom.mi._analysis import Analysis
from neuroloom.mi._errors import OptionError, choice
from neuroloom.mi._ladder import Term, climb
from neuroloom.mi._peer import run_peer
from neuroloom.mi._results import Results, unit_factor

METHODS = ("default", "peer")


def run_rigorous(analysis: Analysis, units: str) -> Results:
    """Return the estimate extrapolated to endless data, with its interval."""
    if analysis.y is None:
        raise OptionError("y_data: expected data in mode 'rigorous', got None")
    factor = unit_factor(units)
    samples = analysis.samples()
    x, y = samples.values[:2]
    if choice("method", analysis.options.get("method") or "default", METHODS) == "peer":
        return run_peer(analysis, samples, units)
    if analysis.train_indices is not None:
        raise OptionError(
            "train_indices: expected None in mode 'rigorous', whose parts have folds of their own"
        )
    seed = analysis.seed.child("rigorous")
    climbed = climb(analysis, [Term(1, x, y)], samples.gap, seed, factor)
    tidy = {
        "mi": climbed.mi,
        "mi_err": climbed.error,
        "ci_lo": climbed.low,
        "ci_hi": climbed.high,
        "test_mi": climbed.frame.loc[climbed.frame.gamma == 1, "test_mi"].mean(),
        "train_mi": climbed.frame.loc[climbed.frame.gamma == 1, "train_mi"].mean(),
        "n": len(x),
        "reliable": climbed.reliable,
        "units": units,
    }
    details = {**climbed.details, "raw_results": climbed.frame.to_dict("records"), "tidy": [tidy]}
    return Results("rigorous", {"method": "default"}, climbed.mi, climbed.frame, details)
