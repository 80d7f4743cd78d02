"""Batches of trials, with what they are made of, kept in files."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from neuroloom.tasks._errors import TaskError, fail

_CONDITION = "condition "
# What numpy and zipfile raise at a file that is damaged, or something else.
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, TypeError),
    *(KeyError, RuntimeError, NotImplementedError, MemoryError),
)


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch and what it is made of; all arrays are the owner's, never written to again.

    Parameters
    ----------
    inputs : array, (seq_len, batch_size, n_channels)
        Observations.
    target : array, (seq_len, batch_size)
        Right actions.
    mask : array of float32, (seq_len, batch_size)
        Weight of each step in a loss; 0 in padding.
    trial : array of int, (seq_len, batch_size)
        Number of the trial in its row's stream; -1 in padding.
    period : array of int, (seq_len, batch_size)
        Number of the period in `period_names`; -1 in padding.
    conditions : dict of array, (seq_len, batch_size, …)
        What was drawn for the trial of each step; 0 in padding.
    period_names : tuple of str
        Names of the periods.
    card : str
        What the trials are of, in JSON: task, parameters, seed.

    With ``batch_first`` the first two axes are the other way round.
    """

    inputs: Any
    target: Any
    mask: Any
    trial: Any
    period: Any
    conditions: dict[str, Any]
    period_names: tuple[str, ...]
    card: str = "{}"

    @property
    def digest(self) -> str:
        """A hash of everything in the batch."""
        return _digest(self._arrays())

    def save(self, path: str | Path) -> Path:
        """Write the batch with its card and digest into an ``.npz`` file, and return the file.

        Parameters
        ----------
        path : str or Path
            Where to; ``.npz`` is added if it does not end so.
        """
        file = _named(path)
        arrays = self._arrays()
        waiting = file.with_name(f".{file.name}.part.npz")
        np.savez_compressed(waiting, **arrays, digest=np.array(_digest(arrays)))
        os.replace(waiting, file)
        return file

    @classmethod
    def load(cls, path: str | Path) -> Batch:
        """Return a batch that was saved.

        Parameters
        ----------
        path : str or Path
            The file, with or without ``.npz``.

        Raises
        ------
        TaskError
            If the file is no batch, or not as it was saved.
        """
        file = _named(path)
        file = Path(path) if Path(path).is_file() else file
        with file.open("rb") as stream:
            arrays = _read(stream, path)
        known = str(arrays.pop("digest", ""))
        expected = {one.name for one in fields(cls)} - {"conditions"}
        if not expected <= set(arrays):
            raise fail("path", "a file that Batch.save wrote", str(path))
        if _digest(arrays) != known:
            raise TaskError(f"path: {path} is not as it was saved: its digest differs")
        conditions = {
            name.removeprefix(_CONDITION): arrays.pop(name)
            for name in list(arrays)
            if name.startswith(_CONDITION)
        }
        names = tuple(str(name) for name in arrays.pop("period_names"))
        return cls(
            conditions=conditions, period_names=names, card=str(arrays.pop("card")), **arrays
        )

    def _arrays(self) -> dict[str, Any]:
        plain = ("inputs", "target", "mask", "trial", "period")
        arrays: dict[str, Any] = {name: np.asarray(getattr(self, name)) for name in plain}
        arrays |= {f"{_CONDITION}{k}": np.asarray(v) for k, v in self.conditions.items()}
        arrays["period_names"] = np.array(self.period_names)
        arrays["card"] = np.array(self.card)
        return arrays


def card_of(task: Any, seed: Any, split: str) -> str:
    """Return what trials are of, in JSON.

    Parameters
    ----------
    task : Task or None
        The task; None of an environment that is written step by step.
    seed : Seed
        Root of the streams.
    split : str
        Name of the split.
    """
    chosen = (
        {} if task is None else {one.name: repr(getattr(task, one.name)) for one in fields(task)}
    )
    name = "" if task is None else type(task).__name__
    return json.dumps({"task": name, "parameters": chosen, "seed": repr(seed), "split": split})


def _named(path: str | Path) -> Path:
    """Return the file of a batch that is saved at a path."""
    file = Path(path)
    return file if file.suffix == ".npz" else file.with_name(f"{file.name}.npz")


def _read(stream: BinaryIO, path: str | Path) -> dict[str, Any]:
    """Return the arrays of a file that is open."""
    try:
        with np.load(stream, allow_pickle=False) as record:
            return {name: record[name] for name in record.files}
    except _UNREADABLE as error:
        got = f"{path}, which cannot be read ({error})"
        raise fail("path", "a file that Batch.save wrote", got) from None


def _digest(arrays: dict[str, Any]) -> str:
    whole = hashlib.sha256()
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name])
        whole.update(f"{name} {values.dtype.str} {values.shape}".encode())
        whole.update(values.tobytes())
    return whole.hexdigest()
