"""Measure the package beside ncpi 0.2.6, pycatch22, specparam, sbi and NEST.

    python benchmarks/bench.py --out bench.json [--only NAME ...] [--toy]

Each figure is a ratio of two medians, both sides interleaved in one run after a warm-up. Where the
peers come from is written in `peers`. ``--only`` measures some and keeps what the file holds of the
others.

* ``catch22``: 10,000 series of 1,000 samples on two workers, pycatch22 over joblib's processes.
* ``aperiodic``: spectra without peaks, 1 to 45 Hz, specparam one by one.
* ``readme``: the README's study from a fresh process, as it is run; the package's share of it
  (proxy, features, set-up, training, prediction), and the whole with the user's simulator beside
  ours.
* ``hagen``: the two-population network of 9,216 neurons, one thread, per simulated second.
* ``inference``: training, sampling and prediction beside sbi, see `_inference_timings`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from peers import Peer, peers_python

ROUNDS = 3
HERE = Path(__file__).parent
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
Result = dict[str, Any]


def _ratio(peer: list[float], ours: list[float]) -> Result:
    return {
        "peer_s": peer,
        "ours_s": ours,
        "ratio": statistics.median(peer) / statistics.median(ours),
    }


def catch22(peer: Peer, *, toy: bool) -> Result:
    """Ten thousand series on two workers."""
    from neuroloom.circuit_inference import Catch22, FeatureSet

    n = 200 if toy else 10_000
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((n, 1000))
    walk = np.cumsum(rng.standard_normal((n, 1000)), axis=1)
    series = np.where(np.arange(n)[:, None] % 2, walk, noise)
    path = Path(tempfile.mkdtemp()) / "series.npy"
    np.save(path, series)
    features = FeatureSet(Catch22())
    features.compute(series[:50], n_workers=2)
    first = peer("catch22", path=str(path), workers=2, rows=50)
    ours, theirs, ours_cpu, theirs_cpu = [], [], [], []
    for _ in range(ROUNDS):
        answer = peer("catch22", path=str(path), workers=2)
        theirs.append(answer["wall_s"])
        theirs_cpu.append(answer["cpu_s"])
        cpu, started = time.process_time(), time.perf_counter()
        values = features.compute(series, n_workers=2).values
        ours.append(time.perf_counter() - started)
        ours_cpu.append(time.process_time() - cpu)
    difference = float(np.abs(values[0] - np.array(first["first"])).max())
    return {
        **_ratio(theirs, ours),
        "ours_over_peer": statistics.median(ours) / statistics.median(theirs),
        "target": "ours_over_peer <= 1.0, stretch 0.4",
        "n_series": n,
        "ours_cpu_per_wall": statistics.median(ours_cpu) / statistics.median(ours),
        "peer_cpu_per_wall": statistics.median(theirs_cpu) / statistics.median(theirs),
        "largest_difference_of_the_first_row": difference,
    }


def aperiodic(peer: Peer, *, toy: bool) -> Result:
    """Lines through spectra, per fit."""
    from neuroloom.circuit_inference.features import fit_aperiodic

    n, n_peer = (500, 50) if toy else (10_000, 1000)
    rng = np.random.default_rng(1)
    freqs = np.arange(0.0, 101.0, 0.5)
    freqs[0] = 1e-3
    beta = rng.uniform(0.5, 2.5, n)
    power = freqs ** -beta[:, None] * rng.gamma(20, 1 / 20, (n, freqs.size))
    freqs[0] = 0.0
    path = Path(tempfile.mkdtemp()) / "spectra.npz"
    np.savez(path, freqs=freqs, power=power)
    out: Result = {}
    for how in ("leave-out", "ignore"):
        fit_aperiodic(freqs, power[:20], freq_range=(1.0, 45.0), peaks=how)
        peer("specparam", path=str(path), low=1.0, high=45.0, rows=20)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            answer = peer("specparam", path=str(path), low=1.0, high=45.0, rows=n_peer)
            theirs.append(answer["wall_s"] / n_peer)
            started = time.perf_counter()
            fit = fit_aperiodic(freqs, power, freq_range=(1.0, 45.0), peaks=how)
            ours.append((time.perf_counter() - started) / n)
        out[how] = {
            **_ratio(theirs, ours),
            "median_error_ours": float(np.median(np.abs(fit.exponent - beta))),
            "median_error_peer": float(
                np.median(np.abs(np.array(answer["exponents"]) - beta[:n_peer]))
            ),
        }
    return {**out, "ratio": out["leave-out"]["ratio"], "target": "ratio >= 20, stretch 100"}


def readme(peer: Peer, *, toy: bool) -> Result:
    """The README's study, each from a fresh process: the package's share, and all of it."""
    sizes = (100, 90) if toy else (1000, 900)
    sides = {
        "peer": (peer.python, "ncpi"),
        "ours": (sys.executable, "neuroloom.circuit_inference"),
        "batched": (sys.executable, "batched"),
    }
    runs: dict[str, list[Result]] = {name: [] for name in sides}
    for k in range(ROUNDS + 1):
        for name, (python, module) in sides.items():
            answer = _study(python, module, *sizes)
            if k:  # the first round warms the file caches and compiles
                runs[name].append(answer)
    shares = _ratio(*([run["package_s"] for run in runs[name]] for name in ("peer", "ours")))
    ends = _ratio(*([run["total_s"] for run in runs[name]] for name in ("peer", "batched")))
    return {
        "package_share": {**shares, "target": "ratio >= 3.5"},
        "end_to_end": {**ends, "target": "ratio >= 5, stretch 6"},
        "ratio": shares["ratio"],
        "runs": {name: run[-1] for name, run in runs.items()},
    }


def _study(python: str, module: str, n_samples: int, n_train: int) -> Result:
    # As a user runs it: with as many threads as the libraries take by themselves.
    environment = {name: value for name, value in os.environ.items() if name not in THREADS}
    command = [python, "-W", "ignore", str(HERE / "readme_study.py"), module]
    done = subprocess.run(
        [*command, str(n_samples), str(n_train), "0"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if done.returncode:
        raise RuntimeError(f"the study with {module} failed:\n{done.stderr[-2000:]}")
    result: Result = json.loads(done.stdout)
    return result


def hagen(peer: Peer, *, toy: bool) -> Result:
    """The two-population network, seconds per simulated second on one thread."""
    try:
        from neuroloom.lifnet import Record
        from neuroloom.lifnet.models import hagen as network
    except ImportError:
        return {"skipped": "neuroloom-lifnet is not installed: pip install ./packages/lifnet"}
    stretch_peer, stretch_ours = (0.02, 0.05) if toy else (0.5, 1.0)
    built = peer("hagen_build", threads=1, seed=1)
    started = time.perf_counter()
    net = network().build(dtype="float32", seed=1)
    build_s = time.perf_counter() - started
    state = net.simulate(0.2, record=Record(spikes=False), seed=1).state
    ours, theirs, rates, peer_rates, cpu_per_wall = [], [], [], [], []
    for k in range(ROUNDS):
        answer = peer("hagen_run", seconds=stretch_peer)
        theirs.append(answer["wall_s"] / stretch_peer)
        peer_rates.append(answer["rates_hz"])
        cpu, started = time.process_time(), time.perf_counter()
        run = net.simulate(stretch_ours, record=Record(spikes=True), state=state, seed=2 + k)
        wall = time.perf_counter() - started
        cpu_per_wall.append((time.process_time() - cpu) / wall)
        ours.append(wall / stretch_ours)
        state = run.state
        counts = np.asarray(run.spike_counts).sum(axis=0)
        rates.append(
            {
                name: float(counts[i] / (stop - start) / stretch_ours)
                for i, (name, (start, stop)) in enumerate(run.populations.items())
            }
        )
    return {
        **_ratio(theirs, ours),
        "target": "ratio >= 10, stretch 20",
        "build_s": {"peer": built["build_s"], "ours": build_s},
        "n_connections_peer": built["n_connections"],
        "rates_hz": {"peer": peer_rates, "ours": rates},
        "ours_cpu_per_wall": cpu_per_wall,
    }


def inference(peer: Peer, *, toy: bool) -> Result:
    """Training, sampling and prediction beside sbi."""
    from _inference_timings import timings

    result: Result = timings(toy=toy)
    return result


BENCHMARKS: dict[str, Callable[..., Result]] = {
    "catch22": catch22,
    "aperiodic": aperiodic,
    "readme": readme,
    "hagen": hagen,
    "inference": inference,
}


def main() -> None:
    """Measure, and write what was measured."""
    if any(os.environ.get(name) != "1" for name in THREADS):
        # Read once by the libraries at import: start again with one thread each.
        os.environ.update(dict.fromkeys(THREADS, "1"))
        os.execv(sys.executable, [sys.executable, *sys.argv])
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=list(BENCHMARKS), default=list(BENCHMARKS))
    parser.add_argument("--toy", action="store_true", help="small sizes, to try the script")
    options = parser.parse_args()
    results: Result = {}
    if options.out.exists() and not options.toy:
        results = json.loads(options.out.read_text())
    peer = Peer(peers_python())
    results["machine"] = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "peers": peer("versions"),
    }
    for name in options.only:
        print(f"{name} …", file=sys.stderr, flush=True)
        results[name] = BENCHMARKS[name](peer, toy=options.toy)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(results, indent=1))
        print(name, json.dumps(results[name])[:400], flush=True)
    peer.close()


if __name__ == "__main__":
    main()
