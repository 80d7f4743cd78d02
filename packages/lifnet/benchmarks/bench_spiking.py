"""Spiking networks beside NEST, Brian2 and the repository that lifnet grew out of.

All simulate the same arrays: the default clustered network, enlarged at fixed in-degree. Each
simulator is a process of its own; the processes stay and take turns, so that all meet the same
machine; a figure is the median of the rounds. A figure of n threads counts where CPU time / wall
time says that n threads ran.

The peers run in an environment of their own, which is made if NEUROLOOM_PEERS does not name the
Python of one. NEUROLOOM_SEED_REPOSITORY names a checkout of the seed, which is cloned otherwise.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np

from neuroloom.lifnet._clustered._parameters import clustered_parameters
from neuroloom.lifnet._clustered._wiring import draw_wiring
from neuroloom.lifnet._config._load import load_config

HERE = Path(__file__).parent
PEERS = ["nest-simulator==3.10.0", "brian2==2.9.0", "numpy<2.4", "scipy"]
SEED_REPOSITORY = "https://github.com/evaisd/VectorialNeuroModulators"
SEED_COMMIT = "dc9bee1"


def peers_python() -> str | None:
    """Return the Python that has NEST and Brian2."""
    if found := os.environ.get("NEUROLOOM_PEERS"):
        return found
    folder = Path(tempfile.gettempdir()) / "neuroloom-lifnet-peers"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    try:
        if not python.exists():
            venv.create(folder, with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
        return str(python)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"peers are left out: {error}", file=sys.stderr)
        return None


def seed_repository() -> str | None:
    """Return a folder with the seed's source."""
    if found := os.environ.get("NEUROLOOM_SEED_REPOSITORY"):
        return found
    folder = Path(tempfile.gettempdir()) / "neuroloom-lifnet-seed"
    try:
        if not folder.exists():
            subprocess.run(["git", "clone", "--quiet", SEED_REPOSITORY, folder], check=True)
            subprocess.run(["git", "-C", folder, "checkout", "--quiet", SEED_COMMIT], check=True)
        return str(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"the seed is left out: {error}", file=sys.stderr)
        return None


def network(folder: Path, multiple: int) -> tuple[Path, int, int]:
    """Write the default network, `multiple` times as many neurons at the same in-degree."""
    parameters = clustered_parameters(load_config())
    parameters = dataclasses.replace(parameters, sizes=parameters.sizes * multiple)
    wiring = draw_wiring(parameters, seed=1)
    names = ["E clustered", "E background", "I clustered", "I background"]
    q = parameters.n_clusters
    group = np.repeat([0, 1, 2, 3], [q, 1, q, 1])
    path = folder / f"network-{multiple}.npz"
    np.savez(
        path,
        indptr=wiring.starts,
        indices=wiring.targets.astype(np.int32),
        weights=wiring.weights(parameters),
        threshold=parameters.per_neuron(parameters.threshold),
        group=parameters.per_neuron(group).astype(np.int64),
        rate=(parameters.mean_nu_ext * parameters.c_ext)[0, 0],
        j_ext=parameters.j_ext[0, 0],
        names=names,
    )
    return path, wiring.n_neurons, wiring.n_synapses


class Worker:
    """A simulator's process."""

    def __init__(self, python: str, simulator: str, path: Path, **options: object) -> None:
        command = [python, str(HERE / "spiking_worker.py"), simulator, str(path)]
        self.errors = tempfile.TemporaryFile("w+")
        environment = dict(os.environ, OMP_NUM_THREADS=str(options["n_threads"]))
        self.process = subprocess.Popen(
            [*command, json.dumps(options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, text=True, env=environment,
        )  # fmt: skip
        self.ready = self._answer()

    def _answer(self) -> dict:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):  # simulators greet in their own words
                return json.loads(line)
        self.errors.seek(0)
        raise RuntimeError(self.errors.read()[-2000:])

    def __call__(self, seconds: float) -> dict:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)


def compare(path: Path, seconds: float, rounds: int, dt: float, delay: float, who: list) -> dict:
    """Return the median cost of each simulator in ``who``, entries (name, python, options)."""
    workers, rows = {}, {}
    for name, python, options in who:
        simulator = name.split()[0]
        settings = {"dt": dt, "delay": delay, "seconds": seconds, "warm_up": 0.2, **options}
        try:
            workers[name] = Worker(python, simulator, path, **settings)
        except RuntimeError as error:
            rows[name] = {"failed": str(error)}
    answers: dict[str, list[dict]] = {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            span = seconds / 4 if name.startswith("seed") else seconds
            answers[name].append(worker(span))
    for name, worker in workers.items():
        worker.close()
        taken = answers[name]
        rows[name] = {
            "wall_per_s": statistics.median(a["wall_per_s"] for a in taken),
            "cpu_per_s": statistics.median(a["cpu_per_s"] for a in taken),
            "all_wall_per_s": [a["wall_per_s"] for a in taken],
            "cpu_per_wall": [round(a["cpu_per_wall"], 3) for a in taken],
            "rates_hz": np.mean([a["rates_hz"] for a in taken], axis=0).round(3).tolist(),
            "peak_mb": taken[-1]["peak_mb"],
            "bytes_per_synapse": taken[-1]["bytes_per_synapse"],
            "build_s": worker.ready["build_s"],
        }
        print(f"{path.stem} dt {dt} delay {delay} {name}: {rows[name]['wall_per_s']:.4f} s/s "
              f"CPU/wall {rows[name]['cpu_per_wall']}", flush=True)  # fmt: skip
    return rows


def ratios(rows: dict) -> dict:
    """Return how many times as long each peer takes as lifnet, at the same number of threads."""
    out = {}
    for name, row in rows.items():
        if name.startswith("lifnet") or "wall_per_s" not in row:
            continue
        _, threads, *_ = name.split()
        for mine, own in rows.items():
            if mine.startswith("lifnet") and mine.split()[1] == threads and "wall_per_s" in own:
                out[f"{name} / {mine}"] = row["wall_per_s"] / own["wall_per_s"]
    return out


def run(rounds: int = 3, quick: bool = False) -> dict:
    """Return all comparisons."""
    peers, repository = peers_python(), seed_repository()
    result: dict = {"machine": platform.processor() or platform.machine(),
                    "n_cpu": os.cpu_count(), "load_before": os.getloadavg()}  # fmt: skip

    def who(threads: tuple[int, ...], simulators: str) -> list:
        rows = []
        for t in threads:
            for dtype in ("float32", "float64"):
                rows.append((f"lifnet {t} {dtype}", sys.executable,
                             {"n_threads": t, "dtype": dtype}))  # fmt: skip
            if peers and "nest" in simulators:
                rows.append((f"nest {t} float64", peers, {"n_threads": t, "dtype": "float64"}))
            if peers and "brian2" in simulators:
                for dtype in ("float32", "float64"):
                    rows.append((f"brian2 {t} {dtype}", peers, {"n_threads": t, "dtype": dtype}))
            if repository and "seed" in simulators:
                rows.append((f"seed {t} float64", sys.executable,
                             {"n_threads": t, "dtype": "float64",
                              "seed_repository": repository}))  # fmt: skip
        return rows

    with tempfile.TemporaryDirectory() as folder:
        small, n, synapses = network(Path(folder), 1)
        result["2k"] = {"n_neurons": n, "n_synapses": synapses}
        rows = compare(small, 2.0, rounds, 5e-4, 5e-4, who((1, 2), "nest brian2 seed"))
        result["2k"]["dt .5 ms, delay = dt"] = {"rows": rows, "ratios": ratios(rows)}
        if quick:
            return result
        large, n, synapses = network(Path(folder), 5)
        result["10k"] = {"n_neurons": n, "n_synapses": synapses}
        rows = compare(large, 2.0, rounds, 5e-4, 5e-4, who((1, 2), "nest brian2"))
        result["10k"]["dt .5 ms, delay = dt"] = {"rows": rows, "ratios": ratios(rows)}
        rows = compare(large, 1.0, rounds, 1e-4, 1.5e-3, who((1, 2), "nest brian2"))
        result["10k"]["dt .1 ms, delay 1.5 ms"] = {"rows": rows, "ratios": ratios(rows)}
    result["load_after"] = os.getloadavg()
    return result


def scaling(folder: Path) -> list[dict]:
    """Return time and memory of lifnet from 2,000 to 50,000 neurons."""
    rows = []
    for multiple in (1, 2, 5, 10, 25):
        path, n, synapses = network(folder, multiple)
        settings = {"dt": 5e-4, "delay": 5e-4, "warm_up": 0.1, "n_threads": 1, "dtype": "float32"}
        worker = Worker(sys.executable, "lifnet", path, **settings)
        answers = [worker(1.0) for _ in range(3)]
        worker.close()
        rows.append({
            "n_neurons": n, "n_synapses": synapses, "peak_mb": answers[-1]["peak_mb"],
            "bytes_per_synapse": answers[-1]["bytes_per_synapse"],
            "wall_per_s": statistics.median(a["wall_per_s"] for a in answers),
        })  # fmt: skip
        print(rows[-1], flush=True)
        path.unlink()
    return rows


def plot_scaling(rows: list[dict], path: Path) -> None:
    """Write a figure of time and memory against neurons and synapses."""
    from matplotlib.figure import Figure

    from neuroloom.shared import style

    with style():
        figure = Figure(figsize=(7, 3), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.loglog([r["n_neurons"] for r in rows], [r["wall_per_s"] for r in rows], "o-")
        left.set(xlabel="neurons", ylabel="seconds per simulated second")
        right.loglog([r["n_synapses"] for r in rows], [r["peak_mb"] for r in rows], "o-",
                     label="process, while building too")  # fmt: skip
        synapses = [r["n_synapses"] * r["bytes_per_synapse"] / 1e6 for r in rows]
        right.loglog([r["n_synapses"] for r in rows], synapses, "s-", label="synapses")
        right.set(xlabel="synapses", ylabel="memory (MB)")
        right.legend()
        figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=["compare", "scaling"])
    arguments = parser.parse_args()
    result: dict = {}
    if arguments.only != "scaling":
        result = run(arguments.rounds, arguments.quick)
        arguments.out.write_text(json.dumps(result, indent=1))
    if arguments.only != "compare" and not arguments.quick:
        with tempfile.TemporaryDirectory() as folder:
            result["scaling"] = scaling(Path(folder))
        plot_scaling(result["scaling"], arguments.out.with_suffix(".png"))
    arguments.out.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
