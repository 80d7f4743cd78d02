"""Input that cannot be meant is refused or warned of, in one line that says what to do."""

from __future__ import annotations

import copy
import functools
import warnings

import numpy as np
import pytest

from neuroloom.lifnet import (
    ClusteredNetwork,
    LIFMeanField,
    Record,
    fixed_points,
    landscape,
    load_config,
    shipped_configs,
)
from neuroloom.lifnet.engine import Cells, Connectivity, CountDrive, simulate
from neuroloom.lifnet.errors import (
    ConfigError,
    LifnetError,
    NetworkError,
    PlausibilityWarning,
    RoundingWarning,
    SimulationError,
)
from neuroloom.lifnet.network import (
    Bernoulli,
    CurrentInput,
    Exponential,
    FixedIndegree,
    FixedTotal,
    Network,
    Normal,
    OrnsteinUhlenbeck,
    PoissonInput,
    Population,
    Projection,
    SampledRate,
    Uniform,
    simulate_trials,
)
from neuroloom.lifnet.theory import (
    continue_branch,
    integrate_rates,
    mean_field_trajectory,
    power_spectrum,
)

SYNAPSES = {"exc": Exponential(0.005)}


def population(**changes):
    given = dict(tau_membrane=0.02, threshold=20.0, reset=10.0, synapses=SYNAPSES)
    return Population("A", 10, **(given | changes))


def projection(**changes):
    return Projection("A", "A", **(dict(rule=Bernoulli(0.5), weight=1.0, delay=1e-3) | changes))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Bernoulli(0.1, autapses="no"), "Bernoulli.autapses: expected True or False"),
        (lambda: FixedIndegree(3, multapses=2), "FixedIndegree.multapses: expected True or False"),
        (lambda: Exponential(0.005, charge="yes"), "Exponential.charge: expected True or False"),
        (lambda: population(synapses={"exc": 0.005}), r"synapses: expected synapses by the name"),
        (lambda: population(synapses=[Exponential(0.005)]), r"synapses: expected synapses"),
        (lambda: projection(rule=0.1), "rule: expected a rule"),
        (lambda: Network(population()), "populations: expected a sequence of Population"),
        (lambda: Network([population()], inputs=[projection()]), "inputs: expected a sequence of"),
        (lambda: Network([population()], projection()), "projections: expected a sequence of"),
        (lambda: Normal("a", 1), "Normal.mean: expected a finite number"),
        (lambda: Uniform(0, np.inf), "Uniform.high: expected a finite number"),
        (lambda: SampledRate(["a"], 1e-3), "SampledRate.values_hz: expected numbers"),
        (lambda: CurrentInput("A", 1, waveform=["x"], sample_interval=1), "waveform: expected num"),
        (lambda: Network([population()]).build(n_threads=0, seed=1), "n_threads: expected"),
        (lambda: Network([population()]).build(dtype="int8", seed=1), "dtype: expected one of"),
        (lambda: Network([population()]).build(delta_t=-1.0, seed=1), "delta_t: expected"),
        (lambda: projection(delay=-1e-3), "delay: expected 0 or more"),
        (lambda: Population("", 10, 0.02, 20.0, 10.0, SYNAPSES), "Population.name: expected text"),
        (lambda: Population(3, 10, 0.02, 20.0, 10.0, SYNAPSES), "Population.name: expected text"),
        (lambda: CountDrive.poisson([1e15], [0], [1.0]), "means for at most 65535 counts a step"),
        (lambda: projection(delay=Uniform(-1e-3, 1e-3)), "delay: expected 0 or more"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(make, words):
    with pytest.raises(NetworkError, match=words):
        make()


def test_durations_are_numbers_of_whole_steps():
    net = Network([population()])
    with pytest.raises(SimulationError, match="duration: expected a finite number in s, got '1'"):
        net.simulate("1", seed=1)
    with pytest.warns(RoundingWarning, match=r"duration of 0\.01005 s .* rounded to 0\.01 s"):
        net.simulate(0.01005, seed=1)
    assert net.simulate(np.array(0.01), seed=1).n_steps == 100


def test_more_synapses_than_memory_are_refused_before_they_are_drawn():
    for rule in (FixedTotal(10**13), FixedIndegree(10**12, multapses=True)):
        with pytest.raises(LifnetError, match=r"memory: expected .*; take a smaller network"):
            Network([population()], [projection(rule=rule)]).build(seed=1)


@functools.cache
def field():
    return LIFMeanField.from_config("2_cluster_mf")


@functools.cache
def stable():
    return next(point.rates for point in fixed_points(field(), n_starts=20) if point.stable)


def mean_field(**changes):
    given = dict(tau_membrane=0.02, tau_synaptic=0.0, threshold=20.0, reset_voltage=10.0)
    return LIFMeanField(1, np.ones((2, 2)), np.ones((2, 2)), 0.1, 1000, 20.0, **(given | changes))


@pytest.mark.parametrize(
    "make",
    [
        lambda: population(tau_membrane=20.0),
        lambda: population(tau_membrane=[0.02] * 9 + [20.0]),
        lambda: population(tau_refractory=2.0),
        lambda: population(tau_membrane=Normal(20.0, 1.0)),
        lambda: Exponential(5.0),
        lambda: projection(delay=1.5),
        lambda: projection(delay=Normal(1.5, 0.1)),
        lambda: OrnsteinUhlenbeck(10.0, 2.0, tau=20.0),
        lambda: load_config("2_cluster_mf").with_value("stimulus.tau_decay", 100.0),
        lambda: mean_field(tau_membrane=20.0),
        lambda: mean_field(tau_refractory=2.0),
        lambda: mean_field(tau_synaptic=[0.005, 5.0]),
        lambda: field().determine_stability(field().solve_rates().x, tau=20.0),
        lambda: integrate_rates(field(), np.ones(6), duration=0.01, delta_t=1e-3, tau=20.0),
        lambda: power_spectrum(field(), stable(), [10.0], np.full(6, 100), delay=1.5),
    ],
)
def test_milliseconds_are_asked_about(make):
    with pytest.warns(PlausibilityWarning, match="is it in milliseconds"):
        make()


@pytest.mark.parametrize("kind", [CurrentInput, PoissonInput])
def test_inputs_that_a_run_does_not_reach_are_said(kind):
    source = kind("A", 10.0, **({"weight": 1.0} if kind is PoissonInput else {}), start=0.5)
    net = Network([population()], inputs=[source])
    with pytest.warns(PlausibilityWarning, match=r"starts at 0\.5 s, which a run of 0\.01 s"):
        net.simulate(0.01, seed=1)
    net.build(seed=1).simulate(0.01, seed=1)  # may go on until then


def test_steps_below_the_precision_are_said():
    cells = population(tau_membrane=0.9)
    with pytest.warns(RoundingWarning, match="float32 resolves; take 'float64'"):
        Network([cells], delta_t=1e-6).simulate(1e-5, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Network([cells], delta_t=1e-6).simulate(1e-5, dtype="float64", seed=1)
        Network([cells], delta_t=1e-5).simulate(1e-4, seed=1)


@pytest.fixture(scope="module")
def text():
    from importlib.resources import files

    folder = files("neuroloom.lifnet._config") / "configs"
    return (folder / "2_cluster_mf.yaml").read_text()


def changed(text, old, new):
    assert old in text
    return text.replace(old, new).encode()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("tau_membrane: 0.02", "tau_membrane: 0.02\n    tau_membrane: 0.03", "each key once, got"),
        ("level: 0.275", "level: 1:30", "arousal.level: expected a number, got '1:30'"),
        ("tau_membrane: 0.02", "tau_membrane: 1:30.5", "tau_membrane"),
        ("tau_membrane: 0.02", "tau_membrane: 2020-01-01", "tau_membrane"),
        ("tau_membrane: 0.02", "tau_membrane: 20 ms", "tau_membrane"),
        ("tau_membrane: 0.02", "tau_membrane: .nan", "tau_membrane: expected a finite number"),
        ("level: 0.275", "level: !!python/name:os.system", "expected YAML"),
    ],
)
def test_yaml_is_read_as_it_is_meant_or_refused(text, old, new, words):
    with pytest.raises(ConfigError, match=words):
        load_config(changed(text, old, new))


@pytest.mark.parametrize(("written", "value"), [("2e-2", 0.02), ("+.02", 0.02), ("1_0e-3", 0.01)])
def test_decimal_numbers_of_every_form(text, written, value):
    config = load_config(changed(text, "tau_membrane: 0.02", f"tau_membrane: {written}"))
    assert config.architecture.network.tau_membrane == value


def test_a_leading_zero_is_decimal(text):
    config = load_config(changed(text, "n_excitatory: 640", "n_excitatory: 0640"))
    assert config.init_params.n_excitatory == 640


def test_configured_times_that_are_probably_not_meant(text):
    with pytest.warns(PlausibilityWarning, match="tau_membrane: got 20 s"):
        load_config(changed(text, "tau_membrane: 0.02", "tau_membrane: 20"))
    config = load_config("default_snn_params")
    step, duration = config.init_params.delta_t, config.init_params.duration_sec
    with pytest.warns(RoundingWarning, match="duration_sec: .* is not a multiple"):
        config.with_value("init_params.duration_sec", duration + step / 3)
    mapping = config.to_mapping()
    mapping["stimulus"] |= {"amplitude": 1.0, "onsets": [2 * duration]}
    with pytest.warns(PlausibilityWarning, match=r"stimulus\.onsets\[0\]: .* does not reach"):
        load_config(mapping)


def test_shipped_configurations_give_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in shipped_configs():
            if not name.startswith("templates"):
                load_config(name)


def line(weight=1.0, *, inputs=(), **changes):
    return Network([population(**changes)], [projection(weight=weight)], inputs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("net", "words"),
    [
        (line(1e39), "weight: expected magnitudes up to"),
        (line(Normal(1e39, 1e38)), "weight: expected magnitudes up to"),
        (line(inputs=[PoissonInput("A", 9e3, 1e39)]), "drives: expected .* got 1e\\+39"),
        (line(inputs=[CurrentInput("A", -1e39)]), "stimulus: expected .* got 1e\\+39"),
        (line(threshold=1e39), "parameters of neurons: expected"),
        (line(bias=1e300), "bias: expected"),
        # Each fits, and their sum does not.
        (line(inputs=[PoissonInput("A", 9e5, 3e38)]), "expected sums that float32 holds, got a cu"),
    ],
)
def test_numbers_beyond_the_precision_are_refused(net, words):
    with pytest.raises(LifnetError, match=words):
        net.simulate(0.05, seed=1)
    net.simulate(0.05, dtype="float64", seed=1)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_so_are_those_of_the_dense_engines(backend):
    cells = Cells.create(2, tau_membrane=0.02, tau_synaptic=0.005, threshold=1.0)
    synapses = Connectivity.from_csr([0, 1, 1], [1], 1.0)
    with pytest.raises(SimulationError, match="drives: expected magnitudes"):
        simulate(
            cells, synapses, n_steps=3, delta_t=1e-4, external_jumps=np.full((3, 2), 1e39),
            backend=backend, dtype="float32",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"voltage": [-1]}, "record: expected indices from 0 to 9, got -1"),
        ({"current": {3, -2}}, "record: expected indices from 0 to 9, got -2"),
        ({"voltage": -1}, "record: expected indices from 0 to 9, got -1"),
        ({"every": None}, "every: expected a whole number of steps, got None"),
        ({"spikes": "no"}, "Record.spikes: expected True or False"),
    ],
)
def test_records_that_cannot_be(record, words):
    with pytest.raises(SimulationError, match=words):
        line().simulate(0.01, record=Record(**record), seed=1)


def test_a_record_of_an_iterator_is_that_of_its_list():
    run = line().simulate(0.01, record=Record(voltage=iter([1, 2])), seed=1)
    assert run.voltage.shape == (100, 2)
    with pytest.raises(SimulationError, match="record: expected a Record"):
        line().simulate(0.01, record={"voltage": [0]}, seed=1)


def test_a_duration_too_short_for_what_is_configured_is_said():
    config = load_config("2_cluster_mf").with_value("stimulus.onsets", [0.02])
    network = ClusteredNetwork.from_config(config.with_value("stimulus.amplitude", 1.0), seed=1)
    with pytest.warns(PlausibilityWarning, match=r"onsets\[0\]: got 0\.02 s, which a run of 0\.01"):
        first = network.simulate(duration=0.01, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network.simulate(duration=0.03, seed=1)
        network.simulate(duration=0.005, state=first.state, seed=1)  # may go on until then


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("init_params.duration_sec", 1e308),
        ("architecture.network.tau_membrane", []),
        ("architecture.network.tau_refractory", []),
        ("architecture.network.threshold", b"x"),
        ("stimulus.stimulus_shape", []),
        ("stimulus.stimulus_shape", {"a": 1}),
        ("stimulus.onsets", b"x"),
        ("perturbation.rate.involved_clusters", [[10**30]]),
        ("perturbation.rate.params", b"x"),
    ],
)
def test_values_of_another_kind_are_refused_by_their_path(key, value):
    config = load_config("2_cluster_mf").to_mapping()
    config["perturbation"] = {"rate": {"params": [1.0], "vectors": [[1.0]]}}
    *path, last = key.split(".")
    section = config
    for name in path:
        section = section[name]
    section[last] = value

    def run():
        network = ClusteredNetwork.from_config(load_config(config), seed=1)
        network.simulate(duration=0.01, seed=1)

    with pytest.raises(LifnetError, match=key.replace(".", r"\.")):
        run()


def test_a_step_so_short_that_steps_cannot_be_counted_is_refused():
    config = load_config("2_cluster_mf").to_mapping()
    config["init_params"]["delta_t"] = 1e-320
    with pytest.raises(ConfigError, match=r"duration_sec: expected at most 9e\+18 steps"):
        load_config(config)


@pytest.mark.parametrize("number", [-1, 1.5, "2"])
def test_numbers_of_trials_that_cannot_be(number):
    built = Network([population()]).build(seed=1)
    with pytest.raises(SimulationError, match="n_trials: expected"):
        simulate_trials(built, number, 0.01, progress=False, seed=1)


def test_a_refractory_time_that_cannot_be_counted_is_refused():
    with pytest.warns(PlausibilityWarning):
        net = Network([population(tau_refractory=3e5)])
    with pytest.raises(SimulationError, match=r"tau_refractory: expected at most 2,147,483,647"):
        net.simulate(0.01, seed=1)


HIDDEN = np.ma.array([1.0, 2.0], mask=[True, False])
HIDDEN_PLACE = np.ma.array([0, 1], mask=[True, False])
TWO = dict(
    c_matrix=np.ones((2, 2)), j_matrix=np.full((2, 2), 0.1), j_ext=[2.3, 2.3], c_ext=[320, 320],
    nu_ext=[7.0, 7.0], tau_membrane=[0.02, 0.02], tau_synaptic=[0.005, 0.005],
    threshold=[1.5, 0.75], reset_voltage=0.0, tau_refractory=0.005,
)  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        lambda: Connectivity.from_csr([0, 1, 2], [0, 1], HIDDEN),
        lambda: Connectivity.from_csr([0, 1, 2], HIDDEN_PLACE, 1.0),
        lambda: Connectivity.from_csr([0, 1, 2], [0, 1], 1.0, delay_steps=HIDDEN_PLACE),
        lambda: Cells.create(2, tau_membrane=HIDDEN, tau_synaptic=0.005, threshold=1.0),
        lambda: CountDrive.poisson(HIDDEN, [0, 1], 0.1),
        lambda: CountDrive.poisson([0.4, 0.5], [0, 1], HIDDEN),
        lambda: CountDrive.poisson([0.4, 0.5], HIDDEN_PLACE, 0.1),
        lambda: CountDrive.poisson([0.4, 0.5], [0.0, 0.5], 0.1),
        *(
            functools.partial(LIFMeanField, 2, **TWO | {name: HIDDEN})
            for name in ("j_ext", "nu_ext", "threshold", "tau_membrane")
        ),
        *(
            functools.partial(
                LIFMeanField, 2, **TWO | {name: np.ma.array(np.ones((2, 2)), mask=np.eye(2))}
            )
            for name in ("c_matrix", "j_matrix")
        ),
        lambda: LIFMeanField.from_config(
            "2_cluster_mf", perturbations={"threshold": np.ma.array(np.ones(6), mask=np.eye(6)[0])}
        ),
        lambda: mean_field_trajectory(
            "2_cluster_mf", np.ma.array(np.ones(6), mask=np.eye(6)[0]), duration=0.1
        ),
    ],
)
def test_values_under_a_mask_are_refused(given):
    with pytest.raises(LifnetError):
        given()


def test_all_missing_keys_of_a_template_are_told_at_once():
    with pytest.raises(ConfigError) as told:
        load_config("templates/spiking_net_template")
    whole = load_config("default_snn_params").to_mapping()
    needed = str(told.value).partition(": missing")[0].split(", ")
    assert len(needed) == 16
    for key in needed:  # each of them is one, and with all of them nothing is missing
        part = copy.deepcopy(whole)
        *path, last = key.split(".")
        del functools.reduce(dict.__getitem__, path, part)[last]
        with pytest.raises(ConfigError, match=f"^{key}: missing; the configuration needs this"):
            load_config(part)
    only = {}
    for key in needed:
        *path, last = key.split(".")
        inner = functools.reduce(lambda here, name: here.setdefault(name, {}), path, only)
        inner[last] = functools.reduce(dict.__getitem__, path, whole)[last]
    assert load_config(only).init_params.n_neurons == 2000


@pytest.mark.parametrize("key", ["threshold", "tau_membrane", "tau_synaptic", "reset_voltage"])
def test_a_list_of_one_value_for_several_populations_is_refused(key):
    config = load_config("2_cluster_mf")
    with pytest.raises(ConfigError, match=rf"{key}: expected one value, two \(E, I\) or 6"):
        config.with_value(f"architecture.network.{key}", [0.5])
    with pytest.raises(LifnetError, match=rf"{key}: expected one value, two \(E, I\) or 2"):
        mean_field(**{key: [5.0]})


def test_a_threshold_is_compared_with_the_reset_of_its_own_population():
    network = load_config("2_cluster_mf").to_mapping()
    network["architecture"]["network"] |= {"threshold": [1.5, 0.75], "reset_voltage": [1.0, 0.0]}
    assert load_config(network).architecture.network.reset_voltage == (1.0, 0.0)
    network["architecture"]["network"] |= {"reset_voltage": [0.0, 0.75]}
    with pytest.raises(ConfigError, match=r"threshold: expected above the reset voltage 0\.75"):
        load_config(network)


def test_numbers_of_items_and_populations_count_from_the_first_only():
    config = load_config("2_cluster_mf")
    for path in (("external_currents", "c_ext", -1), "external_currents.c_ext.-1"):
        with pytest.raises(ConfigError, match=r"c_ext: expected an item from 0 to 3"):
            config.with_value(path, 1.0)
    for focus in ([-1], [0, -2], -1, [6], [0, 0], [0.5]):
        with pytest.raises(LifnetError, match="focus: expected"):
            landscape(field(), focus, step=20.0)
        with pytest.raises(LifnetError, match="focus: expected"):
            field().effective_response_function(focus, np.ones(np.size(focus)))
    mask = np.arange(6) == 1
    found = field().effective_response_function(mask, [5.0])
    np.testing.assert_array_equal(found, field().effective_response_function([1], [5.0]))


@pytest.mark.parametrize("nu_init", [np.ones(3), -np.ones(5), np.full(5, np.nan), np.ones((3, 5))])
def test_starts_of_the_others_are_checked(nu_init):
    with pytest.raises(LifnetError, match="nu_init: expected"):
        field().effective_response_function([0], [[1.0], [2.0]], nu_init=nu_init)
    with pytest.raises(LifnetError, match="nu: expected"):
        field().effective_response_function([0], [[-1.0]])


def test_a_point_that_is_no_fixed_point_has_no_stability():
    point = stable()
    assert field().determine_stability(point)[0] == "stable node"
    away = point + np.arange(6) * 1e-3
    left = np.abs(away - field().response(away)).max()
    for ask in (
        lambda: field().determine_stability(away),
        lambda: power_spectrum(field(), away, [10.0], np.full(6, 100)),
        lambda: continue_branch(lambda value: field(), away, 0.5, (0.0, 1.0)),
    ):
        with pytest.raises(LifnetError, match=rf"expected a fixed point, got .* of {left:.3g} Hz"):
            ask()
    with pytest.raises(LifnetError, match=r"nu: expected shape \(6,\)"):
        field().determine_stability([point, point])


@pytest.mark.parametrize("seed", [-1, 1.5, "a", True])
def test_seeds_that_cannot_be_are_errors_of_this_package(seed):
    cells = Cells.create(1, tau_membrane=0.02, tau_synaptic=0.005, threshold=1.0)
    alone = Connectivity.from_csr([0, 0], [], 0.0)
    for run in (
        lambda: simulate(cells, alone, n_steps=2, delta_t=1e-3, seed=seed),
        lambda: Network([population()]).simulate(0.01, seed=seed),
        lambda: ClusteredNetwork.from_config("2_cluster_mf", seed=seed),
        lambda: fixed_points(field(), n_starts=1, seed=seed),
        lambda: integrate_rates(field(), np.ones(6), duration=0.01, delta_t=1e-3, seed=seed),
    ):
        with pytest.raises(LifnetError, match="seed: expected"):
            run()


def test_a_stimulus_without_an_onset_is_told():
    mapping = load_config("2_cluster_mf").to_mapping()
    mapping["stimulus"] |= {"amplitude": 1.0, "onsets": []}
    with pytest.warns(PlausibilityWarning, match=r"stimulus\.onsets: got none"):
        load_config(mapping)
