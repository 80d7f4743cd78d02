"""`Repeater`: one configuration, many seeds, one folder of spikes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.lifnet._analysis._sessions import from_dense, save_array, save_compact
from neuroloom.lifnet._config._load import load_config, save_config
from neuroloom.lifnet._errors import LifnetError, SimulationError, check_function
from neuroloom.lifnet._execution._folder import check_flags, claim, files_of, users_own, working
from neuroloom.lifnet._execution._logger import Logger
from neuroloom.lifnet._execution._snn_stager import StageSNNSimulation, as_simulation
from neuroloom.lifnet._execution._stager import save_perturbations
from neuroloom.lifnet._plots import plot_raster
from neuroloom.shared import checks
from neuroloom.shared.io import atomic
from neuroloom.shared.jobs import Job
from neuroloom.shared.parallel import n_surrounding_workers

BACKENDS = {None: None, "process": "loky", "thread": "threading"}


def backend_of(executor: str | None) -> str | None:
    """Return joblib's name of an executor."""
    if executor not in BACKENDS:
        raise SimulationError(f"executor: expected process, thread or None, got {executor!r}")
    return BACKENDS[executor]


def workers(parallel: bool, max_workers: int | None, executor: str | None) -> dict[str, Any]:
    """Return the options of `neuroloom.shared.map` for a way to run."""
    check_flags(parallel=parallel)
    backend = backend_of(executor)
    if max_workers is not None and max_workers != -1:
        checks.whole("max_workers", max_workers, at_least=1, error=SimulationError)
    if not parallel:
        return {"n_workers": 1, "backend": "sequential"}
    # Without an executor a surrounding joblib.parallel_config decides, if there is one.
    chosen = executor is None and n_surrounding_workers() > 1
    default = None if chosen else -1
    return {"n_workers": default if max_workers is None else max_workers, "backend": backend}


def repeat_seeds(n_repeats: int, seed: int) -> list[int]:
    """Return the seeds of the repeats, always the same for the same `seed`."""
    checks.whole("seed", seed, at_least=0, at_most=2**32 - 1, error=LifnetError)
    # The legacy generator keeps the seeds of folders that were made before.
    generator = np.random.RandomState(seed)
    return [int(s) for s in generator.randint(2**31, size=n_repeats)]


class Repeater:
    """Runs a configuration with many seeds and writes each run's spikes.

    Writes ``data/spikes_i.npy`` (boolean, (n_steps, n_neurons)), ``plots/spikes_i.png``,
    ``clusters.npy`` and ``metadata/{seeds.txt, config.yaml, run.log, job}``. A run that was stopped
    goes on where it was; processes that run the same job at a time share it; one that was finished
    is done again. A folder belongs to one job (configuration, seeds, form of the files, the user's
    functions, versions); it may be given more repeats later.

    Parameters
    ----------
    n_repeats : int
        Number of runs.
    save_dir : path
        Folder to write to.
    stager_factory : callable, optional
        ``stager_factory(config, random_seed)``; `StageSNNSimulation` if not given.
    config : anything that `load_config` reads, optional
        The configuration.
    seed : int
        Seed of the seeds.
    seeds_file : path, optional
        Where the seeds are kept; ``metadata/seeds.txt`` if not given.
    load_saved_seeds : bool
        Take the seeds from that file.
    parallel : bool
        Run several at a time.
    max_workers : int, optional
        How many; if not given, all that a surrounding ``joblib.parallel_config`` has, otherwise
        all cores.
    executor : {"process", "thread"}, optional
        What runs them; if not given, what a surrounding ``joblib.parallel_config`` says, and so
        any cluster that joblib can reach; otherwise processes.
    run_fn, save_fn : callable, optional
        ``run_fn(stager) -> outputs`` and ``save_fn(outputs, index, save_dir)`` in place of a run
        with spikes and clusters and the files above.
    export_plots_pdf : bool
        Write the rasters as PDF, too.
    plots : bool
        Draw rasters.
    compact : bool
        Write ``data/spikes_i.npz`` with steps and neurons, a few bytes per spike.
    resume : bool
        Go on where a stopped run of the same job was.
    overwrite : bool
        Move the folder of another job away, to the same name with the time behind it.
    logger : Logger, optional
        Where to log.

    Raises
    ------
    LifnetError
        If an argument cannot be, or `run` finds the results of another job in the folder; nothing
        is written then.
    """

    def __init__(
        self,
        n_repeats: int,
        save_dir: str | Path,
        stager_factory: Callable[..., Any] | None = None,
        config: Any = None,
        seed: int = 256,
        seeds_file: str | Path | None = None,
        load_saved_seeds: bool = False,
        parallel: bool = False,
        max_workers: int | None = None,
        executor: str | None = None,
        run_fn: Callable[[Any], Any] | None = None,
        save_fn: Callable[[Any, int, Path], Any] | None = None,
        export_plots_pdf: bool = False,
        *,
        plots: bool = True,
        compact: bool = False,
        resume: bool = True,
        overwrite: bool = False,
        logger: Logger | None = None,
    ) -> None:
        checks.whole("n_repeats", n_repeats, at_least=1, error=SimulationError)
        check_flags(
            load_saved_seeds=load_saved_seeds,
            export_plots_pdf=export_plots_pdf,
            plots=plots,
            compact=compact,
            resume=resume,
            overwrite=overwrite,
        )
        workers(parallel, max_workers, executor)
        for name, given, what in (
            ("stager_factory", stager_factory, "from a configuration and random_seed to a stager"),
            ("run_fn", run_fn, "from a stager to its outputs"),
            ("save_fn", save_fn, "of outputs, index and folder that writes them"),
        ):
            if given is not None:
                check_function(name, given, what, error=SimulationError)
        self.n_repeats, self.save_dir = int(n_repeats), Path(save_dir)
        self.config = load_config(config)
        self.stager_factory = stager_factory or StageSNNSimulation
        self.seeds_file = (
            self.save_dir / "metadata" / "seeds.txt" if seeds_file is None else Path(seeds_file)
        )
        self.parallel, self.max_workers, self.executor = parallel, max_workers, executor
        self.run_fn, self.save_fn = run_fn, save_fn
        self.export_plots_pdf, self.plots, self.compact = export_plots_pdf, plots, compact
        self.resume, self.overwrite = resume, overwrite
        self.logger = Logger("repeater", stream=None) if logger is None else logger
        self.seeds = self._load_seeds() if load_saved_seeds else repeat_seeds(n_repeats, seed)

    def claim(self) -> Job:
        """Make the folder this job's, or say whose it is; nothing of another job is changed.

        Raises
        ------
        LifnetError
            If the folder holds the results of another job.
        """
        told = {
            "first seed": self.seeds[0],
            "compact": self.compact,
            "stager_factory": users_own(self.stager_factory),
            "run_fn": users_own(self.run_fn),
            "save_fn": users_own(self.save_fn),
        }
        job = claim(self.save_dir, self.config, told, overwrite=self.overwrite)
        self.overwrite = False  # what is there now is this job's
        known = _seeds_in(self.seeds_file) if self.seeds_file.is_file() else []
        n = min(len(known), len(self.seeds))
        if known[:n] != self.seeds[:n]:
            raise LifnetError(
                f"seeds_file: expected the seeds of this job, got others in {self.seeds_file}; "
                "take another folder, or load_saved_seeds=True"
            )
        return job

    def run(self, *, progress: bool = True) -> list[Path]:
        """Run all repeats and return the files of spikes (an empty list with a `save_fn`).

        Parameters
        ----------
        progress : bool
            Show a bar.

        Raises
        ------
        LifnetError
            If the folder holds the results of another job, or the configuration cannot be run;
            nothing is written then.
        """
        check_flags(progress=progress)
        metadata = self.save_dir / "metadata"
        with working(self.save_dir, self.claim) as kept:
            for name in ("data", "metadata", *(["plots"] if self.plots else [])):
                (self.save_dir / name).mkdir(parents=True, exist_ok=True)
            save_config(self.config, metadata / "config.yaml")
            self._write_seeds()
            self.logger.attach_file(metadata / "run.log")
            try:
                self._run_all(kept, progress)
            finally:
                self.logger.close()
        if self.save_fn is not None:
            return []
        return files_of(self.save_dir, self.n_repeats, compact=self.compact)

    def _write_seeds(self) -> None:
        """Write the seeds, unless more of the same are there."""
        self.seeds_file.parent.mkdir(parents=True, exist_ok=True)
        known = _seeds_in(self.seeds_file) if self.seeds_file.is_file() else []
        if len(known) < len(self.seeds):
            with atomic(self.seeds_file, durable=False) as file:  # made again if it is lost
                file.write("".join(f"{seed}\n" for seed in self.seeds).encode())

    def _run_all(self, kept: Path, progress: bool) -> None:
        self.logger.info(f"{self.n_repeats} repeats into {self.save_dir}")
        work = partial(
            _repeat,
            factory=self.stager_factory,
            run_fn=self.run_fn,
            save_fn=self.save_fn,
            save_dir=self.save_dir,
            plots=self.plots,
            pdf=self.export_plots_pdf,
            compact=self.compact,
        )
        items = [
            {"index": i, "seed": seed, "config": self.config.to_mapping()}
            for i, seed in enumerate(self.seeds)
        ]
        results = shared.map(
            work,
            items,
            **workers(self.parallel, self.max_workers, self.executor),
            progress=progress,
            description="repeats",
            resume=kept if self.resume else None,
        )
        for i, line in enumerate(results):
            self.logger.info(f"repeat {i}, seed {self.seeds[i]}: {line}")
        self.logger.info("done")

    execute = run

    def _load_seeds(self) -> list[int]:
        if not self.seeds_file.is_file():
            raise LifnetError(f"seeds_file: expected saved seeds at {self.seeds_file}, got no file")
        seeds = _seeds_in(self.seeds_file)
        if len(seeds) < self.n_repeats:
            raise LifnetError(f"seeds_file: expected {self.n_repeats} seeds, got {len(seeds)}")
        return seeds[: self.n_repeats]


def _seeds_in(path: Path) -> list[int]:
    try:
        text = path.read_text(encoding="utf-8").strip("\0")  # zeros are what a power cut leaves
        seeds = [int(line) for line in text.split()]
    except (OSError, ValueError) as error:
        raise LifnetError(f"seeds_file: expected whole numbers, got {path}: {error}") from error
    if any(seed < 0 for seed in seeds):
        raise LifnetError(f"seeds_file: expected seeds of at least 0, got {min(seeds)} in {path}")
    return seeds


def _repeat(
    item: dict[str, Any],
    *,
    factory: Callable[..., Any],
    run_fn: Callable[[Any], Any] | None,
    save_fn: Callable[[Any, int, Path], Any] | None,
    save_dir: Path,
    plots: bool,
    pdf: bool,
    compact: bool,
) -> str:
    """Run one repeat, write its files, and return a line for the log."""
    index = item["index"]
    stager = factory(item["config"], random_seed=item["seed"])
    if run_fn is not None:
        outputs = run_fn(stager)
    else:
        outputs = stager.run(output_keys=("spikes", "clusters"))
    if save_fn is not None:
        save_fn(outputs, index, save_dir)
        return "done"
    spikes = np.asarray(outputs["spikes"], dtype=bool)
    path = files_of(save_dir, index + 1, compact=compact)[index]
    if compact:
        save_compact(path, from_dense(spikes))
    else:
        save_array(path, spikes)
    if index == 0:
        save_array(save_dir / "clusters.npy", np.asarray(outputs["clusters"]))
        applied: dict[str, Any] = getattr(stager, "applied_perturbations", dict)()
        if applied:
            save_perturbations(save_dir / "metadata" / "perturbations.npz", applied)
    if plots:
        _draw(spikes, stager, save_dir / "plots" / f"spikes_{index}", pdf)
    return f"{int(spikes.sum())} spikes"


def _draw(spikes: NDArray[np.bool_], stager: Any, path: Path, pdf: bool) -> None:
    from matplotlib.figure import Figure

    with shared.style():
        figure = Figure(figsize=(8, 5), layout="constrained")
        step = stager.config.init_params.delta_t
        plot_raster(as_simulation(spikes, stager.network(), step), ax=figure.subplots())
    figure.savefig(path.with_suffix(".png"), dpi=120)
    if pdf:
        figure.savefig(path.with_suffix(".pdf"), metadata={"CreationDate": None})
