"""The inner loops, compiled by numba; imported only where it is installed.

They give the same bits as numpy does: the same operations on the same types in the same order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.shared.random import GOLDEN, mix
from neuroloom.tasks._engine.rule import case_of
from neuroloom.tasks._random.counter import OCTAVE_BITS

_AHEAD = 512
"""Hashes that are made at once."""
_FEW = 6
"""Channels up to which a segment is written channel by channel and not step by step."""
_32 = np.uint64(32)
_SHIFT, _BELOW = np.int32(23 - OCTAVE_BITS), np.int32(127 << OCTAVE_BITS)

Floats = NDArray[np.float32]
_case = shared.compiled(case_of)
_mix = shared.compiled(inline="always")(mix)


@shared.compiled
def _normal(half: Any, offsets: Floats, slopes: Floats) -> Any:
    """Return the normal number of the lower 32 bits of `half`; see `normals`."""
    signed = np.float32(np.int32(np.uint32(half)) | np.int32(1))
    size = np.float32(abs(signed))
    # Without a sign: numba looks at every other index whether it counts from the end.
    piece = np.uint64((size.view(np.int32) >> _SHIFT) - _BELOW)
    return math.copysign(size * slopes[piece] + offsets[piece], signed)


@shared.compiled
def _add_noise(
    observation: Floats,
    row: int,
    key: Any,
    step: int,
    scale: Floats,
    columns: NDArray[np.int64],
    offsets: Floats,
    slopes: Floats,
) -> None:
    """Add the noise of a trial's `step` to one row."""
    width = len(columns)
    counter = key + GOLDEN * np.uint64(step * ((width + 1) // 2))
    for j in range(0, width, 2):
        bits = _mix(counter)
        counter += GOLDEN
        observation[row, columns[j]] += _normal(bits, offsets, slopes) * scale[j]
        if j + 1 < width:
            other = _normal(bits >> _32, offsets, slopes) * scale[j + 1]
            observation[row, columns[j + 1]] += other


@shared.compiled
def _add_noises(
    flat: Floats,
    hop: int,
    jobs: NDArray[np.int64],
    n_jobs: int,
    scale: Floats,
    columns: NDArray[np.int64],
    offsets: Floats,
    slopes: Floats,
    words: NDArray[np.uint64],
    n_words: int,
    drawn: Floats,
) -> None:
    """Add the noise of the steps in `jobs`; `words` are their counters.

    As `_add_noise` for each, in loops of one operation each, which a processor does several at a
    time. A job is the place of its first step in `flat`, how many steps there are, each `hop`
    behind the last, and their period.
    """
    width = len(columns)
    for i in range(n_words):
        words[i] = _mix(words[i])
    for i in range(n_words):
        drawn[2 * i] = _normal(words[i], offsets, slopes)
        drawn[2 * i + 1] = _normal(words[i] >> _32, offsets, slopes)
    adjacent = width > _FEW and columns[-1] - columns[0] + 1 == width
    wide, begin = 2 * ((width + 1) // 2), 0
    for job in range(n_jobs):
        at, n, period = jobs[job, 0], jobs[job, 1], jobs[job, 2]
        if adjacent:
            for step in range(n):
                first = at + step * hop + columns[0]
                row, noise = flat[first : first + width], drawn[begin + step * wide :]
                for j in range(width):
                    row[j] += noise[j] * scale[period, j]
        else:
            for j in range(width):
                size, out, of = scale[period, j], np.uint64(at + columns[j]), np.uint64(begin + j)
                for _ in range(n):
                    flat[out] += drawn[of] * size
                    out += np.uint64(hop)
                    of += np.uint64(wide)
        begin += n * wide


def _written(flat: Any, at: int, hop: int, n: int, row: Any) -> None:
    """Write a row of values into `n` steps, each `hop` behind the last."""
    width = len(row)
    if width > _FEW:
        for step in range(n):
            into = flat[at + step * hop : at + step * hop + width]
            for j in range(width):
                into[j] = row[j]
    else:
        for j in range(width):
            value, out = row[j], np.uint64(at + j)
            for _ in range(n):
                flat[out] = value
                out += np.uint64(hop)


_write = shared.compiled(inline="always")(_written)


@shared.compiled
def emit(
    levels: Floats,
    base: NDArray[np.int64],
    right: NDArray[Any],
    stepwise: bool,
    counts: NDArray[np.int64],
    period: NDArray[np.int16],
    starts: NDArray[np.int64],
    noisy: NDArray[np.bool_],
    keys: NDArray[np.uint64],
    scale: Floats,
    columns: NDArray[np.int64],
    offsets: Floats,
    slopes: Floats,
    pieces: NDArray[np.int64],
    observation: Floats,
    target: NDArray[Any],
    stride: int,
) -> None:
    """Write levels, targets and noise of pieces of a table; see `TaskPlan.emit`."""
    n_parts, channels, pairs = counts.shape[1], levels.shape[1], (len(columns) + 1) // 2
    flat, hop = observation.reshape(-1), stride * channels
    wanted, correct = target.reshape(-1), right.reshape(len(right), -1)
    values = correct.shape[1]
    # Noise is added when there is much of it, as a processor does it faster in long loops.
    room = max(_AHEAD, pairs)
    words, drawn = np.empty(room, np.uint64), np.empty(2 * room, np.float32)
    jobs, n_jobs, n_words = np.empty((room, 3), np.int64), 0, 0
    for start, stop, offset in pieces:
        trial = np.searchsorted(starts, start, side="right") - 1
        row = starts[trial]
        while row < stop:
            for part in range(n_parts):
                end = row + counts[trial, part]
                first, last = max(row, start), min(end, stop)
                row = end
                if first >= last:
                    continue
                segment, n = trial * n_parts + part, last - first
                out = offset + (first - start) * stride
                place = out * channels
                if stepwise:
                    to = out
                    for at in range(first, last):
                        for j in range(channels):
                            observation[to, j] = levels[at, j]
                        for j in range(values):
                            wanted[to * values + j] = correct[at, j]
                        to += stride
                else:
                    _write(flat, place, hop, n, levels[base[trial] + part])
                    _write(wanted, out * values, stride * values, n, correct[segment])
                if not noisy[period[segment]]:
                    continue
                counter = keys[trial] + GOLDEN * np.uint64((first - starts[trial]) * pairs)
                while n > 0:
                    some = min(n, (room - n_words) // pairs)
                    for i in range(some * pairs):
                        words[n_words + i] = counter + GOLDEN * np.uint64(i)
                    counter += GOLDEN * np.uint64(some * pairs)
                    jobs[n_jobs, 0], jobs[n_jobs, 1], jobs[n_jobs, 2] = place, some, period[segment]
                    n_words, n_jobs = n_words + some * pairs, n_jobs + 1
                    place, n = place + some * hop, n - some
                    if room - n_words < pairs:
                        _add_noises(
                            *(flat, hop, jobs, n_jobs, scale, columns, offsets, slopes),
                            *(words, n_words, drawn),
                        )
                        n_words, n_jobs = 0, 0
            trial += 1
    _add_noises(*(flat, hop, jobs, n_jobs, scale, columns, offsets, slopes, words, n_words, drawn))


@shared.compiled
def _begin(one: Any, trial: Any, parts: Any) -> None:
    """Go to the first step of a trial."""
    one.step, one.part = 0, 0
    while parts[one.part].count == 0:
        one.part += 1
    one.left, one.within = trial.length, parts[one.part].count


@shared.compiled
def show(
    envs: NDArray[np.int64],
    states: Any,
    trials: Any,
    segments: Any,
    levels: Floats,
    stepwise: bool,
    noisy: NDArray[np.bool_],
    scale: Floats,
    columns: NDArray[np.int64],
    offsets: Floats,
    slopes: Floats,
    observation: Floats,
    begin: bool,
) -> None:
    """Write what `envs` show, if `begin` after going to their trial's first step."""
    room = len(trials) // len(states)
    for i in envs:
        one = states[i]
        place = i * room + one.slot
        if begin:
            _begin(one, trials[place], segments[place])
        shown = one.step if stepwise else one.part
        for channel in range(observation.shape[1]):
            observation[i, channel] = levels[place, shown, channel]
        period = segments[place, one.part].period
        if noisy[period]:
            _add_noise(
                *(observation, i, trials[place].key, one.step, scale[period], columns),
                *(offsets, slopes),
            )


@shared.compiled
def _go_on(one: Any, segments: Any, place: int) -> None:
    """Go to the next step of a trial."""
    one.step += 1
    one.left -= 1
    one.within -= 1
    while one.within == 0:
        one.part += 1
        one.within = segments[place, one.part].count


@shared.compiled
def _leave(one: Any, room: int) -> None:
    """Leave a trial that has ended."""
    one.have -= 1
    one.slot += 1
    if one.slot == room:
        one.slot = 0


@shared.compiled
def _stays(held: NDArray[np.bool_], i: int) -> bool:
    """Return whether an environment stays where it is; of no array none does."""
    return len(held) > 0 and bool(held[i])


@shared.compiled
def _refused(actions: NDArray[np.int64], n_actions: int) -> int:
    """Return the first environment whose action is none of `n_actions`, or -1."""
    for i in range(len(actions)):
        if actions[i] < 0 or actions[i] >= n_actions:
            return i
    return -1


@shared.compiled
def _in_time(
    at: float, due: float, interval: float, timing: NDArray[np.float64]
) -> tuple[float, float]:
    """Return reward and performance of an answer: `timing_reward` of a single one."""
    dt, margin, correct, fail = timing
    window, off = margin * interval + 25, abs(at * dt - due)
    if off > window:
        return fail, 0.0
    share = max(1 - off / window, 0.0)
    return max(math.sqrt(share) * share, 0.1) * correct, 1.0


@shared.compiled
def _price(
    mode: int,
    step: int,
    action: int,
    place: int,
    worth: NDArray[np.float64],
    merit: NDArray[np.float64],
    timing: NDArray[np.float64],
) -> tuple[float, float]:
    """Return reward and performance of an answer; see `step`."""
    if mode == 3:
        priced: tuple[float, float] = _in_time(step, worth[place, 0], merit[place, 0], timing)
        return priced
    at = step if mode == 1 else action
    return worth[place, at], merit[place, at]


@shared.compiled
def step(
    actions: NDArray[np.int64],
    held: NDArray[np.bool_],
    n_actions: int,
    states: Any,
    trials: Any,
    segments: Any,
    levels: Floats,
    right: NDArray[np.int64],
    stepwise: bool,
    worth: NDArray[np.float64],
    merit: NDArray[np.float64],
    mode: int,
    timing: NDArray[np.float64],
    earns: NDArray[np.float64],
    noisy: NDArray[np.bool_],
    scale: Floats,
    columns: NDArray[np.int64],
    offsets: Floats,
    slopes: Floats,
    packed: NDArray[np.float64],
    observation: Floats,
    floats: NDArray[np.float64],
    whole: NDArray[np.int64],
    end: NDArray[np.bool_],
) -> tuple[int, int]:
    """Act in every environment, go on, and write what they show.

    Environments that are `held` (an array of one entry each, or of none) stay where they are.
    Nothing is done if an action is none of `n_actions`; then -1 less the environment's number is
    returned. Otherwise returned is how many environments are out of trials, which show nothing,
    and how many trials have ended.

    `worth` and `merit` are reward and performance of an answer: by step for mode 1, by action for
    mode 2, not used for mode 0, in which the rule says all; for mode 3 they are when the answer is
    due and the interval that it ends, and its worth is that of `timing_reward`. `earns` has a row a
    case: reward, performance, whether the trial ends, whether it is answered.

    Into the rows of `floats` go reward, performance, and of trials that end what was drawn for
    them, from `packed`; into those of `whole` the right action and the place of the trial.
    """
    n, out, over_now = len(states), 0, 0
    room = len(trials) // n
    bad = _refused(actions, n_actions)
    if bad >= 0:
        return -1 - bad, 0
    for i in range(n):
        one, action = states[i], actions[i]
        place = i * room + one.slot
        shown = one.step if stepwise else one.part
        wanted, phase = right[place, shown], np.int64(segments[place, one.part].phase)
        hit, last = np.int64(action == wanted), np.int64(one.left == 1)
        case = _case(phase, np.int64(action != 0), hit, last, np.int64(trials[place].due))
        gain, merits, over = earns[case, 0], earns[case, 1], earns[case, 2] != 0
        if mode and earns[case, 3]:
            extra, merits = _price(mode, one.step, action, place, worth, merit, timing)
            gain = gain + extra
        stays = _stays(held, i)
        if stays:
            gain, merits, over = 0.0, 0.0, False
        floats[0, i], floats[1, i], end[i] = gain, merits, over
        whole[0, i], whole[1, i] = wanted, place
        if over:
            over_now += 1
            for k in range(packed.shape[1]):
                floats[2 + k, i] = packed[place, k]
            _leave(one, room)
            if one.have == 0:
                out += 1
                continue
            place = i * room + one.slot
            _begin(one, trials[place], segments[place])
        elif not stays:
            _go_on(one, segments, place)
        shown = one.step if stepwise else one.part
        for channel in range(observation.shape[1]):
            observation[i, channel] = levels[place, shown, channel]
        period = segments[place, one.part].period
        if noisy[period]:
            _add_noise(
                *(observation, i, trials[place].key, one.step, scale[period], columns),
                *(offsets, slopes),
            )
    return out, over_now
