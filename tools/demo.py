"""A guided tour: what each of the five packages does, on real recordings where they are at hand.

    python tools/run.py demo

Set NEUROLOOM_DATA to the folder of the recordings to see it on real data. Without it everything
runs on data that the packages generate, and the report says so at every figure.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from report import Section, write
from scipy.signal import lfilter
from tqdm.auto import tqdm

from neuroloom import circuit_inference, glmhmm, lifnet, mi, tasks
from neuroloom.shared import Epochs, Seed, SpikeTrains, style
from neuroloom.shared.plots import raster

SEED = Seed(2026)
Table = dict[str, np.ndarray]


def recording(name: str) -> Path | None:
    """Return the path of a recording, or None where the folder or the file is not there."""
    folder = os.environ.get("NEUROLOOM_DATA")
    path = Path(folder) / name if folder else None
    return path if path is not None and path.is_file() else None


def arrays(path: Path) -> Table:
    """Return all arrays of an ``.npz`` file."""
    with np.load(path, allow_pickle=False) as data:
        return dict(data)


def figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list]:
    """Return a new figure and its axes in one row."""
    new = Figure(figsize=(width, height), layout="constrained")
    return new, list(np.atleast_1d(new.subplots(1, columns)))


# ------------------------------------------------------------------ states of mice: glmhmm


def mouse_choices() -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    """Return covariates, choices (NaN where the trial was a violation), session starts, if real."""
    path = recording("ibl_2afc_share10.npz")
    if path is not None:
        data = arrays(path)
        x = np.column_stack([data["stim_z"], data["prev_choice"], data["wsls"]]).astype(float)
        y = np.where(data["choice"] < 0, np.nan, data["choice"]).astype(float)
        return x, y, np.flatnonzero(np.diff(data["session"], prepend=-1)), True
    rng = SEED.child("mice").generator()
    n_sessions, length = 100, 90
    states = np.zeros((n_sessions, length), dtype=int)
    for t in range(1, length):
        stay = rng.uniform(size=n_sessions) < 0.97
        states[:, t] = np.where(stay, states[:, t - 1], rng.integers(0, 3, n_sessions))
    stimulus = rng.choice([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0], states.shape)
    weight, bias = np.array([6.0, 1.0, 1.0]), np.array([0.0, -2.0, 2.0])
    p = 1 / (1 + np.exp(-(weight[states] * stimulus + bias[states])))
    y = (rng.uniform(size=p.shape) < p).astype(float)
    previous = np.hstack([np.zeros((n_sessions, 1)), 2 * y[:, :-1] - 1])
    won = np.hstack([np.ones((n_sessions, 1)), np.sign(stimulus[:, :-1]) == previous[:, 1:]])
    x = np.stack([stimulus, previous, previous * np.where(won, 1, -1)], axis=-1)
    return x.reshape(-1, 3), y.ravel(), np.arange(0, y.size, length), False


def states_of_mice() -> Section:
    """Fit three states to the choices of ten mice."""
    x, y, starts, real = mouse_choices()
    model = glmhmm.GLMHMM(3, regularizer_strength=0.25, missing="mask", n_init=5, seed=0)
    model.fit(x, y, session_starts=starts)
    posterior = np.asarray(model.smooth_proba(x, y, session_starts=starts))
    coefficients, bias = np.asarray(model.coef_), np.asarray(model.intercept_)
    engaged = int(np.argmax(coefficients[0]))
    others = sorted((k for k in range(3) if k != engaged), key=lambda k: bias[k])
    order = [engaged, *others]
    names = ["engaged", "biased left", "biased right"]
    table = pd.DataFrame(coefficients[:, order].T, columns=["stimulus", "previous", "win-stay"])
    table.insert(0, "state", names)
    table["bias"] = bias[order]
    table["stays with p"] = np.diag(np.asarray(model.transition_prob_))[order]
    table["share of trials"] = posterior.mean(axis=0)[order]

    labels = [names[order.index(k)] for k in range(3)]
    fig, (left, right) = figure(10, 3.2, 2)
    covariates = ["stimulus", "previous choice", "win-stay"]
    glmhmm.plot_weights(model, features=covariates, labels=labels, ax=left)
    glmhmm.plot_posterior(model, x, y, starts, session=0, labels=labels, ax=right)
    left.set(title="weights of each state")
    found = (
        f"{len(y):,} trials in {len(starts)} sessions, violations masked. In the engaged state the "
        f"stimulus (z-scored contrast) has a weight of {coefficients[0, engaged]:.2f}; the other "
        f"two lean to opposite sides, with biases of {bias[others[0]]:+.2f} and "
        f"{bias[others[1]]:+.2f}. They stay with p ≥ {table['stays with p'].min():.3f}."
    )
    source = (
        "choices of ten mice, International Brain Laboratory, as in Ashwood et al. 2022"
        if real
        else "choices drawn from a three-state GLM-HMM"
    )
    return Section(
        "Which states do mice go through?",
        "neuroloom.glmhmm",
        real,
        source,
        found,
        [(fig, "Weights of the three states, and their probabilities over one session.")],
        {"states": table},
    )


# ------------------------------------------------------------------ spikes and position: mi


def linear_track() -> tuple[np.ndarray, np.ndarray, bool]:
    """Return spike counts (n_bins, n_units) and place along the track (n_bins,), if real.

    Bins of 200 ms; those in which the animal moves at least 30 px/s.
    """
    width = 0.2
    path = recording("hc_linear_track.npz")
    if path is None:
        rng = SEED.child("place cells").generator()
        place = 0.5 + 0.5 * np.sin(np.cumsum(rng.uniform(0.02, 0.12, 2000)))
        centres = np.linspace(0, 1, 20)
        rates = 0.2 + 4 * np.exp(-((place[:, None] - centres) ** 2) / 0.02)
        return rng.poisson(rates * width).astype(float), place, False
    data = arrays(path)
    start, length = data["pos_t"][0], 930.0
    edges = start + np.arange(int(length / width) + 1) * width
    middle = (edges[:-1] + edges[1:]) / 2
    seen = (data["pos_x_px"] > 0) & (data["pos_y_px"] > 0)
    position = np.column_stack(
        [
            np.interp(middle, data["pos_t"][seen], data[name][seen].astype(float))
            for name in ("pos_x_px", "pos_y_px")
        ]
    )
    inside = (data["spike_times"] >= start) & (data["spike_times"] < edges[-1])
    spikes = pd.DataFrame({"t": data["spike_times"], "unit": data["unit"]})[inside].sort_values("t")
    trains = SpikeTrains(spikes["t"], spikes["unit"], epochs=Epochs(start, edges[-1]))
    counts = trains.counts(width).values[: len(middle)]
    speed = np.hypot(*np.gradient(position, width, axis=0).T)
    running = speed[: len(counts)] > 30
    centred = position - position.mean(axis=0)
    along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    return counts[running], along[: len(counts)][running], True


def place_information() -> Section:
    """Measure what spikes tell about position, beside a null that respects time."""
    counts, place, real = linear_track()
    # Bumps along the track hold the same information in a form that small networks learn quickly.
    centres = np.linspace(*np.quantile(place, [0.005, 0.995]), 15)
    bumps = np.exp(-0.5 * ((place[:, None] - centres) / (centres[1] - centres[0])) ** 2)
    result = mi.run(
        np.sqrt(counts),
        bumps,
        mode="estimate",
        base_params={"n_epochs": 30, "learning_rate": 1e-3, "transform": "zscore"},
        random_seed=0,
        permutation_test=True,
        n_permutations=19,
        n_workers=2,
    )
    fig, (ax,) = figure(6, 3.2)
    result.plot(ax=ax)
    frame = result.to_frame()
    low, high = result.details["null_interval"]
    found = (
        f"{counts.shape[1]} units tell {result.mi_estimate:.2f} bits about place on the track in "
        f"a bin of 200 ms while running ({len(counts):,} bins). Shifting the spikes in time leaves "
        f"{low:+.3f} to {high:+.3f} bits (95 % of {len(result.details['null_distribution'])} "
        f"circular shifts), p = {result.p_value:.2g}."
    )
    if not frame["reliable"].iloc[0]:
        found += " The estimate calls itself unreliable: with so few bins its critics overfit."
    source = (
        "hippocampal units of a rat on a track, from the nelpy example data"
        if real
        else "Poisson place cells on a line"
    )
    return Section(
        "How much do hippocampal spikes tell about position?",
        "neuroloom.mi",
        real,
        source,
        found,
        [(fig, "Information about position, and its circular-shift null.")],
        {"place_information": frame},
    )


# ------------------------------------------------------------------ monkeys and observers: tasks


def monkeys() -> pd.DataFrame | None:
    """Return the trials of Roitman & Shadlen's monkeys: monkey, coherence (%), correct, RT (s)."""
    path = recording("roitman_rts.csv")
    if path is None:
        return None
    table = pd.read_csv(path)
    table["coh"] = (100 * table["coh"]).round(1)
    return table.rename(columns={"rt": "reaction_time"})


def observer_beside_monkeys() -> Section:
    """Draw the ideal observer's psychometric curve on our random dots beside the monkeys'."""
    cohs = (0, 3.2, 6.4, 12.8, 25.6, 51.2)
    ideal = tasks.ideal_trials("PerceptualDecisionMaking-v0", 20_000, seed=1, cohs=cohs)
    curve = tasks.psychometric(ideal)
    fig, (left, right) = figure(9, 3.4, 2)
    curve.plot(ax=left, label="ideal observer, 2 s of dots", color="black")
    rows = [pd.DataFrame({"who": "ideal observer", "coh": curve.stimulus, "correct": curve.mean})]
    table = monkeys()
    if table is not None:
        for name, trials in table.groupby("monkey"):
            who = f"monkey {name}"
            seen = tasks.psychometric(trials)
            seen.plot(ax=left, label=who)
            times = tasks.chronometric(trials)
            times.plot(ax=right, label=who)
            rows.append(pd.DataFrame({"who": who, "coh": seen.stimulus, "correct": seen.mean}))
        right.set(xlabel="motion coherence (%)", ylabel="reaction time (s)", title="how fast")
        right.legend()
    else:
        right.axis("off")
        right.text(0, 0.5, "NEUROLOOM_DATA is not set:\nno monkeys to compare with.")
    left.set(xlabel="motion coherence (%)", ylabel="proportion correct", title="how well")
    left.legend()
    share = float(ideal.table["correct"].mean())
    found = (
        f"The ideal observer sees two seconds of noisy dots and is right in {100 * share:.1f} % of "
        "20,000 generated trials; its curve rises as the monkeys' do. They answer when they like, "
        "and take longer when the motion is weak."
        if table is not None
        else f"The ideal observer is right in {100 * share:.1f} % of 20,000 generated trials."
    )
    source = (
        "two monkeys of Roitman & Shadlen 2002, as distributed with PyDDM; the observer's trials "
        "are generated"
        if table is not None
        else "trials of PerceptualDecisionMaking-v0"
    )
    return Section(
        "How well could anyone do on random dots?",
        "neuroloom.tasks",
        table is not None,
        source,
        found,
        [(fig, "Psychometric and chronometric curves; the ideal observer's trials are generated.")],
        {"psychometric": pd.concat(rows, ignore_index=True)},
    )


# ------------------------------------------------------------------ an EEG: circuit_inference


def eeg_channel() -> tuple[np.ndarray, float, bool]:
    """Return one EEG channel in windows (n_windows, n_times), its rate in Hz, and if real."""
    path = recording("eeg_eeglab_sample.npz")
    if path is not None:
        data = arrays(path)
        rate = float(data["fs"])
        channel = list(data["channels"]).index("Cz")
        values = data["data_uV"][channel].astype(float)
    else:
        rate = 128.0
        spectrum = np.fft.rfft(SEED.child("eeg").generator().standard_normal(128 * 240))
        spectrum[1:] /= np.arange(1, len(spectrum)) ** 0.75
        values = np.fft.irfft(spectrum)
    length = int(12 * rate)
    n = len(values) // length
    return values[: n * length].reshape(n, length), rate, path is not None


def population_rates(taus: np.ndarray, rate: float, n_times: int, seed: Seed) -> np.ndarray:
    """Return firing rates of populations with synaptic time constants `taus` (s).

    Noise drives 50 neurons through exponential synapses, as in the simulator with which the
    ncpi package introduces itself; one row of `n_times` samples at a rate (Hz) per population.
    """
    rng, warm = seed.generator(), int(2 * rate)
    rows = []
    for tau in taus:
        decay = np.exp(-1 / (rate * tau))
        drive = lfilter([1], [1, -decay], rng.standard_normal(n_times + warm))[warm:]
        neurons = drive * np.sqrt(1 - decay**2) + 0.1 * rng.standard_normal((50, n_times))
        proxy = circuit_inference.FieldPotential(kernel=False).compute_proxy(
            method="FR", sim_data={"FR": neurons}, sim_step=None
        )
        rows.append(proxy)
    return np.array(rows)


def circuit_behind_eeg() -> Section:
    """Locate an EEG channel in a cloud of simulations, and infer the time constant behind it."""
    windows, rate, real = eeg_channel()
    log_tau = SEED.child("tau").generator().uniform(np.log10(0.005), np.log10(0.5), 1500)
    simulated = population_rates(10**log_tau, rate, windows.shape[1], SEED.child("populations"))
    features = circuit_inference.FeatureSet(
        circuit_inference.Catch22(),
        circuit_inference.Aperiodic((2, 40)),
        preprocessing=circuit_inference.Preprocessing(zscore=True),
    )
    cloud = features.compute(simulated, rate=rate).values
    measured = features.compute(windows, rate=rate).values
    inference = circuit_inference.Inference(
        model="MLPRegressor",
        hyperparams={"hidden_layer_sizes": (100, 100), "early_stopping": True, "max_iter": 500},
    )
    train = np.arange(len(log_tau)) < 1200
    inference.add_simulation_data(cloud[train], log_tau[train])
    inference.train()
    tested = np.asarray(inference.predict(cloud[~train]), dtype=float).ravel()
    answer = np.asarray(inference.predict(measured), dtype=float).ravel()
    r = float(np.corrcoef(tested, log_tau[~train])[0, 1])

    mean, spread = cloud[train].mean(axis=0), cloud[train].std(axis=0)
    axis = np.linalg.svd((cloud[train] - mean) / spread, full_matrices=False)[2][:2].T
    flat, here = ((values - mean) / spread @ axis for values in (cloud, measured))
    distance = np.linalg.norm((measured - mean) / spread, axis=1)
    usual = np.quantile(np.linalg.norm((cloud[~train] - mean) / spread, axis=1), 0.99)

    fig, (left, right) = figure(10, 3.6, 2)
    dots = left.scatter(*flat.T, c=1000 * 10**log_tau, s=6, norm="log")
    fig.colorbar(dots, ax=left, label="time constant (ms)")
    left.scatter(*here.T, marker="x", color="#D55E00", label="EEG, windows of 12 s")
    left.set(xlabel="first component", ylabel="second component", title="features of both")
    left.legend()
    right.plot(1000 * 10 ** log_tau[~train], 1000 * 10**tested, ".", color="0.6")
    right.plot([5, 500], [5, 500], color="black", linewidth=0.8)
    low, middle, high = 1000 * 10 ** np.quantile(answer, [0.25, 0.5, 0.75])
    right.axhspan(low, high, color="#D55E00", alpha=0.3, label="EEG, middle half of its windows")
    right.set(xlabel="true time constant (ms)", ylabel="inferred (ms)", title=f"r = {r:.2f}")
    right.set(xscale="log", yscale="log")
    right.legend()
    found = (
        f"23 features of simulations not seen in training give their time constant with "
        f"r = {r:.2f} (of its logarithm); those of the recording read {middle:.0f} ms. "
        f"{np.sum(distance > usual)} of its {len(distance)} windows lie farther from the "
        "simulated cloud than 99 % of the simulations: what such a window reads says nothing."
    )
    source = (
        "channel Cz of EEGLAB's sample recording; the simulations are generated"
        if real
        else "noise with a 1/f spectrum in place of an EEG"
    )
    table = pd.DataFrame({"window": np.arange(len(answer)), "tau_ms": 1000 * 10**answer})
    table["distance"], table["outside"] = distance, distance > usual
    return Section(
        "Which time constant would give this EEG?",
        "neuroloom.circuit_inference",
        real,
        source,
        found,
        [(fig, "The recording among simulations, and the parameter inferred.")],
        {"eeg_windows": table},
    )


# ------------------------------------------------------------------ a network into mi: lifnet


def network_and_information() -> Section:
    """Run a clustered network, find its fixed points, and measure what clusters share."""
    network = lifnet.ClusteredNetwork.from_config(seed=1)
    run = network.simulate(duration=12.0, seed=2, progress=True)
    points = lifnet.fixed_points(lifnet.LIFMeanField.from_config(), n_starts=50)
    n_clusters = network.config.architecture.clusters.n_clusters

    spikes = run.to_spike_trains()
    names = [name for name in run.populations if name.startswith("E")][:n_clusters]
    rates = run.population_rates(bin_width=0.05).values[40:]
    index = {name: i for i, name in enumerate(run.populations)}
    first = spikes.restrict(Epochs(2.0, 12.0))
    members = range(*run.populations[names[0]])
    halves = [np.isin(first.units, list(members)[i::2]) for i in range(2)]
    bins = Epochs(2.0, 12.0)
    counts = [
        SpikeTrains(first.times[h], np.zeros(h.sum(), int), 1, bins).counts(0.05).values
        for h in halves
    ]
    other = rates[: len(counts[0]), [index[names[1]]]]
    rows = []
    for label, pair in {
        "two halves of one cluster": (counts[0], counts[1]),
        "a cluster and its neighbour": (counts[0], other),
    }.items():
        result = mi.run(*pair, mode="estimate", random_seed=0, verbose=False)
        rows.append({"between": label, "bits": result.mi_estimate, **_interval(result)})
    table = pd.DataFrame(rows)

    fig, (left, right) = figure(11, 4, 2)
    lifnet.plots.plot_raster(run, every=4, ax=left)
    lifnet.plots.plot_fixed_points(points, n_clusters=n_clusters, ax=right)
    left.set(title="spikes")
    right.set(title="fixed points of its mean field")
    small, (ax,) = figure(8, 2.6)
    raster(first.restrict(Epochs(4.0, 5.0)), ax=ax, markersize=0.6)
    ax.set(title="one second, as SpikeTrains")
    stable = sum(point.stable for point in points)
    found = (
        f"{run.n_neurons:,} neurons in {n_clusters} clusters for {run.duration:g} s "
        f"({len(spikes):,} spikes). The mean field of the same configuration has {len(points)} "
        f"fixed points up to the order of clusters, {stable} of them stable. Two halves of one "
        f"cluster share {rows[0]['bits']:.2f} bits in 50 ms, two clusters {rows[1]['bits']:.2f}."
    )
    return Section(
        "What does a clustered network do, and what do its clusters share?",
        "neuroloom.lifnet → neuroloom.shared.SpikeTrains → neuroloom.mi",
        False,
        "the shipped clustered network",
        found,
        [
            (fig, "Raster by population, and the fixed points of the mean field."),
            (small, "The same spikes in the form in which all packages exchange them."),
        ],
        {"cluster_information": table},
    )


def _interval(result: mi.Results) -> dict[str, float]:
    frame = result.to_frame()
    return {"low": float(frame["ci_lo"].iloc[0]), "high": float(frame["ci_hi"].iloc[0])}


# ------------------------------------------------------------------ all together


def main() -> None:
    """Run the five parts and write the report."""
    folder = os.environ.get("NEUROLOOM_DATA")
    where = f"recordings from {folder}" if folder else "NEUROLOOM_DATA is not set: generated data"
    print(f"neuroloom's guided tour, {where}")
    parts = [
        states_of_mice,
        place_information,
        observer_beside_monkeys,
        circuit_behind_eeg,
        network_and_information,
    ]
    sections = []
    with style(), tqdm(parts, desc="tour", unit="part") as bar:
        for part in bar:
            bar.set_postfix_str(part.__name__)
            sections.append(part())
    lead = (
        "Five packages, five questions. Each figure says whether its data are recordings or were "
        "generated; every table lies beside this file as CSV."
    )
    path = write(Path("report"), "neuroloom: a guided tour", lead, sections)
    print(f"The report is ready: {path.resolve()}")


if __name__ == "__main__":
    main()
