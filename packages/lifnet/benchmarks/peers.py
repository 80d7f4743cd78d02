"""The peers: where NEST, Brian2 and the seed come from, and their processes.

NEST 3.10 and Brian2 2.9 come from the package index, into an environment of their own that is made
when it is first needed; NEUROLOOM_PEERS names the Python of one that exists. The seed is cloned
from its repository, at the commit whose README this package follows; NEUROLOOM_SEED_REPOSITORY
names a checkout that exists. A peer that cannot be had is left out, with a line that says why.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import numpy as np

from neuroloom.lifnet._clustered._parameters import clustered_parameters
from neuroloom.lifnet._clustered._wiring import draw_wiring
from neuroloom.lifnet._config._load import load_config
from neuroloom.shared.testing import python_with

HERE = Path(__file__).parent
# Brian2 2.9.0 does not import with numpy 2.4; its standalone mode needs a C++ compiler.
PEERS = ["nest-simulator==3.10.0", "brian2==2.9.0", "numpy<2.4", "scipy", "setuptools"]
SEED_REPOSITORY = "https://github.com/evaisd/VectorialNeuroModulators"
SEED_COMMIT = "dc9bee1"
GROUPS = ["E clustered", "E background", "I clustered", "I background"]


def peers_python() -> str | None:
    """Return the Python that has NEST and Brian2."""
    if found := os.environ.get("NEUROLOOM_PEERS"):
        return found
    folder = Path(tempfile.gettempdir()) / "neuroloom-lifnet-peers"
    try:
        return python_with(folder, PEERS)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"NEST and Brian2 are left out: {error}", file=sys.stderr)
        return None


def seed_repository() -> str | None:
    """Return a folder with the seed's source."""
    if found := os.environ.get("NEUROLOOM_SEED_REPOSITORY"):
        return found
    folder = Path(tempfile.gettempdir()) / "neuroloom-lifnet-seed"
    try:
        if not folder.exists():
            subprocess.run(["git", "clone", "--quiet", SEED_REPOSITORY, folder], check=True)
            subprocess.run(["git", "-C", folder, "checkout", "--quiet", SEED_COMMIT], check=True)
        return str(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        print(f"the seed is left out: {error}", file=sys.stderr)
        return None


def seed_module(repository: str, name: str) -> types.ModuleType:
    """Return one module of the seed without running its packages, which import all of it."""
    parents = name.split(".")[:-1]
    for depth in range(1, len(parents) + 1):
        package = ".".join(parents[:depth])
        if package not in sys.modules:
            module = types.ModuleType(package)
            module.__path__ = [str(Path(repository, *parents[:depth]))]
            sys.modules[package] = module
            if depth > 1:
                setattr(sys.modules[".".join(parents[: depth - 1])], parents[depth - 1], module)
    return importlib.import_module(name)


def network_file(
    folder: Path, multiple: int = 1, seed: int = 1, name: str = "network"
) -> tuple[Path, int, int]:
    """Write the default network, `multiple` times as many neurons at the same in-degree.

    Returns the file, the number of neurons and the number of synapses.
    """
    parameters = clustered_parameters(load_config())
    parameters = dataclasses.replace(parameters, sizes=parameters.sizes * multiple)
    wiring = draw_wiring(parameters, seed=seed)
    q = parameters.n_clusters
    path = folder / f"{name}-{multiple}-{seed}.npz"
    np.savez(
        path,
        indptr=wiring.starts,
        indices=wiring.targets.astype(np.int32),
        weights=wiring.weights(parameters),
        threshold=parameters.per_neuron(parameters.threshold),
        group=parameters.per_neuron(np.repeat([0, 1, 2, 3], [q, 1, q, 1])).astype(np.int64),
        rate=(parameters.mean_nu_ext * parameters.c_ext)[0, 0],
        j_ext=parameters.j_ext[0, 0],
    )
    return path, wiring.n_neurons, wiring.n_synapses


class Worker:
    """A simulator in a process of its own, ready with one network."""

    def __init__(
        self,
        python: str,
        simulator: str,
        path: Path,
        *,
        script: Path = HERE / "spiking_worker.py",
        **options: Any,
    ) -> None:
        command = [python, str(script), simulator, str(path)]
        self.errors = tempfile.TemporaryFile("w+")
        environment = dict(os.environ, OMP_NUM_THREADS=str(options["n_threads"]))
        self.process = subprocess.Popen(
            [*command, json.dumps(options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors, text=True, env=environment,
        )  # fmt: skip
        self.ready = self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):  # simulators greet in their own words
                answer: dict[str, Any] = json.loads(line)
                return answer
        self.errors.seek(0)
        raise RuntimeError(self.errors.read()[-2000:])

    def __call__(self, seconds: float | str) -> dict[str, Any]:
        """Return cost and rates of `seconds` more, or of what the script takes for them."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)
