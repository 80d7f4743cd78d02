"""Names of before that still work, with a warning, and what took their place."""

from __future__ import annotations

import importlib

from public import distribution

# What is not a name at a package's top: options, methods, hooks.
OTHERS = {
    "mi": {
        "neuroloom.mi.sandwich": "neuroloom.mi.information_bounds",
        'run(method="peer")': 'run(method="abdelaleem2025")',
        "run(peer_reading=…)": "run(variant=…)",
        "Model(n_waves=…)": "Model(n_cosines=…)",
        "Params.but()": "Params.replace()",
    },
    "tasks": {
        "neuroloom.tasks.declare.pay": "neuroloom.tasks.declare.rewards",
        "Task.paint": "Task.fill_observation",
        "Task.guide": "Task.correct_action",
        "Task.begin": "Task.on_trial_start",
        "Task.pays": "Task.default_rewards",
    },
}


def moved(package: str) -> dict[str, str]:
    """Return the deprecated names at a package's top, and what to import instead."""
    name = distribution(package)
    top = importlib.import_module(name)
    places = getattr(top, "_MOVED", {})
    if not isinstance(places, dict):  # tasks lists the names that went to one module
        places = dict.fromkeys(places, "behaviour")
    if package == "glmhmm":
        places = {
            each: module
            for module in ("errors", "results")
            for each in importlib.import_module(f"{name}.{module}").__all__
        }
    return {f"{name}.{old}": f"{name}.{module}.{old}" for old, module in sorted(places.items())}


def deprecated(package: str) -> dict[str, str]:
    """Return every deprecated name of a package with its successor."""
    return OTHERS.get(package, {}) | moved(package)
