"""What tests and benchmarks share."""

from __future__ import annotations

import subprocess
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from neuroloom.shared import testing


def test_figures_are_closed_after_a_test() -> None:
    around = testing.close_figures()
    next(around)
    plt.figure()
    assert plt.get_fignums()
    with pytest.raises(StopIteration):
        next(around)
    assert not plt.get_fignums()


@pytest.mark.slow
def test_an_environment_is_whole_or_not_there(tmp_path: Path) -> None:
    home = tmp_path / "peers"
    python = testing.python_with(home, [])
    where = subprocess.check_output([python, "-c", "import sys; print(sys.prefix)"], text=True)
    assert Path(where.strip()).resolve() == home.resolve()
    (home / "mine").touch()
    assert testing.python_with(home, []) == python
    assert (home / "mine").exists()
    (home / "installed.txt").unlink()  # as an installation leaves it that was killed
    assert testing.python_with(home, []) == python
    assert not (home / "mine").exists()
    with pytest.raises(subprocess.CalledProcessError):
        testing.python_with(home, [str(tmp_path / "no-such-project")])
    assert not home.exists()
