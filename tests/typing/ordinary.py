"""Lines that users write, one function a package: no type checker complains about any."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import neuroloom.circuit_inference as ci
import neuroloom.glmhmm as nmo
from neuroloom import lifnet, mi, shared, tasks
from neuroloom.shared import plots

Floats = NDArray[np.float64]


def core(path: Path) -> None:
    spikes = shared.SpikeTrains.from_lists([[0.1, 0.7], [0.4]], shared.Epochs(0.0, 3.0))
    rates = spikes.counts(0.5)
    shared.save(path, shared.Recording(spikes, {"rates": rates}))
    assert_type(shared.load(path, shared.SpikeTrains), shared.SpikeTrains)
    print(shared.load(path).spikes.counts(0.5), shared.load(path, shared.Signal).rate + 1.0)
    print(rates.values.mean() + 1.0, spikes.n_units + 1, spikes.epochs.duration + 1.0)
    trials = shared.Trials({"choice": [0, 1], "start": [0.0, 1.0]})
    print(trials.table["choice"].sum(), len(trials))
    seed = shared.Seed(7).child("null")
    draws: list[float] = shared.map(draw, range(3), seed=seed, n_workers=1)
    print(sum(draws))
    with shared.style():
        plots.raster(spikes).set_title("spikes")


def draw(item: int, stream: shared.Seed) -> float:
    return float(item + stream.generator().normal())


def information(x: Floats, path: Path) -> float:
    one = mi.run(x, x, n_permutations=19, random_seed=0, verbose=False)
    assert_type(one.mi_estimate, float)
    print(one.mi_estimate + 1.0, one.p_value, one.details["mi_error"], one)
    lags = mi.run(x, x, mode="lag", lag_range=range(-3, 4), estimator="gcmi", surrogate="block")
    print(lags.mi_estimate + 1.0, lags.dataframe["lag"], lags.to_frame().columns)
    sweep = mi.run(x, x, mode="sweep", sweep_grid={"embedding_dim": [2, 4]})
    print(sweep.dataframe["mi_mean"].max())
    exact = mi.run(x, x, mode="rigorous", gamma_range=[1, 2, 3], base_params={"n_epochs": 5})
    between = mi.run(
        x, mode="pairwise", processor_type_x="continuous", processor_params_x={"window_size": 9}
    )
    print(between.dataframe, exact.samples_needed(0.1) + 1)
    placed = mi.run(x, x, "lag", lag_range=range(3))
    print(placed.mi_estimate + 1.0, placed.dataframe["lag"])
    print(mi.run(x, x, "sweep", sweep_grid={}).dataframe, mi.run(x, None, "pairwise", gap=3))
    assert_type(mi.run(x, x, "estimate", n_permutations=19), mi.Results[float, None])
    print(mi.run(x, x, "rigorous", gamma_range=[1, 2]), mi.run(x, x, "dimensionality", lag=2))
    print(mi.run(x, x, "precision"), mi.run(x, x, "conditional", z_data=x))
    print(mi.run(x, x, "transfer", history_window=2), mi.run(x, mode="dimensionality", lag=2))
    given = mi.run(x, x, mode="conditional", z_data=x, rigorous=True, n_workers=2)
    flow = mi.run(x, x, mode="transfer", history_window=2, null=mi.Null(), output_units="nats")
    lags.plot().set_title("lags")
    one.save(path)
    print(mi.Results.load(path).mi_estimate + 1.0)
    print(mi.benjamini_hochberg([0.01, 0.2]), mi.max_statistic([0.1], np.zeros((9, 1))))
    print(mi.crosscheck(x, x).round(2), mi.information_bounds(x, x, output_units="nats"))
    return given.mi_estimate - flow.mi_estimate


def states(X: Floats, y: Floats, path: Path) -> Floats:
    model = nmo.GLMHMM(2, observation_model="Bernoulli", regularizer="Lasso", n_init="auto")
    model = model.fit(X, y, session_starts=[0, 100])
    print(model.transition_prob_.round(2), model.coef_.shape, model.score(X, y) + 1.0)
    print(model.smooth_proba(X, y).argmax(axis=1), model.initial_prob_ @ model.transition_prob_)
    model.save_params(path)
    other = nmo.GLMHMM(3, observation_model=nmo.observation_models.PoissonObservations())
    print(other.fit(X, y).intercept_, nmo.order_states(model, by=0).coef_)
    found = nmo.cross_validate(X, y, n_states=np.arange(1, 3), folds=4)
    print(found.table["bits_per_trial"], nmo.standard_errors(model, X, y).coef)
    nmo.plot_transitions(model).set_title("stays")
    return model.transition_prob_


def circuit(X: Floats) -> None:
    library = ci.gao_library(300, duration_s=12.0, progress=False, seed=1)
    features = ci.FeatureSet(ci.Aperiodic(freq_range=(10, 150)), ci.BandPower(bands=((5, 15),)))
    table = library.features(features)
    inferer = ci.Inferer("mdn", library.prior)
    inferer.fit(table.values[:200], library.theta[:200], seed=1)
    posterior = inferer.predict(features.compute([X[:, 0]], rate=1000.0), warn=False, seed=1)
    print(posterior.to_frame().round(2).to_string())
    print(inferer.diagnose(table.values[200:], library.theta[200:], seed=1).summary())


def behaviour() -> None:
    data = tasks.Dataset("PerceptualDecisionMaking-v0", batch_size=16, seq_len=100, seed=1)
    inputs, target = data()
    print(inputs.shape, target.shape, inputs.mean() + 1.0)
    envs = tasks.make_vec("PerceptualDecisionMaking-v0", num_envs=16)
    print(envs.reset(seed=1)[0] == inputs[0])
    ideal = tasks.ideal_trials("PerceptualDecisionMaking-v0", 20_000, seed=1)
    print(tasks.psychometric(ideal).mean.round(2))


def network() -> None:
    net = lifnet.ClusteredNetwork.from_config("2_cluster_mf", seed=1)
    run = net.simulate(duration=2.0, delta_t=0.5e-3, seed=2)
    print(run.rates_hz(after=0.5)["E1"] + 1.0, run.to_spike_trains().counts(0.1).values.mean())
    field = lifnet.LIFMeanField.from_config("2_cluster_mf")
    for state in lifnet.fixed_points(field, up_to_permutation=False):
        print(f"E1 {state.rates[0]:.1f} Hz, {state.label}")
    exc = lifnet.Population(
        "E", 200, 0.02, threshold=20.0, reset=10.0, synapses={"exc": lifnet.Delta()}
    )
    inside = lifnet.Projection("E", "E", lifnet.Bernoulli(0.1), weight=0.1, delay=0.0015)
    outside = lifnet.PoissonInput("E", rate_hz=10.0, weight=0.1, n_sources=1200)
    other = lifnet.Network([exc], [inside], [outside]).simulate(0.2, seed=1)
    print(other.rates_hz()["E"] + 1.0, other.to_spike_trains().n_units)


class Wins(lifnet.MeanFieldBaseSweepRunner):
    """The value itself."""

    def _step(self, param: Any, idx: int, sweep_param: Any, **kwargs: Any) -> float:
        return float(sweep_param)

    def _store(self, result: Any, idx: int, sweep_param: Any, directory: Path) -> None: ...

    def summary(self, results: Any, sweep_params: Any) -> None: ...

    def _summary_plot(self, *args: Any, **kwargs: Any) -> None: ...

    def summarize_repeated_run(self, *args: Any, **kwargs: Any) -> None: ...


def sweep(folder: Path) -> None:
    Wins().execute(folder, "2_cluster_mf", "arousal.level", np.linspace(0.1, 0.9, 3))
    field = lifnet.LIFMeanField.from_config("2_cluster_mf")
    print(lifnet.landscape(field, np.array([0, 1])))
    print(tasks.mix(["GoNogo-v0", "AntiReach-v0"], p=np.array([0.3, 0.7])))


def pipeline(trials: shared.Trials) -> Any:
    X = nmo.design_matrix(trials, stimulus="stimulus").X
    return X
