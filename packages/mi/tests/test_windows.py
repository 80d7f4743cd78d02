"""Recordings become samples as documented: each window holds what happened in it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroloom import mi
from neuroloom.mi import exceptions as ex
from neuroloom.mi._samples.variables import rewindow, shift, variable
from neuroloom.mi._samples.windows import cut
from neuroloom.shared import Epochs, Signal, SpikeTrains

FAST = {"n_epochs": 1, "n_inits": 1, "n_folds": 2, "hidden_dim": 4, "embedding_dim": 2}


def windows(data, kind, **params):
    return cut(variable("x", data, kind, params))


@given(
    n=st.integers(5, 60), size=st.integers(1, 5), step=st.integers(1, 7), channels=st.integers(1, 3)
)
@settings(max_examples=30, deadline=None)
def test_continuous_windows_are_the_strided_slices(n, size, step, channels):
    data = np.arange(channels * n, dtype=float).reshape(channels, n)
    out = windows(
        data, "continuous", window_size=size, step_size=step, data_format="channels_first"
    )
    expected = [data[:, i : i + size] for i in range(0, n - size + 1, step)]
    np.testing.assert_array_equal(out.values[0], expected)
    assert out.gap == -(-size // step) - 1


def test_labels_become_one_hot_majorities_or_shares():
    labels = np.array([[0, 0, 1, 2, 2, 1]])
    full = windows(labels, "categorical", window_size=3, step_size=3).values[0]
    np.testing.assert_array_equal(full[0, 0].reshape(3, 3), [[1, 0, 0], [1, 0, 0], [0, 1, 0]])
    share = windows(
        labels, "categorical", window_size=3, step_size=3, encoding="probability"
    ).values[0]
    np.testing.assert_allclose(share[:, 0], [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]])
    most = windows(
        labels, "categorical", window_size=3, step_size=3, encoding="majority_vote"
    ).values[0]
    np.testing.assert_array_equal(most[:, 0], [[1, 0, 0], [0, 0, 1]])
    with pytest.raises(ex.InvalidDataError, match="labels < 2"):
        windows(labels, "categorical", n_categories=2)


def test_spike_windows_hold_times_since_their_start():
    trains = [np.array([0.0, 0.1, 0.25, 1.4]), np.array([0.9, 1.5])]
    out = windows(trains, "spike", window_size=0.5, step_size=0.5)
    np.testing.assert_allclose(out.starts, [0.0, 0.5, 1.0])
    np.testing.assert_allclose(out.values[0][0], [[0.0, 0.1, 0.25], [0, 0, 0]])
    np.testing.assert_allclose(out.values[0][1], [[0, 0, 0], [0.4, 0, 0]])
    with pytest.warns(UserWarning, match="leaves 1 spikes out; the fullest window has 3"):
        marked = windows(
            trains,
            "spike",
            window_size=0.5,
            step_size=0.5,
            max_spikes_per_window=2,
            no_spike_value=-1.0,
        )
    with pytest.raises(ex.OptionError, match="max_spikes_per_window"):
        windows(trains, "spike", window_size=0.5, max_spikes_per_window=0)
    np.testing.assert_allclose(marked.values[0][0], [[0.0, 0.1], [-1, -1]])


@given(st.lists(st.floats(0, 9.99), min_size=1, max_size=40), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_counts_add_up_to_all_spikes(times, n_bins):
    spikes = SpikeTrains.from_lists([np.sort(times)], Epochs(0.0, 10.0))
    out = windows(spikes, None, window_size=1.0, bin_size=1.0 / n_bins)
    assert out.values[0].shape == (10, 1, n_bins)
    assert out.values[0].sum() == len(times)
    rate = windows(spikes, None, window_size=1.0, bin_size=1.0 / n_bins, normalize=True)
    np.testing.assert_allclose(rate.values[0].sum(), len(times) * n_bins)


def test_windows_do_not_reach_over_the_end_of_an_epoch():
    spikes = SpikeTrains.from_lists([np.array([0.5, 2.5, 7.5])], Epochs([0.0, 6.0], [3.0, 9.0]))
    out = windows(spikes, None, window_size=2.0, step_size=1.0)
    np.testing.assert_allclose(out.starts, [0.0, 1.0, 6.0, 7.0])


def test_windows_without_any_spike_are_an_error():
    spikes = SpikeTrains.from_lists([np.array([0.3])], Epochs(0.0, 100.0))
    with pytest.raises(ex.InvalidDataError, match="none in any of 200"):
        windows(spikes, None, window_size=0.2, step_size=0.5)


def test_a_lag_finds_later_samples_earlier():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 60))
    y = np.roll(x, 4, axis=1)
    a, b = variable("x", x, "continuous", {}), variable("y", y, "continuous", {})
    one, other = cut(a, shift(b, 4)).values
    np.testing.assert_array_equal(one, other)
    trains = [np.array([1.0, 2.0, 3.0])]
    c = variable("x", trains, "spike", {"window_size": 1.0, "bin_size": 0.5})
    d = variable("y", [trains[0] + 0.25], "spike", {"window_size": 1.0, "bin_size": 0.5})
    np.testing.assert_array_equal(*cut(c, shift(d, 0.25)).values)


def test_signals_keep_their_clock():
    signal = Signal(np.arange(40.0), rate=10.0, start=2.0)
    out = windows(signal, None, window_size=0.5)
    np.testing.assert_allclose(out.starts, 2.0 + 0.5 * np.arange(8))
    np.testing.assert_array_equal(out.values[0][1, 0], np.arange(5.0, 10.0))
    other = rewindow(variable("x", signal, None, {"window_size": 0.5}), {"window_size": 1.0})
    assert cut(other).values[0].shape == (4, 1, 10)


@pytest.mark.together
@pytest.mark.slow
def test_pynapple_objects_know_what_they_are():
    nap = pytest.importorskip("pynapple")
    rng = np.random.default_rng(0)
    times = [np.sort(rng.uniform(0, 30, 200)) for _ in range(2)]
    support = nap.IntervalSet(0, 30)
    group = nap.TsGroup({k: nap.Ts(t) for k, t in enumerate(times)}, time_support=support)
    signal = nap.TsdFrame(t=np.arange(0, 30, 0.05), d=rng.standard_normal((600, 2)))
    window = {"window_size": 0.25}
    options = {"base_params": FAST, "random_seed": 0, "verbose": False}
    result = mi.run(group, signal, processor_params_x=window, processor_params_y=window, **options)
    spikes = SpikeTrains.from_lists(times, Epochs(0.0, np.nextafter(30.0, 31)))
    same = mi.run(
        spikes,
        Signal(np.asarray(signal.d), 20.0),
        processor_params_x=window,
        processor_params_y=window,
        **options,
    )
    assert result.details["n_samples"] == same.details["n_samples"]
    assert result.mi_estimate == pytest.approx(same.mi_estimate, abs=1e-6)
    gaps = nap.Tsd(t=np.r_[0:5, 9:14].astype(float), d=np.zeros(10))
    with pytest.raises(ex.InvalidDataError, match="regular"):
        mi.run(gaps, gaps, **options)


def test_tensors_and_arrays_are_the_same():
    x, y = mi.datasets.generate_correlated_gaussians(100, 2, 1.0, seed=0)
    options = {"base_params": FAST, "random_seed": 0, "verbose": False}
    assert (
        mi.run(x, y, **options).mi_estimate == mi.run(x.numpy(), y.numpy(), **options).mi_estimate
    )


def test_windows_start_in_each_epoch_and_stay_inside():
    rng = np.random.default_rng(0)
    onset = np.cumsum(rng.uniform(1.5, 2.4, 50))
    epochs = Epochs(onset, onset + 1.0)
    spikes = SpikeTrains(np.sort(rng.uniform(0, 150, 900)), np.zeros(900, int), 1, Epochs(0, 150))
    inside = spikes.restrict(epochs)
    signal = Signal(rng.standard_normal(7500), 50.0)
    x = variable("x", inside, None, {"window_size": 0.5, "step_size": 0.5})
    y = variable("y", signal, None, {"window_size": 0.5})
    out = cut(x, y)
    np.testing.assert_allclose(out.starts.reshape(50, 2), onset[:, None] + [0.0, 0.5])
    assert out.values[0].sum() == len(inside.times)
    for start, values in zip(out.starts, out.values[1], strict=True):
        first = int(np.ceil(start * 50 - 1e-6))
        np.testing.assert_array_equal(values[0], signal.values[first : first + 25, 0])
    np.testing.assert_array_equal(cut(x, y, epochs=epochs[:3]).starts, out.starts[:6])


def test_gaps_and_pieces_of_a_signal_are_epochs():
    whole = Signal(np.arange(60.0), 10.0)
    epochs = Epochs([0.0, 3.0], [2.0, 6.0])
    pieces = cut(variable("x", whole.restrict(epochs), None, {"window_size": 0.5}))
    gaps = cut(variable("x", whole.within(epochs), None, {"window_size": 0.5}))
    np.testing.assert_array_equal(pieces.starts, [0, 0.5, 1, 1.5, 3, 3.5, 4, 4.5, 5, 5.5])
    np.testing.assert_array_equal(pieces.values[0], gaps.values[0])
    np.testing.assert_array_equal(pieces.values[0][4, 0], np.arange(30.0, 35.0))
    with pytest.raises(ex.DataShapeError, match="rate"):
        variable("x", [whole, Signal(np.ones(5), 20.0, 7.0)], None, None)


def test_what_restrict_returns_goes_in_as_it_is():
    noise = np.random.default_rng(0).normal(size=(2, 20_000))
    x, y = (Signal(z, 500.0).restrict(Epochs([0, 10, 20], [8, 18, 28])) for z in noise)
    options = {"estimator": "gcmi", "random_seed": 0, "verbose": False}
    result = mi.run(x, y, processor_params_x={"window_size": 0.02}, **options)
    assert result.details["n_samples"] == 3 * 400
    # In windows of .5 s the three parts hold 48, fewer than an estimate takes.
    with pytest.raises(ex.InsufficientDataError, match=r"at least 50 samples, got 48.*0\.5 s"):
        mi.run(x, y, processor_params_x={"window_size": 0.5}, **options)


def test_y_takes_xs_window_and_two_steps_are_refused():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 200)), rng.standard_normal((1, 200))
    like = {"window_size": 10, "step_size": 5}
    other = variable("y", y, "continuous", None, like)
    assert (other.window, other.step) == (10, 5)
    first = variable("x", x, "continuous", like)
    assert len(cut(first, variable("y", y, "continuous", {"window_size": 10})).starts) == 39
    with pytest.raises(ex.OptionError, match="one step"):
        cut(first, variable("y", y, "continuous", {"step_size": 2}, like))


def test_times_in_milliseconds_are_refused_before_minutes_of_work():
    spikes = [np.sort(np.random.default_rng(0).uniform(0, 600_000, 300))]
    with pytest.raises(ex.InvalidDataError, match="in ms and the window in s"):
        variable("x", spikes, "spike", {"window_size": 0.1})


def test_windows_that_hold_no_sample_are_refused():
    """The next sample comes after such a window: y would be told from its own future."""
    spikes = variable("x", [np.arange(0.05, 30, 0.1)], "spike", {"window_size": 0.01})
    slow = Signal(np.arange(300.0), 10.0)
    with pytest.raises(ex.OptionError, match=r"y: expected windows that hold a sample.*0.1 s"):
        cut(spikes, variable("y", slow, None, {"window_size": 0.01}))
    just = variable("y", slow, None, {"window_size": 0.1})
    assert cut(just).values[0].shape == (300, 1, 1)


def paired(late, rate=100.0, n=40, **window):
    """First moments of paired samples: the values are the moments."""
    moments = np.arange(n) / rate
    x, y = (Signal((moments + start)[:, None], rate, start) for start in (0.0, late))
    out = cut(variable("x", x, None, window or None), variable("y", y, None, window or None))
    return (v[:, 0, 0] for v in out.values)


@pytest.mark.parametrize("late", [0.003, -0.003, 0.00003, 0.0049, 0.013, 7.998, 12.3])
@pytest.mark.filterwarnings("ignore::neuroloom.mi.exceptions.ClockWarning")
def test_clocks_that_differ_by_a_part_of_a_sample_pair_the_nearest(late):
    x, y = paired(late, n=4000)
    apart = late * 100 - round(late * 100)
    np.testing.assert_allclose(y - x, apart / 100, atol=1e-9)


@pytest.mark.filterwarnings("ignore::neuroloom.mi.exceptions.ClockWarning")
def test_steps_that_are_no_whole_samples_pair_the_nearest_too():
    x, y = paired(0.003, n=400, window_size=0.03, step_size=0.037)
    np.testing.assert_allclose(y - x, 0.003, atol=1e-9)
    assert np.all(np.diff(x) > 0.02)


def test_clocks_apart_are_told_and_one_clock_is_not(recwarn):
    list(paired(0.0))
    list(paired(0.02))
    list(paired(0.00002))  # .2 % of a sample
    assert not [w for w in recwarn if w.category is ex.ClockWarning]
    with pytest.warns(ex.ClockWarning, match="differ by 0.3 of a sample"):
        list(paired(0.003))


def test_white_noise_that_is_late_by_a_part_of_a_sample_is_found():
    rng = np.random.default_rng(0)
    a, e = rng.standard_normal((2, 1500, 1))
    y = Signal(0.9 * a + np.sqrt(0.19) * e, 100.0, 0.003)
    with pytest.warns(ex.ClockWarning):
        result = mi.run(Signal(a, 100.0), y, estimator="gcmi", random_seed=0, verbose=False)
    assert result.mi_estimate == pytest.approx(-0.5 * np.log2(0.19), abs=0.1)


def test_signals_without_a_window_are_cut_sample_by_sample():
    signal = Signal(np.arange(200.0)[:, None], 50.0, 2.0)
    out = cut(variable("x", signal, None, None))
    np.testing.assert_array_equal(out.values[0][:, 0, 0], np.arange(200.0))
    assert out.window == pytest.approx(0.02)
    clocked = variable("x", np.arange(200.0), "continuous", {"sample_rate": 50.0})
    assert cut(clocked).values[0].shape == (200, 1, 1)


def test_x_takes_ys_window_where_it_names_none():
    rng = np.random.default_rng(0)
    x, y = (Signal(rng.standard_normal((2000, 1)), 100.0) for _ in range(2))
    options = {"estimator": "gcmi", "random_seed": 0, "verbose": False}
    one = mi.run(x, y, processor_params_y={"window_size": 0.05}, **options)
    both = mi.run(
        x,
        y,
        processor_params_x={"window_size": 0.05},
        processor_params_y={"window_size": 0.05},
        **options,
    )
    assert one.mi_estimate == both.mi_estimate
    assert one.details["n_samples"] == 400


def driven(n=2000):
    """White noise and what follows it a sample later, of 0.737 bits."""
    rng = np.random.default_rng(0)
    a, e = rng.standard_normal((2, n, 1))
    return a, np.concatenate([e[:1], 0.8 * a[:-1]]) + 0.6 * e


def transferred(x, y, **options):
    options |= {"history_window": 1, "estimator": "gcmi", "random_seed": 0, "verbose": False}
    return mi.run(x, y, mode="transfer", **options)


def test_transfer_between_signals_that_start_apart_end_apart_or_have_gaps():
    a, b = driven()
    truth = 0.5 * np.log2(1 + 0.64 / 0.36)
    holes = np.where(np.arange(2000)[:, None] // 50 % 7 == 3, np.nan, a)
    pairs = {
        "together": (Signal(a, 100.0), Signal(b, 100.0), 1999),
        "later": (Signal(a, 100.0), Signal(b[10:], 100.0, 0.1), 1989),
        "later and as long": (Signal(a[:-10], 100.0), Signal(b[10:], 100.0, 0.1), 1979),
        "shorter": (Signal(a[:-300], 100.0), Signal(b, 100.0), 1699),
        "faster": (Signal(a, 100.0), Signal(np.repeat(b, 2, axis=0), 200.0), 1999),
        "holes": (Signal(holes, 100.0), Signal(b, 100.0), None),
    }
    for name, (x, y, n) in pairs.items():
        result = transferred(x, y)
        assert result.mi_estimate == pytest.approx(truth, abs=0.09), name
        assert n is None or result.details["n_samples"] == n, name
    there = np.isfinite(holes[:, 0])
    assert transferred(*pairs["holes"][:2]).details["n_samples"] == (there[1:] & there[:-1]).sum()


def test_transfer_of_arrays_of_unequal_length_is_refused_or_cut_as_asked():
    a, b = driven()
    with pytest.raises(ex.DataShapeError, match="as many samples"):
        transferred(a, b[:-7])
    assert transferred(a, b[:-7], align="truncate").details["n_samples"] == 1992


@pytest.mark.parametrize("width", [0.1, 0.3, 0.01, 0.7])
@pytest.mark.parametrize("start", [0.0, 0.3, 12345.6])
def test_a_spike_on_a_border_is_in_the_one_window_and_bin_that_starts_there(width, start):
    times = start + width * np.arange(500)
    spikes = SpikeTrains.from_lists([times], Epochs(start, start + 500 * width))
    one = windows(spikes, None, window_size=width)
    np.testing.assert_array_equal(one.values[0], np.ones((500, 1, 1)))
    five = windows(spikes, None, window_size=5 * width, bin_size=width)
    np.testing.assert_array_equal(five.values[0], np.ones((100, 1, 5)))
    since = windows(spikes, None, window_size=5 * width, bin_size=None)
    np.testing.assert_allclose(
        since.values[0], np.tile(width * np.arange(5), (100, 1, 1)), atol=1e-9
    )


def test_bins_fill_a_window_or_are_refused():
    spikes = SpikeTrains.from_lists([np.arange(0.05, 10.0, 0.1)], Epochs(0.0, 10.0))
    for size in (0.3, 0.7, 2.0):
        with pytest.raises(ex.OptionError, match=r"bin_size'.*whole number of bins"):
            windows(spikes, None, window_size=1.0, bin_size=size)
    whole = variable("x", spikes, None, {"window_size": 0.5})
    np.testing.assert_array_equal(
        cut(rewindow(whole, {"window_size": 2.0})).values[0], np.full((5, 1, 1), 20.0)
    )
    for options in (
        {"max_spikes_per_window": 3},
        {"no_spike_value": -1.0},
        {"bin_size": None, "normalize": True},
    ):
        with pytest.raises(ex.OptionError, match=rf"{list(options)[-1]}'.*expected"):
            windows(spikes, None, window_size=0.5, **options)
