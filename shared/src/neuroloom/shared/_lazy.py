"""Named parts that are read when they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class Lazy(Mapping[str, T], Generic[T]):
    """A read-only mapping whose values are made when they are first asked for, and then kept.

    Names, length and ``in`` cost nothing; comparing, saving and copying to a dict make
    everything.

    Parameters
    ----------
    makers : mapping of str to callable
        For each name what returns its value. A maker that raises is asked again next time.

    Examples
    --------
    >>> parts = Lazy({"lfp": lambda: print("reading") or 7})
    >>> "lfp" in parts
    True
    >>> parts["lfp"]
    reading
    7
    >>> parts["lfp"]
    7
    """

    __slots__ = ("_made", "_makers")

    def __init__(self, makers: Mapping[str, Callable[[], T]]) -> None:
        self._makers = dict(makers)
        self._made: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __repr__(self) -> str:
        parts = (f"{n!r}: {self._made[n]!r}" if n in self._made else f"{n!r}" for n in self)
        return f"{{{', '.join(parts)}}}"
