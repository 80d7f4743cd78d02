"""Mixed models against closed forms: balanced designs, where REML is the analysis of variance."""

import numpy as np
import pandas as pd
import pytest

from neuroloom.circuit_inference import mixed_effects
from neuroloom.circuit_inference._report.mixed_models import formula_columns, parse_specs
from neuroloom.circuit_inference.errors import ArgumentError
from neuroloom.circuit_inference.statistics import bootstrap

pytest.importorskip("statsmodels")


def nested(rng, a=12, b=4, n=5):
    subject = np.repeat(np.arange(a), b * n)
    sensor = np.tile(np.repeat(np.arange(b), n), a)
    y = rng.standard_normal(a * b * n) + 1.5 * rng.standard_normal(a)[subject]
    y += 0.8 * rng.standard_normal((a, b))[subject, sensor]
    return pd.DataFrame({"ID": subject, "Sensor": sensor, "Y": y})


def squares(table):
    y = table["Y"].to_numpy().reshape(table.ID.nunique(), table.Sensor.nunique(), -1)
    a, b, n = y.shape
    cells, rows, columns = y.mean(2), y.mean((1, 2)), y.mean((0, 2))
    return y, a, b, n, cells, rows, columns


class TestRandomTerms:
    def test_nested_is_the_nested_analysis_of_variance(self, rng):
        table = nested(rng)
        y, a, b, n, cells, rows, _ = squares(table)
        ms_e = ((y - cells[:, :, None]) ** 2).sum() / (a * b * (n - 1))
        ms_b = n * ((cells - rows[:, None]) ** 2).sum() / (a * (b - 1))
        ms_a = b * n * ((rows - y.mean()) ** 2).sum() / (a - 1)
        fit = mixed_effects(table, "Y ~ 1 + (1 | ID/Sensor)")
        assert fit.result.scale == pytest.approx(ms_e, rel=1e-3)
        assert fit.result.vcomp[0] == pytest.approx((ms_b - ms_e) / n, rel=1e-2)
        assert fit.result.cov_re.iloc[0, 0] == pytest.approx((ms_a - ms_b) / (b * n), rel=1e-2)
        assert fit.table.loc["Intercept", "SE"] == pytest.approx(np.sqrt(ms_a / y.size), rel=1e-2)

    def test_crossed_is_the_crossed_analysis_of_variance(self, rng):
        a, b = 10, 8
        subject, item = np.repeat(np.arange(a), b), np.tile(np.arange(b), a)
        y = rng.standard_normal(a * b) + 1.5 * rng.standard_normal(a)[subject]
        y += rng.standard_normal(b)[item]
        table = pd.DataFrame({"ID": subject, "Sensor": item, "Y": y})
        y, a, b, _, cells, rows, columns = squares(table)
        rest = cells - rows[:, None] - columns + y.mean()
        ms_e = (rest**2).sum() / ((a - 1) * (b - 1))
        ms_a = b * ((rows - y.mean()) ** 2).sum() / (a - 1)
        ms_b = a * ((columns - y.mean()) ** 2).sum() / (b - 1)
        fit = mixed_effects(table, "Y ~ 1 + (1 | ID) + (1 | Sensor)")
        assert fit.result.scale == pytest.approx(ms_e, rel=1e-2)
        expected = sorted([(ms_a - ms_e) / b, (ms_b - ms_e) / a])
        np.testing.assert_allclose(sorted(fit.result.vcomp), expected, rtol=2e-2)

    def test_slopes_of_several_terms_are_refused(self, rng):
        with pytest.raises(ArgumentError, match="intercepts only"):
            mixed_effects(nested(rng), "Y ~ 1 + (1 + Sensor | ID) + (1 | Sensor)")
        with pytest.raises(ArgumentError, match="one bar"):
            mixed_effects(nested(rng), "Y ~ 1 + (1 + Sensor || ID)")


class TestRows:
    def test_missing_values_are_left_out_and_told(self, rng):
        table = nested(rng)
        holes = table.copy()
        holes.loc[[3, 77], "Y"] = np.nan
        with pytest.warns(UserWarning, match="2 of 240 rows"):
            fit = mixed_effects(holes, "Y ~ 1 + (1 | ID)")
        same = mixed_effects(table.drop([3, 77]), "Y ~ 1 + (1 | ID)")
        assert (fit.n_rows, fit.n_dropped) == (238, 2)
        pd.testing.assert_frame_equal(fit.table, same.table)

    def test_missing_values_elsewhere_do_not_matter(self, rng):
        table = nested(rng)
        table["note"] = np.nan
        assert mixed_effects(table, "Y ~ 1 + (1 | ID)").n_dropped == 0

    def test_nothing_left(self, rng):
        with pytest.raises(ArgumentError, match="none of"):
            mixed_effects(nested(rng).assign(Y=np.nan), "Y ~ 1")


class TestFormulas:
    @pytest.mark.parametrize("name", ["np.log(Y)", "log(Y)"])
    def test_functions(self, rng, name):
        table = nested(rng)
        straight = mixed_effects(table, "Y ~ Sensor + (1 | ID)").table
        bent = mixed_effects(table.assign(Y=np.exp(table.Y)), f"{name} ~ Sensor + (1 | ID)").table
        np.testing.assert_allclose(bent.to_numpy(), straight.to_numpy(), rtol=1e-6)

    def test_columns(self):
        found = formula_columns("np.log(Y) ~ C(Group, Treatment(reference='HC')) * I(Age**2)")
        assert found == ["Y", "Group", "Age"]
        assert formula_columns("Y ~ Q('my column') + (1 | ID/Sensor)") == [
            *("Y", "ID", "Sensor", "my column")
        ]

    def test_a_logarithm_of_what_has_none(self, rng):
        with pytest.raises(ArgumentError, match="finite"):
            mixed_effects(nested(rng), "np.log(Y) ~ 1")

    def test_unreadable(self, rng):
        for formula in ("Y ~ log(", "Y ~ 1 | ID", "Y", "Y ~ nothing(Sensor)"):
            with pytest.raises(ArgumentError):
                mixed_effects(nested(rng), formula)


class TestContrasts:
    def test_specs(self):
        assert parse_specs("~Group") == (("Group",), ())
        assert parse_specs("pairwise ~ Sensor | Group") == (("Sensor",), ("Group",))
        for wrong in ("Group", "~", "~Group |"):
            with pytest.raises(ArgumentError):
                parse_specs(wrong)

    def test_all_pairs_within_groups_are_differences_of_cell_means(self, rng):
        table = nested(rng).assign(Sensor=lambda t: t.Sensor.map(dict(enumerate("abcd"))))
        table["Group"] = np.where(table.ID < 6, "HC", "AD")
        fit = mixed_effects(table, "Y ~ Group * Sensor")
        got = fit.contrasts(table, "Sensor", by="Group")
        means = table.groupby(["Group", "Sensor"])["Y"].mean()
        assert len(got) == 12
        for _, row in got.iterrows():
            first, second = row["contrast"].split(" - ")
            expected = means[row["Group"], first] - means[row["Group"], second]
            assert row["estimate"] == pytest.approx(expected, abs=1e-9)

    def test_numbers_that_are_categories(self, rng):
        table = nested(rng)
        got = mixed_effects(table, "Y ~ C(Sensor)").contrasts(table, "Sensor", 0)
        means = table.groupby("Sensor")["Y"].mean()
        np.testing.assert_allclose(got["estimate"], means[1:] - means[0], atol=1e-9)


@pytest.mark.slow
def test_bootstrap_over_subjects_sees_their_variance(rng):
    # The standard error of a mean over subjects is that of the subjects' means.
    table = nested(rng, a=40)
    got = bootstrap(table, lambda t: t["Y"].mean(), groups="ID", n_resamples=400, seed=0)
    means = table.groupby("ID")["Y"].mean()
    assert got.draws.std() == pytest.approx(means.std(ddof=0) / np.sqrt(40), rel=0.15)
    assert got.low < got.estimate < got.high
    again = bootstrap(table, lambda t: t["Y"].mean(), groups="ID", n_resamples=400, seed=0)
    np.testing.assert_array_equal(got.draws, again.draws)
