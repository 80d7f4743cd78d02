"""Settings."""

from neuroloom.tasks._neurogym.settings import (
    AgentConfig,
    Config,
    EnvConfig,
    FontConfig,
    LegendConfig,
    MonitorConfig,
    MonitorPlotConfig,
    PlotConfig,
    RunConfig,
)

# By this module, so that its name does not hide the settings that are called so.
from neuroloom.tasks.config.config import config

__all__ = [
    "AgentConfig",
    "Config",
    "EnvConfig",
    "FontConfig",
    "LegendConfig",
    "MonitorConfig",
    "MonitorPlotConfig",
    "PlotConfig",
    "RunConfig",
    "config",
]
