"""``neuroloom-glmhmm``: fits of a table of trials, from the shell."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuroloom import shared
from neuroloom.glmhmm._errors import fail


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status, 2 for an error in the input."""
    options = _parser().parse_args(arguments)
    try:
        written = _fit(options)
    except (shared.NeuroloomError, OSError) as error:
        print(f"neuroloom-glmhmm: error: {error}", file=sys.stderr)
        return 2
    for path in written:
        print(path)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="neuroloom-glmhmm", description="GLM-HMMs of choices.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    fit = verbs.add_parser(
        "fit", help="fit a CSV of trials", description="Fit a CSV with one row per trial, in order."
    )
    fit.add_argument("table", type=Path, help="CSV file with one row per trial")
    fit.add_argument("--states", default="1-4", help="numbers of states: 3, 1-4 or 1,2,5 (1-4)")
    fit.add_argument("--choice", default="choice", help="column of choices, 0 and 1 (choice)")
    fit.add_argument(
        "--stimulus", default="stimulus", help="columns of the stimulus, with commas (stimulus)"
    )
    fit.add_argument("--reward", default="reward", help="column of rewards (reward)")
    fit.add_argument("--session", default=None, help="column of sessions; without it one session")
    fit.add_argument("--subject", default=None, help="column of subjects; fits each one as well")
    fit.add_argument("--covariates", default="", help="further columns, taken as they are")
    fit.add_argument("--violation", type=float, default=-1.0, help="choice of a violation (-1)")
    fit.add_argument("--no-history", action="store_true", help="no regressors of the trial before")
    fit.add_argument("--sigma", type=float, default=2.0, help="prior of a subject's weights (2)")
    fit.add_argument("--alpha", type=float, default=2.0, help="prior of a subject's stays (2)")
    fit.add_argument("--folds", type=int, default=5, help="folds of the cross-validation (5)")
    fit.add_argument("--starts", type=int, default=20, help="starts of each fit (20)")
    fit.add_argument("--seed", type=int, default=0, help="seed of starts and folds (0)")
    fit.add_argument("--out", type=Path, default=Path("glmhmm-fit"), help="folder (glmhmm-fit)")
    fit.add_argument("--quiet", action="store_true", help="no progress bars")
    return parser


def _numbers(text: str) -> list[int]:
    try:
        if "-" in text:
            first, last = (int(part) for part in text.split("-"))
            found = list(range(first, last + 1))
        else:
            found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise fail("--states", "numbers of states such as 3, 1-4 or 1,2,5", repr(text))
    return found


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _read(options: argparse.Namespace) -> pd.DataFrame:
    try:
        table = pd.read_csv(options.table)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise fail("table", "a CSV file with a header", f"{options.table}: {error}") from error
    if len(table) == 0:
        raise fail("table", "at least one trial", f"an empty {options.table}")
    keys = [name for name in (options.subject, options.session) if name is not None]
    shared.Trials(table).require(*keys)
    for name in keys:
        if table[name].isna().any():
            row = int(table[name].isna().argmax())
            raise fail(name, "a value in every row", f"none in row {row}")
    if options.session is None:
        return table.assign(_session=0 if options.subject is None else table[options.subject])
    label = table[options.session].astype(str)
    if options.subject is not None:  # two subjects may both have a session 1
        label = table[options.subject].astype(str) + "/" + label
    counts = table.assign(_session=label).groupby("_session", sort=False)[options.choice].count()
    if options.choice in table and (counts == 0).any():
        raise fail(
            options.session, "sessions with choices", f"{counts.index[counts == 0][0]!r} empty"
        )
    return table.assign(_session=label)


def _fit(options: argparse.Namespace) -> list[Path]:
    from neuroloom.glmhmm._analysis import ashwood2022 as protocol
    from neuroloom.glmhmm._analysis.cross_validation import cross_validate
    from neuroloom.glmhmm._estimator.estimator import GLMHMM
    from neuroloom.glmhmm._tables.design import design_matrix

    states = _numbers(options.states)
    needed = [options.choice, *_names(options.stimulus), *_names(options.covariates)]
    if not options.table.is_file():
        raise fail("table", "an existing file", f"{options.table}")
    head = shared.Trials(pd.read_csv(options.table, nrows=1))
    head.require(*needed, *(() if options.no_history else (options.reward,)))
    table = _read(options)
    design = design_matrix(
        table,
        choice=options.choice,
        stimulus=_names(options.stimulus),
        session="_session",
        reward=options.reward,
        previous_choice=not options.no_history,
        win_stay_lose_switch=not options.no_history,
        covariates=_names(options.covariates),
        violation=options.violation,
    )
    X, y, starts = design.X, design.y, design.session_starts
    settings: dict[str, Any] = {"n_init": options.starts, "missing": "mask", "tol": 1e-4}
    if options.subject is None:
        settings["regularizer_strength"] = 1 / options.sigma**2
        template = GLMHMM(2, **settings)
        found = cross_validate(
            *(X, y, starts),
            n_states=states,
            model=template,
            folds=options.folds,
            progress=not options.quiet,
            seed=options.seed,
        )
        subjects: dict[int, Any] = {}
    else:
        both = protocol.fit_protocol(
            *(X, y, table[options.subject].to_numpy(), starts),
            n_states=states,
            n_init=options.starts,
            sigma=options.sigma,
            alpha=options.alpha,
            folds=options.folds,
            progress=not options.quiet,
            seed=options.seed,
        )
        found, subjects = both.global_cv, both.subjects
    return _write(options, design, found, subjects)


def _write(options: argparse.Namespace, design: Any, found: Any, subjects: Any) -> list[Path]:
    from neuroloom.glmhmm._analysis.states import order_states

    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    written = [out / "cross-validation.csv", out / "folds.csv"]
    found.table.to_csv(written[0])
    found.folds.to_csv(written[1], index=False)

    def draw(name: str, function: Any, *arguments: Any, **keywords: Any) -> None:
        with shared.style():
            ax = function(*arguments, **keywords)
            path = out / f"{name}.png"
            ax.figure.savefig(path, dpi=150)
        written.append(path)

    draw("cross-validation", plots.plot_cross_validation, found)
    for k, model in found.models.items():
        ordered = order_states(model, by=0)
        written += [out / f"model-{k}.npz", out / f"model-{k}.json"]
        ordered.save_params(written[-2])
        written[-1].write_text(json.dumps(_as_json(ordered, design.features), indent=1))
        data = (design.X, design.y, design.session_starts)
        draw(f"weights-{k}", plots.plot_weights, ordered, features=design.features)
        if k > 1:
            draw(f"transitions-{k}", plots.plot_transitions, ordered)
            draw(f"posterior-{k}", plots.plot_posterior, ordered, *data)
            draw(f"occupancy-{k}", plots.plot_occupancy, ordered, *data)
            draw(f"dwell-times-{k}", plots.plot_dwell_times, ordered, *data)
        draw(f"psychometric-{k}", plots.plot_psychometric, ordered, *data, stimulus=design.X[:, 0])
    for k, fits in subjects.items():
        written.append(out / f"subjects-{k}.csv")
        fits.table.to_csv(written[-1])
        for name, model in fits.models.items():
            written.append(out / f"model-{k}-{name}.npz")
            model.save_params(written[-1])
    return written


def _as_json(model: Any, features: Sequence[str]) -> dict[str, Any]:
    return {
        "n_states": model.n_states,
        "features": list(features),
        "coef": np.asarray(model.coef_).tolist(),
        "intercept": model.intercept_.tolist(),
        "initial_prob": model.initial_prob_.tolist(),
        "transition_prob": model.transition_prob_.tolist(),
        "log_likelihood": model.solver_state_.data_log_likelihood,
        "converged": model.solver_state_.converged,
    }


if __name__ == "__main__":
    raise SystemExit(main())
