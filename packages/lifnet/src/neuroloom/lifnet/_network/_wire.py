"""Draw the synapses of a declared network, straight into the engine's compressed rows.

Every source neuron draws from a stream of its own, so the synapses depend on the seed alone. Rows
are written once, in order, and never held in any other form: a network needs the memory of its
synapses and little more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._engine._connectivity import Connectivity
from neuroloom.lifnet._engine._noise import mix
from neuroloom.lifnet._engine._parts import GRID, MAX_PART, Parts, balanced_bounds
from neuroloom.lifnet._errors import NetworkError
from neuroloom.lifnet._network._distributions import CONSTANT, GIVEN, coded
from neuroloom.lifnet._network._rules import Bernoulli, Explicit, FixedIndegree, FixedTotal
from neuroloom.shared import Seed, compiled
from neuroloom.shared.random import GOLDEN

if TYPE_CHECKING:
    from neuroloom.lifnet._network._declare import Network, Projection

_BERNOULLI, _TOTAL, _ROWS = range(3)
_TAIL = 7.0  # standard deviations to which delays and numbers of synapses may reach
_SPACE = 2.0**-53


class _Plan(NamedTuple):
    """All projections, ordered by their source population."""

    first: Any  # (n_populations + 1,) first projection of each source population
    population: Any  # (n_neurons,) source population
    rule: Any  # (n_projections,)
    p: Any
    low: Any  # first target
    high: Any
    autapses: Any
    weight: Any  # (n_projections, 5) coded distribution
    delay: Any  # (n_projections, 5) coded distribution, in steps
    key: Any
    channel: Any
    start: Any  # first neuron of the source population
    offset: Any  # place of the projection's numbers in `counts` or `indptr`
    counts: Any  # synapses of each source, rule _TOTAL
    indptr: Any  # row ends into `indices`, rule _ROWS
    indices: Any
    weights: Any


def wire(network: Network, delta_t: float, dtype: str, n_threads: int, seed: Seed) -> Connectivity:
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
    plan, n_keys = _plan(network, delta_t, shared, seed)
    longest = int(_longest(plan.delay).max())
    n_codes = (longest + 1) * n_keys
    n_parts = max(min(n_threads, -(-n // GRID)), -(-n // MAX_PART))
    bounds = balanced_bounds(_expected_in_degree(network), n_parts)
    n_parts = len(bounds) - 1
    room, widest = _room(network, bounds)
    segments = np.minimum(room, n * min(n_codes, widest)) + 1
    place = np.append(0, np.cumsum(room))
    segment_place = np.append(0, np.cumsum(segments))
    rows = np.zeros((n_parts, n + 1), dtype=np.int64)
    total = int(place[-1])
    parts = Parts(
        bounds=bounds,
        rows=rows,
        start=np.empty(int(segment_place[-1]), dtype=np.int64),
        delay=np.empty(int(segment_place[-1]), dtype=np.int32),
        channel=np.empty(int(segment_place[-1]), dtype=np.uint8),
        target=np.empty(total, dtype=np.uint16),
        weight=np.empty(int(segment_place[-1]) if shared else total, dtype=dtype),
        shared_weights=shared,
    )
    root = np.uint64(seed.child("synapses").integer(64))
    done = _write(
        root,
        plan,
        n_keys,
        n_codes,
        longest,
        widest,
        bounds,
        place,
        segment_place,
        rows,
        parts.start,
        parts.delay,
        parts.channel,
        parts.target,
        parts.weight,
        shared,
    )
    if done < 0:
        raise NetworkError("projections: more synapses came than chance allows; a rule is wrong")
    if n_parts == 1:  # nothing lies behind what was written: give the rest back
        last, end = int(rows[0, -1]) + 1, int(parts.start[rows[0, -1]])
        parts = Parts(
            bounds,
            rows,
            parts.start[:last].copy(),
            parts.delay[:last].copy(),
            parts.channel[:last].copy(),
            parts.target[:end],
            parts.weight[:last].copy() if shared else parts.weight[:end],
            shared,
        )
    used = np.concatenate([parts.delay[rows[p, 0] : rows[p, -1]] for p in range(n_parts)])
    return Connectivity(
        n_neurons=n,
        n_synapses=int(done),
        min_delay=int(used.min()) if used.size else 0,
        max_delay=int(used.max()) if used.size else 0,
        n_channels=len(network.receptors),
        parts=parts,
    )


def _expected_in_degree(network: Network) -> NDArray[np.float64]:
    out = np.zeros(network.n_neurons)
    for projection in network.projections:
        low, high = network.spans[projection.post]
        n_pre = int(np.diff(network.spans[projection.pre])[0])
        out[low:high] += projection.rule.expected(n_pre, high - low) / (high - low)
    return out


def _one_weight(projection: Projection) -> bool:
    given = isinstance(projection.rule, Explicit) and projection.rule.weights is not None
    return coded(projection.weight)[0] == CONSTANT and not given


def _longest(delay: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the largest number of steps that each coded delay can take."""
    kind, a, b, _, high = delay.T
    top = np.select(
        [kind == CONSTANT, kind == 1, kind == 2, kind == 3],
        [a, np.minimum(a + _TAIL * b, high), np.exp(np.minimum(a + _TAIL * b, 30.0)), a + b],
    )
    return np.asarray(np.ceil(top + 0.5), dtype=np.int64)


def _plan(network: Network, delta_t: float, shared: bool, seed: Seed) -> tuple[_Plan, int]:
    spans, receptors = network.spans, list(network.receptors)
    order = {population.name: k for k, population in enumerate(network.populations)}
    projections: Sequence[Projection] = sorted(
        network.projections, key=lambda projection: order[projection.pre]
    )
    pre = np.array([order[projection.pre] for projection in projections])
    first = np.searchsorted(pre, np.arange(len(order) + 1))
    counts: list[NDArray[Any]] = []
    indptr: list[NDArray[Any]] = []
    indices: list[NDArray[Any]] = []
    weights: list[NDArray[Any]] = []
    rule, offset = [], []
    for k, projection in enumerate(projections):
        n_pre = int(np.diff(spans[projection.pre])[0])
        n_post = int(np.diff(spans[projection.post])[0])
        stream = seed.child("rule").child(k)
        if isinstance(projection.rule, FixedTotal):
            rule.append(_TOTAL)
            offset.append(sum(map(len, counts)))
            share = stream.generator().multinomial(projection.rule.n, np.full(n_pre, 1 / n_pre))
            counts.append(share)
        elif isinstance(projection.rule, (FixedIndegree, Explicit)):
            rule.append(_ROWS)
            offset.append(sum(map(len, indptr)))
            ends, targets = (
                (projection.rule.indptr, projection.rule.indices)
                if isinstance(projection.rule, Explicit)
                else _indegree_rows(projection, n_pre, n_post, stream)
            )
            indptr.append(ends + sum(map(len, indices)))
            indices.append(targets)
            given = isinstance(projection.rule, Explicit) and projection.rule.weights is not None
            weights.append(projection.rule.weights if given else np.zeros(len(targets)))  # type: ignore[union-attr,arg-type]
        else:
            rule.append(_BERNOULLI)
            offset.append(0)
    in_steps = np.array([_in_steps(projection, delta_t) for projection in projections])
    weight = np.array([coded(projection.weight) for projection in projections])
    for k, projection in enumerate(projections):
        if isinstance(projection.rule, Explicit) and projection.rule.weights is not None:
            weight[k, 0] = GIVEN
    channel = np.array([receptors.index(projection.receptor) for projection in projections])
    key = np.arange(len(projections)) - first[pre] if shared else channel
    plan = _Plan(
        first=first,
        population=np.repeat(
            np.arange(len(order)), [population.size for population in network.populations]
        ),
        rule=np.array(rule),
        p=np.array([p.rule.p if isinstance(p.rule, Bernoulli) else 0.0 for p in projections]),
        low=np.array([spans[p.post][0] for p in projections]),
        high=np.array([spans[p.post][1] for p in projections]),
        autapses=np.array([getattr(p.rule, "autapses", True) for p in projections]),
        weight=weight,
        delay=in_steps,
        key=key,
        channel=channel,
        start=np.array([spans[p.pre][0] for p in projections]),
        offset=np.array(offset, dtype=np.int64),
        counts=np.concatenate([*counts, np.zeros(0, np.int64)]).astype(np.int64),
        indptr=np.concatenate([*indptr, np.zeros(0, np.int64)]).astype(np.int64),
        indices=np.concatenate([*indices, np.zeros(0, np.int32)]).astype(np.int32),
        weights=np.concatenate([*weights, np.zeros(0)]).astype(np.float64),
    )
    return plan, int(key.max()) + 1


def _in_steps(projection: Projection, delta_t: float) -> tuple[float, float, float, float, float]:
    kind, a, b, low, high = coded(projection.delay)
    if kind == CONSTANT and 0 < a < delta_t * (1 - 1e-6):
        raise NetworkError(
            f"delay of projection {projection.pre} → {projection.post}: expected 0 or at least "
            f"delta_t ({delta_t:g} s), got {a:g} s"
        )
    if kind == 2:  # log-normal: the scale is in the logarithm
        return kind, a - math.log(delta_t), b, low, high
    if kind == 1:
        return kind, a / delta_t, b / delta_t, max(low, 0.0) / delta_t, high / delta_t
    if kind == 0 and abs(a / delta_t - round(a / delta_t)) > 1e-6 * max(1.0, a / delta_t):
        import warnings

        from neuroloom.lifnet._errors import RoundingWarning

        warnings.warn(
            f"delay of {a:g} s of projection {projection.pre} → {projection.post} is not a "
            f"multiple of delta_t ({delta_t:g} s); rounded to {round(a / delta_t) * delta_t:g} s",
            RoundingWarning,
            stacklevel=6,
        )
    return kind, a / delta_t, b / delta_t, 0.0, 0.0


def _room(network: Network, bounds: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Return how many synapses each part may get, and the longest row that may come."""
    n_parts = len(bounds) - 1
    spans = network.spans
    mean = np.zeros(n_parts)
    rows: dict[str, int] = {}
    for projection in network.projections:
        low, high = spans[projection.post]
        n_pre = int(np.diff(spans[projection.pre])[0])
        total = projection.rule.expected(n_pre, high - low)
        inside = np.clip(np.minimum(bounds[1:], high) - np.maximum(bounds[:-1], low), 0, None)
        mean += total * inside / (high - low)
        if isinstance(projection.rule, Explicit):
            row = int(np.diff(projection.rule.indptr).max(initial=0))
            if n_parts > 1:  # rows given by the caller may all point to one part
                mean[inside > 0] += total
        elif isinstance(projection.rule, Bernoulli):
            row = high - low
        elif isinstance(projection.rule, FixedIndegree) and not projection.rule.multapses:
            row = high - low
        else:
            row = int(total / n_pre + _TAIL * 2 * math.sqrt(total / n_pre) + 50)
        rows[projection.pre] = rows.get(projection.pre, 0) + row
    room = mean + _TAIL * np.sqrt(mean) + 64
    return room.astype(np.int64), max(rows.values(), default=1)


def _indegree_rows(
    projection: Projection, n_pre: int, n_post: int, stream: Seed
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    rule = projection.rule
    assert isinstance(rule, FixedIndegree)
    own = projection.pre == projection.post and not rule.autapses
    root = np.uint64(stream.integer(64))
    counts = np.zeros(n_pre + 1, dtype=np.int64)
    nothing = np.zeros(0, dtype=np.int32)
    _draw_sources(root, rule.n, n_pre, n_post, rule.multapses, own, counts, nothing)
    indptr = np.cumsum(counts)
    targets = np.empty(rule.n * n_post, dtype=np.int32)
    _draw_sources(root, rule.n, n_pre, n_post, rule.multapses, own, indptr.copy(), targets)
    return indptr, targets


@compiled
def _draw_sources(
    root: Any, n: int, n_pre: int, n_post: int, multapses: bool, own: bool, place: Any, out: Any
) -> None:
    """Count the synapses of each source in ``place[source + 1]``, or write their targets."""
    stamp = np.full(n_pre, -1, dtype=np.int64)
    # Where most sources are taken, those left out are drawn instead.
    most = n_pre - 1 if own else n_pre
    few = n if multapses or 2 * n <= most else most - n
    write = len(out) > 0
    for post in range(n_post):
        state = mix(root + GOLDEN * np.uint64(post + 1))
        taken = 0
        if own and few != n:
            stamp[post] = post
        while taken < few:
            state += GOLDEN
            source = int(np.float64(mix(state) >> np.uint64(11)) * _SPACE * n_pre)
            if own and source == post:
                continue
            if not multapses:
                if stamp[source] == post:
                    continue
                stamp[source] = post
            taken += 1
            if few == n:
                if write:
                    out[place[source]] = post
                    place[source] += 1
                else:
                    place[source + 1] += 1
        if few != n:
            for source in range(n_pre):
                if stamp[source] != post:
                    if write:
                        out[place[source]] = post
                        place[source] += 1
                    else:
                        place[source + 1] += 1


@compiled
def _value(code: Any, z: float, state: Any) -> tuple[float, Any]:
    """Return a value of a coded distribution, of which `z` is a standard normal to begin with."""
    kind = code[0]
    if kind == 0:
        return code[1], state
    if kind == 1:
        value = code[1] + code[2] * z
        while value < code[3] or value > code[4]:
            state += GOLDEN
            u = (np.float64(mix(state) >> np.uint64(11)) + 0.5) * _SPACE
            state += GOLDEN
            angle = 2 * np.pi * np.float64(mix(state) >> np.uint64(11)) * _SPACE
            value = code[1] + code[2] * np.sqrt(-2 * np.log(u)) * np.cos(angle)
        return value, state
    if kind == 2:
        return code[3] * np.exp(code[1] + code[2] * z), state
    state += GOLDEN
    return code[1] + code[2] * np.float64(mix(state) >> np.uint64(11)) * _SPACE, state


@compiled
def _write(
    root: Any,
    plan: Any,
    n_keys: int,
    n_codes: int,
    longest: int,
    widest: int,
    bounds: Any,
    place: Any,
    segment_place: Any,
    rows: Any,
    start: Any,
    delay: Any,
    channel: Any,
    target: Any,
    weight: Any,
    shared: bool,
) -> int:
    """Draw and write all rows; return the number of synapses, −1 if there was no room."""
    n_parts = len(bounds) - 1
    at, segment = place[:-1].copy(), segment_place[:-1].copy()
    for p in range(n_parts):
        rows[p, 0] = segment[p]
    row_target = np.empty(widest, dtype=np.int32)
    row_code = np.empty(widest, dtype=np.int32)
    row_weight = np.empty(widest, dtype=np.float64)
    count = np.zeros((n_parts, n_codes), dtype=np.int64)
    key_channel = np.zeros(n_keys, dtype=np.int64)
    key_weight = np.zeros(n_keys, dtype=np.float64)
    total = 0
    for j in range(len(plan.population)):
        state = mix(root + GOLDEN * np.uint64(j + 1))
        n = 0
        for q in range(plan.first[plan.population[j]], plan.first[plan.population[j] + 1]):
            low, high, p_q = plan.low[q], plan.high[q], plan.p[q]
            rule = plan.rule[q]
            mine = plan.offset[q] + j - plan.start[q]
            key_channel[plan.key[q]] = plan.channel[q]
            key_weight[plan.key[q]] = plan.weight[q, 1]
            normal = plan.weight[q, 0] in (1, 2) or plan.delay[q, 0] in (1, 2)
            left, k = 0, 0
            if rule == 1:
                left = plan.counts[mine]
            elif rule == 2:
                k = plan.indptr[mine]
                left = plan.indptr[mine + 1] - k
            skip = np.log1p(-p_q) if p_q < 1 else -np.inf
            post = low - 1
            while True:
                if rule == 0:
                    if p_q <= 0:
                        break
                    if p_q < 1:
                        state += GOLDEN
                        u = (np.float64(mix(state) >> np.uint64(11)) + 0.5) * _SPACE
                        step = np.log(u) / skip
                        post = high if step > high - low else post + 1 + np.int64(step)
                    else:
                        post += 1
                    if post >= high:
                        break
                    if post == j and not plan.autapses[q]:
                        continue
                else:
                    if left == 0:
                        break
                    left -= 1
                    if rule == 1:
                        state += GOLDEN
                        u = np.float64(mix(state) >> np.uint64(11)) * _SPACE
                        post = low + np.int64(u * (high - low))
                    else:
                        post = low + plan.indices[k]
                z0, z1 = 0.0, 0.0
                if normal:
                    state += GOLDEN
                    u = (np.float64(mix(state) >> np.uint64(11)) + 0.5) * _SPACE
                    state += GOLDEN
                    angle = 2 * np.pi * np.float64(mix(state) >> np.uint64(11)) * _SPACE
                    radius = np.sqrt(-2 * np.log(u))
                    z0, z1 = radius * np.cos(angle), radius * np.sin(angle)
                if plan.weight[q, 0] == 4:
                    w = plan.weights[k]
                else:
                    w, state = _value(plan.weight[q], z0, state)
                d, state = _value(plan.delay[q], z1, state)
                steps = int(np.rint(d))
                steps = 0 if steps < 0 else longest if steps > longest else steps
                if n == widest:
                    return -1
                row_target[n] = post
                row_code[n] = steps * n_keys + plan.key[q]
                row_weight[n] = w
                n += 1
                k += 1
        for i in range(n):
            p = 0
            while row_target[i] >= bounds[p + 1]:
                p += 1
            count[p, row_code[i]] += 1
        for p in range(n_parts):
            for code in range(n_codes):
                here = count[p, code]
                if here == 0:
                    continue
                if at[p] + here > place[p + 1] or segment[p] + 1 >= segment_place[p + 1]:
                    return -1
                s = segment[p]
                start[s] = at[p]
                delay[s] = code // n_keys
                channel[s] = key_channel[code % n_keys]
                if shared:
                    weight[s] = key_weight[code % n_keys]
                segment[p] = s + 1
                count[p, code] = at[p]
                at[p] += here
            rows[p, j + 1] = segment[p]
        for i in range(n):
            p = 0
            while row_target[i] >= bounds[p + 1]:
                p += 1
            to = count[p, row_code[i]]
            count[p, row_code[i]] += 1
            target[to] = row_target[i] - bounds[p]
            if not shared:
                weight[to] = row_weight[i]
        for i in range(n):
            for p in range(n_parts):
                count[p, row_code[i]] = 0
        total += n
    for p in range(n_parts):
        start[segment[p]] = at[p]
    return total
