"""What the tests share."""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib as mpl
import pytest

from neuroloom.shared import testing

mpl.use("Agg")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of recordings; tests that need it are skipped without."""
    folder = os.environ.get("NEUROLOOM_DATA")
    if not folder:
        pytest.skip("NEUROLOOM_DATA is not set: no recordings to test on")
    return Path(folder)


@pytest.fixture(scope="session")
def reference(data: Path) -> Path:
    """The folder of oracle files."""
    folder = data.parent / "reference"
    if not folder.is_dir():
        pytest.skip(f"no oracle files at {folder}")
    return folder


close_figures = pytest.fixture(autouse=True)(testing.close_figures)
