"""Which way a parameter differs between two conditions that share all else."""

from functools import partial

import numpy as np
import pytest

from neuroloom.circuit_inference import Aperiodic, BandPower, FeatureSet, Inferer, Moments, Prior
from neuroloom.circuit_inference.diagnostics import condition_pairs, direction
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    FeatureMismatchError,
    NoValidSimulationsError,
    PriorError,
    UnknownNameError,
)
from neuroloom.circuit_inference.forward import Recorder
from neuroloom.circuit_inference.libraries import FIELD_PRIOR, field_one, synaptic_field

PRIOR = Prior.box({"a": (0.0, 1.0), "b": (0.0, 1.0)})
MOMENTS = FeatureSet(Moments(("mean", "std")))
OPTIONS = {"rate_hz": 100.0, "n_epochs": 4, "progress": False}


def confounded(theta, seed):
    """The mean is a + 5 b: one epoch hides a behind b."""
    return {"x": theta[0] + 5 * theta[1] + 0.2 * seed.generator().standard_normal(100)}


def two_signals(theta, seed):
    return {**confounded(theta, seed), "y": np.arange(100.0)}


def silent(theta, seed):
    return {**confounded(theta, seed), **({"reason": "silent"} if theta[0] > 0.5 else {})}


def always_silent(theta, seed):
    return {"reason": "silent"}


def epochs(a, b, rng, n=4):
    return a + 5 * b + 0.2 * rng.standard_normal((n, 100))


@pytest.fixture(scope="module")
def learned():
    pairs = condition_pairs(confounded, PRIOR, "a", 400, MOMENTS, **OPTIONS, seed=1)
    sizes = {"hidden": (32, 32), "n_components": 1, "trees": "no"}  # to choose them takes longest
    inferer = Inferer("mdn", pairs.prior, hyperparams=sizes)
    return pairs, inferer.fit(pairs.features, pairs.theta, seed=1)


@pytest.mark.slow
def test_the_change_of_a_mean_is_that_of_the_parameter(learned):
    # In a box from 0 to 1 quantiles are values: the means differ by the change and by noise.
    pairs, _ = learned
    moved = pairs.features.values[:, pairs.features.names.index("change:moment:mean")]
    noise = 0.2 * np.sqrt(2 / 400)
    assert np.abs(moved - pairs.theta[:, 0]).max() < 5 * noise
    first = pairs.features.values[:, 0]
    assert first.min() > -0.1
    assert first.max() < 6.1
    assert np.abs(pairs.theta).max() <= 0.75


def test_what_one_epoch_hides_a_pair_answers(learned, rng):
    pairs, inferer = learned
    right = wrong = 0
    for _ in range(40):
        b, start, up = rng.random(), 0.6 * rng.random(), rng.random() < 0.5
        values = (start, start + 0.3) if up else (start + 0.3, start)
        sides = [MOMENTS.compute(epochs(a, b, rng), rate=100.0) for a in values]
        found = inferer.predict(pairs.of(*sides), warn=False, seed=0)
        (answer,) = direction(found)
        right += answer.verdict == ("larger" if up else "smaller")
        wrong += answer.verdict == ("smaller" if up else "larger")
    assert right >= 36
    assert wrong == 0


def test_where_nothing_changed_few_answers_are_given(learned, rng):
    pairs, inferer = learned
    said = []
    for _ in range(60):
        a, b = rng.random(2)
        sides = [MOMENTS.compute(epochs(a, b, rng), rate=100.0) for _ in range(2)]
        (answer,) = direction(inferer.predict(pairs.of(*sides), warn=False, seed=0), level=0.95)
        said.append(answer.verdict != "cannot be said")
        if not said[-1]:
            assert "both directions" in answer.reason or "outside" in answer.reason
    # One in ten is what a level of .95 on either side allows: 60 of them, at most 13 at p > .999.
    assert sum(said) <= 13


def test_pairs_outside_the_cloud_get_no_answer(learned, rng):
    pairs, inferer = learned
    far = [MOMENTS.compute(50 + epochs(a, 0.5, rng), rate=100.0) for a in (0.2, 0.9)]
    (answer,) = direction(inferer.predict(pairs.of(*far), warn=False, seed=0))
    assert answer.verdict == "cannot be said"
    assert "outside" in answer.reason


def test_epochs_are_those_simulated(learned, rng):
    pairs, _ = learned
    four = MOMENTS.compute(epochs(0.1, 0.1, rng), rate=100.0)
    five = MOMENTS.compute(epochs(0.1, 0.1, rng, n=5), rate=100.0)
    with pytest.raises(ArgumentError, match=r"expected 4 epochs with features.*got 5"):
        pairs.of(four, five)
    assert len(pairs.of(four, five.rows([0, 1, 2, 3]))) == 1
    with pytest.raises(FeatureMismatchError):
        pairs.of(four, MOMENTS.compute(epochs(0.1, 0.1, rng), rate=200.0))
    other = FeatureSet(Moments(("mean", "skewness")))
    with pytest.raises(FeatureMismatchError):
        pairs.of(other.compute(epochs(0.1, 0.1, rng), rate=100.0), four)


def test_what_is_refused():
    with pytest.raises(UnknownNameError):
        condition_pairs(confounded, PRIOR, "c", 4, MOMENTS, **OPTIONS)
    with pytest.raises(ArgumentError, match="n_epochs"):
        condition_pairs(confounded, PRIOR, "a", 4, MOMENTS, **{**OPTIONS, "n_epochs": 0})
    tied = Prior.of(dict(zip(PRIOR.names, PRIOR.marginals, strict=True)), constraints=["a < b"])
    with pytest.raises(PriorError, match="depend"):
        condition_pairs(confounded, tied, "a", 4, MOMENTS, **OPTIONS)
    with pytest.raises(UnknownNameError, match="signal"):
        condition_pairs(two_signals, PRIOR, "a", 4, MOMENTS, **OPTIONS)
    for wrong in ({"simulator": None}, {"prior": {}}, {"feature_set": Moments()}):
        given = {"simulator": confounded, "prior": PRIOR, "feature_set": MOMENTS} | wrong
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            condition_pairs(name="a", n_pairs=4, **given, **OPTIONS)
    named = condition_pairs(two_signals, PRIOR, "a", 4, MOMENTS, signal="x", **OPTIONS, seed=1)
    only = condition_pairs(confounded, PRIOR, "a", 4, MOMENTS, **OPTIONS, seed=1)
    np.testing.assert_array_equal(named.features.values, only.features.values)


@pytest.mark.slow
def test_directions_are_of_changes(learned, rng):
    _, inferer = learned
    plain = Inferer("mdn", PRIOR).fit(rng.standard_normal((60, 2)), PRIOR.sample(60, seed=1))
    with pytest.raises(ArgumentError, match="one change"):
        direction(plain.predict(rng.standard_normal((2, 2)), warn=False))
    found = inferer.predict(np.full((1, 4), np.nan), warn=False)
    (answer,) = direction(found)
    assert answer.verdict == "cannot be said"
    assert answer.reason == "no features"
    with pytest.raises(ArgumentError, match="level"):
        direction(found, level=1.5)


def test_pairs_that_fail_their_gates_are_rows_without_features():
    pairs = condition_pairs(silent, PRIOR, "a", 30, MOMENTS, **OPTIONS, seed=1)
    failed = ~pairs.features.valid
    assert 0 < failed.sum() < 30
    assert {pairs.features.reasons[i] for i in np.flatnonzero(failed)} == {"silent"}
    with pytest.raises(NoValidSimulationsError):
        condition_pairs(always_silent, PRIOR, "a", 3, MOMENTS, **OPTIONS, seed=1)


def test_an_electrode_is_the_same_on_both_sides():
    # A gain between 1/100 and 100 would hide any change if it were drawn for each side.
    recorder = Recorder(background=(0, 0), sensor=(0, 0), gain=(0.01, 100.0))
    chosen = FeatureSet(Moments(("std",)))
    made = {"rate_hz": 250.0, "n_epochs": 2, "progress": False, "recorder": recorder}
    simulator = partial(field_one, duration_s=2.0, rate_hz=250.0)
    pairs = condition_pairs(simulator, FIELD_PRIOR, "tau_I", 20, chosen, **made, seed=2)
    first, change = pairs.features.values.T
    assert first.max() / first.min() > 100
    assert np.abs(change / first).max() < 0.2  # the fields have unit variance


def test_two_conditions_of_a_field():
    chosen = FeatureSet(Aperiodic((2, 45)), BandPower(((2, 6), (6, 20), (20, 45))))
    made = {"rate_hz": 125.0, "n_epochs": 3, "progress": False}
    simulator = partial(field_one, duration_s=3.0, rate_hz=125.0)
    pairs = condition_pairs(simulator, FIELD_PRIOR, "tau_I", 3, chosen, **made, seed=2)
    theta = np.repeat([[2.0, 10.0, 4.0, 1.0]], 3, axis=0)
    table = chosen.compute(synaptic_field(theta, duration_s=3.0, rate_hz=125.0, seed=1), rate=125.0)
    row = pairs.of(table, table)
    assert row.names == pairs.features.names
    assert row.digest == pairs.features.digest
    half = len(row.names) // 2
    np.testing.assert_allclose(row.values[0, :half], table.values.mean(axis=0))
    np.testing.assert_array_equal(row.values[0, half:], 0.0)


@pytest.mark.slow
def test_pairs_of_power_spectra():
    """Eyes closed and open as public data sets hold them: a spectrum per epoch."""
    chosen = FeatureSet(Aperiodic((2, 45)))
    made = {"rate_hz": 125.0, "n_epochs": 4, "progress": False}
    simulator = partial(field_one, duration_s=4.0, rate_hz=125.0)
    pairs = condition_pairs(simulator, FIELD_PRIOR, "input exponent", 80, chosen, **made, seed=2)
    inferer = Inferer("mdn", pairs.prior).fit(pairs.features, pairs.theta, seed=1)
    freqs = np.arange(1.0, 61.0)
    flat, steep = (chosen.from_spectra(freqs, np.tile(freqs**-x, (4, 1))) for x in (1.0, 2.2))
    for first, second, wrong in ((flat, steep, "smaller"), (steep, flat, "larger")):
        (answer,) = direction(inferer.predict(pairs.of(first, second), warn=False, seed=0))
        assert answer.verdict != wrong
    (same,) = direction(inferer.predict(pairs.of(flat, flat), warn=False, seed=0))
    assert same.verdict == "cannot be said"
