"""What users write passes type checkers, and slips in it do not, with the packages as installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "typing"
ORDINARY, REFUSED = FOLDER / "ordinary.py", FOLDER / "refused.py"


def mypy(folder: Path) -> set[tuple[str, int, str]]:
    """Return file, line and words of each complaint."""
    command = [sys.executable, "-m", "mypy", "--strict", "--output", "json", *folder.glob("*.py")]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert answer.returncode in (0, 1), answer.stdout + answer.stderr
    found = [json.loads(line) for line in answer.stdout.splitlines() if line.startswith("{")]
    errors = [entry for entry in found if entry["severity"] == "error"]
    return {(Path(e["file"]).name, e["line"], e["message"].splitlines()[0]) for e in errors}


def pyright(folder: Path) -> set[tuple[str, int, str]]:
    """Return file, line and words of each complaint."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    answer = subprocess.run([*command, "."], cwd=folder, capture_output=True, text=True)
    assert answer.returncode in (0, 1), answer.stdout + answer.stderr
    found = json.loads(answer.stdout)["generalDiagnostics"]
    return {
        (Path(e["file"]).name, e["range"]["start"]["line"] + 1, e["message"].splitlines()[0])
        for e in found
        if e["severity"] == "error"
    }


@pytest.mark.parametrize("checker", [mypy, pyright], ids=["mypy", "pyright"])
def test_ordinary_lines_pass_and_slips_are_found(checker, tmp_path: Path) -> None:
    pytest.importorskip(checker.__name__)
    # Elsewhere, so that the packages are found where they are installed and nowhere else.
    for path in (ORDINARY, REFUSED):
        shutil.copy(path, tmp_path)
    found = checker(tmp_path)
    assert not {complaint for complaint in found if complaint[0] == ORDINARY.name}
    slips = {
        number
        for number, line in enumerate(REFUSED.read_text().splitlines(), 1)
        if line.endswith("# error")
    }
    assert {line for name, line, _ in found if name == REFUSED.name} == slips
