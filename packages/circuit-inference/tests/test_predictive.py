import numpy as np
import pytest

import neuroloom.circuit_inference as ci

CHOSEN = ci.FeatureSet(
    ci.Aperiodic(freq_range=(10, 150)), ci.BandPower(bands=((5, 15), (15, 40), (40, 100)))
)
FAST = {"max_epochs": 150, "n_folds": 0, "n_members": 2, "hidden": (16,)}


@pytest.fixture(scope="module")
def library():
    return ci.gao_library(150, duration_s=3.0, progress=False, seed=1)


@pytest.fixture(scope="module")
def inferer(library):
    model = ci.Inferer("mdn", library.prior, hyperparams=FAST)
    return model.fit(library.features(CHOSEN), library.theta, feature_set=CHOSEN, seed=1)


@pytest.fixture(scope="module")
def observed():
    own = ci.gao_lfp([4.0], duration_s=3.0, seed=77)[0]
    hum = own + 0.9 * np.sin(2 * np.pi * 50 * np.arange(3000) / 1000)
    bad = np.full(3000, np.nan)
    chosen = ci.FeatureSet(*CHOSEN.families, preprocessing=ci.Preprocessing(invalid="mask"))
    return chosen.compute([own, hum, bad], rate=1000.0).values


class Shifted:
    """The shot noise of the library, and sometimes nothing."""

    def __init__(self, silent=0.0):
        self.silent = silent

    def __call__(self, theta, seed):
        if seed.child("gate").generator().random() < self.silent:
            return {"reason": "silent: 0 Hz"}
        return {"lfp": ci.gao_lfp(theta, duration_s=3.0, seed=seed)[0], "reason": ""}


class TestPredictiveCheck:
    @pytest.mark.slow
    def test_a_signal_of_the_model_comes_back(self, inferer, observed, library):
        check = inferer.predictive_check(observed, library, n_sims=60, progress=False, seed=3)
        assert check.simulated.shape == (60, len(CHOSEN.names))
        assert check.names == CHOSEN.names
        assert check.joint_p > 0.05
        assert not check.reasons
        # The parameters simulated are draws of this posterior, not of the prior.
        posterior = inferer.predict(observed[:1], warn=False)
        assert abs(check.theta.mean() - posterior.mean[0, 0]) < posterior.std[0, 0]
        assert check.theta.std() < library.theta.std()

    def test_the_mains_do_not(self, inferer, observed, library):
        check = inferer.predictive_check(
            observed, library, row=1, n_sims=60, progress=False, seed=3
        )
        assert check.joint_p < 0.05
        frame = check.to_frame()
        assert frame.loc["relative_power:40-100Hz", "p"] == frame["p"].min()
        power = frame.loc["relative_power:40-100Hz"]
        assert power["observed"] > power["95 %"]
        assert "relative_power:40-100Hz" in check.summary()

    def test_same_seed_same_simulations(self, inferer, observed, library):
        options = {"n_sims": 20, "progress": False, "seed": 5}
        one = inferer.predictive_check(observed, library, **options)
        other = inferer.predictive_check(observed, library, n_workers=2, **options)
        np.testing.assert_array_equal(one.simulated, other.simulated)

    def test_p_values_by_hand(self):
        frame = ci.diagnostics.predictive_check(np.arange(1.0, 20.0)[:, None], [3.5], ["x"])
        assert frame.loc["x", "p"] == pytest.approx(2 * (3 + 1) / 20)
        assert frame.loc["x", "50 %"] == 10

    def test_another_simulator(self, inferer, observed):
        check = inferer.predictive_check(
            observed, Shifted(0.3), rate_hz=1000.0, n_sims=60, progress=False
        )
        assert 5 < check.reasons["silent"] < 35
        assert len(check.simulated) == 60 - check.reasons["silent"]

    def test_a_library_that_was_cut(self, inferer, observed, library):
        short = library.cut(1.0)
        check = inferer.predictive_check(observed, short, n_sims=40, progress=False, seed=3)
        long = inferer.predictive_check(observed, library, n_sims=40, progress=False, seed=3)
        # Shorter signals scatter more.
        assert check.simulated[:, 1].std() > long.simulated[:, 1].std()

    def test_the_figure(self, inferer, observed, library):
        check = inferer.predictive_check(observed, library, row=1, n_sims=40, progress=False)
        ax = check.plot(first=3)
        labels = [t.get_text() for t in ax.get_yticklabels()]
        assert len(labels) == 3
        assert labels[-1] == check.names[int(np.argmin(check.p))]

    def test_what_is_refused(self, inferer, observed, library):
        with pytest.raises(ci.errors.ArgumentError, match="row: expected one of 3 with finite"):
            inferer.predictive_check(observed, library, row=2)
        with pytest.raises(ci.errors.ArgumentError, match="row"):
            inferer.predictive_check(observed, library, row=3)
        with pytest.raises(ci.errors.ArgumentError, match="n_sims"):
            inferer.predictive_check(observed, library, n_sims=5)
        with pytest.raises(ci.errors.ArgumentError, match="rate_hz"):
            inferer.predictive_check(observed, Shifted())
        with pytest.raises(ci.NoValidSimulationsError, match="none of 20"):
            inferer.predictive_check(
                observed, Shifted(1.0), rate_hz=1000.0, n_sims=20, progress=False
            )
        with pytest.raises(ci.errors.ShapeError):
            ci.diagnostics.predictive_check(np.ones((3, 2)), [1.0], ["a"])
        with pytest.raises(ci.NoValidSimulationsError):
            ci.diagnostics.predictive_check(np.full((3, 1), np.nan), [1.0], ["a"])

    def test_a_model_without_a_feature_set(self, library, observed):
        points = ci.Inferer("Ridge", library.prior)
        points.fit(library.features(CHOSEN), library.theta)
        with pytest.raises(ci.errors.ArgumentError, match="feature_set"):
            points.predictive_check(observed, library)
        with pytest.raises(ci.errors.ArgumentError, match="posterior"):
            points.predictive_check(observed, library, feature_set=CHOSEN)

    def test_a_library_of_another_simulator(self, inferer, observed):
        other = ci.simulate_library(
            Shifted(), ci.libraries.GAO_PRIOR, 2, rate_hz=1000.0, progress=False
        )
        with pytest.raises(ci.LibraryError, match="without a name"):
            inferer.predictive_check(observed, other)


def test_the_networks_of_a_library_are_found_again():
    pytest.importorskip("neuroloom.lifnet")
    from neuroloom.circuit_inference._inference.predictive_check import simulator_of
    from neuroloom.circuit_inference.simulate import Gates, NetworkSimulator, network_library

    library = network_library("hagen_eighth", 1, duration_s=0.1, progress=False)
    assert simulator_of(library) == NetworkSimulator("hagen_eighth", 0.1, 0.5, Gates())
