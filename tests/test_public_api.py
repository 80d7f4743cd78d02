"""Every public name is in its package's ``__all__``, sorted, and says what it is."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import pkgutil
import typing
from types import ModuleType

import pytest

from neuroloom.shared import NeuroloomError

PACKAGES = ["circuit_inference", "glmhmm", "lifnet", "mi", "shared", "tasks"]


def bound(module: ModuleType) -> set[str]:
    """Return the public names that a package's ``__init__.py`` binds, submodules aside."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name != "annotations"
    }


def complaints(module: ModuleType) -> list[str]:
    """Return what is wrong with a package's public names."""
    public = list(module.__all__)
    wrong = [f"{name} is public and not in __all__" for name in sorted(bound(module) - set(public))]
    wrong += [
        f"{name} is in __all__ twice" for name in sorted({n for n in public if public.count(n) > 1})
    ]
    if public != sorted(public):
        first = next(a for a, b in zip(public, sorted(public), strict=True) if a != b)
        wrong.append(f"__all__ is not sorted from {first} on")
    for name in public:
        value = getattr(module, name, None)
        if value is None:
            wrong.append(f"{name} is in __all__ and not there")
        elif inspect.isroutine(value) or inspect.isclass(value) or isinstance(value, ModuleType):
            if not (value.__doc__ or "").strip() and typing.get_origin(value) is None:
                wrong.append(f"{name} has no docstring")
    return wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_listed_sorted_and_documented(package: str) -> None:
    assert not complaints(importlib.import_module(f"neuroloom.{package}"))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_what_it_is_and_its_version(package: str) -> None:
    module = importlib.import_module(f"neuroloom.{package}")
    assert (module.__doc__ or "").strip()
    assert "__version__" in module.__all__
    assert (
        importlib.metadata.version(f"neuroloom-{package.replace('_', '-')}") == module.__version__
    )


def raised_by(package: str) -> list[type[BaseException]]:
    """Return every class of errors and warnings that a package writes down for its users."""
    found = set()
    root = importlib.import_module(f"neuroloom.{package}")
    for info in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, type) and issubclass(value, (NeuroloomError, Warning)):
                if value.__module__.startswith(root.__name__):
                    found.add(value)
    return sorted(found, key=lambda kind: kind.__qualname__)


@pytest.mark.parametrize("package", PACKAGES)
def test_errors_and_warnings_name_the_place_they_are_imported_from(package: str) -> None:
    kinds = raised_by(package)
    assert kinds
    for kind in kinds:
        place = kind.__module__
        assert not any(part.startswith("_") for part in place.split(".")), kind
        assert getattr(importlib.import_module(place), kind.__name__) is kind


def planted(**names: object) -> ModuleType:
    module = ModuleType("planted", "A package.")
    for name, value in names.items():
        setattr(module, name, value)
    return module


def documented() -> None:
    """Return nothing."""


def undocumented() -> None: ...


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ({"__all__": ["a"], "a": documented, "b": documented}, "b is public and not in __all__"),
        ({"__all__": ["b", "a"], "a": documented, "b": 1}, "__all__ is not sorted from b on"),
        ({"__all__": ["a", "a"], "a": documented}, "a is in __all__ twice"),
        ({"__all__": ["a"]}, "a is in __all__ and not there"),
        ({"__all__": ["a"], "a": undocumented}, "a has no docstring"),
    ],
)
def test_a_planted_fault_is_found(names: dict[str, object], complaint: str) -> None:
    assert complaints(planted(**names)) == [complaint]


def test_a_sound_package_is_left_in_peace() -> None:
    sound = planted(__all__=["A", "__version__", "a"], A=1, __version__="1", a=documented, m=typing)
    assert not complaints(sound)
