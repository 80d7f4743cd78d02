"""What the how-to pages say about comparisons runs as printed, with fewer simulations."""

import re
from pathlib import Path

import numpy as np
import pytest

import neuroloom.circuit_inference as ci

PAGE = Path(__file__).parents[3] / "docs" / "circuit-inference" / "how-to.md"
OPTIONS = {"duration_s": 5.0, "rate_hz": 250.0, "progress": False}


def block(title):
    if not PAGE.is_file():
        pytest.skip("the docs are not here")
    part = PAGE.read_text().split(f"## {title}\n")[1]
    return re.search(r"```python\n(.*?)```", part, re.DOTALL).group(1)


@pytest.fixture
def names():
    features = ci.FeatureSet(ci.Aperiodic((2, 45)), ci.BandPower(((2, 6), (6, 20), (20, 45))))
    theta = np.repeat([[2.0, 15.0, 3.0, 1.2]], 20, axis=0)
    epochs = ci.libraries.synaptic_field(theta, duration_s=5.0, rate_hz=250.0, seed=5)
    table = features.compute(epochs, rate=250.0)
    return {
        "ci": ci,
        "features": features,
        "epochs": epochs,
        "first": table,
        "second": table,
        "recorder": ci.forward.Recorder(background=(0, 0), sensor=(1e-4, 0.05)),
        "library": ci.libraries.field_library(60, **OPTIONS, seed=1),
        "field_library": ci.libraries.field_library(60, **OPTIONS, seed=1),
        "shot_noise_library": ci.gao_library(60, **OPTIONS, seed=2),
    }


def test_which_model_class(names):
    exec(block("Ask which model class made a recording"), names)
    frame = names["found"].to_frame()
    assert list(frame)[:3] == ["P(field)", "P(shot noise)", "P(noise)"]
    assert len(frame) == 20


def test_which_way(names, capsys):
    code = block("Ask which way two conditions differ")
    small = code.replace("3000", "60").replace("seed=1,\n", "progress=False, seed=1,\n", 1)
    assert small != code
    exec(small, names)
    assert names["answer"].verdict == "cannot be said"  # the same epochs twice
    assert capsys.readouterr().out.startswith("cannot be said")


def test_blind_spots(names):
    exec("table = " + block("Ask what the outsider test cannot see").lstrip(), names)
    assert list(names["table"]) == ["found", "meaning"]
