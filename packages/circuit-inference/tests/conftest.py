import json
import os
from pathlib import Path

import numpy as np
import pytest

from neuroloom.shared import testing


def data_folder() -> Path | None:
    folder = os.environ.get("NEUROLOOM_DATA")
    return Path(folder) if folder and Path(folder).is_dir() else None


@pytest.fixture(scope="session")
def data() -> Path:
    folder = data_folder()
    if folder is None:
        pytest.skip("NEUROLOOM_DATA is not set: no real recordings here")
    return folder


@pytest.fixture(scope="session")
def oracle(data):
    path = data.parent / "reference" / "circuit_inference_oracle.json"
    if not path.is_file():
        pytest.skip("no oracle file beside NEUROLOOM_DATA")
    return json.loads(path.read_text())


@pytest.fixture(scope="session")
def oracle_series():
    """The series of the oracle, each from its closed formula."""
    t = np.arange(200)
    x = [0.4]
    for _ in range(499):
        x.append(3.9 * x[-1] * (1 - x[-1]))
    k = np.arange(20)
    return {
        "sine2_200": np.sin(2 * np.pi * t / 25) + 0.5 * np.sin(2 * np.pi * t / 7 + 0.3),
        "logistic_500": np.array(x),
        "randwalk_1000": np.cumsum(np.random.RandomState(7).standard_normal(1000)),
        "short_20": (k % 5) + 0.1 * k,
    }


@pytest.fixture
def rng():
    return np.random.default_rng(20)


close_figures = pytest.fixture(autouse=True)(testing.close_figures)
