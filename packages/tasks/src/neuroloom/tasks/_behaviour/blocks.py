"""Sessions in blocks: each by a policy of its own, by several workers."""

from __future__ import annotations

import importlib
import io
import pickle
import random
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.shared import Seed
from neuroloom.tasks._errors import TaskTypeError, fail

cloudpickle: Any = importlib.import_module("cloudpickle")  # gymnasium needs it
Columns = dict[str, list[NDArray[Any]]]
_DRAWS = (np.random.Generator, np.random.BitGenerator, np.random.RandomState, random.Random)


def refuse_where_no_blocks(
    n_workers: int | None, resume: str | Path | None, progress: bool
) -> None:
    """Raise an error for options that only blocks have.

    Parameters
    ----------
    n_workers, resume, progress
        As for `run_trials`.

    Raises
    ------
    TaskError
        If one of them is given.
    """
    given = (("n_workers", n_workers), ("resume", resume), ("progress", progress or None))
    for name, value in given:
        if value is not None:
            raise fail(name, "side_by_side beside it: sessions of one block are run at once", value)


def run_blocks(
    run: Callable[[tuple[int, int, list[int]]], Columns],
    task: Any,
    wanted: NDArray[np.int64],
    size: int,
    n_workers: int | None,
    resume: str | Path | None,
    progress: bool,
) -> Columns:
    """Return the columns of all sessions, computed in blocks.

    Parameters
    ----------
    run : callable
        Takes a block's number, its first session and the trials wanted of each.
    task : object
        What is run.
    wanted : array of int, (n_sessions,)
        Trials of each session.
    size : int
        Sessions a block.
    n_workers, resume, progress
        As for `neuroloom.shared.map`.

    Raises
    ------
    TaskTypeError
        If the task is a vector environment.
    """
    if isinstance(task, VectorEnv):
        raise TaskTypeError(
            "side_by_side: expected None beside a vector environment, which steps all its "
            f"environments at once, got {size}; hand over an id, a task or one environment"
        )
    starts = range(0, len(wanted), size)
    blocks = [(b, s, wanted[s : s + size].tolist()) for b, s in enumerate(starts)]
    done = shared.map(
        partial(_kept, run=run),
        blocks,
        n_workers=n_workers,
        progress=progress,
        description="sessions",
        resume=resume,
    )
    columns: Columns = {}
    for part in done:
        for name, values in part.items():
            columns.setdefault(name, []).append(_array(values))
    return columns


def _kept(block: Any, *, run: Callable[[Any], Columns]) -> dict[str, Any]:
    """Return a block's columns in a form that files hold."""
    joined = {name: np.concatenate(parts) for name, parts in run(block).items()}
    return {name: v.tolist() if v.dtype == object else v for name, v in joined.items()}


def _array(values: Any) -> NDArray[Any]:
    if isinstance(values, np.ndarray):
        return values
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def own_copy(policy: Any, stream: Seed) -> Any:
    """Return a block's own policy, which draws from a stream of its own if it draws.

    Parameters
    ----------
    policy : object
        As for `run_trials`.
    stream : Seed
        The block's.

    Raises
    ------
    TaskTypeError
        If it holds a random generator and has no ``seeded``, or cannot be copied.
    """
    if isinstance(policy, str):
        return policy
    if hasattr(policy, "seeded"):
        return policy.seeded(stream)
    raw, draws = _Looking.dump_of(policy)
    if draws and not hasattr(policy, "predict"):
        raise TaskTypeError(
            f"policy: expected a method seeded(stream) of one that draws, got {policy!r} with a "
            f"{draws}: in every block it would draw the same"
        )
    return pickle.loads(raw)


class _Looking(cloudpickle.CloudPickler):  # type: ignore[misc]
    """A pickler that notes random generators."""

    @classmethod
    def dump_of(cls, value: Any) -> tuple[bytes, str]:
        """Return the pickle, and the kind of a random generator in it."""
        buffer = io.BytesIO()
        pickler = cls(buffer)
        pickler.found = ""
        try:
            pickler.dump(value)
        except Exception as error:
            raise TaskTypeError(
                f"policy: expected one that can be copied, got {value!r}: {error}"
            ) from error
        return buffer.getvalue(), pickler.found

    def persistent_id(self, value: Any) -> None:
        """Look at an object on its way."""
        torch: Any = sys.modules.get("torch")
        kinds = _DRAWS if torch is None else (*_DRAWS, torch.Generator)
        if isinstance(value, kinds):
            self.found = type(value).__name__
