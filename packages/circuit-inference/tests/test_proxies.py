import numpy as np
import pytest

from neuroloom.circuit_inference import CircuitInferenceError, FieldPotential
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    DelayTooLongError,
    ShapeError,
    UnknownNameError,
)
from neuroloom.circuit_inference.forward import proxy


@pytest.fixture(scope="module")
def currents():
    t = np.arange(64)
    units = range(3)
    return {
        "AMPA": np.stack([(1 + i) * np.exp(-(((t - 20 - 3 * i) / 4) ** 2)) for i in units]),
        "GABA": np.stack([-(2 + i) * np.exp(-(((t - 28 - 2 * i) / 6) ** 2)) for i in units]),
        "Vm": np.stack([-60 + 0.1 * np.sin(t / 5 + i) for i in units]),
        "FR": np.stack([(t * (i + 1)) % 7 for i in units]).astype(float),
        "nu_ext": 1.5,
    }


class TestAgainstTheOracle:
    @pytest.mark.parametrize("method", ["FR", "AMPA", "GABA", "Vm", "I", "I_abs"])
    def test_sums(self, oracle, currents, method):
        got = FieldPotential(kernel=False).compute_proxy(method, currents, None)
        np.testing.assert_allclose(got, oracle["proxies"][method], rtol=0, atol=1e-12)

    @pytest.mark.parametrize("step", [1.0, 0.5, 0.1])
    @pytest.mark.parametrize("method", ["LRWS", "ERWS1", "ERWS2"])
    def test_delays(self, oracle, currents, method, step):
        door = FieldPotential(kernel=False)
        right = door.compute_proxy(method, currents, step)
        wanted = oracle["proxies"][f"{method}_correct_dt{step}"]
        np.testing.assert_allclose(right, wanted, rtol=0, atol=1e-12)
        theirs = door.compute_proxy(method, currents, step, compat="ncpi")
        wanted = oracle["proxies"][f"{method}_ncpi_dt{step}"]
        np.testing.assert_allclose(theirs, wanted, rtol=0, atol=1e-12)


def test_delays_are_rounded_not_truncated(currents):
    # 2.3 / 0.1 is 22.999…: ncpi shifts by 22 samples, and by 0 where 0.9 / 1.0 rounds to 1.
    gaba = {"AMPA": np.zeros((1, 64)), "GABA": -np.eye(1, 64)}
    assert np.flatnonzero(proxy("ERWS1", gaba, sim_step=0.1)) == [23]
    ampa = {"AMPA": np.eye(1, 64, 5), "GABA": np.zeros((1, 64))}
    assert np.flatnonzero(proxy("ERWS1", ampa, sim_step=1.0)) == [4]


def test_erws2_delays_are_milliseconds(currents):
    ampa = {"AMPA": np.eye(1, 64, 40), "GABA": np.zeros((1, 64)), "nu_ext": 1.5}
    assert np.flatnonzero(proxy("ERWS2", ampa, sim_step=0.1)) == [30]


def test_many_simulations_at_once(currents):
    batch = {key: np.stack([currents[key], 2 * currents[key]]) for key in ("AMPA", "GABA")}
    for method in ("I", "LRWS"):
        both = proxy(method, batch, sim_step=0.5)
        assert both.shape == (2, 64)
        np.testing.assert_array_equal(both[0], proxy(method, currents, sim_step=0.5))


def test_excitatory_only_prefers_the_suffixed_key(currents):
    both = {"AMPA": [[1.0]], "AMPA_exc": [[2.0]], "AMPA_total": [[3.0]]}
    got = [proxy("AMPA", both, excitatory_only=flag)[0] for flag in (None, True, False)]
    assert got == [1.0, 2.0, 3.0]


class TestSigns:
    @pytest.mark.parametrize("method", ["GABA", "I", "LRWS", "ERWS1", "ERWS2"])
    def test_inhibition_of_the_other_sign_is_told(self, currents, method):
        other = {**currents, "GABA": -currents["GABA"]}
        with pytest.warns(UserWarning, match="GABA currents to be negative") as said:
            proxy(method, other, sim_step=0.5)
        assert len(said) == 1
        assert said[0].filename == __file__

    def test_excitation_of_the_other_sign_is_told(self, currents):
        with pytest.warns(UserWarning, match="AMPA currents to be positive"):
            FieldPotential(kernel=False).compute_proxy(
                "LRWS", {**currents, "AMPA": -currents["AMPA"]}, 0.5
            )

    def test_magnitudes_have_none(self, currents):
        other = {"AMPA": -currents["AMPA"], "GABA": -currents["GABA"]}
        wanted = (np.abs(currents["AMPA"]) + np.abs(currents["GABA"])).sum(axis=0)
        np.testing.assert_allclose(proxy("I_abs", other), wanted, rtol=1e-14)


class TestBadInput:
    def test_shapes_that_would_broadcast(self):
        with pytest.raises(ShapeError, match=r"\(2, 9\).*\(1, 9\)"):
            proxy("I", {"AMPA": np.ones((2, 9)), "GABA": np.ones((1, 9))})

    def test_ragged(self):
        with pytest.raises(ShapeError, match="ragged"):
            proxy("FR", {"FR": [[1, 2], [3]]})

    @pytest.mark.parametrize("step", [None, 0, -1.0, np.nan])
    def test_no_step(self, currents, step):
        before = currents["AMPA"].copy()
        with pytest.raises(ArgumentError, match="sim_step"):
            proxy("LRWS", currents, sim_step=step)
        np.testing.assert_array_equal(before, currents["AMPA"])

    @pytest.mark.parametrize("rate", [0.0, -1.0])
    def test_no_external_rate(self, currents, rate):
        with pytest.raises(ArgumentError, match="nu_ext"):
            proxy("ERWS2", {**currents, "nu_ext": rate}, sim_step=1.0)

    def test_missing_current(self):
        with pytest.raises(ArgumentError, match="GABA"):
            proxy("I", {"AMPA": [[1.0]]})

    def test_nan(self):
        with pytest.raises(ArgumentError, match=r"\(0, 1\)"):
            proxy("AMPA", {"AMPA": [[1.0, np.nan]]})

    def test_delay_longer_than_the_signal(self):
        short = {"AMPA": np.ones((1, 10)), "GABA": -np.ones((1, 10))}
        with pytest.raises(DelayTooLongError, match="60 steps"):
            proxy("LRWS", short, sim_step=0.1)

    def test_unknown(self):
        with pytest.raises(UnknownNameError, match="did you mean 'LRWS'"):
            proxy("LWRS", {})
        assert issubclass(UnknownNameError, CircuitInferenceError)
        assert issubclass(CircuitInferenceError, ValueError)
