"""The shared map on a dask cluster: the same bits, the same errors, the same resuming."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from neuroloom import shared
from neuroloom.shared import Seed
from neuroloom.shared.parallel import _backends

distributed = pytest.importorskip("distributed", reason="needs neuroloom-shared[dask]")

# distributed leaves it to the garbage collector to close some of its sockets (2026-11, 2026.8).
pytestmark = [
    pytest.mark.dask,
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as local, distributed.Client(local) as client:
        yield client


def product(item: int, stream: Seed) -> np.ndarray:
    draws = stream.generator().standard_normal((200, 200 + item))
    return draws @ draws.T


def marked(item: int, folder: str) -> int:
    with open(Path(folder, str(item)), "a") as file:
        file.write("x\n")
    return item**2


def fails_at_three(item: int) -> int:
    if item == 3:
        raise ValueError("three is too many")
    return item


def test_equal_to_the_last_bit(cluster: Any) -> None:
    here = shared.map(product, range(6), seed=3, progress=False)
    with joblib.parallel_config(backend="dask"):
        there = shared.map(product, range(6), seed=3, progress=False)
    for a, b in zip(here, there, strict=True):
        assert a.tobytes() == b.tobytes()


def test_results_stream_in(cluster: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with joblib.parallel_config(backend="dask"):
        assert shared.map(abs, range(-5, 0)) == [5, 4, 3, 2, 1]
    assert "5/5" in capsys.readouterr().err


def test_an_error_says_at_which_item(cluster: Any) -> None:
    with (
        joblib.parallel_config(backend="dask"),
        pytest.raises(ValueError, match="three is too many") as caught,
    ):
        shared.map(fails_at_three, range(5), progress=False)
    assert "raised by item 3 of neuroloom.shared.map" in caught.value.__notes__


def test_a_job_goes_on_where_it_was(cluster: Any, tmp_path: Path) -> None:
    runs, job = tmp_path / "runs", tmp_path / "job"
    runs.mkdir()
    work = functools.partial(marked, folder=str(runs))
    with joblib.parallel_config(backend="dask"):
        for _ in range(2):
            assert shared.map(work, range(6), resume=job, progress=False) == [0, 1, 4, 9, 16, 25]
            (job / "item-000004.npz").unlink()
    counts = [len((runs / str(i)).read_text().split()) for i in range(6)]
    assert counts == [1, 1, 1, 1, 2, 1]


def test_a_cluster_without_workers_is_told_of_once_a_map() -> None:
    from joblib._dask import DaskDistributedBackend

    options = {"n_workers": 0, "threads_per_worker": 1, "dashboard_address": ":0"}
    options["processes"] = False
    with distributed.LocalCluster(**options) as local, distributed.Client(local) as client:
        patient = _backends._patient(DaskDistributedBackend(client=client))
        with pytest.warns(RuntimeWarning, match="no workers yet") as told:
            assert [patient.effective_n_jobs(-1) for _ in range(3)] == [2, 2, 2]
        assert [str(w.message) for w in told if w.category is RuntimeWarning] == [
            "the dask cluster has no workers yet; the items wait in its scheduler"
        ]
