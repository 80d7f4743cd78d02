"""What all stagers share: a configuration, a seed, perturbations, and a folder of results."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from neuroloom.lifnet._clustered._perturbation import by_name, check_target
from neuroloom.lifnet._config._load import load_config, save_config
from neuroloom.lifnet._config._schema import Config
from neuroloom.lifnet._errors import ConfigError
from neuroloom.lifnet._execution._folder import check_flags, claim, untouched_if_refused
from neuroloom.lifnet._execution._logger import Logger
from neuroloom.shared import checks
from neuroloom.shared.io import atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIX = "_perturbation"
# Options with which the results are the same.
_NOT_TOLD = ("n_threads", "progress", "checkpoint", "checkpoint_every")


class Stager(ABC):
    """Base of what runs a configuration and writes what comes out.

    Parameters
    ----------
    config : path, bytes, mapping or Config, optional
        Anything that `load_config` reads; `default_config` if not given.
    random_seed : int, optional
        Seed of everything random; ``settings.random_seed`` if not given, drawn if that is empty.
    logger : Logger, optional
        Where to log; a silent one that writes to the run's folder if not given.
    perturbations : mapping of target to array_like, optional
        They replace the configuration's own, target by target.
    **named : array_like
        The same, one by one: ``rate_perturbation=…``, ``threshold_perturbation=…``.
    """

    default_config: ClassVar[str] = "default_snn_params"

    def __init__(
        self,
        config: Any = None,
        random_seed: int | None = None,
        logger: Logger | None = None,
        *,
        perturbations: Mapping[str, ArrayLike | None] | None = None,
        **named: ArrayLike | None,
    ) -> None:
        self.config: Config = load_config(self.default_config if config is None else config)
        if random_seed is None:
            random_seed = self.config.settings.random_seed
        if random_seed is None:
            random_seed = secrets.randbits(32)
        self.random_seed = checks.whole("random_seed", random_seed, at_least=0, error=ConfigError)
        self.logger = Logger(type(self).__name__, stream=None) if logger is None else logger
        self.perturbations = {**by_name(perturbations), **by_target(named)}
        for target in self.perturbations:
            check_target(target)

    @classmethod
    def from_dict(
        cls, config: Mapping[str, Any], random_seed: int | None = None, **more: Any
    ) -> Self:
        """Return a stager of a configuration that is given as nested mappings."""
        return cls(config, random_seed, **more)

    @abstractmethod
    def run(self, **options: Any) -> dict[str, Any]:
        """Return what comes out of one run, by name."""

    @abstractmethod
    def _plot(
        self, outputs: Mapping[str, Any], plot_arg: str | None, options: Mapping[str, Any]
    ) -> dict[str, Figure]:
        """Return the figures of a run with these options by file name, without suffix."""

    def _check_plot(  # noqa: B027
        self, plot_arg: str | None, options: Mapping[str, Any]
    ) -> None:
        """Raise, before anything is run, if a run with these options could not be drawn."""

    @abstractmethod
    def _applied(self, options: Mapping[str, Any]) -> Mapping[str, ArrayLike]:
        """Return the perturbations that act in a run with these options."""

    def _config_of(self, options: Mapping[str, Any]) -> Config:
        """Return the configuration of a run with these options."""
        return self.config

    @property
    def directory(self) -> Path:
        """The folder of this configuration's results, ``save_dir/sim_name``."""
        settings = self.config.settings
        if settings.save_dir is None or settings.sim_name is None:
            missing = "save_dir" if settings.save_dir is None else "sim_name"
            raise ConfigError(f"settings.{missing}: missing; it says where to write")
        return Path(settings.save_dir) / settings.sim_name

    def execute(
        self,
        plot_arg: str | None = "spikes",
        save_outputs: bool | None = None,
        *,
        directory: str | Path | None = None,
        overwrite: bool = False,
        **options: Any,
    ) -> dict[str, Any]:
        """Return a run's outputs, and write and draw what the configuration asks for.

        The folder belongs to one job (configuration, seed, perturbations, options, versions).

        Parameters
        ----------
        plot_arg : str, optional
            What to draw, if ``settings.plot`` is set; nothing if None.
        save_outputs : bool, optional
            Write ``data/outputs.npz``; ``settings.save`` if not given.
        directory : path, optional
            Folder to write to; ``settings.save_dir/settings.sim_name`` if not given.
        overwrite : bool
            Move the folder of another job away, to the same name with the time behind it.
        **options
            Passed to `run`. With ``checkpoint_every=…`` seconds a spiking run that was killed goes
            on from its last checkpoint, which is in ``metadata/unfinished``.

        Raises
        ------
        LifnetError
            If the folder holds the results of another job, or the configuration cannot be run;
            nothing is written then.
        """
        settings = self.config.settings
        save = settings.save if save_outputs is None else save_outputs
        check_flags(save_outputs=save, overwrite=overwrite)
        draw = settings.plot and plot_arg is not None
        if not save and not draw:
            return self.run(**options)
        if draw:
            self._check_plot(plot_arg, options)
        folder = self.directory if directory is None else Path(directory)
        told = {
            "stager": type(self).__qualname__,
            "seed": self.random_seed,
            "perturbations": dict(self.perturbations),
            "options": {k: v for k, v in options.items() if k not in _NOT_TOLD},
        }
        if options.get("checkpoint_every") is not None:
            options.setdefault("checkpoint", folder / "metadata" / "unfinished")
        with (
            untouched_if_refused(folder),
            claim(folder, self.config, told, overwrite=overwrite).working(),
        ):
            self.logger.attach_file(folder / "metadata" / "run.log")
            try:
                return self._recorded(folder, plot_arg if draw else None, save, options)
            except Exception as error:
                self.logger.error(f"{type(error).__name__}: {error}")
                raise
            finally:
                self.logger.close()

    def _recorded(
        self, folder: Path, plot_arg: str | None, save: bool, options: dict[str, Any]
    ) -> dict[str, Any]:
        """Return a run's outputs after writing configuration, outputs and pictures."""
        self.logger.info(f"seed {self.random_seed}")
        metadata = folder / "metadata"
        save_config(
            self._config_of(options).with_settings(random_seed=self.random_seed),
            metadata / "config.yaml",
        )
        outputs = self.run(**options)
        applied = self._applied(options)
        if applied:
            save_perturbations(metadata / "perturbations.npz", applied)
        if save:
            (folder / "data").mkdir(exist_ok=True)
            arrays = {name: np.asarray(value) for name, value in outputs.items()}
            with atomic(folder / "data" / "outputs.npz") as file:
                np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
            self.logger.info(f"wrote {folder / 'data' / 'outputs.npz'}")
        if plot_arg is not None:
            (folder / "plots").mkdir(exist_ok=True)
            for name, figure in self._plot(outputs, plot_arg, options).items():
                figure.savefig(folder / "plots" / f"{name}.png", dpi=150)
        self.logger.info("done")
        return outputs


def by_target(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"rate": …}`` for ``{"rate_perturbation": …}``; other names are an error."""
    result = {}
    for name, values in named.items():
        if not name.endswith(SUFFIX):
            raise TypeError(f"unexpected argument {name!r}; perturbations end in {SUFFIX!r}")
        if values is not None:
            result[check_target(name.removesuffix(SUFFIX))] = values
    return result


def perturbations_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those options of a run that are perturbations, ``rate_perturbation=…``."""
    return {name: value for name, value in options.items() if name.endswith(SUFFIX)}


def save_perturbations(path: Path, perturbations: Mapping[str, ArrayLike]) -> None:
    """Write perturbations by target to an ``.npz``."""
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in perturbations.items()}
    with atomic(path) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
