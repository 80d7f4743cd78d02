"""What ``together`` runs of the packages' own tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parent.parent / "tools" / "plugins"
TESTS = """
import pytest

@pytest.mark.parametrize("i", range(3))
def test_a(i): ...

@pytest.mark.parametrize("i", [pytest.param(0, marks=pytest.mark.slow), 1, 2])
def test_b(i): ...

@pytest.mark.together
@pytest.mark.parametrize("i", range(2))
def test_c(i): ...

@pytest.mark.parametrize("i", [0, 1, pytest.param(2, marks=pytest.mark.together)])
def test_d(i): ...

class TestE:
    @pytest.mark.parametrize("i", range(2))
    def test_a(self, i): ...

@pytest.fixture(params="xy")
def letter(request): ...

def test_f(letter): ...

def test_g(): ...
"""
CHOSEN = ["a[0]", "b[1]", "c[0]", "c[1]", "d[0]", "d[2]", "a[0]", "f[x]", "g"]


def test_each_function_runs_once_and_all_that_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # most of the time of a start
    monkeypatch.setenv("PYTHONPATH", str(PLUGINS))
    (tmp_path / "test_some.py").write_text(TESTS)
    options = ("-p", "first_arguments", "-p", "no:cacheprovider", "-m", "not slow or together")
    command = [sys.executable, "-m", "pytest", "-v", *options]
    for more in ([], ["-p", "xdist", "-n", "2"]):  # workers load it too
        answer = subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, text=True)
        ran = {
            word.rpartition("::test_")[2]
            for line in answer.stdout.splitlines()
            for word in line.split()
            if "PASSED" in line and "::" in word
        }
        assert ran == set(CHOSEN)
        assert f"{len(CHOSEN)} passed" in answer.stdout
