"""Networks of spiking neurons through lifnet: `together` has it installed, `alone` skips."""

import numpy as np
import pytest

from neuroloom.circuit_inference import LibraryError, Prior, PriorError
from neuroloom.circuit_inference.errors import UnknownNameError
from neuroloom.circuit_inference.simulate import (
    MODELS,
    Gates,
    NetworkSimulator,
    network_library,
    network_model,
)
from neuroloom.circuit_inference.simulate._gates import spectral_measures, spike_measures
from neuroloom.circuit_inference.simulate._models import four_area_pathways, hagen_pathways
from neuroloom.shared import Seed

HAGEN = {
    "J_EE": 1.589,
    "J_IE": 2.020,
    "J_EI": -23.84,
    "J_II": -8.441,
    "tau_syn_E": 0.5,
    "tau_syn_I": 0.5,
    "J_ext": 29.89,
}
CAVALLARI = {"g_EE": 0.178, "g_IE": 0.233, "g_EI": 2.01, "g_II": 2.70, "v_0": 3.0}
SAFE = Prior.box(
    {
        name: (low, high, unit)
        for (name, unit), (low, high) in zip(
            zip(MODELS["hagen"].prior.names, MODELS["hagen"].prior.units, strict=True),
            [(1, 2), (2, 3), (-30, -20), (-12, -8), (0.45, 0.55), (0.4, 1.0), (28, 32)],
            strict=True,
        )
    }
)


class TestModels:
    def test_each_size_is_a_model_of_its_own(self):
        assert set(MODELS) == {
            f"{name}{size}"
            for name in ("hagen", "cavallari", "four_area")
            for size in ("", "_eighth")
        }

    def test_unknown_model(self):
        with pytest.raises(UnknownNameError, match="did you mean 'hagen'"):
            network_model("hagn")
        with pytest.raises(UnknownNameError):
            NetworkSimulator("nest")

    def test_networks_are_lifnets(self):
        pytest.importorskip("neuroloom.lifnet")
        assert MODELS["hagen"].network(HAGEN).n_neurons == 9216
        assert MODELS["four_area"].network(HAGEN).n_neurons == 36864
        assert MODELS["cavallari_eighth"].network(CAVALLARI).n_neurons == 625

    def test_pathways_follow_their_postsynaptic_population(self):
        # ncpi takes the row of the presynaptic population's index.
        paths = hagen_pathways(HAGEN)
        assert paths["I:E"].n_synapses == pytest.approx(0.2 * 1024)
        assert paths["I:E"].weight_na == pytest.approx(2.020e-3)
        assert paths["E:I"].weight_na == pytest.approx(-23.84e-3)
        four = four_area_pathways(HAGEN)
        assert len(four) == 4 * 4 + 12 * 2
        far = four["frontal I:parietal E"]
        assert far.n_synapses == pytest.approx(0.02 * 1024)
        assert (far.delay_ms, far.weight_na) == (10.0, pytest.approx(0.15 * 2.020e-3))


class TestGates:
    @pytest.fixture
    def poisson(self, rng):
        """Spikes of 200 independent neurons at 20 Hz in 20 s of 1 ms steps."""
        steps, ids = np.nonzero(rng.random((20_000, 200)) < 0.02)
        return steps, ids.astype(np.int32)

    def test_poisson_neurons(self, poisson):
        found = spike_measures(*poisson, np.arange(200), 1e-3, 20_000)
        assert found["correlation_mean"] < 0.01
        assert found["isi_ms"] == pytest.approx(50, rel=0.05)
        # Geometric intervals: sqrt(1 − p), little less than a Poisson process' 1.
        assert found["cv"] == pytest.approx(np.sqrt(1 - 0.02), abs=0.02)

    def test_copies_of_one_neuron(self, poisson):
        steps, ids = poisson
        first = steps[ids == 0]
        copies = np.repeat(first, 60), np.tile(np.arange(60, dtype=np.int32), first.size)
        found = spike_measures(*copies, np.arange(60), 1e-3, 20_000)
        assert found["correlation_mean"] == pytest.approx(1.0)
        reason = Gates().judge({"rate_max": 20.0, "rate_E": 20.0, **found})
        assert "correlation_mean too high: 1" in reason

    def test_a_clock(self):
        steps = np.repeat(np.arange(0, 20_000, 100), 60)
        ids = np.tile(np.arange(60, dtype=np.int32), 200)
        found = spike_measures(steps, ids, np.arange(60), 1e-3, 20_000)
        assert found["isi_ms"] == pytest.approx(100)
        assert found["cv"] == pytest.approx(0, abs=1e-6)
        assert "cv too low" in Gates().judge({"rate_max": 10.0, "rate_E": 10.0, **found})

    def test_too_few_spikes_fail_no_gate(self):
        nothing = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32)
        found = spike_measures(*nothing, np.arange(100), 1e-3, 1000)
        assert np.isnan(list(found.values())).all()
        assert Gates().judge({"rate_max": 1.0, "rate_E": 1.0, **found}) == ""

    def test_rates(self):
        assert Gates().judge({"rate_max": 51.0, "rate_E": 3.0}) == "rate too high: 51 Hz"
        assert Gates().judge({"rate_max": 0.0, "rate_E": 0.0}) == "silent: 0 Hz"
        off = Gates(cv=None, isi_ms=None)
        assert off.judge({"rate_max": 1.0, "rate_E": 1.0, "cv": 0.1, "isi_ms": 1.0}) == ""

    def test_spectra(self, rng):
        t = np.arange(16_000) / 1600
        brown = rng.standard_normal(16_000).cumsum()
        plain = spectral_measures(brown, 1600.0)
        peaked = spectral_measures(brown + 300 * np.sin(2 * np.pi * 40 * t), 1600.0)
        assert plain["spectral_r2"] > 0.95
        assert peaked["peak_power"] > plain["peak_power"] + 1
        assert np.isnan(spectral_measures(np.zeros(1600), 1600.0)["spectral_r2"])


@pytest.fixture(scope="module")
def lifnet():
    return pytest.importorskip("neuroloom.lifnet")


class TestNetworkSimulator:
    def test_signals_and_measures(self, lifnet):
        run = NetworkSimulator("hagen_eighth", 0.5, 0.2)
        theta = np.array(list(HAGEN.values()))
        out = run(theta, Seed(1))
        assert out["reason"] == ""
        assert out["cdm"].shape == out["LRWS"].shape == (800,)
        for x in (out["cdm"], out["LRWS"]):  # no trace of what came before the first spike
            assert np.abs(x[:40] - x.mean()).max() < 6 * x.std()
        # An eighth of the size with eightfold weights: 7.6 and 11.8 Hz.
        assert out["rate_E"] == pytest.approx(7.6, rel=0.1)
        assert out["rate_I"] == pytest.approx(11.8, rel=0.1)
        again = run(theta, Seed(1))
        np.testing.assert_array_equal(out["LRWS"], again["LRWS"])
        assert not np.array_equal(out["LRWS"], run(theta, Seed(2))["LRWS"])

    def test_a_network_that_runs_away_is_stopped(self, lifnet):
        theta = np.array(list({**HAGEN, "J_EE": 4.0, "J_EI": -1.0, "J_ext": 45.0}.values()))
        out = NetworkSimulator("hagen_eighth", 1e6, 0.1)(theta, Seed(0))
        assert out["reason"].startswith("rate too high")
        assert "LRWS" not in out

    @pytest.mark.together
    @pytest.mark.slow
    def test_conductances(self, lifnet):
        theta = np.array(list(CAVALLARI.values()))
        out = NetworkSimulator("cavallari_eighth", 0.5, 0.2)(theta, Seed(0))
        assert "cdm" not in out
        assert out["LRWS"].shape == (800,)
        assert out["LRWS"].min() > 0  # AMPA inward, GABA outward: both count as positive
        assert 1 < out["rate_E"] < 20

    @pytest.mark.slow
    @pytest.mark.together
    def test_areas_have_signals_of_their_own(self, lifnet):
        theta = np.array(list(HAGEN.values()))
        out = NetworkSimulator("four_area_eighth", 0.3, 0.1)(theta, Seed(0))
        areas = ("frontal", "parietal", "temporal", "occipital")
        for kind in ("cdm", "LRWS"):
            parts = [out[f"{kind} {area}"] for area in areas]
            np.testing.assert_allclose(out[kind], np.sum(parts, axis=0))
            assert not np.array_equal(parts[0], parts[1])


class TestNetworkLibrary:
    @pytest.mark.together
    @pytest.mark.slow
    def test_batches_and_resume(self, lifnet, tmp_path):
        options = {"duration_s": 0.25, "transient_s": 0.1, "prior": SAFE, "progress": False}
        whole = network_library("hagen_eighth", 4, batch_size=4, seed=2, **options)
        folder = tmp_path / "lib"
        again = network_library("hagen_eighth", 4, batch_size=1, seed=2, folder=folder, **options)
        assert whole.digest == again.digest
        assert len(list((folder / "simulations").iterdir())) >= 4
        kept = network_library("hagen_eighth", 4, batch_size=1, seed=2, folder=folder, **options)
        assert kept.digest == whole.digest
        assert kept.provenance["model"]["name"] == "hagen_eighth"
        assert kept.rate_hz == 1600.0
        with pytest.raises(LibraryError, match="differs in"):
            network_library("cavallari_eighth", 4, folder=folder, progress=False)

    def test_bounds_of_another_model(self, lifnet):
        with pytest.raises(PriorError, match="expected the parameters"):
            network_library("hagen_eighth", 2, prior=Prior.box({"a": (0.0, 1.0)}))


def test_without_lifnet_the_error_names_the_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "neuroloom.lifnet", None)
    with pytest.raises(ImportError, match=r"circuit-inference\[simulate\]"):
        network_library("hagen", 1)
