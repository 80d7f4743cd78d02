"""Long jobs that are killed: what is resumed equals what was never broken, to the bit."""

import os
import signal
import subprocess
import sys
import time

import joblib
import numpy as np
import pytest

from neuroloom.glmhmm import GLMHMM, cross_validate, parametric_bootstrap
from neuroloom.shared.parallel import UnfinishedError, sharded

N_FOLDS = 4


def data():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(800, 1))
    side = np.where((np.arange(800) // 40) % 2 == 0, 3 * X[:, 0], 1.5)
    y = (rng.random(800) < 1 / (1 + np.exp(-side))).astype(float)
    return X, y, np.arange(800) % 50 == 0


def validated(folder, n_states=(1, 2), n_init=3):
    model = GLMHMM(2, regularizer_strength=0.25, n_init=n_init, tol=1e-4)
    told = {"n_states": n_states, "folds": N_FOLDS, "progress": False, "resume": folder}
    found = cross_validate(*data(), model=model, **told)
    two = found.models[2]
    numbers = found.folds[["log_likelihood", "bits_per_trial", "train_objective"]].to_numpy()
    return {
        "folds": numbers,
        "table": found.table.to_numpy(np.float64),
        "coef": two.coef_,
        "transition": two.transition_prob_,
    }


def resampled(folder):
    X, y, starts = data()
    model = GLMHMM(2, regularizer_strength=0.25, tol=1e-4).fit(X, y, session_starts=starts)
    found = parametric_bootstrap(model, X, y, starts, n_samples=96, resume=folder)
    return {
        "coef": found.coef,
        "intercept": found.intercept,
        "transition": found.transition_prob,
    }


def restarted(folder):
    X, y, starts = data()
    model = GLMHMM(2, regularizer_strength=0.25, n_init=12, tol=1e-6)
    model.fit(X, y, session_starts=starts, resume=folder)
    return {
        "coef": model.coef_,
        "transition": model.transition_prob_,
        "restarts": model.restarts_.to_numpy(np.float64),
        "trace": model.solver_state_.objective_history,
    }


def files_in(folder):
    return {path for path in folder.rglob("*") if path.is_file()}


def killed_after(job, folder, n_files):
    """Run a job in a process of its own and kill it when it has kept some of its work."""
    code = f"from pathlib import Path; import test_resume as t; t.{job}(Path({str(folder)!r}))"
    env = {**os.environ, "PYTHONPATH": os.path.dirname(__file__)}
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], env=env)
    end = time.monotonic() + 240
    while process.poll() is None and len(files_in(folder)) < n_files:
        assert time.monotonic() < end, "nothing was kept"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    return process.wait()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.parametrize("job", [resampled, restarted])  # `validated` is in test_long_jobs
def test_a_killed_job_goes_on_to_the_bit(job, tmp_path):
    broken = tmp_path / "broken"
    assert killed_after(job.__name__, broken, 4) == -signal.SIGKILL
    before = {path: path.stat().st_mtime_ns for path in files_in(broken)}
    resumed = job(broken)
    kept = [path for path in before if path.is_file() and path.stat().st_mtime_ns == before[path]]
    assert kept, "all was computed anew"
    unbroken = job(None)
    for name, values in unbroken.items():
        np.testing.assert_array_equal(resumed[name], values, err_msg=name)


def test_starts_in_shards(tmp_path):
    X, y, starts = data()

    def fitted(folder):
        model = GLMHMM(2, regularizer_strength=0.25, n_init=12, tol=1e-3)
        return model.fit(X, y, session_starts=starts, resume=folder)

    told = []
    for i in range(3):
        with pytest.raises(UnfinishedError) as end, sharded((i, 3)):
            fitted(tmp_path)
        told.append(str(end.value).partition(" items")[0])
    assert told == ["shard 0/3: 4 of 12", "shard 1/3: 8 of 12", "shard 2/3: 12 of 12"]
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    found, whole = fitted(tmp_path), fitted(None)
    assert kept == {path: path.stat().st_mtime_ns for path in kept}
    np.testing.assert_array_equal(found.coef_, whole.coef_)
    np.testing.assert_array_equal(found.restarts_.to_numpy(), whole.restarts_.to_numpy())


@pytest.mark.slow
def test_restarts_show_how_far_they_are(tmp_path, capsys):
    X, y, starts = data()
    # The best third state chooses one side alone: without a penalty its bias has no bound.
    model = GLMHMM(3, n_init=12, tol=1e-10, penalize_intercept=True)
    model.fit(X, y, session_starts=starts, progress=True, resume=tmp_path)
    told = capsys.readouterr().err
    assert "starts: 100%" in told
    assert "12/12" in told
    assert "the best 8: 100%" in told
    shown = model.coef_
    with joblib.parallel_config("threading", n_jobs=2):
        model.fit(X, y, session_starts=starts, progress=True)
    assert "starts: 100%" in capsys.readouterr().err
    np.testing.assert_array_equal(model.coef_, shown)
    model.fit(X, y, session_starts=starts)
    GLMHMM(2, regularizer_strength=0.25).fit(X, y, session_starts=starts, progress=True)
    assert capsys.readouterr().err == ""  # silent unless asked to, and of one start
