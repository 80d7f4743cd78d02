"""Features and parameters in tables of pandas: by name, row by row, and nothing by chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import neuroloom.circuit_inference as ci

RNG = np.random.default_rng(0)
PRIOR = ci.Prior.box({"a": (0, 2), "b": (0, 2)})
THETA = PRIOR.sample(120, seed=0)
FEATURES = pd.DataFrame(THETA + 0.1 * RNG.standard_normal((120, 2)), columns=["f", "g"])
TABLE = pd.DataFrame(THETA, columns=["a", "b"])


def _fit(features: Any, theta: Any, **options: Any) -> ci.Inferer:
    return ci.Inferer("Ridge", PRIOR).fit(features, theta, **options)


def _means(inferer: ci.Inferer) -> np.ndarray:
    return inferer.predict(FEATURES, warn=False).mean


def test_parameters_go_by_name() -> None:
    np.testing.assert_array_equal(
        _means(_fit(FEATURES, TABLE[["b", "a"]])), _means(_fit(FEATURES, THETA))
    )
    with pytest.raises(ci.CircuitInferenceError, match="expected the columns"):
        _fit(FEATURES, TABLE.rename(columns={"b": "c"}))
    assert ci.Inferer("Ridge").fit(FEATURES, TABLE).prior.names == ("a", "b")


def test_diagnosis_goes_by_name() -> None:
    inferer = _fit(FEATURES, THETA)
    seen = FEATURES + 1e-6
    plain, named = (inferer.diagnose(seen, t, seed=0) for t in (THETA, TABLE[["b", "a"]]))
    np.testing.assert_array_equal(plain.r, named.r)
    assert plain.r.min() > 0.9
    with pytest.raises(ci.PriorError, match="in row 3"):
        inferer.diagnose(seen, np.where(np.arange(120)[:, None] == 3, 5.0, THETA))


def test_rows_in_another_order_are_refused() -> None:
    moved = TABLE.sample(frac=1.0, random_state=0)
    for features in (FEATURES, FEATURES.to_numpy()):
        with pytest.raises(ci.CircuitInferenceError, match="order"):
            _fit(features, moved)
    both = _fit(FEATURES.loc[moved.index], moved)  # moved alike
    np.testing.assert_allclose(_means(both), _means(_fit(FEATURES, TABLE)), atol=1e-8)
    _fit(FEATURES[60:], TABLE[60:])
    _fit(FEATURES[60:].to_numpy(), TABLE[60:])


@pytest.mark.parametrize(
    ("features", "theta"),
    [(FEATURES, THETA + 1j), (FEATURES.to_numpy() + 1j, THETA), (FEATURES, TABLE.astype(str))],
)
def test_what_is_no_real_number_is_refused(features: Any, theta: Any) -> None:
    with pytest.raises(ci.CircuitInferenceError, match=r"theta|features"):
        _fit(features, theta)


def test_columns_of_one_name_and_sets_of_other_features() -> None:
    with pytest.raises(ci.FeatureMismatchError, match="'f'"):
        _fit(FEATURES.set_axis(["f", "f"], axis=1), THETA)
    with pytest.raises(ci.FeatureMismatchError, match="feature_set"):
        _fit(FEATURES.to_numpy(), THETA, feature_set=ci.FeatureSet(ci.Moments(("mean",))))


def test_posteriors_need_draws_and_names_of_their_own() -> None:
    options = {"n_members": 1, "n_folds": 0, "max_epochs": 1}
    inferer = ci.Inferer("mdn", PRIOR, hyperparams=options).fit(FEATURES, THETA, seed=0)
    numbers: tuple[Any, ...] = (0, -1, 1.5)
    for n in numbers:
        with pytest.raises(ci.CircuitInferenceError, match="n_samples"):
            inferer.predict(FEATURES, n_samples=n)
        with pytest.raises(ci.CircuitInferenceError, match="n_samples"):
            inferer.sample(FEATURES, n)
    posterior = inferer.predict(FEATURES, n_samples=5, warn=False, seed=0)
    with pytest.raises(ci.CircuitInferenceError, match="name: "):
        posterior.derived("a", lambda draws: draws["a"])
    number: Any = 3.0
    with pytest.raises(ci.CircuitInferenceError, match="function: "):
        posterior.derived("c", lambda draws: number)
