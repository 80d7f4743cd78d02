"""What a bug report needs to say about the place where it happened."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib import metadata

from threadpoolctl import threadpool_info


def show_versions() -> None:
    """Print the versions of neuroloom, of what it stands on, and of this computer's software.

    Nothing is imported for it: libraries that are installed are asked for their version alone.

    Examples
    --------
    >>> from neuroloom import shared
    >>> shared.show_versions()  # doctest: +ELLIPSIS
    neuroloom-shared...
    """
    lines = [*_packages().items(), ("", ""), *_place().items()]
    width = max(len(name) for name, _ in lines)
    print("\n".join(f"{name:{width}}  {value}".rstrip() for name, value in lines))


def _packages() -> dict[str, str]:
    """Return the versions of neuroloom's packages and of all that they can use."""
    own, used = {}, set()
    for found in metadata.distributions():
        name = _plain(found.metadata["Name"] or "")
        if name.startswith("neuroloom-"):
            own[name] = found.version
            used |= {_plain(re.split(r"[^\w.-]", need)[0]) for need in found.requires or ()}
    others = {name: _version(name) for name in sorted(used - own.keys())}
    first = {"neuroloom-shared": own.pop("neuroloom-shared", "not installed as a package")}
    return first | dict(sorted(own.items())) | others


def _place() -> dict[str, str]:
    libraries = (
        f"{pool['internal_api']} {pool.get('version') or ''} ({pool['num_threads']} threads)"
        for pool in threadpool_info()
    )
    variables = {
        name: value
        for name, value in sorted(os.environ.items())
        if name.endswith("_NUM_THREADS") or name.startswith(("NUMBA_", "JAX_"))
    }
    return {
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "executable": sys.executable,
        "system": platform.platform(),
        "processor": f"{platform.machine()}, {os.cpu_count()} cores",
        "thread pools": ", ".join(dict.fromkeys(libraries)) or "none loaded",
        "environment": ", ".join(f"{k}={v}" for k, v in variables.items()) or "-",
    }


def _plain(name: str) -> str:
    """Return a distribution's name in the one form that all spellings share."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "-"
