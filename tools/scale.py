"""Run long jobs on every backend, kill and resume them, and compare the bits: ``nox -s scale``.

A package adds a job in one line of `JOBS`. Prints a table and writes JSON::

    python tools/scale.py [--only shared] [--out benchmark-results/scale.json] [--page PAGE]

A file that is there is gone on with, and what failed is tried again. A run is killed by SIGKILL
when it has kept two parts and is about to keep a third; one of two workers is killed when a part
is kept.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from neuroloom import shared
from neuroloom.shared.jobs import fingerprint
from neuroloom.shared.testing import killed_run, killed_worker

Run = Callable[[str | None], Any]  # folder to resume from, or None → result


def draw(item: int, stream: shared.Seed) -> dict[str, Any]:
    """Return sums whose order BLAS chooses by its number of threads."""
    time.sleep(0.02)
    values = stream.generator().standard_normal((150, 150 + item))
    return {"product": values @ values.T, "index": item}


def table(item: int, stream: shared.Seed) -> Any:
    """Return a table with an index of its own."""
    import pandas as pd

    time.sleep(0.02)
    values = stream.generator().random(3)
    return pd.DataFrame({"x": values}, index=pd.Index(["a", "b", "c"], name=f"unit{item}"))


def at(item: int, big: np.ndarray) -> float:
    """Return one of many shared numbers."""
    return float(big[item])


def _draws(folder: str | None) -> Any:
    return shared.map(draw, range(16), seed=1, resume=folder, progress=False)


def _tables(folder: str | None) -> Any:
    return shared.map(table, range(16), seed=2, resume=folder, progress=False)


def _library(folder: str | None) -> Any:
    from neuroloom.circuit_inference import gao_library

    options = {"duration_s": 1.0, "progress": False, "seed": 1}
    made = gao_library(64, **options, folder=folder)
    return made.theta, dict(made.signals), list(made.reasons)


def _noise(theta: Any, seed: shared.Seed) -> dict[str, Any]:
    return {"lfp": theta[0] + seed.generator().standard_normal(60)}


def _inferer(model: str, **options: Any) -> Any:
    """Return a trained model, and simulations that it has not seen."""
    from neuroloom.circuit_inference import FeatureSet, Inferer, Moments, Prior, simulate_library

    prior = Prior.box({"a": (0.0, 1.0)})
    made = simulate_library(_noise, prior, 100, rate_hz=10.0, progress=False, seed=1)
    table = made.features(FeatureSet(Moments()))
    learned = Inferer(model, prior, hyperparams=options).fit(
        table.values[:80], made.theta[:80], seed=1
    )
    return learned, table.values[80:], made.theta[80:]


def _calibration(folder: str | None) -> Any:
    train = {"max_num_epochs": 1, "training_batch_size": 50}
    model, features, theta = _inferer("NRE", train=train, sample={"sample_with": "importance"})
    options = {"n_samples": 4, "progress": False, "seed": 2, "resume": folder}
    found = model.diagnose(features, theta, **options)
    return found.ranks, found.r, found.sbc_p, found.coverage, found.importance


def _features(folder: str | None) -> Any:
    from neuroloom.circuit_inference.features import Catch22, FeatureSet

    series = np.random.default_rng(4).standard_normal((40, 2000))
    return FeatureSet(Catch22()).compute(series, rate=100.0, n_workers=None).values


def _behaviour(folder: str | None) -> Any:
    from neuroloom.tasks import run_trials
    from neuroloom.tasks.behaviour import QLearner

    options = {"sessions": 8, "side_by_side": 1, "seed": 1, "p": (0.2, 0.8)}
    return run_trials("Bandit-v0", QLearner(2), 400, resume=folder, **options).table


def _trials() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(800, 1))
    side = np.where((np.arange(800) // 40) % 2 == 0, 3 * x[:, 0], 1.5)
    y = (rng.random(800) < 1 / (1 + np.exp(-side))).astype(float)
    return x, y, np.arange(800) % 50 == 0


def _glm_hmm(**options: Any) -> Any:
    from neuroloom.glmhmm import GLMHMM

    return GLMHMM(2, regularizer_strength=0.25, tol=1e-3, seed=1, **options)


def _restarts(folder: str | None) -> Any:
    x, y, starts = _trials()
    found = _glm_hmm(n_init=8).fit(x, y, session_starts=starts, resume=folder)
    return found.coef_, found.transition_prob_, found.restarts_


def _validation(folder: str | None) -> Any:
    from neuroloom.glmhmm import cross_validate

    options = {"n_states": (1, 2), "folds": 3, "progress": False, "seed": 1}
    model = _glm_hmm(n_init=3)
    found = cross_validate(*_trials(), model=model, resume=folder, **options)
    return found.folds, found.table, found.models[2].coef_


def _bootstrap(folder: str | None) -> Any:
    from neuroloom.glmhmm import parametric_bootstrap

    x, y, starts = _trials()
    model = _glm_hmm().fit(x, y, session_starts=starts)
    found = parametric_bootstrap(model, x, y, starts, n_samples=200, seed=1, resume=folder)
    return found.coef, found.intercept, found.transition_prob


def _subjects(folder: str | None) -> Any:
    from neuroloom.glmhmm import fit_subjects

    x, y, starts = _trials()
    model = _glm_hmm().fit(x, y, session_starts=starts)
    who = np.repeat(np.arange(4), 200)
    found = fit_subjects(x, y, who, starts, global_model=model, folds=2, seed=1, resume=folder)
    return [fitted.coef_ for fitted in found.models.values()]


def _mi(folder: str | None, **options: Any) -> Any:
    from neuroloom import mi
    from neuroloom.mi._training import workers

    workers.START = 0.0  # also what is too short to start processes for goes to them
    noise = np.random.default_rng(0).standard_normal((600, 4))
    x, y = noise[:, :2], 0.6 * noise[:, :2] + 0.8 * noise[:, 2:]
    found = mi.run(x, y, random_seed=3, resume=folder, verbose=False, **options)
    return found.mi_estimate, found.p_value, found.to_frame()


def _permutations(folder: str | None) -> Any:
    return _mi(folder, estimator="ksg", n_permutations=12)


_SMALL = {"n_epochs": 20, "n_inits": 1, "n_folds": 2, "hidden_dim": 8, "embedding_dim": 4}


def _trained_permutations(folder: str | None) -> Any:
    return _mi(folder, base_params=_SMALL, n_permutations=6)


def _lag(folder: str | None) -> Any:
    return _mi(folder, mode="lag", estimator="ksg", lag_range=range(-2, 3), n_permutations=2)


def _pairwise(folder: str | None) -> Any:
    return _mi(folder, mode="pairwise", estimator="ksg", n_permutations=3)


def _conditional(folder: str | None) -> Any:
    z = np.random.default_rng(1).standard_normal(600)
    return _mi(folder, mode="conditional", estimator="ksg", z_data=z, n_permutations=6)


def _transfer(folder: str | None) -> Any:
    options = {"bidirectional": True, "n_permutations": 4}
    return _mi(folder, mode="transfer", estimator="ksg", **options)


def _rigorous(folder: str | None) -> Any:
    options = {"gamma_range": [1, 2, 3], "min_gamma_points": 2}
    return _mi(folder, mode="rigorous", base_params=_SMALL, **options)


def _precision(folder: str | None) -> Any:
    return _mi(folder, mode="precision", base_params=_SMALL, tau_grid=[0.2, 0.5, 1.0])


def _dimensionality(folder: str | None) -> Any:
    grid = {"embedding_dim": [1, 2, 3]}
    return _mi(folder, mode="dimensionality", base_params=_SMALL, sweep_grid=grid)


def _sweep(folder: str | None) -> Any:
    grid = {"run_id": [0, 1, 2, 3], "hidden_dim": [8, 16]}
    return _mi(folder, mode="sweep", base_params=_SMALL, sweep_grid=grid)


def _repeats(folder: str | None) -> Any:
    from neuroloom.lifnet import Repeater, load_config
    from neuroloom.shared.parallel import n_surrounding_workers

    config = load_config("2_cluster_mf")
    with tempfile.TemporaryDirectory() as other:
        where = Path(other if folder is None else folder)
        options = {"config": config, "plots": False, "run_fn": _rates, "save_fn": _save}
        Repeater(8, where, parallel=n_surrounding_workers() > 1, **options).run(progress=False)
        return [(where / f"{i}.txt").read_text() for i in range(8)]


def _rate_sweep(folder: str | None) -> Any:
    from neuroloom.lifnet import load_config
    from neuroloom.lifnet._cli import RateSweep
    from neuroloom.shared.parallel import n_surrounding_workers

    config = load_config("2_cluster_mf").with_value(("init_params", "duration_sec"), 0.1)
    with tempfile.TemporaryDirectory() as other:
        where = Path(other if folder is None else folder)
        key = ["external_currents", "nu_ext_baseline"]
        parallel = n_surrounding_workers() > 1
        values, options = [5.0, 6.0, 7.0, 8.0], {"seed": 1, "progress": False}
        return RateSweep().execute(where, config, key, values, 0, parallel, **options)


def _network(strength: float = 1.0) -> Any:
    from neuroloom.lifnet import (
        Bernoulli,
        Exponential,
        Network,
        PoissonInput,
        Population,
        Projection,
    )

    cells = Population("E", 40, 0.02, threshold=-50.0, reset=-65.0, resting=-65.0,
                       synapses={"exc": Exponential(0.005)})  # fmt: skip
    wires = [Projection("E", "E", Bernoulli(0.2), weight=strength)]
    return Network([cells], wires, [PoissonInput("E", 9000.0, 40.0)], delta_t=5e-4)


def _network_points(folder: str | None) -> Any:
    from neuroloom.lifnet.network import simulate_batch

    options = {"resume": folder, "progress": False, "seed": 1}
    return simulate_batch(_network, np.arange(8.0), 5.0, **options)


def _network_trials(folder: str | None) -> Any:
    from neuroloom.lifnet.network import simulate_trials

    options = {"resume": folder, "progress": False, "seed": 1}
    return simulate_trials(_network().build(seed=3), 8, 5.0, **options)


def _branches(folder: str | None) -> Any:
    from neuroloom.lifnet import bifurcation_diagram

    path = ("architecture", "clusters", "j_potentiated", 0)
    options = {"start_at": [16.0, 25.0], "resume": folder}
    found = bifurcation_diagram("2_cluster_mf", path, (10.0, 25.0), **options)
    return [(branch.parameter, branch.rates, branch.labels) for branch in found]


def _rates(stager: Any) -> str:
    return str(np.random.default_rng(stager.random_seed).random())


def _save(outputs: str, index: int, folder: Path) -> None:
    Path(folder, f"{index}.txt").write_text(outputs)


JOBS: dict[str, dict[str, Run]] = {
    "shared": {"map of products": _draws, "map of tables": _tables},
    "circuit-inference": {"gao_library": _library, "diagnose": _calibration, "features": _features},
    "glmhmm": {
        "restarts": _restarts,
        "cross_validate": _validation,
        "bootstrap": _bootstrap,
        "fit_subjects": _subjects,
    },
    "mi": {
        "KSG permutations": _permutations,
        "permutations": _trained_permutations,
        "sweep": _sweep,
        "lag": _lag,
        "pairwise": _pairwise,
        "conditional": _conditional,
        "transfer": _transfer,
        "rigorous": _rigorous,
        "precision": _precision,
        "dimensionality": _dimensionality,
    },
    "lifnet": {
        "Repeater": _repeats,
        "sweep": _rate_sweep,
        "simulate_batch": _network_points,
        "simulate_trials": _network_trials,
        "branches": _branches,
    },
    "tasks": {"run_trials": _behaviour},
}
_MARK = "<!-- tools/scale.py -->"
# Jobs that have no folder to resume from.
UNKEPT = {_features}


@contextlib.contextmanager
def _dask() -> Iterator[Any]:
    from distributed import Client, LocalCluster

    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster), joblib.parallel_config("dask"):
        yield


@contextlib.contextmanager
def _ray() -> Iterator[Any]:
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    register_ray()
    try:
        with joblib.parallel_config("ray", n_jobs=2):
            yield
    finally:
        ray.shutdown()


BACKENDS: dict[str, Callable[[], Any]] = {
    "serial": lambda: joblib.parallel_config("loky", n_jobs=1),
    "loky 2": lambda: joblib.parallel_config("loky", n_jobs=2),
    "threads 2": lambda: joblib.parallel_config("threading", n_jobs=2),
    "dask 2": _dask,
    "ray 2": _ray,
}


def compare(jobs: list[tuple[str, str]], rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield, for each job and backend, whether the bits are those of the serial run.

    Parameters
    ----------
    jobs : list of (package, job)
    rows : list of dict
        What a run before found; it is not computed again.
    """
    known = {(row["package"], row["job"], row["backend"]): row for row in rows}
    digests = {key[:2]: row["digest"] for key, row in known.items() if key[2] == "serial"}
    for backend, open_backend in BACKENDS.items():
        todo = [job for job in jobs if (*job, backend) not in known]
        context = contextlib.nullcontext() if not todo else open_backend()
        done = 0
        try:
            with context:
                for package, name in todo:
                    begin = time.perf_counter()
                    digest = fingerprint(JOBS[package][name](None))
                    seconds = time.perf_counter() - begin
                    same = digest == digests.setdefault((package, name), digest)
                    done += 1
                    yield _row(package, name, backend, same, seconds, digest)
        except ImportError as error:
            for package, name in todo[done:]:
                yield _row(package, name, backend, f"not installed: {error.name}", 0.0, "")
        except Exception as error:  # ray raises a bare one where its processes do not start
            if backend != "ray 2":
                raise
            for package, name in todo[done:]:
                yield _row(package, name, backend, f"failed: {error}"[:60], 0.0, "")
    for way, done_by in KILLS.items():
        for package, name in jobs:
            if (package, name, way) not in known:
                begin = time.perf_counter()
                same_or_why = _killed(done_by, package, name, digests)
                yield _row(package, name, way, same_or_why, time.perf_counter() - begin, "")


def _killed(
    done_by: Callable[[Run, Path], Any],
    package: str,
    name: str,
    expected: dict[tuple[str, str], str],
) -> bool | str:
    """Return whether a job has the same bits when SIGKILL ended what did it."""
    run = JOBS[package][name]
    if run in UNKEPT:
        return "keeps nothing"
    with tempfile.TemporaryDirectory() as folder:
        try:
            return fingerprint(done_by(run, Path(folder))) == expected[package, name]
        except AssertionError as error:  # there was nothing to kill
            return f"failed: {error}"


def _resumed(run: Run, folder: Path) -> Any:
    """Return what a job finds whose first run was killed after two parts."""
    killed_run(run, folder / "job", folder / "kept", 2)
    return run(str(folder / "job"))


def _bereaved(run: Run, folder: Path) -> Any:
    """Return what a job finds that lost one of two workers."""
    with killed_worker(folder / "job"):
        return run(str(folder / "job"))


KILLS = {"killed, resumed": _resumed, "worker killed": _bereaved}


def bytes_moved() -> dict[str, Any]:
    """Return how many bytes each of two dask workers receives for 100 MB that all items share."""
    big = np.random.default_rng(0).random(100 * 2**17)
    try:
        from distributed import get_client

        with _dask():
            client = get_client()
            client.run(_count_received)
            before = client.run(_received)
            shared.map(functools.partial(at, big=big), range(40), progress=False)
            after = client.run(_received)
    except ImportError as error:
        return {"backend": "dask 2", "received_mb": f"not installed: {error.name}"}
    each = [round((after[worker] - before[worker]) / 2**20, 2) for worker in before]
    return {"backend": "dask 2", "shared_mb": 100, "n_items": 40, "received_mb": each}


def _count_received() -> None:
    """Let a worker count what comes in over its sockets."""
    from tornado.iostream import IOStream

    read = IOStream.read_from_fd

    def counted(stream: Any, buffer: Any) -> int | None:
        n: int | None = read(stream, buffer)
        IOStream.n_received += n or 0
        return n

    IOStream.n_received, IOStream.read_from_fd = 0, counted


def _received() -> int:
    from tornado.iostream import IOStream

    return int(IOStream.n_received)


def _row(
    package: str, job: str, backend: str, same: bool | str, seconds: float, digest: str
) -> dict[str, Any]:
    row = {"package": package, "job": job, "backend": backend, "same_bits": same}
    print(f"{package:18s} {job:18s} {backend:16s} {same!s:28s} {seconds:6.1f} s", flush=True)
    return {**row, "seconds": round(seconds, 3), "digest": digest}


def as_text(rows: list[dict[str, Any]]) -> str:
    """Return the rows as a table of Markdown, one line a job, one column a way to run it."""
    ways = [*BACKENDS, *KILLS]
    found = {(row["package"], row["job"], row["backend"]): row["same_bits"] for row in rows}
    lines = ["| package | job | " + " | ".join(ways) + " |", "|---" * (len(ways) + 2) + "|"]
    for package, name in dict.fromkeys((row["package"], row["job"]) for row in rows):
        told = [found.get((package, name, way), "not run") for way in ways]
        words = [{True: "same bits", False: "OTHER BITS"}.get(one, one) for one in told]
        lines.append(f"| {package} | {name} | " + " | ".join(words) + " |")
    return "\n".join(lines)


def write_page(page: Path, rows: list[dict[str, Any]]) -> None:
    """Put the table between the page's two marks."""
    before, mark, rest = page.read_text().partition(f"{_MARK}\n")
    _, end, after = rest.partition(f"{_MARK}\n")
    if not (mark and end):
        raise SystemExit(f"--page: expected {_MARK} twice in {page}")
    page.write_text(f"{before}{mark}{as_text(rows)}\n{end}{after}")


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(JOBS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--page", type=Path, help="page to write the table into, between its marks")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    report: dict[str, Any] = {"bits": []}
    if options.out is not None and options.out.is_file():
        report = json.loads(options.out.read_text())
        report["bits"] = [row for row in report["bits"] if not _failed(row)]

    def keep() -> None:
        if options.out is not None:
            options.out.parent.mkdir(exist_ok=True)
            options.out.write_text(json.dumps(report, indent=1))

    if "bytes" not in report:
        report["bytes"] = bytes_moved()
        keep()
    print(report["bytes"])
    chosen = [(p, name) for p in options.only or JOBS for name in JOBS[p]]
    for row in compare(chosen, list(report["bits"])):
        report["bits"].append(row)
        keep()
    print(as_text(report["bits"]))
    if options.page is not None:
        write_page(options.page, report["bits"])
    return int(any(map(_failed, report["bits"])))


def _failed(row: dict[str, Any]) -> bool:
    found = row["same_bits"]
    return found is not True and not str(found).startswith(("not inst", "keeps"))


if __name__ == "__main__":
    sys.exit(main())
