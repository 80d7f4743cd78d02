"""``neuroloom-circuit-inference simulate | featurize | train | predict | diagnose``."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.family import FAMILIES
from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._features.feature_table import FeatureTable
from neuroloom.circuit_inference._features.files import load_features, save_features
from neuroloom.circuit_inference._features.series import Preprocessing
from neuroloom.circuit_inference._inference.blind_spots import blind_spots
from neuroloom.circuit_inference._inference.inferer import Inferer
from neuroloom.circuit_inference._libraries.library import SimulationLibrary
from neuroloom.circuit_inference._reading import reading
from neuroloom.circuit_inference._recordings.epoch_table import epoch_table
from neuroloom.circuit_inference._recordings.read_signal import read_signal
from neuroloom.circuit_inference._report.html import blind_summary, verdict, write_report
from neuroloom.circuit_inference.errors import ArgumentError, unknown
from neuroloom.shared import Seed, cli
from neuroloom.shared.parallel import add_options, computing

_SMALL = ("gao", "shot_noise")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = cli.Parser(
        prog="neuroloom-circuit-inference",
        description="From a recording to circuit parameters, and how sure one may be.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("simulate", help="make a library of simulations")
    run.add_argument("model", help="gao, shot_noise, hagen, cavallari, four_area, or *_eighth")
    run.add_argument("-n", "--n-sims", type=int, required=True, metavar="N")
    run.add_argument("--out", type=_ends(".npz"), required=True, metavar="LIBRARY.npz")
    run.add_argument("--duration", type=float, metavar="S", help="seconds of signal")
    run.add_argument(
        "--folder", type=Path, help="keep finished simulations here and go on from them"
    )
    add_options(run, resume=False)
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--quiet", action="store_true", help="no progress bar")

    run = commands.add_parser("featurize", help="compute features of recordings or a library")
    _recordings(run)
    _features(run)
    run.add_argument("--out", type=_ends(".npz", ".csv"), required=True, metavar="FEATURES.npz|csv")

    run = commands.add_parser("train", help="learn parameters from a library")
    run.add_argument("library", type=Path, metavar="LIBRARY.npz")
    _features(run)
    run.add_argument("--signal", help="which signal of the library")
    run.add_argument("--cut", type=float, metavar="S", help="signals as long as the recordings")
    run.add_argument("--model", default="mdn", help="mdn, NPE, NLE, NRE, or scikit-learn's name")
    run.add_argument("--hyperparams", default="{}", metavar="JSON")
    run.add_argument(
        "--held-out", type=float, default=0.1, metavar="SHARE",
        help="simulations kept from training, for diagnose (default .1)",
    )  # fmt: skip
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--out", type=Path, required=True, metavar="MODEL", help="folder to write")

    run = commands.add_parser("predict", help="parameters behind recordings or features")
    run.add_argument("model", type=Path, metavar="MODEL", help="folder that train wrote")
    _recordings(run)
    run.add_argument("--out", type=_ends(".csv"), metavar="TABLE.csv")
    run.add_argument("--report", type=_ends(".html", ".htm"), metavar="REPORT.html")
    run.add_argument("--samples", type=int, default=1000, metavar="N", help="draws per row")
    run.add_argument("--seed", type=int, default=0)

    run = commands.add_parser("diagnose", help="how far a model can be trusted")
    run.add_argument("model", type=Path, metavar="MODEL")
    run.add_argument("library", type=Path, metavar="LIBRARY.npz")
    run.add_argument("--signal", help="which signal of the library")
    run.add_argument("--fresh", action="store_true", help="the library is not that of the training")
    run.add_argument("--samples", type=int, default=500, metavar="N", help="draws per test")
    run.add_argument("--out", type=_ends(".csv"), metavar="TABLE.csv")
    run.add_argument("--report", type=_ends(".html", ".htm"), metavar="REPORT.html")
    run.add_argument("--seed", type=int, default=0)
    return top


def _ends(*suffixes: str) -> Callable[[str], Path]:
    """Return the type of an argument for a file to write, whose suffix says its format."""

    def path(text: str) -> Path:
        if Path(text).suffix not in suffixes:
            wanted = " or ".join(suffixes)
            raise argparse.ArgumentTypeError(f"expected a file ending in {wanted}, got {text!r}")
        return Path(text)

    return path


def _recordings(run: argparse.ArgumentParser) -> None:
    run.add_argument("sources", type=Path, nargs="+", metavar="FILE", help="recordings, or a "
                     "library or features of this program")  # fmt: skip
    run.add_argument("--rate", metavar="HZ", help="sampling rate, or its name in the file")
    run.add_argument("--data", help="which array of the file")
    run.add_argument("--channels", help="names, separated by commas, or their name in the file")
    run.add_argument("--epoch", type=float, metavar="S", help="cut into epochs of this length")
    run.add_argument("--between", type=float, nargs=2, metavar="S", help="use this part only")
    run.add_argument("--aggregate", choices=["sum", "mean", "median"], help="over channels")
    run.add_argument("--zscore-recording", action="store_true", help="before anything else")


def _features(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--features", nargs="+", default=["catch22"], metavar="FAMILY",
        help=f"of {', '.join(sorted(FAMILIES))}; or one JSON file of a feature set",
    )  # fmt: skip
    run.add_argument("--zscore", action="store_true", help="each series: drops the amplitude")
    run.add_argument("--detrend", choices=["constant", "linear"])
    run.add_argument("--resample", type=float, metavar="HZ")
    run.add_argument("--invalid", choices=["raise", "mask", "interpolate"], default="mask")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 2 for input that is not understood."""
    return cli.run(parser(), _work, arguments)


def _work(options: argparse.Namespace) -> str:
    verbs = {
        "simulate": _simulate,
        "featurize": _featurize,
        "train": _train,
        "predict": _predict,
        "diagnose": _diagnose,
    }
    return verbs[options.command](options)


def _json(argument: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ArgumentError(f"{argument}: expected JSON, got {text!r} ({error})") from error


def _json_file(argument: str, path: Path) -> Any:
    with reading(argument, path.name, ArgumentError):
        return json.loads(path.read_text(encoding="utf-8"))


def _simulate(options: argparse.Namespace) -> str:
    with computing(options) as where:
        library = _library(options, where)
    library.save(options.out)
    gates = ", ".join(f"{count} {reason}" for reason, count in library.gate_report().items())
    return (
        f"{options.out}: {len(library)} simulations of {library.duration_s:g} s "
        f"({', '.join(library.signals)} at {library.rate_hz:g} Hz); gates: {gates}"
    )


def _library(options: argparse.Namespace, where: dict[str, Any]) -> SimulationLibrary:
    common: dict[str, Any] = {
        **where,
        "folder": options.folder,
        "progress": not options.quiet,
        "seed": options.seed,
    }
    if options.model in _SMALL:
        from neuroloom.circuit_inference import gao_library
        from neuroloom.circuit_inference.libraries import shot_noise_library

        if options.model == "gao":
            return gao_library(options.n_sims, **common, duration_s=options.duration or 12.0)
        n_times = round(100 * (options.duration or 20.0))
        return shot_noise_library(options.n_sims, **common, n_times=n_times)
    from neuroloom.circuit_inference.simulate import MODELS, network_library

    if options.model not in MODELS:
        raise unknown("model", options.model, [*_SMALL, *MODELS])
    duration = options.duration or 10.0
    return network_library(options.model, options.n_sims, **common, duration_s=duration)


@dataclass(frozen=True)
class _Input:
    """Series of recordings or of a library, or features that were computed before."""

    rows: pd.DataFrame
    series: list[NDArray[np.float64]]
    rate: float | None
    table: FeatureTable | None = None

    def features(self, chosen: FeatureSet) -> FeatureTable:
        return self.table or chosen.compute(self.series, rate=self.rate)

    def labels(self) -> list[str]:
        known = [c for c in ("recording", "sensor", "epoch") if c in self.rows.columns]
        shown = [c for c in known if self.rows[c].nunique() > 1] or known[1:2]
        return [" ".join(str(row[c]) for c in shown) for _, row in self.rows.iterrows()]


def _kind(path: Path) -> str:
    """Return what an npz file of this package holds, empty for any other file."""
    if path.suffix != ".npz" or not path.is_file():
        return ""
    from neuroloom.shared import DataError, load_arrays

    for kind in ("SimulationLibrary", "circuit_inference.FeatureTable"):
        try:
            load_arrays(path, kind=kind, version=1)
        except DataError:
            continue
        return kind
    return ""


def _input(options: argparse.Namespace) -> _Input:
    first = options.sources[0]
    kind = _kind(first)
    if kind and len(options.sources) > 1:
        raise ArgumentError(f"FILE: expected one {kind} at a time, got {len(options.sources)}")
    if kind == "circuit_inference.FeatureTable":
        table, rows = load_features(first)
        return _Input(rows, [], None, table)
    if kind == "SimulationLibrary":
        library = SimulationLibrary.load(first).only_valid()
        rows = pd.DataFrame(library.theta, columns=list(library.prior.names))
        signals = library.signals[library.signal_name(options.data)]
        return _Input(rows, list(np.asarray(signals, dtype=np.float64)), library.rate_hz)
    channels = options.channels
    if channels is not None and "," in channels:
        channels = channels.split(",")
    rate = options.rate
    if rate is not None:
        with contextlib.suppress(ValueError):  # or the name of the rate in the file
            rate = float(rate)
    recordings = [
        read_signal(path, rate=rate, data=options.data, channels=channels)
        for path in options.sources
    ]
    rates = sorted({recording.rate for recording in recordings})
    if len(rates) > 1:
        raise ArgumentError(
            f"FILE: expected recordings of one rate, got {rates} Hz; predict them one by one"
        )
    epochs = epoch_table(
        recordings,
        epoch_s=options.epoch,
        between_s=None if options.between is None else tuple(options.between),
        aggregate=options.aggregate,
        zscore="recording" if options.zscore_recording else None,
        metadata=[{"file": path.name} for path in options.sources],
        names=[path.name for path in options.sources],
    )
    return _Input(epochs.drop(columns="Data"), list(epochs["Data"]), float(rates[0]))


def _feature_set(options: argparse.Namespace) -> FeatureSet:
    names = options.features
    if len(names) == 1 and names[0].endswith(".json"):
        description = _json_file("features", Path(names[0]))
        with reading("features", names[0], ArgumentError):
            return FeatureSet.from_description(description)
    for name in names:
        if name not in FAMILIES:
            raise unknown("features", name, FAMILIES)
    preprocessing = Preprocessing(
        detrend=options.detrend,
        zscore=options.zscore,
        rate_hz=options.resample,
        invalid=options.invalid,
    )
    return FeatureSet(*(FAMILIES[name]() for name in names), preprocessing=preprocessing)


def _featurize(options: argparse.Namespace) -> str:
    given = _input(options)
    table = given.features(_feature_set(options))
    save_features(options.out, table, given.rows)
    lines = [f"{options.out}: {len(table)} rows of {len(table.names)} features"]
    bad = [reason for reason in table.reasons if reason]
    if bad:
        lines.append(f"{len(bad)} rows without features, the first because of {bad[0]}")
    return "\n".join(lines)


def _train(options: argparse.Namespace) -> str:
    if not 0 <= options.held_out < 1:
        raise ArgumentError(f"held-out: expected a share from 0 to below 1, got {options.held_out}")
    hyperparams = _json("hyperparams", options.hyperparams)
    if not isinstance(hyperparams, dict):
        raise ArgumentError(
            f"hyperparams: expected a JSON object, got {type(hyperparams).__name__}"
        )
    library = SimulationLibrary.load(options.library).only_valid()
    if options.cut is not None:
        library = library.cut(options.cut)
    chosen = _feature_set(options)
    table = library.features(chosen, signal=options.signal)
    inside, _ = _halves(len(library), options.held_out, options.seed)
    part = table.rows(inside)
    inferer = Inferer(options.model, library.prior, hyperparams=hyperparams)
    inferer.fit(part, library.theta[inside], feature_set=chosen, seed=options.seed)
    inferer.save(options.out)
    split = {
        "library": library.digest,
        "held_out": options.held_out,
        "seed": options.seed,
        "cut": options.cut,
        "signal": library.signal_name(options.signal),
    }
    _split_file(options.out).write_text(json.dumps(split, indent=1))
    return (
        f"{options.out}: {options.model} trained on {inferer.n_simulations} simulations of "
        f"{library.duration_s:g} s, {len(library) - len(inside)} held out"
    )


def _split_file(model: Path) -> Path:
    """Return where the split is written: beside the model, whose own files are sealed."""
    return model.with_name(f"{model.name}.split.json")


def _halves(n: int, held_out: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    order = Seed(seed).child("held out").generator().permutation(n)
    first = round(n * held_out)
    return np.sort(order[first:]), np.sort(order[:first])


def _predict(options: argparse.Namespace) -> str:
    inferer = Inferer.load(options.model)
    if inferer.feature_set is None:
        raise ArgumentError("MODEL: expected a model that knows its features, this one does not")
    given = _input(options)
    table = given.features(inferer.feature_set)
    posterior = inferer.predict(table, n_samples=options.samples, warn=False, seed=options.seed)
    frame = pd.concat([given.rows.reset_index(drop=True), posterior.to_frame()], axis=1)
    lines = [verdict(posterior)]
    if options.out is not None:
        frame.to_csv(options.out, index=False)
        lines.append(f"{options.out}: {len(frame)} rows")
    if options.report is not None:
        write_report(
            options.report,
            title=f"Parameters behind {', '.join(path.name for path in options.sources)}",
            inferer=inferer,
            features=table,
            posterior=posterior,
            labels=given.labels(),
        )
        lines.append(f"{options.report}: report")
    if options.out is None and options.report is None:
        lines.append(frame.to_string(index=False))
    return "\n".join(lines)


def _diagnose(options: argparse.Namespace) -> str:
    inferer = Inferer.load(options.model)
    if inferer.feature_set is None:
        raise ArgumentError("MODEL: expected a model that knows its features, this one does not")
    library = SimulationLibrary.load(options.library).only_valid()
    record = _split_file(options.model)
    split = _json_file("MODEL", record) if record.is_file() else {}
    if split.get("cut") is not None and split["cut"] < library.duration_s:
        library = library.cut(split["cut"])
    rows = np.arange(len(library))
    if not options.fresh:
        if library.digest != split.get("library"):
            raise ArgumentError(
                "LIBRARY: expected the library of the training, whose held-out part is known; "
                "--fresh says that this is another one that the model never saw"
            )
        rows = _halves(len(library), split["held_out"], split["seed"])[1]
    library = library.rows(rows)
    signal = options.signal or split.get("signal")
    table = library.features(inferer.feature_set, signal=signal)
    diagnosis = inferer.diagnose(table, library.theta, n_samples=options.samples, seed=options.seed)
    spots = None
    if len(library) >= 40:
        spots = blind_spots(library, inferer.feature_set, signal=signal, seed=options.seed)
    if options.out is not None:
        diagnosis.to_frame().to_csv(options.out)
    if options.report is not None:
        write_report(
            options.report,
            title=f"How far {options.model.name} can be trusted",
            inferer=inferer,
            diagnosis=diagnosis,
            blind_spots=spots,
        )
    return "\n".join([diagnosis.summary(), *([] if spots is None else [blind_summary(spots)])])


if __name__ == "__main__":
    sys.exit(main())
