"""A long job that is killed, changed, or shared: see `neuroloom.shared.testing`."""

import os

import numpy as np
import pytest

from neuroloom import mi
from neuroloom.mi._direct._neighbours import ksg_local
from neuroloom.shared import testing


def permuted(folder):
    x = np.random.default_rng(0).standard_normal((2000, 3))
    options = {"estimator": "ksg", "n_permutations": 12, "random_seed": 3, "verbose": False}
    found = mi.run(x[:, :2], x[:, 1:], resume=folder, **options)
    return [found.mi_estimate, found.p_value, found.to_frame()]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL and file locks")
@pytest.mark.parametrize("check", testing.long_job_checks)
def test_permutations(check, tmp_path):
    check(permuted, ksg_local, tmp_path)
