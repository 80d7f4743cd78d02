"""Where the peers come from, and how to talk to them.

ncpi 0.2.6 (GPL), pycatch22 1.0.2 (GPL), specparam, sbi and NEST's wheel (GPL) live in an
environment of their own, which is made when it is first needed: ncpi from its repository at the
tag v0.2.6-beta without its pinned dependencies, the others from the package index. They are run,
never imported by the package. ``NEUROLOOM_CIRCUIT_PEERS`` names the Python of an environment that
exists already. The source of ncpi is taken from ``NEUROLOOM_NCPI_SOURCE`` if that is set.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from neuroloom.shared.testing import python_with

HERE = Path(__file__).parent
NCPI = "git+https://github.com/necolab-ugr/ncpi@v0.2.6-beta"
PEERS = [
    "joblib",
    "matplotlib",
    "nest-simulator==3.10.0",
    "numpy",
    "packaging",
    "pandas",
    "pathos",
    "pycatch22==1.0.2",
    "requests",
    "sbi==0.27.0",
    "scikit-learn",
    "scipy",
    "specparam==2.0.0rc7",
    "torch==2.13.0",
    "tqdm",
]


def peers_python() -> str:
    """Return the Python of the peers' environment; makes it if there is none."""
    if found := os.environ.get("NEUROLOOM_CIRCUIT_PEERS"):
        return found
    folder = Path(tempfile.gettempdir()) / "neuroloom-circuit-peers"
    source = os.environ.get("NEUROLOOM_NCPI_SOURCE", NCPI)
    return python_with(folder, PEERS, without_dependencies=[source])


class Peer:
    """A process in the peers' environment that answers one request per line."""

    def __init__(self, python: str) -> None:
        self.python = python
        self.process = subprocess.Popen(
            [python, "-W", "ignore", str(HERE / "peer_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
            cwd=tempfile.mkdtemp(),  # ncpi writes ./data
        )

    def __call__(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Run one command of `peer_worker` and return its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer ended during {command!r}, see its messages above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)
