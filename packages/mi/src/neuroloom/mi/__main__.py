"""``python -m neuroloom.mi benchmark``: the table of 40 tasks."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from neuroloom.mi._benchmark._command import ESTIMATORS, QUICK, SETTING, benchmark, table
from neuroloom.mi._errors import output_file
from neuroloom.shared import cli
from neuroloom.shared.io import atomic
from neuroloom.shared.parallel import add_options, computing


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = cli.Parser(prog="neuroloom-mi", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    run = commands.add_parser("benchmark", help="estimate 40 distributions of known information")
    run.add_argument("--quick", action="store_true", help="fewer samples and epochs, minutes")
    run.add_argument("--tasks", nargs="*", default=[], metavar="ID", help="only these tasks")
    run.add_argument("--estimators", nargs="*", default=list(ESTIMATORS), choices=ESTIMATORS)
    run.add_argument("--n-samples", type=int, metavar="N")
    run.add_argument("--n-seeds", type=int, metavar="N")
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--out", type=Path, metavar="FILE", help="write the table as JSON too")
    run.add_argument("--no-progress", action="store_true")
    add_options(run)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    return cli.run(parser(), _work, arguments)


def _work(options: argparse.Namespace) -> str:
    out = None if options.out is None else output_file("--out", options.out)
    with computing(options) as where:
        frame = benchmark(
            estimators=tuple(options.estimators),
            tasks=tuple(options.tasks),
            quick=options.quick,
            n_samples=options.n_samples,
            n_seeds=options.n_seeds,
            progress=not options.no_progress,
            seed=options.seed,
            **where,
        )
    if out is not None:
        setting = QUICK if options.quick else SETTING
        content = {"setting": setting, "rows": json.loads(frame.to_json(orient="records"))}
        with atomic(out) as file:
            file.write(json.dumps(content, indent=1).encode())
    return table(frame)


if __name__ == "__main__":
    sys.exit(main())
