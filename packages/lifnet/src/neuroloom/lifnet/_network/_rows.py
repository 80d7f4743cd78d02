"""The kernels that draw a network's synapses and write them, one source neuron after the other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from neuroloom.lifnet._engine._noise import mix
from neuroloom.lifnet._network._distributions import CONSTANT, GIVEN, LOGNORMAL, NORMAL
from neuroloom.lifnet._network._drawn import CHANCE, COUNTS, ROWS, SPACE
from neuroloom.shared import compiled
from neuroloom.shared.random import GOLDEN


class Space(NamedTuple):
    """Where each part of the targets begins, and the memory that some sources have there."""

    bounds: Any  # (n_parts + 1,) target neurons
    place: Any  # (n_parts,) first synapse
    place_end: Any
    segment: Any  # (n_parts,) first segment
    segment_end: Any


class Written(NamedTuple):
    """The arrays of `Parts` that are written."""

    rows: Any
    start: Any
    delay: Any
    channel: Any
    target: Any
    weight: Any


class _Row(NamedTuple):
    """The synapses of one source, in the order of drawing."""

    target: Any
    code: Any
    weight: Any


class _Progress(NamedTuple):
    """How far each part is written, and what is counted on the way."""

    place: Any  # (n_parts,)
    segment: Any  # (n_parts,)
    count: Any  # (n_parts, n_codes) synapses of the row, then where they go
    channel: Any  # (n_keys,)
    weight: Any  # (n_keys,)


@compiled
def write(
    root: Any, plan: Any, space: Any, out: Any, widest: int, shared: bool, first: int, last: int
) -> int:
    """Draw and write the rows of sources; return the number of synapses, −1 if space ran out.

    Where the first row of a part begins is there already.
    """
    n_parts = len(space.bounds) - 1
    n_codes = (plan.longest + 1) * plan.n_keys
    row = _Row(
        np.empty(widest, dtype=np.int32),
        np.empty(widest, dtype=np.int32),
        np.empty(widest, dtype=np.float64),
    )
    done = _Progress(
        space.place.copy(),
        space.segment.copy(),
        np.zeros((n_parts, n_codes), dtype=np.int64),
        np.zeros(plan.n_keys, dtype=np.int64),
        np.zeros(plan.n_keys, dtype=np.float64),
    )
    total = 0
    for j in range(first, last):
        state = mix(root + GOLDEN * np.uint64(j + 1))
        n = 0
        for q in range(plan.first[plan.population[j]], plan.first[plan.population[j] + 1]):
            done.channel[plan.key[q]] = plan.channel[q]
            done.weight[plan.key[q]] = plan.weight[q, 1]
            n, state = _draw(state, plan, j, q, n, row)
            if n < 0:
                return -1
        if not _open_segments(n, j, row, space, done, plan.n_keys, shared, out):
            return -1
        _place(n, row, space.bounds, done, shared, out)
        total += n
    for p in range(n_parts):
        out.start[done.segment[p]] = done.place[p]
    return total


@compiled
def close_up(p: int, first: int, last: int, begin: int, out: Any, shared: bool) -> None:
    """Move what the sources `first` to `last` send to part p up to what those before send there.

    `begin` is the segment at which they were written.
    """
    to, end = out.rows[p, first], out.rows[p, last]
    free = out.start[to]
    gap = begin - to
    back = out.start[begin] - free
    for k in range(out.start[begin], out.start[end]):
        out.target[k - back] = out.target[k]
        if not shared:
            out.weight[k - back] = out.weight[k]
    for k in range(max(out.start[begin], out.start[end] - back), out.start[end]):
        out.target[k] = 0
        if not shared:
            out.weight[k] = 0
    for s in range(begin, end + 1):
        out.start[s - gap] = out.start[s] - back
        out.delay[s - gap] = out.delay[s]
        out.channel[s - gap] = out.channel[s]
        if shared:
            out.weight[s - gap] = out.weight[s]
    for j in range(first + 1, last + 1):
        out.rows[p, j] -= gap


@compiled
def _draw(state: Any, plan: Any, j: int, q: int, n: int, row: Any) -> tuple[int, Any]:
    """Draw the synapses of source j in projection q behind the n of before; n is −1 if too many."""
    low, high, p_q, kind = plan.low[q], plan.high[q], plan.p[q], plan.kind[q]
    mine = plan.offset[q] + j - plan.start[q]
    normal = _is_normal(plan.weight[q, 0]) or _is_normal(plan.delay[q, 0])
    left, k = 0, 0
    if kind == COUNTS:
        left = plan.counts[mine]
    elif kind == ROWS:
        k = plan.indptr[mine]
        left = plan.indptr[mine + 1] - k
    skip = np.log1p(-p_q)
    least = int(plan.delay[q, 0] != CONSTANT)  # a drawn delay is never shorter than a step
    post = low - 1
    while True:
        if kind == CHANCE:
            if p_q <= 0:
                break
            post, state = _next_target(state, post, skip, low, high)
            if post >= high:
                break
            if post == j and not plan.autapses[q]:
                continue
        else:
            if left == 0:
                break
            left -= 1
            if kind == COUNTS:
                state += GOLDEN
                u = np.float64(mix(state) >> np.uint64(11)) * SPACE
                post = low + np.int64(u * (high - low))
            else:
                post = low + plan.indices[k]
        z0, z1 = 0.0, 0.0
        if normal:  # weight and delay share the two numbers of Box and Muller
            state += GOLDEN
            u = (np.float64(mix(state) >> np.uint64(11)) + 0.5) * SPACE
            state += GOLDEN
            angle = 2 * np.pi * np.float64(mix(state) >> np.uint64(11)) * SPACE
            radius = np.sqrt(-2 * np.log(u))
            z0, z1 = radius * np.cos(angle), radius * np.sin(angle)
        if plan.weight[q, 0] == GIVEN:
            w = plan.weights[k]
        else:
            w, state = _value(plan.weight[q], z0, state)
        d, state = _value(plan.delay[q], z1, state)
        steps = min(max(int(np.rint(d)), least), plan.longest)
        if n == len(row.target):
            return -1, state
        row.target[n] = post
        row.code[n] = steps * plan.n_keys + plan.key[q]
        row.weight[n] = w
        n += 1
        k += 1
    return n, state


@compiled
def _is_normal(kind: float) -> bool:
    return kind == NORMAL or kind == LOGNORMAL


@compiled
def _next_target(state: Any, post: int, skip: float, low: int, high: int) -> tuple[int, Any]:
    """Return the next target that chance connects: distances are geometric."""
    if skip == -np.inf:
        return post + 1, state
    state += GOLDEN
    u = (np.float64(mix(state) >> np.uint64(11)) + 0.5) * SPACE
    step = np.log(u) / skip
    return high if step > high - low else post + 1 + int(step), state


@compiled
def _value(code: Any, z: float, state: Any) -> tuple[float, Any]:
    """Return a value of a coded distribution, of which `z` is a standard normal to begin with."""
    kind = code[0]
    if kind == CONSTANT:
        return code[1], state
    if kind == NORMAL:
        value = code[1] + code[2] * z
        while value < code[3] or value > code[4]:
            state += GOLDEN
            u = (np.float64(mix(state) >> np.uint64(11)) + 0.5) * SPACE
            state += GOLDEN
            angle = 2 * np.pi * np.float64(mix(state) >> np.uint64(11)) * SPACE
            value = code[1] + code[2] * np.sqrt(-2 * np.log(u)) * np.cos(angle)
        return value, state
    if kind == LOGNORMAL:
        return code[3] * np.exp(code[1] + code[2] * z), state
    state += GOLDEN
    return code[1] + code[2] * np.float64(mix(state) >> np.uint64(11)) * SPACE, state


@compiled
def _part_of(target: int, bounds: Any) -> int:
    p = 0
    while target >= bounds[p + 1]:
        p += 1
    return p


@compiled
def _open_segments(
    n: int, j: int, row: Any, space: Any, done: Any, n_keys: int, shared: bool, out: Any
) -> bool:
    """Write the segments of a row of n synapses; return False if there was no space."""
    for i in range(n):
        done.count[_part_of(row.target[i], space.bounds), row.code[i]] += 1
    for p in range(len(space.bounds) - 1):
        for code in range(done.count.shape[1]):
            here = done.count[p, code]
            if here == 0:
                continue
            s = done.segment[p]
            if done.place[p] + here > space.place_end[p] or s + 1 >= space.segment_end[p]:
                return False
            out.start[s] = done.place[p]
            out.delay[s] = code // n_keys
            out.channel[s] = done.channel[code % n_keys]
            if shared:
                out.weight[s] = done.weight[code % n_keys]
            done.segment[p] = s + 1
            done.count[p, code] = done.place[p]
            done.place[p] += here
        out.rows[p, j + 1] = done.segment[p]
    return True


@compiled
def _place(n: int, row: Any, bounds: Any, done: Any, shared: bool, out: Any) -> None:
    """Write the synapses of a row into their segments, and clear the counts."""
    for i in range(n):
        p = _part_of(row.target[i], bounds)
        to = done.count[p, row.code[i]]
        done.count[p, row.code[i]] += 1
        out.target[to] = row.target[i] - bounds[p]
        if not shared:
            out.weight[to] = row.weight[i]
    for i in range(n):
        for p in range(len(bounds) - 1):
            done.count[p, row.code[i]] = 0
