"""What a job says of a folder that holds something else, or of another job."""

from __future__ import annotations

import errno
import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from neuroloom import shared
from neuroloom.shared import DataError
from neuroloom.shared.jobs import Job, discard, fingerprint

WRITE = {"settings": "def f(x):\n    import {0}\n    return x * {0}.RATE + K[0]\nK = [1]\n"}


def run(folder: Path, function: Callable[[int], Any] = abs) -> list[Any]:
    return shared.map(function, [-3], resume=folder, progress=False)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """Return a module of settings and one whose function reads it."""
    monkeypatch.syspath_prepend(tmp_path)
    name = "core_settings_of_a_job"
    (tmp_path / f"{name}.py").write_text("RATE = 5\n")
    (tmp_path / f"{name}_read.py").write_text(WRITE["settings"].format(name))
    made = __import__(name), __import__(f"{name}_read")
    monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, f"{name}_read")
    for one in made:
        monkeypatch.setitem(sys.modules, one.__name__, one)
    return made


def test_a_global_is_told_by_the_module_it_stands_in(
    written: tuple[ModuleType, ModuleType], tmp_path: Path
) -> None:
    settings, read = written
    assert run(tmp_path / "job", read.f) == [-14]
    settings.RATE = 6
    with pytest.raises(DataError, match=r"\['globals'\] \(core_settings_of_a_job.RATE has anoth"):
        run(tmp_path / "job", read.f)
    settings.RATE, read.K = 5, [2]
    with pytest.raises(DataError, match=r"\['globals'\] \(core_settings_of_a_job_read.K has ano"):
        run(tmp_path / "job", read.f)
    read.K = [1]
    assert run(tmp_path / "job", read.f) == [-14]


def test_what_a_function_carries_is_told_by_name(tmp_path: Path) -> None:
    def made(depth: int) -> Any:
        return lambda x, power=1: x * depth**power

    run(tmp_path / "a", functools.partial(made(2), power=3))
    with pytest.raises(DataError, match=r"\(argument power has another value\)"):
        run(tmp_path / "a", functools.partial(made(2), power=4))
    with pytest.raises(DataError, match=r"\(depth, closed over has another value\)"):
        run(tmp_path / "a", functools.partial(made(3), power=3))


@pytest.mark.parametrize("place", range(4))
def test_partials_in_partials_hide_no_argument(tmp_path: Path, place: int) -> None:
    def f(a: Any, b: Any, item: int, c: Any = 0) -> list[Any]:
        return [a, b, item, c]

    def made(values: list[int]) -> Any:
        inner = functools.partial(f, values[0], c=values[2])
        inner.tag = "x"  # type: ignore[attr-defined]  # such a partial stays one in the other
        return functools.partial(inner, values[1], c=values[3])

    values = [1, 2, 3, 4]
    run(tmp_path, made(values))
    with pytest.raises(DataError, match=r"argument .* has another value"):
        run(tmp_path, made([v + 10 * (i == place) for i, v in enumerate(values)]))


def test_globals_of_one_name_that_change_places_are_another_job(tmp_path: Path) -> None:
    def made(**values: int) -> Any:
        spaces = {name: {"__name__": "one", "K": value} for name, value in values.items()}
        for name, space in spaces.items():
            exec(f"def {name}(x):\n    return x + K\n", space)  # as two scripts of one name
        first, second = (space[name] for name, space in spaces.items())
        return lambda x: [first(x), second(x)]

    assert run(tmp_path, made(g=1, h=10))[0] == [-2, 7]
    with pytest.raises(DataError, match=r"one\.K has another value"):
        run(tmp_path, made(g=10, h=1))


def broken(**changed: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda good: json.dumps({**good, **changed})


RECORDS: dict[str, tuple[Any, str]] = {
    "null": ("null", "holds no mapping but null"),
    "a list": ("[]", r"holds no mapping but \[\]"),
    "a text": ('"abc"', 'holds no mapping but "abc"'),
    "a number": ("3", "holds no mapping but 3"),
    "nothing": ("{}", "holds nothing: {}"),
    "deep": ("[" * 100_000, "holds text that is no JSON"),
    "another program's": ('{"name": "x"}', r'holds other things: \["name"\]'),
    "a format in words": (broken(format="3"), 'holds the format "3"'),
    "a format of None": (broken(format=None), "holds the format null"),
    "code in a list": (broken(code=[1]), r"holds no texts by name in 'code' but \[1\]"),
    "a number as digest": (broken(globals={"a": 1}), "holds no texts by name in 'globals'"),
    "no versions": (broken(versions=None), "holds no texts by name in 'versions' but null"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_is_none_is_told_and_left(name: str, tmp_path: Path) -> None:
    run(tmp_path)
    record = tmp_path / "job.json"
    content, why = RECORDS[name]
    text = content(json.loads(record.read_text())) if callable(content) else content
    record.write_text(text)
    told = rf"expected a folder of a job, .* got .*job\.json, which {why}.*; use another folder"
    with pytest.raises(DataError, match=f"resume: {told}"):
        run(tmp_path)
    with pytest.raises(DataError, match=f"folder: {told}"):
        discard(tmp_path)
    assert record.read_text() == text


def test_records_of_older_formats_are_told_and_can_be_discarded(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text('{"format": 2, "code": {}}')
    with pytest.raises(DataError, match=r"one of this version \(format 3\).* of format 2"):
        run(tmp_path)
    assert discard(tmp_path)


def test_folders_and_links_in_the_place_of_files_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    run(folder)
    (item,) = folder.glob("item*.npz")
    for path, why in (
        (folder / "job.json", "a job's record that can be read.*: Is a directory"),
        (item, "a file, or nothing yet, got .*a folder; move it out"),
        (item.with_suffix(".lock"), "a folder in which files can be made.*: Is a directory"),
    ):
        content = path.read_bytes() if path.exists() else None
        item_before = item.read_bytes()
        item.unlink()
        path.unlink(missing_ok=True)
        path.mkdir()
        with pytest.raises(DataError, match=f"resume: expected {why}"):
            run(folder)
        path.rmdir()
        item.write_bytes(item_before)
        if content is not None:
            path.write_bytes(content)
    (folder / f".{item.name}.part").mkdir()
    item.unlink()
    assert run(folder) == [3]
    for path in (item, folder / "job.json"):
        path.unlink()
        path.symlink_to(tmp_path / "nowhere")
        with pytest.raises(DataError, match=r"resume: expected .* a link that leads nowhere"):
            run(folder)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"a folder, got .*a link that leads nowhere"):
        run(tmp_path / "link")
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataError, match=r"a folder, got .*, a file"):
            run(path)
    with pytest.raises(DataError, match=r"folder: expected a folder, got .*, a file"):
        discard(tmp_path / "file")


def test_a_file_that_may_not_be_read_is_told_and_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job.open(tmp_path, {"x": 1})
    job.keep("part", 1)

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied", str(args[0]))

    with monkeypatch.context() as patch:
        patch.setattr("zipfile.ZipFile.__init__", refuse)
        with pytest.raises(DataError, match=r"a file that can be read, got .*Permission denied"):
            job.recover("part")
    assert job.recover("part") == (1, None)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"a job's record that can be read, .*Permission denied"):
        Job.open(tmp_path, {"x": 1})
    monkeypatch.undo()
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(DataError, match=r"a folder that can be made, .*Permission denied"):
        Job.open(tmp_path / "new", {"x": 1})


def test_docstrings_of_modules_that_are_values_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for place, text in enumerate(
        ('"""One."""\nK = 1\n', '\n"""Two."""\nK = 1\n', "K = 1\n", "K = 2\n")
    ):
        folder = tmp_path / str(place)
        folder.mkdir()
        (folder / "core_documented.py").write_text(text)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, "core_documented", raising=False)
        found.append(fingerprint(__import__("core_documented")))
    assert found[0] == found[1] == found[2] != found[3]
