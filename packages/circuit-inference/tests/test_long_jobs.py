"""A long job that is killed, changed, or shared: see `neuroloom.shared.testing`."""

import os
import time

import pytest

from neuroloom.circuit_inference import Prior, simulate_library
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
