"""With numba and with numpy: the same bits, for every task."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import neuroloom.tasks as tasks
import neuroloom.tasks.declare as d
from neuroloom.tasks._design.catalogue import entries

pytest.importorskip("numba")

each_task = pytest.mark.parametrize("task", sorted(entries()))


@pytest.mark.slow
@each_task
def test_data_sets_have_the_same_bits(task: str) -> None:
    if tasks.get_task(task).no_ground_truth:
        pytest.skip("no ground truth: no data set")
    pair = [
        tasks.Dataset(task, batch_size=3, seq_len=70, seed=8, backend=backend)
        for backend in ("numba", "numpy")
    ]
    for _ in range(5):
        (a, x), (b, y) = pair[0](), pair[1]()
        assert a.tobytes() == b.tobytes()
        assert x.tobytes() == y.tobytes()


class Wide(d.Task):
    """Noise on `noisy` channels, side by side or on every other one, in a long period."""

    noisy: int = 1
    apart: bool = False

    periods = d.timeline(fixation=300, stimulus=d.free(("uniform", (100, 90_000))), end=200)

    def channels(self) -> d.Names:
        step = 2 if self.apart else 1
        quiet = self.noisy if self.apart else 1
        noisy = list(range(1, 1 + step * self.noisy, step))
        return {"noisy": noisy, "quiet": [i for i in range(self.noisy + quiet) if i not in noisy]}

    def actions(self) -> d.Names:
        return {"fixation": 1, "choice": 2}

    def noise(self) -> d.Noise:
        return {("stimulus", "noisy"): 1.0, ("end", "noisy"): 2.0}

    def conditions(self, rng: d.Rng, n: int) -> d.Conditions:
        return {"side": rng.integers(2, size=n)}

    def fill_observation(self, c: d.Conditions, levels: d.Levels, target: d.Targets) -> None:
        levels["stimulus", "quiet"] = c["side"]
        target["end"] = 1 + c["side"]


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("noisy", [1, 2, 3, 6, 7, 8, 33, 1030])
def test_noise_of_any_width_has_the_same_bits(noisy: int, apart: bool) -> None:
    task = Wide(noisy=noisy, apart=apart)
    pair = [
        tasks.Dataset(task, batch_size=2, seq_len=61, cache_len=900, seed=8, backend=backend)
        for backend in ("numba", "numpy")
    ]
    for _ in range(20):
        (a, x), (b, y) = pair[0](), pair[1]()
        assert a.tobytes() == b.tobytes()
        assert x.tobytes() == y.tobytes()


@each_task
def test_vector_environments_have_the_same_bits(task: str) -> None:
    a, b = (tasks.make_vec(task, 5, seed=8, backend=backend) for backend in ("numba", "numpy"))
    assert a.reset()[0].tobytes() == b.reset()[0].tobytes()
    space = copy.deepcopy(a.action_space)
    space.seed(3)
    for step in range(150):
        actions = space.sample() if step % 3 else a.right_action
        got, expected = a.step(actions), b.step(actions)
        for one, other in zip(got[:4], expected[:4], strict=True):
            assert one.tobytes() == other.tobytes()
        assert set(got[4]) == set(expected[4])
        for name in ("gt", "new_trial"):
            assert np.array_equal(got[4][name], expected[4][name])
        if got[4]["new_trial"].any():
            assert np.array_equal(got[4]["performance"], expected[4]["performance"])
            for name, value in expected[4]["trial"].items():
                assert np.array_equal(got[4]["trial"][name], value), name


@pytest.mark.parametrize("params", [{}, {"dt": 33.3}, {"dt": 16.0, "prod_margin": 0.15}])
@pytest.mark.parametrize("task", ["ReadySetGo-v0", "MotorTiming-v0", "OneTwoThreeGo-v0"])
def test_answers_in_time_are_worth_what_their_closed_form_says(
    task: str, params: dict[str, float]
) -> None:
    """With either backend, to the last bit; and by the conditions of the trial alone."""
    made = tasks.get_task(task, **params, rewards={"correct": 2.0, "fail": -0.5})
    a, b = (tasks.make_vec(made, 6, seed=8, backend=backend) for backend in ("numba", "numpy"))
    for envs in (a, b):
        envs.reset()
    rng, paid, step = np.random.default_rng(3), 0, np.zeros(6)
    decide = np.flatnonzero(a.plan.phase == 2)
    for _ in range(4000):
        deciding = np.isin(a.period, decide)
        actions = (deciding & (rng.random(6) < made.dt / 1000)).astype(int)
        (_, reward, _, _, info), other = a.step(actions), b.step(actions)
        assert reward.tobytes() == other[1].tobytes()
        for i in np.flatnonzero(info["new_trial"] & (actions == 1)):
            c = {name: float(values[i]) for name, values in info["trial"].items()}
            due = c["due"] if "due" in c else c["set_onset"] + c["production"]
            interval = c.get("interval", c.get("production", 0.0))
            off, window = abs(step[i] * made.dt - due), made.prod_margin * interval + 25
            worth = 2 * max((1 - off / window) ** 1.5, 0.1) if off <= window else -0.5
            if abs(off - window) > 1e-6:
                assert reward[i] == pytest.approx(worth)
                assert info["performance"][i] == other[4]["performance"][i] == (off <= window)
            paid += off <= window
        step = np.where(info["new_trial"], 0, step + 1)
    assert paid > 5
