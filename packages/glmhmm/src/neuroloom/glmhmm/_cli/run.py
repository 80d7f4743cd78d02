"""From a table to a folder of results; nothing is written unless all of it can be."""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.glmhmm._analysis.ashwood2022 import Protocol
from neuroloom.glmhmm._analysis.cross_validation import CrossValidation, cross_validate
from neuroloom.glmhmm._analysis.diagnostics import Diagnostics, diagnose
from neuroloom.glmhmm._analysis.standard_errors import StandardErrors, standard_errors
from neuroloom.glmhmm._analysis.states import order_states
from neuroloom.glmhmm._analysis.subjects import SubjectFits, fit_subjects
from neuroloom.glmhmm._cli.options import codes_in, names_in, numbers_of_states, value_of
from neuroloom.glmhmm._cli.text import read_text
from neuroloom.glmhmm._errors import InputError, fail
from neuroloom.glmhmm._estimator.estimator import GLMHMM
from neuroloom.glmhmm._tables.design import DesignMatrix, design_matrix, response_matrix
from neuroloom.glmhmm._tables.recognise import SESSIONS

if TYPE_CHECKING:
    import pandas as pd

LIST = ".neuroloom-glmhmm.json"  # what a fit has written into its folder
ALWAYS = ("cross-validation.csv", "folds.csv", "cross-validation.png", "report.html")


@dataclass(frozen=True)
class Results:
    """Everything that the command found out, states in one order throughout.

    Parameters
    ----------
    design : DesignMatrix
        The regressors and choices.
    table : DataFrame
        The trials as they were read.
    both : Protocol
        Fits and scores of all trials, and of each subject if there are any.
    errors, diagnostics : dict
        Of the models of all trials, by number of states.
    """

    design: DesignMatrix
    table: pd.DataFrame
    both: Protocol
    errors: dict[int, StandardErrors]
    diagnostics: dict[int, Diagnostics]

    @property
    def data(self) -> tuple[Any, Any, Any]:
        """Regressors, choices and session starts."""
        return self.design.X, self.design.y, self.design.session_starts


def read_table(path: Path, labels: Iterable[str] = ()) -> pd.DataFrame:
    """Return the trials in a file; of text, the columns `labels` hold text whatever it looks like.

    Raises
    ------
    InputError
        If there is no table in it.
    """
    import pandas as pd

    if not path.is_file():
        raise fail("table", "an existing file", f"{path}")
    columns = path.suffix.lower() in (".parquet", ".pq", ".pqt")
    expected = "a parquet file" if columns else "a CSV file with a header"
    try:
        table = pd.read_parquet(path) if columns else read_text(path, labels)
    except InputError:
        raise
    except (ValueError, csv.Error, ImportError, EOFError, OSError) as error:  # pandas' among them
        first = (str(error).splitlines() or [""])[0]
        raise fail("table", expected, f"{path}: {first}") from error
    if len(table) == 0:
        raise fail("table", "at least one trial", f"an empty {path}")
    return table


def design_of(table: pd.DataFrame, options: argparse.Namespace) -> DesignMatrix:
    """Return the regressors that the options ask for."""
    stimulus: Any = [] if options.stimulus == "none" else names_in(options.stimulus)
    shared_options: dict[str, Any] = {
        "session": options.session,
        "subject": options.subject if options.subject is not None else "auto",
        "covariates": names_in(options.covariates),
    }
    if options.family != "Bernoulli":
        _refuse_choices(options)
        stimulus = [] if stimulus == ["stimulus"] and "stimulus" not in table else stimulus
        design = response_matrix(table, options.response, stimulus=stimulus, **shared_options)
    else:
        if options.response is not None:
            raise fail("--response", "a --family beside it; choices are in --choice", "Bernoulli")
        design = design_matrix(
            table,
            choice=options.choice,
            stimulus="stimulus" if stimulus == ["stimulus"] else stimulus,
            reward=options.reward,
            previous_choice=not options.no_history,
            win_stay_lose_switch=not options.no_history,
            codes=codes_in(options.codes),
            violation=value_of(options.violation),
            **shared_options,
        )
    _check_sessions(design, table, options)
    _check_states(design, options)
    return design


def _check_states(design: DesignMatrix, options: argparse.Namespace) -> None:
    """Raise if a model has as many parameters as there are responses, or more."""
    n, d = int(np.isfinite(design.y).sum()), design.X.shape[1]
    most = max(numbers_of_states(options.states))
    parameters = most * (d + 1) + most**2 - 1  # weights and biases; the chain's probabilities
    if parameters >= n:
        raise fail(
            "--states",
            f"fewer parameters than the {n} responses",
            f"{most} states, which have {parameters}",
        )


def _refuse_choices(options: argparse.Namespace) -> None:
    """Raise if options that only choices have are given for another family."""
    if options.response is None:
        raise fail("--response", f"the column of the {options.family} response", "none")
    for name, value, default in (
        ("--choice", options.choice, "choice"),
        ("--codes", options.codes, None),
        ("--violation", options.violation, None),
        ("--reward", options.reward, "reward"),
        ("--no-history", options.no_history, False),
    ):
        if value != default:
            raise fail(name, "choices (--family Bernoulli)", f"--family {options.family}")


def _check_sessions(design: DesignMatrix, table: pd.DataFrame, options: argparse.Namespace) -> None:
    """Raise if a session holds no response."""
    session = np.cumsum(design.session_starts) - 1
    seen = np.bincount(session, np.isfinite(design.y))
    if (seen == 0).any():
        row = int(np.flatnonzero(session == int((seen == 0).argmax()))[0])
        named = [name for name in label_columns(options) if name in table][:2]
        label = "/".join(str(table[name].iloc[row]) for name in named)
        what = "choices" if options.family == "Bernoulli" else "responses"
        raise fail(named[-1], f"sessions with {what}", f"{label!r} empty")


def fit(options: argparse.Namespace) -> Results:
    """Return the fits that the options ask for."""
    states = numbers_of_states(options.states)
    for name, value in (("--alpha", options.alpha), ("--too-few", options.too_few)):
        if value is not None and options.subject is None:
            raise fail(name, "--subject beside it: it is about each subject's fit", repr(value))
    table = read_table(options.table, label_columns(options))
    design = design_of(table, options)
    data = (design.X, design.y, design.session_starts)
    settings: dict[str, Any] = {"n_init": options.starts, "missing": "mask", "tol": 1e-4}
    sigma = options.sigma if options.subject is None else 100.0
    settings |= {"regularizer_strength": 1 / sigma**2, "penalize_intercept": True}
    model = GLMHMM(2, options.family, **settings)
    shared_options = {
        "folds": options.folds,
        "progress": not options.quiet,
        "seed": options.seed,
        "n_workers": options.workers,
    }
    found = cross_validate(
        *data, n_states=states, model=model, resume=_below(options, "global"), **shared_options
    )
    ordered = {k: order_states(one, by=0) for k, one in found.models.items()}
    together = CrossValidation(found.folds, found.table, ordered)
    subjects: dict[int, SubjectFits] = {}
    if design.subject is not None and options.subject is not None:
        for k, one in ordered.items():
            subjects[k] = fit_subjects(
                design.X,
                design.y,
                design.subject,
                design.session_starts,
                global_model=one,
                sigma=options.sigma,
                alpha=2.0 if options.alpha is None else options.alpha,
                too_few=options.too_few or "fit",
                resume=_below(options, f"subjects-{k}"),
                **shared_options,
            )
    return Results(
        design,
        table,
        Protocol(together, subjects),
        {k: standard_errors(one, *data) for k, one in ordered.items()},
        {k: diagnose(one, *data) for k, one in ordered.items()},
    )


def label_columns(options: argparse.Namespace) -> list[str]:
    """Return the columns that may name subjects and sessions, the subjects' first."""
    sessions = SESSIONS if options.session == "auto" else (options.session,)
    return [options.subject or "subject", *sessions]


def _below(options: argparse.Namespace, name: str) -> Path | None:
    return None if options.resume is None else options.resume / name


def folder_above(out: Path) -> Path:
    """Return the nearest folder above `out` that there is.

    Raises
    ------
    InputError
        If `out` could not become a folder: a file has its name, or that of one above it.
    """
    every = (out.absolute(), *out.absolute().parents)
    there = next(path for path in every if path.exists())
    if not there.is_dir():
        raise fail("--out", "a folder", f"the file {there}")
    return next(path for path in every[1:] if path.is_dir())


def files_of_former_fit(out: Path) -> set[str]:
    """Return the names of the files that a former fit left in `out`, by its own list."""
    try:
        told = json.loads((out / LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    names = told.get("files", []) if isinstance(told, dict) else []
    return {name for name in names if isinstance(name, str) and name == Path(name).name}


def refuse_foreign(out: Path, names: Iterable[str]) -> None:
    """Raise if files of these names are in `out` and not of a former fit.

    Raises
    ------
    InputError
        If there are any: they are not ours to replace.
    """
    foreign = sorted(
        name for name in set(names) - files_of_former_fit(out) if (out / name).exists()
    )
    if foreign:
        expected = "a new or empty folder, or one of a former fit of this command"
        found = f"{out} with {', '.join(foreign[:3])}, which its list {LIST} does not name"
        raise fail("--out", expected, f"{found}; move them away, or choose another folder")


def at_once(out: Path, write: Callable[[Path], None]) -> list[Path]:
    """Write files into a folder of their own, then move them to `out`; return their paths.

    They replace those of a former fit as a whole. If `write` fails nothing is left behind, and
    files that were there are as they were.
    """
    above = folder_above(out)
    with tempfile.TemporaryDirectory(dir=above, prefix=".neuroloom-glmhmm-") as scratch:
        write(Path(scratch))
        new = sorted(Path(scratch).iterdir(), key=lambda p: p.stat().st_mtime_ns)
        names = [path.name for path in new]
        refuse_foreign(out, names)
        former = files_of_former_fit(out)
        out.mkdir(parents=True, exist_ok=True)
        _list_files(out, {*former, *names})  # also what an interruption here would leave
        for name in former - set(names):
            (out / name).unlink(missing_ok=True)
        for path in new:
            shutil.move(path, out / path.name)
        _list_files(out, names)
    return [out / name for name in (*names, LIST)]


def _list_files(out: Path, names: Iterable[str]) -> None:
    (out / LIST).write_text(json.dumps({"files": sorted(names)}, indent=1), encoding="utf-8")


def safe_names(names: Iterable[Any]) -> dict[Any, str]:
    """Return a file name for each subject: distinct, and of letters, digits, dots and dashes."""
    out: dict[Any, str] = {}
    used: set[str] = set()
    for name in names:
        base = re.sub(r"[^\w.-]+", "_", str(name)).strip(".") or "_"
        base = base[:80]
        candidate, n = base, 1
        while candidate.lower() in used:  # some file systems do not tell A from a
            n += 1
            candidate = f"{base}-{n}"
        used.add(candidate.lower())
        out[name] = candidate
    return out


def weights_table(model: Any, errors: StandardErrors, features: Iterable[str]) -> pd.DataFrame:
    """Return every weight with its standard error and 95 % interval, one row each."""
    import pandas as pd

    names = [*features, "bias"]
    values = np.vstack([model.coef_, model.intercept_])
    spread = np.vstack([errors.coef, errors.intercept])
    bounds = errors.intervals(0.95)
    low = np.vstack([bounds["coef"][0], bounds["intercept"][0]])
    high = np.vstack([bounds["coef"][1], bounds["intercept"][1]])
    rows = [
        (k + 1, name, values[i, k], spread[i, k], low[i, k], high[i, k])
        for k in range(model.n_states)
        for i, name in enumerate(names)
    ]
    columns = ["state", "regressor", "weight", "standard_error", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def as_json(model: Any, design: DesignMatrix) -> str:
    """Return a model's numbers as text."""
    told = {
        "n_states": model.n_states,
        "family": repr(model.observation_model),
        "features": list(design.features),
        "codes": design.codes,
        "notes": list(design.notes),
        "coef": np.asarray(model.coef_).tolist(),
        "intercept": model.intercept_.tolist(),
        "scale": model.scale_.tolist(),
        "initial_prob": model.initial_prob_.tolist(),
        "transition_prob": model.transition_prob_.tolist(),
        "log_likelihood": model.solver_state_.data_log_likelihood,
        "converged": model.solver_state_.converged,
    }
    return json.dumps(told, indent=1)


def write_tables(results: Results, folder: Path) -> None:
    """Write parameters and tables."""
    together = results.both.global_cv
    together.table.to_csv(folder / "cross-validation.csv")
    together.folds.to_csv(folder / "folds.csv", index=False)
    for k, model in together.models.items():
        model.save_params(folder / f"model-{k}.npz")
        (folder / f"model-{k}.json").write_text(as_json(model, results.design))
        weights = weights_table(model, results.errors[k], results.design.features)
        weights.to_csv(folder / f"weights-{k}.csv", index=False)
    for k, fits in results.both.subjects.items():
        files = safe_names(fits.models)
        named = fits.table.assign(file=[f"model-{k}-{files[n]}.npz" for n in fits.table.index])
        named.to_csv(folder / f"subjects-{k}.csv")
        for name, model in fits.models.items():
            model.save_params(folder / f"model-{k}-{files[name]}.npz")
