"""The generators hold what their documents promise: truth, lag, memory, shape."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuroloom.mi import _direct as direct
from neuroloom.mi import datasets
from neuroloom.mi._errors import InsufficientDataError, OptionError


def correlation(x, y, lag):
    """Correlation of x[t] with y[t + lag]."""
    n = x.shape[1]
    return np.corrcoef(x[0, : n - lag], y[0, lag:])[0, 1]


@pytest.mark.parametrize(("dim", "mi"), [(1, 1.0), (5, 2.0), (10, 6.0)])
def test_gaussians_have_the_information_asked_for(dim, mi):
    x, y = datasets.generate_correlated_gaussians(20_000, dim, mi, use_torch=False, seed=0)
    assert direct.gaussian(x, y) / np.log(2) == pytest.approx(mi, rel=0.03)


def test_latent_data_can_be_inverted_to_their_latents():
    x, _ = datasets.generate_nonlinear_from_latent(5000, 2, 50, 3.0, use_torch=False, seed=1)
    singular = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    assert (singular > 1e-9 * singular[0]).sum() >= 2


def test_xor_is_in_both_and_in_neither():
    x, y = datasets.generate_xor_data(4000, use_torch=False, seed=2)
    label = (2 * x[:, 0] + x[:, 1]).astype(int)
    assert direct.ross(label, y) / np.log(2) == pytest.approx(1.0, abs=0.03)
    assert abs(direct.ross(x[:, 0].astype(int), y)) / np.log(2) < 0.02


@pytest.mark.parametrize(
    ("generate", "lag"),
    [
        (lambda: datasets.generate_linear_data(3000, 17, 0.2, seed=3), 17),
        (lambda: datasets.generate_full_data(3000, 30, 1, 0.1, seed=3), 30),
        (lambda: datasets.generate_history_data(3000, 1, 0.1, seed=3), 0),
    ],
    ids=["linear", "full", "history"],
)
def test_y_follows_x_by_the_true_lag(generate, lag):
    x, y = generate()
    values = [correlation(x, y, k) for k in range(60)]
    assert int(np.argmax(values)) == lag


def test_convolved_data_follow_rather_than_lead():
    x, y = datasets.generate_temporally_convolved_data(2000, 30, 0.0, use_torch=False, seed=4)
    np.testing.assert_array_equal(y[0, 30:], x[0, :-30])


def test_history_reaches_exactly_as_far_as_stated():
    x, y = datasets.generate_history_data(50_000, 5, 0.0, seed=5)
    reach = [correlation(x, y, k) for k in range(8)]
    assert min(reach[:5]) > 0.3
    assert max(np.abs(reach[5:])) < 0.03


def test_squared_data_are_uncorrelated_and_dependent():
    x, y = datasets.generate_nonlinear_data(4000, 5, 0.1, seed=6)
    assert abs(correlation(x, y, 5)) < 0.08
    assert direct.ksg(x[:, :-5].T, y[:, 5:].T) > 0.8


def test_responses_start_a_lag_after_each_event():
    x, y = datasets.generate_event_related_data(
        2000, lag=12, n_events=1, response_length=8, noise=0.0, use_torch=False, seed=7
    )
    (event,) = np.flatnonzero(x[0])
    response = np.sin(2 * np.pi * np.arange(8) / 8)
    np.testing.assert_allclose(y[0, event + 12 : event + 20], response, atol=1e-12)
    assert np.count_nonzero(y[0, : event + 12]) == 0


def test_spikes_are_copied_with_the_delay():
    x, y = datasets.generate_correlated_spike_trains(2, 50.0, 5.0, 0.02, 0.0, seed=8)
    inside = x[0] + 0.02 < 50.0
    np.testing.assert_allclose(y[0], x[0][inside] + 0.02)


def test_categories_have_the_information_stated():
    x, y = datasets.generate_correlated_categorical_series(40_000, 1, 3, 0.9, seed=9)
    truth = np.log(3) + 0.9 * np.log(0.9) + 0.1 * np.log(0.05)
    assert direct.plugin(x[0], y[0]) == pytest.approx(truth, abs=0.02)


def test_seed_repeats_and_none_does_not():
    one, two = (datasets.generate_linear_data(100, 5, seed=1)[0] for _ in range(2))
    np.testing.assert_array_equal(one, two)
    three, four = (datasets.generate_linear_data(100, 5)[0] for _ in range(2))
    assert not np.array_equal(three, four)


def test_tensors_come_by_default():
    x, y = datasets.generate_correlated_gaussians(10, 2, 1.0, seed=0)
    assert isinstance(x, torch.Tensor)
    assert y.dtype == torch.float32


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 — the state that must not change
    datasets.generate_xor_data(10, seed=0)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: datasets.generate_correlated_gaussians(0, 1, 1.0), OptionError, "n_samples"),
        (lambda: datasets.generate_correlated_gaussians(10, 1, -1.0), OptionError, "mi"),
        (lambda: datasets.generate_linear_data(10, 50), InsufficientDataError, "lag of 50"),
        (lambda: datasets.generate_xor_data(10, noise=-1), OptionError, "noise"),
        (lambda: datasets.generate_event_related_data(100), InsufficientDataError, "events"),
        (
            lambda: datasets.generate_correlated_categorical_series(10, 1, 1),
            OptionError,
            "n_categories",
        ),
    ],
)
def test_impossible_sizes_are_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
