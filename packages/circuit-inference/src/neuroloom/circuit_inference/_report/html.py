"""One HTML file with tables and figures inside: nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from neuroloom.circuit_inference._features.feature_table import FeatureTable
from neuroloom.circuit_inference._inference.posterior import Posterior
from neuroloom.circuit_inference._report import plots as plots
from neuroloom.circuit_inference._version import __version__
from neuroloom.shared import report, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from neuroloom.circuit_inference._inference.diagnostics import Diagnosis
    from neuroloom.circuit_inference._inference.inferer import Inferer


def write_report(
    path: str | Path,
    *,
    title: str = "Circuit inference",
    inferer: Inferer | None = None,
    features: FeatureTable | ArrayLike | None = None,
    posterior: Posterior | None = None,
    labels: Sequence[str] = (),
    diagnosis: Diagnosis | None = None,
    blind_spots: pd.DataFrame | None = None,
) -> Path:
    """Write what is known as one self-contained HTML file, and return its path.

    Parameters
    ----------
    path : str or Path
    title : str
    inferer, features : Inferer, FeatureTable, optional
        The model and the observed features: where they lie among the simulations.
    posterior : Posterior, optional
        What the model says about the observations.
    labels : sequence of str
        Names of the observations.
    diagnosis : Diagnosis, optional
        What held-out simulations say about the model.
    blind_spots : DataFrame, optional
        What the outsider test sees and what it does not, from `diagnostics.blind_spots`.
    """
    parts: list[report.Html] = []
    with style(pyplot=False):
        if posterior is not None:
            parts += _about_observations(posterior, inferer, features, labels)
        if diagnosis is not None:
            parts += _about_model(diagnosis)
        if blind_spots is not None:
            parts += [
                report.heading("What the outsider test can see"),
                report.note(blind_summary(blind_spots)),
                report.table(blind_spots),
            ]
        if inferer is not None:
            parts += _about_training(inferer)
    return report.save(path, title, parts, footer=f"neuroloom.circuit_inference {__version__}")


def blind_summary(spots: pd.DataFrame) -> str:
    """Return one sentence on what the outsider test cannot see."""
    unseen = [str(name) for name in spots.index[1:] if spots.loc[name, "meaning"] != "seen"]
    if not unseen:
        return "The outsider test sees all strangers that were tried."
    return (
        f"The outsider test cannot be relied on to see: {', '.join(unseen)}. A recording inside "
        "the cloud may be one of these."
    )


def verdict(posterior: Posterior) -> str:
    """Return one sentence on whether the observations lie inside the simulated cloud."""
    p = posterior.ood_p[posterior.valid]
    if not p.size:
        return "No observation has finite features: nothing can be said."
    outside, n = int((p < 0.01).sum()), p.size
    where = f"smallest p = {p.min():.2g}, median p = {np.median(p):.2g}"
    if outside == 0:
        return (
            f"All {n} observations lie inside the simulated cloud ({where}): the model can have "
            "their features. What no feature measures has not been looked at (blind_spots)."
        )
    return (
        f"{outside} of {n} observations lie outside the simulated cloud ({where}): the model does "
        "not produce such signals, and their parameters must not be read as absolute values."
    )


def _about_observations(
    posterior: Posterior,
    inferer: Inferer | None,
    features: FeatureTable | ArrayLike | None,
    labels: Sequence[str],
) -> list[report.Html]:
    unexpected = bool((posterior.ood_p[posterior.valid] < 0.01).any()) or not posterior.valid.any()
    parts = [
        report.heading("Is the recording inside what the model can produce?"),
        report.note(verdict(posterior), warning=unexpected),
    ]
    if inferer is not None and features is not None and posterior.valid.any():
        parts.append(_figure(plots.plot_outside(inferer, features), "simulated cloud"))
    parts.append(report.heading("Parameters"))
    frame = posterior.to_frame()
    frame.index = pd.Index(
        [labels[i] if i < len(labels) else str(i) for i in range(len(frame))], name="observation"
    )
    prior = None if inferer is None else inferer.prior
    if posterior.valid.any():
        row = int(np.flatnonzero(posterior.valid)[0])
        for name in posterior.names:
            if len(posterior) > 1 or posterior.samples is None:
                picture = plots.plot_intervals(posterior, name, labels=labels)
            else:
                picture = plots.plot_posterior(posterior, name, prior=prior, row=row)
            parts.append(_figure(picture, f"posterior of {name}"))
    return [*parts, report.table(frame)]


def _about_model(diagnosis: Diagnosis) -> list[report.Html]:
    parts = [
        report.heading("How far the model can be trusted"),
        *(report.note(line) for line in diagnosis.summary().split("\n")),
        report.table(diagnosis.to_frame()),
    ]
    if diagnosis.ranks is not None:
        parts.append(_figure(plots.plot_calibration(diagnosis), "coverage"))
        parts.append(_figure(plots.plot_identifiability(diagnosis), "identifiability"))
        if len(diagnosis.names) > 1:
            parts.append(_figure(plots.plot_correlations(diagnosis), "posterior correlations"))
    return [*parts, _figure(plots.plot_importance(diagnosis), "feature importance")]


def _about_training(inferer: Inferer) -> list[report.Html]:
    prior = inferer.prior
    frame = pd.DataFrame(
        {"low": prior.low, "high": prior.high, "unit": prior.units},
        index=pd.Index(prior.names, name="parameter"),
    )
    names = ", ".join(inferer.feature_names) or "unnamed"
    return [
        report.heading("The model"),
        report.text(
            f"{inferer.model}, trained on {inferer.n_simulations} simulations; features: {names}."
        ),
        report.table(frame),
    ]


def _figure(ax: Axes, alt: str) -> report.Html:
    return report.figure(ax, alt, close=True)
