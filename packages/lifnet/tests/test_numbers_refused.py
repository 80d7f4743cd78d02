"""Counts, tolerances, switches and parts that cannot be: refused with what was expected."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest

from neuroloom import lifnet
from neuroloom.lifnet import clustered, engine, plots, theory

NEURON = {"tau_membrane": 0.02, "threshold": 20.0, "reset_voltage": 10.0, "tau_refractory": 0.002}


@pytest.fixture(scope="module")
def field():
    return lifnet.LIFMeanField(
        0, [[100.0]], [[0.1]], j_ext=0.1, c_ext=1000, nu_ext=9.0, tau_synaptic=0.0, **NEURON
    )


@pytest.fixture(scope="module")
def cells():
    return engine.Cells.create(2, tau_membrane=0.02, tau_synaptic=0.005, threshold=1.0)


@pytest.fixture(scope="module")
def run(cells):
    synapses = engine.Connectivity.from_csr([0, 1, 2], [1, 0], 0.1)
    return engine.simulate(cells, synapses, n_steps=20, delta_t=1e-3)


def _refused(call, name, error=lifnet.LifnetError):
    with pytest.raises(error, match=rf"{name}.*expected"):
        call()


@pytest.mark.parametrize("sizes", [[99.5], [-1], [np.nan], ["many"], np.ma.masked_array([9], [1])])
def test_numbers_of_neurons_are_whole(field, sizes):
    _refused(lambda: theory.power_spectrum(field, [74.7], [5.0], sizes), "sizes")
    _refused(lambda: field.checked_sizes("sizes", sizes), "sizes")
    _refused(
        lambda: theory.integrate_rates(field, [1.0], duration=0.01, delta_t=1e-3, sizes=sizes),
        "sizes",
    )


def test_a_population_of_whole_floats_is_one(field):
    assert field.checked_sizes("sizes", [100.0]).tolist() == [100]


@pytest.mark.parametrize("tolerance", [-1e-9, np.nan, np.inf, "small", None, True, 1j, [1e-6]])
def test_what_counts_as_zero_is_a_number_from_0_on(tolerance):
    _refused(lambda: theory.classify([-1.0, 2.0], tolerance=tolerance), "tolerance")


@pytest.mark.parametrize("eigenvalues", [["a"], "ab", [object()]])
def test_eigenvalues_are_numbers(eigenvalues):
    _refused(lambda: theory.classify(eigenvalues), "eigenvalues")


def test_a_tolerance_of_zero_takes_every_real_part_for_what_it_is():
    assert theory.classify([-1e-12, -1.0], tolerance=0) == "stable node"
    assert theory.classify([1e-12, -1.0], tolerance=0) == "saddle"
    assert theory.classify([0.0, -1.0], tolerance=0) == "neutral/marginal"


@pytest.mark.parametrize("threshold", [0, -0.1, np.nan, "a", None, [0.1]])
def test_the_share_that_tells_states_apart_is_positive(threshold):
    _refused(lambda: theory.classify_active_clusters([[5.0, 1.0]], threshold), "threshold")


@pytest.mark.parametrize(
    "rates", [[[-1.0, 2.0]], [["a", "b"]], [[np.nan, 1.0]], np.ma.masked_array([1.0, 2.0], [0, 1])]
)
def test_rates_of_clusters_are_rates(rates):
    _refused(lambda: theory.classify_active_clusters(rates), "rates")


@pytest.mark.parametrize("switch", ["no", 0, 1, None, np.nan])
def test_switches_are_true_or_false(field, switch):
    analyzer = lifnet.Analyzer(np.ones((100, 2)), [1, 2])
    trajectory = theory.mean_field_trajectory
    for call, name in (
        (lambda: lifnet.fixed_points(field, up_to_permutation=switch), "up_to_permutation"),
        (lambda: field.solve_many([[1.0]], persist=switch), "persist"),
        (
            lambda: lifnet.LIFMeanField.from_config("2_cluster_mf", whole_in_degrees=switch),
            "whole_in_degrees",
        ),
        (lambda: trajectory("2_cluster_mf", finite_size=switch), "finite_size"),
        (lambda: analyzer.get_transition_matrix(normalize=switch), "normalize"),
        (lambda: analyzer.save_analysis("nowhere", overwrite=switch), "overwrite"),
        (lambda: clustered.VectorialPerturbation([1], length=2, structured=switch), "structured"),
    ):
        _refused(call, name)


@pytest.mark.parametrize("given", [0, "", [], False, np.ma.masked, {"rate"}])
def test_perturbations_are_a_mapping_also_where_they_are_empty(given):
    config = lifnet.load_config("2_cluster_mf")
    for call in (
        lambda: lifnet.LIFMeanField.from_config(config, perturbations=given),
        lambda: clustered.clustered_parameters(config, given),
        lambda: theory.mean_field_trajectory(config, perturbations=given),
        lambda: lifnet.ClusteredNetwork.from_config(config, seed=1).simulate(perturbations=given),
        lambda: lifnet.StageSNNSimulation(config, perturbations=given),
    ):
        _refused(call, "perturbations")


@pytest.mark.parametrize("source", [1, 2.5, True, ["2_cluster_mf"], np.nan, object()])
def test_a_configuration_is_a_path_bytes_or_a_mapping(source):
    _refused(lambda: lifnet.load_config(source), "config")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"n_vectors": 1.5}, "n_vectors"),
        ({"n_vectors": "2"}, "n_vectors"),
        ({"length": 2.5}, "length"),
        ({"balance": "half"}, "balance"),
        ({"sigma": -1.0}, "sigma"),
        ({"mean": np.nan}, "mean"),
        ({"involved_clusters": [0.5]}, "involved_clusters"),
        ({"involved_clusters": 1}, "involved_clusters"),
    ],
)
def test_vectors_are_drawn_as_asked_for_or_not_at_all(options, name):
    _refused(
        lambda: clustered.VectorialPerturbation(**{"n_vectors": 2, "length": 3, **options}), name
    )


def test_coefficients_of_vectors_are_numbers():
    vectors = clustered.VectorialPerturbation([1, -1], length=2)
    for given in (np.ma.masked_array([1.0], [1]), np.nan, "a", 1j):
        _refused(lambda given=given: vectors.get_perturbation(given), "params")


@pytest.mark.parametrize(("alpha", "beta"), [(np.nan, 0.0), (0.0, "a"), (True, 0.0)])
def test_the_strength_of_a_ring_is_a_number(alpha, beta):
    _refused(lambda: clustered.CirculantPerturbation(3, alpha, beta), "alpha|beta")


@pytest.mark.parametrize("value", [np.ma.masked, np.nan, True, "a", 1j])
def test_a_neuron_has_numbers(value):
    synapses = {"exc": lifnet.Delta()}
    cell = {"tau_membrane": 0.02, "threshold": 20.0, "reset": 10.0, "synapses": synapses}
    for name in ("reset", "resting", "bias", "initial_voltage", "tau_refractory"):
        _refused(lambda name=name: lifnet.Population("E", 2, **{**cell, name: value}), name)
    known = {"tau_membrane": 0.02, "tau_synaptic": 0.005, "threshold": 1.0}
    for name in ("reset", "resting", "tau_synaptic", "bias"):
        _refused(lambda name=name: engine.Cells.create(2, **{**known, name: value}), name)
    _refused(lambda: lifnet.Normal.relative(value, 0.1), "mean")
    _refused(lambda: lifnet.Normal.relative(1.0, value), "cv")


def test_weights_keep_their_imaginary_part_by_being_refused():
    _refused(lambda: engine.Connectivity.from_csr([0, 1], [0], [1j]), "weights")


@pytest.mark.parametrize("span", [(0.5, 2), (0, 3), (1, 1), (-1, 2), "ab", (0, 1, 2)])
def test_a_range_of_neurons_is_whole(cells, span):
    synapses = engine.Connectivity.from_csr([0, 0, 0], [], 0.0)
    _refused(
        lambda: engine.simulate(cells, synapses, n_steps=1, delta_t=1e-3, populations={"E": span}),
        "populations",
    )


@pytest.mark.parametrize("refractory", [[0.5, 0], [-1, 0], [np.nan, 0]])
def test_a_state_waits_for_whole_steps(cells, refractory):
    synapses = engine.Connectivity.from_csr([0, 0, 0], [], 0.0)
    state = engine.State(np.zeros(2), np.zeros((1, 2)), np.array(refractory))
    _refused(
        lambda: engine.simulate(cells, synapses, n_steps=1, delta_t=1e-3, state=state),
        "refractory",
    )


def test_counts_enter_a_channel_that_there_is():
    for channel in (-1, 0.5, "exc"):
        _refused(
            lambda channel=channel: engine.CountDrive.poisson([1.0], [0, 0], 1.0, channel=channel),
            "channel",
        )


@pytest.mark.parametrize("channels", ["ab", ["exc"] * 3, 5, [1.0]])
def test_channels_have_one_name_each(cells, channels):
    synapses = engine.Connectivity.from_csr([0, 0, 0], [], 0.0)
    _refused(
        lambda: engine.simulate(cells, synapses, n_steps=1, delta_t=1e-3, channels=channels),
        "channels",
    )


def test_what_is_drawn_is_what_is_asked_for(run, field):
    branch = theory.continue_branch(lambda _: field, [74.73246385], 0.5, (0.0, 1.0))
    points = lifnet.fixed_points(field, n_starts=1)
    for call, name in (
        (lambda: plots.plot_raster(run, every=1.5), "every"),
        (lambda: plots.plot_raster(run, every=np.nan), "every"),
        (lambda: plots.plot_raster("run"), "run"),
        (lambda: plots.plot_rates(3), "run"),
        (lambda: plots.plot_landscape(run), "shown"),
        (lambda: plots.plot_bifurcation([branch], n_clusters=2), "n_clusters"),
        (lambda: plots.plot_bifurcation(branch, n_clusters=1), "branches"),
        (lambda: plots.plot_fixed_points(points, n_clusters=-1), "n_clusters"),
        (lambda: plots.plot_fixed_points([1], n_clusters=1), "points"),
        (lambda: plots.plot_transitions([[0.0, np.nan], [0, 0]]), "matrix"),
        (lambda: plots.plot_transitions([[0.0]], labels=["a", "b"]), "labels"),
        (lambda: branch.at(np.nan), "value"),
        (lambda: theory.continue_branch(field, [1.0], 0.5, (0.0, 1.0)), "family"),
    ):
        _refused(call, name)


@pytest.mark.filterwarnings("ignore:bin_width")
def test_an_image_of_rates_lies_over_the_time_of_its_bins(run):
    # Bins of 3.4 ms are 3 of the steps of 1 ms: six of them are 18 ms.
    ax = plots.plot_rates(run, bin_width=0.0034)
    assert ax.images[0].get_extent()[:2] == pytest.approx([0.0, 0.018])
    assert plots.plot_rates(run, bin_width=None).images[0].get_extent()[1] == pytest.approx(0.02)


def test_a_seed_of_a_stager_is_whole():
    for seed in (1.5, True, -1, "a"):
        _refused(lambda seed=seed: lifnet.StageSNNSimulation("2_cluster_mf", seed), "random_seed")


def test_times_left_refractory_are_times():
    torch = pytest.importorskip("torch")
    net = lifnet.LIFNet(torch.zeros(2, 2), [1.0] * 4, 0.02, 0.005, 0.005, 1.0)
    zero, drive = torch.zeros(2), torch.zeros(3, 2)
    for left in (torch.tensor([torch.nan, 0.0]), torch.tensor([-0.01, 0.0]), torch.zeros(3)):
        with pytest.raises(lifnet.errors.SimulationError, match="refractory"):
            net(zero, zero, drive, refractory=left)
    masked = np.ma.masked_array([1.0, 2.0], [0, 1])
    _refused(
        lambda: lifnet.LIFNet(torch.zeros(2, 2), [1.0] * 4, 0.02, 0.005, 0.0, masked), "threshold"
    )


# A neuron at rest 130 standard deviations below the threshold does not fire, and does not answer.


def test_a_silent_neuron_responds_to_nothing():
    silent = theory.transfer_function([1.0, 50.0], -500.0, 4.0, **NEURON)
    for part in (silent.by_mu, silent.by_variance, silent.spectrum):
        assert (part == 0).all()
    assert silent.rate == 0


@pytest.mark.slow
def test_a_silent_population_leaves_the_spectrum_of_the_others(field):
    both = lifnet.LIFMeanField(
        0,
        [[100, 50], [10, 0]],
        [[0.1, -0.1], [0.0, 0.0]],
        j_ext=[0.1, -200.0],
        c_ext=1000,
        nu_ext=[9.0, 30.0],
        tau_synaptic=0.0,
        **NEURON,
    )
    rates = field.solve_rates([90.0]).x
    alone = theory.power_spectrum(field, rates, [1.0, 50.0], [100])
    beside = theory.power_spectrum(both, [float(rates[0]), 0.0], [1.0, 50.0], [100, 50])
    np.testing.assert_allclose(beside[:, 0, 0], alone[:, 0, 0], rtol=1e-12)
    assert (beside[:, 1, :] == 0).all()


@pytest.mark.parametrize("given", [{"sigma": 1e5}, {"sigma": 1e30}])
def test_an_integration_of_endless_steps_is_refused(given):
    _refused(
        lambda: theory.transfer_function([1.0], **{"mu": 18.0, "sigma": 4.0, **NEURON, **given}),
        "n_steps",
    )


class _Sweep(lifnet.MeanFieldBaseSweepRunner):
    def _step(self, param, idx, sweep_param, **kwargs):
        return sweep_param

    def _store(self, *args, **kwargs): ...
    def summary(self, *args, **kwargs): ...
    def _summary_plot(self, *args, **kwargs): ...
    def summarize_repeated_run(self, *args, **kwargs): ...


@pytest.mark.parametrize("switch", ["no", 0, "false"])
def test_a_folder_is_not_moved_away_for_a_no(tmp_path, switch):
    kept = tmp_path / "out" / "data" / "spikes_0.npy"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"another's")
    folder, config = tmp_path / "out", lifnet.load_config("2_cluster_mf")
    for name in ("overwrite", "resume", "parallel", "plots", "compact", "load_saved_seeds"):
        _refused(
            lambda name=name: lifnet.Repeater(1, folder, config=config, **{name: switch}), name
        )
    for name in ("overwrite", "resume", "parallel"):
        _refused(
            lambda name=name: _Sweep().execute(
                folder, config, "arousal.level", [0.1], **{name: switch}
            ),
            name,
        )
    stager = lifnet.StageSNNSimulation(config, 1)
    _refused(lambda: stager.execute(directory=folder, overwrite=switch), "overwrite")
    _refused(lambda: stager.execute(directory=folder, save_outputs=switch), "save_outputs")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert kept.read_bytes() == b"another's"


@pytest.mark.parametrize("value", [np.nan, "a", np.ma.masked, True, 1j])
@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("brunel_delta", "g eta j order tau_membrane threshold"),
        ("brunel_alpha", "g eta j order tau_membrane threshold"),
        ("cavallari", "scale g_ee g_thalamus_i v_0 amplitude frequency"),
        ("hagen", "scale j_ee j_ei j_ext"),
        ("four_area", "scale j_ii inter_delay inter_probability inter_weight areas overrides"),
        ("litwin_kumar_doiron", "r_ee j_plus n_clusters n_excitatory j_ei bias_e bias_i"),
        ("potjans_diesmann", "scale"),
    ],
)
def test_models_are_changed_by_numbers(model, names, value):
    call = getattr(lifnet.models, model)
    for name in names.split():
        _refused(lambda name=name: call(**{name: value}), name, lifnet.errors.NetworkError)


def test_inhibition_stays_inhibition():
    # g is a strength: below 0 the "inhibitory" neurons would excite.
    for model in (lifnet.models.brunel_delta, lifnet.models.brunel_alpha):
        _refused(lambda model=model: model(g=-1.0), "g")
        _refused(lambda model=model: model(j=-0.1), "j")
        _refused(lambda model=model: model(order=1), "order")


@pytest.mark.parametrize(
    "rates", [np.ones(3), np.ones(105), np.ones((100, 1)), np.full(100, np.nan), ["a"] * 100]
)
def test_a_rate_of_the_user_has_a_value_for_each_step(rates):
    class Given:
        def sample(self, n_steps, delta_t, seed):
            return rates

    cell = lifnet.Population("E", 2, 0.02, 20.0, 0.0, {"exc": lifnet.Delta()})
    net = lifnet.Network([cell], inputs=[lifnet.PoissonInput("E", Given(), 1.0)])
    _refused(lambda: net.simulate(0.01, seed=1), "rate_hz", lifnet.errors.NetworkError)
