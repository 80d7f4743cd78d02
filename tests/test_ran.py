"""The closing lines of ``.ci/run``: how many tests ran, by what pytest itself wrote down."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

TESTS = """
import pytest

@pytest.mark.parametrize("i", range(3))
def test_right(i): ...

def test_wrong(): assert False

@pytest.fixture
def broken(): raise RuntimeError

def test_broken(broken): ...

@pytest.mark.skip(reason="later")
def test_left_out(): ...

@pytest.mark.skipif("not config.getoption('-k')", reason="in the second run only")
def test_later(): ...
"""


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    path = Path(__file__).parent.parent / "tools" / "ran.py"
    spec = importlib.util.spec_from_file_location("ran", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "RAN", tmp_path / "ran")
    return module


def test_each_run_has_a_line_and_each_test_counts_once(
    counter: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # most of the time of a start
    (tmp_path / "test_some.py").write_text(TESTS)
    runs = [("alone-mi-mi", "mi", ""), ("together-mi", "mi", "not wrong"), ("alone-x", "x", "")]
    for name, suite, chosen in runs:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen]
        options = [f"--junit-xml={counter.RAN / name}.xml", "-o", f"junit_suite_name={suite}"]
        subprocess.run([*command, *options, "test_some.py"], cwd=tmp_path, capture_output=True)
    assert counter.main([]) == 0
    first, second, third, total, once, *nowhere = (
        " ".join(line.split()) for line in capsys.readouterr().out.splitlines()
    )
    assert first.startswith("alone-mi-mi 5 ran, 2 failed, 2 skipped, ")
    assert second.startswith("alone-x 5 ran, 2 failed, 2 skipped, ")
    assert third.startswith("together-mi 5 ran, 1 failed, 1 skipped, ")
    assert total == "all 15 ran, 5 failed, 5 skipped"
    assert once == "tests that ran, each counted once 11"
    left = ["mi test_some test_left_out", "x test_some test_later", "x test_some test_left_out"]
    assert nowhere == ["tests that ran nowhere 3", *left]

    assert counter.main(["clear"]) == 0
    assert counter.main([]) == 0
    assert "all 0 ran, 0 failed, 0 skipped" in " ".join(capsys.readouterr().out.split())
