"""The tasks, one file each; importing `neuroloom.tasks` registers them all.

Under a task's name stands its environment: ``envs.PerceptualDecisionMaking(dt=20)``.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    from neuroloom.tasks._neurogym.classes import environment_class, get_collection

    return get_collection if name == "get_collection" else environment_class(name)


def __dir__() -> list[str]:
    from neuroloom.tasks._neurogym.classes import class_names

    return [*class_names(), "get_collection"]
