"""Rows of a long proof, kept as they come: a run that was broken off goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from neuroloom.shared import DataError
from neuroloom.shared.jobs import Job, discard


class Rows:
    """Where proofs keep their rows, each proof in a folder of its own; nowhere without a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def each(self, cases: Iterable[int], compute: Callable[[int], Any], **settings: Any) -> list:
        """Return what is computed of every case; rows of other code or settings do not count.

        Parameters
        ----------
        cases : iterable of int
            Numbers of the cases.
        compute : callable
            Returns the row of a case.
        **settings
            What else the rows depend on.
        """
        if self.folder is None:
            return [compute(case) for case in cases]
        folder = self.folder / compute.__name__
        try:
            job = Job.open(folder, settings, function=compute)
        except DataError:
            discard(folder)
            job = Job.open(folder, settings, function=compute)
        with job.working():
            return [job.compute(f"row-{case}", compute, case) for case in cases]
