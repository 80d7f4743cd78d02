"""The tasks, one file each; importing `neuroloom.tasks` registers them all.

A task's class is here under its name: ``envs.PerceptualDecisionMaking``.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    from neuroloom.tasks._design.catalogue import entries

    for known in entries().values():
        if known.cls.__name__ == name:
            return known.cls
    raise AttributeError(f"module {__name__!r} has no task {name!r}")


def __dir__() -> list[str]:
    from neuroloom.tasks._design.catalogue import entries

    return sorted({known.cls.__name__ for known in entries().values()})
