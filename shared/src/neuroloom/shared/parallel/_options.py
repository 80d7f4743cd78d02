"""The same options of every command that does long work."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib

from neuroloom.shared._errors import require
from neuroloom.shared.checks import fail, flag
from neuroloom.shared.parallel._shards import sharded


def add_options(
    parser: argparse.ArgumentParser, *, shard: bool = True, resume: bool = True
) -> None:
    """Add ``--workers``, ``--dask``, ``--shard`` and ``--resume`` to a command.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The command's parser.
    shard, resume : bool
        Whether the command can compute parts, and keep what is finished.

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> add_options(parser)
    >>> parser.parse_args(["--shard", "2/4"]).shard
    (2, 4)
    """
    group = parser.add_argument_group("where to compute")
    where = group.add_mutually_exclusive_group()  # the cluster has its own number of workers
    where.add_argument(
        "--workers", type=_workers, metavar="N", help="processes; -1 for all cores allowed"
    )
    where.add_argument(
        "--dask", metavar="ADDRESS", help="scheduler of a dask cluster, tcp://host:8786 or a file"
    )
    if flag("shard", shard):
        group.add_argument(
            "--shard",
            type=shard_option,
            metavar="I/N",
            help="compute part I of N, from 0 (array jobs)",
        )
    if flag("resume", resume):
        group.add_argument(
            "--resume",
            type=Path,
            metavar="FOLDER",
            help="keep what is finished here, and go on from there",
        )


@contextmanager
def computing(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the arguments of `neuroloom.shared.map` for a command's options.

    Within the context joblib's backend is the cluster that ``--dask`` names, and jobs that keep
    their items compute the part that ``--shard`` names (see `sharded`); `neuroloom.shared.cli.run`
    prints what its end says.

    Parameters
    ----------
    options : argparse.Namespace
        What the parser of `add_options` returned.

    Yields
    ------
    dict
        ``n_workers``, and ``resume`` if the command has it; ``shard`` where it has no ``resume``
        and keeps parts in its own way.

    Raises
    ------
    DataError
        If ``--shard`` is given without ``--resume``.
    MissingDependencyError
        If ``--dask`` is given and dask is not installed.
    """
    given = vars(options)
    shard = given.get("shard")
    arguments: dict[str, Any] = {"n_workers": options.workers}
    if "resume" not in given:
        arguments |= {"shard": shard} if "shard" in given else {}
        shard = None
    else:
        arguments["resume"] = options.resume
        if shard is not None and options.resume is None:
            raise fail("--shard", "--resume FOLDER beside it, where parts come together", "none")
    with cluster(options.dask), sharded(shard):
        yield arguments


@contextmanager
def cluster(address: str | None) -> Iterator[None]:
    """Let joblib's backend be a dask cluster within the context.

    Parameters
    ----------
    address : str or None
        Of its scheduler, ``tcp://host:8786``, or the scheduler's JSON file; None changes nothing.

    Raises
    ------
    MissingDependencyError
        If an address is given and dask is not installed.
    DataError
        If no scheduler answers there.
    """
    if address is None or (isinstance(address, str) and not address):
        yield
        return
    if not isinstance(address, str):
        raise fail("address", "text, or None", type(address).__name__)
    distributed: Any = require("distributed", extra="neuroloom-shared[dask]")
    where = {"scheduler_file" if address.endswith(".json") else "address": address}
    try:
        client = distributed.Client(**where)
    except (OSError, ValueError) as error:
        raise fail("--dask", "the address of a running scheduler", f"{address}: {error}") from error
    with client, joblib.parallel_config("dask", client=client):
        yield


def _workers(text: str) -> int:
    number = int(text)
    if number == 0 or number < -1:
        raise argparse.ArgumentTypeError("expected a positive number, or -1 for all cores")
    return number


def shard_option(text: str) -> tuple[int, int]:
    """Return the shard that ``I/N`` means, for a command's own ``--shard``.

    Parameters
    ----------
    text : str
        What was typed.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is no shard.

    Examples
    --------
    >>> shard_option("2/4")
    (2, 4)
    """
    first, _, second = text.partition("/")
    if not (first.isdigit() and second.isdigit() and int(first) < int(second)):
        raise argparse.ArgumentTypeError(f"expected I/N with 0 <= I < N, got {text}")
    return int(first), int(second)
