"""Rows of a long proof, kept in a file as they come, so that a broken run goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import Any


class Rows:
    """What a proof found for each of its cases, one JSON line a case in `path`."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path

    def each(
        self, cases: Iterable[Hashable], compute: Callable[[Any], Any], **settings: Any
    ) -> list[Any]:
        """Return `compute(case)` of every case; those that the file holds are not computed again.

        `settings` say what else the rows depend on: rows of other settings do not count.
        """
        known = {}
        if self.path is not None and self.path.is_file():
            for line in self.path.read_text().splitlines():
                try:
                    row = json.loads(line)
                except json.JSONDecodeError:  # the line at which a run was killed
                    continue
                if row["settings"] == settings:
                    known[json.dumps(row["case"])] = row["found"]
        out = []
        for case in cases:
            key = json.dumps(case)
            if key not in known:
                row = {"case": case, "found": compute(case), "settings": settings}
                known[key] = row["found"]
                if self.path is not None:
                    with self.path.open("a") as file:
                        file.write(json.dumps(row) + "\n")
            out.append(known[key])
        return out

    def folder(self) -> Path | None:
        """Return the folder in which calls that resume by themselves keep their parts."""
        return None if self.path is None else self.path.with_suffix("")
