"""A long job that is killed, changed, or shared: see `neuroloom.shared.testing`."""

import os
import tempfile
import time
from pathlib import Path

import pytest

from neuroloom.lifnet import Repeater, bifurcation_diagram
from neuroloom.lifnet._theory._continuation import continue_branch
from neuroloom.shared import testing
from neuroloom.shared.parallel import n_surrounding_workers


def counted(outputs):
    return int(outputs["spikes"].sum())


def run(stager):
    time.sleep(0.1)
    return counted(stager.run(output_keys=["spikes"]))


def save(count, index, folder):
    Path(folder, f"{index}.txt").write_text(str(count))


def repeated(folder):
    from test_execution import small  # beside this file; the checks' processes import it by name

    with tempfile.TemporaryDirectory() as other:
        where = Path(other) if folder is None else folder
        options = {"config": small(), "plots": False, "run_fn": run, "save_fn": save}
        parallel = n_surrounding_workers() > 1
        Repeater(8, where, parallel=parallel, **options).run(progress=False)
        return [(where / f"{i}.txt").read_text() for i in range(8)]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL and file locks")
@pytest.mark.parametrize("check", testing.long_job_checks)
def test_repeats(check, tmp_path):
    check(repeated, counted, tmp_path)


def branches(folder):
    path = ("architecture", "clusters", "j_potentiated", 0)
    options = {"start_at": [16.0, 25.0], "resume": folder}
    found = bifurcation_diagram("2_cluster_mf", path, (10.0, 25.0), **options)
    return [(branch.parameter, branch.rates, branch.labels, branch.ends) for branch in found]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL and file locks")
@pytest.mark.parametrize("check", testing.long_job_checks[:2])
def test_branches(check, tmp_path):
    check(branches, continue_branch, tmp_path)
