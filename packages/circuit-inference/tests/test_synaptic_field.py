"""Synaptic fields against their spectrum in closed form."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import welch

from neuroloom.circuit_inference.errors import PriorError
from neuroloom.circuit_inference.libraries import FIELD_PRIOR, field_library, synaptic_field


def test_the_spectrum_is_that_of_filtered_input():
    tau_e, tau_i, ratio, exponent = 2.0, 20.0, 3.0, 1.0
    x = synaptic_field([[tau_e, tau_i, ratio, exponent]], duration_s=400.0, seed=1)[0]
    freqs, power = welch(x, 1000.0, nperseg=1000)
    used = (freqs >= 3) & (freqs <= 300)
    f = freqs[used]
    expected = np.zeros_like(f)
    for tau, weight in ((tau_e, 1.0), (tau_i, ratio)):
        # A synapse that rises with time constant r and decays with d has the gain
        # 1 / ((1 + i ω r)(1 + i ω d)).
        gain = 1 / ((1 + 2j * np.pi * f * tau / 5e3) * (1 + 2j * np.pi * f * tau / 1e3))
        expected += weight * np.abs(gain) ** 2 / f**exponent
    ratio_of_both = power[used] / expected
    assert np.std(np.log(ratio_of_both)) < 0.08


@pytest.mark.parametrize("tau", [5.0, 50.0])
def test_two_orders_steeper_above_each_knee(tau):
    x = synaptic_field([[1.0, tau, 1e6, 0.0]], duration_s=100.0, seed=2)[0]
    freqs, power = welch(x, 1000.0, nperseg=1000)
    part = (freqs >= 10) & (freqs <= 25)
    slope = -np.polyfit(np.log(freqs[part]), np.log(power[part]), 1)[0]
    # Of a first-order filter: 2 (f/c)² / (1 + (f/c)²) about the middle, c = 1 / (2π τ).
    squares = [(2 * np.pi * 16 * t / 1e3) ** 2 for t in (tau, tau / 5)]
    assert slope == pytest.approx(sum(2 * s / (1 + s) for s in squares), abs=0.25)


def test_libraries():
    library = field_library(5, duration_s=1.0, progress=False, seed=1)
    assert library.prior == FIELD_PRIOR
    assert library.signals["lfp"].shape == (5, 1000)
    assert FIELD_PRIOR.contains(library.theta).all()
    with pytest.raises(PriorError, match="positive"):
        synaptic_field([[1.0, -2.0, 1.0, 0.0]])


@pytest.mark.slow
def test_the_how_to_of_a_recording_runs(tmp_path, monkeypatch):
    page = Path(__file__).parents[3] / "docs" / "circuit-inference" / "how-to.md"
    if not page.is_file():
        pytest.skip("the docs are not here")
    part = page.read_text().split("## An answer for a recording")[1]
    code = re.search(r"```python\n(.*?)```", part, re.DOTALL).group(1)
    lfp = synaptic_field([[2.0, 15.0, 3.0, 1.2]], duration_s=20.0, seed=5)[0]
    np.savez(tmp_path / "ca1.npz", lfp=lfp, fs=1000.0)
    monkeypatch.chdir(tmp_path)
    names = {}
    small = code.replace("field_library(500", "field_library(60, progress=False")
    exec("import neuroloom.circuit_inference as ci\n" + small, names)
    posterior = names["posterior"]
    assert len(posterior) == 4
    assert (posterior.ood_p >= 0.01).all()
    assert posterior.contraction.shape == (4, 4)
