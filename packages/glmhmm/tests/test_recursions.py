"""Forward–backward and Viterbi against enumeration of all paths, and EM's ascent."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroloom.glmhmm._em import em, log_recursions, recursions
from neuroloom.glmhmm._em.packing import Layout, lay_out, pack
from neuroloom.glmhmm._em.viterbi import most_likely_path
from neuroloom.glmhmm._em.viterbi import viterbi as viterbi_path
from neuroloom.glmhmm._model.parameters import Model, plain_prior
from neuroloom.glmhmm.observation_models import (
    BernoulliObservations,
    GammaObservations,
    GaussianObservations,
    NegativeBinomialObservations,
    PoissonObservations,
)


def problem(rng, n, k, *, zeros=False, sharp=1.0):
    log_p = sharp * rng.normal(size=(n, k))
    initial = rng.dirichlet(np.ones(k))
    transition = rng.dirichlet(np.ones(k), size=k)
    if zeros and k > 1:
        transition[0, 1] = 0
        transition /= transition.sum(axis=1, keepdims=True)
    return log_p, initial, transition


def enumerate_paths(log_p, starts, initial, transition):
    n, k = log_p.shape
    paths = np.array(list(itertools.product(range(k), repeat=n)))
    total = log_p[np.arange(n), paths].sum(axis=1)
    with np.errstate(divide="ignore"):
        for t in range(n):
            source = np.log(initial)[paths[:, t]]
            if not starts[t]:
                source = np.log(transition)[paths[:, t - 1], paths[:, t]]
            total = total + source
    top = total.max()
    weight = np.exp(total - top)
    smooth = np.array([[weight[paths[:, t] == j].sum() for j in range(k)] for t in range(n)])
    pairs = np.zeros((k, k))
    for t in range(1, n):
        if not starts[t]:
            np.add.at(pairs, (paths[:, t - 1], paths[:, t]), weight)
    return (
        np.log(weight.sum()) + top,
        smooth / weight.sum(),
        pairs / weight.sum(),
        paths[total.argmax()],
    )


@functools.partial(jax.jit, static_argnames=("split", "logs"))
def both_ways(packed, reset, start, initial, matrix, split, logs=False):
    if logs:
        ahead = log_recursions.forward(packed, reset, initial, matrix)
        return log_recursions.backward(ahead, reset, start, matrix)
    likelihood, top = recursions.relative(packed)
    ahead = recursions.forward(likelihood, top, reset, initial, matrix, split=split)
    return recursions.backward(ahead, reset, start, matrix, split=split)


viterbi = jax.jit(viterbi_path)


def run(log_p, starts, initial, transition, layout, logs=False):
    shape = (layout.n_steps, layout.n_columns)
    packed = layout.put(log_p, 0.0).reshape(-1, *shape).transpose(1, 0, 2)
    reset = layout.put(starts, True).reshape(shape)
    start = layout.put(starts.astype(float), 0.0).reshape(shape)
    with jax.enable_x64(True):
        matrix = jnp.asarray(transition)[:, :, None]
        found = both_ways(packed, reset, start, jnp.asarray(initial), matrix, layout.split, logs)
        smooth = layout.take(
            np.moveaxis(np.asarray(found.smoothed), 1, 0).reshape(len(initial), -1)
        )
        return float(found.log_likelihood), smooth, np.asarray(found.pairs), np.asarray(found.first)


def layouts_of(starts):
    n = len(starts)
    whole = lay_out(starts)
    t = np.arange(n)
    cut = Layout((t % 3) * (-(-n // 3)) + t // 3, 3, -(-n // 3), split=True)
    return [whole, cut]


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    size=st.sampled_from([(1, 3), (7, 1), (7, 3)]),
    zeros=st.booleans(),
    sharp=st.sampled_from([1.0, 30.0]),
)
def test_equals_enumeration(seed, size, zeros, sharp):
    n, k = size
    rng = np.random.default_rng(seed)
    log_p, initial, transition = problem(rng, n, k, zeros=zeros, sharp=sharp)
    starts = rng.random(n) < 0.3
    starts[0] = True
    value, smooth, pairs, best = enumerate_paths(log_p, starts, initial, transition)
    whole, cut = layouts_of(starts)
    # One trial cannot be cut; each layout is a program more to compile.
    for layout, logs in ((whole, False), *([(cut, False)] if n > 1 else []), (whole, True)):
        found = run(log_p, starts, initial, transition, layout, logs)
        assert found[0] == pytest.approx(value, abs=1e-9)
        np.testing.assert_allclose(found[1], smooth, atol=1e-10)
        np.testing.assert_allclose(found[2], pairs, atol=1e-10)
        np.testing.assert_allclose(found[3], smooth[starts].sum(axis=0), atol=1e-10)
    with jax.enable_x64(True), np.errstate(divide="ignore"):
        path = viterbi(*map(jnp.asarray, (log_p, starts, initial, transition)))
    np.testing.assert_array_equal(np.asarray(path), best)


@pytest.mark.parametrize("n", [9, 17, 33])
def test_paths_of_near_lengths_share_a_program(n):
    """Trials are added at the end so that a coarse grid of sizes is compiled for."""
    rng = np.random.default_rng(n)
    log_p, initial, transition = problem(rng, n, 3, zeros=False, sharp=3.0)
    starts = rng.random(n) < 0.2
    starts[0] = True
    every = rng.dirichlet(np.ones(3), size=(n, 3))
    for matrix in (transition, every):
        path = most_likely_path(log_p, starts, initial, matrix)
        best = oracle.viterbi(log_p, initial, matrix, starts)[1]
        assert oracle.path_value(path, log_p, initial, matrix, starts) == pytest.approx(best)


def test_long_chain_underflows_nowhere():
    rng = np.random.default_rng(0)
    n = 3000
    log_p = 400 * rng.normal(size=(n, 2))
    starts = np.zeros(n, dtype=bool)
    starts[0] = True
    identity = np.array([[1 - 1e-9, 1e-9], [1e-9, 1 - 1e-9]])
    value, smooth, *_ = run(log_p, starts, np.array([0.5, 0.5]), identity, lay_out(starts))
    a, total = np.log([0.5, 0.5]), 0.0
    with np.errstate(divide="ignore"):
        for t in range(n):
            if t:
                a = np.logaddexp(a[0] + np.log(identity[0]), a[1] + np.log(identity[1]))
            a = a + log_p[t]
        total = np.logaddexp(*a)
    assert value == pytest.approx(total, rel=1e-9)
    assert np.isfinite(smooth).all()


def cast(a, dtype):
    return jnp.asarray(a, dtype) if np.asarray(a).dtype.kind == "f" else a


FAMILIES = {  # observations, and draws of a given mean in (0, 1)
    "bernoulli": (BernoulliObservations(), lambda rng, m: rng.random(len(m)) < m),
    "gamma": (GammaObservations(), lambda rng, m: rng.gamma(2, 3 * m)),
    "gaussian": (GaussianObservations(), lambda rng, m: rng.normal(10 * m, 2)),
    "negative binomial": (
        NegativeBinomialObservations(),
        lambda rng, m: rng.negative_binomial(2, 1 / (1 + 3 * m)),
    ),
    "poisson": (PoissonObservations(), lambda rng, m: rng.poisson(3 * m)),
}


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    name=st.sampled_from(sorted(FAMILIES)),
    single=st.booleans(),
    strength=st.sampled_from([0.01, 1.0, 30.0]),
    alpha=st.sampled_from([1.0, 5.0]),
)
def test_penalised_objective_never_falls(seed, name, single, strength, alpha):
    rng = np.random.default_rng(seed)
    n, d, k = 60, 2, 2
    x = rng.normal(size=(n, d)) * rng.uniform(0.2, 3)
    family, draw = FAMILIES[name]
    y = draw(rng, np.repeat(rng.uniform(0.2, 0.8, n // 10), 10))
    starts = np.zeros(n, dtype=bool)
    starts[::20] = True
    # The reciprocal link allows no mean for some weights, so gamma starts from another.
    link = jnp.exp if name == "gamma" else family.default_inverse_link_function
    model = Model(family, link)
    layout = lay_out(starts)
    prior = plain_prior(k, 1, d, strength)._replace(transition=np.full((k, k), alpha))
    start = em.Parameters(
        0.5 * rng.normal(size=(k, 1, d + 1)),
        np.zeros((k, 1)),
        np.full(k, 1 / k),
        np.array([[0.9, 0.1], [0.1, 0.9]]),
        np.zeros((k, k, 0)),
    )
    trials = pack(layout, x, y.astype(float), starts, np.ones(n, bool))
    # One family says what single precision adds; each program more takes seconds to compile.
    for single_precision in (False, single and name == "bernoulli"):
        dtype = jnp.float32 if single_precision else jnp.float64
        with jax.enable_x64(not single_precision):
            arguments = jax.tree.map(functools.partial(cast, dtype=dtype), (start, trials, prior))
            tol = jnp.asarray(1e-8, dtype)
            fit = em.fit_one(*arguments, tol, 200, model=model, trace=256)
            trace = np.asarray(fit.objectives, dtype=np.float64)
        trace = trace[np.isfinite(trace)]
        assert len(trace) >= 1
        slack = 1e-5 if single_precision else 1e-8
        assert np.diff(trace).min(initial=0) >= -slack * abs(trace[-1])
        assert np.isfinite(np.asarray(fit.parameters.weights)).all()
