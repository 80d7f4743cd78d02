"""Machine code on disk: the right one is found, whoever else writes at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from neuroloom.shared import DataError, MissingDependencyError, compiled

pytest.importorskip("numba")

MODULE = """
    from neuroloom.shared import compiled
    from halves import half

    @compiled
    def total(values):
        result = 0.0
        for value in values:
            result += half(value)
        return result
"""
CALLED = """
    from neuroloom.shared import compiled

    @compiled
    def half(value):
        return value / 2
"""
CALL = """
    import sys
    import numpy as np
    import sums
    print(sums.total(np.arange(4, dtype=sys.argv[1])), *sums.total.stats.cache_hits.values())
"""
# Both look into numba's index before either has written to it; the second then writes it last and
# the first writes its code last. numba's own cache hands out the first's code to the second.
MEET = """
    import sys, time
    from pathlib import Path
    import numpy as np
    from numba.core.caching import IndexDataCacheFile

    index, data = IndexDataCacheFile._save_index, IndexDataCacheFile._save_data
    me = sys.argv[1]

    def wait_for(sign):
        for _ in range(600):
            if Path(sign).exists():
                return
            time.sleep(0.05)
        sys.exit(f"{me} waited for {sign} in vain")

    def save_index(self, overloads):
        Path(f"{me} has looked").touch()
        wait_for("second has looked" if me == "first" else "first is in the index")
        index(self, overloads)
        Path(f"{me} is in the index").touch()

    def save_data(self, name, content):
        if me == "first":
            wait_for("second has saved")
        data(self, name, content)
        Path(f"{me} has saved").touch()

    IndexDataCacheFile._save_index, IndexDataCacheFile._save_data = save_index, save_data
    from halves import half
    print(half({"first": np.float32, "second": np.int16}[me](3)))
"""
ALONE = """
    import numpy as np
    from halves import half
    print(half(np.float32(3)), half(np.int16(3)), *half.stats.cache_hits.values())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sums.py").write_text(textwrap.dedent(MODULE))
    (tmp_path / "halves.py").write_text(textwrap.dedent(CALLED))
    (tmp_path / "call.py").write_text(textwrap.dedent(CALL))
    (tmp_path / "meet.py").write_text(textwrap.dedent(MEET))
    (tmp_path / "alone.py").write_text(textwrap.dedent(ALONE))
    return tmp_path


def start(folder: Path, *command: str) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment.pop("NUMBA_CACHE_DIR", None)
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def output(process: subprocess.Popen) -> list[str]:
    out, error = process.communicate()
    assert process.returncode == 0, error.decode()
    return out.decode().split()


@pytest.mark.slow
def test_processes_that_compile_at_once_do_not_take_each_others_code(folder):
    meeting = [start(folder, "meet.py", who) for who in ("first", "second")]
    assert [output(process) for process in meeting] == [["1.5"], ["1.5"]]
    assert output(start(folder, "alone.py")) == ["1.5", "1.5", "1", "1"]


@pytest.mark.slow
def test_code_is_found_again_and_made_anew_when_a_called_function_changes(folder):
    assert output(start(folder, "call.py", "float64")) == ["3.0"]
    assert output(start(folder, "call.py", "float64")) == ["3.0", "1"]
    (folder / "halves.py").write_text(textwrap.dedent(CALLED).replace("/ 2", "* 10"))
    assert output(start(folder, "call.py", "float64")) == ["60.0"]


def test_options_reach_numba():
    @compiled(error_model="numpy")
    def ratio(a, b):
        return a / b

    assert ratio(1.0, 0.0) == float("inf")
    assert ratio.targetoptions["nogil"]


def test_without_numba_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingDependencyError, match="numba"):
        compiled(lambda x: x)


OTHER = """
import numpy as np
from numba.extending import overload
from neuroloom.shared import compiled
K = {k}
TABLE = np.array([{k}])
PAIR = ({k}, 1)

@compiled
def g(x):
    return x + {k}

@compiled
def h(x):
    return g(x)

def w(x):
    return x

@overload(w)
def _w(x):
    return lambda x: x + {k}
"""
KINDS = """
import other
from other import K, PAIR, TABLE, g, h, w
from neuroloom.shared import compiled

@compiled
def function_of_a_module(x):
    return other.g(x)

@compiled
def imported_function(x):
    return g(x)

@compiled
def function_of_a_function(x):
    return h(x)

@compiled
def imported_constant(x):
    return x + K

@compiled
def constant_of_a_module(x):
    return x + other.K

@compiled
def array(x):
    return x + TABLE[0]

@compiled
def from_tuple(x):
    return x + PAIR[0]

@compiled
def overloaded(x):
    return w(x)

def adder(k):
    @compiled
    def closure(x):
        return x + k
    return closure

ALL = [function_of_a_module, imported_function, function_of_a_function, imported_constant,
       constant_of_a_module, array, from_tuple, adder(other.K), overloaded]
"""
RUN = """
import warnings
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    import kinds
    print(*(f(1.0) for f in kinds.ALL))
print(sum("compiled code is made anew" in str(w.message) for w in told))
"""


def run_kinds(folder: Path) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["NUMBA_CACHE_DIR"] = str(folder / "cache")
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.slow
def test_code_is_never_stale_and_damaged_files_are_made_anew(tmp_path: Path) -> None:
    (tmp_path / "kinds.py").write_text(KINDS)
    for k, expected in (("1.0", "2.0"), ("100.0", "101.0")):
        (tmp_path / "other.py").write_text(OTHER.format(k=k))
        assert run_kinds(tmp_path) == [expected] * 9 + ["0"]
    files = sorted((tmp_path / "cache").rglob("kinds.*.nbc"))
    assert len(files) == 18
    for place, file in enumerate(files):
        whole = file.read_bytes()
        flipped = whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:]
        file.write_bytes([whole[:100], flipped, b""][place % 3])
    assert run_kinds(tmp_path) == ["101.0"] * 9 + ["1"]
    assert run_kinds(tmp_path) == ["101.0"] * 9 + ["0"]


STENCIL = """
import numba

@numba.stencil
def g(x):
    return {code}
"""
USES_STENCIL = """
import numpy as np
from neuroloom.shared import compiled
from other import g

@compiled
def f(x):
    return g(x)

print(*f(np.array([1.0, 2.0])), *f.stats.cache_hits.values())
"""


@pytest.mark.slow
def test_a_changed_stencil_is_compiled_anew(tmp_path: Path) -> None:
    (tmp_path / "uses.py").write_text(USES_STENCIL)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    environment["NUMBA_CACHE_DIR"] = str(tmp_path / "cache")
    found = []
    for code in ("x[0] + 1", "x[0] + 1", "x[0] * -3"):
        (tmp_path / "other.py").write_text(STENCIL.format(code=code))
        command = [sys.executable, "uses.py"]
        done = subprocess.check_output(command, cwd=tmp_path, env=environment, text=True)
        found.append([float(part) for part in done.split()])
    assert [values[:2] for values in found] == [[2.0, 3.0], [2.0, 3.0], [-3.0, -6.0]]
    assert [values[2:] for values in found] == [[], [1.0], []]


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        DataError("a folder in the place of the file"),
        TypeError("numba's own"),
    ],
    ids=["a full disk", "a folder", "what numba raises"],
)
def test_where_nothing_can_be_written_it_runs_from_memory(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neuroloom.shared import _compiled

    def full(target: Path) -> None:
        raise error

    _compiled._told().clear()
    monkeypatch.setattr(_compiled, "atomic", full)
    half = compiled(_half)
    with pytest.warns(RuntimeWarning, match=f"made anew in memory .*{error.args[-1]}"):
        assert half(3.0) == 1.5
    assert half(3) == 1.5  # told once
    _compiled._told().clear()


def _half(x: float) -> float:
    return x / 2
