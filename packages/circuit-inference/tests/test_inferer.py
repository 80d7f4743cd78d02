import json
import pickle
import shutil

import joblib
import numpy as np
import pandas as pd
import pytest

from neuroloom.circuit_inference import (
    Catch22,
    FeatureMismatchError,
    FeatureSet,
    FeatureTable,
    Inference,
    Inferer,
    ModelFormatError,
    Moments,
    NoValidSimulationsError,
    OutOfDistributionWarning,
    Prior,
    PriorError,
    UnsafeFormatError,
)
from neuroloom.circuit_inference._estimators import sbi
from neuroloom.circuit_inference.diagnostics import ei_ratio, tarp
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    NotFittedError,
    ShapeError,
    UnknownNameError,
)
from neuroloom.circuit_inference.libraries import shot_noise_library
from neuroloom.shared.parallel import UnfinishedError, sharded

FAST = {
    "max_epochs": 100,
    "n_folds": 6,
    "hidden": (32, 32),
    "n_components": 4,
    "batch_size": 64,
    "learning_rate": 5e-3,
}
BOX = Prior.box({"a": (0.0, 1.0, "pA"), "b": (-2.0, 2.0)})


def simulate(n, seed, noise=0.1):
    """Features that know a, and only the sum of a and b: a line and a trade-off."""
    rng = np.random.default_rng(seed)
    theta = BOX.sample(n, seed=seed)
    x = np.column_stack(
        [
            theta[:, 0] + noise * rng.standard_normal(n),
            theta.sum(axis=1) + noise * rng.standard_normal(n),
            rng.standard_normal(n),
        ]
    )
    return x, theta


@pytest.fixture(scope="module")
def trained():
    return Inferer("mdn", BOX, hyperparams=FAST).fit(*simulate(600, 1), seed=1)


@pytest.fixture(scope="module")
def held_out():
    return simulate(600, 2)


class TestPrior:
    def test_unbounded_and_back(self):
        theta = BOX.sample(50, seed=3)
        np.testing.assert_allclose(BOX.from_unbounded(BOX.to_unbounded(theta)), theta, atol=1e-9)
        far = BOX.from_unbounded(np.array([[-500.0, 500.0], [30.0, -30.0]]))
        assert BOX.contains(far).all()

    def test_jacobian(self):
        u, step = np.array([0.3, -1.2]), 1e-6
        slopes = [
            (BOX.from_unbounded(u + step * e) - BOX.from_unbounded(u - step * e)) @ e / (2 * step)
            for e in np.eye(2)
        ]
        assert BOX.log_jacobian(u) == pytest.approx(np.log(slopes).sum(), abs=1e-6)

    def test_draws_do_not_depend_on_how_many(self):
        np.testing.assert_array_equal(BOX.sample(5, seed=1), BOX.sample(9, seed=1)[:5])

    @pytest.mark.parametrize("bounds", [{"a": (1, 0)}, {"a": (0, np.inf)}, {}, {"a": ("x", 1)}])
    def test_bad_bounds(self, bounds):
        with pytest.raises(PriorError):
            Prior.box(bounds)

    def test_outside(self):
        with pytest.raises(PriorError, match=r"a in \[0, 1\], got 2 in row 1"):
            Inferer("Ridge", BOX).fit(np.ones((2, 1)), [[0.5, 0], [2.0, 0]])


class TestPosterior:
    def test_against_the_closed_form(self, trained, held_out):
        # Far from the borders: a given x0 is normal with standard deviation 0.1 / sqrt(1 + …),
        # b given the sum has sd sqrt(0.1² + 0.1²).
        x, theta = held_out
        inner = (theta[:, 0] > 0.3) & (theta[:, 0] < 0.7) & (np.abs(theta[:, 1]) < 1.2)
        posterior = trained.predict(x[inner], warn=False)
        assert np.median(posterior.std[:, 0]) == pytest.approx(0.1, rel=0.25)
        assert np.median(posterior.std[:, 1]) == pytest.approx(np.sqrt(0.02), rel=0.25)
        together = [np.corrcoef(d.T)[0, 1] for d in posterior.draws[:40]]
        assert np.median(together) == pytest.approx(-np.sqrt(0.5), abs=0.15)

    @pytest.mark.slow
    def test_it_never_leaves_the_prior(self, trained, held_out):
        draws = trained.sample(held_out[0], 200)
        assert BOX.contains(draws.reshape(-1, 2)).all()

    @pytest.mark.slow
    def test_log_prob_is_a_density(self, trained, held_out):
        grid = np.linspace(0.001, 0.999, 60)
        a, b = np.meshgrid(grid, -2 + 4 * grid)
        points = np.column_stack([a.ravel(), b.ravel()])
        row = np.array([[0.5, 0.5, 0.0]])
        p = np.exp(trained.log_prob(np.repeat(row, len(points), axis=0), points))
        assert p.mean() * 4 == pytest.approx(1.0, abs=0.06)
        outside = trained.log_prob(row, [[1.5, 0.0]])
        assert outside[0] == -np.inf

    @pytest.mark.slow
    def test_same_seed_same_bits(self, trained, held_out):
        x = held_out[0][:20]
        options = {**FAST, "max_epochs": 3}
        first, again, other = (
            Inferer("mdn", BOX, hyperparams=options).fit(*simulate(100, 1), seed=seed)
            for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first.sample(x, 50, seed=4), again.sample(x, 50, seed=4))
        assert not np.array_equal(first.sample(x, 50, seed=4), other.sample(x, 50, seed=4))
        assert not np.array_equal(trained.sample(x, 50, seed=4), trained.sample(x, 50, seed=5))

    def test_nothing_global_is_touched(self):
        import torch

        state, numpy_state = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
        threads = torch.get_num_threads()
        options = {**FAST, "max_epochs": 2}
        Inferer("mdn", BOX, hyperparams=options).fit(*simulate(100, 1)).predict(simulate(5, 2)[0])
        assert torch.equal(state, torch.random.get_rng_state())
        np.testing.assert_array_equal(numpy_state, np.random.get_state()[1])  # noqa: NPY002
        assert torch.get_num_threads() == threads
        assert torch.get_default_dtype() == torch.float32

    def test_nan_rows_keep_their_place(self, trained, held_out):
        x = held_out[0][:4].copy()
        x[2, 0] = np.nan
        posterior = trained.predict(x, warn=False)
        assert posterior.valid.tolist() == [True, True, False, True]
        assert np.isnan(posterior.mean[2]).all()
        assert np.isnan(posterior.ood_p[2])
        alone = trained.predict(x[[0]], warn=False, seed=0)
        np.testing.assert_allclose(posterior.mean[0], alone.mean[0], atol=0.05)

    def test_results(self, trained, held_out):
        posterior = trained.predict(held_out[0][:10], warn=False)
        low, high = posterior.interval(0.9)
        assert ((low < posterior.mean) & (posterior.mean < high)).all()
        total = posterior.derived("sum", lambda t: t["a"] + t["b"])
        np.testing.assert_allclose(total.mean[:, 2], posterior.mean.sum(axis=1))
        frame = total.to_frame()
        assert {"a mean", "a 0.05", "sum mean", "valid", "ood_p"} <= set(frame.columns)
        assert posterior.epistemic.shape == (10, 2)
        with pytest.raises(ArgumentError, match="level"):
            posterior.interval(1.5)
        with pytest.raises(UnknownNameError):
            posterior.of("c")
        four = {"J_EE": 2.0, "J_EI": -20.0, "J_IE": 1.0, "J_II": -5.0}
        assert ei_ratio({k: np.array(v) for k, v in four.items()}) == pytest.approx(0.5)

    def test_a_regressor_gives_points_only(self, held_out):
        points = Inferer("Ridge", BOX).fit(*simulate(200, 1)).predict(held_out[0][:5], warn=False)
        assert points.samples is None
        with pytest.raises(ArgumentError, match="points only"):
            points.interval()


class TestOutOfDistribution:
    def test_false_alarms_and_power(self, trained, held_out):
        inside = trained.predict(simulate(3000, 9)[0], n_samples=1, warn=False).ood_p
        assert 0.003 < (inside < 0.01).mean() < 0.025
        strange = np.array([[0.5, -4.0, 0.0], [0.5, 0.5, 9.0], [3.0, 3.0, 0.0]])
        with pytest.warns(OutOfDistributionWarning, match="3 of 3"):
            assert (trained.predict(strange).ood_p < 0.01).all()

    def test_a_hole_in_the_cloud_is_outside(self, rng):
        angle = rng.uniform(0, 2 * np.pi, 800)
        ring = np.column_stack([np.cos(angle), np.sin(angle)]) + 0.03 * rng.standard_normal(
            (800, 2)
        )
        inferer = Inferer("Ridge").fit(ring, angle)
        centre = inferer.predict([[0.0, 0.0]], warn=False).ood_p
        assert centre[0] < 0.01
        assert inferer.cloud.score(np.array([[0.0, 0.0]]))[0] > 1

    @pytest.mark.parametrize("others", [0, 3])
    def test_a_feature_that_never_varies(self, rng, others):
        x = np.column_stack([np.full(200, 2.5), rng.standard_normal((200, others))])
        inferer = Inferer("Ridge").fit(x, rng.random(200))
        assert (inferer.cloud.p_value(x) < 0.01).mean() < 0.03
        other = x[:5] + np.eye(1 + others)[0]
        assert (inferer.cloud.p_value(other) < 0.01).all()

    def test_nothing_but_an_artefact(self, rng):
        x = np.abs(rng.standard_normal((200, 1)))
        table = FeatureTable(x, ("line:50Hz",), ("",) * 200)
        inferer = Inferer("Ridge").fit(table, rng.random(200))
        np.testing.assert_array_less(inferer.cloud.p_value(np.array([[9.0]])), 0.01)
        assert inferer.cloud.p_value(np.array([[0.0]]))[0] == 1

    def test_an_artefact_is_not_lost_among_many_features(self, rng, tmp_path):
        x = rng.standard_normal((1000, 31))
        x[:, 7] = np.abs(x[:, 7])
        names = tuple("line:50Hz" if j == 7 else f"f{j}" for j in range(31))
        table = FeatureTable(x, names, ("",) * 1000)
        inferer = Inferer("Ridge").fit(table, x[:, 0])
        other = rng.standard_normal((2000, 31))
        other[:, 7] = np.abs(other[:, 7])
        assert 0.004 < (inferer.cloud.p_value(other) < 0.01).mean() < 0.018
        humming = other[:200].copy()
        humming[:, 7] = 4.0
        assert (inferer.cloud.p_value(humming) < 0.01).all()
        quiet = other[:200].copy()
        quiet[:, 7] = 0.0  # no mains at all is nothing strange
        assert (inferer.cloud.p_value(quiet) < 0.01).mean() < 0.03
        # Without its name it is one of 31, and seldom seen.
        unnamed = Inferer("Ridge").fit(x, x[:, 0])
        assert (unnamed.cloud.p_value(humming) < 0.01).mean() < 0.5
        again = Inferer.load(inferer.save(tmp_path / "model"))
        np.testing.assert_array_equal(again.cloud.p_value(humming), inferer.cloud.p_value(humming))


def test_what_lies_beside_a_saved_model_is_not_removed_with_it(tmp_path, rng):
    x = rng.normal(size=(40, 2))
    model = Inferer("Ridge").fit(x, x[:, 0])
    folder = tmp_path / "model"
    for _ in range(2):  # a model of ours alone is replaced
        model.save(folder)
    (folder / "notes.txt").write_text("which recordings")
    with pytest.raises(ModelFormatError, match=r"nothing beside it, got model with 'notes.txt'"):
        model.save(folder)
    assert (folder / "notes.txt").read_text() == "which recordings"


class TestDiagnosis:
    def test_a_calibrated_model(self, trained, held_out):
        report = trained.diagnose(*held_out, n_samples=200)
        assert (report.r > [0.9, 0.98]).all()
        np.testing.assert_allclose(
            report.coverage, np.array([[0.5], [0.8], [0.9], [0.95]]) @ [[1, 1]], atol=0.07
        )
        assert abs(report.tarp_atc) < 0.05
        assert report.importance["b"].idxmax() == "feature 1"
        assert report.importance.loc["feature 2"].abs().max() < 0.05
        assert report.correlation[0, 1] < -0.4
        assert list(report.to_frame().index) == ["a", "b"]
        assert "held-out" in report.summary()

    @pytest.mark.slow
    def test_what_the_data_do_not_constrain_is_named(self):
        rng = np.random.default_rng(0)
        theta = BOX.sample(500, seed=0)
        x = np.column_stack([theta[:, 0], rng.standard_normal(500)])
        inferer = Inferer("mdn", BOX, hyperparams=FAST).fit(x[:400], theta[:400])
        report = inferer.diagnose(x[400:], theta[400:], n_samples=100)
        assert report.unidentified == ("b",)
        assert report.contraction[0] > 0.9

    def test_over_confidence_is_found(self, trained, held_out):
        x, theta = held_out
        draws = trained.sample(x, 200)
        narrow = draws.mean(axis=1, keepdims=True) + 0.3 * (
            draws - draws.mean(axis=1, keepdims=True)
        )
        assert tarp(narrow, theta, BOX.low, BOX.high, 0)[2] < -0.03
        assert abs(tarp(draws, theta, BOX.low, BOX.high, 0)[2]) < 0.03

    def test_exact_draws_are_calibrated(self, rng):
        theta = rng.random((1500, 2))
        _, _, area = tarp(rng.random((1500, 200, 2)), theta, [0, 0], [1, 1], 3)
        assert abs(area) < 0.02

    def test_bad_input(self, trained, held_out):
        with pytest.raises(ShapeError):
            trained.diagnose(held_out[0], held_out[1][:5])
        with pytest.raises(ArgumentError, match="levels"):
            trained.diagnose(*held_out, levels=(0.5, 1.0))
        with pytest.raises(ArgumentError, match="progress: expected True or False"):
            trained.diagnose(*held_out, progress=1)


class TestFiles:
    @pytest.fixture
    def saved(self, trained, tmp_path):
        return trained.save(tmp_path / "model")

    def test_round_trip(self, trained, saved, held_out):
        again = Inferer.load(saved)
        a, b = (m.predict(held_out[0][:20], warn=False, seed=4) for m in (trained, again))
        np.testing.assert_array_equal(a.draws, b.draws)
        np.testing.assert_array_equal(a.ood_p, b.ood_p)
        assert again.prior == BOX
        assert not list(saved.glob("*.pkl"))

    @pytest.mark.parametrize("name", ["Ridge", "RandomForestRegressor", "MLPRegressor", "SVR"])
    def test_regressors(self, tmp_path, held_out, name):
        options = {"max_iter": 500, "tol": 1e-2} if name == "MLPRegressor" else {}
        model = Inferer(name, BOX, hyperparams=options).fit(*simulate(100, 1))
        again = Inferer.load(model.save(tmp_path / "m"))
        a, b = (m.predict(held_out[0][:9], warn=False).mean for m in (model, again))
        np.testing.assert_array_equal(a, b)

    def test_feature_sets_come_along(self, tmp_path):
        library = shot_noise_library(60, progress=False, seed=2)
        chosen = FeatureSet(Catch22(), Moments())
        model = Inferer("Ridge", library.prior)
        model.fit(library.features(chosen), library.theta, feature_set=chosen)
        again = Inferer.load(model.save(tmp_path / "m"))
        series = library.signals["rates"][:5]
        a, b = (m.predict_series(series, rate=1.0, warn=False).mean for m in (model, again))
        np.testing.assert_array_equal(a, b)
        with pytest.raises(FeatureMismatchError):
            again.predict(FeatureSet(Catch22("classic"), Moments()).compute(series))

    def test_tampered(self, saved):
        path = saved / "mdn.safetensors"
        raw = bytearray(path.read_bytes())
        raw[-1] ^= 1
        path.write_bytes(raw)
        with pytest.raises(ModelFormatError, match="changed"):
            Inferer.load(saved)

    def test_a_tampered_header(self, saved):
        header = json.loads((saved / "model.json").read_text())
        header["prior"]["high"][0] = 5.0
        (saved / "model.json").write_text(json.dumps(header))
        with pytest.raises(ModelFormatError, match="changed"):
            Inferer.load(saved)

    def test_newer(self, saved):
        header = json.loads((saved / "model.json").read_text())
        header["format"] = 99
        (saved / "model.json").write_text(json.dumps(header))
        with pytest.raises(ModelFormatError, match="update"):
            Inferer.load(saved)

    def test_foreign(self, tmp_path):
        with pytest.raises(ModelFormatError):
            Inferer.load(tmp_path)
        (tmp_path / "model.json").write_text('{"kind": "something else"}')
        with pytest.raises(ModelFormatError, match="something else"):
            Inferer.load(tmp_path)

    def test_stale(self, tmp_path):
        library = shot_noise_library(40, progress=False, seed=2)
        chosen = FeatureSet(Catch22())
        model = Inferer("Ridge", library.prior)
        saved = model.fit(library.features(chosen), library.theta, feature_set=chosen).save(
            tmp_path / "m"
        )
        from neuroloom.circuit_inference._inference import files as _model_files

        header = json.loads((saved / "model.json").read_text())
        header["origin"]["names"] = header["origin"]["names"][::-1]
        header["digest"] = _model_files._digest(header)
        (saved / "model.json").write_text(json.dumps(header))
        with pytest.raises(ModelFormatError, match="stale"):
            Inferer.load(saved)

    def test_pickles_are_not_opened(self, saved, tmp_path):
        class Evil:
            def __reduce__(self):
                return shutil.rmtree, (str(tmp_path / "model"),)

        loose = tmp_path / "model.pkl"
        loose.write_bytes(pickle.dumps(Evil()))
        with pytest.raises(UnsafeFormatError):
            Inferer.load(loose)
        shutil.copy(loose, saved / "scaler.pkl")
        with pytest.raises(UnsafeFormatError, match="nothing was run"):
            Inferer.load(saved)
        assert saved.exists()

    def test_foreign_types_in_skops_are_refused(self, tmp_path):
        import skops.io

        from neuroloom.circuit_inference._estimators import build

        class Strange:
            pass

        skops.io.dump(Strange(), tmp_path / "model-0.skops")
        header = {"name": "Ridge", "n_models": 1, "flat": True}
        with pytest.raises(UnsafeFormatError, match="Strange"):
            type(build("Ridge")).load(tmp_path, header)

    def test_a_folder_of_something_else_is_never_replaced(self, trained, tmp_path):
        (tmp_path / "thesis.txt").write_text("mine")
        with pytest.raises(ModelFormatError):
            trained.save(tmp_path)
        assert (tmp_path / "thesis.txt").exists()


class TestBadInput:
    def test_before_fit(self):
        with pytest.raises(NotFittedError):
            Inferer("mdn").predict([[1.0]])
        with pytest.raises(NotFittedError):
            Inferer("mdn").save("nowhere")

    def test_no_valid_rows(self):
        with pytest.raises(NoValidSimulationsError):
            Inferer("Ridge").fit(np.full((5, 2), np.nan), np.ones(5))
        x, theta = simulate(100, 1)
        x[3] = np.inf
        with pytest.warns(UserWarning, match="1 of 100"):
            Inferer("Ridge").fit(x, theta)

    def test_options(self):
        with pytest.raises(ArgumentError, match="n_layers"):
            Inferer("mdn", hyperparams={"n_layers": 3})
        with pytest.raises(ArgumentError, match="alfa"):
            Inferer("Ridge", hyperparams={"alfa": 3})
        with pytest.raises(ArgumentError, match="at least"):
            Inferer("mdn").fit(np.ones((5, 1)) * np.arange(5)[:, None], np.arange(5.0))


class TestGridSearch:
    def test_each_fold_keeps_its_own_model(self):
        # ncpi appends one and the same object once per fold.
        x, theta = simulate(60, 1)
        inference = Inference("Ridge")
        inference.add_simulation_data(x, theta)
        inference.train([{"alpha": 0.1}, {"alpha": 1e6}], n_splits=3, n_repeats=2)
        models = [learned.estimator.models[0] for learned in inference._models]
        assert len({id(m) for m in models}) == 6
        assert len({m.coef_.tobytes() for m in models}) == 6
        assert inference.scores[0] < inference.scores[1]
        assert all(m.alpha == 0.1 for m in models)

    @pytest.mark.parametrize("name", ["SVR", "LinearRegression", "KNeighborsRegressor"])
    def test_models_without_a_random_state(self, name):
        # ncpi forces random_state on all of them and crashes.
        x, theta = simulate(40, 1)
        inference = Inference(name)
        inference.add_simulation_data(x, theta[:, 0])
        inference.train([{}], n_splits=2, n_repeats=1)
        assert np.isfinite(inference.predict(x)).all()

    def test_scalers_see_their_own_rows_only(self):
        x, theta = simulate(40, 1)
        inference = Inference("Ridge")
        inference.add_simulation_data(x, theta)
        inference.train([{}], n_splits=4, n_repeats=1)
        assert len({learned.scaler.mean.tobytes() for learned in inference._models}) == 4

    def test_bad_grids(self):
        inference = Inference("Ridge")
        inference.add_simulation_data(*simulate(40, 1))
        for grid in ({"alpha": 1}, []):
            with pytest.raises(ArgumentError, match="param_grid"):
                inference.train(grid)

    @pytest.mark.slow
    def test_sample_posterior(self):
        x, theta = simulate(200, 1)
        inference = Inference("mdn", {**FAST, "max_epochs": 20})
        inference.add_simulation_data(x, theta)
        inference.train()
        assert inference.sample_posterior(x[0], 500).shape == (500, 2)
        points = Inference("Ridge")
        points.add_simulation_data(x, theta)
        points.train()
        with pytest.raises(ArgumentError, match="posterior"):
            points.sample_posterior(x[0])


@pytest.mark.parametrize("model", ["NPE", "NLE", "NRE"])
class TestSbi:
    @pytest.mark.slow
    def test_same_verbs(self, model, tmp_path, monkeypatch):
        pytest.importorskip("sbi")
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        x, theta = simulate(300, 1)
        options = {"train": {"max_num_epochs": 5, "training_batch_size": 50}}
        if model != "NPE":
            chains = {"num_chains": 40, "thin": 1, "warmup_steps": 2, "init_strategy": "proposal"}
            small = {"model": "maf", "hidden_features": 10, "num_transforms": 2}
            options |= {"sample": {"mcmc_parameters": chains}}
            options |= {"density_estimator": small} if model == "NLE" else {}
        inferer = Inferer(model, BOX, hyperparams=options).fit(x, theta, seed=1)
        posterior = inferer.predict(x[:2], n_samples=40, warn=False, seed=2)
        assert posterior.draws.shape == (2, 40, 2)
        assert BOX.contains(posterior.draws.reshape(-1, 2)).all()
        again = Inferer.load(inferer.save(tmp_path / "m"))
        np.testing.assert_array_equal(
            posterior.draws, again.predict(x[:2], n_samples=40, warn=False, seed=2).draws
        )
        assert not list((tmp_path / "here").iterdir())  # sbi would write sbi-logs


@pytest.fixture(scope="module")
def ratio():
    pytest.importorskip("sbi")
    x, theta = simulate(300, 1)
    chains = {"num_chains": 10, "thin": 1, "warmup_steps": 2, "init_strategy": "proposal"}
    options = {"train": {"max_num_epochs": 3, "training_batch_size": 50}}
    options |= {"sample": {"mcmc_parameters": chains}}
    return Inferer("NRE", BOX, hyperparams=options).fit(x, theta, seed=1)


def quick_chain(row, stream, *, estimator, n_samples):
    return row[0] + stream.generator().standard_normal((n_samples, 2))


class TestChains:
    """NLE and NRE draw each row by a chain with a stream of its own."""

    @pytest.mark.slow
    def test_a_row_does_not_depend_on_those_behind_it(self, ratio):
        x, _ = simulate(4, 2)
        all_four = ratio.sample(x, n_samples=20, seed=3)
        np.testing.assert_array_equal(ratio.sample(x[:2], n_samples=20, seed=3), all_four[:2])
        assert not np.array_equal(all_four[0], all_four[1])

    @pytest.mark.slow
    @pytest.mark.parametrize("backend", ["loky", "threading"])
    def test_workers_change_no_bit(self, ratio, backend):
        x, _ = simulate(4, 2)
        with joblib.parallel_config(backend, n_jobs=2):
            spread = ratio.sample(x, n_samples=20, seed=3)
        np.testing.assert_array_equal(spread, ratio.sample(x, n_samples=20, seed=3))

    def test_calibration_goes_on(self, ratio, tmp_path, monkeypatch):
        # Chains take seconds each; what keeps them does not know what they draw.
        monkeypatch.setattr(sbi, "_chain", quick_chain)
        x, theta = simulate(20, 2)
        options = {"n_samples": 10, "seed": 4}
        whole = ratio.diagnose(x, theta, **options)
        with pytest.raises(UnfinishedError), sharded((0, 2)):
            ratio.diagnose(x, theta, resume=tmp_path / "kept", **options)
        assert len(list((tmp_path / "kept" / "draws" / "first").glob("item-*.npz"))) == 10
        found = ratio.diagnose(x, theta, resume=tmp_path / "kept", **options)
        np.testing.assert_array_equal(found.ranks, whole.ranks)
        pd.testing.assert_frame_equal(found.importance, whole.importance)

    def test_calibration_shows_how_far_it_is(self, ratio, monkeypatch, capsys):
        monkeypatch.setattr(sbi, "_chain", quick_chain)
        x, theta = simulate(20, 2)
        shown = ratio.diagnose(x, theta, n_samples=10, seed=4)
        told = capsys.readouterr().err
        assert "draws: 100%" in told
        assert "20/20" in told
        assert "without feature 2: 100%" in told
        quiet = ratio.diagnose(x, theta, n_samples=10, progress=False, seed=4)
        assert capsys.readouterr().err == ""
        np.testing.assert_array_equal(quiet.ranks, shown.ranks)

    def test_other_models_have_nothing_to_keep(self, tmp_path):
        x, theta = simulate(120, 1)
        points = Inferer("Ridge", BOX).fit(x[:80], theta[:80], seed=1)
        with pytest.raises(ArgumentError, match="resume: expected None"):
            points.diagnose(x[80:], theta[80:], resume=tmp_path / "kept", seed=1)
        assert not (tmp_path / "kept").exists()


class TestFewSimulations:
    @pytest.mark.slow
    def test_a_straight_line_is_learned_as_one(self):
        # Ten parameters, each seen in noise of its own: the posterior is normal with variance
        # 1 / (1/0.1 + 1/0.1), and its mean is half of what is seen.
        rng = np.random.default_rng(3)
        theta = np.sqrt(0.1) * rng.standard_normal((900, 10))
        x = theta + np.sqrt(0.1) * rng.standard_normal(theta.shape)
        prior = Prior.normal(np.zeros(10), 0.1 * np.eye(10))
        options = {"n_folds": 4, "max_epochs": 60}
        model = Inferer("mdn", prior, hyperparams=options).fit(x[:400], theta[:400], seed=1)
        exact = 10 * -0.5 * np.log(2 * np.pi * np.e * 0.05)
        assert model.log_prob(x[400:], theta[400:]).mean() == pytest.approx(exact, abs=1.0)
        assert model.estimator.options["n_components"] == 1

    def test_sizes_are_obeyed_or_chosen(self):
        x, theta = simulate(80, 4)
        options = {"n_members": 2, "n_folds": 0, "max_epochs": 5, "n_components": 5}
        model = Inferer("mdn", BOX, hyperparams=options).fit(x, theta, seed=0)
        assert model.estimator.options["n_components"] == 5
        assert model.estimator.options["hidden"] in ((32, 32), (64, 64))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"n_components": 0}, {"n_components": 2.5}, {"hidden": 16}, {"hidden": (0,)},
            {"max_epochs": 0}, {"patience": -1}, {"batch_size": 0}, {"learning_rate": -1.0},
            {"weight_decay": float("nan")}, {"n_folds": 2}, {"n_members": True},
        ],
    )  # fmt: skip
    def test_options_that_cannot_be(self, wrong):
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            Inferer("mdn", BOX, hyperparams=wrong)
