"""Resuming: what is kept is read, equals an unbroken run to the bit, and belongs to one job."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from neuroloom import mi
from neuroloom.mi.__main__ import main
from neuroloom.shared import DataError

FAST = {"n_epochs": 2, "n_inits": 1, "n_folds": 2, "hidden_dim": 8, "embedding_dim": 4}

KILLED = """
    import os, pathlib, signal, sys, threading, time
    import numpy as np
    from neuroloom import mi

    def end_after_first_part(folder):
        while not list(folder.rglob("*.npz")):
            time.sleep(0.002)
        os.kill(os.getpid(), signal.SIGKILL)

    folder = pathlib.Path(sys.argv[1])
    threading.Thread(target=end_after_first_part, args=(folder,), daemon=True).start()
    x, y = np.load(sys.argv[2])
    mi.run(x, y, mode="sweep", resume=folder, base_params={options}, random_seed=3,
           sweep_grid={grid}, verbose=False)
"""


def data(n=400):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 1))
    return x, 0.8 * x + 0.6 * rng.standard_normal((n, 1))


def same(a, b):
    assert a.mi_estimate == b.mi_estimate
    assert a.p_value == b.p_value
    assert a.to_frame().equals(b.to_frame())


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_sweep_that_was_killed_goes_on_to_the_same_bits(tmp_path):
    options, grid = {**FAST, "n_epochs": 8}, {"run_id": [0, 1], "hidden_dim": [8, 16]}
    x, y = data(300)
    np.save(tmp_path / "data.npy", np.stack([x, y]))
    script = textwrap.dedent(KILLED).replace("{options}", repr(options))
    script = script.replace("{grid}", repr(grid))
    folder = tmp_path / "parts"
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), str(tmp_path / "data.npy")], timeout=300
    )
    assert done.returncode == -signal.SIGKILL
    kept = {p: p.stat().st_mtime_ns for p in folder.rglob("*.npz")}
    run = {"mode": "sweep", "base_params": options, "sweep_grid": grid}
    run |= {"random_seed": 3, "verbose": False}
    unbroken = mi.run(x, y, **run)
    resumed = mi.run(x, y, resume=folder, **run)
    same(unbroken, resumed)
    after = {p: p.stat().st_mtime_ns for p in folder.rglob("*.npz")}
    assert len(after) > len(kept) > 0  # it was stopped in between,
    assert kept.items() <= after.items()  # and what was finished was not computed again


MODES = {
    "estimate": {"n_permutations": 3},
    "lag": {"lag_range": range(-1, 2), "n_permutations": 3},
    "conditional": {"z_data": np.random.default_rng(1).standard_normal(400), "n_permutations": 3},
    "transfer": {"bidirectional": True, "n_permutations": 3},
}


CASES = [
    *[(mode, estimator) for mode in MODES for estimator in ("ksg", "infonce")],
    ("rigorous", "infonce"),
    ("precision", "infonce"),
    ("pairwise", "infonce"),
]
MODES |= {
    "rigorous": {"gamma_range": [1, 2], "min_gamma_points": 2},
    "precision": {"tau_grid": [0.5]},
    "pairwise": {"n_permutations": 2},
}


def quick(estimator):
    """Return options of an estimator that has soon done."""
    trained = {} if estimator == "ksg" else {"base_params": FAST}
    return {"estimator": estimator, **trained}


@pytest.mark.parametrize(("mode", "estimator"), CASES)
def test_kept_parts_give_the_same_bits_in_every_mode(mode, estimator, tmp_path):
    x, y = data()
    options = {"mode": mode, **quick(estimator), **MODES[mode]}
    options |= {"random_seed": 0, "verbose": False}
    plain = mi.run(x, y, **options)
    first = mi.run(x, y, resume=tmp_path / "parts", **options)
    kept = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.npz")}
    again = mi.run(x, y, resume=tmp_path / "parts", **options)
    same(plain, first)
    same(plain, again)
    # Something was kept, and the second run computed none of it anew.
    assert kept
    assert kept == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.npz")}


@pytest.mark.parametrize("estimator", ["ksg", "infonce"])
@pytest.mark.parametrize("change", ["data", "option", "seed"])
def test_another_job_in_the_folder_is_refused(estimator, change, tmp_path):
    x, y = data(200)
    options = {**quick(estimator), "random_seed": 0, "verbose": False}
    mi.run(x, y, resume=tmp_path, **options)
    if change == "data":
        y = y + 0.01 * x**2
    elif change == "seed":
        options["random_seed"] = 1
    elif estimator == "ksg":
        options["estimator_params"] = {"k": 4}
    else:
        options["base_params"] = {**FAST, "n_epochs": 3}
    with pytest.raises(DataError):
        mi.run(x, y, resume=tmp_path, **options)


def critic(sign):
    """Return a critic whose class has one name and whose code differs by `sign`."""
    if sign > 0:

        class Critic(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = torch.nn.Parameter(torch.zeros(1))

            def forward(self, x, y):
                return (1 + self.weight) * x.flatten(1) @ y.flatten(1).T
    else:

        class Critic(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = torch.nn.Parameter(torch.zeros(1))

            def forward(self, x, y):
                return (1 - self.weight) * x.flatten(1) @ y.flatten(1).T

    return Critic()


def test_a_critic_whose_code_changed_is_another_job(tmp_path):
    x, y = data(200)
    options = {"base_params": FAST, "random_seed": 0, "verbose": False, "resume": tmp_path}
    mi.run(x, y, custom_critic=critic(1), **options)
    mi.run(x, y, custom_critic=critic(1), **options)
    with pytest.raises(DataError):
        mi.run(x, y, custom_critic=critic(-1), **options)


@pytest.mark.parametrize(
    ("estimator", "changed"),
    [
        ("ksg", "neuroloom.mi._direct._neighbours.ksg_local"),
        ("infonce", "neuroloom.mi._training.fit.fit_stack"),
    ],
)
def test_changed_code_of_the_package_is_another_job(estimator, changed, tmp_path):
    x, y = data(200)
    options = {"random_seed": 0, "verbose": False, "resume": tmp_path}
    mi.run(x, y, **quick(estimator), **options)
    (record,) = tmp_path.rglob("job.json")
    known = json.loads(record.read_text())
    # The sources of a checkout are followed function by function; an installed package is known by
    # its version.
    installed = "site-packages" in str(Path(mi.__file__))
    part, name = ("versions", "neuroloom.mi") if installed else ("code", changed)
    known[part][name] = "0" * len(known[part][name])  # a KeyError if it is not followed
    record.write_text(json.dumps(known))
    with pytest.raises(DataError, match=name if installed else changed.rpartition(".")[2]):
        mi.run(x, y, estimator=estimator, **options)


@pytest.mark.parametrize("where", ["missing/table.json", "."])
def test_a_table_that_cannot_be_written_is_told_before_the_work(
    where, tmp_path, capsys, monkeypatch
):
    def never(**options):
        raise AssertionError("worked before the output was checked")

    monkeypatch.setattr("neuroloom.mi.__main__.benchmark", never)
    assert main(["benchmark", "--quick", "--out", str(tmp_path / where)]) == 2
    message = capsys.readouterr().err
    assert "--out" in message
    assert len(message.splitlines()) == 1
