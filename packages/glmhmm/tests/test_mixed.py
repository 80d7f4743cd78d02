"""Choices with reaction times: outputs of several families that share the states."""

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pandas as pd
import pytest
from scipy import integrate, stats

from neuroloom.glmhmm import (
    GLMHMM,
    OnlineFilter,
    cross_validate,
    diagnose,
    information_criteria,
    load_model,
    order_states,
    parametric_bootstrap,
    plot_psychometric,
    standard_errors,
)
from neuroloom.glmhmm._analysis.cross_validation import bits_over
from neuroloom.glmhmm._families.links import identity
from neuroloom.glmhmm.observation_models import MixedObservations, WienerObservations

OUTPUTS = {"choice": "Bernoulli", "rt": "LogNormal"}


def truth(outputs=None):
    model = GLMHMM(2, outputs or OUTPUTS, missing="mask", regularizer_strength=1e-3)
    model.coef_ = np.array([[[4.0, 0.3], [-0.2, 0.1]]])  # one regressor; choice, then rt
    model.intercept_ = np.array([[0.0, 1.0], [-1.0, -0.2]])
    model.scale_ = np.array([[1.0, 1.0], [0.05, 0.2]])
    model.initial_prob_ = np.array([0.6, 0.4])
    model.transition_prob_ = np.array([[0.96, 0.04], [0.06, 0.94]])
    return model


@pytest.fixture(scope="module")
def drawn():
    X = np.random.default_rng(0).normal(size=(600, 1))
    starts = np.arange(600) % 100 == 0
    y, _, states = truth().simulate(1, X, session_starts=starts)
    return X, y, starts, states


def log_density(model, X, y):
    eta = np.tensordot(X, model.coef_, axes=1) + model.intercept_
    p = 1 / (1 + np.exp(-eta[:, 0]))
    choice = np.where(np.isnan(y[:, :1]), 0, stats.bernoulli.logpmf(np.nan_to_num(y[:, :1]), p))
    spread = np.sqrt(model.scale_[1])
    rt = stats.lognorm.logpdf(np.nan_to_num(y[:, 1:], nan=1.0), spread, scale=np.exp(eta[:, 1]))
    return choice + np.where(np.isnan(y[:, 1:]), 0, rt)


def test_likelihood_and_states_are_those_of_both_densities(drawn):
    X, y, starts, _ = drawn
    model = truth()
    y = y.copy()
    y[3, 0], y[7, 1], y[11] = np.nan, np.nan, np.nan
    value, smoothed, filtered = oracle.forward_backward(
        log_density(model, X, y), model.initial_prob_, model.transition_prob_, starts
    )
    assert model.score(X, y, starts) == pytest.approx(value, rel=1e-10)
    np.testing.assert_allclose(model.smooth_proba(X, y, starts), smoothed, atol=1e-10)
    named = {"rt": y[:, 1], "choice": y[:, 0]}
    assert model.score(X, named, starts) == pytest.approx(value, rel=1e-10)
    assert model.score(X, pd.DataFrame(named), starts) == pytest.approx(value, rel=1e-10)
    online = OnlineFilter(model)
    steps = [online.step(*pair) for pair in zip(X[:20], y[:20], strict=True)]
    np.testing.assert_allclose(steps, filtered[:20], atol=1e-10)
    online.reset()
    steps = [
        online.step(x, {"rt": b, "choice": a}) for x, (a, b) in zip(X[:20], y[:20], strict=True)
    ]
    np.testing.assert_allclose(steps, filtered[:20], atol=1e-10)


def test_psychometric_curves_of_the_choice(drawn):
    X, y, starts, _ = drawn
    model = truth()
    ax = plot_psychometric(model, X, y, starts, stimulus=X[:, 0])
    curve = next(line for line in ax.lines if line.get_label() == "state 1")
    expected = 1 / (1 + np.exp(-4 * curve.get_xdata()))
    np.testing.assert_allclose(curve.get_ydata(), expected, atol=1e-6)
    named = plot_psychometric(model, X, y, starts, stimulus=X[:, 0], output="choice")
    np.testing.assert_array_equal(named.lines[1].get_ydata(), ax.lines[1].get_ydata())
    with pytest.raises(ValueError, match="holds choices"):
        plot_psychometric(model, X, y, starts, stimulus=X[:, 0], output="rt")


@pytest.mark.slow
def test_fits_recover_and_are_at_an_optimum(drawn, tmp_path):
    X, y, starts, states = drawn
    model = GLMHMM(
        2, OUTPUTS, missing="mask", n_init=3, seed=0, tol=1e-7, regularizer_strength=1e-3
    )
    model.fit(X, {"choice": y[:, 0], "rt": y[:, 1]}, session_starts=starts)
    assert model.score(X, y, starts) >= truth().score(X, y, starts) - 0.1
    decoded = model.decode_state(X, y, starts, state_format="index")
    agree = (decoded == states).mean()
    assert max(agree, 1 - agree) > 0.95
    assert (model.scale_[0] == 1).all()
    gamma = model.smooth_proba(X, y, starts)
    eta = np.tensordot(X, model.coef_, axes=1) + model.intercept_
    choice = gamma * (y[:, :1] - 1 / (1 + np.exp(-eta[:, 0])))
    np.testing.assert_allclose(choice.sum(axis=0), 0, atol=2e-3)
    residual = np.log(y[:, 1:]) - eta[:, 1]
    np.testing.assert_allclose((gamma * residual).sum(axis=0), 0, atol=2e-3)
    scale = (gamma * residual**2).sum(axis=0) / gamma.sum(axis=0)
    np.testing.assert_allclose(model.scale_[1], scale, rtol=1e-3)
    errors = standard_errors(model, X, y, starts)
    assert np.isfinite(errors.coef).all()
    assert np.isfinite(errors.scale[1]).all()
    assert diagnose(model, X, y, starts).ok
    assert information_criteria(model, X, y, starts).n_parameters == 4 + 4 + 2 + 1 + 2
    model.save_params(tmp_path / "m.npz")
    loaded = load_model(tmp_path / "m.npz")
    assert loaded.score(X, y, starts) == model.score(X, y, starts)
    assert repr(loaded.observation_model) == repr(model.observation_model)


@pytest.mark.slow
def test_regressors_of_each_outputs_own(drawn):
    X, y, starts, _ = drawn
    Z = np.random.default_rng(5).normal(size=(600, 2))
    model = GLMHMM(1, OUTPUTS, regularizer_strength=0.5)
    model.fit({"choice": X, "rt": Z}, y, session_starts=starts)
    assert (model.coef_["choice"][:, 1] == 0).all()
    assert (model.coef_["rt"][:, 0] == 0).all()
    alone = GLMHMM(1, regularizer_strength=0.5, tol=1e-10).fit(X, y[:, 0])
    np.testing.assert_allclose(model.coef_["choice"][:, 0], alone.coef_, atol=1e-4)
    # A ridge on a Gaussian's weights under its maximum likelihood variance, in closed form.
    target, design = np.log(y[:, 1]), np.column_stack([Z, np.ones(600)])
    scale = model.scale_[1, 0]
    weights = np.linalg.solve(
        design.T @ design + 0.5 * scale * np.diag([1, 1, 0]), design.T @ target
    )
    np.testing.assert_allclose(model.coef_["rt"][:, 1, 0], weights[:2], atol=1e-5)
    count = information_criteria(model, {"choice": X, "rt": Z}, y, starts).n_parameters
    assert count == 1 + 2 + 2 + 1
    # A weight that an output has not is zero for sure.
    errors = standard_errors(model, {"choice": X, "rt": Z}, y, starts)
    assert (errors.coef["choice"][:, 1] == 0).all()
    assert (errors.coef["rt"][:, 0] == 0).all()
    assert (errors.coef["rt"][:, 1] > 0).all()
    assert errors.notes == ()


def test_states_are_ordered_by_the_output_that_has_the_feature():
    model = truth({"rt": "LogNormal", "choice": "Bernoulli"})  # the feature is the second output's
    model.coef_ = np.array([[[0.0, 0.0], [0.3, 4.0]]])
    ordered = order_states(model, by=np.int64(0))
    np.testing.assert_array_equal(ordered.coef_[0, 1], [4.0, 0.3])
    model.coef_ = np.zeros((0, 2, 2))
    with pytest.raises(ValueError, match='by: expected "intercept" or "stay", got 0'):
        order_states(model, by=0)


def test_mixed_models_that_cannot_be():
    X, y = np.zeros((10, 1)), np.ones((10, 2))
    for outputs, match in (
        ({}, "distinct names"),
        ({"a": "Bernouli"}, "did you mean"),
        ({"a": ("Gamma", "expo")}, "a link among"),
        ({"a": "Wiener"}, "one predictor"),
    ):
        with pytest.raises(ValueError, match=match):
            GLMHMM(2, outputs)
    with pytest.raises(ValueError, match="links of their own"):
        GLMHMM(2, OUTPUTS, inverse_link_function="exp")
    with pytest.raises(ValueError, match="none of"):
        GLMHMM(1, OUTPUTS).fit(X, {"choice": y[:, 0]})
    with pytest.raises(ValueError, match=r"\(n_trials, 2\)"):
        GLMHMM(1, OUTPUTS).fit(X, y[:, 0])
    with pytest.raises(ValueError, match="output 'rt'"):
        GLMHMM(1, OUTPUTS).fit(X, np.column_stack([y[:, 0], -y[:, 1]]))
    assert MixedObservations(GLMHMM(1, OUTPUTS).observation_model.parts).names == ("choice", "rt")


@pytest.mark.parametrize(
    "eta", [(1.0, 0.4, 0.2, -1.6), (-2.0, -0.2, -0.5, -2.0), (0, 0.7, 0, -1.2)]
)
def test_diffusion_density_integrates_and_has_its_closed_form_moments(eta):
    family = WienerObservations()
    drift, bound, bias = eta[0], np.exp(eta[1]), 1 / (1 + np.exp(-eta[2]))
    times = np.exp(eta[3]) + np.linspace(0, 15, 6001)[1:] ** 2 / 15
    with jax.enable_x64(True):
        level = jnp.broadcast_to(jnp.asarray(eta, float)[None, :, None], (1, 4, len(times)))
        sides = [
            np.exp(family.log_prob(jnp.stack([jnp.full(len(times), c), times]), level, 1.0, None))[
                0
            ]
            for c in (0.0, 1.0)
        ]
        mean = np.asarray(family.mean(level[..., :1], 1.0, None))[0, :, 0]
    lower, upper = (integrate.simpson(side, x=times) for side in sides)
    assert lower + upper == pytest.approx(1, abs=1e-4)
    if drift:  # gambler's ruin
        ruin = -np.expm1(-2 * drift * bound * bias) / -np.expm1(-2 * drift * bound)
    else:
        ruin = bias
    assert upper == pytest.approx(ruin, abs=1e-4)
    assert mean[0] == pytest.approx(ruin)
    late = integrate.simpson((sides[0] + sides[1]) * times, x=times)
    assert mean[1] == pytest.approx(late, abs=1e-3)


def test_draws_of_a_fast_and_wide_diffusion():
    """Its time is the way over the speed, σ² the way over the speed's cube (inverse Gaussian)."""
    family = WienerObservations()
    rows = np.tile([20.0, np.log(20.0), 0.0, np.log(0.1)], (2000, 1))
    y = family.draw(np.random.default_rng(0), rows, None, None)
    assert (y[:, 0] == 1).all()
    spread = np.sqrt(10 / 20**3)
    assert y[:, 1].mean() == pytest.approx(0.1 + 10 / 20, abs=4 * spread / np.sqrt(2000))
    assert y[:, 1].std() == pytest.approx(spread, rel=0.1)


@pytest.mark.slow
def test_diffusion_models_are_fitted():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 1))
    model = GLMHMM(1, "Wiener")
    model.coef_ = np.array([[[1.5], [0.0], [0.0], [0.0]]])
    model.intercept_ = np.array([[0.2], [0.4], [0.1], [-1.4]])
    model.scale_ = np.ones((4, 1))
    model.initial_prob_, model.transition_prob_ = np.ones(1), np.ones((1, 1))
    y, mean, _ = model.simulate(2, X)
    np.testing.assert_allclose(y.mean(axis=0), mean.mean(axis=0), atol=0.06)
    fitted = GLMHMM(1, "Wiener", tol=1e-6, regularizer_strength=1e-3).fit(X, y)
    assert fitted.score(X, y) >= model.score(X, y)
    assert (fitted.coef_[:, 1:] == 0).all()
    errors = standard_errors(fitted, X, y)
    assert (errors.coef[:, 1:] == 0).all()
    assert errors.notes == ()
    off = np.abs(fitted.intercept_ - model.intercept_)
    assert (off < 4 * errors.intercept).all()
    assert fitted.coef_[0, 0, 0] == pytest.approx(1.5, abs=4 * errors.coef[0, 0, 0])


@pytest.mark.slow
def test_a_response_that_no_state_can_make():
    """A reaction before every non-decision time: probability zero, and silence on the states."""
    model = GLMHMM(2, "Wiener", missing="mask")
    model.coef_ = np.array([[[2.0, 0.5], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]])
    model.intercept_ = np.array([[0.0, 0.5], [0.3, 0.4], [0.0, 0.0], [-1.5, -1.2]])
    model.scale_ = np.ones((4, 2))
    model.initial_prob_, model.transition_prob_ = truth().initial_prob_, truth().transition_prob_
    X = np.random.default_rng(0).normal(size=(80, 1))
    y, *_ = model.simulate(1, X)
    early = np.array(y)
    early[30, 1] = 0.05
    gone = np.array(y)
    gone[30] = np.nan
    assert model.score(X, early) == -np.inf
    each, other = (model.log_likelihood_per_trial(X, v) for v in (early, gone))
    np.testing.assert_allclose(np.delete(each, 30), np.delete(other, 30), rtol=1e-10)
    np.testing.assert_allclose(model.smooth_proba(X, early), model.smooth_proba(X, gone))
    online = OnlineFilter(model)
    steps = [online.step(x, {"rt": b, "choice": a}) for x, (a, b) in zip(X, early, strict=True)]
    np.testing.assert_allclose(steps, model.filter_proba(X, early), atol=1e-10)
    ax = plot_psychometric(model, X, y, stimulus=X[:, 0], output="choice")
    with pytest.raises(ValueError, match="holds choices"):
        plot_psychometric(model, X, y, stimulus=X[:, 0], output="rt")
    rates = model.state_rates(X)[:, 0]
    rise = ax.lines[1].get_ydata()  # of the first state, whose drift follows the stimulus
    assert np.interp(0, ax.lines[1].get_xdata(), rise) == pytest.approx(0.5, abs=1e-4)
    assert rise.min() == pytest.approx(rates[:, 0].min())


def test_held_out_responses_that_no_state_can_make_score_minus_infinity():
    assert bits_over(-np.inf, -np.inf, 10) == -np.inf
    assert bits_over(-np.inf, -5.0, 10) == -np.inf
    assert bits_over(-5.0, -12.0, 7) == pytest.approx(1 / np.log(2))
    assert np.isnan(bits_over(0.0, np.nan, 0))
    X = np.random.default_rng(0).normal(size=(40, 1))
    y = np.column_stack([np.arange(40) % 2, np.linspace(0.5, 1, 40)])
    y[35, 1] = 0.01  # far before what the other fold allows
    found = cross_validate(
        *(X, y, [0, 20]),
        n_states=(1,),
        folds=[0, 1],
        model=GLMHMM(1, "Wiener", tol=1e-2, maxiter=300),
        progress=False,
    )
    assert found.folds["bits_per_trial"].tolist()[1] == -np.inf
    assert found.table.loc[1, "bits_per_trial"] == -np.inf
    assert np.isnan(found.table.loc[1, "standard_error"])


def test_no_reaction_time_is_impossible_to_the_null_model_of_a_diffusion():
    """Of a process without a non-decision time it is that process, but for what was learnt."""
    family, level = WienerObservations(), np.array([0.8, 0.3, 0.2, -20.0])
    y = family.draw(np.random.default_rng(0), np.tile(level, (300, 1)), None, None)
    with jax.enable_x64(True):
        eta = jnp.broadcast_to(jnp.asarray(level)[None, :, None], (1, 4, 300))
        true = float(family.log_prob(jnp.asarray(y.T), eta, 1.0, None).sum())
    gain = family.null_log_likelihood(y, y, identity) - true
    assert 0 < gain < stats.chi2.isf(1e-3, 3) / 2  # of three parameters (Wilks)
    early = y.copy()
    early[3, 1] = 1e-4 * y[:, 1].min()
    assert np.isfinite(family.null_log_likelihood(y, early, identity))


def test_the_online_filter_takes_regressors_by_output_as_the_fit_does(drawn):
    X, y, starts, _ = drawn
    model, parts = truth(), {"rt": X[:, :1], "choice": X}
    coef = model.coef_
    model.coef_ = {"rt": 2 * coef[:1], "choice": coef.copy()}
    model.coef_["rt"][:, 0] = model.coef_["choice"][:, 1] = 0.0
    named = {"choice": y[:, 0], "rt": y[:, 1]}
    expected = model.filter_proba(parts, named, starts)
    assert not diagnose(model, parts, named, starts).collinear  # no output has both copies of x
    online = OnlineFilter(model)
    for t in range(5):
        one = {name: part[t] for name, part in parts.items()}
        ahead = online.predict(one)
        np.testing.assert_allclose(ahead, model.predict(parts, named, starts)[t], rtol=1e-9)
        np.testing.assert_allclose(online.step(one, y[t]), expected[t], atol=1e-10)
    for x in (X[0], {"rt": X[0, :1]}, {"rt": [0.0, 0.0], "choice": []}):
        with pytest.raises(ValueError, match="x: expected"):
            online.step(x, y[0])


def test_a_plain_chain_of_named_outputs_goes_through_filter_and_bootstrap(drawn):
    """Both say in their own ways what is not there: a trial's regressors, all regressors."""
    _, y, starts, _ = drawn
    named = {"choice": y[:, 0], "rt": y[:, 1]}
    model = truth()
    model.coef_ = np.zeros((0, 2, 2))
    online = OnlineFilter(model)
    steps = [online.step(None, one) for one in y[:5]]
    np.testing.assert_allclose(steps, model.filter_proba(None, named, starts)[:5], atol=1e-10)
    assert online.predict(None).shape == (2,)
    found = parametric_bootstrap(model, None, named, starts, n_samples=2, seed=1)
    again = parametric_bootstrap(model, None, y, starts, n_samples=2, seed=1)
    np.testing.assert_array_equal(found.intercept, again.intercept)
    with pytest.raises(ValueError, match="y: expected the responses of the fit"):
        parametric_bootstrap(model, None, starts, n_samples=2)
