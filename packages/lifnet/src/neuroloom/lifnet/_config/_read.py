"""How one value of a configuration is read: checked, converted, or refused by its full path."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from typing import Any, ClassVar, TypeVar, get_type_hints

from neuroloom.lifnet._errors import ConfigError
from neuroloom.shared import checks

Reader = Callable[[str, Any], Any]
S = TypeVar("S", bound="Section")


def refuse(path: str, expected: str, got: object) -> Exception:
    """Return the error that names the key's path, what was expected and what came."""
    return checks.fail(path, expected, repr(got), error=ConfigError)


def unknown(path: str, key: object, known: Iterable[str], what: str = "key") -> str:
    """Return the sentence about an unknown name, with the nearest known one."""
    names = sorted(known)
    place = f"{path}.{key}" if path else str(key)
    return f"{place}: unknown {what}{checks.did_you_mean(key, names)} Known: {', '.join(names)}"


class Section:
    """Base of the frozen dataclasses: every field is read and checked on construction.

    A field is annotated with what reads it, ``level: Annotated[float, probability]``.
    """

    path: ClassVar[str] = ""

    def __post_init__(self) -> None:
        kind: Any = type(self)
        readers = _readers(kind)
        for spec in fields(self):  # type: ignore[arg-type]
            value = getattr(self, spec.name)
            if value is None and _optional(spec):
                continue
            where = f"{self.path}.{spec.name}" if self.path else spec.name
            object.__setattr__(self, spec.name, readers[spec.name](where, value))

    @classmethod
    def from_mapping(cls: type[S], data: object) -> S:
        """Return the section that a mapping of keys to values describes.

        Raises
        ------
        ConfigError
            If a key is unknown (with the nearest known one) or missing, or a value impossible.
        """
        if isinstance(data, cls):
            return data
        if not isinstance(data, Mapping):
            raise refuse(cls.path or "configuration", "a mapping of keys to values", data)
        known = {spec.name: spec for spec in fields(cls)}  # type: ignore[arg-type]
        for name in data:
            if name not in known:
                raise ConfigError(unknown(cls.path, name, known))
        if absent := _missing(cls, data):
            needs = "this key" if len(absent) == 1 else "these keys"
            raise ConfigError(f"{', '.join(absent)}: missing; the configuration needs {needs}")
        return cls(**{name: value for name, value in data.items() if value is not None})

    def to_mapping(self) -> dict[str, Any]:
        """Return the section as nested plain dicts and lists, ready for YAML."""
        return {spec.name: plain(getattr(self, spec.name)) for spec in fields(self)}  # type: ignore[arg-type]


@cache
def _readers(kind: Any) -> dict[str, Reader]:
    hints = get_type_hints(kind, include_extras=True)
    return {spec.name: hints[spec.name].__metadata__[0] for spec in fields(kind)}


def _missing(kind: Any, data: object) -> list[str]:
    """Return the paths of all keys that a section and those inside it need and do not get."""
    if not isinstance(data, Mapping):
        return []  # told by what reads it
    absent = []
    for spec in fields(kind):
        value, reader = data.get(spec.name), _readers(kind)[spec.name]
        if value is None and _optional(spec):
            continue
        if isinstance(reader, _Inner):
            absent += _missing(reader.kind, {} if value is None else value)
        elif value is None:
            absent.append(f"{kind.path}.{spec.name}" if kind.path else spec.name)
    return absent


def plain(value: Any) -> Any:
    """Return `value` with sections as dicts and tuples as lists."""
    if isinstance(value, Section):
        return value.to_mapping()
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(part) for part in value]
    return value


def _optional(spec: Field[Any]) -> bool:
    return spec.default is not MISSING or spec.default_factory is not MISSING


def real(path: str, value: Any) -> float:
    """Return a finite number; text such as ``1e-3``, which YAML 1.1 leaves as text, is read."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise refuse(path, "a number", value) from None
    return checks.real(path, value, error=ConfigError)


def between(low: float, high: float, *, open_low: bool = False) -> Reader:
    """Return a reader of numbers in ``[low, high]``, or ``(low, high]``."""
    edge = "(" if open_low else "["

    def read(path: str, value: Any) -> float:
        result = real(path, value)
        if not low <= result <= high or (open_low and result == low):
            raise refuse(path, f"a number in {edge}{low:g}, {high:g}]", result)
        return result

    return read


positive = between(0.0, math.inf, open_low=True)
not_negative = between(0.0, math.inf)
probability = between(0.0, 1.0)


def whole(minimum: int) -> Reader:
    """Return a reader of integers of at least `minimum`."""

    def read(path: str, value: Any) -> int:
        number = real(path, value)
        return checks.whole(path, number, at_least=minimum, accept_floats=True, error=ConfigError)

    return read


def items(read: Reader, *, length: int | None = None) -> Reader:
    """Return a reader of lists whose items `read` reads, of a fixed length if one is given."""
    expected = "a list" if length is None else f"a list of {length}"

    def read_all(path: str, value: Any) -> tuple[Any, ...]:
        if hasattr(value, "tolist"):
            value = value.tolist()
        if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
            raise refuse(path, expected, value)
        if length is not None and len(value) != length:
            raise refuse(path, expected, f"{len(value)}: {list(value)}")
        return tuple(read(f"{path}[{i}]", item) for i, item in enumerate(value))

    return read_all


def one_or_more(read: Reader) -> Reader:
    """Return a reader of one value, or a list of values."""
    many = items(read)

    def read_any(path: str, value: Any) -> Any:
        if isinstance(value, (Sequence, tuple)) and not isinstance(value, (str, bytes)):
            return many(path, value)
        return many(path, value) if hasattr(value, "__len__") else read(path, value)

    return read_any


def flag(path: str, value: Any) -> bool:
    """Return a boolean."""
    return checks.flag(path, value, error=ConfigError)


def text(path: str, value: Any) -> str:
    """Return text."""
    return checks.text(path, value, error=ConfigError)


def choice(*allowed: str) -> Reader:
    """Return a reader of one of some words."""

    def read(path: str, value: Any) -> str:
        return checks.choice(path, value, allowed, error=ConfigError)

    return read


@dataclass(frozen=True)
class _Inner:
    """A reader of a nested section."""

    kind: type[Section]

    def __call__(self, path: str, value: Any) -> Any:
        return self.kind.from_mapping(value)


def section(kind: type[Section]) -> Reader:
    """Return a reader of a nested section."""
    return _Inner(kind)
