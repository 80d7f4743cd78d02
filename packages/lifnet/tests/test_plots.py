from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from neuroloom.lifnet import (
    ClusteredNetwork,
    LIFMeanField,
    LifnetError,
    fixed_points,
    landscape,
    load_config,
)
from neuroloom.lifnet.plots import (
    plot_bifurcation,
    plot_fixed_points,
    plot_landscape,
    plot_raster,
    plot_rates,
    plot_transitions,
)
from neuroloom.lifnet.theory import Branch
from neuroloom.shared import style


@pytest.fixture
def ax():
    with style():
        yield Figure().subplots()


@pytest.fixture(scope="module")
def run():
    config = load_config("2_cluster_mf")
    return ClusteredNetwork.from_config(config, seed=1).simulate(
        duration=0.2, delta_t=0.5e-3, seed=1
    )


@pytest.fixture(scope="module")
def two() -> LIFMeanField:
    return LIFMeanField.from_config("2_cluster_mf")


def points_of(ax) -> np.ndarray:
    return np.concatenate([np.array(line.get_xydata()) for line in ax.lines])


def test_a_raster_shows_every_spike(run, ax):
    assert plot_raster(run, ax=ax) is ax
    shown = points_of(ax)
    shown = shown[np.isfinite(shown).all(axis=1)]
    assert len(shown) >= len(run.spike_ids)
    assert ax.get_xlabel() == "time (s)"


def test_rates_are_those_of_the_run(run, ax):
    assert plot_rates(run, ax=ax) is ax
    (image,) = ax.images
    shown = np.asarray(image.get_array()).mean(axis=1)
    np.testing.assert_allclose(shown, list(run.rates_hz().values()), rtol=1e-6)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(run.populations)


def test_fixed_points_are_at_their_rates(two, ax):
    points = fixed_points(two, n_starts=2)
    assert plot_fixed_points(points, n_clusters=2, ax=ax) is ax
    shown = np.concatenate([np.asarray(c.get_offsets()) for c in ax.collections])
    for point in points:
        for rate in point.rates[:2]:
            assert np.abs(shown[:, 1] - rate).min() < 1e-3


def test_a_landscape_has_a_field_and_a_well(two):
    view = landscape(two, [0, 1], step=10.0, limits=(0.0, 60.0))
    with style():
        field, well = plot_landscape(view, axs=Figure().subplots(1, 2))
    (valley,) = [line for line in well.lines if len(line.get_xdata()) == len(view.potential)]
    np.testing.assert_allclose(valley.get_ydata(), view.potential)
    assert field.get_xlabel()


def test_a_bifurcation_shows_stable_parts_apart(ax):
    branch = Branch(
        np.array([1.0, 2.0, 3.0]),
        np.array([[5.0, 1.0, 9.0], [6.0, 2.0, 9.0], [7.0, 3.0, 9.0]]),
        np.array([-1.0, -0.5, 0.5]),
        ("stable node", "stable node", "saddle"),
        ("limit", "limit"),
    )
    plot_bifurcation([branch], n_clusters=2, label="J+", ax=ax)
    unstable, stable = ax.lines[:2]
    np.testing.assert_array_equal(stable.get_ydata(), [5.0, 6.0, np.nan])
    np.testing.assert_array_equal(unstable.get_ydata(), [np.nan, np.nan, 7.0])
    assert ax.get_xlabel() == "J+"


def test_a_graph_of_transitions_has_an_arrow_for_each(ax):
    matrix = [[0.0, 0.5, 0.5], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    plot_transitions(matrix, labels=["a", "b", "c"], ax=ax)
    assert len(ax.patches) == 3
    widths = [patch.get_linewidth() for patch in ax.patches]
    assert widths[2] > widths[0] == widths[1]
    assert [text.get_text() for text in ax.texts] == ["a", "b", "c"]
    for bad in (np.ones((2, 3)), [[2.0]], [[-1.0]]):
        with pytest.raises(LifnetError, match="matrix"):
            plot_transitions(bad, ax=ax)


def test_a_state_that_follows_itself_has_a_loop_and_long_names_stand_outside(ax):
    plot_transitions([[0.5, 0.5], [0.0, 1.0]], labels=["{1, 2}", "{3}"], ax=ax)
    loops = [patch for patch in ax.patches if isinstance(patch, Circle)]
    assert [loop.get_linewidth() for loop in loops] == pytest.approx([1.4, 2.5])
    assert len(ax.patches) == 3
    for text in ax.texts:
        assert np.hypot(*text.get_position()) > 1.2
