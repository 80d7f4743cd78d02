"""Reading and writing configurations, and the ones that ship with the package."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import yaml

from neuroloom.lifnet._config._read import refuse
from neuroloom.lifnet._config._schema import Config
from neuroloom.lifnet._config._yaml import parse
from neuroloom.lifnet._errors import ConfigError, PlausibilityWarning, RoundingWarning
from neuroloom.shared import checks


def load_config(source: str | Path | bytes | Mapping[str, Any] | Config | None = None) -> Config:
    """Return the configuration that a YAML file, its bytes, or a mapping describes.

    Parameters
    ----------
    source : str, Path, bytes, mapping or Config, optional
        A YAML file, its contents as bytes, or nested mappings. The name of a shipped
        configuration (``"2_cluster_mf"``, see `shipped_configs`) is read from the package when
        no file has that name. The default network if not given.

    Raises
    ------
    ConfigError
        If there is no such file, it is not YAML, or its keys or values do not fit.

    Examples
    --------
    >>> load_config("2_cluster_mf").init_params.n_neurons
    800
    """
    if isinstance(source, Config):
        return source
    if source is None:
        source = "default_snn_params"
    mapping = source if isinstance(source, Mapping) else _parse(source)
    config = Config.from_mapping(mapping)
    warn_of_unreached(config)
    return config


def warn_of_unreached(config: Config) -> None:
    """Warn of each stimulus or perturbation that a run never has, or not when it is to act."""
    for line in config.unreached():
        warnings.warn(line, PlausibilityWarning, stacklevel=3)
    for line in config.between_steps():
        warnings.warn(line, RoundingWarning, stacklevel=3)


def read_mapping(source: str | Path | bytes | Mapping[str, Any] | Config) -> dict[str, Any]:
    """Return a configuration as nested plain dicts of its own, checked."""
    return load_config(source).to_mapping()


def save_config(config: Config, path: str | Path) -> Path:
    """Write `config` as YAML to `path` and return the file's path."""
    if not isinstance(config, Config):
        raise refuse("config", "a Config, as load_config returns", config)
    target = checks.path("path", path, error=ConfigError)
    target.write_text(dump(config), encoding="utf-8")
    return target


def dump(config: Config) -> str:
    """Return a configuration as YAML text."""
    return str(yaml.safe_dump(config.to_mapping(), sort_keys=False, default_flow_style=None))


def shipped_configs() -> tuple[str, ...]:
    """Return the names of the configurations that ship with the package."""
    with as_file(files("neuroloom.lifnet._config") / "configs") as folder:
        found = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.yaml"))
        return tuple(sorted(path.as_posix() for path in found))


def copy_configs(directory: str | Path) -> Path:
    """Copy the shipped configurations, examples and scripts, and return the configurations' folder.

    They go to ``configs/``, ``examples/`` and ``scripts/`` inside `directory`; one that is itself
    called ``configs`` holds the configurations, and the others go beside it. Existing files are
    left as they are.
    """
    target = checks.path("directory", directory, error=ConfigError)
    root = target.parent if target.name == "configs" else target
    for part, pattern in (("configs", "*.yaml"), ("examples", "*.py"), ("scripts", "*.py")):
        with as_file(files("neuroloom.lifnet._config") / part) as folder:
            for path in sorted(folder.rglob(pattern)):
                copy = root / part / path.relative_to(folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                if not copy.exists():
                    shutil.copyfile(path, copy)
    return root / "configs"


def _parse(source: str | Path | bytes) -> Mapping[str, Any]:
    if isinstance(source, bytes):
        name, raw = "configuration", source
    else:
        expected = "a path, the name of a shipped configuration, bytes or a mapping"
        if not isinstance(source, (str, os.PathLike)):
            raise refuse("config", expected, source)
        path = checks.path("config", source, error=ConfigError)
        name = str(path)
        if path.is_file():
            raw = path.read_bytes()
        else:
            shipped = files("neuroloom.lifnet._config") / "configs" / f"{name}.yaml"
            if not shipped.is_file():
                names = ", ".join(n for n in shipped_configs() if not n.startswith("templates"))
                raise refuse(name, f"a YAML file, or one of the shipped {names}", "no such file")
            raw = shipped.read_bytes()
    try:
        parsed = parse(raw)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: expected YAML, got {error}") from error
    if not isinstance(parsed, Mapping):
        raise refuse(name, "a YAML mapping of keys to values", parsed)
    return parsed
