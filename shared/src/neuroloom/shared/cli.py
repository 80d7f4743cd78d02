"""Command lines that end in one line: for wrong input, for Ctrl-C and for a closed pipe.

Examples
--------
>>> from neuroloom.shared import cli
>>> parser = cli.Parser(prog="double", description="Twice a number.")
>>> _ = parser.add_argument("number", type=float)
>>> cli.run(parser, lambda options: print(2 * options.number), ["4"])
8.0
0
"""

from __future__ import annotations

import argparse
import os
import re
import select
import sys
import warnings
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, NoReturn

from neuroloom.shared._errors import NeuroloomError, UnfinishedError
from neuroloom.shared.checks import did_you_mean

__all__ = ["Parser", "run"]

WRONG_INPUT, INTERRUPTED, PIPE_CLOSED = 2, 130, 141  # as shells number them: 128 + the signal


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with the nearest name for a slip of the pen.

    Parameters
    ----------
    *args, **kwargs
        Those of ``argparse.ArgumentParser``. Parsers of subcommands are of this class, too.
    """

    _words: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Return the options and the words that no option takes, as argparse does.

        Parameters
        ----------
        args : sequence of str, optional
            The words; those of this process if not given.
        namespace : argparse.Namespace, optional
            What to add the options to.

        Returns
        -------
        (argparse.Namespace, list of str)
            Both.
        """
        self._words = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """End the program with status 2 and one line.

        Parameters
        ----------
        message : str
            What argparse found to be wrong.
        """
        message = self._too_early() or message
        invalid = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if invalid:
            known = [name.strip(" '\"") for name in invalid[2].split(",")]
            message += did_you_mean(invalid[1], known)
        unknown = re.search(r"unrecognized arguments: (--[\w-]+)", message)
        if unknown:
            message += did_you_mean(unknown[1], _options(self))
        self.exit(WRONG_INPUT, f"{self.prog}: error: {message} (see {self.prog} --help)\n")

    def _too_early(self) -> str:
        """Return what is wrong if an option stands before the subcommand that is to get it.

        argparse takes the option's value for a subcommand, and says that there is no such one.
        """
        choices = _subcommands(self)
        for word in self._words if choices else ():
            if word in choices or word == "--":
                break
            name = word.partition("=")[0]
            if not re.fullmatch(r"--[\w-]+", name):
                continue
            if any(option.startswith(name) for option in self._option_string_actions):
                continue
            owners = [sub for sub, parser in choices.items() if name in _options(parser)]
            if not owners:
                return f"unrecognized arguments: {name} (a subcommand's options stand behind it)"
            form = f"{self.prog} {owners[0]} {name} …"
            if len(owners) > 1:
                form += f" (or {', '.join(owners[1:4])}{', …' * (len(owners) > 4)})"
            return f"{name} is an option of a subcommand and stands behind it: {form}"
        return ""


def run(
    parser: argparse.ArgumentParser,
    work: Callable[[argparse.Namespace], object],
    arguments: Sequence[str] | None = None,
    *,
    errors: tuple[type[Exception], ...] = (),
) -> int:
    """Parse a command line, do its work, and return the status to exit with.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        What reads the arguments: a `Parser`, so that its own errors are one line as well.
    work : callable
        Called with the parsed options. Text that it returns is printed; an integer from 0 to
        255 is the status, None is 0; anything else is a defect of the program: a TypeError.
    arguments : sequence of str, optional
        The command line's words; those of this process if not given.
    errors : tuple of exception classes
        Further errors that mean wrong input.

    Returns
    -------
    int
        0, or the status that `work` returned; 2 for wrong input: neuroloom's own errors, files
        that cannot be read or written, and `errors`; 130 after Ctrl-C; 141 if who reads the output
        has gone away (``… | head``). Each of these is one line on standard error, the last none.
        A part of a job (``--shard``) that is kept ends with 0 and one line on standard output.
        Any other exception is a defect and keeps its traceback.

    Notes
    -----
    Warnings are one line each on standard error, without the place in the source; where a caller
    records warnings (tests do), they are recorded.
    """
    wrong_input: tuple[type[Exception], ...] = (NeuroloomError, OSError, *errors)
    try:
        options = parser.parse_args(arguments)
        with warnings.catch_warnings():
            if not _recorded():
                warnings.showwarning = _show(parser.prog)
            found = work(options)
        if isinstance(found, str):
            _write(found, sys.stdout)
        sys.stdout.flush()  # a pipe that is closed is told here, not while Python shuts down
    except KeyboardInterrupt:
        after_echo = "\n" if sys.stderr.isatty() else ""  # the terminal has written ^C
        _write(f"{after_echo}{parser.prog}: interrupted", sys.stderr)
        return INTERRUPTED
    except UnfinishedError as end:  # what was asked for: one part of a job
        _write(f"{parser.prog}: {_one_line(end)}", sys.stdout)
        return 0
    except wrong_input as error:
        if isinstance(error, BrokenPipeError) and _output_closed():
            return PIPE_CLOSED
        _write(f"{parser.prog}: error: {_one_line(error)}", sys.stderr)
        return WRONG_INPUT
    return _status(found)


def _status(found: object) -> int:
    """Return the status to exit with, of which the system keeps eight bits alone."""
    if found is None or isinstance(found, str):
        return 0
    if isinstance(found, Integral) and not isinstance(found, bool) and 0 <= int(found) <= 255:
        return int(found)
    raise TypeError(f"work: expected text, None or a status from 0 to 255, got {found!r}")


def _write(text: str, stream: Any) -> None:
    """Print text, with escapes for what the stream's encoding does not have."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def _recorded() -> bool:
    """Return whether somebody else takes the warnings: a test, logging, a user's own function."""
    # `catch_warnings(record=True)` replaces the first of these hooks, users the second.
    hooks = (getattr(warnings, "_showwarnmsg_impl", None), warnings.showwarning)
    return any(getattr(hook, "__module__", None) != "warnings" for hook in hooks)


def _show(prog: str) -> Callable[..., None]:
    def show(message: Warning | str, *rest: Any, **more: Any) -> None:
        _write(f"{prog}: warning: {' '.join(str(message).split())}", sys.stderr)

    return show


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        places = [str(name) for name in (error.filename, error.filename2) if name is not None]
        return f"{' -> '.join(places)}: {error.strerror}" if places else error.strerror
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(text.split()) or type(error).__name__


def _subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found.update(action.choices)
    return found


def _options(parser: argparse.ArgumentParser) -> list[str]:
    """Return the options of a parser and of its subcommands, which argparse asks last."""
    found: list[str] = []
    for action in parser._actions:
        found += action.option_strings
    found += [name for below in _subcommands(parser).values() for name in _options(below)]
    return found


def _output_closed() -> bool:
    """Return whether nobody reads standard output; if so, send the rest to nowhere.

    A broken pipe to a worker is another matter. Python flushes standard output once more at exit
    and would complain there.
    """
    try:
        descriptor = sys.stdout.fileno()
        sys.stdout.flush()
    except BrokenPipeError:
        closed = True
    except (OSError, ValueError):  # a stream of a notebook
        return False
    else:
        # A failed write may have emptied the buffer, so that the flush has nothing to fail with.
        if not hasattr(select, "poll"):
            return True
        watch = select.poll()
        watch.register(descriptor, select.POLLOUT)
        closed = any(event & select.POLLERR for _, event in watch.poll(0))
    if closed:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
    return closed
