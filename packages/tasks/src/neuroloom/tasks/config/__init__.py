"""Settings."""

from neuroloom.tasks._config import (
    AgentConfig,
    Config,
    EnvConfig,
    FontConfig,
    LegendConfig,
    MonitorConfig,
    MonitorPlotConfig,
    PlotConfig,
    RunConfig,
    config,
)

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
