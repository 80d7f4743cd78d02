"""What the command takes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuroloom.glmhmm._errors import fail
from neuroloom.shared import cli
from neuroloom.shared.parallel import add_options

# Written down once more, so that --help needs no JAX; a test compares them.
FAMILIES = (
    *("Bernoulli", "Poisson", "NegativeBinomial", "Gaussian", "Gamma", "LogNormal"),
    "InverseGaussian",
)


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    top = cli.Parser(prog="neuroloom-glmhmm", description="GLM-HMMs of trials.")
    verbs = top.add_subparsers(dest="verb", required=True)
    fit = verbs.add_parser(
        "fit",
        help="fit a table of trials",
        description="Fit a table (CSV, TSV or parquet) with one row per trial, in order.",
    )
    add = fit.add_argument
    add("table", type=Path, help="file with one row per trial")
    add("--states", default="1-4", help="numbers of states: 3, 1-4 or 1,2,5 (1-4)")
    add("--choice", default="choice", help="column of choices (choice)")
    add(
        "--family",
        choices=FAMILIES,
        default="Bernoulli",
        help="distribution of the response (Bernoulli: choices)",
    )
    add(
        "--response",
        default=None,
        help="column of the response of a family other than Bernoulli, e.g. spike counts",
    )
    add(
        "--codes",
        default=None,
        help="what choices mean: ibl, or left=VALUE,right=VALUE,none=VALUE; not needed for 0 and 1",
    )
    add("--violation", default=None, help="a value beside 0 and 1 that stands for no choice")
    add(
        "--stimulus",
        default="stimulus",
        help="columns of the stimulus, with commas, made to have mean 0 and standard deviation 1; "
        "none for none (stimulus)",
    )
    add("--reward", default="reward", help="column of rewards (reward)")
    add(
        "--session",
        default="auto",
        help="column of sessions (session, eid or session_id, if there)",
    )
    add("--subject", default=None, help="column of subjects; fits each one as well")
    add("--covariates", default="", help="further columns, taken as they are")
    add("--no-history", action="store_true", help="no regressors of the choice before")
    sigma = (
        "prior of weights and bias: of each subject's, or, without --subject, of all trials' (2)"
    )
    add("--sigma", type=_above_zero, default=2.0, help=sigma)
    add("--alpha", type=_above_zero, default=None, help="prior of a subject's stays (2)")
    add("--folds", type=_whole(2), default=5, help="folds of the cross-validation (5)")
    add(
        "--too-few",
        choices=("fit", "leave_out", "raise"),
        default=None,
        help="a subject with fewer sessions than folds is fitted without a score, left out, or an "
        "error (fit)",
    )
    add(
        "--starts",
        type=_starts,
        default="auto",
        help="starts of each fit, or auto: many short ones, of which the best are finished (auto)",
    )
    add("--seed", type=_whole(0), default=0, help="seed of starts and folds (0)")
    add("--out", type=Path, default=Path("glmhmm-fit"), help="folder (glmhmm-fit)")
    add("--quiet", action="store_true", help="no progress bars")
    add_options(fit)
    return top


def _whole(at_least: int) -> Callable[[str], int]:
    """Return what reads a whole number of at least so much."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = at_least - 1
        if value < at_least:
            expected = f"expected a whole number of at least {at_least}, got {text!r}"
            raise argparse.ArgumentTypeError(expected)
        return value

    return read


def _starts(text: str) -> int | str:
    if text == "auto":
        return text
    try:
        return _whole(1)(text)
    except argparse.ArgumentTypeError:
        expected = f"expected auto or a whole number of at least 1, got {text!r}"
        raise argparse.ArgumentTypeError(expected) from None


def _above_zero(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a finite number above 0, got {text!r}")
    return value


def numbers_of_states(text: str) -> list[int]:
    """Return the numbers of states that a text such as 3, 1-4 or 1,2,5 means."""
    try:
        if "-" in text:
            first, last = (int(part) for part in text.split("-"))
            found = list(range(first, last + 1))
        else:
            found = sorted(int(part) for part in text.split(","))
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise fail("--states", "numbers of states such as 3, 1-4 or 1,2,5", repr(text))
    if len(set(found)) < len(found):
        raise fail("--states", "each number of states once", repr(text))
    return found


def names_in(text: str) -> list[str]:
    """Return the names in a list with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def codes_in(text: str | None) -> Any:
    """Return the codes that ``ibl`` or ``left=-1,right=1,none=0`` means."""
    if text is None or text == "ibl":
        return text
    out: dict[str, Any] = {}
    for part in names_in(text):
        role, equals, value = part.partition("=")
        if not equals or role not in ("left", "right", "none"):
            raise fail("--codes", "ibl, or left=VALUE,right=VALUE,none=VALUE", repr(text))
        out.setdefault(role, []).append(value_of(value))
    return out


def value_of(text: str | None) -> Any:
    """Return a number if the text is one."""
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number
