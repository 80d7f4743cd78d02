from __future__ import annotations

import copy

import numpy as np
import pytest
import yaml

from neuroloom.lifnet import Config, copy_configs, load_config, save_config, shipped_configs
from neuroloom.lifnet.errors import ConfigError


@pytest.fixture
def mapping() -> dict:
    return load_config().to_mapping()


def test_shipped_configurations_are_there_and_load():
    names = shipped_configs()
    assert {
        "2_cluster_mf",
        "default_mf_params",
        "default_snn_params",
        "perturbed/default_snn_params_with_perturbation",
        "snn_long_run",
        "snn_test_run",
        "templates/mean_field_template",
        "templates/spiking_net_template",
    } == set(names)
    for name in names:
        if not name.startswith("templates"):
            assert isinstance(load_config(name), Config)


def test_shipped_values_are_those_of_the_published_table():
    default, test_run = load_config(), load_config("snn_test_run")
    assert default.architecture.clusters.j_potentiated == (16.85, 5.45, 6.25, 5.0)
    assert default.init_params.duration_sec == 2.5
    assert load_config("snn_long_run").init_params.duration_sec == 30
    assert test_run.arousal.level == 0.275
    assert test_run.settings.random_seed is None
    assert test_run.architecture == default.architecture
    perturbed = load_config("perturbed/default_snn_params_with_perturbation")
    assert perturbed.architecture.clusters.j_potentiated[0] == 16.25
    assert perturbed.arousal.level == 0.2
    assert set(perturbed.perturbation) == {"rate", "arousal_level"}
    two = load_config("2_cluster_mf")
    assert two.architecture.network.threshold == (4.86, 5.98)
    assert two.architecture.clusters.total_pops == 6


def test_templates_hold_every_key_empty(tmp_path):
    folder = copy_configs(tmp_path)
    template = yaml.safe_load((folder / "templates/spiking_net_template.yaml").read_text())
    full = load_config("perturbed/default_snn_params_with_perturbation").to_mapping()
    assert set(template) == set(full)
    for section in ("init_params", "external_currents", "stimulus", "settings", "arousal"):
        assert set(template[section]) == set(full[section])
        assert set(template[section].values()) == {None}
    for part in ("network", "clusters"):
        assert set(template["architecture"][part]) == set(full["architecture"][part])
    with pytest.raises(ConfigError, match=r"init_params\.n_neurons, .*: missing"):
        load_config(folder / "templates/spiking_net_template.yaml")


def test_a_configuration_survives_yaml(tmp_path):
    config = load_config("perturbed/default_snn_params_with_perturbation")
    path = save_config(config, tmp_path / "config.yaml")
    assert load_config(path) == config
    assert load_config(path.read_bytes()) == config


def test_copying_leaves_existing_files(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "2_cluster_mf.yaml").write_text("mine")
    for directory in (tmp_path, tmp_path / "configs"):
        assert copy_configs(directory) == tmp_path / "configs"
    assert (tmp_path / "configs" / "2_cluster_mf.yaml").read_text() == "mine"
    assert {p.name for p in tmp_path.iterdir()} == {"configs", "examples", "scripts"}


def test_numbers_that_yaml_leaves_as_text_are_read(mapping):
    mapping["init_params"]["delta_t"] = "5e-4"
    assert Config.from_mapping(mapping).init_params.delta_t == 0.0005


def test_with_value_changes_one_value_of_a_copy():
    config = load_config()
    changed = config.with_value(("architecture", "clusters", "j_potentiated", 0), 15.0)
    assert changed.architecture.clusters.j_potentiated == (15.0, 5.45, 6.25, 5.0)
    assert config.architecture.clusters.j_potentiated[0] == 16.85
    assert config.with_value("external_currents.c_ext.1", 100).external_currents.c_ext[1] == 100


BAD = [
    (("init_params", "n_neuron"), 5, r"init_params\.n_neuron: unknown key.*'n_neurons'"),
    (("arousel",), {}, "arousel: unknown key.*'arousal'"),
    (("perturbation",), {"treshold": {"params": [1]}}, "unknown target.*'threshold'"),
    (("perturbation",), {"rate": {"param": [1]}}, r"perturbation\.rate\.param: unknown key"),
    (("init_params", "n_neurons"), None, r"init_params\.n_neurons: missing"),
    (("init_params", "n_neurons"), 1999, "n_excitatory \\+ n_inhibitory = 2000, got 1999"),
    (("architecture", "clusters", "n_excitatory_background"), 161, "multiple of 18 clusters"),
    (("architecture", "clusters", "n_excitatory_background"), 1700, "at most the 1600"),
    (("architecture", "clusters", "total_pops"), 36, r"2 n_clusters \+ 2 = 38, got 36"),
    (("architecture", "clusters", "j_baseline"), [1.0, 2.0, 3.0], r"a list of 4"),
    (("external_currents", "c_ext"), [1, 2, 3, 4, 5], r"a list of 4"),
    (
        ("architecture", "clusters", "connectivity_fraction_probs"),
        [0.2, 0.5, 1.5, 0.5],
        r"connectivity_fraction_probs\[2\].*1\.5",
    ),
    (("architecture", "network", "tau_membrane"), -0.02, "tau_membrane"),
    (("architecture", "network", "tau_synaptic"), 0.0, "tau_synaptic"),
    (("architecture", "network", "tau_refractory"), -1, "tau_refractory"),
    (("architecture", "network", "tau_membrane"), [0.02, 0.02, 0.02], "one value, two"),
    (("init_params", "delta_t"), 0, "delta_t"),
    (("init_params", "delta_t"), 0.003, "half the shortest time constant"),
    (("architecture", "network", "threshold"), [1.5, -0.1], "above the reset"),
    (("architecture", "network", "j_ext"), [float("nan"), 1, 1, 1], "finite"),
    (("arousal", "level"), 1.2, r"arousal\.level.*\[0, 1\].*1\.2"),
    (("init_params", "mechanism"), "heun", "'analytic', 'exact', 'euler'"),
    (("stimulus", "stimulus_shape"), "circle", "'box', 'linear', 'diff2exp'"),
    (("stimulus", "onsets"), [[0.5, 0.2]], "onset < offset"),
    (("settings", "save"), "yes", "True or False"),
]


@pytest.mark.parametrize(("path", "value", "message"), BAD)
def test_bad_values_are_refused_by_their_path(mapping, path, value, message):
    here = mapping
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = value
    before = copy.deepcopy(mapping)
    with pytest.raises(ConfigError, match=message):
        Config.from_mapping(mapping)
    assert repr(mapping) == repr(before)


def test_what_is_no_configuration_is_refused(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1, 2")
    with pytest.raises(ConfigError, match="expected YAML"):
        load_config(broken)
    broken.write_text("just text")
    with pytest.raises(ConfigError, match="mapping"):
        load_config(broken)
    with pytest.raises(ConfigError, match=r"2_cluster_mf.*no such file"):
        load_config("nowhere.yaml")


def test_the_old_flat_perturbation_means_rate(mapping):
    mapping["perturbation"] = {"vectors": [[1.0, -1.0]], "involved_clusters": [0, 1], "params": [2]}
    config = Config.from_mapping(mapping)
    assert list(config.perturbation) == ["rate"]
    assert config.perturbation["rate"].vectors == ((1.0, -1.0),)


def test_numpy_values_are_read(mapping):
    mapping["external_currents"]["c_ext"] = np.array([320, 320, 0, 0])
    mapping["arousal"]["level"] = np.float32(0.5)
    config = Config.from_mapping(mapping)
    assert config.external_currents.c_ext == (320.0, 320.0, 0.0, 0.0)
    assert config.to_mapping()["external_currents"]["c_ext"] == [320.0, 320.0, 0.0, 0.0]


def test_a_template_needs_only_what_has_no_default(tmp_path, mapping):
    path = copy_configs(tmp_path) / "templates/spiking_net_template.yaml"
    template = yaml.safe_load(path.read_text())
    for section in ("init_params", "architecture", "external_currents"):
        template[section] = mapping[section]
    config = Config.from_mapping(template)
    assert not config.perturbation
    assert (
        config.stimulus == load_config({k: template[k] for k in template if template[k]}).stimulus
    )
