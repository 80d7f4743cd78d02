"""Worker processes end soon after the process that they work for.

Where that one is killed it tells nobody, and loky's workers wait for more work for five minutes.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_EVERY = 1.0  # s between looks at the parent


@dataclass
class _Watch:
    """Which process looks at its parent, and how many batches it has to keep before it ends."""

    process: int = 0
    keeping: int = 0


_watch = _Watch()


@contextmanager
def working_for(parent: int, *, keeps: bool) -> Iterator[None]:
    """Let this process end once its parent has; at once, or where it `keeps` results after them.

    Does nothing where the caller is no parent of this process: on a cluster.
    """
    if os.getppid() != parent:
        yield
        return
    if _watch.process != os.getpid():  # a forked process has its parent's
        _watch.process, _watch.keeping = os.getpid(), 0
        threading.Thread(target=_look, args=(parent,), daemon=True, name="orphans").start()
    _watch.keeping += keeps
    try:
        yield
    finally:
        _watch.keeping -= keeps


def _look(parent: int) -> None:
    while os.getppid() == parent or _watch.keeping:
        time.sleep(_EVERY)
    os._exit(1)  # nobody is left who could be told, and loky's own threads wait for the parent
