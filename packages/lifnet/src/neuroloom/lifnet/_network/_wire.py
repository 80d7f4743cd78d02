"""Draw the synapses of a declared network, straight into the engine's compressed rows.

Every source neuron draws from a stream of its own, so the synapses depend on the seed alone. Rows
are written once, in order, and never held in any other form: a network needs the memory of its
synapses and little more.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._engine._connectivity import Connectivity
from neuroloom.lifnet._engine._memory import check_memory
from neuroloom.lifnet._engine._parts import GRID, MAX_PART, Parts, as_precision, balanced_bounds
from neuroloom.lifnet._errors import NetworkError
from neuroloom.lifnet._network._declared import Declared
from neuroloom.lifnet._network._distributions import CONSTANT, coded
from neuroloom.lifnet._network._drawn import ROWS
from neuroloom.lifnet._network._plan import TAIL, Plan, plan_of
from neuroloom.lifnet._network._projection import Projection
from neuroloom.lifnet._network._rows import Space, Written, close_up, write
from neuroloom.lifnet._network._rules import Explicit
from neuroloom.shared import Seed

# Synapses for which another thread is worth its start.
_WORTH_A_THREAD = 1e5


def wire(network: Declared, delta_t: float, dtype: str, n_threads: int, seed: Seed) -> Connectivity:
    """Return the synapses of a network.

    Raises
    ------
    NetworkError
        If a delay is shorter than a step and not 0.
    """
    n = network.n_neurons
    if not network.projections:
        return Connectivity.from_csr(np.zeros(n + 1, np.int64), np.zeros(0, np.int32), 0.0)
    shared = all(_one_weight(projection) for projection in network.projections)
    expected = sum(_expected(network, projection) for projection in network.projections)
    check_memory(
        {"synapses": expected * (2 if shared else 2 + np.dtype(dtype).itemsize)},
        remedy="take a smaller network, or fewer synapses",
    )
    plan = plan_of(network, delta_t, shared, seed)
    slots = float(len(network.receptors) * (plan.longest + 2) * n)
    check_memory(
        {"input on its way": slots * np.dtype(dtype).itemsize},
        remedy="take shorter delays or longer steps",
    )
    n_parts = max(min(n_threads, -(-n // GRID)), -(-n // MAX_PART))
    bounds = balanced_bounds(_expected_degree(network, "post"), n_parts)
    # Rows that the caller gives may all be of one source: one worker writes them.
    several = (plan.kind != ROWS).all() and expected > _WORTH_A_THREAD * n_threads
    sources = _shares(_expected_degree(network, "pre"), n_threads if several else 1)
    capacity, widest = _capacity(network, sources, bounds)
    most = np.diff(sources) * min((plan.longest + 1) * plan.n_keys, widest)
    segments = np.minimum(capacity, np.tile(most, n_parts)) + 1
    place, segment = (np.append(0, np.cumsum(sizes)) for sizes in (capacity, segments))
    n_synapses, n_segments = int(place[-1]), int(segment[-1])
    # Zeros, since parts leave room unused: what lies there is read (to be converted, to be saved).
    out = Written(
        rows=np.zeros((len(bounds) - 1, n + 1), dtype=np.int64),
        start=np.zeros(n_segments, dtype=np.int64),
        delay=np.zeros(n_segments, dtype=np.int32),
        channel=np.zeros(n_segments, dtype=np.uint8),
        target=np.zeros(n_synapses, dtype=np.uint16),
        weight=np.zeros(n_segments if shared else n_synapses, dtype=dtype),
    )
    root = np.uint64(seed.child("synapses").integer(64))
    done = _write_all(root, plan, sources, bounds, place, segment, out, widest, shared)
    as_precision("weight", out.weight, dtype)
    rows = out.rows
    used = np.concatenate([out.delay[row[0] : row[-1]] for row in rows])
    return Connectivity(
        n_neurons=n,
        n_synapses=done,
        min_delay=int(used.min()) if used.size else 0,
        max_delay=int(used.max()) if used.size else 0,
        n_channels=len(network.receptors),
        parts=_parts(bounds, out, shared),
    )


def _write_all(
    root: Any,
    plan: Plan,
    sources: NDArray[np.int64],
    bounds: NDArray[np.int64],
    place: NDArray[np.int64],
    segment: NDArray[np.int64],
    out: Written,
    widest: int,
    shared: bool,
) -> int:
    """Write all rows, shares of the sources at a time, and return the number of synapses."""
    n_shares = len(sources) - 1

    def work(k: int) -> int:
        here, end = slice(k, -1, n_shares), slice(k + 1, None, n_shares)
        space = Space(bounds, place[here], place[end], segment[here], segment[end])
        first, last = int(sources[k]), int(sources[k + 1])
        return int(write(root, plan, space, out, widest, shared, first, last))

    out.rows[:, 0] = segment[:-1:n_shares]
    with ThreadPoolExecutor(n_shares) as pool:
        done = list(pool.map(work, range(n_shares)))
    if min(done) < 0:
        raise NetworkError("projections: more synapses came than chance allows; a rule is wrong")
    for p in range(len(bounds) - 1):
        for k in range(1, n_shares):
            begin = int(segment[p * n_shares + k])
            close_up(p, int(sources[k]), int(sources[k + 1]), begin, out, shared)
    return sum(done)


def _parts(bounds: NDArray[np.int64], out: Written, shared: bool) -> Parts:
    """Return what was written, with what lies behind it given back where it is one part."""
    if len(bounds) > 2:
        return Parts(bounds, *out, shared)
    last, end = int(out.rows[0, -1]) + 1, int(out.start[out.rows[0, -1]])
    return Parts(
        bounds,
        out.rows,
        out.start[:last].copy(),
        out.delay[:last].copy(),
        out.channel[:last].copy(),
        out.target[:end],
        out.weight[:last].copy() if shared else out.weight[:end],
        shared,
    )


def _expected(network: Declared, projection: Projection) -> float:
    n_pre, n_post = (
        network.spans[name][1] - network.spans[name][0]
        for name in (projection.pre, projection.post)
    )
    return float(projection.rule.expected(n_pre, n_post))


def _expected_degree(network: Declared, side: str) -> NDArray[np.float64]:
    """Return how many synapses each neuron receives (`side` "post") or sends ("pre")."""
    out = np.zeros(network.n_neurons)
    for projection in network.projections:
        low, high = network.spans[getattr(projection, side)]
        out[low:high] += _expected(network, projection) / (high - low)
    return out


def _shares(out_degree: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Return where `n` shares of the sources begin that send about as much, and their number."""
    sent = np.append(0.0, np.cumsum(out_degree))
    inner = np.searchsorted(sent, sent[-1] * np.arange(1, n) / n)
    return np.concatenate([[0], inner, [len(out_degree)]]).astype(np.int64)


def _one_weight(projection: Projection) -> bool:
    given = isinstance(projection.rule, Explicit) and projection.rule.weights is not None
    return coded(projection.weight)[0] == CONSTANT and not given


def _capacity(
    network: Declared, sources: NDArray[np.int64], bounds: NDArray[np.int64]
) -> tuple[NDArray[np.int64], int]:
    """Return how many synapses may come, and the longest row that may come.

    The numbers are those of each part of the targets and, within it, of each share of the sources.
    """
    n_parts = len(bounds) - 1
    mean = np.zeros((n_parts, len(sources) - 1))
    rows: dict[str, int] = {}
    for projection in network.projections:
        pre, post = network.spans[projection.pre], network.spans[projection.post]
        n_pre, n_post = pre[1] - pre[0], post[1] - post[0]
        total = projection.rule.expected(n_pre, n_post)
        inside, sent = _overlap(bounds, post), _overlap(sources, pre)
        mean += total * inside[:, np.newaxis] / n_post * sent / n_pre
        if isinstance(projection.rule, Explicit) and n_parts > 1:
            mean[inside > 0] += total  # rows given by the caller may all point to one part
        row = projection.rule.longest_row(n_pre, n_post)
        rows[projection.pre] = rows.get(projection.pre, 0) + row
    capacity = mean + TAIL * np.sqrt(mean) + 64
    return capacity.ravel().astype(np.int64), max(rows.values(), default=1)


def _overlap(bounds: NDArray[np.int64], span: tuple[int, int]) -> NDArray[np.int64]:
    """Return how many neurons of a span lie between each two bounds."""
    shared = np.minimum(bounds[1:], span[1]) - np.maximum(bounds[:-1], span[0])
    return np.asarray(np.clip(shared, 0, None), dtype=np.int64)
