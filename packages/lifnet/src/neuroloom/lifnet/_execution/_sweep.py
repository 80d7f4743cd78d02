"""Sweeps: one stager, one parameter, many values, each on a copy of the baseline."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.lifnet._config._load import load_config, save_config
from neuroloom.lifnet._config._schema import Config
from neuroloom.lifnet._errors import ConfigError, SimulationError
from neuroloom.lifnet._execution._folder import check_flags, claim, methods_of, working
from neuroloom.lifnet._execution._logger import Logger
from neuroloom.lifnet._execution._mean_field_stagers import FullMeanFieldStager
from neuroloom.lifnet._execution._repeater import repeat_seeds, workers
from neuroloom.lifnet._execution._snn_stager import StageSNNSimulation
from neuroloom.lifnet._execution._stager import Stager, save_perturbations
from neuroloom.shared import checks


class BaseSweepRunner(ABC):
    """Base of sweeps; subclasses say what a step does and what becomes of the results.

    `execute` calls, for each value, ``_step(param, idx, sweep_param, **kwargs)`` with
    ``self._sweep_object``, the stager of that value; then, in order, ``_store(result, idx,
    sweep_param, directory)``; and at the end ``summary(results, sweep_params)`` and
    ``_summary_plot(results, sweep_params, directory)``.
    """

    stager: ClassVar[type[Stager]]
    _sweep_object: Any = None

    @abstractmethod
    def _step(self, param: Any, idx: int, sweep_param: Any, **kwargs: Any) -> Any:
        """Return the result of one value."""

    @abstractmethod
    def _store(self, *args: Any, **kwargs: Any) -> Any:
        """Write the result of one value."""

    @abstractmethod
    def summary(self, results: Any, sweep_params: Any) -> Any:
        """Say what came out."""

    @abstractmethod
    def _summary_plot(self, *args: Any, **kwargs: Any) -> Any:
        """Draw what came out."""

    @abstractmethod
    def summarize_repeated_run(self, *args: Any, **kwargs: Any) -> Any:
        """Say what came out of all trials of `repeat`."""

    def execute(
        self,
        main_dir: str | Path,
        baseline_params: Any,
        param: Sequence[str | int] | str,
        sweep_params: Sequence[Any] | NDArray[Any],
        param_idx: int | Sequence[int] | None = None,
        parallel: bool = False,
        max_workers: int | None = None,
        executor: str | None = None,
        *,
        seed: int | None = None,
        resume: bool = True,
        overwrite: bool = False,
        progress: bool = True,
        **kwargs: Any,
    ) -> list[Any]:
        """Return the results of all values, in order, and write the sweep's folder.

        Writes ``configs/i.yaml`` (the configuration of each value), ``metadata/sweep.log`` and
        ``metadata/perturbations_i.npz``, and makes ``data`` and ``plots`` for the subclass. The
        folder belongs to one job (configuration, parameter, values, seed, the code of `_step`,
        versions).

        Parameters
        ----------
        main_dir : path
            Folder of the sweep.
        baseline_params : anything that `load_config` reads
            The configuration to vary. It is not changed.
        param : sequence of str
            Path of the key to vary, ``["external_currents", "nu_ext_baseline"]``.
        sweep_params : sequence
            Values to put there.
        param_idx : int or sequence of int, optional
            Which items of a list to set; the whole value if not given.
        parallel : bool
            Run several values at a time; results and files are the same.
        max_workers : int, optional
            How many; if not given, all that a surrounding ``joblib.parallel_config`` has,
            otherwise all cores.
        executor : {"process", "thread"}, optional
            What runs them; if not given, what a surrounding ``joblib.parallel_config`` says,
            otherwise processes.
        seed : int, optional
            Seed of all steps; the configuration's if not given.
        resume : bool
            Go on where a stopped run of the same sweep was. Results must then be numbers, text,
            arrays, or lists and dicts of those.
        overwrite : bool
            Move the folder of another job away, to the same name with the time behind it.
        progress : bool
            Show a bar.
        **kwargs
            Passed to `_step`.

        Raises
        ------
        LifnetError
            If the folder holds the results of another job; nothing is written then.
        ConfigError
            If there is no such key, or a value is impossible; before anything is run.
        SimulationError
            If a result cannot be kept for resuming.
        """
        check_flags(resume=resume, overwrite=overwrite, progress=progress)
        spread = workers(parallel, max_workers, executor)
        base = load_config(baseline_params)
        configs = varied(base, param, sweep_params, param_idx)
        if seed is None:
            seed = configs[0].settings.random_seed if configs else None
        if seed is None:
            seed = shared.Seed(0).integer(31)
        checks.whole("seed", seed, at_least=0, error=ConfigError)
        directory, step = Path(main_dir), _Step.of(self, param, kwargs)
        told = {
            "parameter": [str(key) for key in _path(param)],
            "items": np.atleast_1d(param_idx).tolist() if param_idx is not None else None,
            "values": [_plain(value) for value in sweep_params],
            "seed": seed,
            "runner": type(self).__qualname__,
            "methods": methods_of(type(self)),
            "attributes": step.attributes,
            "options": kwargs,
        }
        open_job = partial(claim, directory, base, told, overwrite=overwrite)
        with working(directory, open_job) as kept:
            for name in ("configs", "metadata", "data", "plots"):
                (directory / name).mkdir(parents=True, exist_ok=True)
            file = directory / "metadata" / "sweep.log"
            with Logger("sweep", stream=None, file_path=file) as log:
                name = ".".join(map(str, _path(param)))
                log.info(f"{len(configs)} values of {name}, seed {seed}")
                self._write_configs(configs, seed, directory, kwargs)
                items = [
                    {"index": i, "value": _plain(value), "config": one.to_mapping(), "seed": seed}
                    for i, (value, one) in enumerate(zip(sweep_params, configs, strict=True))
                ]
                results = _map(
                    step, items, **spread, progress=progress, resume=kept if resume else None
                )
                for i, result in enumerate(results):
                    self._store(result, i, sweep_params[i], directory)
                    log.info(f"{i}: {sweep_params[i]}")
                self.summary(results, sweep_params)
                self._summary_plot(results, sweep_params, directory)
                log.info("done")
        return results

    def _write_configs(
        self, configs: list[Config], seed: int, directory: Path, options: dict[str, Any]
    ) -> None:
        """Write the configuration and the perturbations of each value."""
        for i, config in enumerate(configs):
            save_config(config, directory / "configs" / f"{i}.yaml")
            applied = self.stager(config, seed)._applied(options)
            if applied:
                save_perturbations(directory / "metadata" / f"perturbations_{i}.npz", applied)

    def repeat(
        self, directory: str | Path, n_trials: int, *args: Any, seed: int = 256, **kwargs: Any
    ) -> list[list[Any]]:
        """Return the results of several sweeps with different seeds, in folders ``trial_i``.

        Further arguments are those of `execute` after `main_dir`.
        """
        trials = [
            self.execute(Path(directory) / f"trial_{i}", *args, seed=trial_seed, **kwargs)
            for i, trial_seed in enumerate(repeat_seeds(n_trials, seed))
        ]
        self.summarize_repeated_run(trials, Path(directory))
        return trials


class SNNBaseSweepRunner(BaseSweepRunner):
    """Base of sweeps over spiking runs; ``self._sweep_object`` is a `StageSNNSimulation`."""

    stager: ClassVar[type[Stager]] = StageSNNSimulation


class MeanFieldBaseSweepRunner(BaseSweepRunner):
    """Base of sweeps over the theory; ``self._sweep_object`` is a `FullMeanFieldStager`."""

    stager: ClassVar[type[Stager]] = FullMeanFieldStager


@dataclass(frozen=True, eq=False)
class _Step:
    """One step of a sweep.

    A job is told from others by the fields. The runner is none: its class may be one that cannot be
    looked up by name, as in a notebook or a function.
    """

    kind: str
    attributes: dict[str, Any]
    param: Any
    kwargs: dict[str, Any]

    runner: ClassVar[BaseSweepRunner]

    @classmethod
    def of(cls, runner: BaseSweepRunner, param: Any, kwargs: dict[str, Any]) -> _Step:
        step = cls(type(runner).__qualname__, dict(vars(runner)), param, kwargs)
        object.__setattr__(step, "runner", runner)
        return step

    def __call__(self, item: dict[str, Any]) -> Any:
        """Run one step on a copy of the runner, so that threads do not share what is swept."""
        mine = object.__new__(type(self.runner))
        mine.__dict__.update(self.runner.__dict__)
        mine._sweep_object = self.runner.stager(item["config"], item["seed"])
        return mine._step(self.param, item["index"], item["value"], **self.kwargs)


def _map(step: _Step, items: list[dict[str, Any]], **options: Any) -> list[Any]:
    """Return the results of all items, and say what to do where one cannot be kept."""
    try:
        return shared.map(step, items, description="sweep", **options)
    except shared.DataError as error:
        if "kept" not in str(error):
            raise
        raise SimulationError(
            f"_step: {error}; return plain values, or pass resume=False"
        ) from error


def varied(
    base: Config,
    param: Sequence[str | int] | str,
    values: Sequence[Any] | NDArray[Any],
    param_idx: int | Sequence[int] | None,
) -> list[Config]:
    """Return one configuration per value, each a checked copy of the baseline."""
    path = _path(param)
    if path == ("settings", "random_seed"):
        raise ConfigError(
            "param: expected a parameter of the model, got settings.random_seed: a sweep has one "
            "seed for all values (random_seed=, --seed); repeat a run for other seeds"
        )
    result = []
    for value in values:
        config = base
        if param_idx is None:
            config = config.with_value(path, _plain(value))
        else:
            for index in np.atleast_1d(param_idx).tolist():
                config = config.with_value((*path, index), _plain(value))
        result.append(config)
    return result


def _path(param: Sequence[str | int] | str) -> tuple[str | int, ...]:
    return tuple(param.split(".")) if isinstance(param, str) else tuple(param)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
