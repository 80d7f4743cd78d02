"""A long job that is killed, changed, or shared: see `neuroloom.shared.testing`."""

import os

import pytest

from neuroloom.shared import testing
from neuroloom.tasks import run_trials
from neuroloom.tasks._behaviour.run import _block


def run(folder):
    options = {"sessions": 8, "side_by_side": 1, "seed": 3}
    trials = run_trials("Bandit-v0", "random", 800, resume=folder, **options)
    return trials.table


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL and file locks")
@pytest.mark.parametrize("check", testing.long_job_checks)
def test_sessions_in_blocks(check, tmp_path):
    check(run, _block, tmp_path)
