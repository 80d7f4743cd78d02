"""What is read from files that anybody may have written: whatever is wrong becomes our error."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from neuroloom.circuit_inference.errors import CircuitInferenceError, ModelFormatError
from neuroloom.shared import DataError

_DAMAGE = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError),
    *(TypeError, ValueError, zipfile.BadZipFile),
)


@contextmanager
def reading(
    argument: str, label: str, error: type[CircuitInferenceError] = ModelFormatError
) -> Iterator[None]:
    """Turn what a damaged file or header causes into one error that names the file.

    Parameters
    ----------
    argument : str
        Name of the argument that said which file.
    label : str
        What is being read.
    error : type
        The error to raise. Errors of this class, and errors that the file does not exist or may
        not be opened, pass as they are.
    """
    try:
        yield
    except (error, FileNotFoundError, PermissionError):
        raise
    except DataError as cause:
        raise error(f"{argument}: {cause}") from cause
    except _DAMAGE as cause:
        text = f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
        raise error(f"{argument}: expected a readable {label}, got {text}") from cause
