"""Every block of the page "Use a cluster" that can be run here is run, and gives the same bits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from neuroloom.shared.parallel._map import _named

PAGE = Path(__file__).parents[2] / "docs" / "shared" / "use-a-cluster.md"
pytestmark = [
    pytest.mark.skipif(not PAGE.is_file(), reason="the page is in the workspace only"),
    pytest.mark.slow,
]


def block(heading: str, language: str, place: int = 0) -> str:
    """Return a code block of the page's section."""
    section = ("\n" + PAGE.read_text()).partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    found = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return str(found[place])


def run(command: list[str] | str, folder: Path, **more: str) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, **more}
    done = subprocess.run(
        command, cwd=folder, env=environment, shell=isinstance(command, str),
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("cluster")
    (made / "job.py").write_text(block("# Use a cluster", "python"))
    return made


@pytest.fixture(scope="module")
def expected(folder: Path) -> str:
    return run(block("## A laptop", "bash"), folder)


def test_a_laptop(folder: Path, expected: str) -> None:
    assert expected.startswith("40 ")
    assert run(block("## A laptop", "bash"), folder) == expected
    assert len(list((folder / "results").glob("item-*.npz"))) == 40


@pytest.mark.together
def test_dask(folder: Path, expected: str) -> None:
    pytest.importorskip("distributed")
    (folder / "local.py").write_text(block("## dask on one machine", "python"))
    assert run([sys.executable, "local.py"], folder) == expected


KILLED = """
import os, signal, time
import dask, joblib
from distributed import Client, LocalCluster
from neuroloom import shared


def work(item):
    if item == 3:
        time.sleep(1.5)  # heartbeats come twice a second
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def cores(item):
    return shared.parallel.n_cores()


if __name__ == "__main__":
    dask.config.set({"distributed.scheduler.allowed-failures": 1})
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
        joblib.parallel_config("dask", client=client),
    ):
        try:
            shared.map(work, range(6), progress=False)
        except shared.parallel.WorkerError as error:
            print(str(error).partition(";")[0])
        print(shared.map(cores, range(3), progress=False))
"""


@pytest.mark.together
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_the_item_whose_dask_worker_is_killed_is_told(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    (tmp_path / "killed.py").write_text(KILLED)
    told, cores = run([sys.executable, "killed.py"], tmp_path).splitlines()
    # Another that waited at the same worker may be the one that dask ends.
    assert re.fullmatch(r"item 3( or \d)?: the workers that computed it died", told)
    assert cores == "[1, 1, 1]"  # a worker has one thread, whatever the caller's machine has


def test_items_that_dask_blames_are_told_from_those_that_ran() -> None:
    class KilledWorker(Exception):
        def __init__(self, task: str, *ran: str) -> None:
            self.task, self.last_worker = task, SimpleNamespace(executing=dict.fromkeys(ran, 1.0))

    def told(*keys: str) -> str:
        return str(_named(KilledWorker(*keys))).partition(":")[0]

    assert told("item-3_0-ab", "item-3_0-ab") == "item 3"
    assert told("item-12_0-ab", "item-3_0-cd") == "item 3 or 12"
    assert told("item-12_0-ab") == "item 12, or another that the same worker had been given"


def test_an_array_job_of_four_processes(folder: Path, expected: str, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text((folder / "job.py").read_text())
    (tmp_path / "array.sh").write_text(block("## An array job", "bash"))
    for task in "0123":
        told = run("bash array.sh", tmp_path, SLURM_ARRAY_TASK_ID=task)
        assert f"shard {task}/4: {10 * int(task) + 10} of 40 items are kept in results" in told
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "results").glob("item-*.npz")}
    assert len(kept) == 40
    assert run(block("## An array job", "bash", 1), tmp_path) == expected
    assert kept == {path: path.stat().st_mtime_ns for path in kept}


@pytest.mark.together
def test_ray(folder: Path, expected: str) -> None:
    pytest.importorskip("ray")
    (folder / "on_ray.py").write_text(block("## ray", "python"))
    assert run([sys.executable, "on_ray.py"], folder).splitlines()[-1] == expected


KILLED_ON_RAY = """
import os, signal, time, warnings
from pathlib import Path
from types import SimpleNamespace
import joblib, ray
from ray.util.joblib import register_ray
from neuroloom import shared

FIRST = Path("first").absolute()


def work(item, deaths):
    time.sleep(0.1)
    if item == 5 and len(list(FIRST.parent.glob("death*"))) < deaths:
        (FIRST.parent / f"death{time.time_ns()}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item * item


def once(item):
    (FIRST.parent / f"begun{item}-{time.time_ns()}").touch()
    return work(item, 1)


def always(item):
    return work(item, 1000)


def where(item):
    time.sleep(0.2)
    return os.getpid()


if __name__ == "__main__":
    os.environ["RAY_worker_niceness"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    register_ray()
    with joblib.parallel_config("ray", n_jobs=2):
        found = shared.map(once, range(9), progress=False)
        print(found == [item * item for item in range(9)])
        begun = [path.name.partition("-")[0] for path in FIRST.parent.glob("begun*")]
        print(begun.count("begun0"), begun.count("begun5"))
        try:
            shared.map(always, range(9), progress=False)
        except shared.parallel.WorkerError as error:
            print(str(error).partition(";")[0])
    with joblib.parallel_config("ray"):  # all of it, as on dask
        pids = shared.map(where, range(4), progress=False)
        print(len(set(pids) - {os.getpid()}), shared.parallel.n_surrounding_workers())
    with joblib.parallel_config("ray", n_jobs=1), warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        shared.map(where, range(1), progress=False)
        print(*(str(one.message) for one in seen if "ray" in str(one.message)))
"""


@pytest.mark.together
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_what_a_killed_ray_worker_had_begun_is_tried_again_and_told(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    (tmp_path / "killed.py").write_text(KILLED_ON_RAY)
    lines = run([sys.executable, "killed.py"], tmp_path).splitlines()
    told = [line for line in lines if "(raylet)" not in line]
    assert told[-5:-2] == ["True", "1 2", "item 5: the system killed the worker at it 3 times"]
    assert told[-2] == "2 2"
    assert told[-1].startswith("ray has one worker for this map, and joblib computes it in the")
