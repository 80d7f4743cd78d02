"""Slow proofs: accuracy beside the seed, calibration, recovery, strange signals, real recordings.

    python benchmarks/prove.py --out FILE.json [--only SECTION ...] [--libraries FOLDER]
                               [--data FOLDER] [--toy]

Sections:

readme      the seed README's study, ncpi 0.2.6 and ours on the same simulations, 5 seeds, 1,000
            fresh tests each (ncpi in an environment of its own, see `peers`)
diagnose    calibration on five fresh data sets of the README's problem, 2,000 tests each
benchmark   which features carry the README's parameter
recovery    parameters and E/I of held-out networks of each Hagen library
strange     the out-of-distribution score against pink noise, another model and line noise
development a synthetic development: growing inhibition, 1/f noise and gain, falling E/I
sbibm       two-sample tests against reference posteriors, beside published NPE
few         90 and 300 simulations beside a well-chosen regressor
sbc         coverage over twenty data sets of a two-parameter problem, at 300 and 3,000
inside      CA1 and EEG inside the cloud of synaptic fields: what is answered there
recordings  EEG and LFP: exponents, peaks, halves, pieces, and how far outside they lie

``--libraries`` is what `libraries.py` wrote (folders MODEL/library.npz); sections that need one
that is not there say so. ``--data`` is the folder with the recordings (or ``NEUROLOOM_DATA``).
Each section is written to FILE as soon as it is done; figures land beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata, spearmanr

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import neuroloom.circuit_inference as ci  # noqa: E402

Result = dict[str, Any]
BANDS = ((4, 12), (12, 25), (25, 45), (45, 55), (55, 80), (80, 150), (150, 300), (300, 600))
SPECTRAL = (
    ci.Aperiodic(freq_range=(5.0, 200.0), window_s=0.5),
    ci.BandPower(bands=BANDS, window_s=0.5),
)
ZSCORED = ci.Preprocessing(zscore=True, invalid="mask")
RICH = ci.FeatureSet(ci.Catch22(), *SPECTRAL, preprocessing=ZSCORED)
GUARDED = ci.FeatureSet(ci.Catch22(), *SPECTRAL, ci.LineNoise(), preprocessing=ZSCORED)


def readme(options: argparse.Namespace) -> Result:
    from peers import peers_python
    from readme_study import infer, simulate

    n_test = 60 if options.toy else 1000
    try:
        python = peers_python()
    except (OSError, subprocess.CalledProcessError) as error:
        return {"ncpi": f"could not be installed: {error}"}
    rows = []
    for seed in range(1 if options.toy else 5):
        command = [python, "-W", "ignore", str(HERE / "readme_study.py"), "ncpi"]
        done = subprocess.run(
            [*command, str(900 + n_test), "900", str(seed)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        theirs = json.loads(done.stdout.strip().splitlines()[-1])
        theta, counts, *_ = simulate(900 + n_test, seed)
        ours = infer(ci, theta, counts, 900)
        rates = np.asarray(counts).mean(axis=1)
        row = {"seed": seed, "ncpi": theirs["r"], "ours, README": ours["r"]}
        sets = {"default, catch22": [ci.Catch22()], "with moments": [ci.Catch22(), ci.Moments()]}
        for name, families in sets.items():
            table = ci.FeatureSet(*families).compute(rates)
            inferer = ci.Inferer("mdn", ci.libraries.SHOT_NOISE_PRIOR)
            inferer.fit(table.values[:900], theta[:900], seed=seed)
            mean = inferer.predict(table.values[900:], warn=False).mean[:, 0]
            row[name] = float(np.corrcoef(mean, theta[900:])[0, 1])
        rows.append(row)
        print(row, flush=True)
    median = {k: float(np.median([row[k] for row in rows])) for k in rows[0] if k != "seed"}
    gain = {
        k: float(np.median([row[k] - row["ncpi"] for row in rows])) for k in median if k != "ncpi"
    }
    return {"n_test": n_test, "rows": rows, "median_r": median, "median_gain_over_ncpi": gain}


def diagnose(options: argparse.Namespace) -> Result:
    n_test = 200 if options.toy else 2000
    n_train = min(options.train, 100) if options.toy else options.train
    out: Result = {"n_tests": n_test, "n_train": n_train}
    for name, families in {
        "catch22": [ci.Catch22()],
        "catch22 + moments": [ci.Catch22(), ci.Moments()],
    }.items():
        rows = []
        for data_set in range(5):
            theta = ci.libraries.SHOT_NOISE_PRIOR.sample(n_train + n_test, seed=500 + data_set)
            rates = ci.libraries.shot_noise_rates(theta[:, 0], seed=600 + data_set)
            x = ci.FeatureSet(*families).compute(rates).values
            inferer = ci.Inferer("mdn", ci.libraries.SHOT_NOISE_PRIOR)
            inferer.fit(x[:n_train], theta[:n_train], seed=data_set)
            report = inferer.diagnose(x[n_train:], theta[n_train:], seed=data_set)
            raw = _without_recalibration(inferer, x[n_train:], theta[n_train:], data_set)
            rows.append(
                {
                    "sbc_p": float(report.sbc_p[0]),
                    "coverage": report.coverage[:, 0].tolist(),
                    "coverage_before": raw,
                    "tarp_atc": report.tarp_atc,
                    "r": float(report.r[0]),
                    "false_alarms": report.ood_rate,
                }
            )
            print(name, rows[-1], flush=True)
        coverage = np.mean([row["coverage"] for row in rows], axis=0)
        out[name] = {
            "data_sets": rows,
            "sbc_passed": sum(row["sbc_p"] >= 0.05 for row in rows),
            "mean_coverage": coverage.tolist(),
            "mean_coverage_before": np.mean(
                [row["coverage_before"] for row in rows], axis=0
            ).tolist(),
            "largest_gap": float(np.abs(coverage - [0.5, 0.8, 0.9, 0.95]).max()),
            "largest_tarp": max(abs(row["tarp_atc"]) for row in rows),
        }
    return out


def _without_recalibration(
    inferer: ci.Inferer, x: np.ndarray, theta: np.ndarray, seed: int
) -> list[float]:
    estimator: Any = inferer.estimator
    kept, estimator.recalibration = estimator.recalibration, None
    posterior = inferer.predict(x, n_samples=500, warn=False, seed=seed)
    estimator.recalibration = kept
    inside = []
    for level in (0.5, 0.8, 0.9, 0.95):
        low, high = posterior.interval(level)
        inside.append(float(((theta >= low) & (theta <= high)).mean()))
    return inside


def benchmark(options: argparse.Namespace) -> Result:
    n = 200 if options.toy else 900
    library = ci.libraries.shot_noise_library(n, progress=False, seed=77)
    result = ci.features.benchmark_features(library, seed=1)
    figure = result.plot().get_figure()
    figure.savefig(options.out.with_name("prove-features.png"), dpi=120)
    ranking = result.ranking()
    table = result.table.set_index("set")
    columns = ["r", "r low", "r high", "R2", "contraction"]
    return {
        "n_sims": n,
        "ranking": ranking,
        "first": table.loc[ranking[:5], columns].round(4).to_dict("index"),
    }


def _library(options: argparse.Namespace, name: str) -> ci.SimulationLibrary | None:
    path = None if options.libraries is None else options.libraries / name / "library.npz"
    if path is None or not path.is_file():
        return None
    library = ci.SimulationLibrary.load(path).only_valid()
    return library.rows(np.arange(min(60, len(library)))) if options.toy else library


def _halves(n: int, held_out: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(seed).permutation(n)
    cut = round(n * held_out)
    return order[cut:], order[:cut]


def _table(
    library: ci.SimulationLibrary, signal: str = "LRWS", chosen: ci.FeatureSet = RICH
) -> np.ndarray:
    return library.features(chosen, signal=signal, n_workers=2).values


def recovery(options: argparse.Namespace) -> Result:
    out: Result = {}
    for name in ("hagen_eighth", "hagen", "cavallari_eighth", "cavallari"):
        library = _library(options, name)
        if library is None:
            out[name] = "no library here"
            continue
        x = np.column_stack([_table(library, s) for s in library.signals])
        good = np.isfinite(x).all(axis=1)
        x, theta = x[good], library.theta[good]
        folds = np.random.default_rng(1).permutation(len(x)) % 5
        mean, ratio = np.full_like(theta, np.nan), np.full(len(x), np.nan)
        contraction = []
        has_ratio = {"J_EE", "J_EI", "J_IE", "J_II"} <= set(library.prior.names)
        for fold in range(5):
            inside = folds != fold
            inferer = ci.Inferer("mdn", library.prior).fit(x[inside], theta[inside], seed=fold)
            posterior = inferer.predict(x[~inside], n_samples=500, warn=False, seed=fold)
            mean[~inside] = posterior.mean
            width = (np.array(library.prior.high) - np.array(library.prior.low)) ** 2 / 12
            contraction.append(1 - posterior.draws.var(axis=1).mean(axis=0) / width)
            if has_ratio:
                ratio[~inside] = posterior.derived("E/I", ci.diagnostics.ei_ratio).median[:, -1]
        r = [np.corrcoef(a, b)[0, 1] for a, b in zip(mean.T, theta.T, strict=True)]
        row: Result = {
            "n_sims": len(x),
            "seconds": library.duration_s,
            "r": dict(zip(library.prior.names, np.round(r, 3).tolist(), strict=True)),
            "contraction": dict(
                zip(
                    library.prior.names, np.mean(contraction, axis=0).round(3).tolist(), strict=True
                )
            ),
        }
        if has_ratio:
            truth = ci.diagnostics.ei_ratio(dict(zip(library.prior.names, theta.T, strict=True)))
            row["E/I"] = {
                "r of logarithms": float(np.corrcoef(np.log(ratio), np.log(truth))[0, 1]),
                "rho": float(spearmanr(ratio, truth).statistic),
            }
        out[name] = row
        print(name, row, flush=True)
    return out


def _auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    ranks = rankdata(np.concatenate([inside, outside]))[len(inside) :]
    n = len(outside)
    return float((ranks.sum() - n * (n + 1) / 2) / (n * len(inside)))


def _pink(n: int, n_times: int, exponent: float, rng: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(rng.standard_normal((n, n_times)))
    spectrum[:, 1:] /= np.arange(1, spectrum.shape[1]) ** (exponent / 2)
    spectrum[:, 0] = 0
    return np.fft.irfft(spectrum, n_times)


def strange(options: argparse.Namespace) -> Result:
    library = _library(options, "hagen_eighth")
    if library is None:
        return {"hagen_eighth": "no library here"}
    rng = np.random.default_rng(3)
    train, test = _halves(len(library), 0.35, 1)
    x = _table(library, chosen=GUARDED)
    table = GUARDED.compute(library.signals["LRWS"][train], rate=library.rate_hz, n_workers=2)
    inferer = ci.Inferer("Ridge", library.prior).fit(table, library.theta[train])
    cloud = inferer.cloud
    own = cloud.score(x[test])
    own_p = cloud.p_value(x[test])
    signals = np.asarray(library.signals["LRWS"][test], dtype=float)
    signals = (signals - signals.mean(1, keepdims=True)) / signals.std(1, keepdims=True)
    t = np.arange(signals.shape[1]) / library.rate_hz
    phase = rng.uniform(0, 2 * np.pi, (len(signals), 1))
    # 10 % of the variance of the sum
    line = signals + np.sqrt(2 / 9) * np.sin(2 * np.pi * 50 * t + phase)
    others = {
        "pink noise": _pink(len(test), signals.shape[1], 1.0, rng),
        "line noise at 10 % of the variance": line,
    }
    other = _library(options, "cavallari_eighth") or _library(options, "cavallari")
    if other is not None:
        same = other.cut(min(other.duration_s, library.duration_s))
        others[f"Cavallari ({other.provenance['model']['name']})"] = same.signals["LRWS"]
    out: Result = {
        "n_train": len(train),
        "n_test": len(test),
        "seconds": library.duration_s,
        "false_alarms_at_1_percent": float((own_p < 0.01).mean()),
    }
    for name, series in others.items():
        values = GUARDED.compute(series, rate=library.rate_hz).values
        values = values[np.isfinite(values).all(axis=1)]
        out[name] = {
            "auroc": _auroc(own, cloud.score(values)),
            "found_at_1_percent": float((cloud.p_value(values) < 0.01).mean()),
        }
    return out


def development(options: argparse.Namespace) -> Result:
    """Growing inhibition in the published network, recorded with 1/f noise and another gain.

    The model learns from the library with noise of its own. Both field potentials are tried: the
    dipole moment, which ncpi's libraries hold, and the proxy.
    """
    from neuroloom.circuit_inference.simulate import NetworkSimulator
    from neuroloom.shared import Seed

    library = _library(options, "hagen_eighth")
    if library is None:
        return {"hagen_eighth": "no library here"}
    learned = library.noisy((0.0, 0.1), seed=11)
    simulator = NetworkSimulator("hagen_eighth", library.duration_s, 0.3)
    published = {
        **{"J_EE": 1.589, "J_IE": 2.020, "J_EI": -23.84, "J_II": -8.441},
        **{"tau_syn_E": 0.5, "tau_syn_I": 0.5, "J_ext": 29.89},
    }
    ages = np.arange(4 if options.toy else 15)
    rng = np.random.default_rng(5)
    truth, epochs, of_age = [], [], []
    for age in ages:
        theta = {**published, "J_EI": -14.0 - 22.0 * age / ages[-1]}
        truth.append(float(ci.diagnostics.ei_ratio({k: np.array(v) for k, v in theta.items()})))
        for epoch in range(1 if options.toy else 20):
            run = simulator(np.array(list(theta.values())), Seed(int(age)).child(epoch))
            if "cdm" in run:
                epochs.append(run)
                of_age.append(age)
    out: Result = {"ages": ages.tolist(), "true E/I": truth, "n_train": len(library)}
    which = np.array(of_age)
    for signal in ("cdm", "LRWS"):
        series = np.array([run[signal] for run in epochs])
        # gain, and 1/f noise of a fiftieth of the variance
        noise = _pink(*series.shape, 1.0, rng)
        noise *= np.sqrt(0.02) * series.std(1, keepdims=True) / noise.std(1, keepdims=True)
        series = rng.uniform(0.5, 5, (len(series), 1)) * (series + noise)
        table = learned.features(RICH, signal=signal, n_workers=2)
        inferer = ci.Inferer("mdn", library.prior).fit(table, library.theta, seed=1)
        observed = RICH.compute(series, rate=library.rate_hz)
        posterior = inferer.predict(observed, n_samples=500, warn=False, seed=1)
        ratio = np.log(posterior.derived("E/I", ci.diagnostics.ei_ratio).median[:, -1])
        predicted = [float(np.exp(np.nanmean(ratio[which == age]))) for age in ages]
        inhibition = [float(np.nanmean(posterior.mean[which == age, 2])) for age in ages]
        out[signal] = {
            "predicted E/I": predicted,
            "predicted J_EI": inhibition,
            "share outside": float((posterior.ood_p < 0.01).mean()),
            "spearman_with_age": float(spearmanr(predicted, ages).statistic),
        }
    return out


def recordings(options: argparse.Namespace) -> Result:
    from scipy.signal import welch

    folder = options.data
    if folder is None or not (folder / "lfp_neurodsp.npz").is_file():
        return {"recordings": "not here"}
    out: Result = {}
    signals = {
        "M1": ci.read_signal(folder / "lfp_neurodsp.npz", data="m1_ecog_uV", rate="m1_fs"),
        "CA1": ci.read_signal(folder / "lfp_neurodsp.npz", data="ca1_lfp", rate="ca1_fs"),
        "EEG": ci.read_signal(
            folder / "eeg_eeglab_sample.npz", data="data_uV", rate="fs", channels="channels"
        ),
    }
    ranges = {"M1": (2, 80), "CA1": (2, 80), "EEG": (2, 40)}
    for name, signal in signals.items():
        picked = ["Fz", "Cz", "Pz", "Oz"] if name == "EEG" else list(signal.channels)[:1]
        for channel in picked or [""]:
            column = list(signal.channels).index(channel) if signal.channels else 0
            series = np.asarray(signal.values[:, column], dtype=float)
            freqs, power = welch(series, signal.rate, nperseg=round(2 * signal.rate))
            fit = ci.features.fit_spectrum(freqs, power, freq_range=ranges[name])
            peaks = [[round(float(v), 2) for v in peak] for peak in np.atleast_2d(fit.peaks)]
            out[f"{name} {channel}".strip()] = {"exponent": float(fit.exponent), "peaks": peaks}
    eeg = signals["EEG"]
    values = np.asarray(eeg.values, dtype=float).T
    half = values.shape[1] // 2
    exponents = []
    for part in (values[:, :half], values[:, half : 2 * half]):
        freqs, power = welch(part, eeg.rate, nperseg=round(2 * eeg.rate))
        exponents.append(ci.features.fit_aperiodic(freqs, power, freq_range=(2, 40)).exponent)
    out["split-half r over 32 channels"] = float(np.corrcoef(*exponents)[0, 1])
    out["CA1 widths"] = _pieces(signals["CA1"], options)
    out["outside"] = _outside(signals, options)
    return out


def synaptic_noise(theta: np.ndarray, seed: Any, *, n_times: int) -> Result:
    """White noise through one synapse of decay θ ms and a rise of a fifth of it, at 1 kHz.

    The steep spectra of field potentials between 30 and 70 Hz, where slow synapses shape them, lie
    within what this produces; those of the Poisson model of Gao et al. are too shallow for CA1.
    """
    from scipy.signal import oaconvolve

    t = np.arange(round(12 * theta[0]) + 2.0)
    kernel = np.exp(-t / theta[0]) - np.exp(-5 * t / theta[0])
    noise = seed.generator().standard_normal(n_times + t.size)
    return {"lfp": oaconvolve(noise, kernel, mode="valid")[:n_times]}


def _pieces(signal: Any, options: argparse.Namespace) -> Result:
    """Posterior widths of 150 s and of its 15 pieces, each library as long as its recording."""
    library = ci.simulate_library(
        partial(synaptic_noise, n_times=150_000),
        ci.Prior.box({"tau_syn": (1.0, 40.0, "ms")}),
        60 if options.toy else 300,
        rate_hz=1000.0,
        progress=False,
        seed=8,
    )
    chosen = ci.FeatureSet(
        ci.Aperiodic(freq_range=(30.0, 70.0), window_s=1.0),
        preprocessing=ci.Preprocessing(zscore=True),
    )
    series = np.asarray(signal.values[:, 0], dtype=float)
    out: Result = {}
    for seconds in (150, 10):
        cut = library.cut(float(seconds))
        inferer = ci.Inferer("mdn", library.prior)
        inferer.fit(cut.features(chosen), library.theta, seed=1)
        pieces = series[: 150 * 1000].reshape(-1, seconds * 1000)
        posterior = inferer.predict(chosen.compute(pieces, rate=signal.rate), warn=False)
        low, high = posterior.interval(0.9)
        out[f"{seconds} s"] = {
            "mean_ms": posterior.mean[:, 0].round(2).tolist(),
            "width_ms": (high - low)[:, 0].round(2).tolist(),
            "ood_p": posterior.ood_p.round(3).tolist(),
        }
    whole, pieces = out["150 s"]["width_ms"][0], out["10 s"]["width_ms"]
    out["median of the pieces over the whole"] = float(np.median(pieces) / whole)
    return out


def _outside(signals: dict[str, Any], options: argparse.Namespace) -> Result:
    """How far each recording lies outside the simulated cloud of each library, z-scored."""
    out: Result = {}
    for name in ("hagen_eighth", "hagen", "cavallari_eighth"):
        library = _library(options, name)
        if library is None:
            continue
        for label, signal in signals.items():
            # EEG has nothing above 64 Hz: compare what both have.
            top = min(0.45 * signal.rate, 200.0)
            bands = [(4, 12), (12, 25), (25, 45), (45, 80), (80, 150)]
            chosen = ci.FeatureSet(
                ci.Aperiodic(freq_range=(5.0, top), window_s=0.5),
                ci.BandPower(bands=tuple(b for b in bands if b[1] <= top), window_s=0.5),
                preprocessing=ci.Preprocessing(
                    zscore=True, rate_hz=float(signal.rate), invalid="mask"
                ),
            )
            simulated = chosen.compute(library.signals["LRWS"], rate=library.rate_hz)
            inferer = ci.Inferer("Ridge", library.prior)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                inferer.fit(simulated, library.theta)
            table = ci.epoch_table(signal, epoch_s=library.duration_s)
            observed = chosen.compute(list(table["Data"]), rate=signal.rate)
            p = inferer.predict(observed, warn=False).ood_p
            out[f"{label} among {name}"] = {
                "epochs": len(p),
                "median ood_p": float(np.nanmedian(p)),
                "share outside": float(np.nanmean(p < 0.01)),
            }
    return out


def sbibm(options: argparse.Namespace) -> Result:
    """Return C2ST on the sbibm tasks; rows that exist are not computed again."""
    from prove_sbibm import Rows, table
    from prove_sbibm import sbibm as compute

    if options.sbibm is None:
        return {"sbibm": "no checkout of github.com/sbi-benchmark/sbibm here"}
    rows = Rows(options.out.with_suffix(".rows.jsonl"))
    only = tuple(options.tasks) if options.tasks else None
    compute(rows, options.sbibm, options.observations, tuple(options.sizes), only)
    return table(rows, tuple(options.published))


def sbc(options: argparse.Namespace) -> Result:
    """Return calibration over data sets of a two-parameter problem."""
    from prove_sbibm import Rows, calibration
    from prove_sbibm import sbc as compute

    rows = Rows(options.out.with_suffix(".rows.jsonl"))
    compute(rows, 2 if options.toy else 20, tuple(options.sbc_sizes))
    return calibration(rows)


def inside(options: argparse.Namespace) -> Result:
    """Return what is said of recordings that lie inside a library's cloud."""
    from prove_recordings import inside as compute

    if options.data is None or not (options.data / "lfp_neurodsp.npz").is_file():
        return {"recordings": "not here"}
    return compute(
        options.data,
        n_sims=options.sims,
        n_pairs=options.pairs,
        development=options.development,
    )


def few(options: argparse.Namespace) -> Result:
    from prove_few import few as compute

    return {"rows": compute(options.toy)}


SECTIONS: dict[str, Callable[[argparse.Namespace], Result]] = {
    f.__name__: f
    for f in (
        *(readme, diagnose, benchmark, recovery, strange, development, recordings),
        *(few, sbibm, sbc, inside),
    )
}


def main() -> None:
    """Run the proofs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--libraries", type=Path)
    data = os.environ.get("NEUROLOOM_DATA")
    parser.add_argument("--data", type=Path, default=Path(data) if data else None)
    parser.add_argument("--train", type=int, default=4000, help="simulations that diagnose learns")
    parser.add_argument("--toy", action="store_true", help="small, to try the script")
    parser.add_argument("--sbibm", type=Path, help="checkout of github.com/sbi-benchmark/sbibm")
    parser.add_argument(
        "--published",
        type=Path,
        nargs="*",
        default=[],
        help="main_paper.csv and gaussian_mixture_rerun.csv of sbi-benchmark/results",
    )
    parser.add_argument("--observations", type=int, default=10, help="of each sbibm task")
    parser.add_argument("--tasks", nargs="*", help="of sbibm; without it all ten")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1000, 10000])
    parser.add_argument("--sims", type=int, default=1000, help="of each library of `inside`")
    parser.add_argument("--pairs", type=int, default=30, help="known differences of `inside`")
    parser.add_argument(
        "--development",
        action="store_true",
        help="`inside` of the halves that choices were made on",
    )
    parser.add_argument("--sbc-sizes", type=int, nargs="*", default=[300, 3000])
    options = parser.parse_args()
    results: Result = json.loads(options.out.read_text()) if options.out.is_file() else {}
    for name in options.only:
        started = time.perf_counter()
        results[name] = SECTIONS[name](options)
        results[name]["wall_s"] = round(time.perf_counter() - started, 1)
        options.out.write_text(json.dumps(results, indent=1, ensure_ascii=False))
        print(name, json.dumps(results[name], ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
