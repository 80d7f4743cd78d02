"""Run NeuroGym's documentation notebooks and its own tests with the root of the imports changed.

``python benchmarks/upstream.py FOLDER --out upstream.json`` takes a checkout of
github.com/neurogym/neurogym, or its source distribution for the notebooks (``--notebooks``), and
writes what ran and what did not. Copies are made in a temporary folder; in them ``neurogym`` is
``neuroloom.tasks`` in every import, and nothing else is changed. Notebooks are told that they are
only being tried, as NeuroGym's own tests tell them, by the variable ``GITHUB_ACTIONS``. Networks
are trained for 5 epochs, agents for 64 steps, unless ``--full`` is given; as an agent of 64 steps
may never answer, of which no curve can be drawn, a notebook has three tries.

What fails needs a reason in ``upstream.toml``; a reason for what passes is an error too, unless it
stands among those of chance. With
``--page docs/tasks/coming-from-neurogym.md`` the counts and reasons are written into the page.
Run by ``nox -s "upstream(tasks)"``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
START, END = "<!-- upstream: written by benchmarks/upstream.py -->", "<!-- end of upstream -->"
PRELUDE = """
import matplotlib
matplotlib.use("agg")
"""
SHORT = """
import stable_baselines3, sb3_contrib, torch
torch.manual_seed(2)  # some untrained agents never answer: their curve is an error
for _kind in (stable_baselines3.A2C, stable_baselines3.PPO, sb3_contrib.RecurrentPPO):
    def _short(self, total_timesteps, *args, _learn=_kind.learn, **kwargs):
        return _learn(self, min(total_timesteps, 64), *args, **kwargs)
    _kind.learn = _short
"""


def renamed(text: str) -> str:
    """Return code with the root of its imports changed."""
    text = re.sub(r"\bimport neurogym as\b", "import neuroloom.tasks as", text)
    return re.sub(r"\bfrom neurogym\b(?=[. ])", "from neuroloom.tasks", text)


def code(notebook: Path, full: bool) -> str:
    """Return the code of a notebook, on this package, its training cut short unless `full`."""
    cells = json.loads(notebook.read_text())["cells"]
    parts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    lines = "\n\n".join(parts).splitlines()
    text = renamed("\n".join(line for line in lines if not line.lstrip().startswith(("!", "%"))))
    if not full:
        text = SHORT + re.sub(r"(?m)^(\s*EPOCHS)\s*=\s*\d+\s*$", r"\1 = 5", text)
    return PRELUDE + text


def run_notebook(notebook: Path, seconds: float, full: bool = False, tries: int = 3) -> str:
    """Return why a notebook did not run to its end in any of some tries; empty if it did."""
    for _ in range(tries):
        why = run_once(notebook, seconds, full)
        if not why:
            break
    return why


def run_once(notebook: Path, seconds: float, full: bool) -> str:
    """Return why a notebook did not run to its end; empty if it did."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "notebook.py"
        for settings in notebook.parent.glob("*.toml"):
            shutil.copy(settings, folder)
        script.write_text(code(notebook, full))
        environment = {"KERAS_BACKEND": "torch", "MPLBACKEND": "agg", "GITHUB_ACTIONS": "true"}
        try:
            done = subprocess.run(
                [sys.executable, script.name],
                cwd=folder,
                env={**os.environ, **environment},
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"more than {seconds:g} s"
    if not done.returncode:
        return ""
    where = re.findall(r'notebook\.py", line (\d+)', done.stderr)[-1:]
    at = [code(notebook, full).splitlines()[int(line) - 1].strip() for line in where]
    return " ".join(done.stderr.strip().splitlines()[-1:] + at)


def run_tests(tests: Path) -> dict[str, str | None]:
    """Return what each test says: empty if it passes, None if it skips itself, else its error."""
    with tempfile.TemporaryDirectory() as scratch:
        copy, report = Path(scratch) / "tests", Path(scratch) / "report.xml"
        shutil.copytree(tests, copy, ignore=shutil.ignore_patterns("__pycache__"))
        for file in copy.rglob("*.py"):
            file.write_text(renamed(file.read_text()))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["-c", os.devnull, "--rootdir", scratch, f"--junitxml={report}", str(copy)]
        env = {**os.environ, "MPLBACKEND": "agg"}
        subprocess.run(command, cwd=scratch, env=env, check=False, stdout=subprocess.DEVNULL)
        cases = list(ET.parse(report).getroot().iter("testcase"))
    out: dict[str, str | None] = {}
    for case in cases:
        name = f"{str(case.get('classname')).removeprefix('tests.')}::{case.get('name')}"
        wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
        if wrong is not None:
            text = (wrong.get("message") or wrong.text or "").strip().splitlines()
            out[name] = text[0][:200] if text else "failed"
        else:
            out[name] = None if case.find("skipped") is not None else ""
    return out


def judge(
    found: dict[str, str | None], reasons: dict[str, str], chance: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return counts, what failed with its reason, and what is wrong with the reasons.

    What passes by chance only counts as failed.
    """
    chance = chance or {}
    lucky = {name for name in found for key in chance if re.fullmatch(key, name)}
    found = {
        name: why or "passes by chance" if name in lucky else why for name, why in found.items()
    }
    reasons = {**reasons, **chance}
    failed = {name: why for name, why in found.items() if why}
    excused = {name: [key for key in reasons if re.fullmatch(key, name)] for name in failed}
    used = {key for keys in excused.values() for key in keys}
    return {
        "all": len(found),
        "passed": sum(why == "" for why in found.values()),
        "skip_themselves": sum(why is None for why in found.values()),
        "failed": {
            name: {"error": why, "reason": reasons[excused[name][0]] if excused[name] else None}
            for name, why in failed.items()
        },
        "without_a_reason": sorted(name for name, keys in excused.items() if not keys),
        "reasons_for_what_passes": sorted(set(reasons) - used),
    }


def section(out: dict[str, Any]) -> str:
    """Return the counts and reasons in Markdown."""
    books, tests = out["notebooks"], out["tests"]
    by_reason: dict[str, Counter[str]] = {}
    for one in (books, tests):
        for name, entry in one["failed"].items():
            names = by_reason.setdefault(entry["reason"] or entry["error"], Counter())
            names[name.split("[")[0]] += 1
    lines = [
        START,
        f"- {books['passed']} of {books['all']} notebooks run to their end;",
        f"- {tests['passed']} of {tests['all'] - tests['skip_themselves']} tests pass "
        f"({tests['skip_themselves']} more skip themselves).",
    ]
    if by_reason:
        lines += ["", "| what does not run | why |", "|---|---|"]
        for reason, names in by_reason.items():
            shown = [f"`{name}`" + (f" ({n})" if n > 1 else "") for name, n in names.items()]
            lines.append(f"| {', '.join(shown)} | {reason} |")
    return "\n".join([*lines, END])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, nargs="?", help="NeuroGym's sources")
    parser.add_argument("--notebooks", type=Path, help="default: SOURCE/docs/examples")
    parser.add_argument("--tests", type=Path, help="default: SOURCE/tests")
    parser.add_argument("--only", default="", help="part of a notebook's name; no tests are run")
    parser.add_argument("--seconds", type=float, default=600, help="for each notebook")
    parser.add_argument("--full", action="store_true", help="train as long as the notebooks do")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--page", type=Path, help="page to write the counts into")
    options = parser.parse_args()
    source = options.source or os.environ.get("NEUROLOOM_NEUROGYM_SRC")
    if source is None and None in (options.notebooks, options.tests):
        parser.error("expected a checkout of NeuroGym, as argument or in NEUROLOOM_NEUROGYM_SRC")
    notebooks = options.notebooks or Path(source) / "docs" / "examples"
    reasons = tomllib.loads((HERE / "upstream.toml").read_text())
    ran: dict[str, str | None] = {}
    for path in sorted(one for one in notebooks.glob("*.ipynb") if options.only in one.name):
        ran[path.name] = run_notebook(path, options.seconds, options.full)
        print(path.name, ran[path.name] or "runs", flush=True)
    if options.only:
        return int(any(ran.values()))
    out = {
        "notebooks": judge(ran, reasons["notebooks"]),
        "tests": judge(
            run_tests(options.tests or Path(source) / "tests"),
            reasons["tests"],
            reasons["tests_by_chance"],
        ),
    }
    print(json.dumps(out, indent=1))
    if options.out:
        options.out.write_text(json.dumps(out, indent=1))
    if options.page:
        text = options.page.read_text()
        before, after = text.split(START)[0], text.split(END)[1]
        options.page.write_text(before + section(out) + after)
    wrong = [one[key] for one in out.values() for key in ("without_a_reason",)]
    stale = [one["reasons_for_what_passes"] for one in out.values()]
    return int(any(wrong) or any(stale))


if __name__ == "__main__":
    sys.exit(main())
