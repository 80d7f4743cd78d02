"""The how-to's new task is run as it is printed there, and goes through all doors."""

from __future__ import annotations

import importlib
import re
import warnings
from pathlib import Path

import gymnasium
import matplotlib.pyplot as plt
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import neuroloom.tasks as tasks

PAGE = Path(__file__).parents[3] / "docs" / "tasks" / "how-to.md"


@pytest.mark.filterwarnings("ignore:.*infinity.*")
def test_adding_a_task_is_one_short_file_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not PAGE.is_file():
        pytest.skip("the docs are not beside the package")
    found = re.search(r"## Add a task.*?```python\n(.*?)```", PAGE.read_text(), re.S)
    assert found
    code = found.group(1)
    assert len(code.splitlines()) < 60
    (tmp_path / "brighter_flash.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("brighter_flash")
    with warnings.catch_warnings():
        # NeuroGym's users call env.seed, of which gymnasium warns.
        warnings.filterwarnings("ignore", message=".*`seed` function")
        check_env(tasks.make("BrighterFlash-v0"), skip_render_check=True)
    gymnasium.make("neuroloom/BrighterFlash-v0").reset(seed=1)
    trials = tasks.run_trials("BrighterFlash-v0", "ground_truth", 200, seed=1).table
    assert trials["correct"].all()
    rows = tasks.Dataset("BrighterFlash-v0", batch_size=2, seq_len=50, seed=1)()[0]
    envs = tasks.make_vec("BrighterFlash-v0", 2)
    shown = [envs.reset(seed=1)[0]]
    shown += [envs.step(np.zeros(2, dtype=int))[0] for _ in range(49)]
    assert np.stack(shown).tobytes() == rows.tobytes()
    ideal = tasks.ideal_trials("BrighterFlash-v0", 2000, seed=1).table["correct"].mean()
    assert 0.5 < ideal <= 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*infinity.*")
def test_what_the_page_prints_runs() -> None:
    if not PAGE.is_file():
        pytest.skip("the docs are not beside the package")
    page = PAGE.read_text().split("## Add a task")[1].split("## ", 1)[1]
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    run = [block for block in blocks if not re.search("torch|stable_baselines3", block)]
    assert len(blocks) - len(run) == 2
    space: dict[str, object] = {"tasks": tasks, "plt": plt}
    for block in run:
        exec(block, space)
    plt.close("all")
