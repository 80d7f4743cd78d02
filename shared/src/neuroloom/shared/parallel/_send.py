"""How the arguments of a map reach workers on other machines: what is large, once.

dask and ray keep an object that is passed as a direct argument on the workers, but cannot see what
lies inside tuples, partials and objects: it would go along with every item.
"""

from __future__ import annotations

import importlib
import io
import pickle
from collections.abc import Callable, Sequence
from typing import Any

_LARGE = 100_000  # bytes


def _cloudpickle() -> Any:
    try:
        return importlib.import_module("cloudpickle")
    except ImportError:  # joblib before 1.6 brings its own
        return importlib.import_module("joblib.externals.cloudpickle")


cloudpickle = _cloudpickle()


def _ray() -> Any:
    return importlib.import_module("ray")


class Shared:
    """A value that several items share, as an argument of its own."""

    def __init__(self, value: Any, n_bytes: int) -> None:
        self.value, self.n_bytes = value, n_bytes

    def __sizeof__(self) -> int:  # dask asks
        return self.n_bytes

    def get(self) -> Any:
        """Return the value."""
        return self.value


class InRay:
    """A value in ray's object store."""

    def __init__(self, value: Any) -> None:
        self.reference = _ray().put(value)

    def get(self) -> Any:
        """Return the value, from this machine's memory if it was here before."""
        return _ray().get(self.reference)


class Sender:
    """Packs the items of one map, large objects apart; the same object is packed once.

    Parameters
    ----------
    share : callable
        ``share(value, n_bytes)`` returns the argument that stands for a large value.
    """

    def __init__(self, share: Callable[[Any, int], Any]) -> None:
        self._share = share
        self._known: dict[int, tuple[Any, Any]] = {}

    def pack(self, value: Any) -> tuple[bytes, list[Any]]:
        """Return a value as bytes, and the arguments that stand for the large objects in it."""
        buffer, apart = io.BytesIO(), list[Any]()
        _Pickler(buffer, lambda large, size: self._apart(large, size, apart)).dump(value)
        return buffer.getvalue(), apart

    def share(self, value: bytes) -> Any:
        """Return the argument that stands for bytes that all items need."""
        return self._share(value, len(value))

    def _apart(self, value: Any, n_bytes: int, apart: list[Any]) -> int:
        if id(value) not in self._known:
            self._known[id(value)] = (value, self._share(value, n_bytes))
        argument = self._known[id(value)][1]
        for place, other in enumerate(apart):
            if other is argument:
                return place
        apart.append(argument)
        return len(apart) - 1


def unpack(raw: bytes, apart: Sequence[Any]) -> Any:
    """Return what `Sender.pack` packed."""
    return _Unpickler(io.BytesIO(raw), apart).load()


class _Pickler(cloudpickle.CloudPickler):  # type: ignore[misc,name-defined]
    def __init__(self, file: io.BytesIO, apart: Callable[[Any, int], int]) -> None:
        super().__init__(file)
        self._apart = apart

    def persistent_id(self, value: Any) -> int | None:
        size = _n_bytes(value)
        return self._apart(value, size) if size >= _LARGE else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, apart: Sequence[Any]) -> None:
        super().__init__(file)
        self._apart = apart

    def persistent_load(self, place: int) -> Any:
        return self._apart[place].get()


def _n_bytes(value: Any) -> int:
    if isinstance(value, (bytes, bytearray, str)):
        return len(value)
    if isinstance(value, type):
        return 0
    size = getattr(value, "nbytes", 0) if hasattr(value, "dtype") else 0
    return size if isinstance(size, int) else 0
