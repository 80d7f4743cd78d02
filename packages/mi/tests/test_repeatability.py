"""Same seed, same bits: for workers, orders of runs, batching, backends."""

import joblib
import numpy as np
import pytest
import torch

from neuroloom import mi
from neuroloom.mi._critics import gaussian as gaussian_baseline
from neuroloom.mi._modes import cells
from neuroloom.mi._options.params import params
from neuroloom.mi._samples.folds import folds
from neuroloom.mi._training import fit as _fit
from neuroloom.mi._training import workers as _workers
from neuroloom.mi._training.fit import run_jobs
from neuroloom.mi._training.job import Job
from neuroloom.shared import Seed

FAST = {"n_epochs": 3, "n_inits": 1, "n_folds": 3, "hidden_dim": 8, "embedding_dim": 4}
OPTIONS = {"base_params": FAST, "random_seed": 5, "verbose": False}


def gaussian(n=300, dim=2, bits=1.0):
    return mi.datasets.generate_correlated_gaussians(n, dim, bits, use_torch=False, seed=0)


def jobs():
    x, y = (v[:, None, :] for v in gaussian(200))
    chosen = folds(
        np.arange(200), n_folds=3, mode="blocked", gap=0, validation=0.2, rng=Seed(0).generator()
    )
    return [Job(x, y, fold, Seed(1).child(k), params(FAST)) for k, fold in enumerate(chosen)]


def scores(fits):
    return {fit.job.seed.path: fit.score.pointwise.tobytes() for fit in fits}


@pytest.mark.parametrize("size", [1, 2, 4])
def test_batching_of_critics_does_not_change_a_bit(size, monkeypatch):
    reference = scores(run_jobs(jobs()))
    monkeypatch.setattr(_fit, "STACK", size)
    assert scores(run_jobs(jobs())) == reference


def test_order_of_jobs_does_not_change_a_bit():
    assert scores(run_jobs(jobs()[::-1])) == scores(run_jobs(jobs()))


@pytest.mark.slow
def test_runs_before_do_not_change_a_bit():
    x, y = gaussian()
    alone = mi.run(x, y, mode="lag", lag_range=[0, 1], **OPTIONS)
    np.random.default_rng(0).standard_normal(10)
    mi.run(x, y, **{**OPTIONS, "random_seed": 6})
    again = mi.run(x, y, mode="lag", lag_range=[0, 1], **OPTIONS)
    assert alone.dataframe.equals(again.dataframe)
    reverse = mi.run(x, y, mode="lag", lag_range=[1, 0], **OPTIONS)
    swapped = reverse.dataframe.iloc[::-1].reset_index(drop=True)
    assert alone.dataframe.equals(swapped)


def test_cells_that_share_samples_are_looked_at_once_and_share_their_baselines(monkeypatch):
    looked, fitted = [], []
    look, fit = cells.look, gaussian_baseline.fit
    monkeypatch.setattr(cells, "look", lambda *a, **k: looked.append(1) or look(*a, **k))
    monkeypatch.setattr(gaussian_baseline, "fit", lambda *a, **k: fitted.append(1) or fit(*a, **k))
    x, y = gaussian()
    options = {**OPTIONS, "mode": "sweep", "random_seed": 11}
    grid = {"hidden_dim": [4, 8], "run_id": [0, 1]}
    together = mi.run(x, y, sweep_grid=grid, **options).to_frame()
    assert len(looked) == 1
    # 3 folds, on all and on half of the training samples, for each of two runs; and the look's 4
    assert len(fitted) == 3 * 2 * 2 + 4
    for width in grid["hidden_dim"]:
        monkeypatch.setattr(_fit, "_baselines", _fit._Recent(1))
        monkeypatch.setattr(_fit, "_transformed", _fit._Recent(1))
        alone = mi.run(x, y, sweep_grid={**grid, "hidden_dim": [width]}, **options).to_frame()
        same = together[together["hidden_dim"] == width].reset_index(drop=True)
        assert alone.equals(same)


def test_a_default_device_of_the_caller_does_not_change_a_bit():
    x, y = gaussian()
    plain = mi.run(x, y, **OPTIONS).mi_estimate
    with torch.device("meta"):
        assert mi.run(x, y, **OPTIONS).mi_estimate == plain
        assert torch.empty(0).device.type == "meta"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_do_not_change_a_bit_in_any_mode(backend, monkeypatch):
    monkeypatch.setattr(_workers, "START", 0.0)  # so that processes start for little work, too
    x, y = gaussian(600)
    ladder = {"mode": "rigorous", "gamma_range": [1, 2], "min_gamma_points": 2}
    null = {"n_permutations": 3}
    module = {"base_params": {**FAST, "embedding_model": "gru"}}
    for more in (ladder, null, module):
        options = {**OPTIONS, **more}
        one = mi.run(x, y, **options)
        with joblib.parallel_config(backend=backend):
            two = mi.run(x, y, n_workers=2, **options)
        assert one.mi_estimate == two.mi_estimate
        assert one.to_frame().equals(two.to_frame())


def test_little_work_starts_no_processes_and_much_does():
    assert _workers.worth(2, 0.1) == 1
    assert _workers.worth(2, 100.0) == 2
    with joblib.parallel_config(backend="threading"):
        assert _workers.worth(2, 0.1) == 2


# distributed leaves it to the garbage collector to close some of its sockets, and warns where
# another cluster has its usual port (2026-11, 2026.8).
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:Port 8787 is already in use:UserWarning")
def test_a_dask_cluster_gives_the_same_bits():
    distributed = pytest.importorskip("distributed")
    x, y = gaussian()
    one = mi.run(x, y, **OPTIONS)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        two = mi.run(x, y, n_workers=2, **OPTIONS)
    assert one.mi_estimate == two.mi_estimate
    np.testing.assert_array_equal(one.details["pointwise_mi"], two.details["pointwise_mi"])
