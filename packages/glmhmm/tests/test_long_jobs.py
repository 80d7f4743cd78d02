"""A long job that is killed, changed, or shared: see `neuroloom.shared.testing`."""

import os

import pytest

from neuroloom.glmhmm._analysis.cross_validation import null_of
from neuroloom.shared import testing


def validated(folder):
    import test_resume  # beside this file, which the checks' processes import by its name

    return test_resume.validated(folder, n_states=(2,), n_init=1)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL and file locks")
@pytest.mark.parametrize("check", testing.long_job_checks)
def test_cross_validation(check, tmp_path):
    check(validated, null_of, tmp_path)
