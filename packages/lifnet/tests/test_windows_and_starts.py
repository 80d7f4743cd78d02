"""Windows that hold no step, stimuli of nobody, solves that only the flow brings to their end."""

import warnings

import numpy as np
import pytest

from neuroloom import lifnet
from neuroloom.lifnet import theory
from neuroloom.lifnet.errors import PlausibilityWarning, RoundingWarning, SimulationError

STEP = 5e-4


def _stimulated(onsets, **more):
    config = lifnet.load_config("2_cluster_mf").with_value("init_params.delta_t", STEP)
    given = config.to_mapping()["stimulus"]
    new = {**given, "stimulus_shape": "box", "amplitude": 5.0, "onsets": onsets, **more}
    return config.with_value("stimulus", new)


def _perturbed(onset, offset):
    when = {"shape": "hat", "onset_time": onset, "offset_time": offset}
    block = {"vectors": [[1.0]], "involved_clusters": [0], "params": [5.0], "time_dependence": when}
    config = lifnet.load_config("2_cluster_mf").with_value("init_params.delta_t", STEP)
    return config.with_value("perturbation", {"rate": block})


@pytest.mark.filterwarnings("ignore::neuroloom.lifnet.errors.RoundingWarning")
@pytest.mark.parametrize(
    "config", [_stimulated([[0.01, 0.0102]]), _perturbed(0.01, 0.0102)], ids=["stimulus", "rate"]
)
def test_what_lies_within_a_step_warns(config):
    network = lifnet.ClusteredNetwork.from_config(config, seed=1)
    for run in (
        lambda: network.simulate(duration=0.02, seed=1),
        lambda: theory.mean_field_trajectory(config, np.zeros(6), duration=0.02),
        lambda: lifnet.load_config(config.to_mapping()),
    ):
        with pytest.warns(PlausibilityWarning, match=r"0\.01 to 0\.0102 s, which no step"):
            run()


@pytest.mark.parametrize("coarse", [5e-4, 1e-3])
def test_times_between_steps_warn_with_what_they_become(coarse):
    network = lifnet.ClusteredNetwork.from_config(_stimulated([[0.01, 0.0155]]), seed=1)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        network.simulate(duration=0.02, delta_t=coarse, seed=1)
    words = [str(w.message) for w in told if issubclass(w.category, RoundingWarning)]
    assert len(words) == (coarse == 1e-3)  # 15.5 steps of 1 ms, 31 of half of that
    assert all("0.0155 s is not a multiple" in text and "0.016 s" in text for text in words)


@pytest.mark.parametrize("share", ["stimulated_clusters_prob", "stimulated_neuron_prob"])
def test_a_stimulus_of_no_neuron_warns(share):
    # 1e-3 of two clusters, and of their 80 neurons each, is none.
    config = _stimulated([[0.001, 0.005]], **{share: 1e-3})
    network = lifnet.ClusteredNetwork.from_config(config, seed=1)
    with pytest.warns(PlausibilityWarning, match="reaches no neuron"):
        network.simulate(duration=0.01, seed=1)


@pytest.mark.slow
def test_a_solve_finds_the_only_fixed_point_where_newton_is_stuck():
    """Long integration by Euler's method, from every start, is the independent answer."""
    field = lifnet.LIFMeanField(
        0,
        [[400, 100], [400, 100]],
        [[0.1, -0.45], [0.12, -0.4]],
        j_ext=0.15,
        c_ext=1000,
        nu_ext=7.0,
        tau_membrane=[0.02, 0.01],
        tau_synaptic=0.0,
        threshold=20.0,
        reset_voltage=10.0,
        tau_refractory=0.002,
    )
    starts = np.array([[0.0, 0.0], [5.0, 5.0], [10.0, 3.0], [1.0, 8.0], [20.0, 20.0]])
    flow = starts.copy()
    for _ in range(2000):
        flow += 2e-4 / np.array([0.02, 0.01]) * (field.response(flow) - flow)
    assert np.ptp(flow, axis=0).max() < 1e-3
    for start in starts:
        found = field.solve_rates(start)
        assert found.converged
        np.testing.assert_allclose(found.x, flow[0], rtol=1e-4)
        assert found.residual == pytest.approx(np.abs(found.x - field.response(found.x)).max())
    assert field.solve_many(starts).converged.all()
    assert not field.solve_many(starts, persist=False).converged.all()


def test_what_cannot_fit_is_refused_before_it_is_made():
    field = lifnet.LIFMeanField.from_config("2_cluster_mf")
    with pytest.raises(SimulationError, match=r"memory: expected .*starts"):
        lifnet.fixed_points(field, n_starts=10**12)
    with pytest.raises(SimulationError, match=r"memory: expected .*starts"):
        lifnet.FullMeanFieldStager("2_cluster_mf").run(n_runs=10**12)


def test_a_raster_that_cannot_fit_is_refused(monkeypatch):
    run = lifnet.ClusteredNetwork.from_config("2_cluster_mf", seed=1).simulate(
        duration=0.01, seed=1
    )
    monkeypatch.setattr("neuroloom.lifnet._engine._memory.available_memory", lambda: 100)
    with pytest.raises(SimulationError, match=r"raster .*spike_steps"):
        run.raster()
