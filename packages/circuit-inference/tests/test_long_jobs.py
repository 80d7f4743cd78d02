"""A long job that is killed, changed, or shared: see `neuroloom.shared.testing`."""

import functools
import os
import time
from unittest import mock

import numpy as np
import pytest

from neuroloom.circuit_inference import Inferer, Prior, simulate_library
from neuroloom.shared import testing


def amplitude(theta):
    return float(theta[0])


def noise(theta, seed):
    time.sleep(0.02)
    return {"lfp": amplitude(theta) + seed.generator().standard_normal(60)}


def simulated(folder):
    prior = Prior.box({"a": (0.0, 1.0)})
    made = simulate_library(
        noise, prior, 24, rate_hz=10.0, batch_size=3, progress=False, seed=4, folder=folder
    )
    return [made.theta, dict(made.signals), list(made.reasons)]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL and file locks")
@pytest.mark.parametrize("check", testing.long_job_checks)
def test_simulations(check, tmp_path):
    check(simulated, amplitude, tmp_path)


def quick_chain(row, stream, *, estimator, n_samples):
    """Draw as a chain of NRE does, by the trained network and a stream, but in no time."""
    time.sleep(0.02)
    scale = abs(float(estimator._state["centre"][0])) + row[0]
    return scale * stream.generator().standard_normal((n_samples, 1))


@functools.cache
def trained():
    rng, prior = np.random.default_rng(0), Prior.box({"a": (0.0, 1.0)})
    theta = prior.sample(100, seed=1)
    features = np.column_stack([theta[:, 0] + rng.normal(size=100), rng.normal(size=100)])
    options = {"train": {"max_num_epochs": 1, "training_batch_size": 50}}
    model = Inferer("NRE", prior, hyperparams=options).fit(features[:60], theta[:60], seed=1)
    return model, features[60:], theta[60:]


def diagnosed(folder):
    model, features, theta = trained()
    options = {"n_samples": 10, "progress": False, "seed": 2, "resume": folder}
    # Chains take seconds a row; what spreads, keeps and kills them is the same.
    with mock.patch("neuroloom.circuit_inference._estimators.sbi._chain", quick_chain):
        found = model.diagnose(features, theta, **options)
    return [found.ranks, found.r, found.sbc_p, found.coverage, found.importance]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL and file locks")
def test_a_killed_calibration_goes_on(tmp_path):
    pytest.importorskip("sbi")
    testing.a_killed_run_goes_on(diagnosed, quick_chain, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL and file locks")
def test_a_killed_worker_of_a_calibration_changes_nothing(tmp_path):
    pytest.importorskip("sbi")
    testing.a_killed_worker_changes_nothing(diagnosed, quick_chain, tmp_path)
