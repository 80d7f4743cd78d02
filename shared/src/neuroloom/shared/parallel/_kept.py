"""The finished items of a map in its job's folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neuroloom.shared.checks import fail
from neuroloom.shared.jobs import Job, Walk
from neuroloom.shared.parallel._worker import Batch


@dataclass(frozen=True)
class Kept:
    """A job's folder, and the digest of each item, by which it is known again."""

    job: Job
    digests: Sequence[str]

    @classmethod
    def of(cls, job: Job, tasks: Sequence[Any]) -> Kept:
        """Return what a job keeps for these items."""
        walk = Walk()
        digests, code = [], ""
        for task in tasks:
            digest = walk.of(task)
            if walk.waiting:  # functions in it
                code = repr((walk.follow(), walk.read_globals))
            digests.append(walk.of((digest, code)) if code else digest)
        return cls(job, digests)

    def read(self, wanted: Sequence[int]) -> dict[int, Any]:
        """Return the results that are kept for the items wanted.

        Raises
        ------
        DataError
            If a result was computed from another item.
        """
        open_, found = set(wanted), dict[int, Any]()
        for path in sorted(self.job.folder.glob("item*.npz")):
            if open_.isdisjoint(_covered(path.stem)):
                continue
            part = self.job.recover(path.stem)
            if part is None:
                continue
            values, note = part
            for (index, digest), value in zip(note, values, strict=True):
                if index not in open_:
                    continue
                if digest != self.digests[index]:
                    raise fail(
                        "resume",
                        "a folder of the same job",
                        f"{self.job.folder}, which differs in ['items'] (item {index})",
                    )
                found[index] = value
                open_.discard(index)
        return found

    def keep_if_missing(self, batch: Batch, values: list[Any]) -> None:
        """Keep results that their worker did not, because it does not see the folder."""
        if not self.job.has(batch.part()):
            self.job.keep(batch.part(), values, batch.note())


def _covered(stem: str) -> range:
    """Return the items that a file may hold, by its name."""
    try:
        first, *last = (int(number) for number in stem.split("-")[1:3])
    except ValueError:
        return range(0)
    return range(first, (last or [first])[0] + 1)
