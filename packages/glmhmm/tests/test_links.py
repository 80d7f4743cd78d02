"""Log densities of every family under every named link, against scipy and by finite differences."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from neuroloom.glmhmm import GLMHMM, observation_models
from neuroloom.glmhmm._families.links import LINKS
from neuroloom.glmhmm._families.registry import FAMILIES

MEANS = {  # plain numpy, written down once more
    "exp": np.exp,
    "identity": lambda x: x,
    "one_over_x": lambda x: 1 / x,
    "reciprocal": lambda x: 1 / x,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "norm_cdf": stats.norm.cdf,
}
DENSITIES = {
    "Poisson": (lambda y, m: stats.poisson.logpmf(y, m), np.array([0.0, 1.0, 7.0])),
    "Gamma": (lambda y, m: stats.gamma.logpdf(y, 2, scale=m / 2), np.array([0.1, 1.0, 4.0])),
    "Bernoulli": (lambda y, m: stats.bernoulli.logpmf(y, m), np.array([0.0, 1.0, 1.0])),
    "NegativeBinomial": (
        lambda y, m: stats.nbinom.logpmf(y, 2, 2 / (2 + m)),
        np.array([0.0, 2.0, 9.0]),
    ),
    "Gaussian": (lambda y, m: stats.norm.logpdf(y, m, np.sqrt(0.5)), np.array([-1.0, 0.0, 2.0])),
    "LogNormal": (
        lambda y, m: stats.lognorm.logpdf(y, np.sqrt(0.5), scale=np.exp(m)),
        np.array([0.2, 1.0, 3.0]),
    ),
    "InverseGaussian": (
        lambda y, m: stats.invgauss.logpdf(y, m * 0.5, scale=2),
        np.array([0.2, 1.0, 3.0]),
    ),
}
PAIRS = [(f, link) for f in DENSITIES for link in MEANS]


@functools.partial(jax.jit, static_argnums=(0, 1))
def parts(family, link, y, eta):
    rows, level = y[None], eta[None, None]
    scale = jnp.full((1, 1, 1), 0.5)
    value = family.log_prob(rows, level, scale, link) + family.base(rows)
    return value, *family.slopes(rows, level, scale, link)


def both(family, link, y, eta):
    """Return log density with base, and both slopes, in double precision."""
    with jax.enable_x64(True):
        found = parts(FAMILIES[family](), LINKS[link], jnp.asarray(y), jnp.asarray(eta))
    return (np.asarray(a).ravel() for a in found)


def test_every_family_and_link_is_tried():
    assert set(MEANS) == set(LINKS)
    assert set(DENSITIES) == set(FAMILIES) - {"Wiener"}


@pytest.mark.parametrize(("family", "link"), PAIRS)
def test_density_is_scipys_and_slopes_are_its_derivatives(family, link):
    density, values = DENSITIES[family]
    eta, y = (a.ravel() for a in np.meshgrid([-2.5, -0.7, -0.1, 0.2, 0.6, 0.9, 2.5], values))
    mean = MEANS[link](eta)
    inside = {"Bernoulli": (mean > 0) & (mean < 1)}.get(family, mean > 0)
    if family in ("Gaussian", "LogNormal"):
        inside = np.ones(len(eta), dtype=bool)
    step, close = 1e-5, {"rtol": 2e-4, "atol": 2e-5}
    value, first, second = both(family, link, y, eta)
    with np.errstate(all="ignore"):
        up, down = (density(y, MEANS[link](eta + s)) for s in (step, -step))
        exact = density(y, mean)
    np.testing.assert_allclose(value[inside], exact[inside], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(first[inside], ((up - down) / (2 * step))[inside], **close)
    above, below = (list(both(family, link, y, eta + s))[1] for s in (step, -step))
    np.testing.assert_allclose(second[inside], ((above - below) / (2 * step))[inside], **close)


@pytest.mark.parametrize("scale", [1e-4, 1e-8, 1e-15])
def test_tiny_scales_lose_no_digits(scale):
    """Counts become Poisson ones; a Gamma density at its mean is a Gaussian's, by Stirling."""
    y = np.array([0.0, 1.0, 5.0, 300.0])
    eta = np.log(np.array([0.5, 2.0, 4.0, 280.0]))
    with jax.enable_x64(True):
        at = jnp.full((1, 1, 1), scale)
        rows, level = jnp.asarray(y)[None], jnp.asarray(eta)[None, None]
        counts = observation_models.NegativeBinomialObservations()
        found = counts.log_prob(rows, level, at, jnp.exp) + counts.base(rows)
        gamma = observation_models.GammaObservations()
        mean = jnp.exp(level)
        peak = gamma.log_prob(mean[0], level, at, jnp.exp)
    close = {"rtol": 1e-12, "atol": 1e5 * scale + 1e-11}
    np.testing.assert_allclose(np.ravel(found), stats.poisson.logpmf(y, np.exp(eta)), **close)
    expected = -0.5 * np.log(2 * np.pi * scale) - scale / 12
    np.testing.assert_allclose(np.ravel(peak), np.full(4, expected), rtol=1e-12)


@pytest.mark.slow
def test_scales_stay_above_their_floor():
    """Extrapolated steps too; counts that vary less than Poisson ones drive the scale down."""
    rng = np.random.default_rng(0)
    y = rng.binomial(10, 0.4, 400).astype(float)
    model = GLMHMM(2, "NegativeBinomial", n_init=3, tol=1e-6).fit(None, y)
    assert model.scale_.min() >= 1e-6 * (1 - 1e-9)
    likely = stats.poisson.logpmf(y, y.mean()).sum()
    assert likely - 1 < model.score(None, y) < likely + 40


def test_starts_cross_no_pole():
    """Means of 1/x: states on the other side of the pole, or far from the data, are no starts."""
    rng = np.random.default_rng(6)
    state = (np.arange(900) // 45) % 3
    y = np.array([5.0, 2.0, 0.67])[state] + 0.4 * rng.normal(size=900)
    model = GLMHMM(3, "Gaussian", "reciprocal", n_init=8, tol=1e-4, seed=0).fit(None, y)
    np.testing.assert_allclose(np.sort(1 / model.intercept_), [0.67, 2.0, 5.0], atol=0.15)


@pytest.mark.parametrize("link", ["sigmoid", "norm_cdf"])
@pytest.mark.parametrize("family", ["Bernoulli", "Poisson", "NegativeBinomial"])
def test_tails_have_numbers(family, link):
    """Where a mean rounds to 0 or 1 the logarithm and its slopes still have a number."""
    eta = np.array([-300.0, -40.0, 40.0, 300.0])
    for y in (0.0, 1.0):
        for part in both(family, link, np.full(4, y), eta):
            assert np.isfinite(part).all()
    if family == "Bernoulli":
        expected = {"sigmoid": stats.logistic.logcdf, "norm_cdf": stats.norm.logcdf}[link](eta)
        np.testing.assert_allclose(next(both(family, link, np.ones(4), eta)), expected, rtol=1e-10)


def test_a_mean_outside_of_the_range_has_no_density():
    for family, link, eta in (("Gamma", "reciprocal", -1.0), ("Poisson", "identity", -0.5)):
        assert next(both(family, link, np.array([1.0]), np.array([eta]))) == -np.inf


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "link"), [("Gamma", None), ("Poisson", "identity"), ("Bernoulli", "norm_cdf")]
)
def test_fits_stay_inside_of_the_range_and_score_their_own_data(family, link):
    rng = np.random.default_rng(3)
    n = 400
    X = rng.normal(size=(n, 2))
    state = (np.arange(n) // 50) % 2
    eta = np.where(state == 0, 1 + 0.2 * X[:, 0], 3 + 0.5 * X[:, 1])
    draw = {
        "Gamma": lambda: rng.gamma(4.0, 1 / np.maximum(eta, 0.2) / 4),
        "Poisson": lambda: rng.poisson(np.maximum(2 * eta, 0.1)),
        "Bernoulli": lambda: rng.random(n) < stats.norm.cdf(eta - 2),
    }
    y = draw[family]().astype(float)
    model = GLMHMM(3, family, link, n_init=4, tol=1e-4, regularizer_strength=1e-3).fit(X, y)
    trace = model.solver_state_.objective_history
    trace = trace[np.isfinite(trace)]
    assert np.diff(trace).min(initial=0) >= -1e-8 * abs(trace[-1])
    assert model.score(X, y) == pytest.approx(model.solver_state_.data_log_likelihood, abs=1e-6)
    assert (model.state_rates(X) >= 0).all()


def test_a_subclass_behaves_as_its_parent():
    class Choice(observation_models.BernoulliObservations):
        """A choice under the laboratory's own name."""

    rng = np.random.default_rng(0)
    y = np.zeros(50)
    for one, other in ((Choice(), observation_models.BernoulliObservations()),):
        assert one.one_sided(y) == other.one_sided(y)
        level, size = np.array([[0.0]]), np.array([[[20.0]]])
        link = one.default_inverse_link_function
        assert one.separated(level, size, link) == other.separated(level, size, link)
        train, test = (rng.random(50) < 0.3).astype(float), (rng.random(20) < 0.3).astype(float)
        null = one.null_log_likelihood(train, test, link)
        assert null == other.null_log_likelihood(train, test, link)
        rate = train.mean()
        assert null == pytest.approx(np.log(np.where(test == 1, rate, 1 - rate)).sum())


def test_null_models_are_those_of_the_mean_and_scale():
    rng = np.random.default_rng(0)
    a, b = rng.normal(2, 3, 200), rng.normal(2, 3, 50)
    gaussian = observation_models.GaussianObservations()
    expected = stats.norm.logpdf(b, a.mean(), a.std()).sum()
    found = gaussian.null_log_likelihood(a, b, gaussian.default_inverse_link_function)
    assert found == pytest.approx(expected, abs=1e-5)
    counts, more = rng.poisson(3, 200).astype(float), rng.poisson(3, 50).astype(float)
    poisson = observation_models.PoissonObservations()
    found = poisson.null_log_likelihood(counts, more, poisson.default_inverse_link_function)
    assert found == pytest.approx(stats.poisson.logpmf(more, counts.mean()).sum(), abs=1e-8)
