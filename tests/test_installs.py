"""What an installation of each package brings along, by the resolver's own report."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UV = shutil.which("uv")

FOREIGN = {
    "tasks": {"torch", "jax", "jaxlib", "numba"},
    "glmhmm": {"torch", "numba", "gymnasium"},
    "mi": {"jax", "jaxlib", "gymnasium"},
    "lifnet": {"jax", "jaxlib", "gymnasium"},
    "circuit-inference": {"jax", "jaxlib", "gymnasium"},
}


def resolved(tmp_path: Path, *folders: str) -> set[str]:
    """Return the names of all distributions that the resolver would install."""
    assert UV is not None
    environment = tmp_path / "environment"
    subprocess.run([UV, "venv", "--quiet", str(environment)], check=True)
    command = [UV, "pip", "install", "--dry-run", "--color", "never", "--no-progress"]
    python = ["--python", str(environment)]
    constraint = ["--constraint", str(ROOT / "constraints.txt")]
    answer = subprocess.run(
        [*command, *python, *constraint, *folders], cwd=ROOT, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    return set(re.findall(r"^ \+ ([A-Za-z0-9._-]+)", answer.stderr, re.MULTILINE))


@pytest.mark.skipif(UV is None, reason="the resolver's report is read from uv")
@pytest.mark.parametrize("package", sorted(FOREIGN))
def test_a_package_brings_no_other_engine(package: str, tmp_path: Path) -> None:
    names = resolved(tmp_path, "./shared", f"./packages/{package}")
    assert {"neuroloom-shared", f"neuroloom-{package}", "numpy"} <= names
    assert not names & FOREIGN[package]
    siblings = {f"neuroloom-{other}" for other in FOREIGN if other != package}
    assert not names & siblings
