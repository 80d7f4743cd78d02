"""Errors, optional libraries, logging, and what importing brings along."""

from __future__ import annotations

import ast
import importlib
import io
import json
import logging
import pickle
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neuroloom import shared
from neuroloom.shared import MissingDependencyError, logger, require, set_verbosity

README = Path(__file__).parent.parent / "README.md"
HEAVY = {
    *("torch", "jax", "jaxlib", "gymnasium", "sklearn", "numba", "scipy"),
    *("pynapple", "neo", "pynwb", "xarray", "dask", "distributed", "pyarrow.parquet", "h5py"),
}


def test_the_error_tree() -> None:
    assert issubclass(shared.DataError, (shared.NeuroloomError, ValueError))
    for error, builtin in [
        (shared.DataError, ValueError),
        (shared.NotFittedError, AttributeError),
        (shared.NotFittedError, ValueError),
        (shared.ConvergenceError, RuntimeError),
        (shared.MissingDependencyError, ImportError),
    ]:
        assert issubclass(error, builtin)
        assert issubclass(error, shared.NeuroloomError)


def test_errors_go_by_the_name_they_are_imported_by() -> None:
    modules = [shared, importlib.import_module("neuroloom.shared.io"), shared.parallel]
    errors = {
        value
        for module in modules
        for name in module.__all__
        if isinstance(value := getattr(module, name), type) and issubclass(value, Exception)
    }
    assert len(errors) == 8
    for error in errors:
        assert "._" not in error.__module__
        assert getattr(importlib.import_module(error.__module__), error.__name__) is error
        assert pickle.loads(pickle.dumps(error("x"))).args == ("x",)


def test_a_library_that_is_not_there() -> None:
    assert require("json", extra="nothing") is json
    with pytest.raises(MissingDependencyError, match=r'pip install "neuroloom-mi\[x\]"') as caught:
        require("no_such_library", extra="neuroloom-mi[x]")
    assert isinstance(caught.value.__cause__, ImportError)


@pytest.mark.parametrize(("name", "place"), shared._MOVED.items())
def test_names_that_moved_are_found_for_one_version(name: str, place: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"is now neuroloom\.shared\.{place}\.{name}"):
        found = getattr(shared, name)
    assert found is getattr(importlib.import_module(f"neuroloom.shared.{place}"), name)
    assert name not in shared.__all__
    with pytest.raises(AttributeError, match="no attribute 'rastr'"):
        _ = shared.rastr


def test_the_top_is_small() -> None:
    assert len(shared.__all__) <= 40


def test_versions_are_shown_without_importing_anything() -> None:
    code = (
        "import sys; from neuroloom import shared; before = set(sys.modules);"
        "shared.show_versions(); print(*(set(sys.modules) - before), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    shown = dict(line.split(None, 1) for line in ran.stdout.splitlines() if line)
    assert shown["neuroloom-shared"] == shared.__version__
    assert shown["numpy"] == np.__version__
    assert shown["python"].startswith(platform.python_version())
    assert not HEAVY & set(ran.stderr.split())


class TestLogging:
    def test_silent_unless_asked(self, capsys: pytest.CaptureFixture[str]) -> None:
        logger("neuroloom.quiet").warning("nobody asked")
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize("level", ["INFOO", None, True, 1.5, -1])
    def test_levels_that_are_none(self, level: object) -> None:
        with pytest.raises(shared.DataError, match="level: expected"):
            set_verbosity(level, package="neuroloom.none")  # type: ignore[arg-type]

    def test_one_handler_however_often_it_is_asked_for(self) -> None:
        name = "neuroloom.loud"
        for level in ("DEBUG", logging.INFO):
            log = set_verbosity(level, package=name)
        (handler,) = log.handlers
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(stream := io.StringIO())
        logger(f"{name}.part").info("fitted")
        logger(f"{name}.part").debug("details")
        assert stream.getvalue() == "neuroloom.loud.part: fitted\n"
        log.removeHandler(handler)


def test_importing_brings_no_optional_library() -> None:
    code = "import sys, neuroloom.shared; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert not HEAVY & set(loaded)
    assert not {"pandas", "matplotlib"} & set(loaded)  # half a second each, loaded when used


def test_no_file_reads_or_writes_pickles() -> None:
    for path in Path(shared.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {"eval", "exec", "pickle.load", "pickle.loads", "pickle.dump"}
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert ast.unparse(node.value) == "False"


@pytest.mark.skipif(not README.is_file(), reason="the README lies beside the tests' folder")
def test_the_example_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    exec(compile(example, "README.md", "exec"), {"__name__": "readme"})
    assert (tmp_path / "session.npz").is_file()
    assert (tmp_path / "raster.png").is_file()
