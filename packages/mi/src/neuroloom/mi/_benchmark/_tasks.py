"""The 40 distributions of the benchmark of Czyż et al. (NeurIPS 2023), each with its truth.

Every task is built here from its definition: a base distribution with a closed form, and
bijections of X and of Y, which leave the mutual information as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._benchmark import _transforms, _truth
from neuroloom.shared import Seed, as_seed

Array = NDArray[np.float64]
Map = Callable[[Array], Array]


@dataclass(frozen=True)
class BenchmarkTask:
    """One distribution of two variables with known mutual information.

    Parameters
    ----------
    task_id : str
        Name for programs, as in the published benchmark.
    name : str
        Name for people.
    dim_x, dim_y : int
        Dimensions of the two variables.
    true_mi : float
        Mutual information in nats.
    draw : callable
        ``draw(generator, n)`` returns ``n`` samples of both variables.
    """

    task_id: str
    name: str
    dim_x: int
    dim_y: int
    true_mi: float
    draw: Callable[[np.random.Generator, int], tuple[Array, Array]]

    def sample(self, n: int, seed: int | Seed = 0) -> tuple[Array, Array]:
        """Return `n` independent samples, shapes ``(n, dim_x)`` and ``(n, dim_y)``.

        Parameters
        ----------
        n : int
            Number of samples.
        seed : int or Seed
            Same seed, same samples.
        """
        return self.draw(as_seed(seed).child(self.task_id).generator(), n)


def benchmark_tasks() -> dict[str, BenchmarkTask]:
    """Return all 40 tasks by their id.

    Returns
    -------
    dict of str to BenchmarkTask

    Examples
    --------
    >>> tasks = benchmark_tasks()
    >>> len(tasks)
    40
    >>> task = tasks["1v1-normal-0.75"]
    >>> x, y = task.sample(1000, seed=0)
    >>> x.shape, round(task.true_mi, 4)
    ((1000, 1), 0.4133)
    """
    return {task.task_id: task for task in (*_one_by_one(), *_normals(), *_mapped(), *_students())}


def _one_by_one() -> list[BenchmarkTask]:
    from scipy.special import ndtr

    base = _correlated(1, 1, _pairs(1, 1, 1, 0.75))
    name, task_id = "Bivariate normal 1 × 1", "1v1-normal-0.75"
    cdf = _through(base, "normal_cdf-1v1-normal-0.75", f"Normal CDF @ {name}", ndtr, ndtr)
    maps = _transforms
    return [
        _renamed(base, task_id, name),
        cdf,
        _additive(0.1),
        _additive(0.75),
        _through(base, "1v1-bimodal-0.75", "Bimodal 1 × 1", maps.bimodal, maps.bimodal),
        _through(base, f"wiggly-{task_id}", f"Wiggly @ {name}", maps.wiggly_x, maps.wiggly_y),
        _through(
            base, f"half_cube-{task_id}", f"Half-cube @ {name}", maps.half_cube, maps.half_cube
        ),
        _through(
            cdf,
            f"swissroll_x-normal_cdf-{task_id}",
            "Swiss roll 2 × 1",
            maps.swiss_roll,
            None,
            dim_x=2,
        ),
    ]


def _normals() -> list[BenchmarkTask]:
    dense = [
        _renamed(
            _correlated(d, d, np.full((2 * d, 2 * d), 0.5) + 0.5 * np.eye(2 * d)),
            f"multinormal-dense-{d}-{d}-0.5",
            f"Multinormal {d} × {d} (dense)",
        )
        for d in (2, 3, 5, 25, 50)
    ]
    return dense + [_sparse(d) for d in (2, 3, 5, 25)]


def _sparse(d: int) -> BenchmarkTask:
    # Two pairs share a common cause of strength 2: correlation 2² / (1 + 2²).
    return _renamed(
        _correlated(d, d, _pairs(d, d, 2, 0.8)),
        f"multinormal-sparse-{d}-{d}-2-2.0",
        f"Multinormal {d} × {d} (2-pair)",
    )


def _mapped() -> list[BenchmarkTask]:
    from scipy.special import ndtr

    tasks = []
    for d in (3, 5, 25):
        base = _sparse(d)
        cdf = _through(base, f"normal_cdf-{base.task_id}", f"Normal CDF @ {base.name}", ndtr, ndtr)
        half = _transforms.half_cube
        tasks += [
            cdf,
            _through(base, f"half_cube-{base.task_id}", f"Half-cube @ {base.name}", half, half),
        ]
        for task in (base, cdf):
            tasks.append(
                _through(
                    task,
                    f"spiral-{task.task_id}",
                    f"Spiral @ {task.name}",
                    partial(_transforms.spiral, plane=(0, 1)),
                    partial(_transforms.spiral, plane=(1, 2)),
                )
            )
    return tasks


def _students() -> list[BenchmarkTask]:
    sizes = [(1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (5, 2), (5, 3)]
    plain = {size: _student(*size) for size in sizes}
    asinh = [
        _through(
            plain[s],
            f"asinh-{plain[s].task_id}",
            f"Asinh @ {plain[s].name}",
            np.arcsinh,
            np.arcsinh,
        )
        for s in [(1, 1), (2, 1), (3, 2), (5, 2)]
    ]
    return [*plain.values(), *asinh]


def _correlated(dim_x: int, dim_y: int, correlation: Array) -> BenchmarkTask:
    root = np.linalg.cholesky(correlation)

    def draw(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
        z = generator.standard_normal((n, dim_x + dim_y)) @ root.T
        return z[:, :dim_x], z[:, dim_x:]

    return BenchmarkTask("", "", dim_x, dim_y, _truth.normal(correlation, dim_x), draw)


def _pairs(dim_x: int, dim_y: int, n_pairs: int, correlation: float) -> Array:
    matrix = np.eye(dim_x + dim_y)
    for i in range(n_pairs):
        matrix[i, dim_x + i] = matrix[dim_x + i, i] = correlation
    return matrix


def _additive(noise: float) -> BenchmarkTask:
    def draw(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
        x = generator.uniform(size=(n, 1))
        return x, x + generator.uniform(-noise, noise, size=(n, 1))

    return BenchmarkTask(
        f"1v1-additive-{noise}",
        f"Uniform 1 × 1 (additive noise={noise})",
        1,
        1,
        _truth.additive_uniform(noise),
        draw,
    )


def _student(d: int, dof: int) -> BenchmarkTask:
    def draw(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
        z = generator.standard_normal((n, 2 * d))
        z *= np.sqrt(dof / generator.chisquare(dof, size=(n, 1)))
        return z[:, :d], z[:, d:]

    return BenchmarkTask(
        f"student-identity-{d}-{d}-{dof}",
        f"Student-t {d} × {d} (dof={dof})",
        d,
        d,
        _truth.student(d, d, dof),
        draw,
    )


def _renamed(task: BenchmarkTask, task_id: str, name: str) -> BenchmarkTask:
    return BenchmarkTask(task_id, name, task.dim_x, task.dim_y, task.true_mi, task.draw)


def _through(
    base: BenchmarkTask,
    task_id: str,
    name: str,
    map_x: Map | None,
    map_y: Map | None,
    *,
    dim_x: int | None = None,
) -> BenchmarkTask:
    """Return `base` seen through bijections, with the same mutual information."""

    def draw(generator: np.random.Generator, n: int) -> tuple[Array, Array]:
        x, y = base.draw(generator, n)
        return (map_x(x) if map_x else x), (map_y(y) if map_y else y)

    return BenchmarkTask(task_id, name, dim_x or base.dim_x, base.dim_y, base.true_mi, draw)
