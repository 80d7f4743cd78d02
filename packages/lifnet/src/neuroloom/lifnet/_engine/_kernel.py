"""The compiled step: every thread takes its own neurons through a stretch of steps.

Nothing that a thread writes is read by another, but for the lists of spikes: these are exchanged
once per window, which is as long as the shortest delay allows. Sums of synaptic input run over
sources in ascending order whatever the number of threads, so results are the same to the bit.

An argument that is None (`reversal`, `seg_weight`) is pruned at compile time, so that a network
compiles and runs only what it has.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from neuroloom.lifnet._engine._noise import GUIDE_BITS, mix
from neuroloom.lifnet._engine._normal import normal
from neuroloom.lifnet._engine._sync import meet
from neuroloom.shared import compiled
from neuroloom.shared.random import GOLDEN

_SHIFT = np.uint64(64 - GUIDE_BITS)
_ONE = np.uint64(1)
DELTA, EXPONENTIAL, RISE_AND_DECAY = range(3)


class Tiles(NamedTuple):
    """Runs of neurons with equal parameters, at most one grid cell long."""

    start: Any  # (n_tiles + 1,)
    of_part: Any  # (n_parts + 1,) first tile of each part
    v_v: Any  # (n_tiles,)
    v_b: Any
    threshold: Any
    reset: Any
    n_refractory: Any
    v_i: Any  # (n_tiles, n_channels)
    v_x: Any
    i_i: Any
    i_x: Any
    x_x: Any
    scale: Any
    kind: Any  # (n_tiles, n_channels) DELTA, EXPONENTIAL or RISE_AND_DECAY
    reversal: Any  # (n_tiles, n_channels), of conductances
    leak: Any  # (n_tiles,) conductance neurons: step / tau_membrane


class Synapses(NamedTuple):
    """Outgoing synapses, as in `Parts`."""

    bounds: Any
    rows: Any
    start: Any
    delay: Any
    channel: Any
    target: Any
    weight: Any


class Noise(NamedTuple):
    """All drives, their tables padded to one shape."""

    keys: Any  # (n_drives, n_steps) uint64
    table: Any  # (n_drives, n_steps) int32
    limit: Any  # (n_drives, n_tables, n_groups, n_counts) uint64
    guide: Any  # (n_drives, n_tables, n_groups, 2**GUIDE_BITS) uint16
    group: Any  # (n_drives, n_tiles) int32
    jump: Any  # (n_drives, n_neurons)
    channel: Any  # (n_drives,)


class Changes(NamedTuple):
    """Parameters that change in time, one row per version; empty arrays where none do."""

    version: Any  # (n_steps,) int64
    v_v: Any  # (n_versions, n_tiles)
    v_b: Any
    threshold: Any
    reset: Any
    n_refractory: Any
    v_i: Any  # (n_versions, n_tiles), of the one channel
    i_i: Any
    scale: Any
    jump: Any  # (n_versions, n_drives, n_tiles)
    table: Any  # (n_versions, n_blocks) weights
    block: Any  # (n_segments,) where each segment's weight stands in `table`


class Given(NamedTuple):
    """Input that the caller brings; empty arrays where there is none."""

    bias: Any  # (n_neurons,) already times v_b
    stimulus: Any  # (n_steps, n_neurons)
    waveform: Any  # (n_steps, n_waveforms)
    gain: Any  # (n_waveforms, n_neurons)
    jumps: Any  # (n_steps, n_neurons)
    normal_key: Any  # (n_normals, n_steps) uint64
    normal_on: Any  # (n_normals, n_steps)
    normal_sd: Any  # (n_normals, n_neurons)
    normal_channel: Any  # (n_normals,) −1 for a current


class Variables(NamedTuple):
    """The state; voltages are relative to rest."""

    v: Any  # (n_neurons,)
    i: Any  # (n_channels, n_neurons)
    x: Any  # (n_channels, n_neurons)
    refractory: Any  # (n_neurons,) int32
    ring: Any  # (n_channels, n_slots, n_neurons) input that is on its way


class Output(NamedTuple):
    """What is recorded; empty arrays where nothing is asked for."""

    spikes: Any  # (n_threads, capacity) int32
    ends: Any  # (n_threads, n_steps + 1) int64
    every: int
    voltage: Any  # (n_records, n_watched)
    current: Any  # (n_records, n_channels, n_watched)
    watched: Any  # (n_watched,) neurons
    watched_of_tile: Any  # (n_tiles + 1,)
    tile_current: Any  # (n_records, n_channels, n_tiles) float64
    tile_voltage: Any  # (n_records, n_tiles) float64


@compiled
def _draw(
    noise: Any,
    tiles: Any,
    t: int,
    slot: int,
    first: int,
    last: int,
    ring: Any,
    words: Any,
    counts: Any,
) -> None:
    """Add this step's random counts to the input of the step."""
    for d in range(noise.keys.shape[0]):
        key = noise.keys[d, t]
        table = noise.table[d, t]
        channel = noise.channel[d]
        for k in range(first, last):
            group = noise.group[d, k]
            if group < 0:
                continue
            a, b = np.uint64(tiles.start[k]), np.uint64(tiles.start[k + 1])
            for n in range(a, b):
                words[n - a] = mix(key + GOLDEN * (n + _ONE))
            limit = noise.limit[d, table, group]
            guide = noise.guide[d, table, group]
            last_count = len(limit) - 1
            for m in range(b - a):
                count = np.uint64(guide[words[m] >> _SHIFT])
                while words[m] >= limit[count] and count < last_count:
                    count += _ONE
                counts[m] = count
            for n in range(a, b):
                ring[channel, slot, n] += counts[n - a] * noise.jump[d, n]


@compiled
def _draw_normal(given: Any, t: int, slot: int, first: Any, last: Any, ring: Any) -> None:
    """Add this step's normal numbers to the input of their channels."""
    for d in range(given.normal_key.shape[0]):
        channel = given.normal_channel[d]
        if channel >= 0 and given.normal_on[d, t]:
            key = given.normal_key[d, t]
            for n in range(first, last):
                ring[channel, slot, n] += ring.dtype.type(given.normal_sd[d, n] * normal(key, n))


@compiled
def _deliver(
    syn: Any,
    t: int,
    p: int,
    out: Any,
    first_step: int,
    ring: Any,
    seg_weight: Any,
    changes: Any,
) -> None:
    """Send the spikes of step t to part p."""
    n_slots = ring.shape[1]
    offset = np.uint64(syn.bounds[p])
    moving = changes.table.shape[0] > 0
    for q in range(out.ends.shape[0]):
        for e in range(out.ends[q, t], out.ends[q, t + 1]):
            j = out.spikes[q, e]
            for s in range(syn.rows[p, j], syn.rows[p, j + 1]):
                slot = np.uint64((first_step + t + syn.delay[s]) % n_slots)
                channel = syn.channel[s]
                begin, end = np.uint64(syn.start[s]), np.uint64(syn.start[s + 1])
                if seg_weight is None:
                    for k in range(begin, end):
                        ring[channel, slot, offset + syn.target[k]] += syn.weight[k]
                else:
                    w = seg_weight[s]
                    if moving:
                        w = changes.table[changes.version[t], changes.block[s]]
                    for k in range(begin, end):
                        ring[channel, slot, offset + syn.target[k]] += w


@compiled
def _arrive(
    state: Any, tiles: Any, k: int, slot: int, record: int, out: Any, with_voltage: bool
) -> None:
    """Take the input of a step into the synaptic state of a tile, and record the step's end."""
    a, b = np.uint64(tiles.start[k]), np.uint64(tiles.start[k + 1])
    for c in range(tiles.kind.shape[1]):
        if tiles.kind[k, c] == DELTA:
            continue
        scale = tiles.scale[k, c]
        into = state.i if tiles.kind[k, c] == EXPONENTIAL else state.x
        for n in range(a, b):
            into[c, n] += scale * state.ring[c, slot, n]
            state.ring[c, slot, n] = 0
    if record < 0:
        return
    if out.tile_current.shape[0]:
        for c in range(tiles.kind.shape[1]):
            total = 0.0
            if with_voltage:
                reversal = tiles.reversal[k, c]
                for n in range(a, b):
                    total += state.i[c, n] * (reversal - state.v[n])
            else:
                for n in range(a, b):
                    total += state.i[c, n]
            out.tile_current[record, c, k] = total
    if out.tile_voltage.shape[0]:
        total = 0.0
        for n in range(a, b):
            total += state.v[n]
        out.tile_voltage[record, k] = total
    for w in range(out.watched_of_tile[k], out.watched_of_tile[k + 1]):
        watched = out.watched[w]
        if out.voltage.shape[0]:
            out.voltage[record, w] = state.v[watched]
        if out.current.shape[0]:
            for c in range(tiles.kind.shape[1]):
                out.current[record, c, w] = state.i[c, watched]


@compiled
def _drive_current(given: Any, t: int, a: Any, b: Any, v_b: Any, here: Any) -> None:
    """Add the stimuli of step t, as steps of the voltage, to `here`."""
    if given.stimulus.shape[0]:
        for n in range(a, b):
            here[n - a] += v_b * given.stimulus[t, n]
    for s in range(given.waveform.shape[1]):
        level = given.waveform[t, s]
        if level != 0:
            for n in range(a, b):
                here[n - a] += v_b * level * given.gain[s, n]
    for d in range(given.normal_key.shape[0]):
        if given.normal_channel[d] < 0 and given.normal_on[d, t]:
            key = given.normal_key[d, t]
            for n in range(a, b):
                here[n - a] += v_b * here.dtype.type(given.normal_sd[d, n] * normal(key, n))


@compiled
def _propagate(state: Any, tiles: Any, given: Any, k: int, t: int, slot: int, here: Any) -> None:
    """Take voltage and currents of a tile one step on; the new voltage is left in `here`."""
    a, b = np.uint64(tiles.start[k]), np.uint64(tiles.start[k + 1])
    v_v = tiles.v_v[k]
    for n in range(a, b):
        here[n - a] = v_v * state.v[n] + given.bias[n]
    _drive_current(given, t, a, b, tiles.v_b[k], here)
    for c in range(tiles.kind.shape[1]):
        if tiles.kind[k, c] == DELTA:
            scale = tiles.scale[k, c]
            for n in range(a, b):
                here[n - a] += scale * state.ring[c, slot, n]
                state.ring[c, slot, n] = 0
        elif tiles.kind[k, c] == EXPONENTIAL:
            v_i, i_i = tiles.v_i[k, c], tiles.i_i[k, c]
            for n in range(a, b):
                i = state.i[c, n]
                here[n - a] += v_i * i
                state.i[c, n] = i_i * i
        else:
            v_i, i_i = tiles.v_i[k, c], tiles.i_i[k, c]
            v_x, i_x, x_x = tiles.v_x[k, c], tiles.i_x[k, c], tiles.x_x[k, c]
            for n in range(a, b):
                i, x = state.i[c, n], state.x[c, n]
                here[n - a] += v_i * i + v_x * x
                state.i[c, n] = i_i * i + i_x * x
                state.x[c, n] = x_x * x


@compiled
def _propagate_conductance(
    state: Any, tiles: Any, given: Any, k: int, t: int, here: Any, total: Any, pull: Any
) -> None:
    """As `_propagate`, for conductances: exact for them, their mean over the step for the voltage.

    The exponential of the voltage is Padé's of order (2, 2), which is as exact as the step.
    """
    a, b = np.uint64(tiles.start[k]), np.uint64(tiles.start[k + 1])
    leak = tiles.leak[k]
    for n in range(a, b):
        total[n - a] = leak
        pull[n - a] = given.bias[n]
    _drive_current(given, t, a, b, tiles.v_b[k], pull)
    for c in range(tiles.kind.shape[1]):
        i_i, i_x, x_x = tiles.i_i[k, c], tiles.i_x[k, c], tiles.x_x[k, c]
        v_i, v_x, reversal = tiles.v_i[k, c], tiles.v_x[k, c], tiles.reversal[k, c]
        for n in range(a, b):
            g, x = state.i[c, n], state.x[c, n]
            flow = v_i * g + v_x * x
            state.i[c, n] = i_i * g + i_x * x
            state.x[c, n] = x_x * x
            total[n - a] += flow
            pull[n - a] += flow * reversal
    two = here.dtype.type(2)
    twelve = here.dtype.type(12)
    one = here.dtype.type(1)
    for n in range(a, b):
        y = total[n - a]
        square = y * y / twelve
        # v' = v∞ + (v − v∞) e^(−y) with v∞ = pull / y
        below = one + y / two + square
        here[n - a] = (state.v[n] * (one - y / two + square) + pull[n - a]) / below


@compiled
def _fire(state: Any, tiles: Any, k: int, here: Any, fired: Any, spikes: Any, n_spikes: int) -> int:
    """Clamp, compare with the threshold and reset a tile; return the number of spikes so far."""
    a, b = np.uint64(tiles.start[k]), np.uint64(tiles.start[k + 1])
    threshold, reset, period = tiles.threshold[k], tiles.reset[k], tiles.n_refractory[k]
    some = np.int32(0)
    for n in range(a, b):
        wait = state.refractory[n]
        v = reset if wait > 0 else here[n - a]
        spike = v >= threshold
        state.v[n] = reset if spike else v
        wait = wait - np.int32(1) if wait > 0 else np.int32(0)
        state.refractory[n] = period if spike else wait
        fired[n - a] = spike
        some |= spike
    if some:
        for n in range(a, b):
            if fired[n - a]:
                spikes[n_spikes] = n
                n_spikes += 1
    return n_spikes


@compiled
def _change_jumps(tiles: Any, changes: Any, version: int, first: int, last: int, jump: Any) -> None:
    """Give the random input of these tiles the jumps of a version."""
    for d in range(changes.jump.shape[1]):
        for k in range(first, last):
            for n in range(tiles.start[k], tiles.start[k + 1]):
                jump[d, n] = changes.jump[version, d, k]


@compiled
def _change_tile(tiles: Any, changes: Any, version: int, k: int) -> None:
    """Give a tile the parameters of a version."""
    tiles.v_v[k] = changes.v_v[version, k]
    tiles.v_b[k] = changes.v_b[version, k]
    tiles.threshold[k] = changes.threshold[version, k]
    tiles.reset[k] = changes.reset[version, k]
    tiles.n_refractory[k] = changes.n_refractory[version, k]
    tiles.v_i[k, 0] = changes.v_i[version, k]
    tiles.i_i[k, 0] = changes.i_i[version, k]
    tiles.scale[k, 0] = changes.scale[version, k]


@compiled
def advance(
    thread: int,
    parts: Any,
    first_step: int,
    n_steps: int,
    window: int,
    tiles: Any,
    syn: Any,
    seg_weight: Any,
    noise: Any,
    given: Any,
    state: Any,
    out: Any,
    conductance: Any,
    changes: Any,
    scratch: Any,
    fired: Any,
    words: Any,
    counter: Any,
) -> None:
    """Take the parts ``parts[thread]`` to ``parts[thread + 1]`` through `n_steps` steps."""
    n_threads = len(parts) - 1
    part_first, part_last = parts[thread], parts[thread + 1]
    first, last = tiles.of_part[part_first], tiles.of_part[part_last]
    n_slots = state.ring.shape[1]
    here, total, pull = scratch[thread, 0], scratch[thread, 1], scratch[thread, 2]
    marks, random, counts = fired[thread], words[thread], scratch[thread, 3]
    spikes, ends = out.spikes[thread], out.ends[thread]
    n_spikes = ends[0]  # not a literal 0, for which numba would compile what follows once more
    samples_before = first_step // out.every
    since = 0
    meeting = 0
    for t in range(n_steps):
        slot: Any = np.uint64((first_step + t) % n_slots)
        previous: Any = np.uint64((first_step + t - 1) % n_slots)
        change = False
        if len(changes.version):
            change = t == 0 or changes.version[t] != changes.version[t - 1]
            if change and changes.jump.shape[0]:
                _change_jumps(tiles, changes, changes.version[t], first, last, noise.jump)
        _draw(noise, tiles, t, slot, first, last, state.ring, random, counts)
        _draw_normal(
            given,
            t,
            slot,
            np.uint64(tiles.start[first]),
            np.uint64(tiles.start[last]),
            state.ring,
        )
        if given.jumps.shape[0]:
            for n in range(np.uint64(tiles.start[first]), np.uint64(tiles.start[last])):
                state.ring[0, slot, n] += given.jumps[t, n]
        record = -1
        if t and (first_step + t) % out.every == 0:
            record = (first_step + t) // out.every - samples_before - 1
        for k in range(first, last):
            if t:
                _arrive(state, tiles, k, previous, record, out, conductance is not None)
            if change:
                _change_tile(tiles, changes, changes.version[t], k)
            if conductance is None:
                _propagate(state, tiles, given, k, t, slot, here)
            else:
                _propagate_conductance(state, tiles, given, k, t, here, total, pull)
            n_spikes = _fire(state, tiles, k, here, marks, spikes, n_spikes)
        ends[t + 1] = n_spikes
        if t + 1 - since == window or t + 1 == n_steps:
            if n_threads > 1:
                meeting += 1
                meet(counter, n_threads, meeting)
            for p in range(part_first, part_last):
                for u in range(since, t + 1):
                    _deliver(syn, u, p, out, first_step, state.ring, seg_weight, changes)
            since = t + 1
    record = -1
    if (first_step + n_steps) % out.every == 0:
        record = (first_step + n_steps) // out.every - samples_before - 1
    slot = np.uint64((first_step + n_steps - 1) % n_slots)
    for k in range(first, last):
        _arrive(state, tiles, k, slot, record, out, conductance is not None)
