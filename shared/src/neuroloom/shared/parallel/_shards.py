"""One part of a long job for each process, for jobs that are made of several maps.

``map(shard=…)`` returns a part of one map. A job of a package (a cross-validation, say) needs all
results of its map to go on; here it ends once its part is kept, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from neuroloom.shared._errors import UnfinishedError
from neuroloom.shared.checks import fail, whole
from neuroloom.shared.checks._names import written
from neuroloom.shared.parallel._threads import inside_map


@dataclass
class _Surrounding:
    part: int
    parts: int
    asked: bool = False


_surrounding: ContextVar[_Surrounding | None] = ContextVar("neuroloom-shard", default=None)


@contextmanager
def sharded(shard: tuple[int, int] | None) -> Iterator[None]:
    """Compute one part of whatever keeps its items in a folder within the context.

    Each `neuroloom.shared.map` with ``resume``, and so each long job of the packages, computes part
    i of n, keeps it, and ends with an `UnfinishedError` that says so. Where all items are there it
    goes on: a job of several steps needs one round of its n parts for each step, or is completed
    by the same call without a shard, which computes what is missing.

    Parameters
    ----------
    shard : tuple of (int, int) or None
        ``(i, n)`` is part i of n, from 0; None changes nothing.

    Raises
    ------
    UnfinishedError
        If other parts are missing, after this one is kept.
    DataError
        If the shard is not understood, or nothing within the context kept its items.

    Examples
    --------
    >>> import tempfile
    >>> from neuroloom import shared
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for i in range(2):
    ...         try:
    ...             with sharded((i, 2)):
    ...                 shared.map(abs, [-1, 2, -3], resume=folder, progress=False)
    ...         except UnfinishedError as end:
    ...             print(str(end).partition(" in ")[0])
    ...     shared.map(abs, [-1, 2, -3], resume=folder, progress=False)
    shard 0/2: 2 of 3 items are kept
    shard 1/2: 3 of 3 items are kept
    [1, 2, 3]
    """
    if shard is None:
        yield
        return
    part, parts = shard_of(shard)
    here = _Surrounding(part, parts)
    token = _surrounding.set(here)
    try:
        yield
        if not here.asked:
            expected = "work that keeps its items in a folder (resume, --resume)"
            raise fail("shard", expected, "none, so that no other process could use this part")
    finally:
        _surrounding.reset(token)


def surrounding_shard() -> tuple[int, int] | None:
    """Return the part that a surrounding `sharded` asks for; inside an item of a map there is none.

    For work that keeps its parts without `neuroloom.shared.map`.

    Examples
    --------
    >>> with sharded(None):
    ...     print(surrounding_shard())
    None
    """
    here = _surrounding.get()
    if here is None or inside_map():
        return None
    here.asked = True
    return here.part, here.parts


@contextmanager
def whole_work() -> Iterator[None]:
    """Let no shard hold within the context: what is done there is a part already."""
    token = _surrounding.set(None)
    try:
        yield
    finally:
        _surrounding.reset(token)


def unfinished(shard: tuple[int, int], kept: int, n: int, folder: Any) -> UnfinishedError:
    """Return the error that ends a part of a job.

    Parameters
    ----------
    shard : tuple of (int, int)
        The part.
    kept, n : int
        How many items are kept, and how many there are.
    folder : path
        Where.
    """
    rest = "when the other shards are done, the same without a shard goes on from there"
    return UnfinishedError(
        f"shard {shard[0]}/{shard[1]}: {kept} of {n} items are kept in {folder}; {rest}"
    )


def shard_of(shard: object) -> tuple[int, int]:
    """Return a shard's part and number of parts, checked."""
    expected = "(i, n) with 0 ≤ i < n"
    if not isinstance(shard, (tuple, list)) or len(shard) != 2:
        raise fail("shard", expected, written(shard))
    part, parts = (whole("shard", number, at_least=0) for number in shard)
    if not part < parts:
        raise fail("shard", expected, written(shard))
    return part, parts
