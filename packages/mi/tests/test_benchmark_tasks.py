"""The 40 distributions: their truths, and that samples have the distribution they claim."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.special import ndtr
from scipy.stats import kstest, multivariate_t, t

from neuroloom.mi._benchmark import _transforms
from neuroloom.mi._benchmark._tasks import benchmark_tasks
from neuroloom.mi._benchmark._transforms import spiral
from neuroloom.mi._benchmark._truth import student

TASKS = benchmark_tasks()


def test_all_truths_agree_with_the_published_table():
    folder = os.environ.get("NEUROLOOM_DATA")
    table = Path(folder or "").parent / "reference" / "mi_benchmark_tasks.csv"
    if not folder or not table.is_file():
        pytest.skip("the published table lies beside NEUROLOOM_DATA")
    with table.open(newline="") as file:
        rows = {row["task_id"]: row for row in csv.DictReader(file)}
    assert rows.keys() == TASKS.keys()
    for task_id, row in rows.items():
        task = TASKS[task_id]
        assert (task.name, task.dim_x, task.dim_y) == (
            row["name"],
            int(row["dim_x"]),
            int(row["dim_y"]),
        )
        assert task.true_mi == pytest.approx(float(row["true_mi_nats"]), abs=1e-6)


@pytest.mark.slow
def test_student_truth_agrees_with_integration():
    joint, single = multivariate_t([0, 0], np.eye(2), df=2), t(df=2)

    def integrand(a: float, b: float) -> float:
        # The plane is mapped to a square; the Jacobian is that of tan.
        x, y = np.tan(a), np.tan(b)
        density = joint.pdf([x, y])
        ratio = np.log(density / (single.pdf(x) * single.pdf(y)))
        return density * ratio / (np.cos(a) * np.cos(b)) ** 2

    edge = np.pi / 2 - 1e-3
    value, _ = dblquad(integrand, 0, edge, 0, edge, epsabs=1e-4)
    assert 4 * value == pytest.approx(student(1, 1, 2), abs=2e-3)


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())
def test_samples_have_the_shape_and_repeat(task):
    x, y = task.sample(500, seed=3)
    assert x.shape == (500, task.dim_x)
    assert y.shape == (500, task.dim_y)
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()
    again, _ = task.sample(500, seed=3)
    np.testing.assert_array_equal(x, again)
    other, _ = task.sample(500, seed=4)
    assert not np.array_equal(x, other)


def test_elementwise_maps_keep_the_order():
    grid = np.linspace(-6, 6, 20001)
    for transform in (_transforms.wiggly_x, _transforms.wiggly_y, _transforms.half_cube):
        assert (np.diff(transform(grid)) > 0).all()


def test_bimodal_marginal_is_the_mixture():
    x, _ = TASKS["1v1-bimodal-0.75"].sample(5000, seed=2)
    mixture = lambda v: 0.3 * ndtr((v + 2) / 0.5) + 0.7 * ndtr(v - 2)  # noqa: E731
    assert kstest(x[:, 0], mixture).pvalue > 0.01


def test_spiral_keeps_lengths_and_turns_one_plane():
    x = np.random.default_rng(0).standard_normal((100, 5))
    turned = spiral(x, plane=(1, 2))
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(x, axis=1))
    np.testing.assert_array_equal(turned[:, [0, 3, 4]], x[:, [0, 3, 4]])
    back = spiral(turned, plane=(1, 2), speed=-1 / 3)
    np.testing.assert_allclose(back, x, atol=1e-12)
