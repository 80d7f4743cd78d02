"""The seed's small helpers. Nothing here installs packages or uses the network."""

from __future__ import annotations

import functools
import importlib
import logging
import time
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from neuroloom.circuit_inference.errors import ArgumentError

T = TypeVar("T")

__all__ = ["download_zenodo_record", "dynamic_import", "ensure_module", "timer"]


def ensure_module(module_name: str, package_name: str | None = None) -> bool:
    """Return whether a module can be imported; nothing is ever installed."""
    try:
        importlib.import_module(module_name)
    except ImportError:
        return False
    return True


def dynamic_import(
    module_path: str, attribute_name: str | None = None, package: str | None = None
) -> Any:
    """Return a module, or one of its attributes."""
    module = importlib.import_module(module_path, package)
    return module if attribute_name is None else getattr(module, attribute_name)


def timer(description: str | None = None) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Return a decorator that logs how long each call took."""

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> T:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                seconds = time.perf_counter() - start
                label = description or function.__name__
                logging.getLogger(__name__).info("%s took %.3f s", label, seconds)

        return timed

    return decorate


def download_zenodo_record(api_url: str, *args: Any, **kwargs: Any) -> NoReturn:
    """Say how to get a Zenodo record: this package never uses the network.

    Raises
    ------
    ArgumentError
        Always.
    """
    raise ArgumentError(
        f"api_url: this package never uses the network; download {api_url} with a browser or a "
        "command-line tool and read the files from disk"
    )
