"""The shared pictures: what their artists show, and that they can be drawn."""

from __future__ import annotations

import io
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import joblib
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from neuroloom.shared import (
    DataError,
    Epochs,
    Seed,
    Signal,
    SpikeTrains,
    TimeSeries,
    Trials,
    plots,
)
from neuroloom.shared.plots import (
    POPULATION_COLORS,
    STATE_COLORS,
    axes,
    raster,
    state_colors,
    state_ribbon,
    style,
    traces,
    trials_table,
)

SPIKES = SpikeTrains([0.1, 0.2, 2.5], [1, 0, 2], 4, Epochs([0, 2], [1, 3]))
SIGNAL = Signal([[0.0, 10.0], [1.0, np.nan], [2.0, 30.0]], 2.0, 1.0, ["CA1", "CA3"])
TRIALS = Trials({"choice": ["left", None], "x": [0.123456, np.nan], "n": [1_000_000, 2]})
SHARE = np.array([[0.75, 0.25], [0.5, 0.5], [0.0, 1.0]])

PICTURES = {
    "raster": lambda ax: raster(SPIKES, ax=ax),
    "traces": lambda ax: traces(SIGNAL, ax=ax),
    "trials_table": lambda ax: trials_table(TRIALS, ax=ax),
    "state_ribbon": lambda ax: state_ribbon(SHARE, ax=ax),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_drawn_on_the_axes_given(name: str) -> None:
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    with style():
        assert PICTURES[name](ax) is ax
        image = io.BytesIO()
        figure.savefig(image, format="png")
    image.seek(0)
    pixels = plt.imread(image)
    assert pixels[..., :3].std() > 0.01  # something is on it


@pytest.mark.parametrize("name", PICTURES)
def test_without_axes_there_is_a_new_figure_of_pyplot(name: str) -> None:
    before = set(plt.get_fignums())
    ax = PICTURES[name](None)
    assert plt.gcf() is ax.figure
    assert len(plt.get_fignums()) == len(before) + 1
    assert PICTURES[name](ax) is ax  # axes in: no new figure
    assert len(plt.get_fignums()) == len(before) + 1
    plt.close(ax.figure)
    assert set(plt.get_fignums()) == before


def figures_that_pyplot_knows() -> int:
    plots.axes()
    return len(plt.get_fignums())


class TestFigures:
    @pytest.mark.slow
    def test_long_loops_can_keep_figures_from_pyplot(self) -> None:
        before = plt.get_fignums()
        for _ in range(30):  # pyplot would complain, and the warning is an error here
            with style(pyplot=False):
                assert raster(SPIKES).figure is not raster(SPIKES).figure
        assert plt.get_fignums() == before
        with style(pyplot=False), style():
            assert plt.get_fignums() == before
            plots.axes()
        assert len(plt.get_fignums()) == len(before) + 1
        with pytest.raises(DataError, match="pyplot: expected True or False"), style(pyplot=1):  # type: ignore[arg-type]
            pass

    def test_a_thread_makes_figures_of_its_own(self) -> None:
        before = plt.get_fignums()
        with ThreadPoolExecutor(1) as pool:
            ax = pool.submit(plots.axes, None, figsize=(2, 1), num=3).result()
        assert ax.figure.get_size_inches().tolist() == [2, 1]
        assert plt.get_fignums() == before

    @pytest.mark.slow
    def test_a_worker_makes_figures_of_its_own(self) -> None:
        assert joblib.Parallel(2)([joblib.delayed(figures_that_pyplot_knows)()] * 2) == [0, 0]

    def test_options_are_pyplots(self) -> None:
        assert plots.figure(num=7, facecolor="red", dpi=80) is plt.figure(7)
        assert plots.figure(constrained_layout=True).get_constrained_layout()
        assert plots.figure(layout="tight").get_tight_layout()
        assert plots.figure().get_constrained_layout()

    def test_what_are_no_axes(self) -> None:
        for wrong in (Figure(), [Figure().subplots()], "ax"):
            with pytest.raises(DataError, match="ax: expected axes of matplotlib, got"):
                axes(wrong)  # type: ignore[arg-type]

    def test_a_notebook_without_a_backend_shows_a_figure_by_name(self) -> None:
        plt.switch_backend("agg")
        assert raster(SPIKES).figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[union-attr]
        with pytest.raises(NotImplementedError):  # IPython goes on with that picture
            raster(SPIKES).figure._ipython_display_()  # type: ignore[union-attr]
        assert plt.get_fignums()

    def test_figures_can_be_stored(self) -> None:
        again = pickle.loads(pickle.dumps(raster(SPIKES).figure))
        assert again.axes[0].get_xlabel() == "time (s)"
        assert repr(again).startswith("<Figure size")


class TestRaster:
    def test_every_spike_is_a_mark_at_its_time_and_unit(self) -> None:
        ax = raster(SPIKES)
        (marks,) = ax.lines
        assert marks.get_xdata().tolist() == [0.1, 0.2, 2.5]
        assert marks.get_ydata().tolist() == [1, 0, 2]
        assert ax.get_xlim() == (0.0, 3.0)
        assert ax.get_ylim() == (-0.5, 3.5)
        assert ax.get_xlabel() == "time (s)"

    def test_gaps_are_shaded(self) -> None:
        (gap,) = raster(SPIKES).patches
        assert gap.get_x() == 1.0
        assert gap.get_width() == 1.0

    def test_units_in_their_colours(self) -> None:
        red, blue = POPULATION_COLORS.values()
        lines = raster(SPIKES, colors=[red, red, blue, (0, 0, 0)]).lines
        shown = {line.get_color(): line.get_ydata().tolist() for line in lines}
        assert shown == {red: [1, 0], blue: [2], (0, 0, 0): []}
        with pytest.raises(DataError, match=r"colors: expected 4 colours, one per unit, got 1"):
            raster(SPIKES, colors=["red"])

    def test_the_caller_has_the_last_word(self) -> None:
        (marks,) = raster(SPIKES, color="red", marker="o").lines
        assert marks.get_color() == "red"
        assert marks.get_marker() == "o"

    def test_many_units_are_dots_and_many_spikes_a_picture_in_vector_files(self) -> None:
        times = np.sort(Seed(1).generator().uniform(0, 10, 30_000))
        (marks,) = raster(SpikeTrains(times, np.arange(30_000) % 500)).lines
        assert marks.get_marker() == "."
        assert marks.get_rasterized()
        assert raster(SPIKES).lines[0].get_marker() == "|"

    def test_units_have_their_names_and_their_own_unseen_time(self) -> None:
        seen = [Epochs([0, 2], [1, 3]), Epochs(0.5, 1), Epochs(2, 2.5)]
        spikes = SpikeTrains(
            [0.6], [1], 3, Epochs([0, 2], [1, 3]), names=["a", "b", "c"], observed=seen
        )
        ax = raster(spikes)
        assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]
        shaded = [
            [(path.vertices[:, 0].min(), path.vertices[:, 0].max()) for path in rows.get_paths()]
            for rows in ax.collections
        ]
        assert shaded == [[], [(0, 0.5), (2, 3)], [(0, 1), (2.5, 3)]]

    def test_what_are_no_spike_trains(self) -> None:
        with pytest.raises(DataError, match="spikes: expected SpikeTrains, got list"):
            raster([[0.1]])  # type: ignore[arg-type]

    def test_nothing_recorded(self) -> None:
        with pytest.raises(DataError, match=r"spikes: expected spikes of at least one epoch"):
            raster(SpikeTrains([], [], 1, Epochs([], [])))


class TestTraces:
    def test_channels_lie_one_below_the_other(self) -> None:
        ax = traces(SIGNAL, spacing=100.0)
        first, second, _ = ax.lines
        assert first.get_xdata().tolist() == [1.0, 1.5, 2.0]
        assert first.get_ydata().tolist() == [-1.0, 0.0, 1.0]
        np.testing.assert_array_equal(second.get_ydata(), [-110.0, np.nan, -90.0])
        assert ax.get_yticks().tolist() == [0.0, -100.0]
        assert [label.get_text() for label in ax.get_yticklabels()] == ["CA1", "CA3"]

    @pytest.mark.parametrize(
        ("spacing", "height"), [(100.0, 50), (3.0, 1), (0.9, 0.2), (4e-6, 2e-6)]
    )
    def test_the_bar_is_as_long_as_it_says(self, spacing: float, height: float) -> None:
        ax = traces(SIGNAL, unit="µV", spacing=spacing)
        low, high = ax.lines[-1].get_ydata()
        assert high - low == pytest.approx(height, rel=1e-6)
        assert ax.texts[0].get_text().strip() == f"{height:g} µV"

    def test_the_unit_is_the_signals(self) -> None:
        signal = Signal([0.0, 1.0], 10.0, unit="mV")
        assert traces(signal).texts[0].get_text().endswith(" mV")
        assert traces(signal, unit="").texts[0].get_text().strip().replace(".", "").isdigit()

    def test_a_time_series_is_broken_between_its_epochs(self) -> None:
        pupil = TimeSeries([1.0, 2.0, 5.0, 6.0], [0, 1, 5, 6], epochs=Epochs([0, 5], [2, 7]))
        line = traces(pupil).lines[0]
        np.testing.assert_array_equal(line.get_xdata(), [0, 1, 5, 5, 6])
        np.testing.assert_array_equal(np.isnan(line.get_ydata()), [0, 0, 1, 0, 0])
        assert len(traces(TimeSeries([1.0], [3.0])).lines) == 2  # one sample
        for wrong in ([1.0, 2.0], TimeSeries(None, [0.1, 0.2])):
            with pytest.raises(DataError, match="signal: expected"):
                traces(wrong)  # type: ignore[arg-type]

    @pytest.mark.parametrize("values", [[3.0, 3.0], [np.nan, np.nan]])
    def test_a_flat_or_missing_channel(self, values: list[float]) -> None:
        assert len(traces(Signal(values, 1.0)).lines) == 2

    def test_refused(self) -> None:
        with pytest.raises(DataError, match=r"signal: expected at least one sample"):
            traces(Signal(np.zeros((0, 1)), 1.0))
        with pytest.raises(DataError, match=r"spacing: expected a finite number above 0, got 0"):
            traces(SIGNAL, spacing=0)


def texts(ax: Any) -> list[list[str]]:
    (table,) = ax.tables
    cells = {place: cell.get_text().get_text() for place, cell in table.get_celld().items()}
    rows, columns = (max(place[k] for place in cells) + 1 for k in (0, 1))
    return [[cells[i, j] for j in range(columns)] for i in range(rows)]


class TestTrialsTable:
    def test_values_as_they_are_read(self) -> None:
        assert texts(trials_table(TRIALS)) == [
            ["trial", "choice", "x", "n"],
            ["0", "left", "0.1235", "1000000"],
            ["1", "–", "–", "2"],
        ]

    def test_some_columns_and_rows(self) -> None:
        shown = texts(trials_table(Trials({"a": range(9), "b": range(9)}), "b", first=2))
        assert shown == [["trial", "b"], ["0", "0"], ["1", "1"], ["+ 7 more", ""]]

    def test_no_rows(self) -> None:
        assert texts(trials_table(Trials({"a": []}))) == [["trial", "a"]]

    def test_refused(self) -> None:
        with pytest.raises(DataError, match=r"table: expected the columns \['y'\] too"):
            trials_table(TRIALS, "y")
        with pytest.raises(DataError, match=r"trials: expected at least one column"):
            trials_table(Trials({}))
        with pytest.raises(DataError, match=r"first: expected an integer of at least 1, got 0"):
            trials_table(TRIALS, first=0)


class TestStateRibbon:
    def test_each_state_is_as_high_as_it_is_probable(self) -> None:
        ax = state_ribbon(SHARE, labels=["engaged", "biased"])
        lower, upper = ax.collections
        for area, (low, high) in [
            (lower, (0 * SHARE[:, 0], SHARE[:, 0])),
            (upper, (SHARE[:, 0], 1)),
        ]:
            corners = area.get_paths()[0].vertices
            for trial in range(3):
                heights = corners[corners[:, 0] == trial, 1]
                assert heights.min() == np.broadcast_to(low, 3)[trial]
                assert heights.max() == np.broadcast_to(high, 3)[trial]
        assert [tuple(a.get_facecolor()[0]) for a in ax.collections] == [
            to_rgba(color) for color in STATE_COLORS[:2]
        ]
        assert [text.get_text() for text in ax.get_legend().get_texts()] == ["engaged", "biased"]

    def test_over_time(self) -> None:
        ax = state_ribbon(SHARE, times=[1.0, 1.5, 4.0])
        assert ax.get_xlim() == (1.0, 4.0)
        assert ax.get_xlabel() == "time (s)"
        assert state_ribbon(SHARE).get_xlabel() == "trial"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                {"probabilities": [0.5, 0.5]},
                r"probabilities: expected a 2-D array, got shape \(2,\)",
            ),
            ({"probabilities": np.zeros((0, 2))}, r"probabilities: expected shape"),
            ({"probabilities": [[0.5, 0.4]]}, r"probabilities: .* sum to one, got .* in row 0"),
            ({"probabilities": [[1.5, -0.5]]}, r"probabilities: .* sum to one"),
            ({"probabilities": [[np.nan, 1]]}, r"probabilities: expected finite values"),
            ({"probabilities": SHARE, "times": [0]}, r"times: expected one per row \(3\), got 1"),
            ({"probabilities": SHARE, "labels": ["a"]}, r"labels: expected 2 names, .* got 1"),
        ],
    )
    def test_refused(self, arguments: Any, message: str) -> None:
        with pytest.raises(DataError, match=message):
            state_ribbon(**arguments)


class TestStyle:
    def test_outside_nothing_changes(self) -> None:
        before = dict(mpl.rcParams)
        with style():
            assert not mpl.rcParams["axes.spines.top"]
            assert mpl.rcParams["axes.prop_cycle"].by_key()["color"][0] == STATE_COLORS[0]
        assert dict(mpl.rcParams) == before

    def test_only_its_own_settings_come_and_go(self) -> None:
        with style():
            mpl.rcParams["interactive"] = True  # as a notebook does with its first figure
            mpl.rcParams["font.size"] = 30.0
        assert mpl.rcParams["interactive"]
        assert mpl.rcParams["font.size"] == mpl.rcParamsDefault["font.size"]
        mpl.rcParams["interactive"] = False

    def test_blocks_that_overlap(self) -> None:
        before = dict(mpl.rcParams)
        first, second, third = style(), style(), style()
        first.__enter__()
        second.__enter__()
        third.__enter__()
        first.__exit__(None, None, None)  # the order of threads, not of blocks in one another
        third.__exit__(None, None, None)
        assert not mpl.rcParams["axes.spines.top"]
        second.__exit__(None, None, None)
        assert dict(mpl.rcParams) == before

    def test_an_error_inside(self) -> None:
        before = dict(mpl.rcParams)
        with pytest.raises(KeyError), style():
            raise KeyError
        assert dict(mpl.rcParams) == before

    def test_a_state_has_its_colour_in_every_figure(self) -> None:
        assert state_colors(2) == list(STATE_COLORS[:2])
        assert state_colors(5)[:2] == state_colors(2)
        assert len({tuple(to_rgba(color)) for color in state_colors(12)}) == 12

    def test_colours_differ_for_colour_blind_readers(self) -> None:
        # Linear RGB through Viénot, Brettel & Mollon's (1999) matrix for deuteranopes.
        linear = np.array([to_rgba(c)[:3] for c in STATE_COLORS]) ** 2.2
        matrix = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
        seen = np.clip(linear @ matrix.T, 0, 1) ** (1 / 2.2)
        apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
        assert apart[~np.eye(len(seen), dtype=bool)].min() > 0.15

    def test_no_states(self) -> None:
        with pytest.raises(DataError, match=r"n_states: expected an integer of at least 1"):
            state_colors(0)

    def test_new_axes(self) -> None:
        assert axes(None, figsize=(2, 1)).figure.get_size_inches().tolist() == [2, 1]
