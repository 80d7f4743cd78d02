import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuroloom.circuit_inference import Catch22, FeatureSet
from neuroloom.circuit_inference._catch22 import NAMES, SHORT_NAMES, catch22

INTEGER = [
    "CO_FirstMin_ac",
    "SB_BinaryStats_mean_longstretch1",
    "SB_BinaryStats_diff_longstretch0",
    "IN_AutoMutualInfoStats_40_gaussian_fmmi",
    "PD_PeriodicityWang_th0_01",
]
SERIES = ["sine2_200", "logistic_500", "randwalk_1000", "short_20"]


class TestAgainstTheOracle:
    @pytest.mark.slow
    @pytest.mark.parametrize("name", SERIES)
    def test_version_1_0(self, oracle, oracle_series, name):
        wanted = oracle["catch22"][name]
        x = oracle_series[name]
        np.testing.assert_allclose(x[:8], wanted["head"], rtol=0, atol=1e-14)
        values, _ = catch22(x[None])
        assert tuple(wanted["names"]) == NAMES["1.0"]
        np.testing.assert_allclose(values[0], wanted["values_raw"], rtol=0, atol=1e-8)
        for label in INTEGER:
            place = NAMES["1.0"].index(label)
            assert values[0, place] == wanted["values_raw"][place]

    @pytest.mark.slow
    @pytest.mark.parametrize("name", SERIES)
    def test_classic(self, oracle, oracle_series, name):
        wanted = oracle["catch22_pycatch22_0.4.5"][f"{name}_z"]
        values, _ = catch22(oracle_series[name][None], version="classic")
        assert tuple(wanted["names"]) == NAMES["classic"]
        np.testing.assert_allclose(values[0], wanted["values"], rtol=0, atol=1e-8)

    def test_names_map(self, oracle):
        table = oracle["catch22_name_map"]["order_1.0"]
        assert [row["short"] for row in table] == list(SHORT_NAMES["1.0"])


class TestInvariants:
    @settings(max_examples=30, deadline=None)
    @given(
        arrays(np.float64, 64, elements=st.floats(-100, 100, width=32)),
        st.floats(0.01, 1000),
        st.floats(-1000, 1000),
    )
    def test_values_are_finite_and_forget_gain_and_offset(self, x, gain, offset):
        x = x + np.sin(np.arange(64))
        values, _ = catch22(np.stack([x, gain * x + offset]))
        assert np.isfinite(values).all()
        # Continuous features only: rounding may move a value over the border of a bin.
        smooth = [SHORT_NAMES["1.0"].index(name) for name in ("trev", "forecast_error")]
        np.testing.assert_allclose(values[0, smooth], values[1, smooth], rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("version", ["1.0", "classic"])
    def test_rows_do_not_touch_one_another_or_the_workers(self, rng, version):
        x = rng.standard_normal((150, 123)).cumsum(axis=1)
        together, _ = catch22(x, version=version, n_workers=2)
        one_by_one = np.concatenate([catch22(row[None], version=version)[0] for row in x])
        np.testing.assert_array_equal(together, one_by_one)

    def test_known_answers(self):
        t = np.arange(1000)
        names = SHORT_NAMES["1.0"]
        values = dict(zip(names, catch22(np.sin(2 * np.pi * t / 40)[None])[0][0], strict=True))
        assert values["periodicity"] == 40
        assert values["acf_first_min"] == pytest.approx(20, abs=1)
        assert values["median_freq"] == pytest.approx(2 * np.pi / 40, rel=0.03)
        noise = np.random.default_rng(0).standard_normal(4000)
        values = dict(zip(names, catch22(noise[None])[0][0], strict=True))
        assert values["ami2"] == pytest.approx(0, abs=0.005)
        assert values["entropy_pairs"] == pytest.approx(2 * np.log(3), abs=0.005)
        assert values["median_freq"] == pytest.approx(np.pi / 2, rel=0.05)
        assert values["forecast_error"] == pytest.approx(np.sqrt(4 / 3), rel=0.05)

    def test_what_cannot_be_estimated_is_masked(self):
        values, masked = catch22(np.array([[0.0, 1, 0, 2, 0, 1, 3, 0, 1, 0]]))
        names = np.array(SHORT_NAMES["1.0"])
        assert {"rs_range", "dfa"} <= set(names[masked[0]])
        assert values[0, masked[0]][-1] == 1.0


def test_a_set_of_another_version_has_other_names():
    new, old = FeatureSet(Catch22()), FeatureSet(Catch22("classic"))
    assert not set(new.names) & set(old.names)
    assert new.digest != old.digest
