"""How often rotations alarm, measured on many sets: correlations in place of information.

    python rotations.py rotations.jsonl --process ar --memory 0.9 --n 200 --sets 20000
    python rotations.py rotations.jsonl --process ring --memory 0.9 --n 200 --sets 20000

For normal series of one channel, information grows with the (partial) correlation, so that the
largest of either is the same surrogate's: thousands of sets take seconds where `alarms.py` takes an
hour. Rotations are the package's own. A rotated series has a seam, where its end meets its start,
and its data have none: a ``ring`` has no seam anywhere and tells what that costs.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
from scipy.signal import lfilter
from scipy.stats import binomtest

from neuroloom.mi._samples.surrogates import surrogates

MODES = ("estimate", "lag", "pairwise", "conditional", "transfer")
LAGS = (-2, 0, 2)
SURROGATES = 19
Array = np.ndarray


def ar(rng: np.random.Generator, memory: float, n: int, sets: int) -> Array:
    """First-order autoregressive series of coefficient `memory`, shape (sets, n)."""
    first = rng.standard_normal((1, sets)) / math.sqrt(1 - memory**2)
    noise = rng.standard_normal((n, sets))
    return lfilter([1], [1, -memory], noise, axis=0, zi=memory * first)[0].T.copy()


def ring(rng: np.random.Generator, memory: float, n: int, sets: int) -> Array:
    """The same around a ring: the last sample is the first one's neighbour."""
    waves = np.exp(-2j * np.pi * np.arange(n // 2 + 1) / n)
    spectrum = np.fft.rfft(rng.standard_normal((sets, n))) / (1 - memory * waves)
    return np.fft.irfft(spectrum, n)


def oscillation(rng: np.random.Generator, memory: float, n: int, sets: int) -> Array:
    """Second-order series that swings once in twenty samples and loses `memory` by each."""
    poles = [1, -2 * memory * math.cos(math.pi / 10), memory**2]
    before = round(8 / (1 - memory))
    noise = rng.standard_normal((n + before, sets))
    return lfilter([1], poles, noise, axis=0)[before:].T.copy()


def pink(rng: np.random.Generator, memory: float, n: int, sets: int) -> Array:
    """Power 1 / f down to one period a recording, flat below; `memory` does not matter."""
    long = 4 * n
    spectrum = np.fft.rfft(rng.standard_normal((sets, long)))
    shape = np.sqrt(np.maximum(np.arange(long // 2 + 1), 4))
    return np.fft.irfft(spectrum / shape, long)[:, n : 2 * n]


PROCESSES = {"ar": ar, "ring": ring, "oscillation": oscillation, "pink": pink}


def shifts(rng: np.random.Generator, n: int, number: int, sets: int, least: int = 0) -> Array:
    """First row of y of the data and of each surrogate, shape (sets, 1 + number)."""
    drawn = (surrogates(n, number, "circular", rng, least=least) for _ in range(sets))
    return np.array([[0, *(int(order[0]) for order in orders)] for orders in drawn])


def correlations(x: Array, y: Array) -> Array:
    """Absolute correlation of x with y at every rotation, shape (sets, n)."""
    x, y = (v - v.mean(1, keepdims=True) for v in (x, y))
    products = np.fft.irfft(np.conj(np.fft.rfft(x)) * np.fft.rfft(y), x.shape[1])
    return np.abs(products) / np.sqrt((x**2).sum(1) * (y**2).sum(1))[:, None]


def rotated(values: Array, first: Array) -> Array:
    """Rows of (sets, n) that start at `first`, shape (sets, number, n)."""
    n = values.shape[1]
    rows = (np.arange(n) + first[:, :, None]) % n
    return values[np.arange(len(values))[:, None, None], rows]


def explained(by: Array, values: Array) -> Array:
    """What least squares on the rows of `by` says of `values`; both (sets, rows, n)."""
    turned = np.swapaxes(by, 1, 2)
    weights = np.linalg.solve(by @ turned, np.swapaxes(values @ turned, 1, 2))
    return np.swapaxes(weights, 1, 2) @ by


def terms(z: Array) -> Array:
    """A constant, z and its square, as `conditional.expected` has them, shape (sets, 3, n)."""
    scores = (z - z.mean(1, keepdims=True)) / z.std(1, keepdims=True)
    return np.stack([np.ones_like(scores), scores, np.clip(scores**2, -9, 9)], 1)


def conditional(rng: np.random.Generator, x: Array, y: Array, z: Array) -> Array:
    """Partial correlations of the data and of surrogates of kind ``"residual"``."""
    first = shifts(rng, x.shape[1], SURROGATES + 1, len(x))
    own = explained(terms(z), x[:, None])
    rest = x[:, None] - own
    elsewhere = terms(rotated(z, first[:, -1:])[:, 0])
    alike = rest - explained(elsewhere, rest)
    moved = np.concatenate([alike, rotated(rest[:, 0], first[:, 1:-1])], 1)
    sources = own + moved - explained(terms(z), moved)
    line = terms(z)[:, :2]
    a, b = (v - explained(line, v) for v in (sources, y[:, None]))
    return np.abs((a * b).sum(2)) / np.sqrt((a**2).sum(2) * (b**2).sum(2))


def statistics(mode: str, rng: np.random.Generator, process: str, memory: float, n: int, sets: int):
    """Statistics of the data, first, and of surrogates, shape (sets, 1 + surrogates)."""
    x, y, z, more = (PROCESSES[process](rng, memory, n, sets) for _ in range(4))
    if mode == "conditional":
        return conditional(rng, x, y, z)
    if mode == "transfer":
        return conditional(rng, x[:, :-1], y[:, 1:], y[:, :-1])
    if mode == "lag":
        n -= max(LAGS)
        pairs = [(x[:, max(0, -lag) :][:, :n], y[:, max(0, lag) :][:, :n]) for lag in LAGS]
    elif mode == "pairwise":
        pairs = [(a, b) for a in (x, more) for b in (y, z)]
    else:
        pairs = [(x, y)]
    largest = np.max([correlations(a, b) for a, b in pairs], 0)
    least = max(LAGS) - min(LAGS) if mode == "lag" else 0
    return np.take_along_axis(largest, shifts(rng, n, SURROGATES, sets, least), 1)


def share(mode: str, process: str, memory: float, n: int, sets: int) -> tuple[int, int]:
    """In how many of `sets` the data are the largest of twenty."""
    place = [MODES.index(mode), list(PROCESSES).index(process), n, round(1000 * memory)]
    rng, hits, done = np.random.default_rng(place), 0, 0
    while done < sets:
        some = min(max(20, 100_000 // n), sets - done)
        found = statistics(mode, rng, process, memory, n, some)
        hits += int((found[:, 0] > found[:, 1:].max(1)).sum())
        done += some
    return hits, done


def read(path: Path) -> list[dict[str, object]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def page(rows: list[dict[str, object]]) -> str:
    """Return the rows as a table for the documentation, the last of each mode and process."""
    found = {(r["process"], r["memory"], r["n"], r["mode"]): r for r in rows}
    lines = ["| series | " + " | ".join(MODES) + " |", "|---|" + "---:|" * len(MODES)]
    for process, memory, n in dict.fromkeys(key[:3] for key in found):
        mine = (found.get((process, memory, n, mode)) for mode in MODES)
        shown = ["–" if r is None else f"{r['hits'] / r['sets']:.4f}" for r in mine]
        what = "pink" if process == "pink" else f"{process}, {memory:g}"
        lines.append(f"| {what}, {n:,} samples | {' | '.join(shown)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--process", choices=PROCESSES, default="ar")
    parser.add_argument("--memory", type=float, default=0.9)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--sets", type=int, default=20_000)
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    options = parser.parse_args()
    for mode in options.modes:
        hits, sets = share(mode, options.process, options.memory, options.n, options.sets)
        row = {"process": options.process, "memory": options.memory, "n": options.n}
        row |= {"mode": mode, "hits": hits, "sets": sets}
        with options.rows.open("a") as file:
            file.write(json.dumps(row) + "\n")
        around = binomtest(hits, sets).proportion_ci(0.95)
        print(f"{mode}: {hits / sets:.4f} ({around.low:.4f} to {around.high:.4f})", flush=True)


if __name__ == "__main__":
    main()
