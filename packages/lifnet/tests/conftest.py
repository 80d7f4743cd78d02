from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def oracle() -> dict:
    """Reference values that lie beside the data folder; what needs them is skipped without."""
    folder = os.environ.get("NEUROLOOM_DATA")
    path = Path(folder or ".").parent / "reference" / "lifnet_oracle.json"
    if folder is None or not path.is_file():
        pytest.skip("reference/lifnet_oracle.json beside NEUROLOOM_DATA is not there")
    return json.loads(path.read_text())


@pytest.fixture(autouse=True)
def close_figures():
    """pyplot keeps figures until they are closed, and complains about many of them."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
