"""With numba and with numpy: the same bits, for every task."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import neuroloom.tasks as tasks
from neuroloom.tasks._design.catalogue import entries

pytest.importorskip("numba")

each_task = pytest.mark.parametrize("task", sorted(entries()))


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
