"""Clocks: offset and drift from shared pulses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroloom.shared import DataError, Epochs, Signal, SpikeTrains
from neuroloom.shared.data import Clock


@given(st.floats(-1e6, 1e6), st.floats(-1e-3, 1e-3), st.lists(st.floats(-1e5, 1e5), max_size=9))
def test_there_and_back(offset: float, drift: float, times: list[float]) -> None:
    clock = Clock(offset, drift)
    np.testing.assert_allclose(clock.times(times), offset + (1 + drift) * np.array(times))
    np.testing.assert_allclose(clock.inverse().times(clock.times(times)), times, atol=1e-8)


@given(st.integers(0, 10**6), st.floats(-1e4, 1e4), st.floats(-1e-4, 1e-4), st.floats(0, 0.2))
def test_pulses_that_one_side_missed_are_left_out(
    seed: int, offset: float, drift: float, missed: float
) -> None:
    rng = np.random.default_rng(seed)
    here = np.cumsum(rng.exponential(3.0, 200) + 0.3)
    there = offset + (1 + drift) * here + rng.normal(0, 2e-4, 200)
    ours, theirs = rng.random(200) >= missed, rng.random(200) >= missed
    clock = Clock.from_pulses(here[ours], there[theirs])
    assert clock.n_pulses == (ours & theirs).sum()
    assert clock.residual < 2e-3
    # The line's error at the ends is twice that of the mean: 2e-4 / sqrt(130) each.
    np.testing.assert_allclose(clock.times(here), offset + (1 + drift) * here, atol=3e-4)


@pytest.mark.slow
@given(st.integers(0, 10**6), st.floats(-1e4, 1e4), st.floats(-1e-4, 1e-4), st.floats(0, 0.2))
def test_equal_bursts_are_told_apart_by_the_whole_train(
    seed: int, offset: float, drift: float, missed: float
) -> None:
    rng = np.random.default_rng(seed)
    pause = rng.random(250) < 0.2
    here = np.cumsum(np.where(pause, rng.uniform(5.0, 60.0, 250), 0.1))
    there = offset + (1 + drift) * here
    ours, theirs = rng.random(250) >= missed, rng.random(250) >= missed
    try:
        clock = Clock.from_pulses(here[ours], there[theirs])
    except DataError:  # bursts that lost their ends may fit in two ways
        return
    np.testing.assert_allclose(clock.times(here), there, atol=5e-3)


@pytest.mark.parametrize("part", [slice(300, 400), slice(150, 260), slice(0, 90), slice(5, 400)])
def test_one_side_may_have_run_much_longer(part: slice) -> None:
    here = np.cumsum(np.random.default_rng(3).exponential(3.0, 400) + 0.3)
    there = 50 + (1 + 2e-5) * here[part]
    for clock in (Clock.from_pulses(here, there), Clock.from_pulses(there, here).inverse()):
        assert clock.n_pulses == len(there)
        assert clock.offset == pytest.approx(50, abs=1e-6)
        assert clock.drift == pytest.approx(2e-5, abs=1e-9)


def test_regular_pulses_fit_in_one_way_only_if_none_is_missing() -> None:
    regular = np.arange(100.0)
    clock = Clock.from_pulses(regular, 7 + (1 + 1e-5) * regular)
    assert (clock.offset, clock.drift) == pytest.approx((7, 1e-5))
    with pytest.raises(DataError, match=r"here, there: .*fit in one way only"):
        Clock.from_pulses(regular, regular[3:])


@pytest.mark.slow
@settings(max_examples=100)
@given(st.data(), st.integers(4, 60), st.sampled_from([0.5, 1.0, 2.0]), st.floats(-50, 50))
def test_regular_pulses_with_others_missing_are_paired_rightly_or_refused(
    data: st.DataObject, n: int, step: float, offset: float
) -> None:
    inner = st.sets(st.integers(1, n - 2), max_size=max(1, n // 4))
    true, drift = step * np.arange(n), 3e-5
    here, there = (np.delete(true, list(data.draw(inner))) for _ in range(2))
    try:
        clock = Clock.from_pulses(here, offset + (1 + drift) * there)
    except DataError:  # nothing tells which of several pairings is right
        return
    np.testing.assert_allclose(clock.times(true), offset + (1 + drift) * true, atol=1e-6)


def test_neighbours_missed_by_regular_trains_are_refused() -> None:
    regular = np.arange(100.0)
    with pytest.raises(DataError, match=r"fit in one way only.*pulses that both sides have"):
        Clock.from_pulses(np.delete(regular, 49), 7 + np.delete(regular, 50))


@pytest.mark.parametrize(
    ("here", "there", "message"),
    [
        ([0.0, 1.0, 5.0], [100.0, 103.0, 104.0], r"mostly the same pulses"),
        ([0.0, 1.0, 5.0], [100.0, 130.0, 190.0], r"no two intervals that agree"),
        ([0.0], [1.0, 2.0], r"here: expected at least two pulses"),
        ([0.0, 0.0], [1.0, 2.0], r"here: expected times that increase"),
    ],
)
def test_refused(here: list[float], there: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Clock.from_pulses(here, there)
    with pytest.raises(DataError, match=r"drift: expected a finite number above -1"):
        Clock(0.0, -1.0)


def test_every_type_moves_alike() -> None:
    clock = Clock(1000.0, 1e-3)
    spikes = SpikeTrains([1.0, 2.0], [0, 1], epochs=Epochs(0, 3)).on_clock(clock)
    assert spikes.times.tolist() == pytest.approx([1001.001, 1002.002])
    assert spikes.epochs.stop[0] == pytest.approx(1003.003)
    signal = Signal(np.zeros(3001), 1000.0).on_clock(clock)
    assert signal.times[-1] == pytest.approx(1003.003)
    # An end just after the last spike stays there, however few digits the new clock leaves.
    far = SpikeTrains([1.0], [0]).on_clock(Clock(1e9))
    assert far.counts(0.5).values.sum() == 1


def test_counts_move_with_the_seconds_in_which_they_were_seen() -> None:
    clock, epochs = Clock(7.0, 0.25), Epochs([0.0, 3.5], [2.0, 4.0])
    spikes = SpikeTrains([0.5, 1.0, 3.75], [0, 0, 0], epochs=epochs)
    moved, again = spikes.counts(1.0).on_clock(clock), spikes.on_clock(clock).counts(1.25)
    np.testing.assert_array_equal(moved.values, again.values)
    np.testing.assert_allclose(moved.observed, again.observed)
    np.testing.assert_allclose(moved.observed[:, 0], [1.25, 1.25, 0.0, 0.625])
    np.testing.assert_allclose(moved.rates_hz, again.rates_hz)
