import numpy as np
import pytest
from sklearn.exceptions import NotFittedError as SklearnNotFittedError

from neuroloom.circuit_inference import (
    Catch22,
    CircuitInferenceError,
    FeatureMismatchError,
    FeatureSet,
    Inference,
    NoValidSimulationsError,
)
from neuroloom.circuit_inference.errors import NotFittedError, ShapeError, UnknownNameError


@pytest.fixture
def linear(rng):
    x = rng.standard_normal((80, 4))
    return x, x @ [1.0, -2.0, 0.5, 0.0]


class TestPredict:
    def test_a_line_is_found(self, linear):
        x, theta = linear
        inference = Inference("LinearRegression")
        inference.add_simulation_data(x, theta)
        inference.train()
        predictions = inference.predict(x)
        assert isinstance(predictions, list)
        np.testing.assert_allclose(predictions, theta, atol=1e-9)

    def test_training_twice_changes_nothing(self, linear):
        # ncpi scales its features in place: after a second train() it predicts from raw inputs.
        x, theta = linear
        before = x.copy()
        inference = Inference("Ridge")
        inference.add_simulation_data(100 + 50 * x, theta)
        inference.train()
        once = inference.predict(100 + 50 * x)
        inference.train()
        np.testing.assert_array_equal(once, inference.predict(100 + 50 * x))
        np.testing.assert_array_equal(x, before)

    @pytest.mark.parametrize("flat", [True, False])
    def test_a_row_of_nan_stays_in_its_place(self, linear, flat):
        x, theta = linear
        inference = Inference("Ridge")
        inference.add_simulation_data(x, theta if flat else np.column_stack([theta, -theta]))
        inference.train()
        rows = x[:3].copy()
        rows[1, 2] = np.nan
        out = np.array(inference.predict(rows))
        assert np.isnan(out[1]).all()
        assert np.isfinite(out[[0, 2]]).all()

    def test_one_output_regressors_take_several_parameters(self, linear):
        x, theta = linear
        inference = Inference("SVR")
        inference.add_simulation_data(x, np.column_stack([theta, -theta]))
        inference.train()
        assert np.shape(inference.predict(x)) == (80, 2)

    def test_same_seed_same_bits(self, linear):
        x, theta = linear
        out = []
        for seed in (1, 1, 2):
            inference = Inference("RandomForestRegressor", {"n_estimators": 5}, seed=seed)
            inference.add_simulation_data(x, theta)
            inference.train()
            out.append(inference.predict(x))
        np.testing.assert_array_equal(out[0], out[1])
        assert not np.array_equal(out[0], out[2])

    def test_nothing_is_written_to_or_read_from_the_working_directory(
        self, linear, tmp_path, monkeypatch
    ):
        # ncpi loads ./data/model.pkl, whoever trained it and whatever it runs.
        monkeypatch.chdir(tmp_path)
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "model.pkl").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
        x, theta = linear
        with pytest.raises(NotFittedError):
            Inference("SVR").predict(x)
        inference = Inference("Ridge")
        inference.add_simulation_data(x, theta)
        inference.train()
        inference.predict(x)
        assert sorted(p.name for p in tmp_path.rglob("*")) == ["data", "model.pkl"]


class TestBadInput:
    def test_before_training(self):
        with pytest.raises(NotFittedError, match="train"):
            Inference("Ridge").predict(np.ones((1, 2)))
        with pytest.raises(SklearnNotFittedError):
            Inference("Ridge").predict(np.ones((1, 2)))
        with pytest.raises(CircuitInferenceError):
            Inference("Ridge").train()

    def test_unknown_model(self):
        with pytest.raises(UnknownNameError, match="did you mean 'MLPRegressor'"):
            Inference("MLPRegresor")

    @pytest.mark.parametrize("name", ["__import__('os')", "Ridge; import os"])
    def test_a_name_is_never_run(self, name):
        with pytest.raises(UnknownNameError):
            Inference(name)

    def test_rows(self):
        with pytest.raises(ShapeError, match=r"\(3\).*2"):
            Inference("Ridge").add_simulation_data(np.ones((3, 2)), np.ones(2))

    def test_nothing_valid(self):
        with pytest.raises(NoValidSimulationsError) as caught:
            Inference("Ridge").add_simulation_data(np.full((3, 2), np.nan), np.ones(3))
        assert caught.value.n_dropped == 3

    def test_some_invalid(self, linear):
        x, theta = linear
        x[4, 0] = np.inf
        inference = Inference("Ridge")
        with pytest.warns(UserWarning, match="1 of 80"):
            inference.add_simulation_data(x, theta)
        assert len(inference.features) == 79

    def test_other_features(self, linear):
        x, theta = linear
        inference = Inference("Ridge")
        inference.add_simulation_data(x, theta)
        inference.train()
        with pytest.raises(FeatureMismatchError, match="4 columns"):
            inference.predict(x[:, :3])

    def test_another_version_or_order(self, rng):
        series = rng.standard_normal((20, 100)).cumsum(axis=1)
        new, old = FeatureSet(Catch22()).compute(series), FeatureSet(Catch22("classic"))
        inference = Inference("Ridge")
        inference.add_simulation_data(new, rng.random(20))
        inference.train()
        with pytest.raises(FeatureMismatchError, match="missing") as caught:
            inference.predict(old.compute(series))
        assert len(caught.value.missing) == 22
        with pytest.raises(FeatureMismatchError) as caught:
            inference.predict(new.select(new.names[::-1]))
        assert caught.value.order
