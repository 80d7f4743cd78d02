"""The seed's runner of user scripts, the only place where another program is started."""

import ast
import json
from pathlib import Path

import pytest

import neuroloom.circuit_inference as package
from neuroloom.circuit_inference import Simulation
from neuroloom.circuit_inference.errors import ArgumentError, ScriptError


@pytest.fixture
def folders(tmp_path):
    for name in ("params", "python"):
        (tmp_path / name).mkdir()
    (tmp_path / "params" / "network_params.py").write_text("N = 10\n")
    script = (
        "import sys, json, pathlib\n"
        "out = pathlib.Path(sys.argv[2])\n"
        "(out / 'call.json').write_text(json.dumps([sys.argv[1:], sys.executable]))\n"
    )
    (tmp_path / "python" / "network.py").write_text(script)
    return tmp_path


def simulation(folders):
    return Simulation(folders / "params", folders / "python", folders / "deep" / "out")


@pytest.mark.parametrize("step", ["network", "simulate", "analysis"])
def test_a_script_gets_its_parameters_and_the_output_folder(folders, step):
    import sys

    runner = simulation(folders)
    getattr(runner, step)("network.py", "network_params.py")
    arguments, python = json.loads((folders / "deep" / "out" / "call.json").read_text())
    assert arguments == [
        str(folders / "params" / "network_params.py"),
        str(folders / "deep" / "out"),
    ]
    assert python == sys.executable


def test_names_are_not_a_shell_command(folders):
    name = "network; touch hacked.py"
    (folders / "python" / name).write_text("")
    simulation(folders).network(name, "network_params.py")
    assert not (folders / "hacked.py").exists()
    assert not Path("hacked.py").exists()


class TestBadInput:
    def test_missing_folders(self, folders):
        with pytest.raises(FileNotFoundError, match="param_folder"):
            Simulation(folders / "none", folders / "python", folders / "out")
        with pytest.raises(FileNotFoundError, match="python_folder"):
            Simulation(folders / "params", folders / "none", folders / "out")

    def test_missing_files(self, folders):
        with pytest.raises(FileNotFoundError, match="script_path"):
            simulation(folders).network("none.py", "network_params.py")
        with pytest.raises(FileNotFoundError, match="param_path"):
            simulation(folders).network("network.py", "none.py")

    def test_not_python(self, folders):
        (folders / "python" / "network.sh").write_text("")
        with pytest.raises(ArgumentError, match=r"\.py file"):
            simulation(folders).simulate("network.sh", "network_params.py")

    def test_a_script_that_fails(self, folders):
        (folders / "python" / "bad.py").write_text("raise SystemExit('no such model')")
        with pytest.raises(ScriptError, match="no such model") as caught:
            simulation(folders).analysis("bad.py", "network_params.py")
        assert caught.value.returncode == 1
        assert isinstance(caught.value, RuntimeError)


def test_nothing_else_starts_programs_or_opens_connections():
    # ncpi runs pip inside constructors and downloads inside tools.
    forbidden = {"subprocess", "socket", "urllib", "requests", "http", "pip", "ftplib"}
    found = {}
    for path in Path(package.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                names = [node.func.attr] if node.func.attr in ("system", "popen") else []
            bad = {name.split(".")[0] for name in names} & (forbidden | {"system", "popen"})
            if bad:
                found[path.name] = bad
    assert found == {"simulation.py": {"subprocess"}}
