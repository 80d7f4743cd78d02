"""Settings, under the path that NeuroGym's users import them from."""

from neuroloom.tasks._neurogym.settings import Config, config

__all__ = ["Config", "config"]
