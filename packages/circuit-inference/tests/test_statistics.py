import numpy as np
import pandas as pd
import pytest

from neuroloom.circuit_inference import Analysis, mixed_effects
from neuroloom.circuit_inference._recordings.topomap import head_map
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    ConstantSeriesError,
    ShapeError,
    UnknownNameError,
)
from neuroloom.circuit_inference.plots import electrode_positions, topomap
from neuroloom.circuit_inference.statistics import cohen_d, holm, likelihood_ratio


def measurements(n_subjects=8, n_epochs=5, effect=1.0, seed=0):
    """Two groups of subjects with intercepts of their own, two sensors."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(2 * n_subjects):
        group = "HC" if i < n_subjects else "AD"
        own = rng.normal(0, 0.7)
        for epoch in range(n_epochs):
            for sensor in ("Fz", "Pz"):
                shift = effect * (group == "AD") * (1.0 if sensor == "Fz" else 2.0)
                y = shift + own + rng.normal(0, 0.5)
                rows.append((f"s{i}", group, epoch, sensor, y))
    return pd.DataFrame(rows, columns=["ID", "Group", "Epoch", "Sensor", "Y"])


class TestCohenD:
    def test_the_reference_value(self):
        effect = cohen_d([1, 2, 3, 4], [2, 4, 6, 8, 10])
        assert effect.d == pytest.approx(-1.380418616056577, abs=1e-12)
        # Hedges' factor for 7 degrees of freedom is Γ(3.5) / (√3.5 Γ(3)).
        assert effect.g / effect.d == pytest.approx(3.3233509704478426 / (3.5**0.5 * 2))

    def test_the_interval_inverts_the_noncentral_t(self):
        from scipy.stats import nct

        x, y = np.arange(6.0), np.array([1.0, 4.0, 5.0, 9.0])
        effect = cohen_d(x, y, level=0.9)
        root = np.sqrt(6 * 4 / 10)
        t = effect.d * root
        assert nct.sf(t, 8, effect.low * root) == pytest.approx(0.05, abs=1e-9)
        assert nct.cdf(t, 8, effect.high * root) == pytest.approx(0.05, abs=1e-9)

    def test_bad_input(self):
        with pytest.raises(ArgumentError, match="1 and 3"):
            cohen_d([1], [1, 2, 3])
        with pytest.raises(ConstantSeriesError):
            cohen_d([1, 1], [1, 1])


@pytest.mark.slow
def test_holm_agrees_with_statsmodels(rng):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p = rng.random(30) ** 3
    np.testing.assert_allclose(holm(p), multitest.multipletests(p, method="holm")[1])
    assert np.isnan(holm([0.01, np.nan])[1])


class TestMixedEffects:
    def test_a_balanced_design_by_hand(self):
        # Balanced groups: the estimate is the difference of means, and its variance that of the
        # subjects' means, 2/n times their pooled variance.
        pytest.importorskip("statsmodels")
        data = measurements()
        model = mixed_effects(data, "Y ~ Group + (1 | ID)")
        means = data.groupby(["Group", "ID"])["Y"].mean()
        difference = means["HC"].mean() - means["AD"].mean()
        pooled = (means["HC"].var() + means["AD"].var()) / 2
        row = model.table.loc["Group[T.HC]"]
        assert row["estimate"] == pytest.approx(difference, abs=1e-8)
        assert row["SE"] == pytest.approx(np.sqrt(2 * pooled / 8), rel=1e-4)

    def test_equal_to_statsmodels(self):
        smf = pytest.importorskip("statsmodels.formula.api")
        data = measurements()
        theirs = smf.mixedlm("Y ~ Group * Sensor", data, groups=data["ID"]).fit(reml=True)
        ours = mixed_effects(data, "Y ~ Group * Sensor + (1 | ID)")
        n = len(ours.table)
        np.testing.assert_allclose(ours.table["estimate"], theirs.params[:n])
        np.testing.assert_allclose(ours.table["SE"], theirs.bse[:n])
        np.testing.assert_allclose(ours.table["p"], theirs.pvalues[:n])

    def test_contrasts_are_differences_of_cell_means(self):
        pytest.importorskip("statsmodels")
        data = measurements()
        model = mixed_effects(data, "Y ~ Group * Sensor + (1 | ID)")
        table = model.contrasts(data, "Group", "HC", by="Sensor").set_index("Sensor")
        cells = data.groupby(["Group", "Sensor"])["Y"].mean()
        for sensor in ("Fz", "Pz"):
            wanted = cells["AD", sensor] - cells["HC", sensor]
            assert table.loc[sensor, "estimate"] == pytest.approx(wanted, abs=1e-7)
        np.testing.assert_allclose(table["p.holm"], holm(table["p.value"]))

    def test_nested_models(self):
        pytest.importorskip("statsmodels")
        data = measurements()
        small = mixed_effects(data, "Y ~ Sensor + (1 | ID)")
        large = mixed_effects(data, "Y ~ Group * Sensor + (1 | ID)")
        statistic, df, p = likelihood_ratio(small, large)
        assert (df, p < 0.001, statistic > 0) == (2, True, True)
        assert large.bic < small.bic
        with pytest.raises(ArgumentError):
            likelihood_ratio(large, small)

    @pytest.mark.parametrize(
        ("formula", "said"),
        [("Y ~ Grup", "Grup"), ("Y", "Y ~"), ("Y ~ 1 + (Age|ID) + (1|Sensor)", "Age")],
    )
    def test_bad_formulas(self, formula, said):
        with pytest.raises(ArgumentError, match=said):
            mixed_effects(measurements(), formula)


class TestAnalysis:
    def test_lmer(self):
        pytest.importorskip("statsmodels")
        data = measurements()
        tables = Analysis(data).lmer(
            models={"full": "Y ~ Group * Sensor + (1 | ID)", "flat": "Y ~ Group * Sensor"},
            bic_models=["full", "flat"],
            specs="~Group | Sensor",
        )
        assert list(tables) == ["ADvsHC"]
        direct = mixed_effects(data, "Y ~ Group * Sensor + (1 | ID)")
        pd.testing.assert_frame_equal(
            tables["ADvsHC"], direct.contrasts(data, "Group", "HC", by="Sensor")
        )

    def test_cohend_keeps_true_zeros(self):
        # ncpi drops them always, and finds another effect.
        table = pd.DataFrame(
            {
                "Group": ["HC"] * 4 + ["AD"] * 4,
                "Sensor": ["Pz"] * 8,
                "Y": [0.0, 1.0, 2.0, 0.0, 2.0, 3.0, 4.0, 5.0],
            }
        )
        kept = Analysis(table).cohend()["ADvsHC"]["d"][0]
        assert kept == pytest.approx(cohen_d([2, 3, 4, 5], [0, 1, 2, 0]).d)
        dropped = Analysis(table).cohend(drop_zeros=True, min_n=2)["ADvsHC"]["d"][0]
        assert dropped == pytest.approx(cohen_d([2, 3, 4, 5], [1, 2]).d)
        few = Analysis(table).cohend(min_n=5)["ADvsHC"]
        assert np.isnan(few["d"][0])

    def test_elements_of_lists(self):
        table = pd.DataFrame(
            {
                "Group": ["HC", "HC", "AD", "AD"],
                "Sensor": ["Pz"] * 4,
                "Y": [[0, i] for i in range(4)],
            }
        )
        d = Analysis(table).cohend(data_index=1, min_n=2)["ADvsHC"]["d"][0]
        assert d == pytest.approx(cohen_d([2, 3], [0, 1]).d)

    def test_bad_tables(self):
        with pytest.raises(ArgumentError, match="DataFrame"):
            Analysis([1, 2]).cohend()
        with pytest.raises(ArgumentError, match="Sensor"):
            Analysis(pd.DataFrame({"Group": ["HC"], "Y": [1.0]})).cohend()

    def test_the_head_plot_takes_what_the_seed_passed(self):
        ax = Analysis(np.arange(20.0)).EEG_topographic_plot(radius=100, vmin=0, vmax=20)
        assert ax.collections[0].get_clim() == (0, 20)
        with pytest.raises(ArgumentError, match="19 or 20"):
            Analysis(np.arange(5.0)).EEG_topographic_plot()


class TestTopomap:
    names = ("Fz", "Cz", "Pz", "C3", "C4", "O1", "O2", "F7", "F8")

    def test_a_plane_stays_a_plane(self):
        # Thin-plate splines hold planes exactly: every value of the map is known by hand.
        places = electrode_positions(self.names)
        values = 2.0 + 3.0 * places[:, 0] - 1.0 * places[:, 1]
        x, y = np.array([[0.1, -0.6]]), np.array([[0.2, 0.3]])
        np.testing.assert_allclose(head_map(places, values, x, y), 2 + 3 * x - y, rtol=0, atol=1e-9)

    def test_electrodes_keep_their_values(self, rng):
        places = electrode_positions(self.names)
        values = rng.standard_normal(len(places))
        again = head_map(places, values, places[None, :, 0], places[None, :, 1])
        np.testing.assert_allclose(again[0], values, atol=1e-9)

    def test_the_head_is_the_right_way_round(self):
        where = dict(zip(self.names, electrode_positions(self.names), strict=True))
        assert where["Fz"][1] > 0 > where["Pz"][1]
        assert where["C3"][0] < 0 < where["C4"][0]
        np.testing.assert_allclose(where["Cz"], 0, atol=1e-12)
        np.testing.assert_allclose(electrode_positions(["t3"]), electrode_positions(["T7"]))

    def test_the_picture(self):
        values = np.arange(9.0)
        values[3] = np.nan
        ax = topomap(values, self.names)
        field = np.asarray(ax.collections[0].get_array())
        assert np.isfinite(field).any()
        assert [len(line.get_xdata()) for line in ax.lines][-2:] == [8, 1]

    def test_bad_input(self):
        with pytest.raises(ShapeError, match="one per name"):
            topomap([1, 2], ["Fz"])
        with pytest.raises(UnknownNameError, match="did you mean 'Cz'"):
            topomap([1, 2, 3], ["Fz", "CZz", "Pz"])
        with pytest.raises(ShapeError, match="three"):
            topomap([1, np.nan, np.nan], ["Fz", "Cz", "Pz"])
