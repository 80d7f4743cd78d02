"""What the packages offer: public modules, the objects in them, and names that moved."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from types import ModuleType

PACKAGES = ("mi", "glmhmm", "circuit-inference", "tasks", "lifnet", "shared")


@dataclass(frozen=True)
class Public:
    """A public object, and the shortest of the names that it can be imported by."""

    name: str
    package: str
    names: tuple[str, ...]
    value: object

    @property
    def kind(self) -> str:
        """Return what it is: a module, an error, a class, a function or data."""
        if isinstance(self.value, ModuleType):
            return "module"
        if inspect.isclass(self.value):
            return "error" if issubclass(self.value, BaseException) else "class"
        return "function" if callable(self.value) else "data"

    @property
    def at_top(self) -> bool:
        """Return whether it is imported from the package itself."""
        return self.name.count(".") == 2


def distribution(package: str) -> str:
    """Return the module of a package: circuit-inference is `neuroloom.circuit_inference`."""
    return f"neuroloom.{package.replace('-', '_')}"


def modules(package: str) -> Iterator[ModuleType]:
    """Return a package and its submodules without an underscore."""
    top = importlib.import_module(distribution(package))
    yield top
    for found in pkgutil.walk_packages(top.__path__, f"{top.__name__}."):
        if not any(part.startswith("_") for part in found.name.split(".")):
            yield importlib.import_module(found.name)


def exported(module: ModuleType) -> list[str]:
    """Return the names a module offers; without `__all__`, the classes that it defines."""
    if (listed := getattr(module, "__all__", None)) is not None:
        # circuit-inference offers ncpi's names without putting them into a star import.
        listed = [*listed, *getattr(module, "_NCPI", ())]
        return [name for name in listed if not name.startswith("_")]
    if module.__name__.endswith((".errors", ".exceptions")):
        return [n for n, v in vars(module).items() if inspect.isclass(v) and n[0] != "_"]
    return []


def identity(value: object, name: str) -> object:
    """Return what tells an object from others: constants of equal value are different things."""
    return id(value) if callable(value) or isinstance(value, ModuleType) else name


def rank(value: object, name: str) -> tuple[int, bool, str]:
    """Return the order of an object's names: short ones first, then the one it was given."""
    return name.count("."), name.rpartition(".")[2] != getattr(value, "__name__", ""), name


@cache
def public(package: str) -> tuple[Public, ...]:
    """Return the public objects of a package, each once, sorted by name."""
    found: dict[object, tuple[object, list[str]]] = {}
    for module in modules(package):
        for name in exported(module):
            value, full = getattr(module, name), f"{module.__name__}.{name}"
            key = identity(value, name)
            found.setdefault(key, (value, []))[1].append(full)
    # What a package passes on from another library or from the core is not its own.
    own = distribution(package)
    ours = [
        (value, names)
        for value, names in found.values()
        if not callable(value) or f"{getattr(value, '__module__', own)}.".startswith(f"{own}.")
    ]
    return tuple(
        sorted(
            (
                Public(min(names, key=partial(rank, value)), package, tuple(names), value)
                for value, names in ours
            ),
            key=lambda each: each.name,
        )
    )
