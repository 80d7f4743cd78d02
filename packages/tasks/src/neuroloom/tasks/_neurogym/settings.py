"""Settings as plain dataclasses; files and the environment are read only on request."""

from __future__ import annotations

import copy
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from neuroloom.tasks._errors import TaskError, fail, unknown


@dataclass
class FontConfig:
    """Font of the plots."""

    family: str = "sans-serif"
    size: float = 8.0
    weight: str = "normal"

    @property
    def label(self) -> dict[str, Any]:
        """The font as matplotlib takes it."""
        return {"family": self.family, "size": self.size, "weight": self.weight}


@dataclass
class LegendConfig:
    """Where the legends of the plots stand."""

    loc: str = "upper right"
    frameon: bool = False


@dataclass
class PlotConfig:
    """How plots look."""

    font: FontConfig = field(default_factory=FontConfig)
    legend: LegendConfig = field(default_factory=LegendConfig)

    @property
    def legend_options(self) -> dict[str, Any]:
        """The legend as matplotlib takes it."""
        place = {"loc": self.legend.loc, "frameon": self.legend.frameon}
        return {**place, "fontsize": self.font.size}


@dataclass
class MonitorPlotConfig:
    """What a `Monitor` draws."""

    create: bool = False
    step: int = 1000
    title: str = ""
    ext: str = "png"


@dataclass
class MonitorConfig:
    """What a `Monitor` keeps."""

    name: str = "Monitor"
    trigger: str = "trial"
    interval: int = 1000
    verbose: bool = True
    save_dir: Path | None = None
    plot: MonitorPlotConfig = field(default_factory=MonitorPlotConfig)


@dataclass
class EnvConfig:
    """Which task to run."""

    name: str = ""
    dt: float = 10


@dataclass
class RunConfig:
    """How long to train or to test: so many of a unit, ``"trial"`` or ``"step"``."""

    unit: str = "trial"
    value: int = 10_000


@dataclass
class AgentConfig:
    """How long an agent is trained and tested."""

    training: RunConfig = field(default_factory=RunConfig)
    inference: RunConfig = field(default_factory=RunConfig)


@dataclass(init=False)
class Config:
    """All settings.

    Parameters
    ----------
    config_file : str or Path, optional
        TOML file of settings; the arguments go before it.
    agent, env, monitor, plot : object or dict, optional
        Settings of each kind, or a nested dict of those that differ from the defaults.
    local_dir : str or Path, optional
        Where files go; default: ``runs`` in the working directory.

    Raises
    ------
    TaskError
        If there is no such file, it is not TOML, or a name is not known.

    Examples
    --------
    >>> from neuroloom.tasks.config import Config
    >>> Config(monitor={"interval": 50}).monitor.interval
    50
    """

    agent: AgentConfig = field(default_factory=AgentConfig)
    env: EnvConfig = field(default_factory=EnvConfig)
    monitor: MonitorConfig = field(default_factory=MonitorConfig)
    plot: PlotConfig = field(default_factory=PlotConfig)
    local_dir: Path = field(default_factory=lambda: Path.cwd() / "runs")

    def __init__(self, config_file: str | Path | None = None, **values: Any) -> None:
        known = {one.name: one for one in fields(self)}
        for name in values:
            if name not in known:
                raise unknown("config", name, known)
        written = {} if config_file is None else _toml(config_file)
        for name in written:
            if name not in known:
                raise unknown("config", name, known)
        for name, one in known.items():
            made = one.default_factory()  # type: ignore[misc]
            for source in (written, values):
                if name in source:
                    given = source[name]
                    nested = isinstance(given, Mapping)
                    made = _replaced(made, given, f".{name}") if nested else given
            setattr(self, name, made)
        self.local_dir = Path(self.local_dir)
        if not self.monitor.plot.title:
            self.monitor.plot.title = self.env.name

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Config:
        """Return the settings with some replaced, by nested dicts.

        Raises
        ------
        TaskError
            If a name is not known.
        """
        return cls(**values)

    @classmethod
    def read(cls, path: str | Path, *, environment: bool = False) -> Config:
        """Return the settings of a TOML file, and of ``NGYM_…__…`` variables if asked for.

        Raises
        ------
        TaskError
            If the file is not TOML, or a name is not known.
        """
        config = cls(path)
        return config.with_environment() if environment else config

    def with_environment(self, prefix: str = "NGYM_") -> Config:
        """Return the settings with those of the environment, ``NGYM_MONITOR__INTERVAL=50``."""
        out = self
        for name, text in os.environ.items():
            if name.startswith(prefix):
                nested: Any = text
                first, *parts = name.removeprefix(prefix).lower().split("__")
                for part in reversed(parts):
                    nested = {part: nested}
                if first not in {one.name for one in fields(out)}:
                    raise unknown("config", first, [one.name for one in fields(out)])
                out = copy.deepcopy(out)
                old = getattr(out, first)
                setattr(out, first, _replaced(old, nested, f".{first}") if parts else Path(text))
        return out


def _toml(path: str | Path) -> dict[str, Any]:
    """Return what a TOML file says."""
    try:
        return tomllib.loads(Path(path).read_text())
    except FileNotFoundError:
        raise fail("config_file", "a file that exists", str(path)) from None
    except tomllib.TOMLDecodeError as error:
        raise TaskError(f"config: expected a TOML file, got {path}: {error}") from error


def _replaced(settings: Any, values: Mapping[str, Any], where: str) -> Any:
    known = {f.name: getattr(settings, f.name) for f in fields(settings)}
    changes = {}
    for name, value in values.items():
        if name not in known:
            raise unknown(f"config{where}", name, known)
        old = known[name]
        if is_dataclass(old):
            changes[name] = _replaced(old, value, f"{where}.{name}")
        elif isinstance(old, bool):
            changes[name] = value if isinstance(value, bool) else value.lower() in ("1", "true")
        elif isinstance(old, str) and not isinstance(value, str):
            raise fail(f"config{where}.{name}", "a text", repr(value))
        elif isinstance(old, (int, float, str)):
            changes[name] = type(old)(value)
        else:
            changes[name] = None if value is None else Path(value)
    return replace(settings, **changes)


config = Config()
"""The settings that are used where none are given."""
