"""Environments of other projects, and figures that tests leave open."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path


def close_figures() -> Iterator[None]:
    """Close pyplot's figures after a test: it keeps them, and complains about many of them."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")


def python_with(
    folder: str | Path, requirements: Sequence[str], *, without_dependencies: Sequence[str] = ()
) -> str:
    """Return the Python of an environment of its own, made where it is not there yet.

    Benchmarks run other projects there, whose requirements may exclude ours.

    Parameters
    ----------
    folder : str or Path
        Where the environment is or will be. One that cannot be finished is removed, one with
        other requirements is made anew.
    requirements : sequence of str
        What is installed, as for pip.
    without_dependencies : sequence of str
        What is installed after that, and nothing that it asks for.

    Raises
    ------
    OSError, subprocess.CalledProcessError
        If the environment cannot be made, without a network for example.
    """
    home = Path(folder)
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    # Written last: an installation that was killed is not taken for a whole one.
    record, content = home / "installed.txt", "\n".join([*requirements, *without_dependencies])
    if record.is_file() and record.read_text() == content:
        return str(python)
    shutil.rmtree(home, ignore_errors=True)
    uv = shutil.which("uv")
    try:
        if uv:
            subprocess.run([uv, "venv", "--quiet", home], check=True)
            install = [uv, "pip", "install", "--quiet", "--python", str(python)]
        else:
            venv.create(home, with_pip=True)
            install = [str(python), "-m", "pip", "install", "--quiet"]
        if requirements:
            subprocess.run([*install, *requirements], check=True)
        if without_dependencies:
            subprocess.run([*install, "--no-deps", *without_dependencies], check=True)
        record.write_text(content)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    return str(python)
