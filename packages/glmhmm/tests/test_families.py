"""Parameters that made the data come back, for every family, one output or many."""

import numpy as np
import pytest
from problems import drawn, known
from scipy.special import expit
from scipy.stats import gamma, nbinom, norm, poisson
from sklearn.linear_model import LogisticRegression

from neuroloom.glmhmm import GLMHMM, match_states, permute_states
from neuroloom.glmhmm.observation_models import BernoulliObservations, CategoricalObservations

SMALL = ((0.4, -0.3), (0.2, 0.1))
CASES = {
    "Poisson": {"coef": SMALL, "intercept": (2.0, 0.3)},
    "Gaussian": {"coef": ((2.0, -1.0), (0.0, 1.0)), "intercept": (0.0, 3.0), "scale": (0.5, 2.0)},
    "Gamma": {"coef": SMALL, "intercept": (1.5, 4.0), "scale": (0.2, 0.05)},
    "NegativeBinomial": {"coef": SMALL, "intercept": (2.5, 0.5), "scale": (0.3, 0.1)},
}


@pytest.mark.parametrize("name", CASES)
def test_parameters_come_back(name):
    truth = known(name, **CASES[name])
    X, y, starts, states = drawn(truth, 3000, 150, spread=0.4 if name == "Gamma" else 1.0)
    model = GLMHMM(2, name, regularizer="UnRegularized", n_init=3, seed=1, tol=1e-6)
    model.fit(X, y, session_starts=starts)
    model = permute_states(model, match_states(model, truth))
    assert model.score(X, y, starts) >= truth.score(X, y, starts)
    tolerance = 0.6 if name == "Gamma" else 0.15
    np.testing.assert_allclose(model.coef_, truth.coef_, atol=tolerance)
    np.testing.assert_allclose(model.intercept_, truth.intercept_, rtol=0.08, atol=0.1)
    np.testing.assert_allclose(model.scale_, truth.scale_, rtol=0.3, atol=0.06)
    np.testing.assert_allclose(model.transition_prob_, truth.transition_prob_, atol=0.03)
    decoded = model.decode_state(X, y, starts, state_format="index")
    ideal = truth.decode_state(X, y, starts, state_format="index")
    assert (decoded == states).mean() > (ideal == states).mean() - 0.02


DENSITIES = {
    "Bernoulli": lambda y, m, s: np.log(np.where(y == 1, m, 1 - m)),
    "Poisson": lambda y, m, s: poisson.logpmf(y, m),
    "Gaussian": lambda y, m, s: norm.logpdf(y, m, np.sqrt(s)),
    "Gamma": lambda y, m, s: gamma.logpdf(y, 1 / s, scale=m * s),
    "NegativeBinomial": lambda y, m, s: nbinom.logpmf(y, 1 / s, 1 / (1 + s * m)),
}


@pytest.mark.parametrize("name", DENSITIES)
def test_log_likelihood_is_that_of_scipys_distributions(name):
    truth = known(name, **CASES.get(name, {}))
    X, y, starts, _ = drawn(truth, 60, 20, spread=0.3)
    mean = truth.state_rates(X)
    log_p = DENSITIES[name](y[:, None], mean, truth.scale_)
    total, now = 0.0, truth.initial_prob_
    for t in range(60):
        before = truth.initial_prob_ if starts[t] else now @ truth.transition_prob_
        joint = before * np.exp(log_p[t])
        total += np.log(joint.sum())
        now = joint / joint.sum()
    assert truth.score(X, y, starts) == pytest.approx(total, rel=1e-11)
    per_trial = truth.log_likelihood_per_trial(X, y, starts)
    assert per_trial.sum() == pytest.approx(total, rel=1e-11)


def test_one_state_of_choices_is_logistic_regression():
    X, y, *_ = drawn(known(), 400)
    model = GLMHMM(1, regularizer_strength=2.0).fit(X, y)
    other = LogisticRegression(C=0.5, tol=1e-10, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(model.coef_[:, 0], other.coef_[0], atol=1e-5)
    np.testing.assert_allclose(model.intercept_, other.intercept_, atol=1e-5)


@pytest.mark.slow
def test_two_categories_have_the_null_of_bernoulli_choices():
    train, test = np.repeat([0.0, 1.0, 0.0], [5, 3, 1]), np.array([0.0, 1.0, 1.0])
    fractions = np.array([6 / 9, 3 / 9])
    for family in (BernoulliObservations(), CategoricalObservations(2)):
        value = family.null_log_likelihood(train, test, family.default_inverse_link_function)
        assert np.isclose(value, np.log(fractions[test.astype(int)]).sum(), rtol=1e-12)
    three = CategoricalObservations(3)
    link = three.default_inverse_link_function
    never = three.null_log_likelihood(train, np.array([2.0]), link)
    assert np.isclose(never, np.log(0.5 / 9.5), rtol=1e-12)
    nothing = three.null_log_likelihood(train[:0], test, link)
    assert np.isclose(nothing, 3 * np.log(1 / 3), rtol=1e-12)


def test_categorical_choices():
    rng = np.random.default_rng(0)
    truth = GLMHMM(2, CategoricalObservations(3))
    truth.coef_ = np.array([[[2.0, -1.0], [-2.0, 0.5]], [[0.0, 1.0], [1.0, 0.0]]])
    truth.intercept_ = np.array([[0.0, 1.5], [0.0, -1.0]])
    truth.scale_ = np.ones((2, 2))
    truth.initial_prob_, truth.transition_prob_ = np.ones(2) / 2, np.array([[0.95, 0.05]] * 2)
    truth.transition_prob_[1] = [0.05, 0.95]
    X = rng.normal(size=(3000, 2))
    y, rates, _ = truth.simulate(1, X)
    assert rates.shape == (3000, 3)
    np.testing.assert_allclose(rates.sum(axis=1), 1, atol=1e-12)
    model = GLMHMM(2, CategoricalObservations(3), n_init=3, seed=0, tol=1e-5)
    model.set_params(regularizer_strength=0.1).fit(X, y)
    model = permute_states(model, match_states(model, truth))
    np.testing.assert_allclose(model.coef_, truth.coef_, atol=0.45)
    np.testing.assert_allclose(model.transition_prob_, truth.transition_prob_, atol=0.03)
    assert model.score(X, y) > truth.score(X, y) - 1
    assert model.predict(X, y).shape == (3000, 3)
    with pytest.raises(ValueError, match="categories 0 … 2"):
        model.fit(X, np.where(y == 2, 3, y))


def test_two_categories_are_a_bernoulli_choice():
    X, y, starts, _ = drawn(known(), 300)
    start = GLMHMM(2, seed=4).initialize_params(X, y)
    start = (start[0] + [[1.0, 0.0], [0.0, 0.0]], *start[1:])
    one = GLMHMM(2).fit(X, y, init_params=start, session_starts=starts)
    wide = tuple(part[..., None, :] if i < 3 else part for i, part in enumerate(start))
    many = GLMHMM(2, CategoricalObservations(2))
    many.fit(X, y, init_params=wide, session_starts=starts)
    assert many.score(X, y, starts) == pytest.approx(one.score(X, y, starts), abs=1e-5)
    np.testing.assert_allclose(many.coef_[:, 0], one.coef_, atol=1e-3)


@pytest.mark.slow
def test_population_counts_share_the_states():
    rng = np.random.default_rng(0)
    truth = GLMHMM(2, "Poisson")
    truth.coef_ = 0.3 * rng.normal(size=(2, 4, 2))
    truth.intercept_ = np.array([[1.0, 2.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    truth.scale_ = np.ones((4, 2))
    truth.initial_prob_, truth.transition_prob_ = np.ones(2) / 2, np.array([[0.9, 0.1], [0.1, 0.9]])
    X = rng.normal(size=(1500, 2))
    y, rates, states = truth.simulate(0, X)
    assert y.shape == rates.shape == (1500, 4)
    model = GLMHMM(2, "Poisson", n_init=3, seed=0, tol=1e-5).fit(X, y)
    assert model.coef_.shape == (2, 4, 2)
    assert model.intercept_.shape == (4, 2)
    model = permute_states(model, match_states(model, truth))
    np.testing.assert_allclose(model.intercept_, truth.intercept_, atol=0.15)
    np.testing.assert_allclose(model.coef_, truth.coef_, atol=0.12)
    decoded = model.decode_state(X, y, state_format="index")
    assert (decoded == states).mean() > 0.97
    # Given the states the outputs are independent: the log densities add up.
    log_p = poisson.logpmf(y[..., None], truth.state_rates(X)).sum(axis=1)
    now, total = truth.initial_prob_, 0.0
    for t in range(1500):
        joint = (now if t == 0 else now @ truth.transition_prob_) * np.exp(
            log_p[t] - log_p[t].max()
        )
        total += np.log(joint.sum()) + log_p[t].max()
        now = joint / joint.sum()
    assert truth.score(X, y) == pytest.approx(total, rel=1e-10)


def test_links_of_ones_own():
    X, y, *_ = drawn(known("Poisson", **CASES["Poisson"]), 400)
    import jax

    soft = GLMHMM(1, "Poisson", inverse_link_function="softplus", tol=1e-10).fit(X, y)
    mean = np.log1p(np.exp(X @ soft.coef_ + soft.intercept_))[:, 0]
    slope = (y / mean - 1) * expit(X @ soft.coef_ + soft.intercept_)[:, 0]
    np.testing.assert_allclose(X.T @ slope, soft.coef_[:, 0], atol=1e-3)
    assert slope.sum() == pytest.approx(0, abs=1e-3)
    again = GLMHMM(1, "Poisson", inverse_link_function=jax.nn.softplus, tol=1e-10).fit(X, y)
    np.testing.assert_array_equal(again.coef_, soft.coef_)


def test_states_without_a_category_are_told_as_those_without_a_choice():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 60).astype(float)
    posterior = np.where(np.arange(60)[:, None] < 30, [1.0, 0.0], [0.0, 1.0])
    y[:30] = 1
    for values in (y, 1 - y, np.where(np.arange(60) == 3, 0.0, y)):
        two = CategoricalObservations(2).lopsided(values, posterior)
        choices = BernoulliObservations().lopsided(values, posterior)
        assert [k for k, _ in two] == [k for k, _ in choices]
    three = CategoricalObservations(4).lopsided(np.where(y == 1, 3.0, y), posterior)
    assert three == [
        (0, "categories [0, 1, 2] have no choice in state 0"),
        (1, "categories [1, 2] have no choice in state 1"),
    ]
