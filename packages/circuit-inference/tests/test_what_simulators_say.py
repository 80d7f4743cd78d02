"""What simulators may return, what priors may be made of, and recorders that have been on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neuroloom.circuit_inference as ci
from neuroloom.circuit_inference.forward import Recorder
from neuroloom.circuit_inference.libraries import Marginal, gao_lfp, shot_noise_rates
from neuroloom.shared import Seed

PRIOR = ci.Prior.box({"a": (0, 1)})
WIDE = Marginal("uniform", 0, 9)


def _library(simulator: Any, **options: Any) -> ci.SimulationLibrary:
    options = {"rate_hz": 100.0, "progress": False, "seed": 1, "n_workers": 1, **options}
    return ci.simulate_library(simulator, PRIOR, 6, **options)


def _noise(seed: Seed, n: int = 50) -> np.ndarray:
    return seed.generator().standard_normal(n)


class TestSimulators:
    @pytest.mark.parametrize("reason", [None, ""])
    def test_no_reason_is_valid(self, reason: Any) -> None:
        library = _library(lambda theta, seed: {"x": _noise(seed), "reason": reason})
        assert library.valid.all()

    @pytest.mark.parametrize(
        "said",
        [
            lambda theta, seed: None,
            lambda theta, seed: {"x": _noise(seed), "reason": False},
            lambda theta, seed: {"x": _noise(seed) + 1j},
            lambda theta, seed: {"x": _noise(seed), "note": "text"},
            lambda theta, seed: {3: _noise(seed)},
            lambda theta, seed: {"x": _noise(seed, 50 + int(10 * theta[0]))},  # of other lengths
            lambda theta, seed: {"x": _noise(seed)}
            | ({"y": _noise(seed)} if theta[0] < 0.5 else {}),
        ],
    )
    def test_what_is_no_simulation_is_refused(self, said: Any) -> None:
        with pytest.raises(ci.CircuitInferenceError, match="simulator: expected"):
            _library(said)

    def test_a_failed_simulation_may_lack_signals(self) -> None:
        library = _library(
            lambda theta, seed: {"x": _noise(seed)} if theta[0] < 0.5 else {"reason": "stopped"}
        )
        assert (library.valid == (library.theta[:, 0] < 0.5)).all()
        assert 0 < library.valid.sum() < 6

    def test_an_offset_does_not_swallow_the_signal(self) -> None:
        found = _library(lambda theta, seed: {"x": 1e9 + _noise(seed)}).signals["x"]
        plain = _library(lambda theta, seed: {"x": _noise(seed)}).signals["x"]
        assert plain.dtype == np.float32
        np.testing.assert_allclose(found - 1e9, plain, atol=1e-5)

    @pytest.mark.parametrize("options", [{"rate_hz": -5.0}, {"rate_hz": "100"}, {"shard": (3, 3)}])
    def test_arguments_that_make_no_sense(self, options: dict[str, Any]) -> None:
        with pytest.raises(ci.CircuitInferenceError, match=next(iter(options))):
            _library(lambda theta, seed: {"x": _noise(seed)}, **options)


class TestGenerators:
    def test_a_low_rate_is_recorded_not_another_model(self) -> None:
        chosen = ci.FeatureSet(ci.Aperiodic((2, 30)))
        exponents = [
            chosen.compute(gao_lfp([5.0] * 4, duration_s=60, rate_hz=f, seed=2), rate=f).values
            for f in (100.0, 1000.0)
        ]
        assert (
            abs(exponents[0].mean() - exponents[1].mean()) < 0.03
        )  # .09 where kernels are not seen

    @pytest.mark.parametrize("options", [{"duration_s": -1}, {"rate_hz": 0}])
    def test_length_and_rate(self, options: dict[str, Any]) -> None:
        with pytest.raises(ci.CircuitInferenceError, match=next(iter(options))):
            gao_lfp([3.0], **options)

    @pytest.mark.parametrize("options", [{"n_neurons": 0}, {"bin_width": 0}, {"n_times": 50}])
    def test_neurons_and_bins(self, options: dict[str, Any]) -> None:
        with pytest.raises(ci.CircuitInferenceError, match=next(iter(options))):
            shot_noise_rates([0.5], **options)


class TestPriors:
    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: ci.Prior(("a",), (0,), (1,), marginals=(WIDE,)), "bounds"),
            (lambda: ci.Prior.of({"a": Marginal()}, units={"b": "ms"}), "units"),
            (lambda: ci.Prior.box({"a": (0, 1, 3)}), "units"),
            (lambda: ci.Prior.box({"a": (0, 1, "ms", "more")}), "low, high, unit"),
            (lambda: Marginal("uniform", 0, 1, mean=0.5, sd=0.1), "mean"),
            (lambda: Marginal("normal", 0, 1, knots=(0.0, 1.0)), "knots"),
            (lambda: Marginal("empirical", knots=(5.0, 6.0, 7.0)), "low, high"),
            (lambda: PRIOR.sample(-1, seed=0), "n: "),
            (lambda: PRIOR.check(np.array([[np.nan]])), "theta"),
        ],
    )  # fmt: skip
    def test_what_contradicts_itself_is_refused(self, make: Any, said: str) -> None:
        with pytest.raises(ci.PriorError, match=said):
            make()


@pytest.mark.parametrize(("corner", "left"), [("highpass_hz", 0.0), ("lowpass_hz", 1000.0)])
def test_a_recorder_has_been_on(corner: str, left: float) -> None:
    """An offset passes a low-pass and not a high-pass, from the first sample on."""
    x = np.random.default_rng(0).standard_normal(500)
    options: dict[str, Any] = {corner: 20.0}
    recorder = Recorder(background=(0, 0), sensor=(0, 0), **options)
    amounts = {"background": 0.0, "exponent": 1.0, "sensor": 0.0, "gain": 1.0}
    rng = np.random.default_rng(1)
    plain, moved = (recorder.record(x + b, 250.0, amounts, rng) for b in (0.0, 1000.0))
    np.testing.assert_allclose(moved - plain, left, atol=1e-8)
