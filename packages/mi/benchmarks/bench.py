"""Measure neuroloom.mi beside NeuralMI 1.0.0: equal cores, architecture and number of updates.

NeuralMI is not on the package index. The script gets it from its repository, at the release used
here, and gives it an environment of its own, as these lines would::

    git clone https://github.com/eslam-abdelaleem/NeuralMI FOLDER/NeuralMI
    git -C FOLDER/NeuralMI checkout 3bdbf3f
    python -m venv FOLDER/environment
    FOLDER/environment/bin/pip install torch numpy pandas scipy statsmodels seaborn matplotlib tqdm

with ``--peer-folder FOLDER``. What is there already can be named instead: ``--peer CHECKOUT
--peer-python PYTHON`` (or NEUROLOOM_PEER_MI and NEUROLOOM_PEER_MI_PYTHON). With neither, only our
side is measured, and the report says so.

Both sides run on one thread in processes of their own, in turns, after a warm-up; a figure is the
median of the ratios. The peer's spectral normalisation is off, so that steps are the same work.

==================  ============================================================================
steps               training steps of critics per second, each side's own loop with its checks
ladder              the published procedure end to end: theirs, and ours as ``method="peer"``
default             our rigorous method, which trains more critics, beside their rigorous mode
permutations        an estimate of small data with 100 surrogates
pairwise            28 pairs of 8 channels, as many updates on both sides
workers             our ladder with one worker and with two
stacks              speed and memory against the number of critics in a stack, and the speed of the
                    matrix products alone
==================  ============================================================================
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CLIENT = r"""
import contextlib, io, json, os, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, torch
torch.set_num_threads(1)
sys.path.insert(0, os.environ["PEER_PATH"])
sys.path.insert(0, os.path.dirname(os.environ["JOBS"]))
import bench
jobs = {"peer": bench.peer_jobs, "ours": bench.our_jobs}[os.environ["SIDE"]]()
for line in sys.stdin:
    name = line.strip()
    start, cpu = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        answer = jobs[name]()
    print("DONE " + json.dumps([time.perf_counter() - start, time.process_time() - cpu, answer]),
          flush=True)
"""
MODEL = {"embedding_dim": 16, "hidden_dim": 64, "n_layers": 2}
EPOCHS, RATE, BATCH = 50, 1e-3, 128
N_PERMUTATIONS = 100
RELEASE = "3bdbf3f"
JOBS = ("steps", "ladder", "permutations", "pairwise", "workers", "stacks")


def flagship_data() -> Any:
    from neuroloom import mi

    return mi.datasets.generate_nonlinear_from_latent(2500, 10, 100, 3.0, use_torch=False, seed=0)


def plain_flagship() -> Any:
    """Return data of the flagship's shape for the peer's process, which has only numpy."""
    import numpy as np

    with np.load(os.environ["FLAGSHIP"]) as data:
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
    import neural_mi as peer

    x, y = plain_flagship()
    small, many = small_data(), channels()
    model = {**MODEL, "use_spectral_norm": False}
    train = {"n_epochs": EPOCHS, "learning_rate": RATE, "batch_size": BATCH, "patience": EPOCHS}
    short = {**train, "n_epochs": 10, "patience": 10}
    quiet = {"model": model, "n_workers": 1, "seed": 0, "show_progress": False, "device": "cpu"}

    def run(*data: Any, **options: Any) -> float:
        result = peer.run(*data, **{**quiet, **options})
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

    x, y = flagship_data()
    small, many = small_data(), channels()
    base = {**MODEL, "n_epochs": EPOCHS, "learning_rate": RATE, "batch_size": BATCH}
    # Nine tenths train and one network each, so that updates are as many as the peer's.
    short = {**base, "n_epochs": 10, "n_inits": 1, "n_folds": 10, "validation": 0.05}
    # Two folds of half the samples are scored in full: twice the critics, half the updates each.
    halves = {**short, "n_folds": 2}
    quiet = {"random_seed": 0, "verbose": False}

    def run(*data: Any, params: dict[str, Any] = base, **options: Any) -> float:
        result = mi.run(*data, base_params=params, **quiet, **options)
        return float("nan") if result.mi_estimate is None else float(result.mi_estimate)

    return {
        "ladder": lambda: run(x, y, mode="rigorous", method="peer"),
        "default": lambda: run(x, y, mode="rigorous"),
        "steps": our_steps,
        "permutations": lambda: run(*small, params=short, n_permutations=N_PERMUTATIONS),
        "pairwise": lambda: run(many, mode="pairwise", params=halves),
        "workers2": lambda: run(x, y, mode="rigorous", method="peer", n_workers=2),
    }


def our_steps() -> float:
    """Fit four critics as the peer's estimate fits one, with a test score after each pass."""
    import numpy as np
    import torch

    from neuroloom.mi._options import params
    from neuroloom.mi._peer import _fit_parts
    from neuroloom.shared import Seed

    own = params({**MODEL, "n_epochs": EPOCHS, "learning_rate": RATE, "batch_size": BATCH})
    x, y = (torch.from_numpy(v.astype("float32")) for v in flagship_data())
    chunks, seeds = [np.arange(len(x))] * 4, [Seed(k) for k in range(4)]
    bound = ("infonce", {"symmetric": False})
    return float(_fit_parts((x, y, chunks, seeds, own, "random", *bound))[0][1])


def steps(n_critics: int, n_steps: int) -> float:
    """Run steps of stacked critics of the flagship's size, and return the last weight."""
    import torch

    from neuroloom.mi._bounds import Bound
    from neuroloom.mi._stack import CriticStack

    generators = [torch.Generator().manual_seed(k) for k in range(n_critics)]
    widths = [100, *[MODEL["hidden_dim"]] * MODEL["n_layers"], MODEL["embedding_dim"]]
    stack = CriticStack(widths, widths, generators, learning_rate=RATE)
    data = [torch.randn(2250, 100, generator=generators[0]) for _ in range(2)]
    order = torch.randint(0, 2250, (n_steps, n_critics, BATCH), generator=generators[0])
    bound = Bound("infonce")
    for rows in order:
        x, y = (torch.stack([values[r] for r in rows]) for values in data)
        stack.step(x, y, bound)
    return float(stack.flat[0])


class Side:
    """A process that runs jobs by name and says how long they took."""

    def __init__(self, side: str, python: str, peer: str, flagship: Path) -> None:
        threads = {k: "1" for k in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        env = {
            **os.environ,
            **threads,
            "SIDE": side,
            "PEER_PATH": peer,
            "JOBS": str(Path(__file__).resolve()),
            "FLAGSHIP": str(flagship),
            "MPLBACKEND": "agg",
        }
        self.process = subprocess.Popen(
            [python, "-c", CLIENT],
            stdin=-1,
            stdout=-1,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env,
        )

    def run(self, name: str) -> tuple[float, float, float]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("DONE "):
                wall, cpu, answer = json.loads(line[5:])
                return wall, cpu, answer
        raise RuntimeError(f"the {name} job ended its process")


def compare(sides: dict[str, tuple[Side, str]], repeats: int) -> dict[str, Any]:
    """Return times of several jobs in turns; the first is what the others are compared with."""
    rows: dict[str, list[tuple[float, float, float]]] = {label: [] for label in sides}
    for _ in range(repeats):
        for label, (side, name) in sides.items():
            rows[label].append(side.run(name))
    out: dict[str, Any] = {}
    for label, measured in rows.items():
        wall, cpu, answer = zip(*measured, strict=True)
        out[label] = {"wall_s": wall, "cpu_s": cpu, "answer": answer[-1]}
    first = rows[next(iter(sides))]
    for label in list(sides)[1:]:
        pairs = list(zip(first, rows[label], strict=True))
        out[label]["ratio_wall"] = statistics.median(a[0] / b[0] for a, b in pairs)
        out[label]["ratio_cpu"] = statistics.median(a[1] / b[1] for a, b in pairs)
    return out


def make_peer(folder: Path) -> tuple[str, str]:
    """Return the peer's checkout and python, made in `folder` unless they are there."""
    checkout, environment = folder / "NeuralMI", folder / "environment"
    if not checkout.exists():
        url = "https://github.com/eslam-abdelaleem/NeuralMI"
        subprocess.run(["git", "clone", "--no-checkout", url, str(checkout)], check=True)
        # Only the package: its recordings are large.
        subprocess.run(
            ["git", "-C", str(checkout), "checkout", RELEASE, "--", "neural_mi"], check=True
        )
    python = environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        needs = "torch numpy pandas scipy statsmodels seaborn matplotlib tqdm scikit-learn".split()
        subprocess.run([str(python), "-m", "pip", "install", "-q", *needs], check=True)
    return str(checkout), str(python)


def stacks() -> list[dict[str, float]]:
    """Speed and memory against the number of critics per stack, and the bound by GEMM alone."""
    import torch

    torch.set_num_threads(1)
    nothing = peak_memory(0)
    rows = []
    for n in (1, 2, 4, 8, 16, 55):
        n_steps = max(20, 400 // n)
        steps(n, 10)
        rates = []
        for _ in range(3):
            begin = time.perf_counter()
            steps(n, n_steps)
            rates.append(n * n_steps / (time.perf_counter() - begin))
        rows.append(
            {
                "critics": n,
                "steps_per_s": statistics.median(rates),
                "bytes": peak_memory(n) - nothing,
                "gemm_bound_steps_per_s": gemm_bound(n),
            }
        )
    return rows


def peak_memory(n: int) -> int:
    """Return the largest resident size in bytes of a process that trains `n` critics."""
    work = f"bench.steps({n}, 3)" if n else "bench.warm()"
    code = f"import resource, bench; {work}; "
    code += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    folder = str(Path(__file__).resolve().parent)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return 1024 * int(done.stdout)


def warm() -> None:
    """Load what `steps` loads, and train nothing."""
    import torch

    importlib.import_module("neuroloom.mi._stack")
    torch.zeros(2250, 100)


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
        left.plot(critics, [r["gemm_bound_steps_per_s"] for r in rows], "s--", label="GEMM alone")
        left.set(
            xlabel="critics per stack", ylabel="critic-steps / s", xscale="log", ylim=(0, None)
        )
        left.legend()
        right.plot(critics, [r["bytes"] / 2**20 for r in rows], "o-")
        right.set(xlabel="critics per stack", ylabel="MiB", xscale="log", yscale="log")
        figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("bench-mi.json"))
    parser.add_argument("--peer", default=os.environ.get("NEUROLOOM_PEER_MI"))
    parser.add_argument("--peer-python", default=os.environ.get("NEUROLOOM_PEER_MI_PYTHON"))
    parser.add_argument("--peer-folder", type=Path, help="make the peer's environment here")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(JOBS), choices=JOBS)
    options = parser.parse_args()
    import numpy as np

    where = (options.peer, options.peer_python)
    if options.peer_folder is not None:
        where = make_peer(options.peer_folder.resolve())
    flagship = options.out.with_suffix(".data.npz").resolve()
    x, y = flagship_data()
    np.savez(flagship, x=x, y=y)
    ours = Side("ours", sys.executable, "", flagship)
    peer = Side("peer", where[1], where[0], flagship) if all(where) else None
    content: dict[str, Any] = {
        "peer": f"NeuralMI 1.0.0 ({RELEASE}), spectral norm off" if peer else "not given",
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
    }
    if options.out.exists():
        content = json.loads(options.out.read_text()) | content

    def keep(name: str, value: Any) -> None:
        content[name] = value
        print(name, json.dumps(value), flush=True)
        options.out.write_text(json.dumps(content, indent=1))

    for side in (ours, *([peer] if peer else [])):
        side.run("steps")  # warm-up
    for name in (n for n in options.only if n in ("steps", "ladder", "permutations", "pairwise")):
        sides = {"peer": (peer, name)} if peer else {}
        sides["ours"] = (ours, name)
        if name == "ladder":
            sides["ours, default method"] = (ours, "default")
        found = compare(sides, options.repeats)
        if name == "steps":
            found["critic_steps"] = {"peer": EPOCHS * 18, "ours": 4 * EPOCHS * 18}
            if peer:
                found["ours"]["rate_ratio_wall"] = 4 * found["ours"]["ratio_wall"]
                found["ours"]["rate_ratio_cpu"] = 4 * found["ours"]["ratio_cpu"]
        keep(name, found)
    if "workers" in options.only:
        ours.run("workers2")  # starts the workers
        pair = {"one worker": (ours, "ladder"), "two workers": (ours, "workers2")}
        keep("workers", compare(pair, options.repeats))
    if "stacks" in options.only:
        keep("stacks", stacks())
        plot(content["stacks"], options.out.with_suffix(".png"))
    flagship.unlink()


if __name__ == "__main__":
    main()
