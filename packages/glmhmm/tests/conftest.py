import os
import shutil
import tempfile
from pathlib import Path

# Most of the suite's time is the compiler's, for programs that run for milliseconds. This is said
# before JAX is loaded, and to the tests' own process; where JAX was there first it has no effect.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true "
    # Small programs are compiled in one piece faster than in parts side by side.
    "--xla_cpu_parallel_codegen_split_count=1",
)
# What one of the tests' processes has compiled the others need not: workers, killed jobs, commands.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", f"{tempfile.gettempdir()}/neuroloom-compiled-{os.getpid()}"
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import jax
import numpy as np
import pytest

from neuroloom.shared import testing


def pytest_unconfigure():
    folder = os.environ["JAX_COMPILATION_CACHE_DIR"]
    if folder.endswith(f"neuroloom-compiled-{os.getpid()}"):  # by the process that named it
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def global_jax_is_left_alone():
    before = (jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision)
    yield
    assert before == (jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision)


@pytest.fixture(scope="session")
def data_folder():
    folder = os.environ.get("NEUROLOOM_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("NEUROLOOM_DATA does not lead to the recordings")
    return Path(folder)


@pytest.fixture(scope="session")
def ibl(data_folder):
    with np.load(data_folder / "ibl_2afc_share10.npz", allow_pickle=False) as file:
        d = {name: file[name] for name in file.files}
    X = np.column_stack([d["stim_z"], d["prev_choice"], d["wsls"]]).astype(float)
    y = np.where(d["choice"] < 0, np.nan, d["choice"]).astype(float)
    starts = np.append(True, np.diff(d["session"]) != 0)
    return {**d, "X": X, "y": y, "starts": starts}


close_figures = pytest.fixture(autouse=True)(testing.close_figures)
