"""Results and critics that version 0.1.0 wrote are read, and hold what they held."""

import json
from pathlib import Path

import numpy as np
import pytest

from neuroloom import mi

FILES = Path(__file__).parent / "files" / "version-0.1.0"


@pytest.fixture(scope="module")
def expected():
    return json.loads((FILES / "expected.json").read_text())


@pytest.mark.parametrize("mode", ["estimate", "lag"])
def test_a_result_is_the_same(mode, expected):
    result = mi.Results.load(FILES / mode)
    assert result.mode == mode
    assert result.mi_estimate == expected[mode]
    assert result.params["output_units"] == "bits"


def test_a_curve_over_lags_is_the_same(expected):
    frame = mi.Results.load(FILES / "lag").to_frame()
    np.testing.assert_array_equal(frame["lag"], [-1, 0, 1])
    np.testing.assert_array_equal(frame["mi"], expected["curve"])


def test_a_critic_scores_new_samples():
    critic = mi.load_critic(FILES / "critic.safetensors")
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 1))
    y = x + rng.normal(size=(200, 1))
    # The critic has seen two epochs of another draw of this pair, which tells 0.5 bits.
    assert 0.1 < critic.mi(x, y) < 0.6
    assert critic.mi(x, y[::-1].copy()) < 0
