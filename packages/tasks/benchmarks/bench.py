"""Speed beside NeuroGym 2.3.1 and braintools.cogtask, the sides taking turns in one run.

Run by ``nox -s "bench(tasks)"``; writes JSON, and figures beside it. NeuroGym pins gymnasium 0.29
and needs torch without saying so, hence each peer runs in a virtual environment of its own, as a
process that answers over a pipe (``neurogym_worker.py``, ``cogtask_worker.py``). ``--neurogym
PYTHON`` and ``--braintools PYTHON`` (or ``NEUROLOOM_NEUROGYM``, ``NEUROLOOM_BRAINTOOLS``) name
interpreters of such environments; without them they are made by uv in ``.nox/peers``.

A ratio is the median over the rounds of our rate over the peer's in the same round. Ours is said to
use one thread if its CPU time is its wall time. What a peer cannot run is listed with its error; a
peer that cannot start is one line, and what does not need it is measured all the same.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import neuroloom.tasks as tasks
from neuroloom.shared import style
from neuroloom.tasks import wrappers
from neuroloom.tasks._design.catalogue import entries
from neuroloom.tasks._engine.plan import make_plan

HERE = Path(__file__).parent
PEERS = HERE.parents[2] / ".nox" / "peers"
VECTOR = (
    "PerceptualDecisionMaking-v0", "DelayMatchSample-v0", "ReadySetGo-v0",
    "ContextDecisionMaking-v0", "AntiReach-v0", "DelayComparison-v0", "yang19.go-v0",
    "yang19.dm1-v0",
)  # fmt: skip
SINGLE = VECTOR
PDM = "PerceptualDecisionMaking-v0"
BACKENDS = ("numba", "numpy")
NEUROGYM, BRAINTOOLS = ("neurogym==2.3.1", "torch"), ("braintools==0.3.0",)
PARTS = (
    "dataset", "mixed", "batch", "vector", "single", "wrappers", "cogtask", "memory", "import",
)  # fmt: skip
WRAPPERS: dict[str, Callable[[Any], Any]] = {
    "SideBias": lambda env: wrappers.SideBias(env, [[0.2, 0.8], [0.8, 0.2]], 20),
    "TrialHistoryV2": wrappers.TrialHistoryV2,
    "RandomGroundTruth": wrappers.RandomGroundTruth,
    "ScheduleAttr": lambda env: wrappers.ScheduleAttr(env, lambda: 0, [{"coh": 0}]),
    "PassReward": wrappers.PassReward,
    "PassAction": wrappers.PassAction,
    "Noise": wrappers.Noise,
    "ReactionTime": wrappers.ReactionTime,
}
COGTASK = {
    PDM: "PerceptualDecisionMaking",
    "DelayMatchSample-v0": "DelayMatchSample",
    "ContextDecisionMaking-v0": "ContextDecisionMaking",
}
"""Our id of each task that braintools has too."""


class CannotStart(RuntimeError):
    """A peer did not start, or ended."""


class Peer:
    """The other side, a process in an environment of its own: does a job, and says its rate.

    Parameters
    ----------
    name : str
        Of the peer, as the index calls it.
    worker : str
        Script beside this one that it runs.
    needs : tuple of str
        What is installed if there is no environment yet.
    python : str, optional
        Interpreter of an environment that has it.
    """

    def __init__(self, name: str, worker: str, needs: tuple[str, ...], python: str | None) -> None:
        self.name, self.worker, self.needs, self.python = name, worker, needs, python
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> subprocess.Popen[str]:
        """Return the process, started if it does not run yet."""
        if self.process is None:
            try:
                python = self.python or made_environment(self.name, self.needs)
                self.process = subprocess.Popen(
                    [python, "-W", "ignore", str(HERE / self.worker)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    env={**os.environ, "OMP_NUM_THREADS": "1"},
                )
            except (OSError, subprocess.CalledProcessError) as error:
                raise CannotStart(f"{self.name} cannot start: {error}") from None
        return self.process

    def __call__(self, **job: Any) -> dict[str, Any]:
        process = self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise CannotStart(f"{self.name} cannot start: {self.last_words(process)}")
        return json.loads(line)

    def last_words(self, process: subprocess.Popen[str]) -> str:
        """Return the last line of what a process that ended wrote as its error."""
        self.process = None
        said = process.communicate()[1].strip().splitlines()
        return said[-1] if said else f"it ended with status {process.returncode}"

    def close(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.communicate()
            self.process = None


def made_environment(name: str, needs: tuple[str, ...]) -> str:
    """Return the interpreter of an environment with a peer, made if there is none."""
    venv = PEERS / name
    python = venv / "bin" / "python"
    if not python.is_file():
        subprocess.run(["uv", "venv", "--quiet", str(venv)], check=True)
    if not (venv / "ready").is_file():
        subprocess.run(["uv", "pip", "install", "--quiet", "-p", str(python), *needs], check=True)
        (venv / "ready").touch()
    return str(python)


def rate(piece: Callable[[], int], seconds: float) -> tuple[float, float]:
    """Return how many pieces a second are done, and CPU over wall time."""
    count, cpu, start = 0, time.process_time(), time.perf_counter()
    while True:
        count += piece()
        wall = time.perf_counter() - start
        if wall >= seconds:
            return count / wall, (time.process_time() - cpu) / wall


def our_dataset(source: Any, batch_size: int, backend: str) -> Callable[[], int]:
    """Return what draws all batches of a cache, so that whole caches are timed."""
    data = tasks.Dataset(source, batch_size=batch_size, seq_len=100, seed=1, backend=backend)

    def piece() -> int:
        data()
        count = 1
        while data._at < data._cached:
            data()
            count += 1
        return count

    piece()
    return piece


def our_vector(task: str, n: int, backend: str) -> Callable[[], int]:
    envs = tasks.make_vec(task, n, backend=backend, seed=1)
    actions = np.random.default_rng(0).integers(envs.plan.n_actions, size=(64, n))
    envs.reset(seed=1)

    def piece() -> int:
        for some in actions:
            envs.step(some)
        return actions.size

    # Until every environment has been refilled, so that refilling is in what is timed.
    for _ in range(20):
        piece()
    return piece


def our_single(task: str, wrapper: str = "") -> Callable[[], int]:
    env: Any = tasks.make(task, seed=1)
    plan = env.plan
    if wrapper:
        env = WRAPPERS[wrapper](env)
    actions = np.random.default_rng(0).integers(plan.n_actions, size=4096).tolist()
    env.reset(seed=1)

    def piece() -> int:
        step = env.step
        for action in actions:
            step(action)
        return len(actions)

    piece()
    return piece


def trials_of(data: tasks.Dataset) -> Callable[[], int]:
    """Return what draws a batch of whole trials, counted in steps."""
    return lambda: int(data()[1].size)


def memory(steps: int) -> dict[str, Any]:
    """Return how much memory `steps` steps of a vector environment take beyond a tenth of them."""
    import resource

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    envs = tasks.make_vec(PDM, 256, seed=1)
    actions = np.random.default_rng(0).integers(envs.plan.n_actions, size=(64, 256))
    envs.reset(seed=1)
    done, early = 0, 0.0
    while done < steps:
        for some in actions:
            envs.step(some)
        done += actions.size
        if not early and done >= steps / 10:
            early = peak()
    return {"steps": done, "peak_mb": peak(), "growth_mb": peak() - early}


def import_time(rounds: int) -> dict[str, Any]:
    """Return the seconds that the import takes in a fresh interpreter, beyond starting it.

    Byte code is kept, as it is where packages are installed: without it, as some containers have
    it by `PYTHONDONTWRITEBYTECODE`, compiling every file takes more than twice as long.
    """
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def seconds(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, env=kept)
        return time.perf_counter() - start

    seconds("import neuroloom.tasks")
    took = [seconds("import neuroloom.tasks") - seconds("pass") for _ in range(rounds)]
    return {"seconds": float(np.median(took))}


def compare(
    peer: Peer,
    job: dict[str, Any],
    ours: dict[str, Callable[[], int]],
    rounds: int,
    seconds: float,
) -> dict[str, Any]:
    """Return rates and ratios of `rounds` rounds in which every side has its turn."""
    first = peer(**job, seconds=0.01)
    if "error" in first:
        return {"peer_error": first["error"]}
    theirs: list[float] = []
    their_cpu: list[float] = []
    rates: dict[str, list[float]] = {name: [] for name in ours}
    cpu: dict[str, list[float]] = {name: [] for name in ours}
    for _ in range(rounds):
        answer = peer(**job, seconds=seconds)
        theirs.append(answer["rate"])
        their_cpu.append(answer["cpu"])
        for name, piece in ours.items():
            got, used = rate(piece, seconds / 2)
            rates[name].append(got)
            cpu[name].append(used)
    row: dict[str, Any] = {peer.name: float(np.median(theirs))}
    for name, values in rates.items():
        row[name] = float(np.median(values))
        row[f"{name}_ratio"] = float(np.median(np.array(values) / np.array(theirs)))
        row[f"{name}_cpu_per_wall"] = float(np.median(cpu[name]))
        # For a machine with other work: the same by the CPU time that each side was given.
        by_cpu = np.array(values) / np.array(cpu[name]) * np.array(their_cpu) / np.array(theirs)
        row[f"{name}_ratio_by_cpu"] = float(np.median(by_cpu))
    return row


def bound(task: Any, batch_size: int = 16, seq_len: int = 100) -> float:
    """Return the batches a second that drawing the noise and copying a batch would allow.

    The noise is that of as many steps with noise as an average batch has, drawn as fast as numpy
    can; the copy is one of inputs and target.
    """
    plan = make_plan(tasks.get_task(task) if isinstance(task, str) else task)
    table = plan.block(np.random.default_rng(0), {})
    steps = batch_size * seq_len
    n_noise = round(len(table.noisy) / table.n_rows * steps * plan.noise_columns.size)
    rng = np.random.Generator(np.random.SFC64(1))
    noise = np.empty(n_noise, dtype=np.float32)
    inputs = np.ones((steps, plan.n_channels), dtype=np.float32)
    target = np.zeros(steps, dtype=np.int64)
    into, right = np.empty_like(inputs), np.empty_like(target)

    def piece() -> int:
        rng.standard_normal(out=noise, dtype=np.float32)
        into[...] = inputs
        right[...] = target
        return 1

    return float(np.median([rate(piece, 0.05)[0] for _ in range(5)]))


def supervised() -> list[str]:
    """Return the ids that have a ground truth."""
    return [id for id in entries() if not tasks.get_task(id).no_ground_truth]


def measure(peers: dict[str, Peer], toy: bool, parts: list[str], out: dict[str, Any]) -> None:
    """Measure the parts asked for, into `out`."""
    peer = peers["neurogym"]
    rounds, seconds = (1, 0.02) if toy else (3, 0.25)
    yang = [id for id in entries() if id.startswith("yang19.") and id.endswith("-v0")]
    few = [PDM] if toy else list(VECTOR)
    if "dataset" in parts:
        for id in [PDM, "yang19.dm1-v0"] if toy else supervised():
            sides = {backend: our_dataset(id, 16, backend) for backend in BACKENDS}
            job = {"kind": "dataset", "task": id, "batch_size": 16}
            keep(out, "dataset", id, compare(peer, job, sides, rounds, seconds), of=id)
    if "mixed" in parts:
        for n in (5, 20) if toy else (1, 5, 10, 20):
            mixture = tasks.mix(yang[:n])
            sides = {backend: our_dataset(mixture, 16, backend) for backend in BACKENDS}
            job = {"kind": "dataset", "task": "", "ids": yang[:n], "batch_size": 16}
            row = compare(peer, job, sides, rounds, 2 * seconds)
            keep(out, "mixed", str(n), row, of=mixture)
    if "batch" in parts:
        for size in (16, 64) if toy else (4, 16, 64, 256):
            sides = {backend: our_dataset(PDM, size, backend) for backend in BACKENDS}
            job = {"kind": "dataset", "task": PDM, "batch_size": size}
            keep(out, "batch", str(size), compare(peer, job, sides, rounds, seconds))
    if "vector" in parts:
        for id in few:
            for n in (256,) if id != PDM or toy else (16, 256):
                sides = {backend: our_vector(id, n, backend) for backend in BACKENDS}
                job = {"kind": "vector", "task": id, "n": n}
                row = compare(peer, job, sides, rounds, seconds)
                keep(out, "vector", f"{id} x {n}", row)
    if "single" in parts:
        for id in few:
            job = {"kind": "single", "task": id}
            row = compare(peer, job, {"single": our_single(id)}, rounds, seconds)
            keep(out, "single", id, row)
    if "wrappers" in parts:
        for name in WRAPPERS:
            job = {"kind": "wrapped", "task": PDM, "wrapper": name}
            row = compare(peer, job, {"single": our_single(PDM, name)}, rounds, seconds)
            keep(out, "wrappers", name, row)
    if "cogtask" in parts:
        for id, name in COGTASK.items():
            for size in (16,) if toy else (16, 1024):
                data = tasks.Dataset(id, batch_size=size, align="trial", seed=1)
                job = {"task": name, "batch_size": size}
                row = compare(
                    peers["braintools"], job, {"dataset": trials_of(data)}, rounds, seconds
                )
                keep(out, "cogtask", f"{id} x {size}", row)
    if "memory" in parts:
        keep(out, "memory", PDM, memory(200_000 if toy else 20_000_000))
    if "import" in parts:
        keep(out, "import", "neuroloom.tasks", import_time(1 if toy else 5))


def keep(out: dict[str, Any], part: str, name: str, row: dict[str, Any], of: Any = None) -> None:
    """Put a row into `out` with its share of the bound, and print it."""
    if of is not None and "numba" in row:
        row["bound"] = bound(of)
        row["share_of_bound"] = row["numba"] / row["bound"]
    out.setdefault(part, {})[name] = row
    print(part, name, {k: f"{v:.3g}" if isinstance(v, float) else v for k, v in row.items()})
    sys.stdout.flush()


def summary(out: dict[str, Any]) -> dict[str, Any]:
    """Return the figures that the targets are about."""

    def over(part: str, key: str, only: str = "") -> dict[str, Any]:
        rows = {k: r[key] for k, r in out.get(part, {}).items() if key in r and only in k}
        if not rows:
            return {"n": 0}
        worst = min(rows, key=lambda k: rows[k])
        values = list(rows.values())
        return {"n": len(values), "median": float(np.median(values)), "worst": rows[worst],
                "worst_is": worst}  # fmt: skip

    return {
        "dataset_numba": over("dataset", "numba_ratio"),
        "dataset_numpy": over("dataset", "numpy_ratio"),
        "share_of_bound": over("dataset", "share_of_bound"),
        "mixed_yang19": over("mixed", "numba_ratio", "20"),
        "mixed_yang19_share_of_bound": over("mixed", "share_of_bound", "20"),
        "vector_256_numba": over("vector", "numba_ratio", "x 256"),
        "vector_256_numpy": over("vector", "numpy_ratio", "x 256"),
        "single": over("single", "single_ratio"),
        "wrappers": over("wrappers", "single_ratio"),
        "cogtask_by_cpu": over("cogtask", "dataset_ratio_by_cpu"),
        "memory": out.get("memory", {}),
        "import": out.get("import", {}),
        "peers_cannot": {
            f"{part} {k}": r["peer_error"]
            for part in PARTS
            for k, r in out.get(part, {}).items()
            if "peer_error" in r
        },
    }


def draw(out: dict[str, Any]) -> Figure:
    """Return the figure: ratios of all tasks, and growth with batch size and number of tasks."""
    with style():
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        rows = {k: r for k, r in out.get("dataset", {}).items() if "numba_ratio" in r}
        order = sorted(rows, key=lambda k: rows[k]["numba_ratio"])
        for backend, color in zip(BACKENDS, ("#0072B2", "#D55E00"), strict=True):
            values = [rows[k][f"{backend}_ratio"] for k in order]
            left.semilogy(values, ".", color=color, label=backend)
        left.axhline(50, color="k", linewidth=0.8, linestyle=":")
        left.set(
            xlabel="Task, sorted", ylabel="Batches/s over NeuroGym's", title="16 x 100 batches"
        )
        left.legend(frameon=False)
        for axes, part, title in (
            (middle, "batch", "Batch size"),
            (right, "mixed", "Number of yang19 tasks"),
        ):
            some = {int(k): r for k, r in out.get(part, {}).items() if "numba" in r}
            for key, color in (("numba", "#0072B2"), ("numpy", "#D55E00"), ("neurogym", "k")):
                steps = [r[key] * 100 * (x if part == "batch" else 16) for x, r in some.items()]
                axes.loglog(list(some), steps, "o-", color=color, label=key, markersize=3)
            axes.set(xlabel=title, ylabel="Steps/s")
        middle.legend(frameon=False)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--neurogym", default=os.environ.get("NEUROLOOM_NEUROGYM"))
    parser.add_argument("--braintools", default=os.environ.get("NEUROLOOM_BRAINTOOLS"))
    parser.add_argument("--toy", action="store_true", help="small sizes, to try the script")
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=PARTS)
    options = parser.parse_args()
    out: dict[str, Any] = json.loads(options.out.read_text()) if options.out.is_file() else {}
    peers = {
        "neurogym": Peer("neurogym", "neurogym_worker.py", NEUROGYM, options.neurogym),
        "braintools": Peer("braintools", "cogtask_worker.py", BRAINTOOLS, options.braintools),
    }
    out["machine"], out["cores"] = platform.platform(), os.cpu_count()
    out["versions"] = {"python": platform.python_version(), "numpy": np.__version__}
    out["versions"] |= dict(peer.split("==") for peer in (NEUROGYM[0], BRAINTOOLS[0]))
    for part in options.only:
        try:
            measure(peers, options.toy, [part], out)
        except CannotStart as error:
            print(f"{part}: {error}", flush=True)
            out.setdefault(part, {})["not measured"] = {"peer_error": str(error)}
        out["summary"] = summary(out)
        options.out.write_text(json.dumps(out, indent=1))
    for peer in peers.values():
        peer.close()
    draw(out).savefig(options.out.with_suffix(".png"), dpi=150)
    print(json.dumps(out["summary"], indent=1))


if __name__ == "__main__":
    main()
