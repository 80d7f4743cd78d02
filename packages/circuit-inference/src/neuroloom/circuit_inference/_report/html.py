"""One HTML file with tables and figures inside: nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from neuroloom.circuit_inference._features.feature_set import FeatureTable
from neuroloom.circuit_inference._inference.posterior import Posterior
from neuroloom.circuit_inference._report import plots as plots
from neuroloom.circuit_inference._version import __version__
from neuroloom.shared import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from neuroloom.circuit_inference._inference.diagnostics import Diagnosis
    from neuroloom.circuit_inference._inference.inferer import Inferer

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #ddd}
table{border-collapse:collapse;font-size:13px;margin:.8rem 0;display:block;overflow-x:auto}
td,th{padding:.2rem .6rem;border-bottom:1px solid #eee;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}
img{max-width:100%;margin:.4rem .6rem .4rem 0;vertical-align:top}
.verdict{padding:.6rem 1rem;border-left:5px solid #0072B2;background:#eef5fa}
.outside{border-color:#D55E00;background:#fdf1ea}
"""


def write_report(
    path: str | Path,
    *,
    title: str = "Circuit inference",
    inferer: Inferer | None = None,
    features: FeatureTable | ArrayLike | None = None,
    posterior: Posterior | None = None,
    labels: Sequence[str] = (),
    diagnosis: Diagnosis | None = None,
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
    """
    parts = [f"<h1>{html.escape(title)}</h1>"]
    with style():
        if posterior is not None:
            parts += _about_observations(posterior, inferer, features, labels)
        if diagnosis is not None:
            parts += _about_model(diagnosis)
        if inferer is not None:
            parts += _about_training(inferer)
    body = "\n".join(parts)
    text = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}'
        f"</title><style>{_STYLE}</style></head><body>\n{body}\n<p><small>neuroloom."
        f"circuit_inference {__version__}</small></p></body></html>\n"
    )
    target = Path(path)
    target.write_text(text, encoding="utf-8")
    return target


def verdict(posterior: Posterior) -> str:
    """Return one sentence on whether the observations lie inside the simulated cloud."""
    p = posterior.ood_p[posterior.valid]
    if not p.size:
        return "No observation has finite features: nothing can be said."
    outside, n = int((p < 0.01).sum()), p.size
    where = f"smallest p = {p.min():.2g}, median p = {np.median(p):.2g}"
    if outside == 0:
        return f"All {n} observations lie inside the simulated cloud ({where})."
    return (
        f"{outside} of {n} observations lie outside the simulated cloud ({where}): the model does "
        "not produce such signals, and their parameters must not be read as absolute values."
    )


def _about_observations(
    posterior: Posterior,
    inferer: Inferer | None,
    features: FeatureTable | ArrayLike | None,
    labels: Sequence[str],
) -> list[str]:
    sentence = verdict(posterior)
    strange = bool((posterior.ood_p[posterior.valid] < 0.01).any()) or not posterior.valid.any()
    parts = [
        "<h2>Is the recording inside what the model can produce?</h2>",
        f'<p class="verdict{" outside" if strange else ""}">{html.escape(sentence)}</p>',
    ]
    if inferer is not None and features is not None and posterior.valid.any():
        parts.append(_image(plots.plot_outside(inferer, features), "simulated cloud"))
    parts.append("<h2>Parameters</h2>")
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
            parts.append(_image(picture, f"posterior of {name}"))
    parts.append(_table(frame.head(200)))
    if len(frame) > 200:
        parts.append(f"<p>The first 200 of {len(frame)} observations.</p>")
    return parts


def _about_model(diagnosis: Diagnosis) -> list[str]:
    lines = "<br>".join(html.escape(line) for line in diagnosis.summary().split("\n"))
    parts = ["<h2>How far the model can be trusted</h2>", f'<p class="verdict">{lines}</p>']
    parts.append(_table(diagnosis.to_frame()))
    if diagnosis.ranks is not None:
        parts.append(_image(plots.plot_calibration(diagnosis), "coverage"))
        parts.append(_image(plots.plot_identifiability(diagnosis), "identifiability"))
        if len(diagnosis.names) > 1:
            parts.append(_image(plots.plot_correlations(diagnosis), "posterior correlations"))
    parts.append(_image(plots.plot_importance(diagnosis), "feature importance"))
    return parts


def _about_training(inferer: Inferer) -> list[str]:
    prior = inferer.prior
    frame = pd.DataFrame(
        {"low": prior.low, "high": prior.high, "unit": prior.units},
        index=pd.Index(prior.names, name="parameter"),
    )
    names = ", ".join(inferer.feature_names) or "unnamed"
    return [
        "<h2>The model</h2>",
        f"<p>{html.escape(inferer.model)}, trained on {inferer.n_simulations} simulations; "
        f"features: {html.escape(names)}.</p>",
        _table(frame),
    ]


def _table(frame: pd.DataFrame) -> str:
    head = "".join(f"<th>{html.escape(str(c))}</th>" for c in frame.columns)
    rows = []
    for label, row in zip(frame.index, frame.itertuples(index=False), strict=True):
        cells = "".join(f"<td>{html.escape(_text(value))}</td>" for value in row)
        rows.append(f"<tr><td>{html.escape(str(label))}</td>{cells}</tr>")
    first = html.escape(str(frame.index.name or ""))
    return f"<table><tr><th>{first}</th>{head}</tr>{''.join(rows)}</table>"


def _text(value: object) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)


def _image(ax: Axes, alt: str) -> str:
    figure = ax.get_figure(root=True)
    assert figure is not None
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'
