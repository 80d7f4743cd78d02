"""`Logger`: lines to a stream and a file, without touching anybody's logging set-up."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from neuroloom.lifnet._errors import LifnetError

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class Logger:
    """Writes lines of a run to a stream and, once attached, to a file.

    Parameters
    ----------
    name : str
        Written in each line.
    level : {"DEBUG", "INFO", "WARNING", "ERROR"}
        The least that is written.
    stream : file-like or None
        Where to write; standard error if not given, nowhere if None.
    file_path : path, optional
        File to add lines to.
    include_timestamp : bool
        Begin lines with the time of day.
    """

    def __init__(
        self,
        name: str = "lifnet",
        level: str = "INFO",
        stream: Any = ...,
        file_path: str | Path | None = None,
        include_timestamp: bool = True,
    ) -> None:
        if str(level).upper() not in LEVELS:
            raise LifnetError(f"level: expected one of {', '.join(LEVELS)}, got {level!r}")
        self.name, self.level = name, str(level).upper()
        self.stream: TextIO | None = sys.stderr if stream is ... else stream
        self.include_timestamp = include_timestamp
        self._file: TextIO | None = None
        self._said: set[str] = set()
        if file_path is not None:
            self.attach_file(file_path)

    def attach_file(self, path: str | Path) -> None:
        """Add all further lines to a file, too; one that was attached before is closed."""
        self.close()
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._file = target.open("a", encoding="utf-8")

    def log(self, message: str, level: str = "INFO") -> None:
        """Write one line if `level` is high enough."""
        if LEVELS.index(level.upper()) < LEVELS.index(self.level):
            return
        time = f"{datetime.now():%H:%M:%S} " if self.include_timestamp else ""
        line = f"{time}{level.upper()} {self.name}: {message}\n"
        for target in (self.stream, self._file):
            if target is not None:
                target.write(line)
                target.flush()

    def debug(self, message: str) -> None:
        """Write a line of level DEBUG."""
        self.log(message, "DEBUG")

    def debug_once(self, message: str) -> None:
        """Write a line of level DEBUG the first time that this logger is given it."""
        if message not in self._said:
            self._said.add(message)
            self.debug(message)

    def info(self, message: str) -> None:
        """Write a line of level INFO."""
        self.log(message, "INFO")

    def warning(self, message: str) -> None:
        """Write a line of level WARNING."""
        self.log(message, "WARNING")

    def error(self, message: str) -> None:
        """Write a line of level ERROR."""
        self.log(message, "ERROR")

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
