"""Group statistics of subsets, confounded factors, and models that do not compare."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import neuroloom.circuit_inference as ci
from neuroloom.circuit_inference.statistics import bootstrap, cohen_d, likelihood_ratio

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame({"ID": np.repeat(np.arange(20), 6), "Sensor": np.tile(["Fz", "Pz"], 60)})
TABLE["Age"] = RNG.uniform(20, 80, 20)[TABLE.ID]
TABLE["Group"] = np.where(TABLE.ID < 10, "HC", "AD")
TABLE["Y"] = 3 + RNG.standard_normal(120) + RNG.standard_normal(20)[TABLE.ID] + 0.05 * TABLE.Age


def test_a_category_of_which_no_row_is_left() -> None:
    kinds = pd.Categorical(TABLE.Group, ["MCI", "HC", "AD"])
    formula = "Y ~ Group + (1 | ID)"
    subset = ci.mixed_effects(TABLE.assign(Group=kinds), formula).table
    plain = ci.mixed_effects(TABLE, formula).table  # AD is its reference, there HC
    assert subset.loc["Group[T.AD]", "estimate"] == pytest.approx(
        -plain.loc["Group[T.HC]", "estimate"], abs=1e-6
    )


def test_factors_with_nothing_to_compare() -> None:
    with pytest.raises(ci.CircuitInferenceError, match="at least two levels, got Group"):
        ci.mixed_effects(TABLE[TABLE.Group == "HC"], "Y ~ Group + (1 | ID)")
    site = np.where(TABLE.Group == "HC", "Leiden", "Bonn")
    for random in ("", " + (1 | ID)"):
        with pytest.raises(ci.CircuitInferenceError, match="tell apart"):
            ci.mixed_effects(TABLE.assign(Site=site), "Y ~ Group + Site" + random)


def test_contrasts_are_of_the_rows_that_were_fitted() -> None:
    """At the mean of the covariate over fitted rows, by hand from the coefficients."""
    gone = TABLE.assign(Y=TABLE.Y.where(TABLE.Age < 60))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ci.mixed_effects(gone, "Y ~ Group * Age + (1 | ID)")
    b = model.table["estimate"]
    age = TABLE.Age[TABLE.Age < 60].mean()
    expected = -(b["Group[T.HC]"] + b["Group[T.HC]:Age"] * age)
    assert model.contrasts(gone, "Group")["estimate"][0] == pytest.approx(expected)
    for data in (TABLE, gone.iloc[:50]):
        with pytest.raises(ci.CircuitInferenceError, match="rows that the model was fitted on"):
            model.contrasts(data, "Group")


def test_numbers_are_no_levels_unless_it_is_said() -> None:
    codes = TABLE.assign(Group=(TABLE.Group == "AD") * 1)
    with pytest.raises(ci.CircuitInferenceError, match=r"C\(Group\)"):
        ci.mixed_effects(codes, "Y ~ Group + (1 | ID)").contrasts(codes, "Group")
    found = ci.mixed_effects(codes, "Y ~ C(Group) + (1 | ID)").contrasts(codes, "Group")
    named = ci.mixed_effects(TABLE, "Y ~ Group + (1 | ID)").contrasts(TABLE, "Group")
    assert found["estimate"][0] == pytest.approx(-named["estimate"][0], abs=1e-6)


@pytest.mark.parametrize(
    ("large", "said"),
    [("np.log(Y) ~ Group + Age", "same values"), ("Y ~ Age + Sensor", "and more")],
)
def test_models_that_do_not_compare(large: str, said: str) -> None:
    small = ci.mixed_effects(TABLE, "Y ~ Group")
    with pytest.raises(ci.CircuitInferenceError, match=said):
        likelihood_ratio(small, ci.mixed_effects(TABLE, large))
    statistic, df, _ = likelihood_ratio(small, ci.mixed_effects(TABLE, "Y ~ Group + Age"))
    ages = np.column_stack([np.ones(120), TABLE.Group == "HC", TABLE.Age])
    rss = [np.linalg.lstsq(x, TABLE.Y, rcond=None)[1][0] for x in (ages[:, :2], ages)]
    assert df == 1
    assert statistic == pytest.approx(120 * np.log(rss[0] / rss[1]))


def test_rows_without_a_group_and_values_that_are_none() -> None:
    lost = TABLE.assign(ID=TABLE.ID.where(TABLE.index != 3))
    with pytest.raises(ci.CircuitInferenceError, match="1 of 120 without"):
        bootstrap(lost, lambda t: t.Y.mean(), groups="ID", n_resamples=100, seed=0)
    for bad in ([["1", "2"]], [1.0, np.inf], [[1.0, 2.0], [3.0, 4.0]]):
        with pytest.raises(ci.CircuitInferenceError, match="x: "):
            cohen_d(bad, [1.0, 2.0])
