"""The first example of each README prints what the README says, but for what machines differ in.

lifnet and shared test theirs among their own tests; the release's rehearsal runs all.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def rehearsal() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rehearsal", ROOT / "tools/rehearsal.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("package", ["tasks", "glmhmm", "mi", "circuit-inference"])
def test_a_readme_prints_what_it_says(rehearsal, package: str, tmp_path: Path) -> None:
    code, printed = rehearsal.first_example(rehearsal.readme(package).read_text("utf-8"))
    assert not rehearsal.difference(code, printed, sys.executable, str(tmp_path))


def test_an_example_that_prints_something_else_is_found(rehearsal, tmp_path: Path) -> None:
    page = "# Title\n\n```python\nprint(1 + 1)\n```\n\n```\n3\n```\n"
    code, printed = rehearsal.first_example(page)
    assert (code, printed) == ("print(1 + 1)\n", "3\n")
    assert rehearsal.difference(code, printed, sys.executable, str(tmp_path))
    assert not rehearsal.difference(code, "2\n", sys.executable, str(tmp_path))
    assert "ZeroDivisionError" in rehearsal.difference("1 / 0", "", sys.executable, str(tmp_path))


def test_machines_may_differ_in_decimals_alone(rehearsal) -> None:
    assert rehearsal.alike("r = 0.94,\nSBC p = 0.238\n", "r = 0.938, SBC  p = 0.201")
    assert not rehearsal.alike("SBC p = 0.338", "SBC p = 0.201")
    assert not rehearsal.alike("r = 0.238", "r = 0.201")
    assert rehearsal.alike("-0.00", "0.00")
    assert not rehearsal.alike("r = 0.84", "r = 0.94")
    assert not rehearsal.alike("r = 0.94 (2 of 3)", "r = 0.94 (1 of 3)")
    assert not rehearsal.alike("rho = 0.94", "r = 0.94")
    assert not rehearsal.alike("102.0", "100.0")
    assert not rehearsal.alike("0.5 0.5", "0.5")


def test_some_packages_alone_leave_no_table_of_a_part(
    rehearsal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = f"before\n{rehearsal.BEGIN}\nall rows\n{rehearsal.END}\nafter\n"
    (tmp_path / "install.md").write_text(page, "utf-8")
    monkeypatch.setattr(rehearsal, "PAGE", tmp_path / "install.md")
    monkeypatch.setattr(rehearsal, "index", lambda dist: contextlib.nullcontext(str(dist)))
    row = {"package": "neuroloom-mi", "packages": 1, "megabytes": 1, "import_s": 0.1, "wrong": ""}
    monkeypatch.setattr(rehearsal, "rehearse", lambda package, *_: row)
    with pytest.raises(SystemExit):
        rehearsal.main([str(tmp_path), "--only", "mi", "tasks"])
    assert "expected --no-table beside it" in capsys.readouterr().err
    assert rehearsal.main([str(tmp_path), "--only", "mi", "--no-table"]) == 0
    assert (tmp_path / "install.md").read_text("utf-8") == page
