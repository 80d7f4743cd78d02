"""Data sets for torch's loaders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from neuroloom.shared import require


def iterable(dataset: Any) -> Any:
    """Return a data set as a torch `IterableDataset`; see `Dataset.iterable`.

    Parameters
    ----------
    dataset : Dataset
        What to read.
    """
    data = require("torch.utils.data", extra="neuroloom-tasks[torch]")

    class Iterable(data.IterableDataset):  # type: ignore[misc,name-defined]
        """Batches of a worker's own streams, which go on from pass to pass."""

        def __init__(self) -> None:
            self._read: dict[int, Any] = {}

        def __iter__(self) -> Iterator[Any]:
            info = data.get_worker_info()
            worker = 0 if info is None else info.id
            if worker not in self._read:
                self._read[worker] = dataset.for_worker(worker)
            return iter(self._read[worker])

    return Iterable()
