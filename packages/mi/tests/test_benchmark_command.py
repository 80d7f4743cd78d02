"""The benchmark command on two tasks."""

import json

import numpy as np
import pytest

from neuroloom.mi.__main__ import main
from neuroloom.mi._benchmark._command import benchmark, table

TASKS = ("1v1-normal-0.75", "swissroll_x-normal_cdf-1v1-normal-0.75")
TINY = {"n_epochs": 2, "n_inits": 1, "n_folds": 2, "hidden_dim": 8, "embedding_dim": 4}


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark") / "parts"
    options = {
        "tasks": TASKS,
        "n_samples": 400,
        "n_seeds": 2,
        "setting": TINY,
        "progress": False,
        "resume": folder,
    }
    first = benchmark(**options)
    again = benchmark(**options)  # all of it from the folder, times too
    np.testing.assert_array_equal(first["seconds"], again["seconds"])
    return first


def test_gives_a_row_per_task_and_estimator(frame):
    assert len(frame) == 2 * 4
    assert set(frame["estimator"]) == {"neural", "ksg", "gcmi", "cca"}
    np.testing.assert_allclose(frame["bias"], frame["mi"] - frame["true_mi"])
    assert (frame["seconds"] > 0).all()


def test_estimators_are_right_where_they_should_be(frame):
    normal = frame[frame["task_id"] == TASKS[0]].set_index("estimator")
    # Two sets of 400 pairs spread by sqrt(ρ² / 800) ≈ 0.03 nats.
    assert (normal["bias"].abs() < 0.1).all()
    roll = frame[frame["task_id"] == TASKS[1]].set_index("estimator")
    assert roll.loc["cca", "mi"] < 0.1 < 0.3 < roll.loc["ksg", "mi"]


def test_table_has_a_line_per_task_and_a_summary(frame):
    text = table(frame)
    assert "Swiss roll 2 × 1" in text
    assert "ksg: within .05 nats" in text


def test_command_line_writes_the_table(tmp_path, capsys):
    out = tmp_path / "table.json"
    arguments = ["--tasks", TASKS[0], "--estimators", "gcmi", "cca", "--n-samples", "300"]
    assert (
        main(["benchmark", *arguments, "--n-seeds", "1", "--no-progress", "--out", str(out)]) == 0
    )
    assert "Bivariate normal" in capsys.readouterr().out
    assert len(json.loads(out.read_text())["rows"]) == 2


def test_unknown_task_is_an_error_message(capsys):
    assert main(["benchmark", "--tasks", "nothing", "--no-progress"]) == 2
    assert "tasks" in capsys.readouterr().err


def test_an_array_job_of_four_parts(tmp_path, capsys):
    line = ["benchmark", "--tasks", TASKS[0], "--estimators", "gcmi", "cca", "--n-samples", "300"]
    line += ["--n-seeds", "3", "--no-progress"]
    assert main([*line, "--shard", "0/4"]) == 2
    assert "--shard: expected --resume FOLDER" in capsys.readouterr().err
    line += ["--out", str(tmp_path / "table.json")]
    for i, kept in enumerate((2, 4, 5, 6)):
        assert main([*line, "--resume", str(tmp_path / "parts"), "--shard", f"{i}/4"]) == 0
        assert f"shard {i}/4: {kept} of 6 items are kept in {tmp_path}" in capsys.readouterr().out
    assert not (tmp_path / "table.json").exists()
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").glob("item-*.npz")}
    assert main([*line, "--resume", str(tmp_path / "parts")]) == 0
    assert files == {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").glob("*.npz")}
    whole = benchmark(
        tasks=TASKS[:1], estimators=("gcmi", "cca"), n_samples=300, n_seeds=3, progress=False
    )
    rows = json.loads((tmp_path / "table.json").read_text())["rows"]
    assert [row["mi"] for row in rows] == [float(f"{x:.10f}") for x in whole["mi"]]
