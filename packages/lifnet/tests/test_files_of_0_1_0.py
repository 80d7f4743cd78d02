"""Configurations and spikes that version 0.1.0 wrote are read, and hold what they held."""

import json
from pathlib import Path

from neuroloom import lifnet
from neuroloom.lifnet._analysis._sessions import load_spikes

FILES = Path(__file__).parent / "files" / "version-0.1.0"


def test_a_configuration_is_the_same():
    assert lifnet.load_config(FILES / "config.yaml") == lifnet.load_config("2_cluster_mf")


def test_spikes_are_the_same():
    spikes = load_spikes(FILES / "spikes.npz")
    expected = json.loads((FILES / "expected.json").read_text())
    assert len(spikes.steps) == len(spikes.neurons) == expected["n_spikes"]
    assert (spikes.n_steps, spikes.n_neurons) == (200, 800)
    assert spikes.steps.max() < 200
