"""The confirmed defects of ncpi 0.2.6 and 1.0 in inference and statistics, by their numbers.

Those of signals and features are in `test_defects`.
"""

import pickle

import numpy as np
import pandas as pd
import pytest

from neuroloom.circuit_inference import Analysis, Inference, Inferer, UnsafeFormatError
from neuroloom.circuit_inference.errors import NotFittedError, UnknownNameError
from neuroloom.circuit_inference.statistics import cohen_d


@pytest.fixture
def line(rng):
    x = rng.standard_normal((60, 3))
    return x, x @ [1.0, -2.0, 0.5] + 3.0


def trained(name, x, theta, **options):
    inference = Inference(name, options.pop("hyperparams", None))
    inference.add_simulation_data(x, theta)
    inference.train(**options)
    return inference


def test_defect_1_each_fold_keeps_a_model_of_its_own(line):
    inference = trained("Ridge", *line, param_grid=[{"alpha": 1.0}], n_splits=3, n_repeats=2)
    models = [learned.estimator.models[0] for learned in inference._models]
    assert len({id(model) for model in models}) == 6
    assert len({model.coef_.tobytes() for model in models}) == 6


@pytest.mark.parametrize("name", ["SVR", "LinearRegression", "KNeighborsRegressor"])
def test_defect_2_models_without_random_state_take_part_in_the_search(line, name):
    inference = trained(name, *line, param_grid=[{}], n_splits=2, n_repeats=1)
    assert np.isfinite(inference.predict(line[0])).all()


def test_defect_3_a_second_training_changes_nothing(line):
    x, theta = line
    inference = trained("LinearRegression", 1000 + 50 * x, theta)
    inference.train()
    np.testing.assert_allclose(inference.predict(1000 + 50 * x), theta, atol=1e-8)


def test_defect_4_a_stale_model_on_disk_is_not_used(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "model.pkl").write_bytes(pickle.dumps({"stale": True}))
    with pytest.raises(NotFittedError):
        Inference("SVR").predict(line[0])


def test_defect_5_a_pickle_is_never_opened(tmp_path):
    class Payload:
        def __reduce__(self):
            return (tmp_path / "ran").write_text, ("ran",)

    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(UnsafeFormatError):
        Inferer.load(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("columns", [1, 2])
def test_defects_6_and_15_bad_rows_keep_their_place(line, columns):
    x, theta = line
    inference = trained("Ridge", x, theta if columns == 1 else np.column_stack([theta, theta]))
    rows = x[:3].copy()
    rows[1, 0] = np.nan
    out = np.array(inference.predict(rows)).reshape(3, columns)
    assert np.isnan(out[1]).all()
    np.testing.assert_array_equal(out[[0, 2]].ravel(), np.ravel(inference.predict(rows[[0, 2]])))
    posterior = Inferer("Ridge").fit(x, theta).predict(rows, warn=False)
    assert posterior.valid.tolist() == [True, False, True]


@pytest.mark.slow
def test_defect_12_the_network_of_npe_can_be_named(line):
    pytest.importorskip("sbi")
    options = {
        "density_estimator": {"model": "maf", "hidden_features": 10, "num_transforms": 2},
        "train": {"max_num_epochs": 1, "training_batch_size": 20},
        "num_samples": 10,
    }
    inference = trained("NPE", *line, hyperparams=options, param_grid=[{}], n_splits=2, n_repeats=1)
    assert np.isfinite(inference.predict(line[0][:2])).all()


@pytest.mark.slow
def test_defect_13_models_are_chosen_by_means_and_not_by_one_draw(line, monkeypatch):
    from neuroloom.circuit_inference._estimators.mdn import MixtureDensityEnsemble

    asked = []
    original = MixtureDensityEnsemble.sample

    def sample(self, x, n_samples, *, seed):
        asked.append(n_samples)
        return original(self, x, n_samples, seed=seed)

    monkeypatch.setattr(MixtureDensityEnsemble, "sample", sample)
    options = {"n_folds": 0, "n_members": 1, "max_epochs": 2, "hidden": (8,)}
    trained("mdn", *line, hyperparams=options, param_grid=[{}], n_splits=2, n_repeats=1)
    assert asked == [1000, 1000]


def test_defect_14_scalers_are_fitted_inside_the_folds(line):
    inference = trained("Ridge", *line, param_grid=[{}], n_splits=4, n_repeats=1)
    assert len({learned.scaler.mean.tobytes() for learned in inference._models}) == 4


def test_defect_20_true_zeros_count():
    table = pd.DataFrame(
        {"Group": ["HC"] * 3 + ["AD"] * 3, "Sensor": ["Pz"] * 6, "Y": [0.0, 1, 0, 2, 3, 4]}
    )
    d = Analysis(table).cohend()["ADvsHC"]["d"][0]
    assert d == pytest.approx(cohen_d([2, 3, 4], [0, 1, 0]).d)


@pytest.mark.parametrize("name", ["__import__('os').getcwd()", "Ridge()", "linear_model.Ridge"])
def test_defect_22_names_are_looked_up_and_not_run(name):
    with pytest.raises(UnknownNameError):
        Inference(name)
