"""``neuroloom-glmhmm``: fits of a table of trials, from the shell."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from neuroloom.glmhmm._cli import options
from neuroloom.shared import cli
from neuroloom.shared.parallel import computing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status, 2 for an error in the input."""
    return cli.run(options.parser(), _work, arguments)


def _work(chosen: argparse.Namespace) -> str:
    # Fits need JAX, which takes seconds to load: --help does not.
    from neuroloom.glmhmm._cli import figures, run

    run.folder_above(chosen.out)  # before the work, not after it
    run.refuse_foreign(chosen.out, run.ALWAYS)
    with computing(chosen):
        results = run.fit(chosen)

    def write(folder: Path) -> None:
        run.write_tables(results, folder)
        figures.write_pictures(results, folder)
        figures.write_report(results, folder / "report.html", f"States in {chosen.table.name}")

    return "\n".join(str(path) for path in run.at_once(chosen.out, write))


if __name__ == "__main__":
    raise SystemExit(main())
