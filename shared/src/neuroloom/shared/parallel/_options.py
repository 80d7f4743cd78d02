"""The same options of every command that does long work."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import joblib

from neuroloom.shared._errors import require


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--workers``, ``--dask``, ``--shard`` and ``--resume`` to a command.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The command's parser.

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> add_options(parser)
    >>> parser.parse_args(["--shard", "2/4"]).shard
    (2, 4)
    """
    group = parser.add_argument_group("where to compute")
    group.add_argument(
        "--workers", type=_workers, metavar="N", help="processes; -1 for all cores allowed"
    )
    group.add_argument(
        "--dask", metavar="ADDRESS", help="scheduler of a dask cluster, tcp://host:8786 or a file"
    )
    group.add_argument(
        "--shard", type=_shard, metavar="I/N", help="compute part I of N, from 0 (array jobs)"
    )
    group.add_argument(
        "--resume", metavar="FOLDER", help="keep what is finished here, and go on from there"
    )


@contextmanager
def computing(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the arguments of `neuroloom.shared.map` for a command's options.

    Within the context joblib's backend is the cluster that ``--dask`` names.

    Parameters
    ----------
    options : argparse.Namespace
        What the parser of `add_options` returned.

    Yields
    ------
    dict
        ``n_workers``, ``shard`` and ``resume``.

    Raises
    ------
    MissingDependencyError
        If ``--dask`` is given and dask is not installed.
    """
    arguments = {
        "n_workers": options.workers,
        "shard": options.shard,
        "resume": options.resume,
    }
    if not options.dask:
        yield arguments
        return
    distributed: Any = require("distributed", extra="neuroloom-shared[dask]")
    file = str(options.dask).endswith(".json")
    where = {"scheduler_file" if file else "address": options.dask}
    with distributed.Client(**where), joblib.parallel_config("dask"):
        yield {**arguments, "n_workers": None}


def _workers(text: str) -> int:
    number = int(text)
    if number == 0:
        raise argparse.ArgumentTypeError("expected a positive number, or -1 for all cores")
    return number


def _shard(text: str) -> tuple[int, int]:
    first, _, second = text.partition("/")
    if not (first.isdigit() and second.isdigit() and int(first) < int(second)):
        raise argparse.ArgumentTypeError(f"expected I/N with 0 <= I < N, got {text}")
    return int(first), int(second)
