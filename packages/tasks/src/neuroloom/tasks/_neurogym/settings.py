"""Settings as plain dataclasses; files and the environment are read only on request."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from neuroloom.tasks._errors import TaskError, unknown


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


@dataclass
class Config:
    """All settings.

    Examples
    --------
    >>> from neuroloom.tasks.config import Config
    >>> Config.of({"monitor": {"interval": 50}}).monitor.interval
    50
    """

    agent: AgentConfig = field(default_factory=AgentConfig)
    env: EnvConfig = field(default_factory=EnvConfig)
    monitor: MonitorConfig = field(default_factory=MonitorConfig)
    plot: PlotConfig = field(default_factory=PlotConfig)
    local_dir: Path = field(default_factory=lambda: Path.cwd() / "runs")

    def __post_init__(self) -> None:
        self.local_dir = Path(self.local_dir)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Config:
        """Return the settings with some replaced, by nested dicts.

        Raises
        ------
        TaskError
            If a name is not known.
        """
        made: Config = _replaced(cls(), values, "")
        return made

    @classmethod
    def read(cls, path: str | Path, *, environment: bool = False) -> Config:
        """Return the settings of a TOML file, and of ``NGYM_…__…`` variables if asked for.

        Raises
        ------
        TaskError
            If the file is not TOML, or a name is not known.
        """
        try:
            values: Any = tomllib.loads(Path(path).read_text())
        except tomllib.TOMLDecodeError as error:
            raise TaskError(f"config: expected a TOML file, got {path}: {error}") from error
        config = cls.of(values)
        return config.with_environment() if environment else config

    def with_environment(self, prefix: str = "NGYM_") -> Config:
        """Return the settings with those of the environment, ``NGYM_MONITOR__INTERVAL=50``."""
        out = self
        for name, text in os.environ.items():
            if name.startswith(prefix):
                nested: Any = text
                for part in reversed(name.removeprefix(prefix).lower().split("__")):
                    nested = {part: nested}
                out = _replaced(out, nested, "")
        return out


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
        elif isinstance(old, (int, float, str)):
            changes[name] = type(old)(value)
        else:
            changes[name] = None if value is None else Path(value)
    return replace(settings, **changes)


config = Config()
"""The settings that are used where none are given."""
