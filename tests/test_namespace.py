"""One namespace for six distributions: no file claims it, and each package is light and alone."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ["circuit_inference", "glmhmm", "lifnet", "mi", "shared", "tasks"]
OPTIONAL = {"dask", "distributed", "neo", "pynapple", "pynwb", "xarray", "h5py", "pyarrow.parquet"}
# What importing a package must not bring: other packages' engines, and every optional library.
FOREIGN = {
    "circuit_inference": {"jax", "jaxlib", "gymnasium", "torch", "sbi"},
    "glmhmm": {"torch", "numba", "gymnasium"},
    "lifnet": {"jax", "jaxlib", "gymnasium"},
    "mi": {"jax", "jaxlib", "gymnasium", "numba"},
    "shared": {
        "torch",
        "jax",
        "jaxlib",
        "gymnasium",
        "sklearn",
        "numba",
        "scipy",
        "pandas",
        "matplotlib",
    },
    "tasks": {"torch", "jax", "jaxlib", "numba", "sklearn", "stable_baselines3"},
}


def claims(root: Path) -> Iterator[Path]:
    """Yield each file below `root` that would claim the namespace for one distribution."""
    for folder, inner, files in os.walk(root):
        inner[:] = [name for name in inner if name not in {".git", ".nox", "__pycache__"}]
        if Path(folder).name == "neuroloom" and "__init__.py" in files:
            yield Path(folder, "__init__.py")


def run(code: str) -> str:
    return subprocess.check_output([sys.executable, "-c", code], text=True)


def test_no_file_in_the_tree_claims_the_namespace() -> None:
    assert not list(claims(ROOT))


def test_a_planted_file_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "packages" / "mi" / "src" / "neuroloom" / "__init__.py"
    planted.parent.mkdir(parents=True)
    assert not list(claims(tmp_path))
    planted.touch()
    assert list(claims(tmp_path)) == [planted]


def test_no_installed_file_claims_the_namespace() -> None:
    import neuroloom

    assert getattr(neuroloom, "__file__", None) is None
    for folder in neuroloom.__path__:
        assert not Path(folder, "__init__.py").exists()
    ours = [d for d in importlib.metadata.distributions() if d.name.startswith("neuroloom")]
    assert len({distribution.name for distribution in ours}) == len(PACKAGES)
    for distribution in ours:
        assert "neuroloom/__init__.py" not in map(str, distribution.files or ())


def test_all_six_stand_side_by_side() -> None:
    names = ", ".join(f"neuroloom.{package}" for package in PACKAGES)
    code = f"import {names}; print(*[m.__name__ for m in ({names},)])"
    assert run(code).split() == [f"neuroloom.{package}" for package in PACKAGES]


# Imports a package where its siblings are not installed, and says what that brought and changed.
LOOK = """
import json, logging, random, sys
import numpy as np
for other in {others}:
    sys.modules[f"neuroloom.{{other}}"] = None
{engine}

def state():
    return {{
        "random": random.getstate(),
        "numpy.random": str(np.random.get_state()),
        "numpy errors": np.geterr(),
        "log handlers": len(logging.getLogger().handlers),
    }}

before = state()
import neuroloom.{package}
after = state()
loaded = [name for name, module in sys.modules.items() if module is not None]
print(json.dumps([loaded, [name for name in before if before[name] != after[name]]]))
"""


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_imported_alone_and_leaves_the_rest_in_peace(package: str) -> None:
    others = [other for other in PACKAGES if other not in (package, "shared")]
    # jax itself draws from numpy's global stream when it is imported, so it comes first.
    engine = "import jax" if package == "glmhmm" else ""
    loaded, changed = json.loads(run(LOOK.format(package=package, others=others, engine=engine)))
    assert f"neuroloom.{package}" in loaded
    assert not set(loaded) & (FOREIGN[package] | OPTIONAL)
    assert not changed
