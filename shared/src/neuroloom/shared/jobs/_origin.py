"""Where code comes from: Python, an installed distribution, neuroloom's sources, or the user."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
import sysconfig
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

Origin = Literal["python", "installed", "own", "user"]


@lru_cache(maxsize=10_000)
def origin(module: str) -> Origin:
    """Return where a module comes from.

    ``"installed"`` code is known by its distribution's version; ``"own"`` are the sources of a
    neuroloom package that is worked on, ``"user"`` everything else. Both are read.
    """
    top = module.split(".")[0]
    if top in sys.stdlib_module_names or top in sys.builtin_module_names:
        return "user" if top == "__main__" else "python"
    if _below_site_packages(module) and version_of(module):
        return "installed"
    return "own" if top == "neuroloom" else "user"


@lru_cache(maxsize=1_000)
def version_of(module: str) -> str:
    """Return the version of a module's distribution, empty if it has none.

    Read from what is installed, so that it is the same whether the module is loaded or not.
    """
    name = distribution(module)
    try:
        return importlib.metadata.version(name.replace(".", "-"))
    except (importlib.metadata.PackageNotFoundError, ValueError):
        pass
    for other in _distributions().get(name.split(".")[0], []):
        return importlib.metadata.version(other)
    found = getattr(sys.modules.get(name), "__version__", "")
    return found if isinstance(found, str) else ""


@lru_cache(maxsize=1)
def _distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def distribution(module: str) -> str:
    """Return the name under which a module's distribution is told: its top, or ``neuroloom.x``."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "neuroloom" else parts[0]


def told(module: str | None) -> str:
    """Return a module's name; of a script, the one that it would have if it were imported."""
    if module != "__main__":
        return module or ""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name:
        return str(spec.name)
    file = getattr(main, "__file__", None)
    return Path(file).stem if file else "__main__"


@lru_cache(maxsize=1)
def _site_folders() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    return tuple(Path(paths[key]).resolve() for key in ("purelib", "platlib"))


def _below_site_packages(module: str) -> bool:
    parts = module.split(".")
    for n in range(len(parts), 0, -1):  # a namespace has no file
        file = getattr(sys.modules.get(".".join(parts[:n])), "__file__", None)
        if file:
            return _is_installed(file)
    # Not loaded yet: the answer must be the one that it will have when it is.
    for n in range(1, len(parts) + 1):
        try:
            spec = importlib.util.find_spec(".".join(parts[:n]))
        except (ImportError, ValueError):
            return False
        if spec is None or spec.origin is not None:
            return bool(spec and spec.origin) and _is_installed(str(spec and spec.origin))
    return False  # a namespace: what is below it has a file


def _is_installed(file: str) -> bool:
    path = Path(file).resolve()
    known = {"site-packages", "dist-packages"} & {*path.parts, *Path(file).parts}
    return bool(known) or any(path.is_relative_to(site) for site in _site_folders())
