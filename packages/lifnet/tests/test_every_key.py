"""Every key of the YAML schema does something, and what it says."""

from __future__ import annotations

import copy
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuroloom.lifnet import ClusteredNetwork, LIFMeanField, StageSNNSimulation, load_config
from neuroloom.lifnet._clustered._stimulus import stimulated_neurons, waveform
from neuroloom.lifnet._config._schema import (
    ArousalParams,
    ClusterParams,
    ExternalCurrents,
    InitParams,
    NetworkParams,
    Settings,
    StimulusParams,
)
from neuroloom.lifnet.clustered import clustered_parameters

STIMULUS = {"onsets": [0.02], "amplitude": 200.0, "stimulus_shape": "box"}


def small() -> dict[str, Any]:
    """A network of 300 neurons in 2 clusters with a stimulus, quick to run."""
    mapping = load_config().to_mapping()
    mapping["init_params"] |= {
        "n_neurons": 300,
        "n_excitatory": 240,
        "n_inhibitory": 60,
        "duration_sec": 0.1,
    }
    mapping["architecture"]["clusters"] |= {
        "n_excitatory_background": 80,
        "n_inhibitory_background": 20,
        "n_clusters": 2,
        "total_pops": 6,
        "j_potentiated": [2.0, 1.5, 1.5, 1.5],
    }
    mapping["stimulus"] |= STIMULUS
    return mapping


def changed(path: str, value: Any) -> dict[str, Any]:
    mapping = copy.deepcopy(small())
    *parents, last = path.split(".")
    here = mapping
    for part in parents:
        here = here[part]
    here[last] = value
    return mapping


def spikes(mapping: dict[str, Any], seed: int = 1) -> tuple[int, ...]:
    run = ClusteredNetwork.from_config(mapping, seed=seed).simulate(seed=2)
    return tuple((run.spike_steps * run.n_neurons + run.spike_ids).tolist())


BOTH = {
    "architecture.network.tau_membrane": 0.03,
    "architecture.network.tau_synaptic": 0.003,
    "architecture.network.tau_refractory": 0.01,
    "architecture.network.threshold": [1.3, 0.7],
    "architecture.network.reset_voltage": -0.5,
    "architecture.network.j_ext": [2.5, 2.3, 0.0, 0.0],
    "architecture.clusters.connectivity_fraction_probs": [0.3, 0.5, 0.5, 0.5],
    "architecture.clusters.j_baseline": [0.9, 0.63, -1.9, -3.8],
    "architecture.clusters.j_potentiated": [1.2, 1.5, 1.5, 1.5],
    "architecture.clusters.potentiate": False,
    "external_currents.c_ext": [350, 320, 0, 0],
    "external_currents.nu_ext_baseline": [8.0, 7.0, 0.0, 0.0],
    "arousal.level": 0.8,
    "arousal.L": 0.2,
    "arousal.x_0": 0.5,
    "arousal.k": 3.0,
    "arousal.M": 40.0,
}


@pytest.fixture(scope="module")
def plain() -> tuple[int, ...]:
    return spikes(small())


@pytest.mark.parametrize("path", sorted(BOTH))
def test_keys_that_act_in_both_halves(path, plain):
    mapping = changed(path, BOTH[path])
    assert spikes(mapping) != plain
    nu = np.full(6, 5.0)
    moved = LIFMeanField.from_config(mapping).response(nu)
    assert np.abs(moved - LIFMeanField.from_config(small()).response(nu)).max() > 1e-4


def test_the_last_items_of_four_are_afferents_from_inhibition(plain):
    mapping = small()
    mapping["external_currents"] |= {
        "c_ext": [320, 320, 100, 50],
        "nu_ext_baseline": [7.0, 7.0, 5.0, 3.0],
    }
    mapping["architecture"]["network"]["j_ext"] = [2.3, 2.3, -1.0, -2.0]
    assert len(spikes(mapping)) < len(plain)
    parameters = clustered_parameters(load_config(mapping))
    assert parameters.c_ext[1].tolist() == [100] * 3 + [50] * 3
    assert parameters.nu_ext[1].tolist() == [5.0] * 3 + [3.0] * 3
    np.testing.assert_allclose(parameters.j_ext[1] * np.sqrt(300), [-1.0] * 3 + [-2.0] * 3)
    field = LIFMeanField.from_config(mapping)
    assert (field.moments(np.full(6, 5.0))[0] < LIFMeanField.from_config(small()).moments(
        np.full(6, 5.0)
    )[0]).all()  # fmt: skip


def test_sizes_and_clusters():
    parameters = clustered_parameters(load_config(small()))
    assert parameters.sizes.tolist() == [80, 80, 80, 20, 20, 20]
    assert parameters.names == ["E1", "E2", "Eb", "I1", "I2", "Ib"]
    mapping = small()
    mapping["architecture"]["clusters"] |= {
        "n_excitatory_background": 0,
        "n_inhibitory_background": 0,
        "n_clusters": 4,
        "total_pops": 10,
    }
    assert clustered_parameters(load_config(mapping)).sizes.tolist() == [60] * 4 + [0] + [
        15,
        15,
        15,
        15,
        0,
    ]


def test_step_duration_and_mechanism(plain):
    run = ClusteredNetwork.from_config(small(), seed=1).simulate(seed=2)
    assert (run.n_steps, run.delta_t) == (200, 0.5e-3)
    longer = changed("init_params.duration_sec", 0.15)
    assert ClusteredNetwork.from_config(longer, seed=1).simulate(seed=2).n_steps == 300
    finer = changed("init_params.delta_t", 0.25e-3)
    assert ClusteredNetwork.from_config(finer, seed=1).simulate(seed=2).n_steps == 400
    assert spikes(changed("init_params.mechanism", "euler")) != plain
    assert spikes(changed("init_params.mechanism", "exact")) == plain


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stimulus_shape", "linear"),
        ("onsets", [0.05]),
        ("amplitude", 100.0),
        ("stimulated_clusters_prob", 1.0),
        ("stimulated_neuron_prob", 1.0),
    ],
)
def test_keys_of_the_stimulus(plain, key, value):
    assert spikes(changed(f"stimulus.{key}", value)) != plain


def test_shapes_of_the_stimulus():
    def wave(**values):
        return waveform(StimulusParams(**values), 2000, 0.5e-3)

    box = wave(stimulus_shape="box", onsets=[[0.2, 0.5]], amplitude=3.0)
    assert np.flatnonzero(box).tolist() == list(range(400, 1000))
    assert set(box) == {0.0, 3.0}
    ramp = wave(stimulus_shape="linear", onsets=[[0.2, 0.5]], amplitude=3.0)
    np.testing.assert_allclose(ramp[400:1000], 3.0 * np.arange(600) / 600, atol=1e-12)
    for shape, number in (("box", 1), ("linear", 2), ("diff2exp", 3)):
        options = {"onsets": [[0.2, 0.5]], "amplitude": 3.0}
        np.testing.assert_array_equal(
            wave(stimulus_shape=shape, **options), wave(stimulus_shape=number, **options)
        )
    bump = wave(stimulus_shape="diff2exp", onsets=0.1, amplitude=3.0, tau_rise=0.02, tau_decay=0.1)
    assert bump.max() == pytest.approx(3.0, rel=1e-4)
    # The peak of a difference of exponentials is at ln(τ_d/τ_r) τ_r τ_d / (τ_d − τ_r).
    expected = 0.1 + np.log(5) * 0.02 * 0.1 / 0.08
    assert bump.argmax() * 0.5e-3 == pytest.approx(expected, abs=0.5e-3)
    assert not bump[:200].any()
    slower = wave(stimulus_shape="diff2exp", onsets=0.1, amplitude=3.0, tau_rise=0.02)
    assert slower.shape == bump.shape
    faster = wave(
        stimulus_shape="diff2exp", onsets=0.1, amplitude=3.0, tau_rise=0.01, tau_decay=0.1
    )
    assert faster.argmax() < bump.argmax()
    assert wave(stimulus_shape="box", onsets=[0.1, [0.2, 0.3]], amplitude=1.0).max() == 2.0


def test_who_is_stimulated():
    parameters = clustered_parameters(load_config())
    params = StimulusParams(stimulated_clusters_prob=0.5, stimulated_neuron_prob=0.25)
    chosen = stimulated_neurons(params, parameters, seed=3)
    per_population = np.bincount(parameters.population, chosen, minlength=38)
    assert sorted(per_population[:18]) == [0] * 9 + [20] * 9
    assert not per_population[18:].any()
    other = stimulated_neurons(params, parameters, seed=4)
    assert not np.array_equal(chosen, other)


def test_settings(tmp_path):
    mapping = small()
    mapping["settings"] = {
        "save": True,
        "plot": True,
        "save_dir": str(tmp_path),
        "sim_name": "named",
        "random_seed": 5,
    }
    by_setting = StageSNNSimulation(mapping).execute(output_keys=["spikes"])["spikes"]
    assert (tmp_path / "named" / "data" / "outputs.npz").is_file()
    assert (tmp_path / "named" / "plots" / "spike_raster.png").is_file()
    by_argument = StageSNNSimulation(small(), 5).run(output_keys=["spikes"])["spikes"]
    np.testing.assert_array_equal(by_setting, by_argument)
    mapping["settings"] |= {"save": False, "plot": False, "sim_name": "quiet", "random_seed": 6}
    other = StageSNNSimulation(mapping).execute(output_keys=["spikes"])["spikes"]
    assert not (tmp_path / "quiet").exists()
    assert not np.array_equal(other, by_setting)
    mapping["settings"]["random_seed"] = None
    drawn = {StageSNNSimulation(mapping).random_seed for _ in range(3)}
    assert len(drawn) == 3


def test_this_file_leaves_out_no_key():
    here = Path(__file__).read_text(encoding="utf-8")
    sections = (InitParams, NetworkParams, ClusterParams, ExternalCurrents, StimulusParams)
    for section in (*sections, Settings, ArousalParams):
        for spec in fields(section):
            assert f"{spec.name}" in here, spec.name
