"""Models that version 0.1.0 wrote are read, and say what they said then."""

import json
from pathlib import Path

import numpy as np
import pytest

import neuroloom.glmhmm as nmo

FILES = Path(__file__).parent / "files" / "version-0.1.0"


@pytest.fixture(scope="module")
def expected():
    return json.loads((FILES / "expected.json").read_text())


def test_a_model_of_choices_infers_the_same_states(expected):
    model = nmo.load_model(FILES / "bernoulli.npz")
    np.testing.assert_array_equal(model.coef_, expected["coef"])
    found = model.smooth_proba(np.array(expected["X"]), np.array(expected["y"]))
    np.testing.assert_allclose(found, expected["smooth"], atol=1e-9)


def test_a_model_of_counts_keeps_its_family_and_penalty(expected):
    model = nmo.load_model(FILES / "poisson.npz")
    np.testing.assert_array_equal(model.coef_, expected["poisson_coef"])
    assert isinstance(model.observation_model, nmo.observation_models.PoissonObservations)
    assert type(model.regularizer).__name__ == "Lasso"
    assert model.regularizer_strength == 0.1
