"""Mode ``rigorous``: the estimate without the bias of finite data."""

from __future__ import annotations

from neuroloom.mi._errors import OptionError
from neuroloom.mi._modes.abdelaleem2025 import run_abdelaleem2025
from neuroloom.mi._modes.analysis import Analysis
from neuroloom.mi._modes.cells import tidy_row
from neuroloom.mi._modes.subsampling import Term, extrapolate
from neuroloom.mi._options.modes import RigorousOptions
from neuroloom.mi._results.results import Results


def run_rigorous(analysis: Analysis, options: RigorousOptions) -> Results:
    """Return the estimate extrapolated to infinite data, with its interval."""
    analysis.need_y("rigorous")
    samples = analysis.samples()
    x, y = samples.values[:2]
    if options.method == "abdelaleem2025":
        return run_abdelaleem2025(analysis, options, samples)
    if analysis.train_indices is not None:
        raise OptionError(
            "train_indices: expected None in mode 'rigorous', whose parts have folds of their own"
        )
    found = extrapolate(
        analysis,
        options.subsampling,
        [Term(1, x, y)],
        samples.gap,
        analysis.seed.child("rigorous"),
    )
    mi = found.estimate.mi * analysis.factor
    details = {
        **found.details,
        "raw_results": found.frame.to_dict("records"),
        "tidy": [tidy_row(found.estimate, analysis.factor)],
    }
    return Results("rigorous", {"method": "default"}, mi, found.frame, details)
