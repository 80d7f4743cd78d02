"""Whether a run's answer fits into memory, asked before the run begins."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from neuroloom.lifnet._errors import SimulationError

_GROUPS = Path("/sys/fs/cgroup")


def available_memory() -> int | None:
    """Return the bytes that this process may still take, None where nothing tells."""
    free = [_of_system(), _of_group(), _of_limit()]
    known = [value for value in free if value is not None]
    return min(known) if known else None


def check_memory(sizes: Mapping[str, float], *, remedy: str) -> None:
    """Raise if the parts of an answer are larger together than the memory that is left.

    Parameters
    ----------
    sizes : mapping of str to float
        Bytes of each part.
    remedy : str
        What to do instead.

    Raises
    ------
    SimulationError
        With the parts, their sizes and the remedy.
    """
    free, needed = available_memory(), sum(sizes.values())
    if free is None or needed <= free:
        return
    parts = ", ".join(f"{name} {_said(size)}" for name, size in sizes.items() if size)
    raise SimulationError(
        f"memory: expected a run whose answer fits into the {_said(free)} that are left, got one "
        f"of {_said(needed)} ({parts}); {remedy}"
    )


def _said(size: float) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size:.0f} B"


def _of_system() -> int | None:
    """Return what Linux calls available; on others, all memory that the system tells of."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _of_group() -> int | None:
    """Return what a container's limit leaves."""
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            most, now = (int((_GROUPS / name).read_text()) for name in (limit, used))
        except (OSError, ValueError):  # no container, or one without a limit
            continue
        return max(0, most - now) + _reclaimable()
    return None


def _reclaimable() -> int:
    """Return what the group holds of files, which the system gives back when asked for."""
    try:
        lines = (_GROUPS / "memory.stat").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.split()[0] == "inactive_file")
    except (OSError, ValueError, IndexError):
        return 0


def _of_limit() -> int | None:
    """Return what a limit of the address space leaves."""
    if sys.platform == "win32":
        return None
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY:
        return None
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError):
        return most
    return max(0, most - pages * resource.getpagesize())
