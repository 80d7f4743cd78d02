"""Run long work by several workers, on one machine or many.

`map` is at the top of the package, too. `one_thread` limits libraries as the map's items are,
`n_cores` says how many cores are left for them, `n_surrounding_workers` whether the caller asked
for other machines or processes. `sharded` computes one part of a job of several maps.
`add_options` with `computing` gives commands the options ``--workers``, ``--dask``, ``--shard``
and ``--resume``.
"""

from neuroloom.shared._errors import UnfinishedError, WorkerError
from neuroloom.shared.parallel._backends import n_surrounding_workers
from neuroloom.shared.parallel._map import map
from neuroloom.shared.parallel._options import add_options, cluster, computing, shard_option
from neuroloom.shared.parallel._shards import (
    sharded,
    surrounding_shard,
    unfinished,
    whole_work,
)
from neuroloom.shared.parallel._threads import n_cores, one_thread

__all__ = [
    "UnfinishedError",
    "WorkerError",
    "add_options",
    "cluster",
    "computing",
    "map",
    "n_cores",
    "n_surrounding_workers",
    "one_thread",
    "shard_option",
    "sharded",
    "surrounding_shard",
    "unfinished",
    "whole_work",
]
