"""Run NeuroGym's documentation notebooks with the root of their imports changed.

``python benchmarks/notebooks.py FOLDER`` takes the folder ``docs/examples`` of NeuroGym's sources,
runs the code cells of every notebook, and prints one line of JSON a notebook. Training is cut
short: what is tried is that the code runs, not how well its networks learn.
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
from pathlib import Path

PRELUDE = """
import matplotlib
matplotlib.use("agg")
try:
    import stable_baselines3, sb3_contrib
    for _kind in (stable_baselines3.A2C, stable_baselines3.PPO, sb3_contrib.RecurrentPPO):
        def _short(self, total_timesteps, *args, _learn=_kind.learn, **kwargs):
            return _learn(self, min(total_timesteps, 64), *args, **kwargs)
        _kind.learn = _short
except ImportError:
    pass
"""
SHORT = (
    (
        r"(?m)^(\w*(?:TRIALS|trials|EPOCHS|epochs|steps_between_saves)\w*)\s*=\s*\d[\d_]*\s*$",
        r"\1 = 5",
    ),
    (r"range\((\d{3,})\)", "range(3)"),
    (r"num_trials\s*=\s*[\d_]{3,}", "num_trials=3"),
)


def code(notebook: Path) -> str:
    """Return the code of a notebook, on this package and cut short."""
    cells = json.loads(notebook.read_text())["cells"]
    parts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    lines = "\n\n".join(parts).splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith(("!", "%")))
    text = re.sub(r"\bimport neurogym as", "import neuroloom.tasks as", text)
    text = re.sub(r"\bfrom neurogym\b", "from neuroloom.tasks", text)
    for pattern, short in SHORT:
        text = re.sub(pattern, short, text)
    return PRELUDE + text


def run(notebook: Path, seconds: float) -> dict[str, object]:
    """Return how a notebook went."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "notebook.py"
        for settings in notebook.parent.glob("*.toml"):
            shutil.copy(settings, folder)
        script.write_text(code(notebook))
        environment = {**os.environ, "KERAS_BACKEND": "torch", "MPLBACKEND": "agg"}
        try:
            done = subprocess.run(
                [sys.executable, script.name],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {"notebook": notebook.name, "runs": False, "why": f"more than {seconds:g} s"}
    why = done.stderr.strip().splitlines()[-1:] if done.returncode else []
    where = re.findall(r'notebook\.py", line (\d+)', done.stderr)[-1:] if done.returncode else []
    at = [code(notebook).splitlines()[int(line) - 1].strip() for line in where]
    return {"notebook": notebook.name, "runs": not done.returncode, "why": " ".join(why + at)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="NeuroGym's docs/examples")
    parser.add_argument("--only", default="", help="part of a notebook's name")
    parser.add_argument("--seconds", type=float, default=240)
    options = parser.parse_args()
    results: list[dict[str, object]] = []
    for path in sorted(options.folder.glob("*.ipynb")):
        if options.only not in path.name:
            continue
        results.append(run(path, options.seconds))
        print(json.dumps(results[-1]), flush=True)
    print(json.dumps({"notebooks": len(results), "run": sum(bool(r["runs"]) for r in results)}))
    sys.exit(0 if all(r["runs"] for r in results) else 1)
