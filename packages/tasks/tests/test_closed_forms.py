"""Numbers that are known on paper: intervals, decision times, bounds and rewards for timing."""

from __future__ import annotations

import numpy as np
import pytest

import neuroloom.tasks as tasks
from neuroloom.tasks import declare
from neuroloom.tasks.behaviour import BoundedObserver

BOUNDS = [(0.6, 4.0), (1.0, 10.0), (1.5, 2.0)]


@pytest.mark.parametrize(("k", "n"), [(0, 5), (3, 7), (40, 40), (77, 300)])
def test_ends_of_an_interval_solve_wilsons_equation(k: int, n: int) -> None:
    """Wilson (1927): the ends are the p of which the observed share is one s.e. away."""
    table = {"stimulus": np.ones(n), "choice": np.r_[np.ones(k), np.zeros(n - k)]}
    curve = tasks.psychometric(table)
    ends = np.array([curve.low[0], curve.high[0]])
    assert np.square(k / n - ends) == pytest.approx(ends * (1 - ends) / n, abs=1e-12)
    assert ends[0] <= k / n <= ends[1]
    assert ends[1] - ends[0] > 1 / (n + 1)  # an interval, not its middle twice


def first_passage(drift: float, bound: float) -> tuple[float, float]:
    """Return mean time and share at the upper bound, from their differential equations.

    Backward Kolmogorov: ``u'' / 2 + drift u' = -1`` and ``p'' / 2 + drift p' = 0`` on a grid.
    """
    n = 801
    x = np.linspace(-bound, bound, n)
    h = x[1] - x[0]
    lower, middle, upper = 0.5 / h**2 - drift / (2 * h), -1 / h**2, 0.5 / h**2 + drift / (2 * h)
    matrix = np.diag(np.full(n, middle))
    matrix += np.diag(np.full(n - 1, upper), 1) + np.diag(np.full(n - 1, lower), -1)
    matrix[[0, -1]] = np.eye(n)[[0, -1]]
    time, share = np.full(n, -1.0), np.zeros(n)
    time[[0, -1]], share[-1] = 0, 1
    return tuple(float(np.linalg.solve(matrix, b)[n // 2]) for b in (time, share))  # type: ignore[return-value]


@pytest.mark.parametrize(("bound", "sensitivity"), BOUNDS)
def test_decision_time_and_accuracy_solve_their_equations(bound: float, sensitivity: float) -> None:
    model = tasks.Diffusion(sensitivity=sensitivity, bound=bound, non_decision=0.3)
    for coh in (0.0, 6.4, 51.2):
        time, share = first_passage(sensitivity * coh / 100, bound)
        assert float(model.mean_time(coh)) == pytest.approx(time + 0.3, rel=1e-3)
        assert float(model.accuracy(coh)) == pytest.approx(share, abs=1e-4)


@pytest.mark.parametrize("bound", [0.5, 0.9])
def test_an_observer_with_a_bound_takes_as_long_as_the_closed_form(bound: float) -> None:
    """Palmer, Huk & Shadlen (2005): mean time ``A / k tanh(A k)``, and ``A²`` without evidence."""
    task = tasks.get_task(
        "perceptualdecisionmaking.roitman02-v0", dt=10, timing={"stimulus": 6000}, sigma=1.5
    )
    periods = (list(task.periods).index("onset"), list(task.periods).index("stimulus"))
    sensitivity = 1 / (task.sigma * np.sqrt(2e-3))  # type: ignore[attr-defined]
    observer = tasks.Diffusion(sensitivity, bound, 0.0).observer(10, periods=periods)
    assert isinstance(observer, BoundedObserver)
    table = tasks.run_trials(task, observer, 3000, sessions=300, seed=2).table
    table = table[table["action"] > 0]
    assert len(table) > 2950
    for coh in (0.0, 51.2):
        some = table[table["coh"] == coh]
        drift = sensitivity * coh / 100
        mean = bound / drift * np.tanh(bound * drift) if drift else bound**2
        error = some["reaction_time"].std() / np.sqrt(len(some))
        took = some["reaction_time"].mean() + 0.01  # counted from the first step's end
        assert took == pytest.approx(mean, abs=4 * error + 0.01)


REWARDS = {"correct": 2.0, "fail": -1.0}


@pytest.mark.parametrize(
    ("off", "worth"),
    [
        (0, 2.0),
        (-112.5, 2 * 0.5**1.5),
        (168.75, 2 * 0.25**1.5),
        (-220, 0.2),
        (225, 0.2),
        (226, -1.0),
        (-400, -1.0),
    ],
)
def test_reward_for_timing_falls_with_the_power_of_three_halves(off: float, worth: float) -> None:
    """The window of an interval of 1000 ms at a margin of 0.2 is 225 ms."""
    reward, inside = declare.timing_reward(np.array([off]), np.array([1000.0]), 0.2, REWARDS)
    assert reward[0] == pytest.approx(worth)
    assert inside[0] == (abs(off) <= 225)


@pytest.mark.parametrize("late", [-3, -1, 0, 1, 2])
def test_an_answer_some_steps_off_earns_what_the_window_says(late: int) -> None:
    env = tasks.make("ReadySetGo-v0", dt=50, prod_margin=0.2, timing={"measure": 800})
    env.reset(seed=3)
    trial = env.trial
    right = int(np.flatnonzero(env.gt)[0])
    for _ in range(right + late):
        env.step(0)
    reward = env.step(1)[1]
    window = 0.2 * float(trial["production"]) + 25
    share = 1 - abs(late) * 50 / window
    expected = max(share**1.5, 0.1) if share >= 0 else 0.0
    assert reward == pytest.approx(expected, abs=1e-6)
