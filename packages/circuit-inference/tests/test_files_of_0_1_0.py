"""Libraries and features that version 0.1.0 wrote are read; its models say why they are not."""

import json
from pathlib import Path

import numpy as np
import pytest

import neuroloom.circuit_inference as ci
from neuroloom.circuit_inference._features.files import load_features

FILES = Path(__file__).parent / "files" / "version-0.1.0"


@pytest.fixture(scope="module")
def expected():
    return json.loads((FILES / "expected.json").read_text())


def test_an_inferer_is_refused_in_words():
    # It does not say for which rate and length of series it was trained, and would judge any.
    with pytest.raises(ci.ModelFormatError, match=r"version 0\.1\.0.*train again"):
        ci.Inferer.load(FILES / "inferer")


def test_features_are_the_same(expected):
    table, rows = load_features(FILES / "features.npz")
    np.testing.assert_array_equal(table.values[:2], expected["values"])
    assert list(rows["n"]) == list(range(40))


def test_a_library_keeps_its_simulations():
    library = ci.SimulationLibrary.load(FILES / "library.npz")
    assert library.theta.shape == (3, 1)
    np.testing.assert_array_equal(
        library.theta, ci.gao_library(3, duration_s=0.25, progress=False, seed=1).theta
    )
