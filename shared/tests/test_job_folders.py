"""What a job may remove, how processes agree on one folder, and damaged files in it."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from neuroloom import shared
from neuroloom.shared import DataError
from neuroloom.shared.jobs import Job, discard, fingerprint


def kept_in(folder: Path) -> Path:
    shared.map(abs, [-1, 2], resume=folder, progress=False)
    return folder


class TestDiscard:
    def test_what_is_not_the_jobs_stays_and_is_told(self, tmp_path: Path) -> None:
        own = {
            "raw/mine.txt": b"my data",
            "notes.txt": b"my notes",
            "poetry.lock": b"my lock",
            ".download.part": b"half a download",
            "item-000009.npz": b"not what it is called",
        }
        for name, content in own.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(content)
        np.savez(tmp_path / "mine.npz", a=np.arange(3))
        theirs = kept_in(tmp_path.parent / f"{tmp_path.name}-other") / "item-000000.npz"
        (tmp_path / "item-000007.npz").write_bytes(theirs.read_bytes()[:-1] + b"\1")
        Job.open(tmp_path / "b", {"x": 2}).keep("part", 1)
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # item 9 is damaged
            job = Job.open(tmp_path, {"x": 1})
        job.keep("part", np.arange(3.0))
        (tmp_path / "part.lock").touch()
        (tmp_path / ".part.npz.part").touch()
        with pytest.warns(RuntimeWarning, match=r"which the job did not write") as told:
            assert not discard(tmp_path)
        assert "3 more" in str(told[0].message)
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before

    def test_a_folder_that_is_the_jobs_alone_goes(self, tmp_path: Path) -> None:
        folder = kept_in(tmp_path / "job")
        (folder / "item-000001.lock").touch()  # of a killed process
        (folder / ".item-000001.npz.part").touch()
        assert discard(folder)
        assert not folder.exists()

    def test_a_job_that_begins_meanwhile_is_not_touched(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = kept_in(tmp_path / "job")
        unlink = Path.unlink

        def also_begin(path: Path, missing_ok: bool = False) -> None:
            unlink(path, missing_ok=missing_ok)
            if path.name == "job.json":
                monkeypatch.undo()
                Job.open(folder, {"x": 1}).keep("part", 1)

        monkeypatch.setattr(Path, "unlink", also_begin)
        assert not discard(folder)
        assert Job.open(folder, {"x": 1}).read("part") == (1, None)


WAITS = """
import sys, time
from neuroloom import shared
def f(x):
    with open("log", "a") as log:
        log.write(f"{x}\\n")
    time.sleep(0.1)
    return x
if __name__ == "__main__":
    size, parts = int(sys.argv[1]), int(sys.argv[2])
    shard = (0, parts) if parts else None
    shared.map(f, range(12), progress=False, resume="r", batch_size=size, shard=shard)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs file locks")
@pytest.mark.parametrize("sizes", [("1", "4"), ("4", "1"), ("5", "3")])
def test_processes_with_other_sizes_of_batches_compute_each_item_once(
    tmp_path: Path, sizes: tuple[str, str]
) -> None:
    (tmp_path / "script.py").write_text(WAITS)
    run = [
        subprocess.Popen([sys.executable, "script.py", size, "0"], cwd=tmp_path) for size in sizes
    ]
    assert [process.wait(timeout=300) for process in run] == [0, 0]
    assert sorted(map(int, (tmp_path / "log").read_text().split())) == list(range(12))


@pytest.mark.skipif(os.name == "nt", reason="needs file locks")
def test_a_shard_of_another_size_is_refused_while_others_work(tmp_path: Path) -> None:
    folder = kept_in(tmp_path)
    job = Job.open(folder, {"seed": None}, function=abs)
    with job.agreed(3):
        with pytest.raises(DataError, match=r"batch_size: expected 3, .*got 1 for shard 0/2"):
            shared.map(abs, range(8), resume=folder, shard=(0, 2), progress=False)
        assert shared.map(abs, [-1, 2, -7], resume=folder, progress=False) == [1, 2, 7]
    assert shared.map(abs, [-1, 2], resume=folder, shard=(0, 2), progress=False) == [1]


@pytest.mark.slow
def test_any_flipped_bit_of_a_part_is_told_and_computed_again(tmp_path: Path) -> None:
    job = Job.open(tmp_path, {"a": 1})
    job.keep("p", {"x": np.arange(5.0), "words": ["a", "b"]})
    path = job.path("p")
    good = path.read_bytes()
    changed = 0
    for place in range(len(good)):
        for bit in (1, 32, 128) if place % 7 == 0 else (1,):
            bad = bytearray(good)
            bad[place] ^= bit
            path.write_bytes(bytes(bad))
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                found = job.recover("p")
            if found is None:
                changed += 1
                assert "it is computed again" in str(told[0].message)
            else:  # a bit that says nothing, of the time of writing say
                np.testing.assert_array_equal(found[0]["x"], np.arange(5.0))
                assert found[0]["words"] == ["a", "b"]
    assert changed > 0.5 * len(good)


def test_a_whole_archive_of_others_is_refused_and_stays(tmp_path: Path) -> None:
    job = Job.open(tmp_path, {"a": 1})
    np.savez(job.path("p"), a=np.arange(3))
    with pytest.raises(DataError, match="a foreign archive"):
        job.recover("p")
    assert job.has("p")


PLAIN = """
def f(x, flag=None):
    if flag is None:
        return
    def inner(y):
        return dict(a=y, b="text")
    return x + 1, inner
"""
DOCUMENTED = """
def f(x, flag=None):
    "Return the next one."
    if flag is None:
        return
    def inner(y):
        "text"
        return dict(a=y, b="text")
    return x + 1, inner
"""


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (DOCUMENTED, True),
        (PLAIN.replace("x + 1", "x + 2"), False),
        (PLAIN.replace("a=y", "c=y"), False),
        (PLAIN.replace('"text"', '"other"'), False),
        (PLAIN.replace("return x + 1, inner", '"no docstring"; return x + 1, inner'), True),
        (PLAIN.replace("return\n", "return 0\n"), False),
    ],
)
def test_a_docstring_is_no_part_of_a_function(text: str, same: bool) -> None:
    found = []
    for source in (PLAIN, text):
        namespace: dict[str, object] = {"__name__": "of_a_user"}
        exec(compile(source, "f.py", "exec"), namespace)
        found.append(fingerprint(namespace["f"]))
    assert (found[0] == found[1]) is same
