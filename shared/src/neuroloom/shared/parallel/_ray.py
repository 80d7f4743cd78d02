"""What ray's workers still have to do, so that the item at which one died can be told.

ray deals the items of a map out to its workers at once, each of which takes its own in order, and
fails all that are left to a dead one: the first of them is what it was computing.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable
from typing import Any

from joblib.externals.loky.process_executor import TerminatedWorkerError

# OutOfMemoryError: ray's own watch ended the worker; NodeDiedError: its machine is gone.
_DEATHS = {"RayActorError", "WorkerCrashedError", "OutOfMemoryError", "NodeDiedError"}


class Dealt:
    """The items of one map that were dealt out, and what came back.

    Attributes
    ----------
    outcomes : list
        What finished items returned; joblib drops it all if one item fails.
    begun : list of int
        The items at which the first worker died.
    """

    def __init__(self) -> None:
        self.outcomes: list[Any] = []
        self.begun: list[int] = []
        self._open: dict[int, tuple[list[int], str]] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def attend(self, backend: Any) -> None:
        """See what a ray backend of joblib deals out, and turn a worker's death into one error."""
        # Not backend.submit: a surrounding parallel_config gives all its maps the same backend.
        submit = functools.partial(type(backend).submit, backend)

        def attended(func: Any, callback: Callable[[Any], object] | None = None) -> Any:
            number = next(self._numbers)
            indices = [index for batch, _, _ in func.items for index in batch.indices]
            with self._lock:
                self._open[number] = indices, ""

            def back(out: Any) -> None:
                told = self._back(backend, number, out)
                if callback is not None:
                    callback(told)

            future = submit(func, back)
            with self._lock:
                if number in self._open:
                    self._open[number] = indices, _last_worker(backend)
            return future

        backend.submit = attended

    def _back(self, backend: Any, number: int, out: Any) -> Any:
        """Note what came back; return what joblib is to be told."""
        try:
            outcomes = backend.retrieve_result_callback(out)
        except Exception as error:
            if not _is_death(error):
                return out
            with self._lock:
                if not self.begun:
                    self.begun = self._first_of(str(getattr(error, "actor_id", "")))
            return TerminatedWorkerError(f"a worker of ray died: {_first_line(error)}")
        with self._lock:
            self._open.pop(number, None)
            self.outcomes.extend(outcomes)
        return out

    def _first_of(self, worker: str) -> list[int]:
        """Return what a worker was at: the first that it was given and has not returned."""
        theirs = [indices for indices, whose in self._open.values() if whose == worker]
        return theirs[0] if theirs else []


def _is_death(error: Exception) -> bool:
    kinds = {kind.__name__ for kind in type(error).__mro__ if kind.__module__.startswith("ray.")}
    return not _DEATHS.isdisjoint(kinds)


def _last_worker(backend: Any) -> str:
    """Return the worker that got the last item, as ray's errors call it."""
    pool = backend._get_pool()
    actor, _ = pool._actor_pool[pool._current_index]
    return str(actor._actor_id.hex())


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
