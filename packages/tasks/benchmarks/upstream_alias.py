"""A pytest plugin under which ``import neurogym`` is ours, to run NeuroGym's own tests on it.

Modules of NeuroGym that are about its own logging have no counterpart; a stand-in is given.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import logging
import sys
import types
from collections.abc import Sequence

OURS, THEIRS = "neuroloom.tasks", "neurogym"


class _Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != THEIRS and not name.startswith(f"{THEIRS}."):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        if spec.name == f"{THEIRS}.utils.logging":
            module = types.ModuleType(spec.name)
            module.logger = logging.getLogger(THEIRS)  # type: ignore[attr-defined]
            return module
        return importlib.import_module(OURS + spec.name.removeprefix(THEIRS))

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing is left to do."""


sys.meta_path.insert(0, _Alias())
