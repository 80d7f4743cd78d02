"""The command's pictures, and its report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from neuroloom.glmhmm._cli.run import Results, weights_table
from neuroloom.glmhmm._families.bernoulli import BernoulliObservations
from neuroloom.glmhmm._plots.dwell import plot_dwell_times
from neuroloom.glmhmm._plots.psychometric import plot_psychometric
from neuroloom.glmhmm._plots.selection import plot_cross_validation
from neuroloom.glmhmm._plots.states import plot_occupancy, plot_posterior, plot_transitions
from neuroloom.glmhmm._plots.weights import plot_weights
from neuroloom.glmhmm._version import __version__
from neuroloom.shared import plots, report

_EXAMPLES = 3  # sessions whose posterior is shown
Drawn = tuple[str, str, Callable[[], Any]]


def pictures(results: Results) -> Iterator[Drawn]:
    """Yield name, description and drawing function of every picture that becomes a file."""
    together = results.both.global_cv
    yield (
        "cross-validation",
        "Held-out log-likelihood over the number of states, folds in grey.",
        lambda: plot_cross_validation(together),
    )
    for k in together.models:
        yield from pictures_of(results, k)


def pictures_of(results: Results, k: int) -> Iterator[Drawn]:
    """Yield the pictures of one number of states."""
    model, data = results.both.global_cv.models[k], results.data
    features, errors = results.design.features, results.errors[k]
    yield (
        f"weights-{k}",
        "Weights of each state with 95 % intervals.",
        lambda: plot_weights(model, features=features, errors=errors),
    )
    if k > 1:
        yield (
            f"transitions-{k}",
            "Probabilities of going from one state to another.",
            lambda: plot_transitions(model),
        )
        yield (
            f"posterior-{k}",
            "Posterior probability of each state over the first session.",
            lambda: plot_posterior(model, *data),
        )
        yield (
            f"occupancy-{k}",
            "Fraction of trials in each state.",
            lambda: plot_occupancy(model, *data),
        )
        yield (
            f"dwell-times-{k}",
            "Lengths of stays in each state (Kaplan–Meier), the chain's law dashed.",
            lambda: plot_dwell_times(model, *data),
        )
    choices = isinstance(model.observation_model, BernoulliObservations)
    if choices and len(features) and "previous_choice" != features[0]:
        yield (
            f"psychometric-{k}",
            f"Choices over {features[0]} in each state: dots are data, lines the model.",
            lambda: plot_psychometric(model, *data, stimulus=data[0][:, 0]),
        )


def write_pictures(results: Results, folder: Path) -> None:
    """Write every picture as PNG."""
    with plots.style(pyplot=False):
        for name, _, draw in pictures(results):
            draw().figure.savefig(folder / f"{name}.png", dpi=150)


def write_report(results: Results, path: Path, title: str) -> None:
    """Write the report, one HTML file with its pictures in it."""
    with plots.style(pyplot=False):
        parts = [*_summary(results), *_selection(results)]
        for k in results.both.global_cv.models:
            parts += _states(results, k)
    report.save(path, title, parts, footer=f"neuroloom-glmhmm {__version__}")


def _summary(results: Results) -> list[Any]:
    import pandas as pd

    design, best = results.design, results.both.global_cv.best
    sessions, valid = int(design.session_starts.sum()), int(np.isfinite(design.y).sum())
    subjects = "" if design.subject is None else f" of {len(pd.unique(design.subject))} subjects"
    family = results.both.global_cv.models[best].observation_model
    name = repr(family).removesuffix("()").removesuffix("Observations")
    roles = "; ".join(
        f"{role} {', '.join(map(str, values))}" for role, values in design.codes.items() if values
    )
    words = (
        f"{len(design.y)} trials in {sessions} sessions{subjects}, {valid} with a response "
        f"({name}). Regressors: {', '.join(design.features)}. "
        + (f"Choices read as {roles}. " if roles else "")
        + f"Of the numbers of states compared, {best} predicts held-out sessions best."
    )
    return [report.text(words), *(report.note(note) for note in design.notes)]


def _selection(results: Results) -> list[Any]:
    together = results.both.global_cv
    caption = "Mean over folds in black, each fold in grey."
    return [
        report.heading("Number of states"),
        report.figure(plot_cross_validation(together), caption, caption=caption, close=True),
        report.table(_digits(together.table), caption="Scores by number of states"),
    ]


def _digits(table: Any) -> Any:
    """Return a table of scores as text: likelihoods differ in the digits that 4 would drop."""
    out = table.copy()
    for names, digits in (
        (("log_likelihood", "objective", "aic", "bic", "icl"), 1),
        (("bits_per_trial", "standard_error"), 4),
    ):
        for name in out.columns.intersection(names):
            out[name] = [f"{v:.{digits}f}" if np.isfinite(v) else "" for v in out[name]]
    return out


def _states(results: Results, k: int) -> list[Any]:
    model, errors = results.both.global_cv.models[k], results.errors[k]
    found = results.diagnostics[k]
    parts = [report.heading(f"{k} state" + ("s" if k > 1 else ""))]
    parts += [report.note(issue, warning=True) for issue in found.issues]
    for name, alt, draw in pictures_of(results, k):
        if not name.startswith("posterior"):
            parts.append(report.figure(draw(), alt, caption=alt, close=True))
    if k > 1:
        parts += _sessions(results, model)
    weights = weights_table(model, errors, results.design.features)
    parts.append(report.table(weights, caption="Weights with 95 % intervals"))
    parts += [report.note(note) for note in errors.notes]
    if k in results.both.subjects:
        parts.append(report.heading("Each subject", level=3))
        parts.append(
            report.table(_digits(results.both.subjects[k].table), caption="Fits by subject")
        )
    return parts


def _sessions(results: Results, model: Any) -> list[Any]:
    """Return the posterior of sessions from the beginning, the middle and the end."""
    n = int(results.design.session_starts.sum())
    chosen = sorted({int(i) for i in np.linspace(0, n - 1, _EXAMPLES).round()})
    parts = []
    for session in chosen:
        ax = plot_posterior(model, *results.data, session=session)
        words = f"Posterior probability of each state in session {session + 1} of {n}."
        parts.append(report.figure(ax, words, caption=words, close=True))
    return parts
