from __future__ import annotations

import dataclasses
import inspect
import json
import re
import warnings

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from neuroloom import lifnet
from neuroloom.lifnet import Analyzer, LifnetError
from neuroloom.lifnet._analysis._attractors import active
from neuroloom.lifnet._analysis._sessions import from_dense, save_compact
from neuroloom.lifnet.analysis import ClusteringParams
from neuroloom.lifnet.errors import PlausibilityWarning
from neuroloom.shared import NotFittedError

DT = 0.5e-3
SIZE = 10


def raster(*states, n_pops=3, steps=1000):
    """Return spikes in which the given populations fire at 200 Hz, `steps` steps per state.

    Every neuron spikes at each tenth step, neurons one after the other, so that a population's
    rate is the same in every step.
    """
    blocks = []
    for who in states:
        block = np.zeros((steps, n_pops * SIZE), dtype=bool)
        for population in who:
            for k in range(SIZE):
                block[k::10, population * SIZE + k] = True
        blocks.append(block)
    return np.concatenate(blocks)


CLUSTERS = np.repeat([1, 2, 3], SIZE)
# A box of one step smooths nothing: states begin and end where they were made.
SHARP = ClusteringParams(kernel_type="box", kernel_param=0.5)


@pytest.fixture
def analyzer() -> Analyzer:
    """States (0,), (0, 1), (), (0,), (2,) of half a second each."""
    session = raster((0,), (0, 1), (), (0,), (2,))
    return Analyzer(session, CLUSTERS, DT, clustering_params=SHARP)


def test_states_are_those_that_were_made(analyzer):
    assert analyzer.get_unique_attractors() == [(0,), (0, 1), (), (2,)]
    assert analyzer.get_num_states() == 4
    assert analyzer.get_num_clusters() == 3
    assert analyzer.get_attractor_idx(1, 0) == 1
    assert analyzer.get_attractor_idx() == 2


def test_statistics_of_a_state(analyzer):
    data = analyzer.get_attractor_data(0)
    assert data == {
        "idx": 0,
        "#": 2,
        "starts": [0, 3000],
        "ends": [1000, 4000],
        "occurrence_durations": [500.0, 500.0],
        "total_duration": 1000.0,
        "clusters": (0,),
    }
    assert analyzer.get_occurrences((0, 1)) == 1
    assert analyzer.get_life_spans((0,)).tolist() == [500.0, 500.0]
    assert analyzer.get_mean_lifespan() == 500.0
    assert analyzer.get_attractor_prob(0) == pytest.approx(0.4)
    np.testing.assert_allclose(analyzer.get_attractor_probs(), [0.4, 0.2, 0.2, 0.2])


def test_transitions_of_the_states_that_were_made(analyzer):
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[0, 3] = 0.5
    expected[1, 2] = expected[2, 0] = 1.0
    np.testing.assert_array_equal(analyzer.get_transition_matrix(), expected)
    assert analyzer.get_transition_prob((0,), (2,)) == 0.5
    assert analyzer.get_transition_prob(0, 3) == 0.5
    assert analyzer.get_sequence_probability((0,), (0, 1), (), (0,)) == 0.5


def test_windows_in_time(analyzer):
    assert set(analyzer.get_attractors_data(0, 900)) == {(0,), (0, 1)}
    assert set(analyzer.get_attractors_data(t_from=-600)) == {(2,)}
    assert analyzer.get_attractors_data(0, 900)[(0,)]["#"] == 1
    assert analyzer.get_unique_attractors_count_until_time(900) == 2
    assert analyzer.get_transition_density_until_time(900) == 0.5
    assert analyzer.get_transition_density_until_time(2500) == pytest.approx(4 / 12)


@pytest.mark.slow
def test_sessions_are_joined_without_transitions_between_them():
    sessions = [raster((0,), (1,)), raster((2,), (0,))]
    analyzer = Analyzer(sessions, CLUSTERS, DT, clustering_params=SHARP)
    assert analyzer.get_attractor_data((2,))["starts"] == [2000]
    expected = np.zeros((3, 3))
    expected[0, 1] = expected[2, 0] = 1.0
    np.testing.assert_array_equal(analyzer.get_transition_matrix(), expected)
    assert analyzer.occurrences()["session"].tolist() == [0, 0, 1, 1]


def test_short_states_are_left_out():
    blink = np.concatenate([raster((0,)), raster((1,), steps=30), raster((0,)), raster((2,))])
    analyzer = Analyzer(blink, CLUSTERS, DT, clustering_params=SHARP)
    assert (1,) not in analyzer.get_unique_attractors()
    kept = Analyzer(blink, CLUSTERS, DT, minimal_life_span_ms=15, clustering_params=SHARP)
    assert (1,) in kept.get_unique_attractors()


def test_the_shortest_life_is_exact_in_steps():
    exactly = np.concatenate([raster((0,)), raster((1,), steps=40), raster((2,))])
    assert (1,) in Analyzer(
        exactly, CLUSTERS, DT, minimal_life_span_ms=20, clustering_params=SHARP
    ).get_unique_attractors()


def test_only_some_populations_can_be_looked_at():
    analyzer = Analyzer(
        raster((0,), (1, 2), (0, 2)), CLUSTERS, DT, clustering_params=SHARP, populations=[0, 1]
    )
    assert analyzer.get_unique_attractors() == [(0,), (1,)]


def test_rates(analyzer):
    np.testing.assert_allclose(analyzer.get_cluster_spike_rate(), [120.0, 40.0, 40.0])
    assert analyzer.get_neuron_spike_rate(0) == pytest.approx(120.0)
    np.testing.assert_array_equal(analyzer.get_data()[0].sum(), 5 * 200 * SIZE * 0.5)
    assert analyzer.get_cluster_activity()[1500].tolist() == [True, True, False]


def test_files_dense_and_compact_give_the_same(tmp_path, analyzer):
    session = raster((0,), (0, 1), (), (0,), (2,))
    dense, compact = tmp_path / "dense", tmp_path / "compact"
    dense.mkdir()
    compact.mkdir()
    for i in (2, 10):  # read in the order of their numbers
        part = session[:2000] if i == 2 else session[2000:]
        np.save(dense / f"spikes_{i}.npy", part)
        save_compact(compact / f"spikes_{i}.npz", from_dense(part))
    np.save(tmp_path / "clusters.npy", CLUSTERS)
    for folder in (dense, compact):
        read = Analyzer(folder, tmp_path / "clusters.npy", DT, clustering_params=SHARP)
        assert read.get_unique_attractors() == analyzer.get_unique_attractors()
        np.testing.assert_array_equal(read.get_data()[0], session[:2000])


def test_a_saved_analysis_comes_back_without_pickle(tmp_path, analyzer):
    folder = analyzer.save_analysis(tmp_path / "analysis")
    names = {path.name for path in folder.iterdir()}
    assert names == {"attractors.json", "transition_matrix.npy", "analysis_config.json"}
    config = json.loads((folder / "analysis_config.json").read_text())
    assert {
        "spikes_path",
        "clusters_path",
        "dt",
        "minimal_life_span_ms",
        "clustering_params",
        "session_length",
        "session_lengths_steps",
        "total_sim_duration_ms",
        "files",
    } <= set(config)
    loaded = Analyzer.load_analysis(folder)
    np.testing.assert_array_equal(
        loaded.get_transition_matrix(), np.load(folder / "transition_matrix.npy")
    )
    assert loaded.get_attractors_data() == analyzer.get_attractors_data()
    with pytest.raises(NotFittedError, match="no spikes"):
        loaded.get_data()


def test_a_pickled_analysis_is_refused(tmp_path):
    np.save(tmp_path / "attractors.npy", np.array({"a": 1}, dtype=object), allow_pickle=True)
    with pytest.raises(LifnetError, match="pickled"):
        Analyzer.load_analysis(tmp_path)
    np.save(tmp_path / "spikes_0.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(LifnetError, match="expected spikes"):
        Analyzer(tmp_path / "spikes_0.npy", CLUSTERS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clusters": CLUSTERS[:-1]}, "clusters: expected 30 labels"),
        ({"clusters": np.tile([1, 2, 3], SIZE)}, "together"),
        ({"clusters": CLUSTERS.astype(float)}, "whole number"),
        ({"spikes": np.zeros(10)}, "spikes: expected shape"),
        ({"dt": 0.0}, "dt"),
        ({"clustering_params": {"kernel": "box"}}, "clustering_params"),
        ({"clustering_params": {"kernel_type": "tri"}}, "kernel_type"),
        ({"populations": [3]}, "populations"),
        ({"spikes": "nowhere"}, "nowhere"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    given = {"spikes": raster((0,), steps=100), "clusters": CLUSTERS, **arguments}
    with pytest.raises(LifnetError, match=message):
        Analyzer(given.pop("spikes"), given.pop("clusters"), **given)


def test_unknown_states_are_refused(analyzer):
    with pytest.raises(LifnetError, match="no state"):
        analyzer.get_attractor_idx(1)
    with pytest.raises(LifnetError, match="from 0 to 3"):
        analyzer.get_occurrences(4)


def test_the_last_pass_takes_the_mean_of_what_is_active():
    # Rates of 10 and 20 Hz: each is above its own mean in half of the time, at a mean of 15 Hz,
    # less than 20 Hz from the base. With that as a last base the weaker one is never active.
    rates = np.zeros((1000, 2))
    rates[:500, 0], rates[500:, 1] = 10.0, 20.0
    plain = active(rates, ClusteringParams(last_pass=False))
    assert plain.sum(axis=0).tolist() == [500, 500]
    last = active(rates, ClusteringParams(last_pass=True))
    assert last.sum(axis=0).tolist() == [0, 500]


def test_a_state_that_follows_itself_is_no_transition():
    """Every transition between two states is seen, and each state follows itself besides."""
    gap = np.zeros((60, 3 * SIZE), dtype=bool)
    a, b = raster((0,), steps=400), raster((1,), steps=400)
    found = Analyzer(np.concatenate([a, b, a, gap, a, b, gap, b, a]), CLUSTERS, DT, 100.0, SHARP)
    assert (found.get_transition_matrix() > 0).all()
    assert found.get_transition_density_until_time(np.inf) == 1.0


def test_counts_of_spikes_are_counted():
    counts = np.random.default_rng(0).poisson(0.3, (4000, 3 * SIZE))
    expected = counts.mean(axis=0) / DT
    for given in (counts, counts.astype(float), counts.astype(np.uint8)):
        found = Analyzer(given, CLUSTERS, DT)
        np.testing.assert_allclose(found.get_neuron_spike_rate(), expected, rtol=1e-12)
        assert found.get_neuron_spike_rate(3 * SIZE - 1) == pytest.approx(expected[-1])
    assert Analyzer([counts], CLUSTERS, DT, populations=[False, False, True]).config[
        "populations"
    ] == [2]
    for wrong in (-counts, counts + 0.5, np.where(counts, np.nan, 0.0)):
        with pytest.raises(LifnetError, match="booleans or counts"):
            Analyzer(wrong, CLUSTERS, DT)
    for ask in (found.get_neuron_spike_rate, found.get_cluster_spike_rate):
        with pytest.raises(LifnetError):
            ask(99)


def test_counts_survive_a_compact_file(tmp_path):
    counts = np.random.default_rng(1).poisson(0.3, (50, 4))
    path = save_compact(tmp_path / "spikes.npz", from_dense(counts))
    found = Analyzer(path, [0, 0, 1, 1], DT)
    np.testing.assert_allclose(found.get_neuron_spike_rate(), counts.mean(axis=0) / DT)


def plainly(raster, label, dt):
    """The analysis of the seed's README, step by step from its description, in plain loops."""
    n_pops = label.max() + 1
    rates = np.stack(
        [raster[:, label == p].sum(axis=1) / (label == p).sum() / dt for p in range(n_pops)], axis=1
    )
    rates = gaussian_filter1d(rates, 20, axis=0)
    base = rates.mean(axis=0)
    on = rates > base
    for _ in range(50):
        if not on.any():
            break
        mean = rates[on].mean()
        close = abs(mean - base.mean()) < 20
        base = np.full(n_pops, mean)
        on = rates > base
        if close:
            break
    states, rows, begin = [], [], 0
    for t in range(1, len(on) + 1):
        if t == len(on) or (on[t] != on[begin]).any():
            if t - begin >= 40:
                who = tuple(int(i) for i in np.flatnonzero(on[begin]))
                if who not in states:
                    states.append(who)
                rows.append((states.index(who), begin, t))
            begin = t
    return states, rows


@pytest.mark.slow
def test_all_populations_give_what_the_seed_gives():
    network = lifnet.ClusteredNetwork.from_config("snn_test_run", seed=3)
    run = network.simulate(duration=2.5, seed=4)
    label = network.parameters.population
    analyzer = Analyzer(run.raster(), label + 1, dt=0.5e-3)
    states, rows = plainly(run.raster(), label, 0.5e-3)
    assert len(states) > 10
    assert analyzer.get_unique_attractors() == states
    found = analyzer._found
    np.testing.assert_array_equal(np.stack([found.identity, found.start, found.stop], 1), rows)
    assert analyzer.get_attractor_probs().sum() > 0.6


def test_another_analysis_is_not_overwritten(tmp_path, raster_of_two):
    raster, clusters = raster_of_two
    first = Analyzer(raster, clusters)
    first.save_analysis(tmp_path / "analysis")
    before = {p.name: p.read_bytes() for p in (tmp_path / "analysis").iterdir()}
    Analyzer(raster, clusters).save_analysis(tmp_path / "analysis")  # the same one
    others = [
        Analyzer(raster[:600], clusters),
        Analyzer(raster, clusters, populations=[0]),
        Analyzer(raster, clusters, minimal_life_span_ms=100.0),
        Analyzer(raster[:, ::-1], clusters),
    ]
    for other in others:
        with pytest.raises(LifnetError, match=r"without another analysis.*overwrite=True"):
            other.save_analysis(tmp_path / "analysis")
    assert {p.name: p.read_bytes() for p in (tmp_path / "analysis").iterdir()} == before
    others[0].save_analysis(tmp_path / "analysis", overwrite=True)
    loaded = Analyzer.load_analysis(tmp_path / "analysis")
    assert loaded.config["session_length"] == 600
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "attractors.npy").write_bytes(b"")
    with pytest.raises(LifnetError, match="seed system"):
        first.save_analysis(tmp_path / "old")


@pytest.fixture
def raster_of_two():
    raster = np.zeros((2000, 20), dtype=bool)
    raster[:1000:10, :10] = True
    raster[1000::10, 10:] = True
    return raster, np.repeat([1, 2], 10)


def test_several_files_are_sessions(tmp_path, raster_of_two):
    raster, clusters = raster_of_two
    files = [tmp_path / f"{name}.npy" for name in ("b", "a")]
    for file, part in zip(files, (raster[:1200], raster[1200:]), strict=True):
        np.save(file, part)
    together = Analyzer(files, clusters)
    assert together.config["session_lengths_steps"] == [1200, 800]
    assert together.config["spikes_path"] == str(tmp_path)


@pytest.mark.parametrize("key", ["dt", "n_clusters", "clustering_params", "total_sim_duration_ms"])
def test_a_damaged_analysis_is_refused(tmp_path, raster_of_two, key):
    folder = Analyzer(*raster_of_two).save_analysis(tmp_path / "analysis")
    config = json.loads((folder / "analysis_config.json").read_text())
    del config[key]
    (folder / "analysis_config.json").write_text(json.dumps(config))
    with pytest.raises(LifnetError, match="expected a saved analysis"):
        Analyzer.load_analysis(folder)


def test_a_session_without_a_step_is_refused():
    labels = np.repeat([0, 1], 3)
    with pytest.raises(LifnetError, match="at least one step, got none in session 1"):
        Analyzer([np.zeros((5, 6), bool), np.zeros((0, 6), bool)], labels, dt=5e-4)


def test_windows_begin_and_end_at_the_step_that_a_time_names():
    session = np.zeros((3000, 2), dtype=bool)
    session[np.arange(3000) % 6 < 3, 0] = True
    params = ClusteringParams("box", 0.1, last_pass=False)
    analyzer = Analyzer(session, [1, 2], 1e-4, 0, params)
    for step in range(0, 3000, 3):
        time = round(0.1 * step, 1)  # k · 0.0001 s misses a decimal number of ms by rounding
        late, early = (
            sum(data["#"] for data in analyzer.get_attractors_data(*window).values())
            for window in ((time, None), (None, time))
        )
        assert (early, late) == (step // 3, 1000 - step // 3)
        assert analyzer.get_unique_attractors_count_until_time(time) == min(step // 3, 2)


@pytest.mark.parametrize("state", [True, 1.0, "1", np.nan, 7])
def test_a_number_of_a_state_is_a_whole_number(analyzer, state):
    with pytest.raises(LifnetError, match="a number from 0 to 3, or a tuple"):
        analyzer.get_occurrences(state)


def test_numbers_without_axes_are_numbers_of_states(analyzer):
    # State 3 is that of population 2; population 3 does not exist.
    for three in (np.int64(3), np.array(3)):
        assert analyzer.get_attractor_data(three)["clusters"] == (2,)
    assert analyzer.get_attractor_data(np.array([0, 1]))["clusters"] == (0, 1)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"populations": []}, "populations: expected at least one"),
        ({"populations": [1, 1]}, "populations: expected each place once"),
        ({"clustering_params": {"kernel_param": np.inf}}, "kernel_param"),
        ({"clustering_params": {"kernel_param": "wide"}}, "kernel_param"),
        ({"clustering_params": {"max_iterations": 1.5}}, "max_iterations"),
        ({"clustering_params": {"last_pass": "no"}}, "last_pass"),
        ({"clustering_params": {"kernel_parm": 1.0}}, "did you mean 'kernel_param'"),
        ({"clustering_params": 3}, "clustering_params"),
        ({"spikes": np.ma.array(raster((0,)), mask=raster((0,)))}, "spikes"),
        ({"clusters": np.ma.array(CLUSTERS, mask=CLUSTERS == 3)}, "clusters"),
        ({"spikes": np.zeros((5, 0), bool), "clusters": np.zeros(0, int)}, "clusters"),
    ],
)
def test_what_would_be_read_otherwise_is_refused(changes, named):
    with pytest.raises(LifnetError, match=named):
        Analyzer(**{"spikes": raster((0,)), "clusters": CLUSTERS, "dt": DT} | changes)


def test_questions_that_cannot_be_are_refused(analyzer):
    for wrong in ("soon", np.nan):
        with pytest.raises(LifnetError, match="t_from"):
            analyzer.get_attractors_data(wrong)
        with pytest.raises(LifnetError, match="time_ms"):
            analyzer.get_transition_density_until_time(wrong)
    for wrong in (1, 0.5):
        with pytest.raises(LifnetError, match="session"):
            analyzer.get_cluster_activity(wrong)
        with pytest.raises(LifnetError, match="session"):
            analyzer.get_cluster_rates(wrong)


def test_a_compact_file_of_other_neurons_is_refused(tmp_path):
    spikes = from_dense(raster((0,)))
    save_compact(tmp_path / "spikes.npz", dataclasses.replace(spikes, n_neurons=5))
    with pytest.raises(LifnetError, match="expected numbers from 0 to 4"):
        Analyzer(tmp_path / "spikes.npz", CLUSTERS, DT)


def test_populations_neurons_and_sessions_count_from_the_first_only(analyzer):
    for ask in (
        lambda: Analyzer(raster((0,)), CLUSTERS, DT, populations=[-1]),
        lambda: Analyzer(raster((0,)), CLUSTERS, DT, populations=-1),
        lambda: analyzer.get_attractor_idx(-1),
        lambda: analyzer.get_occurrences((0, -2)),
        lambda: analyzer.get_cluster_spike_rate(-1),
        lambda: analyzer.get_neuron_spike_rate(-1),
        lambda: analyzer.get_cluster_activity(-1),
        lambda: analyzer.get_cluster_rates(-1),
        lambda: analyzer.get_occurrences(-1),
    ):
        with pytest.raises(LifnetError, match=r"from 0 to \d.*got -[12]"):
            ask()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dt": 0.5}, "dt: got 0.5 s.*milliseconds"),
        ({"dt": 0.1}, "dt: got 0.1 s.*milliseconds"),
        ({"minimal_life_span_ms": 0.02}, "minimal_life_span_ms: got 0.02 ms.*seconds"),
        ({"clustering_params": {"kernel_param": 0.01}}, "kernel_param: got 0.01 ms.*seconds"),
    ],
)
def test_times_in_another_unit_are_asked_about(changes, words):
    given = {"spikes": raster((0,), (1,)), "clusters": CLUSTERS, "dt": DT}
    with pytest.warns(PlausibilityWarning, match=words):
        Analyzer(**(given | changes))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Analyzer(**given, minimal_life_span_ms=0.5, clustering_params=SHARP)
        Analyzer(**(given | {"dt": 0.01}), minimal_life_span_ms=0.0)


@pytest.mark.parametrize("kind", ["gaussian", "box"])
def test_a_kernel_longer_than_all_sessions_is_refused(kind):
    params = {"kernel_type": kind, "kernel_param": 1e9}
    with pytest.raises(LifnetError, match=r"kernel_param: expected at most .* 500 ms, got 1e\+09"):
        Analyzer(raster((0,)), CLUSTERS, DT, clustering_params=params)
    Analyzer(raster((0,)), CLUSTERS, DT, clustering_params=params | {"kernel_param": 500})


def test_an_analysis_is_replaced_by_one_that_goes_on_from_it_alone(tmp_path):
    sessions = [raster((0,), (1,)), raster((1,), (2,)), raster((2,), (0, 1))]
    one, two, three = (
        Analyzer(sessions[:n], CLUSTERS, DT, clustering_params=SHARP) for n in (1, 2, 3)
    )
    two.save_analysis(tmp_path)
    three.save_analysis(tmp_path)
    assert Analyzer.load_analysis(tmp_path).get_num_states() == 4
    other = Analyzer([sessions[1], *sessions], CLUSTERS, DT, clustering_params=SHARP)
    for poorer, words in ((two, "session_lengths_steps"), (one, "session_le"), (other, "states")):
        with pytest.raises(LifnetError, match=f"another analysis.*differs in.*{words}"):
            poorer.save_analysis(tmp_path)
    assert Analyzer.load_analysis(tmp_path).get_num_states() == 4


def test_each_parameter_of_the_clustering_is_described():
    described = inspect.getdoc(ClusteringParams).partition("Parameters\n----------\n")[2]
    names = re.findall(r"^(\w+) :", described, flags=re.MULTILINE)
    assert names == [field.name for field in dataclasses.fields(ClusteringParams)]
