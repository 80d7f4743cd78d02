"""Trees that a network of few simulations starts from: scikit-learn's, in arrays of our own."""

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor

import neuroloom.circuit_inference as ci
from neuroloom.circuit_inference._estimators import forest as module
from neuroloom.circuit_inference._estimators.forest import Forest
from neuroloom.shared import Seed


@pytest.fixture
def rows(rng):
    x = rng.standard_normal((150, 5))
    return x, np.column_stack([x[:, 0] * x[:, 1], np.abs(x[:, 2])])


def sklearn_trees(x, targets, seed):
    trees = ExtraTreesRegressor(
        module._N_TREES, min_samples_leaf=module._SMALLEST_LEAF, bootstrap=True, oob_score=True,
        random_state=seed.integer(31),
    )  # fmt: skip
    return trees.fit(x, targets)


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 2])
def test_says_what_scikit_learn_says(rows, rng, d):
    x, targets = rows[0], rows[1][:, :d]
    forest, held_out = Forest.fit(x, targets, Seed(3))
    theirs = sklearn_trees(x, targets if d > 1 else targets[:, 0], Seed(3))
    fresh = rng.standard_normal((400, 5))
    expected = theirs.predict(fresh).reshape(400, d)
    np.testing.assert_allclose(forest(fresh), expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(held_out, theirs.oob_prediction_.reshape(150, d))


def test_held_out_rows_are_not_known(rng):
    """Targets of pure noise are learned by heart, and cannot be told of rows left out."""
    x, targets = rng.standard_normal((300, 4)), rng.standard_normal((300, 1))
    forest, held_out = Forest.fit(x, targets, Seed(1))
    assert np.corrcoef(forest(x).ravel(), targets.ravel())[0, 1] > 0.8
    assert abs(np.corrcoef(held_out.ravel(), targets.ravel())[0, 1]) < 0.2  # 3.5 standard errors


def damaged(arrays, name, change):
    out = {key: value.copy() for key, value in arrays.items()}
    change(out[name])
    return out


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("left", lambda a: a.__setitem__(0, 0)),  # a node that leads to itself
        ("right", lambda a: a.__setitem__(0, len(a))),
        ("feature", lambda a: a.__setitem__(0, 5)),
        ("root", lambda a: a.__setitem__(0, -1)),
    ],
)
def test_no_trees_in_a_file(rows, name, change):
    arrays = Forest.fit(*rows, Seed(3))[0].arrays()
    assert Forest.from_arrays(arrays, 2)(rows[0]).shape == (150, 2)
    with pytest.raises(ci.errors.ModelFormatError, match="expected trees"):
        Forest.from_arrays(damaged(arrays, name, change), 2)
    with pytest.raises(ci.errors.ModelFormatError, match="expected trees"):
        Forest.from_arrays(arrays, 3)
    with pytest.raises(ci.errors.ModelFormatError, match="expected arrays"):
        Forest.from_arrays({k: v for k, v in arrays.items() if k != name}, 2)


def size_and_side(n, rng):
    """Return θ in (−1, 1) seen by its size and its side, among ten columns that say nothing."""
    theta = rng.uniform(-1, 1, (n, 1))
    seen = [np.abs(theta), theta > 0, rng.standard_normal((n, 10))]
    return np.hstack(seen).astype(float), theta


@pytest.mark.slow
def test_few_simulations_and_columns_of_noise(rng):
    """The features settle θ; a straight line gets three quarters of its variance."""
    prior = ci.Prior(("theta",), (-1.0,), (1.0,))
    x, theta = size_and_side(100, rng)
    fresh = size_and_side(500, rng)
    found = {
        trees: ci.Inferer("mdn", prior, hyperparams={} if trees is None else {"trees": trees})
        .fit(x, theta, seed=1)
        .diagnose(*fresh, n_samples=200, levels=(0.9,), seed=1)
        for trees in (None, "no")
    }
    assert found[None].contraction[0] > 0.9
    assert found["no"].contraction[0] < 0.85
    # A hundred simulations settle coverage to √(.9 · .1 / 100) = .03.
    assert abs(found[None].coverage[0, 0] - 0.9) < 3 * 0.03


@pytest.mark.parametrize("trees", ["no", "beside", "alone"])
def test_files_keep_the_trees(rng, tmp_path, trees):
    prior = ci.Prior(("theta",), (-1.0,), (1.0,))
    x, theta = size_and_side(60, rng)
    options = {"trees": trees, "hidden": (8,), "n_components": 1, "max_epochs": 3}
    model = ci.Inferer("mdn", prior, hyperparams=options).fit(x, theta, seed=1)
    model.save(tmp_path / "model")
    assert (tmp_path / "model" / "trees.safetensors").exists() == (trees != "no")
    again = ci.Inferer.load(tmp_path / "model")
    np.testing.assert_array_equal(
        again.sample(x[:5], n_samples=20, seed=2),
        model.sample(x[:5], n_samples=20, seed=2),
    )


def test_an_unknown_use_of_trees():
    prior = ci.Prior(("theta",), (-1.0,), (1.0,))
    with pytest.raises(ci.errors.ArgumentError, match="trees"):
        ci.Inferer("mdn", prior, hyperparams={"trees": "both"}).fit(
            np.zeros((50, 2)), np.zeros((50, 1)), seed=1
        )
