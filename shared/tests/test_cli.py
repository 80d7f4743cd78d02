"""Command lines: what is told in one line, and the status that the shell sees."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuroloom.shared import DataError, cli

PROGRAM = """
import signal, sys, time
from neuroloom.shared import DataError, cli

# A shell that starts the tests in the background has them ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

def work(options):
    if options.verb == "data":
        raise DataError("rate: expected a number,\\n  got 'fast'")
    if options.verb == "many":
        for i in range(200_000):
            print(i)
    if options.verb == "wait":
        print("ready", flush=True)
        time.sleep(60)
    if options.verb == "worker":
        raise BrokenPipeError(32, "Broken pipe")
    if options.verb == "defect":
        raise RuntimeError("not the user's fault")
    return "done"

parser = cli.Parser(prog="prog")
verbs = parser.add_subparsers(dest="verb", required=True)
for verb in ("data", "many", "wait", "worker", "defect", "fine"):
    verbs.add_parser(verb).add_argument("--seed", type=int)
sys.exit(cli.run(parser, work))
"""


def start(*words: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", PROGRAM, *words]
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        (["fine"], 0, ""),
        (["data"], 2, "prog: error: rate: expected a number, got 'fast'"),
        (["worker"], 2, "prog: error: Broken pipe"),
        (["fin"], 2, "prog: error: argument verb: invalid choice: 'fin' (choose from 'data', "),
        (["fine", "--see", "x"], 2, "prog fine: error: argument --seed: invalid int value: 'x' ("),
        (
            ["fine", "--sed", "3"],
            2,
            "prog: error: unrecognized arguments: --sed 3; did you mean '--s",
        ),
        (
            ["--seed", "3", "fine"],
            2,
            "prog: error: --seed is an option of a subcommand and stands behind it: prog data "
            "--seed … (or many, wait, worker, …) (see",
        ),
        (["--sede=3", "fine"], 2, "prog: error: unrecognized arguments: --sede (a subcommand's "),
        ([], 2, "prog: error: the following arguments are required: verb (see prog --help)"),
    ],
)
def test_wrong_input_is_one_line(words: list[str], status: int, line: str) -> None:
    running = start(*words)
    out, err = running.communicate(timeout=60)
    assert running.returncode == status
    assert err.startswith(line)
    assert err.count("\n") == bool(line)
    assert out == ("done\n" if not line else "")
    if words == ["fin"]:
        assert "did you mean 'fine'?" in err
    if words[:1] == ["--sede=3"]:
        assert "did you mean '--seed'?" in err


def test_a_defect_keeps_its_traceback() -> None:
    running = start("defect")
    _, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert err.startswith("Traceback")


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c() -> None:
    running = start("wait")
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, "prog: interrupted\n")


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_who_reads_goes_away() -> None:
    with start("many") as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == "0\n"
        running.stdout.close()
        assert running.stderr.read() == ""
    assert running.returncode == 141


class TestInTheSameProcess:
    def parser(self) -> cli.Parser:
        return cli.Parser(prog="prog")

    def test_a_status_of_numpy_is_one_of_python(self) -> None:
        status = cli.run(cli.Parser(prog="x"), lambda options: np.int64(3), [])
        assert (status, type(status)) == (3, int)

    def test_the_status_is_what_the_work_returns(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.run(self.parser(), lambda options: 3, []) == 3
        assert cli.run(self.parser(), lambda options: None, []) == 0
        assert cli.run(self.parser(), lambda options: "text", []) == 0
        assert capsys.readouterr() == ("text\n", "")

    def test_files_and_further_errors(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        missing = tmp_path / "no.csv"
        assert cli.run(self.parser(), lambda options: missing.read_text(), []) == 2
        assert capsys.readouterr().err == f"prog: error: {missing}: No such file or directory\n"

        def key(options: Any) -> None:
            raise KeyError("no column 'a'")

        assert cli.run(self.parser(), key, [], errors=(KeyError,)) == 2
        assert capsys.readouterr().err == "prog: error: no column 'a'\n"
        with pytest.raises(KeyError):
            cli.run(self.parser(), key, [])

    def test_warnings_are_lines_or_recorded(self, capsys: pytest.CaptureFixture[str]) -> None:
        def work(options: Any) -> None:
            warnings.warn("times were\nrounded", UserWarning, stacklevel=1)

        with pytest.warns(UserWarning, match="times were"):
            assert cli.run(self.parser(), work, []) == 0
        shown = warnings.showwarning
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = warnings._showwarning_orig  # type: ignore[attr-defined]
            warnings._showwarnmsg_impl = PLAIN  # type: ignore[attr-defined]
            assert cli.run(self.parser(), work, []) == 0
        assert capsys.readouterr().err == "prog: warning: times were rounded\n"
        assert warnings.showwarning is shown

    def test_own_errors_only(self) -> None:
        def work(options: Any) -> None:
            raise DataError("")

        assert cli.run(self.parser(), work, []) == 2


def PLAIN(message: warnings.WarningMessage) -> None:
    """Stand for Python's own hook, which pytest has replaced by its recorder."""


PLAIN.__module__ = "warnings"


@pytest.mark.parametrize(("found", "status"), [(None, 0), ("done", 0), (0, 0), (np.int64(3), 3)])
def test_what_work_returns_is_the_status(found: Any, status: int) -> None:
    assert cli.run(cli.Parser(prog="p"), lambda _: found, []) == status


@pytest.mark.parametrize("found", [256, -1, True, {"a": 1}, 1.0])
def test_what_is_no_status_is_a_defect(found: Any) -> None:
    with pytest.raises(TypeError, match="work: expected text, None or a status from 0 to 255"):
        cli.run(cli.Parser(prog="p"), lambda _: found, [])


@pytest.mark.parametrize(
    ("work", "status", "stream"),
    [("return '5 \\u00b5V'", 0, "stdout"), ("raise DataError('5 \\u00b5V')", 2, "stderr")],
)
def test_text_that_the_encoding_does_not_have(work: str, status: int, stream: str) -> None:
    script = (
        "import sys\nfrom neuroloom.shared import DataError, cli\n"
        f"def work(_):\n    {work}\nsys.exit(cli.run(cli.Parser(prog='p'), work, []))"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True)
    assert done.returncode == status
    assert b"5 \\xb5V" in getattr(done, stream)
    assert b"Traceback" not in done.stderr
