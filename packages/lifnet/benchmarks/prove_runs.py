"""Proofs that a run goes on: split anywhere, or killed and resumed, it is the unbroken one."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from rows import Rows

from neuroloom.lifnet import ClusteredNetwork, Record, load_config, network
from neuroloom.lifnet._engine import _run
from neuroloom.lifnet.engine import Cells, Connectivity, CountDrive, State, simulate

DT = 5e-4
KINDS = ["network", "network", "network", "clusters", "dense"]
ARRAYS = ("spike_ids", "spike_counts", "voltage", "current")
TIMES = st.floats(0.0, 0.12)


@st.composite
def rates(draw: Any) -> Any:
    """Draw a rate in Hz: a number, samples, a sine or a random process."""
    kind = draw(st.sampled_from(["number", "samples", "sine", "wandering"]))
    if kind == "number":
        return draw(st.sampled_from([4000, 9000.0, np.float32(7000)]))
    if kind == "samples":
        values = draw(st.lists(st.floats(0, 2e4), min_size=2, max_size=9))
        return network.SampledRate(values, draw(st.sampled_from([DT, 0.0031, 0.02])))
    if kind == "sine":
        return network.SineRate(9e3, draw(st.floats(0, 9e3)), draw(st.floats(1, 80)), draw(TIMES))
    return network.OrnsteinUhlenbeck(9e3, 4e3, draw(st.sampled_from([0.002, 0.02, 0.3])))


@st.composite
def windows(draw: Any) -> dict[str, float]:
    """Draw a start and a stop, or neither."""
    if draw(st.booleans()):
        return {}
    start = draw(TIMES)
    return {"start": start, "stop": draw(st.sampled_from([None, start + draw(st.floats(DT, 0.1))]))}


@st.composite
def rules(draw: Any, own: bool) -> Any:
    """Draw a rule of connection between populations of 24 neurons or more."""
    autapses = draw(st.booleans())
    n = draw(st.integers(1, 8))
    kinds = [
        network.Bernoulli(draw(st.floats(0.05, 0.4)), autapses=autapses),
        network.FixedIndegree(n, autapses=autapses),
        network.FixedOutdegree(n, multapses=True, autapses=autapses),
        network.FixedTotal(10 * n, multapses=draw(st.booleans()), autapses=autapses),
    ]
    if own:
        kinds.append(network.OneToOne())
    return draw(st.sampled_from(kinds))


@st.composite
def networks(draw: Any) -> Any:
    """Draw a network of one to three populations, near threshold, and its noise and currents."""
    conductances = draw(st.booleans())
    n_pops = draw(st.integers(1, 3))
    scale = 0.02 if conductances else 1.0
    receptors = ["exc", "inh"][: draw(st.integers(1, 2))]
    weight = {}
    populations = []
    for k in range(n_pops):
        synapses: dict[str, Any] = {}
        for receptor in receptors:
            if conductances:
                reversal = 0.0 if receptor == "exc" else -80.0
                synapses[receptor] = network.Beta(
                    0.001, draw(st.sampled_from([0.004, 0.01])), reversal
                )
                weight[f"P{k}", receptor] = 1e-3 if receptor == "exc" else 4e-3
                continue
            kind, size = draw(st.sampled_from([
                (network.Exponential(0.005), 40.0), (network.Alpha(0.004), 30.0),
                (network.Delta(), 0.12), (network.DoubleExponential(0.001, 0.006), 8.0),
            ]))  # fmt: skip
            synapses[receptor] = kind
            weight[f"P{k}", receptor] = size if receptor == "exc" else -4 * size
        waits = st.sampled_from([0.0, 0.002, network.Uniform(0.001, 0.004)])
        several = st.sampled_from([0.02, 0.011, network.Uniform(0.01, 0.03)])
        populations.append(network.Population(
            f"P{k}", draw(st.integers(24, 60)), draw(several), threshold=-50.3, reset=-65.7,
            resting=-65.1, tau_refractory=draw(waits),
            capacitance=scale, bias=network.Normal(560 * scale, 60 * scale), synapses=synapses,
            initial_voltage=draw(st.sampled_from([None, network.Normal(-60.0, 4.0)])),
        ))  # fmt: skip
    delays = st.sampled_from([
        DT, 0.0113, network.Uniform(0.001, 0.018), network.Normal(0.004, 0.002, low=DT),
    ])  # fmt: skip
    names = [population.name for population in populations]
    wires = [
        network.Projection(pre, post, draw(rules(pre == post)), delay=draw(delays),
                           weight=3 * weight[post, receptor], receptor=receptor)
        for pre in names for post in names
        for receptor in [draw(st.sampled_from(receptors))] if draw(st.booleans())
    ]  # fmt: skip
    common = draw(rates())
    inputs: list[Any] = []
    for post in names:
        for _ in range(draw(st.integers(1, 2))):
            rate = common if draw(st.booleans()) else draw(rates())
            inputs.append(network.PoissonInput(post, rate, weight[post, "exc"], **draw(windows())))
        if draw(st.booleans()):
            wave = draw(st.sampled_from([None, np.sin(np.arange(40.0))]))
            shape: dict[str, Any] = {}
            if wave is not None:
                shape = {"waveform": wave, "sample_interval": 0.002}
            shape["neurons"] = draw(st.sampled_from([None, [0, 3, 7]]))
            inputs.append(network.CurrentInput(post, 300.0 * scale, **shape, **draw(windows())))
        if draw(st.booleans()):
            inputs.append(network.NoiseCurrent(post, 30.0 * scale, **draw(windows())))
    return network.Network(populations, wires, inputs, delta_t=DT)


@st.composite
def configurations(draw: Any) -> Any:
    """Draw the shipped network of two clusters with stimulus, arousal and perturbations in time."""
    config = load_config("2_cluster_mf")
    n_pops = config.architecture.clusters.total_pops
    config = config.with_value("arousal.level", draw(st.sampled_from([0.0, 0.4])))
    if draw(st.booleans()):
        config = config.with_value("stimulus.onsets", [[0.02, 0.06]])
        config = config.with_value("stimulus.amplitude", draw(st.floats(1, 30)))
    if draw(st.booleans()):
        target, size = draw(
            st.sampled_from([("rate", 4.0), ("threshold", 0.1), ("j_potentiated", 0.2)])
        )
        when = {"onset_time": 0.011, "offset_time": 0.07}
        vectors = {"vectors": [[size] * n_pops], "params": [1.0], "time_dependence": when}
        config = config.with_value("perturbation", {target: vectors})
    return config


def joined(parts: list[Any], name: str) -> np.ndarray:
    return np.concatenate([getattr(part, name) for part in parts])


def differ(whole: Any, parts: list[Any]) -> list[str]:
    """Return what of the runs' answers and last states is not the same to the bit."""
    found = [n for n in ARRAYS if not np.array_equal(joined(parts, n), getattr(whole, n))]
    steps = np.concatenate([part.spike_steps + part.first_step for part in parts])
    found += ["spike_steps"] * (not np.array_equal(steps, whole.spike_steps))
    for name in ("population_current", "population_voltage"):
        for key, values in getattr(whole, name).items():
            pieces = np.concatenate([getattr(part, name)[key] for part in parts])
            found += [f"{name} {key}"] * (not np.array_equal(pieces, values))
    last, end = parts[-1].state, whole.state
    for name in ("voltage", "relative", "current", "refractory", "rise", "rates", "step"):
        same = np.array_equal(getattr(last, name), getattr(end, name))
        found += [f"state.{name}"] * (not same)
    return found


def in_parts(
    run: Any, cuts: list[int], n_steps: int, threads: list[int], folder: Path | None
) -> list:
    """Return the parts of a split run; states go through files where a folder is given."""
    parts, state = [], None
    for k, (a, b) in enumerate(pairwise([0, *sorted(cuts), n_steps])):
        parts.append(run(b - a, state, threads[k]))
        state = parts[-1].state
        if folder is not None:
            state = State.load(state.save(folder / f"{k}.npz"))
    return parts


def split_block(block: int, n_draws: int = 10) -> dict[str, Any]:
    """Return how many of a block's draws were compared, had spikes, and differ."""
    found: dict[str, Any] = {"draws": 0, "with_spikes": 0, "differ": []}
    _run._LEAST_PER_THREAD = 1  # small networks run on as many threads as are asked for

    @seed(block)
    @settings(max_examples=n_draws, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(
        data=st.data(), kind=st.sampled_from(KINDS),
        dtype=st.sampled_from(["float32", "float64"]), n_steps=st.integers(80, 300),
        cuts=st.lists(st.floats(0, 1), min_size=1, max_size=3),
        threads=st.lists(st.integers(1, 3), min_size=4, max_size=4),
        every=st.sampled_from([1, 3, 7]), by_file=st.booleans(), root=st.integers(0, 2**32),
    )  # fmt: skip
    def one(data, kind, dtype, n_steps, cuts, threads, every, by_file, root):
        at = sorted({int(1 + cut * (n_steps - 2)) for cut in cuts})
        sums = kind != "dense"
        record = Record(voltage=[0, 3], current=[1], population_current=sums,
                        population_voltage=sums, every=every if sums else 1)  # fmt: skip
        options: dict[str, Any] = {"record": record, "dtype": dtype, "seed": root}
        if kind == "network":
            built = data.draw(networks()).build(dtype=dtype, seed=root)
            del options["dtype"]

            def run(n, state, n_threads):
                return built.simulate(n * DT, state=state, n_threads=n_threads, **options)
        elif kind == "clusters":
            clusters = ClusteredNetwork.from_config(data.draw(configurations()), seed=root)

            def run(n, state, n_threads):
                return clusters.simulate(
                    duration=n * DT, delta_t=DT, state=state, n_threads=n_threads, **options
                )
        else:
            cells, net, drive = dense_network(root)
            backend = data.draw(st.sampled_from(["kernel", "numpy", "torch"]))

            def run(n, state, n_threads):
                return simulate(
                    cells, net, n_steps=n, delta_t=DT, state=state, drives=[drive],
                    n_threads=n_threads, backend=backend, **options,
                )  # fmt: skip

        with tempfile.TemporaryDirectory() as folder:
            whole = run(n_steps, None, 1)
            parts = in_parts(run, at, n_steps, threads, Path(folder) if by_file else None)
        found["draws"] += 1
        found["with_spikes"] += bool(len(whole.spike_ids))
        wrong = differ(whole, parts)
        if wrong:
            found["differ"].append([kind, dtype, n_steps, at, root, wrong])

    one()
    return found


def dense_network(root: int) -> tuple[Cells, Connectivity, CountDrive]:
    """Return a network that all three engines step."""
    n, rng = 30, np.random.default_rng(root)
    cells = Cells.create(n, tau_membrane=0.02, tau_synaptic=0.005, threshold=-50.3, reset=-66.0,
                         resting=-65.1, tau_refractory=0.002, bias=800.0)  # fmt: skip
    source, target = np.nonzero(rng.random((n, n)) < 0.2)
    rows = np.searchsorted(source, np.arange(n + 1))
    drive = CountDrive.poisson([0.4], np.zeros(n, int), 0.1)
    return cells, Connectivity.from_csr(rows, target, 0.3), drive


def split_runs(rows: Rows, n_blocks: int = 40) -> dict[str, Any]:
    """Random networks, inputs, split points, threads and precisions: split runs are whole runs."""
    found = rows.each(range(n_blocks), split_block)
    differ = [one for block in found for one in block["differ"]]
    draws, spikes = (sum(block[key] for block in found) for key in ("draws", "with_spikes"))
    return {
        "draws": draws, "with_spikes": spikes, "differ": len(differ), "which": differ[:5],
        "true": draws >= 300 and spikes > 0.8 * draws and not differ,
    }  # fmt: skip


LONG = """
import sys, numpy as np
from neuroloom.lifnet import ClusteredNetwork, Record, load_config
config = load_config("2_cluster_mf")
vector = {"vectors": [[3.0] * config.architecture.clusters.total_pops], "params": [1.0]}
when = {"time_dependence": {"onset_time": 17.0, "offset_time": 41.0}}
network = ClusteredNetwork.from_config(
    config.with_value("perturbation", {"rate": {**vector, **when}}), seed=1
)
keep = {} if sys.argv[2] == "whole" else {"checkpoint": "kept", "checkpoint_every": 5.0}
run = network.simulate(duration=60.0, delta_t=5e-4, seed=2,
                       record=Record(voltage=[0, 700], every=20), **keep)
np.savez(sys.argv[1], steps=run.spike_steps, ids=run.spike_ids, voltage=run.voltage,
         last=run.state.voltage, waiting=run.state.refractory)
"""


def killed_run(rows: Rows) -> dict[str, Any]:
    """A run of 60 s that is killed twice at times of no meaning and resumed, beside an unbroken."""
    del rows  # it takes a minute
    with tempfile.TemporaryDirectory() as name:
        folder, kills = Path(name), 0
        command = [sys.executable, "-c", LONG]
        for n_kept in (2, 6):
            process = subprocess.Popen([*command, "resumed.npz", "kept"], cwd=folder)
            while process.poll() is None and len(list(folder.glob("kept/steps-*.npz"))) < n_kept:
                time.sleep(0.05)
            time.sleep(0.13)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            process.wait()
        kept = len(list(folder.glob("kept/steps-*.npz")))
        subprocess.run([*command, "resumed.npz", "kept"], cwd=folder, check=True)
        subprocess.run([*command, "whole.npz", "whole"], cwd=folder, check=True)
        with np.load(folder / "resumed.npz") as one, np.load(folder / "whole.npz") as other:
            wrong = [key for key in other.files if not np.array_equal(one[key], other[key])]
            spikes = len(other["ids"])
    return {
        "simulated_s": 60, "kills": kills, "kept_at_the_last": kept, "spikes": spikes,
        "differ": wrong, "true": kills == 2 and 6 <= kept < 12 and not wrong and spikes > 1e4,
    }  # fmt: skip


PROOFS = (split_runs, killed_run)
