"""What the package's top holds, and where names of the last version went."""

from __future__ import annotations

import importlib

import pytest

from neuroloom import lifnet

SUBMODULES = ("analysis", "clustered", "engine", "errors", "models", "network", "plots", "theory")


def test_the_top_is_small_and_whole():
    assert len(lifnet.__all__) <= 40
    assert all(hasattr(lifnet, name) for name in lifnet.__all__)
    assert set(SUBMODULES) <= set(lifnet.__all__)


@pytest.mark.parametrize("name", sorted(lifnet._MOVED))
def test_an_old_name_warns_and_is_the_same_object(name):
    place = importlib.import_module(f"neuroloom.lifnet.{lifnet._MOVED[name]}")
    with pytest.warns(DeprecationWarning, match=rf"{place.__name__}\.{name}"):
        assert getattr(lifnet, name) is getattr(place, name)
    assert name in place.__all__


def test_a_name_that_never_was_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'Simulator'"):
        lifnet.Simulator  # noqa: B018


def test_paths_of_the_seed_system_hold():
    for path, name in {
        "core.spiking_net": "LIFNet",
        "core.spiking_net.analysis.analyzer": "Analyzer",
        "core.mean_field.core": "LIFMeanField",
        "execution": "Logger",
        "execution.repeater": "Repeater",
        "execution.stagers": "StageSNNSimulation",
        "execution.stagers.mean_field": "FullMeanFieldStager",
        "execution.sweep.mean_field": "MeanFieldBaseSweepRunner",
        "execution.sweep.spiking_net": "SNNBaseSweepRunner",
    }.items():
        assert hasattr(importlib.import_module(f"neuroloom.lifnet.{path}"), name)
