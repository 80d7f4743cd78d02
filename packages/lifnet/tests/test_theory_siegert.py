from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroloom.lifnet import LIFMeanField, LifnetError
from neuroloom.lifnet._theory._siegert import SHIFT, response
from neuroloom.lifnet.theory import siegert

WHITE = {"tau_membrane": 0.02, "threshold": 20.0, "reset_voltage": 10.0, "tau_refractory": 0.002}


def precise(mu, sigma, *, tau_membrane, threshold, reset_voltage, tau_refractory, tau_synaptic=0.0):
    """Return the rate by 40-digit quadrature of the textbook integral."""
    with mpmath.workdps(40):
        shift = abs(mpmath.zeta(0.5)) / mpmath.sqrt(2) * mpmath.sqrt(tau_synaptic / tau_membrane)
        a = mpmath.mpf(reset_voltage - mu) / sigma + shift
        c = mpmath.mpf(threshold - mu) / sigma + shift
        points = sorted({a, c, *(p for p in (mpmath.mpf(0), (a + c) / 2) if a < p < c)})
        area = mpmath.quad(lambda u: mpmath.exp(u**2) * mpmath.erfc(-u), points)
        return float(1 / (tau_refractory + tau_membrane * mpmath.sqrt(mpmath.pi) * area))


@pytest.mark.parametrize(
    ("mu", "sigma", "rate"),
    [
        (15, 5, 9.461),
        (18, 2, 7.668),
        (20, 1, 14.763),
        (20, 5, 27.341),
        (25, 3, 44.071),
        (30, 10, 73.363),
        (10, 3, 0.0013),
    ],
)
def test_rates_of_a_single_neuron(mu, sigma, rate):
    # Given to the last digit shown.
    assert siegert(mu, sigma, **WHITE) == pytest.approx(rate, abs=1e-3 if rate > 1 else 1e-4)


def test_rates_agree_with_thirty_digits_on_the_reference_grid(oracle):
    columns = oracle["siegert"]["columns"]
    assert columns[:7] == ["theta", "V_reset", "tau_m", "tau_s", "tau_ref", "mu", "sigma"]
    for theta, reset, tau, tau_s, tau_ref, mu, sigma, rate in oracle["siegert"]["rows"]:
        ours = siegert(
            mu,
            sigma,
            tau_membrane=tau,
            threshold=theta,
            reset_voltage=reset,
            tau_refractory=tau_ref,
            tau_synaptic=tau_s,
        )
        assert float(ours) == pytest.approx(float(rate), rel=1e-12, abs=1e-300)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    mu=st.floats(-5, 400),
    sigma=st.floats(0.05, 300),
    gap=st.floats(0.01, 30),
    tau_synaptic=st.floats(0, 0.02),
)
def test_rates_agree_with_quadrature_far_from_the_grid(mu, sigma, gap, tau_synaptic):
    values = {**WHITE, "reset_voltage": 20.0 - gap, "tau_synaptic": tau_synaptic}
    expected = precise(mu, sigma, **values)
    assert float(siegert(mu, sigma, **values)) == pytest.approx(expected, rel=1e-11, abs=1e-280)


def test_no_noise_is_the_deterministic_neuron():
    rate = 1 / (0.002 + 0.02 * np.log((25 - 10) / (25 - 20)))
    assert siegert(25.0, 0.0, **WHITE) == pytest.approx(rate, rel=1e-14)
    assert siegert(25.0, 1e-6, **WHITE) == pytest.approx(rate, rel=1e-9)
    assert siegert(19.0, 0.0, **WHITE) == 0.0


def test_derivatives_are_those_of_central_differences():
    mu, sigma = np.meshgrid(np.linspace(-1, 4, 11), np.linspace(0.1, 3, 7))
    shape = np.ones_like(mu)
    rest = (0.02 * shape, 1.5 * shape, 0 * shape, 0.005 * shape, SHIFT * 0.5 * shape)
    answer = response(mu, sigma, *rest)
    h = 1e-5
    by_mu = (response(mu + h, sigma, *rest).rate - response(mu - h, sigma, *rest).rate) / (2 * h)
    by_sigma = (response(mu, sigma + h, *rest).rate - response(mu, sigma - h, *rest).rate) / (2 * h)
    np.testing.assert_allclose(answer.by_mu, by_mu, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(answer.by_sigma, by_sigma, rtol=1e-6, atol=1e-7)


BRUNEL = [
    (10, 3, 2, 327.0),
    (10, 4.5, 0.9, 6.517),
    (10, 5, 2, 37.95),
    (10, 5, 4, 90.73),
    (10, 6, 4, 55.84),
    (10, 8, 2, 12.99),
    (0, 3, 2, 194.8),
    (0, 4.5, 0.9, 5.832),
    (0, 5, 2, 32.03),
    (0, 5, 4, 73.01),
    (0, 6, 4, 49.15),
    (0, 8, 2, 12.41),
]


@pytest.mark.parametrize(("reset", "g", "eta", "rate"), BRUNEL)
def test_rates_of_brunel_model_a(reset, g, eta, rate):
    threshold_rate = 20.0 / (0.1 * 1000 * 0.02)
    field = LIFMeanField(
        1,
        [[1000, 250], [1000, 250]],
        [[0.1, -0.1 * g], [0.1, -0.1 * g]],
        j_ext=0.1,
        c_ext=1000,
        nu_ext=eta * threshold_rate,
        tau_membrane=0.02,
        tau_synaptic=0.0,
        threshold=20.0,
        reset_voltage=reset,
        tau_refractory=0.002,
    )
    found = {
        round(float(s.x[0]), 6)
        for start in (5, 30, 100, 300)
        if (s := field.solve_rates([start, start])).success and s.x[0] > 0.1
    }
    tolerance = 0.01 if rate < 100 else 0.05  # as many digits as are given
    assert any(abs(value - rate) <= tolerance for value in found), found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sigma": -1.0}, "sigma"),
        ({"mu": np.nan}, "mu.*finite"),
        ({"tau_membrane": 0.0}, "tau_membrane.*positive"),
        ({"tau_synaptic": -1.0}, "tau_synaptic"),
        ({"reset_voltage": 20.0}, "threshold"),
    ],
)
def test_impossible_neurons_are_refused(change, message):
    values = {"mu": 20.0, "sigma": 5.0, **WHITE, **change}
    with pytest.raises(LifnetError, match=message):
        siegert(values.pop("mu"), values.pop("sigma"), **values)
