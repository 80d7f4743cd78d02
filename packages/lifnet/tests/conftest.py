from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path

import pytest

from neuroloom.shared import testing


@pytest.fixture(scope="session")
def oracle() -> dict:
    """Reference values that lie beside the data folder; what needs them is skipped without."""
    folder = os.environ.get("NEUROLOOM_DATA")
    path = Path(folder or ".").parent / "reference" / "lifnet_oracle.json"
    if folder is None or not path.is_file():
        pytest.skip("reference/lifnet_oracle.json beside NEUROLOOM_DATA is not there")
    return json.loads(path.read_text())


close_figures = pytest.fixture(autouse=True)(testing.close_figures)


@pytest.fixture(autouse=True)
def threads_meet(monkeypatch):
    """Let small networks run on as many threads as are asked for."""
    engine = import_module("neuroloom.lifnet._engine._run")
    monkeypatch.setattr(engine, "_LEAST_PER_THREAD", 1)
