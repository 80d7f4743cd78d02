"""The checks of long jobs hold for the map itself, and fail where a promise is broken."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pytest

from neuroloom import shared
from neuroloom.shared import testing

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL and file locks")


def helper(item: int) -> int:
    return item * item


def work(item: int) -> dict[str, Any]:
    time.sleep(0.05)
    return {"item": item, "value": helper(item)}


def squares(folder: Path | None) -> list[Any]:
    return shared.map(work, range(8), resume=folder, progress=False)


def forgetful(folder: Path | None) -> list[Any]:
    """Keep nothing."""
    return shared.map(work, range(3), progress=False)


def unaware(item: int) -> int:
    return globals()["helper"](item)  # a name that is made at run time: not seen


def of_any_code(folder: Path | None) -> list[Any]:
    """Take results of other code."""
    return shared.map(unaware, range(8), resume=folder, progress=False)


@pytest.mark.slow
@pytest.mark.parametrize("check", testing.long_job_checks)
def test_the_map_keeps_its_promises(check: Callable[..., None], tmp_path: Path) -> None:
    check(squares, helper, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("check", testing.long_job_checks)
def test_a_job_that_keeps_nothing_is_found(check: Callable[..., None], tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        check(forgetful, helper, tmp_path)


@pytest.mark.slow
def test_a_job_that_takes_any_code_is_found(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="helper is another one, and the folder was taken"):
        testing.a_killed_run_goes_on(of_any_code, helper, tmp_path)


@pytest.mark.slow
def test_workers_that_earlier_work_left_idle_do_not_count(tmp_path: Path) -> None:
    with joblib.parallel_config("loky", n_jobs=2):
        shared.map(helper, range(4), progress=False)
    with pytest.raises(AssertionError, match="no worker was killed"):
        with testing.killed_worker(tmp_path / "job"), joblib.parallel_config("sequential"):
            squares(tmp_path / "job")
