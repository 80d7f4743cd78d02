"""Every block of the how-to page runs as printed, with fewer simulations and smaller networks."""

import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import neuroloom.circuit_inference as ci

PAGE = Path(__file__).parents[3] / "docs" / "circuit-inference" / "how-to.md"
OPTIONS = {"duration_s": 5.0, "rate_hz": 250.0, "progress": False}
SMALL = {"n_members": 2, "n_folds": 0, "hidden": (8,), "n_components": 1, "max_epochs": 3}
FEATURES = ci.FeatureSet(ci.Aperiodic((2, 45)), ci.BandPower(((2, 6), (6, 20), (20, 45))))
RUN: set[tuple[str, int]] = set()


def blocks(title, language="python"):
    if not PAGE.is_file():
        pytest.skip("the docs are not here")
    part = re.split(r"\n## ", PAGE.read_text().split(f"## {title}\n")[1])[0]
    return re.findall(rf"```{language}\n(.*?)```", part, re.DOTALL)


def run(title, names, *changes, number=0):
    """Run a block in `names`, after changes that each have to be there."""
    code = blocks(title)[number]
    for old, new in changes:
        assert old in code, old
        code = code.replace(old, new)
    RUN.add((title, number))
    exec(compile(code, title, "exec"), names)


def two_signals(theta, seed, *, n_times=2000):
    """Two series whose spectrum and size follow four weights."""
    noise = seed.generator().standard_normal((2, n_times))
    slow = np.cumsum(noise, axis=1) - np.cumsum(noise, axis=1).mean(axis=1, keepdims=True)
    mixed = noise * abs(theta[0]) + 0.05 * slow * abs(theta[3])
    return {"LRWS": mixed[0] * abs(theta[1]), "cdm": mixed[1] * abs(theta[2])}


def balance_library(n=60):
    box = {"J_EE": (1, 2, ""), "J_IE": (1, 3, ""), "J_EI": (-30, -10, ""), "J_II": (-15, -5, "")}
    prior = ci.Prior.box(box)
    return ci.simulate_library(two_signals, prior, n, rate_hz=200.0, progress=False, seed=1)


def small(prior, model="mdn"):
    return ci.Inferer(model, prior, hyperparams=SMALL)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def names(made):
    return dict(made)  # blocks name more


@pytest.fixture(scope="module")
def made():
    theta = np.repeat([[2.0, 15.0, 3.0, 1.2]], 20, axis=0)
    epochs = ci.libraries.synaptic_field(theta, duration_s=5.0, rate_hz=250.0, seed=5)
    table = FEATURES.compute(epochs, rate=250.0)
    return {
        "ci": ci,
        "np": np,
        "small": small,
        "features": FEATURES,
        "epochs": epochs,
        "first": table,
        "second": table,
        "recorder": ci.forward.Recorder(background=(0, 0), sensor=(1e-4, 0.05)),
        "library": ci.libraries.field_library(60, **OPTIONS, seed=1),
        "field_library": ci.libraries.field_library(60, **OPTIONS, seed=1),
        "shot_noise_library": ci.gao_library(60, **OPTIONS, seed=2),
    }


def test_ncpi():
    names = {}
    run("Come from ncpi", names)
    assert names["ncpi"].Inference is ci.Inference


@pytest.mark.slow
@pytest.mark.together
def test_networks(here):
    pytest.importorskip("neuroloom.lifnet")
    names = {}
    run(
        "Simulate spiking networks", names, ('"hagen", 200', '"hagen_eighth", 2'),
        ("duration_s=10.0", "duration_s=0.5"), ("n_workers=-1", "progress=False"),
    )  # fmt: skip
    assert len(ci.SimulationLibrary.load("hagen.npz")) == 2


def test_another_simulator():
    names = {"ci": ci}
    run(
        "Use another simulator", names,
        ("    ...\n", "    signal, rate = rng.standard_normal(500), float(theta[0] > 1)\n"),
        ("1000, rate_hz=1000.0", "20, rate_hz=1000.0, progress=False, seed=0"),
    )  # fmt: skip
    library = names["library"]
    np.testing.assert_array_equal(library.valid, library.theta[:, 0] > 1)


@pytest.mark.slow
def test_from_a_file_to_the_balance(here, rng):
    np.savez("session.npz", lfp=rng.standard_normal((4000, 2)), fs=200.0)
    names = {"ci": ci, "small": small, "library": balance_library()}
    run("Read a recording", names)
    assert len(names["table"]) == 8
    change = ('ci.Inferer("mdn", short.prior)', "small(short.prior)")
    with warnings.catch_warnings():  # white noise is none of these simulations
        warnings.simplefilter("ignore", ci.OutOfDistributionWarning)
        # Far outside, a fit without a seed may press all draws into a corner of the prior.
        seeded = ("feature_set=features)", "feature_set=features, seed=0)")
        run("Predict a recording whose gain is unknown", names, change, seeded)
    assert len(names["posterior"]) == 8
    run("Get the balance of excitation and inhibition", names)
    low, high = names["posterior"].derived("E/I", ci.diagnostics.ei_ratio).interval(0.9)
    assert (low < high).all()
    run("Allow for noise in a recording", names)
    names["observed"] = names["features"].compute(rng.standard_normal((1, 1000)), rate=200.0)
    assert len(names["inferer"].predict(names["observed"], warn=False)) == 1
    run("Save and load", names)
    assert (here / "model").is_dir()


@pytest.mark.slow
def test_checks(names):
    library = names["library"]
    table = library.features(FEATURES)
    names["inferer"] = small(library.prior).fit(table, library.theta, feature_set=FEATURES, seed=0)
    names["observed"] = names["first"].values[:1]
    run("Check against the recording itself", names, ("n_sims=100", "n_sims=40"))
    assert 0 <= names["check"].joint_p <= 1


@pytest.mark.slow
def test_groups(rng):
    table = pd.DataFrame({"ID": np.repeat(np.arange(12), 4), "Sensor": list("abcd") * 12})
    table["Group"] = np.where(table["ID"] < 6, "HC", "AD")
    table["Y"] = rng.standard_normal(48) + (table["Group"] == "AD") + 0.2 * table["ID"]
    names = {"ci": ci, "table": table, "patients": table["Y"][24:], "controls": table["Y"][:24]}
    run("Compare groups", names)
    assert "Group" in " ".join(map(str, names["model"].table.index)) + str(names["model"].table)


@pytest.mark.slow
def test_a_shell(here, rng):
    import shlex

    from neuroloom.circuit_inference.__main__ import main

    np.savez("lfp.npz", lfp=rng.standard_normal((20_000, 2)), fs=1000.0)
    (text,) = blocks("Work in the shell", "")
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) == 4
    for line in lines:
        words = shlex.split(line.replace("-n 500", "-n 250"))
        assert words[0] == "neuroloom-circuit-inference"
        assert main(words[1:]) in (0, None), line
    assert (here / "table.csv").is_file()
    assert (here / "trust.html").is_file()


def test_an_electrode(names):
    run("Model the recording electrode", names)
    assert names["recorded"].rate_hz == 128.0


def test_which_model_class(names):
    run("Ask which model class made a recording", names)
    frame = names["found"].to_frame()
    assert list(frame)[:3] == ["P(field)", "P(shot noise)", "P(noise)"]
    assert len(frame) == 20


@pytest.mark.slow
def test_which_way(names, capsys):
    run(
        "Ask which way two conditions differ", names, ("3000", "60"),
        ("recorder=recorder, seed=1", "recorder=recorder, progress=False, seed=1"),
    )  # fmt: skip
    assert names["answer"].verdict == "cannot be said"  # the same epochs twice
    assert capsys.readouterr().out.startswith("cannot be said")


def test_blind_spots(names):
    run(
        "Know what the out-of-distribution test cannot detect",
        names,
        ("ci.diag", "table = ci.diag"),
    )
    assert list(names["table"]) == ["found", "meaning"]


def test_an_answer_for_a_recording(here, rng):
    np.savez("ca1.npz", lfp=rng.standard_normal(8000), fs=400.0)
    names = {"ci": ci, "small": small}
    swaps = (
        ("field_library(500,", "field_library(40, progress=False,"),
        ('ci.Inferer("mdn", recorded.prior)', "small(recorded.prior)"),
        ("rate=signal.rate)", "rate=signal.rate, warn=False)"),
    )
    run("An answer for a recording", names, *swaps)
    assert names["posterior"].ood_p.shape == (4,)
    swap = ("paced_library(1000,", "paced_library(3, progress=False,")
    run("An answer for a recording", names, swap, number=1)
    values = names["library"].features(names["features"]).values
    assert values.shape[0] == 3
    assert np.isfinite(values).all()


@pytest.mark.together
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This filename")
def test_a_bids_folder(here, rng):
    mne = pytest.importorskip("mne")
    people = {"participant_id": [], "group": []}
    for subject in range(6):
        place = here / "study" / f"sub-{subject}" / "eeg"
        place.mkdir(parents=True)
        info = mne.create_info(["Fz", "Cz"], 128.0, "eeg")
        series = 1e-5 * rng.standard_normal((2, 1280))
        raw = mne.io.RawArray(series, info, verbose="error")
        raw.save(place / f"sub-{subject}_task-rest_eeg.fif", verbose="error")
        people["participant_id"].append(f"sub-{subject}")
        people["group"].append(["HC", "AD"][subject % 2])
    pd.DataFrame(people).to_csv(here / "study" / "participants.tsv", sep="\t", index=False)
    library = ci.libraries.field_library(40, **OPTIONS, seed=1)
    model = small(library.prior)
    model.fit(library.features(FEATURES), library.theta, feature_set=FEATURES, seed=0)
    names = {"ci": ci, "features": FEATURES, "inferer": model}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(singular|boundary|converge)")
        run("A BIDS folder as one table", names)
    assert len(names["table"]) == 6 * 2 * 2
    assert set(names["table"]["group"]) == {"HC", "AD"}


@pytest.mark.slow
def test_priors(rng):
    names = {"ci": ci, "theta": rng.random((50, 2))}
    run("Priors whose parameters depend on each other", names)
    drawn = names["related"].sample(20_000, seed=0)
    np.testing.assert_allclose(np.cov(drawn.T), [[1, 0.8], [0.8, 1]], atol=0.05)
    earlier = names["earlier"].sample(20_000, seed=0)
    np.testing.assert_allclose(earlier.mean(axis=0), names["theta"].mean(axis=0), atol=0.02)


def test_spectra(capsys):
    freqs = np.arange(1.0, 101.0)
    names = {"ci": ci, "freqs": freqs, "power": (1 / (100.0 + freqs**2))[None] + 1e-5}
    run("Use power spectra, knees and timescales", names)
    knee, timescale = map(float, capsys.readouterr().out.split())
    assert knee == pytest.approx(10.0, rel=0.02)  # as made
    assert timescale == pytest.approx(1 / (2 * np.pi * 10.0), rel=0.02)


def test_epochs(rng):
    mne = pytest.importorskip("mne")
    info = mne.create_info(["Fz", "Cz"], 100.0, "eeg")
    epochs = mne.EpochsArray(rng.standard_normal((3, 2, 400)), info, verbose="error")
    names = {"ci": ci, "epochs": epochs}
    run("Start from recorded epochs", names)
    assert len(names["table"]) == 3 * 2 * 2


def test_features(rng):
    names = {"ci": ci, "epochs": rng.standard_normal((2, 250 * 60))}
    run("Choose features", names)
    assert np.isfinite(names["table"].values).all()


@pytest.mark.slow
def test_what_is_kept_and_refused(here, names):
    library = names["library"]
    library.save("library.npz")
    other = ci.libraries.field_library(60, **OPTIONS, seed=7)
    model = small(other.prior)
    model.fit(other.features(FEATURES), other.theta, feature_set=FEATURES, seed=0)
    names |= {"inferer": model, "table": names["first"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ci.OutOfDistributionWarning)
        change = (
            "check: ci.PredictiveCheck = inferer.predictive_check(table.values[:1], library)",
        ) * 2
        run("Collect results and write a report", names, change)
    assert (here / "trust.html").is_file()
    assert "mdn" in ci.known_models()
    model.save("model")
    with warnings.catch_warnings():
        run("Catch errors", names)
        run("Catch errors", {"ci": ci}, number=1)
        assert warnings.filters[0][0] == "error"


def test_every_block_is_run():
    """Each block of Python on the page is called for in this file."""
    page = PAGE.read_text() if PAGE.is_file() else pytest.skip("the docs are not here")
    titles = re.findall(r"^## (.*)$", page, re.MULTILINE)
    every = {(title, i) for title in titles for i in range(len(blocks(title)))}
    source = Path(__file__).read_text()
    for title, number in every:
        places = source.split(f'"{title}"')[1:]
        assert len(places) > number, (title, number)
    assert len(every) == page.count("```python\n")
