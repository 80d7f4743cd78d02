"""Measure neuroloom.mi beside NeuralMI 1.0.0: equal cores, architecture and number of updates.

The peer comes from its repository (`peer.py` says how, and how to name what is there already).
Where it cannot be had only our side is measured, and the report says so.

Both sides run on one thread in processes of their own, in turns, after a warm-up; a figure is the
median of the ratios. The peer's spectral normalisation is off, so that steps are the same work.

==================  ============================================================================
steps               training steps of critics per second, each side's own loop with its checks
ladder              the published procedure end to end: theirs, and ours (``abdelaleem2025``)
default             our rigorous method, which trains more critics, beside their rigorous mode
permutations        an estimate of small data with 100 surrogates
pairwise            28 pairs of 8 channels, as many updates on both sides
workers             our ladder with one worker and with two
stacks              speed and memory against the number of critics in a stack, and the speed of the
                    matrix products alone
==================  ============================================================================

``default`` is measured with ``ladder``. ``--toy`` does everything once, with one epoch.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import peer

MODEL = {"embedding_dim": 16, "hidden_dim": 64, "n_layers": 2}
TOY = bool(os.environ.get("BENCH_TOY"))
EPOCHS, RATE, BATCH = (1 if TOY else 50), 1e-3, 128
SHORT_EPOCHS = 1 if TOY else 10
N_PERMUTATIONS = 3 if TOY else 100
WORKERS = {"one worker": "ladder", "two workers": "workers2"}
JOBS = ("steps", "ladder", "permutations", "pairwise", "workers", "stacks")


def flagship_data() -> Any:
    from neuroloom import mi

    return mi.datasets.generate_nonlinear_from_latent(2500, 10, 100, 3.0, use_torch=False, seed=0)


def prepared_data() -> Any:
    """Return the flagship's data, which both processes read from one file."""
    import numpy as np

    with np.load(os.environ["BENCH_DATA"]) as data:
        return data["x"], data["y"]


def small_data() -> Any:
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, 4))
    return x, x + rng.standard_normal((500, 4))


def channels() -> Any:
    import numpy as np

    rng = np.random.default_rng(0)
    return rng.standard_normal((1000, 8)) + rng.standard_normal((1000, 1))


def peer_jobs() -> dict[str, Any]:
    """Return the peer's jobs; spectral norm off, so that both sides do the same work."""
    import neural_mi

    x, y = prepared_data()
    small, many = small_data(), channels()
    model = {**MODEL, "use_spectral_norm": False}
    train = {"n_epochs": EPOCHS, "learning_rate": RATE, "batch_size": BATCH, "patience": EPOCHS}
    short = {**train, "n_epochs": SHORT_EPOCHS, "patience": SHORT_EPOCHS}
    quiet = {"model": model, "n_workers": 1, "seed": 0, "show_progress": False, "device": "cpu"}

    def run(*data: Any, **options: Any) -> float:
        result = neural_mi.run(*data, **{**quiet, **options})
        return float(result.mi_estimate) if result.mi_estimate is not None else float("nan")

    return {
        "ladder": lambda: run(x, y, mode="rigorous", training=train),
        "steps": lambda: run(x, y, mode="estimate", training=train),
        "permutations": lambda: run(
            *small,
            mode="estimate",
            training=short,
            permutation_test=True,
            n_permutations=N_PERMUTATIONS,
        ),
        "pairwise": lambda: run(many, mode="pairwise", training=short),
    }


def our_jobs() -> dict[str, Any]:
    """Return our jobs, named as the peer's."""
    from neuroloom import mi

    x, y = prepared_data()
    small, many = small_data(), channels()
    base = {**MODEL, "n_epochs": EPOCHS, "learning_rate": RATE, "batch_size": BATCH}
    # Nine tenths train and one network each, so that updates are as many as the peer's.
    short = {**base, "n_epochs": SHORT_EPOCHS, "n_inits": 1, "n_folds": 10, "validation": 0.05}
    # Two folds of half the samples are scored in full: twice the critics, half the updates each.
    halves = {**short, "n_folds": 2}
    quiet = {"random_seed": 0, "verbose": False}

    def run(*data: Any, params: dict[str, Any] = base, **options: Any) -> float:
        result = mi.run(*data, base_params=params, **quiet, **options)
        return float("nan") if result.mi_estimate is None else float(result.mi_estimate)

    return {
        "ladder": lambda: run(x, y, mode="rigorous", method="abdelaleem2025"),
        "default": lambda: run(x, y, mode="rigorous"),
        "steps": lambda: our_steps(x, y),
        "permutations": lambda: run(*small, params=short, n_permutations=N_PERMUTATIONS),
        "pairwise": lambda: run(many, mode="pairwise", params=halves),
        "workers2": lambda: run(x, y, mode="rigorous", method="abdelaleem2025", n_workers=2),
    }


def our_steps(x: Any, y: Any) -> float:
    """Fit four critics as the peer's estimate fits one, with a test score after each pass."""
    import numpy as np
    import torch

    from neuroloom.mi._modes.abdelaleem2025 import _fit_parts
    from neuroloom.mi._options.params import params
    from neuroloom.shared import Seed

    own = params({**MODEL, "n_epochs": EPOCHS, "learning_rate": RATE, "batch_size": BATCH})
    x, y = (torch.from_numpy(v.astype("float32")) for v in (x, y))
    chunks, seeds = [np.arange(len(x))] * 4, [Seed(k) for k in range(4)]
    bound = ("infonce", {"symmetric": False})
    return float(_fit_parts((x, y, chunks, seeds, own, "random", *bound))[0][1])


def steps(n_critics: int, n_steps: int) -> float:
    """Return the critic-steps per second of stacked critics of the flagship's size."""
    import torch

    from neuroloom.mi._critics.bounds import Bound
    from neuroloom.mi._critics.stack import CriticStack

    generators = [torch.Generator().manual_seed(k) for k in range(n_critics)]
    widths = [100, *[MODEL["hidden_dim"]] * MODEL["n_layers"], MODEL["embedding_dim"]]
    stack = CriticStack(widths, widths, generators, learning_rate=RATE)
    data = [torch.randn(2250, 100, generator=generators[0]) for _ in range(2)]
    batches = [values.new_empty(n_critics, BATCH, 100) for values in data]
    order = torch.randint(0, 2250, (n_steps, n_critics * BATCH), generator=generators[0])
    bound = Bound("infonce")
    begin = time.perf_counter()
    for rows in order:
        for values, into in zip(data, batches, strict=True):
            torch.index_select(values, 0, rows, out=into.view(-1, 100))
        stack.step(*batches, bound)
    return n_critics * n_steps / (time.perf_counter() - begin)


def compare(runs: dict[str, tuple[peer.Side, str]], repeats: int) -> dict[str, Any]:
    """Return times of several jobs in turns; the first is what the others are compared with."""
    rows: dict[str, list[tuple[float, float, float]]] = {label: [] for label in runs}
    for _ in range(repeats):
        for label, (side, name) in runs.items():
            rows[label].append(side.run(name))
    out: dict[str, Any] = {}
    for label, measured in rows.items():
        wall, cpu, answer = zip(*measured, strict=True)
        out[label] = {"wall_s": wall, "cpu_s": cpu, "answer": answer[-1]}
    first = rows[next(iter(runs))]
    for label in list(runs)[1:]:
        pairs = list(zip(first, rows[label], strict=True))
        out[label]["ratio_wall"] = statistics.median(a[0] / b[0] for a, b in pairs)
        out[label]["ratio_cpu"] = statistics.median(a[1] / b[1] for a, b in pairs)
    return out


def stacks(n_steps: int) -> list[dict[str, float]]:
    """Return speed and memory by critics per stack, and the speed of the matrix products alone."""
    import torch

    torch.set_num_threads(1)
    rows = []
    for n in (1, 2, 4, 8, 16, 55):
        own = max(20, n_steps // n)
        steps(n, 10)
        rows.append(
            {
                "critics": n,
                "steps_per_s": statistics.median(steps(n, own) for _ in range(3)),
                "bytes": peak_memory(n),
                "gemm_bound_steps_per_s": gemm_bound(n),
            }
        )
    return rows


def peak_memory(n: int) -> int:
    """Return how many bytes more a process needs at most when it trains `n` critics."""
    code = f"import bench; bench.steps(1, 1); a = bench.high_water(); bench.steps({n}, 3); "
    code += "print(bench.high_water() - a)"
    folder = str(Path(__file__).resolve().parent)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def high_water() -> int:
    """Return the largest resident size in bytes of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():  # the other way counts what the parent had at the fork
        line = next(w for w in status.read_text().splitlines() if w.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    import resource

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def gemm_bound(n: int) -> float:
    """Return the critic-steps/s of the matrix products alone."""
    import torch

    shapes = []
    for a, b in ((100, 64), (64, 64), (64, 16)):
        forward = ((n, BATCH, a), (n, a, b))
        weights = ((n, a, BATCH), (n, BATCH, b))
        inputs = ((n, BATCH, b), (n, b, a)) if a != 100 else None
        shapes += [s for s in (forward, weights, inputs) if s is not None] * 2
    shapes += [((n, BATCH, 16), (n, 16, BATCH)), *[((n, BATCH, BATCH), (n, BATCH, 16))] * 2]
    pairs = [(torch.randn(a), torch.randn(b)) for a, b in shapes]
    rates = []
    for _ in range(4):
        begin = time.perf_counter()
        for _ in range(max(5, 200 // n)):
            for a, b in pairs:
                torch.bmm(a, b)
        rates.append(n * max(5, 200 // n) / (time.perf_counter() - begin))
    return max(rates)


def plot(rows: list[dict[str, float]], path: Path) -> None:
    from matplotlib.figure import Figure

    from neuroloom import shared

    with shared.style():
        figure = Figure(figsize=(7, 3), layout="constrained")
        left, right = figure.subplots(1, 2)
        critics = [r["critics"] for r in rows]
        left.plot(critics, [r["steps_per_s"] for r in rows], "o-", label="training")
        left.plot(
            critics, [r["gemm_bound_steps_per_s"] for r in rows], "s--", label="products alone"
        )
        left.set(
            xlabel="critics per stack", ylabel="critic-steps / s", xscale="log", ylim=(0, None)
        )
        left.legend()
        right.plot(critics, [r["bytes"] / 2**20 for r in rows], "o-")
        right.set(
            xlabel="critics per stack",
            ylabel="memory beyond one critic (MiB)",
            xscale="log",
            ylim=(0, None),
        )
        for ax in (left, right):
            ax.set_xticks(critics, [str(n) for n in critics])
            ax.minorticks_off()
        figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("bench-mi.json"))
    parser.add_argument("--alone", action="store_true", help="leave the peer out")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(JOBS), choices=JOBS)
    parser.add_argument("--toy", action="store_true", help="everything once, one epoch")
    options = parser.parse_args()
    import numpy as np

    if options.toy:
        os.environ["BENCH_TOY"], options.repeats = "1", 1
    data = options.out.with_suffix(".data.npz").resolve()
    x, y = flagship_data()
    np.savez(data, x=x, y=y)
    sides = peer.sides(data, alone=options.alone)
    beside = "peer" in sides
    content: dict[str, Any] = {
        "peer": f"NeuralMI 1.0.0 ({peer.RELEASE}), spectral norm off" if beside else "left out",
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "toy": options.toy,
    }
    if options.out.exists():
        content = json.loads(options.out.read_text()) | content

    def keep(name: str, value: Any) -> None:
        content[name] = value
        print(name, json.dumps(value), flush=True)
        options.out.write_text(json.dumps(content, indent=1))

    for side in sides.values():
        side.run("steps")  # warm-up
    for name in (n for n in options.only if n in ("steps", "ladder", "permutations", "pairwise")):
        runs = {label: (sides[label], name) for label in ("peer", "ours") if label in sides}
        if name == "ladder":
            runs["ours, default method"] = (sides["ours"], "default")
        found = compare(runs, options.repeats)
        if name == "steps":
            own = 18 * (1 if options.toy else EPOCHS)
            found["critic_steps"] = {"peer": own, "ours": 4 * own}
            if beside:
                found["ours"]["rate_ratio_wall"] = 4 * found["ours"]["ratio_wall"]
                found["ours"]["rate_ratio_cpu"] = 4 * found["ours"]["ratio_cpu"]
        keep(name, found)
    if "workers" in options.only:
        sides["ours"].run("workers2")  # starts the workers
        runs = {label: (sides["ours"], job) for label, job in WORKERS.items()}
        keep("workers", compare(runs, options.repeats))
    if "stacks" in options.only:
        keep("stacks", stacks(10 if options.toy else 400))
        plot(content["stacks"], options.out.with_suffix(".png"))
    data.unlink()


if __name__ == "__main__":
    main()
