"""The seed's `Simulation`: runs a user's own simulation scripts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from neuroloom.circuit_inference.errors import ArgumentError, ScriptError


class Simulation:
    """Runs the three scripts of a user's own model, by ncpi's names.

    Each step runs ``python script parameters output_folder`` with the running interpreter, as a
    list of arguments and without a shell. This is the only place where the package starts another
    program.

    Parameters
    ----------
    param_folder, python_folder : str or Path
        Where parameter files and scripts lie.
    output_folder : str or Path
        Where the scripts write; made if it does not exist.

    Raises
    ------
    FileNotFoundError
        If one of the first two does not exist.
    """

    def __init__(
        self, param_folder: str | Path, python_folder: str | Path, output_folder: str | Path
    ) -> None:
        for argument, folder in (("param_folder", param_folder), ("python_folder", python_folder)):
            if not Path(folder).is_dir():
                raise FileNotFoundError(f"{argument}: expected an existing folder, got {folder}")
        self.param_folder = str(param_folder)
        self.python_folder = str(python_folder)
        self.output_folder = str(output_folder)
        Path(output_folder).mkdir(parents=True, exist_ok=True)

    def network(self, script_path: str, param_path: str) -> None:
        """Run the script that makes the network."""
        self._run(script_path, param_path)

    def simulate(self, script_path: str, param_path: str) -> None:
        """Run the script that simulates it."""
        self._run(script_path, param_path)

    def analysis(self, script_path: str, param_path: str) -> None:
        """Run the script that analyses what came out."""
        self._run(script_path, param_path)

    def _run(self, script_path: str, param_path: str) -> None:
        script, parameters = (
            Path(self.python_folder, script_path),
            Path(self.param_folder, param_path),
        )
        run_script(str(script), str(parameters), self.output_folder)


def run_script(script_path: str, param_path: str, output_folder: str) -> None:
    """Run one script with the running interpreter.

    Parameters
    ----------
    script_path, param_path : str
        The script and its parameters, both ``.py`` files.
    output_folder : str
        Where the script writes.

    Raises
    ------
    FileNotFoundError
        If the script or its parameters do not exist.
    ArgumentError
        If one of them is not a ``.py`` file.
    ScriptError
        If the script fails; with what it wrote on standard error.
    """
    script, parameters = Path(script_path), Path(param_path)
    for argument, path in (("script_path", script), ("param_path", parameters)):
        if not path.is_file():
            raise FileNotFoundError(f"{argument}: expected an existing file, got {path}")
        if path.suffix != ".py":
            raise ArgumentError(f"{argument}: expected a .py file, got {path.name}")
    done = subprocess.run(
        [sys.executable, str(script), str(parameters), output_folder],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ScriptError(
            f"{script.name} ended with status {done.returncode}:\n{done.stderr.strip()}",
            returncode=done.returncode,
            stderr=done.stderr,
        )
