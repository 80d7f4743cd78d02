"""Proofs that take minutes; writes JSON, and the figure of the random dots beside it.

Run by ``nox -s "prove(tasks)"``; ``--only`` picks some of

``upstream``
    NeuroGym's own tests of data, random numbers, schedules, wrappers and core, run on ours under
    an alias of the module name. ``--upstream FOLDER`` is a checkout of
    github.com/neurogym/neurogym.
``learning``
    ``examples/supervised_gru.py``: two networks trained from `Dataset` (needs torch).
``agent``
    ``examples/reinforcement_ppo.py``: an agent through the gymnasium door (needs
    stable-baselines3).
``monkeys``
    ``examples/random_dots_monkeys.py``: two monkeys, a bounded observer and a network (needs torch
    and ``NEUROLOOM_DATA``).

What lacks something is reported as not run.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
TESTS = ("test_data.py", "test_random.py", "test_core.py", "test_reset_step.py", "wrappers")


def upstream(folder: Path) -> dict[str, Any]:
    """Return how many of NeuroGym's tests pass on ours, and which do not."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        command = [
            *(
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "upstream_alias",
                "-p",
                "no:cacheprovider",
            ),
            *("-c", os.devnull, "--rootdir", scratch, f"--junitxml={report}"),
            *(str(folder / "tests" / name) for name in TESTS),
        ]
        path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
        env = {**os.environ, "PYTHONPATH": path, "MPLBACKEND": "agg"}
        subprocess.run(command, cwd=scratch, env=env, check=False, stdout=subprocess.DEVNULL)
        cases = list(ET.parse(report).getroot().iter("testcase"))
    out: dict[str, Any] = {"passed": 0, "skipped_by_upstream": 0, "failed": {}}
    for case in cases:
        name = f"{case.get('classname')}::{case.get('name')}"
        wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
        if wrong is not None:
            out["failed"][name] = (wrong.get("message") or "").splitlines()[0][:200]
        elif case.find("skipped") is not None:
            out["skipped_by_upstream"] += 1
        else:
            out["passed"] += 1
    return out


def example(name: str, *arguments: str) -> dict[str, Any]:
    """Run an example, and return what it wrote and how long it took."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out.json"
        start = time.perf_counter()
        subprocess.run([sys.executable, str(EXAMPLES / name), *arguments, str(out)], check=True)
        seconds = time.perf_counter() - start
        return {**json.loads(out.read_text()), "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--upstream", type=Path, default=os.environ.get("NEUROLOOM_NEUROGYM_SRC"))
    parser.add_argument("--only", nargs="*", default=["upstream", "learning", "agent", "monkeys"])
    options = parser.parse_args()
    have = {name: importlib.util.find_spec(name) for name in ("torch", "stable_baselines3")}
    figure = str(options.out.with_suffix(".png"))
    proofs = {
        "upstream": (options.upstream, lambda: upstream(options.upstream)),
        "learning": (have["torch"], lambda: example("supervised_gru.py")),
        "agent": (have["stable_baselines3"], lambda: example("reinforcement_ppo.py")),
        "monkeys": (
            have["torch"] and os.environ.get("NEUROLOOM_DATA"),
            lambda: example("random_dots_monkeys.py", figure),
        ),
    }
    out: dict[str, Any] = json.loads(options.out.read_text()) if options.out.is_file() else {}
    for name in options.only:
        possible, run = proofs[name]
        out[name] = run() if possible else "not run: see what it needs"
        options.out.write_text(json.dumps(out, indent=1))
        print(name, json.dumps(out[name], indent=1), flush=True)


if __name__ == "__main__":
    main()
