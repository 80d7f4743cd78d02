"""The command line: run, perturb, sweep, analyze, mean-field and configs."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from neuroloom.lifnet._analysis._analyzer import Analyzer
from neuroloom.lifnet._analysis._attractors import ClusteringParams, check_times
from neuroloom.lifnet._analysis._saved import refuse_another
from neuroloom.lifnet._clustered._parameters import clustered_parameters
from neuroloom.lifnet._config._load import copy_configs, load_config
from neuroloom.lifnet._config._schema import Config
from neuroloom.lifnet._errors import LifnetError
from neuroloom.lifnet._execution._logger import Logger
from neuroloom.lifnet._execution._mean_field_stagers import (
    FullMeanFieldStager,
    ReducedMeanFieldStager,
)
from neuroloom.lifnet._execution._repeater import Repeater
from neuroloom.lifnet._execution._sweep import SNNBaseSweepRunner
from neuroloom.lifnet._theory._landscape import Landscape
from neuroloom.shared import checks, cli
from neuroloom.shared.parallel import cluster, shard_option, sharded

_MOST_VALUES = 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)

    def work(options: argparse.Namespace) -> None:
        options.command_line = "neuroloom-lifnet " + shlex.join(given)
        options.do(options)

    return cli.run(_parser(), work, given)


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(
        prog="neuroloom-lifnet", description="Clustered networks, spiking and in theory."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="repeat a configuration and analyse its attractors")
    _repeat_options(run, n_repeats=100)
    run.set_defaults(do=_run)

    perturb = commands.add_parser("perturb", help="the same with the configuration's perturbations")
    _repeat_options(perturb, n_repeats=1)
    perturb.add_argument("--sim-name", help="folder inside --save-dir")
    perturb.set_defaults(do=_perturb)

    sweep = commands.add_parser("sweep", help="mean rates of the populations over one parameter")
    sweep.add_argument("--config", required=True, help="YAML file or name of a shipped one")
    sweep.add_argument("--save-dir", required=True)
    sweep.add_argument("--param", required=True, help="path of the key, arousal.level")
    sweep.add_argument("--param-idx", type=int, nargs="+", help="items of a list to set")
    values = sweep.add_mutually_exclusive_group(required=True)
    values.add_argument("--sweep-values", type=float, nargs="+")
    values.add_argument("--range", type=float, nargs=3, metavar=("START", "STOP", "STEP"))
    sweep.add_argument("--seed", type=int)
    sweep.add_argument("--no-resume", action="store_true", help="begin anew")
    _overwrite_option(sweep)
    _parallel_options(sweep)
    sweep.set_defaults(do=_sweep)

    analyze = commands.add_parser("analyze", help="show a saved analysis")
    analyze.add_argument("folder", help="folder of an analysis, or of a run")
    analyze.set_defaults(do=_analyze)

    field = commands.add_parser("mean-field", help="fixed points, or a reduced landscape")
    field.add_argument("--config", required=True, help="YAML file or name of a shipped one")
    field.add_argument("--save-dir", help="folder for data, plots and metadata")
    field.add_argument("--n-runs", type=int, default=100, help="random starts")
    field.add_argument("--seed", type=int)
    field.add_argument(
        "--focus-pops", type=int, nargs="+", help="draw these populations' landscape"
    )
    field.add_argument("--grid-density", type=float, help="distance in Hz, .5")
    field.add_argument(
        "--grid-lims", type=float, nargs=2, metavar=("LOW", "HIGH"), help="in Hz, 0 60"
    )
    _overwrite_option(field)
    field.set_defaults(do=_mean_field)

    configs = commands.add_parser("configs", help="copy the shipped configurations")
    configs.add_argument("directory")
    configs.set_defaults(do=lambda options: print(copy_configs(options.directory)))
    return parser


def _repeat_options(parser: argparse.ArgumentParser, n_repeats: int) -> None:
    parser.add_argument("--config", required=True, help="YAML file or name of a shipped one")
    parser.add_argument("--save-dir", required=True)
    parser.add_argument("--n-repeats", type=int, default=n_repeats)
    parser.add_argument("--seed", type=int, default=256, help="seed of the seeds")
    parser.add_argument("--seeds-file")
    parser.add_argument("--load-saved-seeds", action="store_true")
    parser.add_argument("--no-plots", action="store_true")
    parser.add_argument("--export-plots-pdf", action="store_true")
    parser.add_argument("--compact", action="store_true", help="steps and neurons, not rasters")
    parser.add_argument("--no-resume", action="store_true", help="begin anew")
    parser.add_argument("--log-level", default="INFO")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--e-clusters", action="store_true", help="attractors of the E clusters alone"
    )
    which.add_argument(
        "--all-populations", action="store_true", help="the default, kept for older scripts"
    )
    _overwrite_option(parser)
    _parallel_options(parser)


def _overwrite_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="move the folder of another job away, replace another analysis",
    )


def _parallel_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parallel", action="store_true")
    parser.add_argument("--max-workers", type=int)
    parser.add_argument("--executor", choices=("process", "thread"))
    parser.add_argument(
        "--dask", metavar="ADDRESS", help="scheduler of a dask cluster, or its file"
    )
    parser.add_argument(
        "--shard", type=shard_option, metavar="I/N",
        help="compute part I of N, from 0 (array jobs); without it, the rest and the results",
    )  # fmt: skip


def _check_where(options: argparse.Namespace) -> None:
    """Raise if one option of where to compute would have another do nothing."""
    here = {"--max-workers": options.max_workers, "--executor": options.executor}
    for name, value in here.items():
        if value is not None and options.dask:
            raise LifnetError(f"{name}: expected none beside --dask, whose workers compute")
        if value is not None and not options.parallel:
            raise LifnetError(f"{name}: expected --parallel beside it, without which one computes")
    if options.shard is not None and options.no_resume:
        raise LifnetError("--shard: expected no --no-resume beside it, which keeps no parts")


def _run(options: argparse.Namespace) -> None:
    _repeat(options, Path(options.save_dir))


def _perturb(options: argparse.Namespace) -> None:
    config = load_config(options.config)
    if not config.perturbation:
        raise LifnetError(f"{options.config}: expected a perturbation block, got none")
    name = options.sim_name
    _repeat(options, Path(options.save_dir) / name if name else Path(options.save_dir))


def _repeat(options: argparse.Namespace, folder: Path) -> None:
    _check_where(options)
    config = load_config(options.config)
    clusters = range(config.architecture.clusters.n_clusters)
    repeater = Repeater(
        options.n_repeats,
        folder,
        config=config,
        seed=options.seed,
        seeds_file=options.seeds_file,
        load_saved_seeds=options.load_saved_seeds,
        parallel=options.parallel or bool(options.dask),
        max_workers=options.max_workers,
        executor=options.executor,
        export_plots_pdf=options.export_plots_pdf,
        plots=not options.no_plots,
        compact=options.compact,
        resume=not options.no_resume,
        overwrite=options.overwrite,
        logger=Logger("run", level=options.log_level),
    )
    _check_analysis(options, config, folder)
    with cluster(options.dask), sharded(options.shard):
        files = repeater.run()
    _write_command(options, folder)
    analyzer = Analyzer(
        files,
        clusters=folder / "clusters.npy",
        dt=config.init_params.delta_t,
        populations=clusters if options.e_clusters else None,
    )
    analyzer.save_analysis(folder / "analysis", overwrite=options.overwrite)
    print(f"{analyzer.get_num_states()} states; analysis in {folder / 'analysis'}")


def _check_analysis(options: argparse.Namespace, config: Config, folder: Path) -> None:
    """Refuse, before anything is computed, to replace an analysis of more or of something else."""
    init, params = config.init_params, ClusteringParams()
    n_steps = round(init.duration_sec / init.delta_t)
    check_times(params, 0.0, init.delta_t, n_steps * init.delta_t * 1e3)
    clusters, all_of_them = (
        config.architecture.clusters.n_clusters,
        int((clustered_parameters(config).sizes > 0).sum()),
    )
    if not options.overwrite:
        planned = {
            "dt": init.delta_t,
            "clustering_params": asdict(params),
            "session_lengths_steps": [n_steps] * options.n_repeats,
            "populations": list(range(clusters if options.e_clusters else all_of_them)),
        }
        refuse_another(folder / "analysis", planned)


def _write_command(options: argparse.Namespace, folder: Path) -> None:
    (folder / "metadata").mkdir(parents=True, exist_ok=True)
    (folder / "metadata" / "cmd.txt").write_text(options.command_line + "\n")


class RateSweep(SNNBaseSweepRunner):
    """Mean rates of the populations for each value, in ``data/rates.csv``."""

    def _step(self, param: Any, idx: int, sweep_param: Any, **kwargs: Any) -> dict[str, float]:
        return dict(self._sweep_object.simulate().rates_hz())

    def _store(self, result: Any, idx: int, value: Any, directory: Path) -> None:
        line = {"index": idx, "value": value, "rates_hz": result}
        (directory / "data" / f"rates_{idx}.json").write_text(json.dumps(line))

    def summary(self, results: Any, sweep_params: Any) -> None:
        """Print the mean rate of E and I clusters for each value."""
        for value, rates in zip(sweep_params, results, strict=True):
            kinds = {kind: [r for name, r in rates.items() if name[0] == kind] for kind in "EI"}
            text = ", ".join(f"{kind} {np.mean(r):.2f} Hz" for kind, r in kinds.items() if r)
            print(f"{value:g}: {text}")

    def _summary_plot(self, results: Any, sweep_params: Any, directory: Path) -> None:
        from matplotlib.figure import Figure

        from neuroloom.shared import style

        with style():
            figure = Figure(layout="constrained")
            ax = figure.subplots()
            ax.plot(sweep_params, [list(rates.values()) for rates in results], color="0.4")
            ax.set(xlabel="value", ylabel="rate (Hz)")
        figure.savefig(directory / "plots" / "rates.png", dpi=120)

    def summarize_repeated_run(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: each trial has its own files."""


def _sweep(options: argparse.Namespace) -> None:
    values = options.sweep_values if options.range is None else _range(*options.range)
    folder = Path(options.save_dir)
    _check_where(options)
    with cluster(options.dask), sharded(options.shard):
        RateSweep().execute(
            folder,
            options.config,
            options.param.split("."),
            values,
            options.param_idx,
            options.parallel or bool(options.dask),
            options.max_workers,
            options.executor,
            seed=options.seed,
            resume=not options.no_resume,
            overwrite=options.overwrite,
        )
    _write_command(options, folder)


def _range(start: float, stop: float, step: float) -> list[float]:
    """Return the values of ``--range``."""
    finite = bool(np.isfinite([start, stop, step]).all())
    if not finite or step == 0 or (stop - start) / step < 0:
        raise LifnetError(f"--range: expected a step from {start:g} to {stop:g}, got {step:g}")
    if (stop - start) / step > _MOST_VALUES:
        raise LifnetError(
            f"--range: expected at most {_MOST_VALUES} values, got {(stop - start) / step:.3g}"
        )
    return np.arange(start, stop + step / 2, step).tolist()


def _analyze(options: argparse.Namespace) -> None:
    folder = Path(options.folder)
    inside = folder / "analysis"
    analyzer = Analyzer.load_analysis(inside if inside.is_dir() else folder)
    print(f"states: {analyzer.get_num_states()}")
    print(f"mean life span: {analyzer.get_mean_lifespan():.1f} ms")
    shares = analyzer.get_attractor_probs()
    states = analyzer.get_unique_attractors()
    for i in np.argsort(-shares, kind="stable")[:20]:
        print(
            f"{i:4d} {states[i]}: {analyzer.get_occurrences(int(i))} times, "
            f"{100 * shares[i]:.1f} % of the time, "
            f"{analyzer.get_mean_lifespan(int(i)):.1f} ms on average"
        )


def _print_wells(outputs: Mapping[str, Any], focus: Sequence[int]) -> None:
    names = ("force_field", "nu_outs", "path", "potential", "displacement")
    found = Landscape(tuple(outputs["mesh"]), *(outputs[name] for name in names))
    wells = found.minima()
    print(f"{len(wells)} wells of the landscape of populations {list(focus)}")
    for k in wells:
        rates = ", ".join(f"{rate:g}" for rate in found.path[k])
        print(f"  at {rates} Hz, potential {found.potential[k]:.4g}")


def _check_mean_field(options: argparse.Namespace, n_populations: int) -> None:
    """Refuse what the theory would refuse, before a folder is made."""
    checks.whole("--n-runs", options.n_runs, at_least=1, error=LifnetError)
    focus = options.focus_pops or []
    if len(set(focus)) < len(focus) or not set(focus) <= set(range(n_populations)):
        expected = f"different populations from 0 to {n_populations - 1}"
        raise LifnetError(f"--focus-pops: expected {expected}, got {focus}")
    if options.save_dir and len(focus) > 2:
        raise LifnetError(
            f"--focus-pops: expected one or two populations, whose landscape is drawn in the "
            f"folder, got {len(focus)}"
        )
    low, high = options.grid_lims or (0.0, 60.0)
    if not 0 <= low < high < np.inf:
        raise LifnetError(f"--grid-lims: expected 0 <= low < high in Hz, got {low:g} {high:g}")
    if options.grid_density is not None:
        checks.real(
            "--grid-density", options.grid_density, above=0, at_most=high - low, unit="Hz",
            error=LifnetError,
        )  # fmt: skip


def _mean_field(options: argparse.Namespace) -> None:
    kind = ReducedMeanFieldStager if options.focus_pops else FullMeanFieldStager
    stager = kind(options.config, options.seed)
    _check_mean_field(options, stager.config.architecture.clusters.total_pops)
    grid = {"grid_density": options.grid_density, "grid_lims": options.grid_lims}
    given = {name: value for name, value in grid.items() if value is not None}
    arguments: dict[str, Any] = {"n_runs": options.n_runs}
    if options.focus_pops:
        progress = sys.stderr.isatty()
        arguments = {"focus_pops": options.focus_pops, "progress": progress, **given}
    elif given:
        names = ", ".join("--" + name.replace("_", "-") for name in given)
        raise LifnetError(f"{names}: expected --focus-pops, whose landscape it is for")
    if options.save_dir:
        folder = Path(options.save_dir)
        drawn = stager.config.with_settings(plot=True)
        kind(drawn, stager.random_seed).execute(
            "mean_field", True, directory=folder, overwrite=options.overwrite, **arguments
        )
        _write_command(options, folder)
        print(f"written to {folder}")
    elif isinstance(stager, ReducedMeanFieldStager):
        _print_wells(stager.run(**arguments), options.focus_pops)
    if isinstance(stager, FullMeanFieldStager):
        q = stager.config.architecture.clusters.n_clusters
        rows = [
            {
                "E_hz": [round(float(r), 3) for r in point.rates[:q]],
                "kind": point.label,
                "growth": round(point.growth, 4),
                "orders": point.multiplicity,
            }
            for point in stager.fixed_points(n_starts=options.n_runs)
        ]
        print(yaml.safe_dump(rows, sort_keys=False, default_flow_style=None).rstrip())
