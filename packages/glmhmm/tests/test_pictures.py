"""What is drawn is what was fitted; states, dwell times, online filter and baselines."""

import matplotlib as mpl
import numpy as np
import pytest
from problems import drawn, known

from neuroloom.glmhmm import (
    GLMHMM,
    OnlineFilter,
    cross_validate,
    diagnose,
    dwell_times,
    fit_glm,
    fit_lapse,
    match_states,
    occupancy,
    order_states,
    permute_states,
    plot_cross_validation,
    plot_dwell_times,
    plot_occupancy,
    plot_posterior,
    plot_psychometric,
    plot_transitions,
    plot_weights,
    standard_errors,
)

mpl.use("agg")


@pytest.fixture(scope="module")
def data():
    return drawn(known(), 600, 100, seed=2)[:3]


@pytest.fixture(scope="module")
def model(data):
    X, y, starts = data
    return order_states(GLMHMM(2, n_init=4, seed=0).fit(X, y, session_starts=starts), by=0)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def test_weights_with_intervals(model, data):
    errors = standard_errors(model, *data)
    ax = plot_weights(model, features=["a", "b"], errors=errors, labels=["on", "off"])
    for k, container in enumerate(ax.containers):
        line, _, (bars,) = container
        np.testing.assert_allclose(
            line.get_ydata(), np.append(model.coef_[:, k], model.intercept_[k])
        )
        lengths = [np.ptp(segment[:, 1]) for segment in bars.get_segments()]
        np.testing.assert_allclose(lengths[0], 2 * 1.96 * errors.coef[0, k], rtol=1e-3)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "bias"]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["on", "off"]
    with pytest.raises(ValueError, match="features"):
        plot_weights(model, features=["a"])
    with pytest.raises(ValueError, match="labels"):
        plot_weights(model, labels=["a"])


def test_transitions_and_posterior(model, data):
    ax = plot_transitions(model)
    np.testing.assert_array_equal(ax.images[0].get_array(), model.transition_prob_)
    assert ax.texts[0].get_text() == f"{model.transition_prob_[0, 0]:.3f}"
    ax = plot_posterior(model, *data, session=2)
    smooth = model.smooth_proba(*data)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), smooth[200:300, 0])
    with pytest.raises(ValueError, match="session"):
        plot_posterior(model, *data, session=6)


def test_psychometric_curves(model, data):
    X, y, starts = data
    ax = plot_psychometric(model, X, y, starts, stimulus=X[:, 0])
    curve = next(line for line in ax.lines if line.get_label() == "state 1")
    assert (np.diff(curve.get_ydata()) >= 0).all()
    levels = np.round(X[:, 0])
    ax = plot_psychometric(model, np.column_stack([levels, X[:, 1]]), y, starts, stimulus=levels)
    dots = ax.lines[0]
    posterior = model.smooth_proba(np.column_stack([levels, X[:, 1]]), y, starts)[:, 0]
    at = dots.get_xdata()[2]
    rows = levels == at
    expected = np.average(y[rows], weights=posterior[rows])
    assert dots.get_ydata()[2] == pytest.approx(expected)


def test_the_psychometric_line_is_an_average_over_trials():
    """Of choices that follow the one before, as the dots; not the choice at average regressors."""
    model = GLMHMM(1)
    model.coef_, model.intercept_ = np.array([[0.5], [6.0]]), np.array([-1.0])
    model.scale_, model.initial_prob_ = np.ones(1), np.ones(1)
    model.transition_prob_ = np.ones((1, 1))
    X = np.column_stack([np.linspace(-2, 2, 400), np.where(np.arange(400) % 4 == 0, 1.0, -1.0)])
    y = (X[:, 1] > 0).astype(float)
    ax = plot_psychometric(model, X, y, stimulus=X[:, 0])
    line = next(line for line in ax.lines if line.get_label() == "state 1")
    fine, rate = line.get_data()
    logit = 0.5 * fine[:, None] + np.array([6.0, -6.0, -6.0, -6.0]) - 1
    np.testing.assert_allclose(rate, (1 / (1 + np.exp(-logit))).mean(axis=1), atol=1e-6)


def test_occupancy_and_dwell_times(model, data):
    X, y, starts = data
    shares = occupancy(model, X, y, starts)
    top = model.smooth_proba(X, y, starts).argmax(axis=1)
    np.testing.assert_allclose(shares, [(top == 0).mean(), (top == 1).mean()])
    assert [p.get_height() for p in plot_occupancy(model, *data).patches] == shares.tolist()
    path = model.decode_state(X, y, starts, state_format="index")
    stays = {0: [], 1: []}
    for session in np.split(path, np.flatnonzero(starts)[1:]):
        edges = np.flatnonzero(np.diff(session)) + 1
        pieces = np.split(session, edges)
        for piece in pieces[:-1]:
            stays[piece[0]].append(len(piece))
    found = dwell_times(model, X, y, starts)
    for k in (0, 1):
        assert found[k].tolist() == stays[k]
    everything = dwell_times(model, X, y, starts, censored=True)
    assert sum(map(np.sum, everything)) == 600
    ax = plot_dwell_times(model, *data)
    law = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert law[0].get_ydata()[1] == pytest.approx(model.transition_prob_[0, 0])


def test_cross_validation_curve(data):
    X, y, starts = data
    found = cross_validate(
        X, y, starts, n_states=(1, 2), model=GLMHMM(2, n_init=2), folds=2, progress=False
    )
    ax = plot_cross_validation(found)
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), found.table["bits_per_trial"])
    assert len(ax.lines) == 3


def test_states_are_matched_and_ordered(model, data):
    swapped = permute_states(model, [1, 0])
    np.testing.assert_array_equal(match_states(swapped, model), [1, 0])
    np.testing.assert_allclose(
        swapped.smooth_proba(*data)[:, ::-1], model.smooth_proba(*data), atol=1e-12
    )
    assert np.diff(order_states(model, by="intercept").intercept_) >= 0
    assert np.diff(np.diag(order_states(model, by="stay").transition_prob_)) <= 0
    with pytest.raises(ValueError, match="permutation"):
        permute_states(model, [0, 0])
    with pytest.raises(ValueError, match="feature"):
        order_states(model, by=2)
    with pytest.raises(ValueError, match="states"):
        match_states(model, GLMHMM(1).fit(data[0], data[1]))


def test_online_filter_follows_sessions_and_gaps(model, data):
    X, y, starts = data
    online = OnlineFilter(model)
    gap = y.copy()
    gap[5] = np.nan
    expected = model.set_params(missing="mask").filter_proba(X, gap, starts)
    ahead = model.predict(X, gap, starts)
    for t in range(150):
        if starts[t]:
            online.reset()
        assert online.predict(X[t]) == pytest.approx(ahead[t])
        np.testing.assert_allclose(online.step(X[t], gap[t]), expected[t], atol=1e-12)
    model.set_params(missing="raise")
    with pytest.raises(ValueError, match="shape"):
        online.step(X[0, :1], 1.0)
    with pytest.raises(ValueError, match="0 and 1"):
        online.step(X[0], 2.0)


def test_lapses_come_back_and_nest_the_glm():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6000, 2))
    p = 0.15 + (1 - 0.15 - 0.05) / (1 + np.exp(-(3 * X[:, 0] + X[:, 1] + 0.2)))
    y = (rng.random(6000) < p).astype(float)
    found = fit_lapse(X, y)
    assert found.lapse_to_one == pytest.approx(0.15, abs=0.03)
    assert found.lapse_to_zero == pytest.approx(0.05, abs=0.03)
    np.testing.assert_allclose(found.coef, [3, 1], atol=0.5)
    assert found.score(X, y) == pytest.approx(found.log_likelihood)
    glm = fit_glm(X, y, regularizer="UnRegularized")
    assert found.log_likelihood > glm.score(X, y) + 20
    y[::50] = np.nan
    assert np.isfinite(fit_lapse(X, y).log_likelihood)
    with pytest.raises(ValueError, match="0 and 1"):
        fit_lapse(X, y + 1)


def test_diagnosis(model, data):
    X, y, starts = data
    good = diagnose(model, X, y, starts)
    assert good.ok
    assert good.monotone
    assert 0 < good.agreement <= 1
    assert good.occupancy.sum() == pytest.approx(1)
    with pytest.warns(RuntimeWarning):
        short = GLMHMM(2, maxiter=2).fit(X, y, session_starts=starts)
    assert not diagnose(short, X, y, starts).ok
