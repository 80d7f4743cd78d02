"""What a worker does: compute some items, keep their results, and say which one went wrong."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuroloom.shared._errors import WorkerError
from neuroloom.shared._seed import Seed
from neuroloom.shared.jobs import Job
from neuroloom.shared.parallel._orphans import working_for
from neuroloom.shared.parallel._send import cloudpickle, unpack
from neuroloom.shared.parallel._threads import allotted, one_thread, pool_of

Outcome = tuple[tuple[int, ...], list[Any] | None]


class Log:
    """A file that says which items were begun and not ended; for workers on this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def working(self, index: int) -> Iterator[None]:
        """Write down that an item is begun, and ended."""
        self._write(f"+{index}\n")
        try:
            yield
        finally:
            self._write(f"-{index}\n")

    def _write(self, line: str) -> None:
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        except FileNotFoundError:  # the caller has given up
            return
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    def items(self) -> tuple[list[int], list[int]]:
        """Return the items that were begun and not ended, and those that ended."""
        lines = self.path.read_text().split()
        begun, ended = ({int(line[1:]) for line in lines if line[0] == sign} for sign in "+-")
        return sorted(begun - ended), sorted(ended)


@dataclass(frozen=True)
class Setting:
    """What all items of a map have in common, besides the function."""

    root: Seed | None
    job: Job | None
    n_cores: int
    parent: int
    log: Log | None


class Batch:
    """Some items of a map, as workers get them.

    Called with the function, the items and what the map's items have in common.
    """

    def __init__(self, indices: tuple[int, ...], digests: tuple[str, ...] | None) -> None:
        self.indices, self.digests = indices, digests
        # dask calls its tasks by this: it names the item if a worker dies, and groups by the word.
        self.__name__ = f"item-{indices[0]}"

    def part(self) -> str:
        """Return the name under which a job keeps the results."""
        first, last = self.indices[0], self.indices[-1]
        if len(self.indices) == 1:
            return f"item-{first:06d}"
        gap = "" if last - first + 1 == len(self.indices) else f"-{len(self.indices)}"
        return f"items-{first:06d}-{last:06d}{gap}"

    def note(self) -> list[list[Any]]:
        """Return each item's index and digest, to be kept with the results."""
        assert self.digests is not None
        return [list(pair) for pair in zip(self.indices, self.digests, strict=True)]

    def __call__(
        self, function: Callable[..., Any], items: Sequence[Any], setting: Setting
    ) -> Outcome:
        """Return the indices and their results; None if another process is at these items."""
        job = setting.job
        with ExitStack() as stack:
            if job is not None and job.visible():
                if not stack.enter_context(job.claim(self.part())):
                    return self.indices, None
                if job.has(self.part()) and (found := job.recover(self.part())) is not None:
                    value, note = found
                    if note == self.note():
                        return self.indices, value
            else:
                job = None
            stack.enter_context(working_for(setting.parent, keeps=job is not None))
            stack.enter_context(allotted(setting.n_cores))
            stack.enter_context(one_thread())
            if os.getpid() != setting.parent:
                stack.enter_context(pool_of(setting.n_cores))
            results: list[Any] = []
            try:
                for index, item in zip(self.indices, items, strict=True):
                    results.append(_compute(function, index, item, setting))
            except BaseException as error:
                if isinstance(error, WorkerError):
                    # tblib, which dask brings, sends the context too: what no process can read.
                    error.__context__ = None
                if job is not None and results:
                    n = len(results)
                    done = Batch(self.indices[:n], (self.digests or ())[:n])
                    job.keep(done.part(), results, done.note())
                raise
            if job is not None:
                with _noted(self.indices):
                    job.keep(self.part(), results, self.note())
            return self.indices, results


class FarBatch(Batch):
    """Some items as workers on other machines get them: packed, with what is large apart."""

    def __call__(  # type: ignore[override]
        self, call: Any, raw: bytes, setting: Setting, n_call: int, *apart: Any
    ) -> Outcome:
        """Return what `Batch` does, for a packed function and packed items."""
        function = unpack(call if isinstance(call, bytes) else call.get(), apart[:n_call])
        return super().__call__(function, unpack(raw, apart[n_call:]), setting)


def _compute(function: Callable[..., Any], index: int, item: Any, setting: Setting) -> Any:
    with ExitStack() as stack:
        if setting.log is not None:
            stack.enter_context(setting.log.working(index))
        stack.enter_context(_noted((index,), far=os.getpid() != setting.parent))
        root = setting.root
        return function(item) if root is None else function(item, root.child(index))


@contextmanager
def _noted(indices: tuple[int, ...], *, far: bool = False) -> Iterator[None]:
    """Note on an error at which item it was raised; make it one that other processes can read."""
    which = f"item {indices[0]}"
    if len(indices) > 1:
        which = f"items {indices[0]} to {indices[-1]}"
    try:
        yield
    except Exception as error:
        error.add_note(f"raised by {which} of neuroloom.shared.map")
        # StopIteration would end, or break, the loops that it passes on its way up.
        if isinstance(error, StopIteration) or (far and not _readable(error)):
            text = "".join(traceback.format_exception(error))
            raise WorkerError(f"{which}: {type(error).__name__}: {error}\n{text}") from None
        raise


def _readable(error: Exception) -> bool:
    """Return whether an error comes out of a pickle as it went in."""
    try:
        return type(cloudpickle.loads(cloudpickle.dumps(error))) is type(error)
    except Exception:  # whatever its own code raises
        return False
