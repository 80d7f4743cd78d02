"""What tests and benchmarks of several packages share.

Examples
--------
In a package's ``tests/conftest.py``, so that no test leaves figures open::

    close_figures = pytest.fixture(autouse=True)(testing.close_figures)

In a package's tests, for a long job ``fitted(folder)`` whose items run ``fit``::

    @pytest.mark.parametrize("check", testing.long_job_checks)
    def test_a_long_job(check, tmp_path):
        check(fitted, fit, tmp_path)
"""

from neuroloom.shared.testing._environments import close_figures, python_with
from neuroloom.shared.testing._long_jobs import (
    a_killed_run_goes_on,
    a_killed_worker_changes_nothing,
    killed_run,
    killed_worker,
    long_job_checks,
    shards_make_one_result,
    two_processes_share_a_folder,
)

__all__ = [
    "a_killed_run_goes_on",
    "a_killed_worker_changes_nothing",
    "close_figures",
    "killed_run",
    "killed_worker",
    "long_job_checks",
    "python_with",
    "shards_make_one_result",
    "two_processes_share_a_folder",
]
