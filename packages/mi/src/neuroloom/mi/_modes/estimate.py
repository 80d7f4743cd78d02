"""Mode ``estimate``: mutual information of two variables, cross-fitted, with its null."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuroloom.mi._errors import TrainingError
from neuroloom.mi._modes.analysis import Analysis
from neuroloom.mi._modes.cells import Cell, measure_cells, raw_rows, tidy_row
from neuroloom.mi._modes.null import cells_null, check_null
from neuroloom.mi._options.modes import EstimateOptions
from neuroloom.mi._results.results import Results
from neuroloom.mi._statistics.estimate import plain_details, warn_ceiling
from neuroloom.mi._training.job import Fitted
from neuroloom.mi._training.saved_critic import best_fit, critic_of


def run_estimate(analysis: Analysis, options: EstimateOptions) -> Results:
    """Return the estimate, its interval and, if asked for, its null distribution."""
    analysis.need_y("estimate")
    factor = analysis.factor
    samples = analysis.samples()
    x, y = samples.values[:2]
    check_null(options.null, len(x), samples.gap)
    cell = Cell({}, x, y, samples.gap, analysis.seed)
    (outcome,) = measure_cells(analysis, [cell], "critics", keep=options.keep_critic)
    estimate, fits = outcome.estimate, outcome.fits
    if estimate is None or estimate.n == 0:
        raise TrainingError("no critic could be scored")
    details: dict[str, Any] = {
        **plain_details(estimate, factor),
        "confidence_level": analysis.confidence,
        "neighbours_mi": estimate.checks["neighbours"] * factor,
        "squares_mi": estimate.checks["squares"] * factor,
        "pointwise_mi": estimate.pointwise * factor,
        "tidy": [tidy_row(estimate, factor)],
    }
    if np.isfinite(samples.window):
        details["mi_per_second"] = estimate.mi * factor / samples.window
    if samples.spikes > 0:
        details["mi_per_spike"] = estimate.mi * factor / samples.spikes
    if fits:
        warn_ceiling(estimate)
        details |= {
            "gaussian_mi": float(np.nanmean([fit.gaussian for fit in fits])) * factor,
            "raw_results": raw_rows(fits, factor),
            "history": [[value * factor for value in fit.history] for fit in fits],
        }
    if options.null is not None:
        details |= cells_null(analysis, [cell], options.null).details(factor)
    if options.keep_critic:
        details |= _critic_details(fits, options)
    return Results("estimate", {}, estimate.mi * factor, None, details)


def _critic_details(fits: list[Fitted], options: EstimateOptions) -> dict[str, Any]:
    """Return which critic is the best, its file and its embeddings, as asked for."""
    best = best_fit(fits)
    critic = critic_of(best)
    details: dict[str, Any] = {
        "critic_fold": best.job.key["fold"],
        "critic_test": best.job.fold.test,
    }
    if options.save_path is not None:
        details["model_path"] = str(critic.save(options.save_path))
    if options.return_embeddings:
        left, right = critic.embed(best.job.x, best.job.y)
        details |= {"embeddings_x": left, "embeddings_y": right}
    return details
