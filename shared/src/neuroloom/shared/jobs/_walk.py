"""One reading of a value with everything that it refers to: what was met, and what is left."""

from __future__ import annotations

import pickle
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from neuroloom.shared.checks import fail
from neuroloom.shared.jobs._names import PLAIN, hashed, hashed_again, plain, type_name
from neuroloom.shared.jobs._origin import distribution, origin, told, version_of

# What cannot be pickled raises any of these.
_UNREADABLE = (TypeError, AttributeError, ValueError, RuntimeError, pickle.PicklingError)
_LOCKS = (type(threading.Lock()), type(threading.RLock()))
SHARED = 4096  # bytes from which a value's digest is kept: items often share large ones


class _Circle(Exception):
    """A value contains itself."""


class Reading:
    """What one reading has met so far, and how it goes on.

    Parameters
    ----------
    readers : sequence of (callable, callable)
        Whether a value is of a kind, and what returns the digest of that kind; the first counts.
    exact : mapping of type to callable
        The same for types that come often, to be found at once.
    other : callable
        Returns the digest of what is of no such kind.
    entry : callable
        Returns the digest of a function or class with what it refers to.
    deep : bool
        Read the code of installed distributions as well, except numpy's and numba's.
    """

    def __init__(
        self,
        readers: Sequence[Reader],
        exact: Mapping[type, Read],
        other: Read,
        entry: Read,
        *,
        deep: bool,
    ) -> None:
        self.deep = deep
        self._readers, self._exact = readers, exact
        self._other, self._entry = other, entry
        self.entries: dict[str, set[str]] = {}
        self._globals: dict[str, set[str]] = {}
        self.versions: dict[str, str] = {}
        self.known: dict[int, tuple[Any, str]] = {}
        self._queue: deque[tuple[str, Any]] = deque()
        self._queued: dict[int, Any] = {}
        self.open: dict[int, Any] = {}
        self.order: dict[int, tuple[int, Any]] | None = None
        self.unread: dict[str, str] = {}
        self.bare: Callable[..., Any] | None = None

    def of(self, value: Any, argument: str = "items", owner: str = "") -> str:
        """Return the digest of a value; functions and classes in it are read by `follow`.

        Parameters
        ----------
        value : object
            The value.
        argument : str
            Name of the argument to tell in errors.
        owner : str
            What in that argument holds the value, to tell in errors.

        Raises
        ------
        DataError
            If the value, or a part of it, is one that could not be sent to another process.
        """
        try:
            return self.root(value)
        except (*_UNREADABLE, RecursionError) as error:
            got = f"{owner}: {error!r}" if owner else repr(error)
            raise fail(argument, "what can be sent to a worker", got) from error

    def follow(self) -> dict[str, str]:
        """Return a digest for each function, class and module that the values so far led to."""
        while self._queue:
            name, value = self._queue.popleft()
            self.entries.setdefault(name, set()).add(self._entry(self, value))
        return {
            name: hashed_again("entry", *sorted(found))
            for name, found in sorted(self.entries.items())
        }

    @property
    def read_globals(self) -> dict[str, str]:
        """A digest for each global value that the functions followed so far refer to."""
        return {
            name: hashed_again("global", *sorted(found))
            for name, found in sorted(self._globals.items())
        }

    def note_global(self, name: str, digest: str) -> None:
        """Note the digest of a global value."""
        self._globals.setdefault(name, set()).add(digest)

    @property
    def waiting(self) -> bool:
        """Whether functions or classes were met that are not read yet."""
        return bool(self._queue)

    def skip(self, function: Callable[..., Any]) -> None:
        """Read a function's code and globals, but not its defaults and what it closes over."""
        self.bare = function

    def root(self, value: Any) -> str:
        """Return the digest of a value that stands in no other."""
        self.open.clear()
        try:
            return self.digest(value)
        except _Circle:
            # Once more, with numbers for what was met before.
            self.open.clear()
            self.order = {}
            try:
                return self.digest(value)
            finally:
                self.order = None

    def lenient(self, value: Any, name: str) -> str:
        """Return the digest of a global or a class's attribute, of its type if it has no other."""
        if (known := self.known.get(id(value))) is not None:
            return known[1]
        before, self.open = self.open, {}
        try:
            return self.root(value)
        except (*_UNREADABLE, RecursionError):
            if type(value) not in _LOCKS:
                self.unread[name] = type_name(type(value))
            return hashed("unreadable", [name, type_name(type(value))])
        finally:
            self.open = before

    def digest(self, value: Any) -> str:
        """Return the digest of a value, or of a part of one."""
        kind = type(value)
        if kind in PLAIN:
            if kind is bytes and len(value) > SHARED:
                return hashed("long bytes", [], value)
            return plain(value)
        if (known := self.known.get(id(value))) is not None:
            return known[1]
        if (usual := self._exact.get(kind)) is not None:
            return usual(self, value)
        for accepts, read in self._readers:
            if accepts(value):
                return read(self, value)
        return self.inside(value, self._other)

    def keep(self, value: Any, digest: str) -> str:
        """Return the digest, which is that of the value wherever it is met again."""
        self.known[id(value)] = (value, digest)
        return digest

    def inside(self, value: Any, read: Read) -> str:
        """Return the digest of a value with parts, which may lead back to it."""
        if self.order is not None:
            if id(value) in self.order:
                return hashed("seen", [str(self.order[id(value)][0])])
            self.order[id(value)] = (len(self.order), value)
            return read(self, value)
        if id(value) in self.open:
            raise _Circle
        self.open[id(value)] = value
        try:
            return read(self, value)
        finally:
            self.open.pop(id(value), None)

    def part(self, value: Any, name: str) -> str:
        """Return the digest of a value inside another; of its type if it cannot be read."""
        try:
            return self.digest(value)
        except RecursionError:
            raise
        except _UNREADABLE:
            if type(value) not in _LOCKS:
                self.unread[name] = type_name(type(value))
            return hashed("unreadable", [name, type_name(type(value))])

    def named(self, module: str, name: str) -> str:
        """Return the digest of what goes by its name, and note the version that it has."""
        where = origin(module)
        if where != "python":
            self.versions[distribution(module)] = version_of(module)
        return hashed_again("named", told(module), name)

    def reads(self, module: str) -> bool:
        """Return whether the code of a module is read, instead of its version."""
        where = origin(module)
        if where == "installed" and self.deep:
            return distribution(module) not in ("numpy", "numba", "llvmlite")
        return where in ("own", "user")

    def enqueue(self, name: str, value: Any) -> str:
        """Note a function or class that is to be read, and return its name."""
        if id(value) not in self._queued:
            self._queued[id(value)] = value
            self._queue.append((name, value))
        return name


Read = Callable[[Reading, Any], str]
Reader = tuple[Callable[[Any], bool], Read]
