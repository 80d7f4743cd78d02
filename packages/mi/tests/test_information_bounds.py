"""From below and from above."""

import numpy as np
import pytest

from neuroloom import mi
from neuroloom.mi import exceptions as ex
from neuroloom.mi._modes.information_bounds import upper_bounds
from neuroloom.shared import Seed

FAST = {"base_params": {"n_epochs": 5, "n_inits": 1, "n_folds": 2}}


@pytest.mark.slow
def test_upper_bounds_of_a_normal_pair_have_their_closed_forms():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1500, 1))
    y = 0.8 * x + 0.6 * rng.standard_normal((1500, 1))
    bounds = upper_bounds(x, y, Seed(0))
    assert bounds["l1out"][0] == pytest.approx(-0.5 * np.log(1 - 0.64), abs=0.06)
    assert bounds["club"][0] == pytest.approx(0.64 / 0.36, abs=0.25)  # ρ² / (1 − ρ²)
    independent = upper_bounds(x, rng.standard_normal((1500, 1)), Seed(0))
    assert all(abs(value) < 0.05 for value, _ in independent.values())


@pytest.mark.slow
def test_a_discrete_variable_cannot_tell_more_than_its_entropy():
    x, y = mi.datasets.generate_xor_data(1000, use_torch=False, seed=0)
    table = mi.information_bounds(y, x[:, :1], **FAST).set_index("bound")
    assert table.loc["entropy", "mi"] == pytest.approx(1.0, abs=0.02)
    assert table.loc["infonce", "mi"] < table.loc["entropy", "mi"]
    assert set(table["side"]) == {"lower", "upper"}
    continuous = mi.information_bounds(y, y + x[:, :1], output_units="nats", **FAST).set_index(
        "bound"
    )
    assert continuous.loc["entropy", "mi"] == np.inf
    with pytest.raises(ex.DataShapeError, match="1000 and 9"):
        mi.information_bounds(x, y[:9], **FAST)
