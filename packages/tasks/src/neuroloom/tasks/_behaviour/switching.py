"""An observer whose strategy switches between trials: data for GLM-HMM recovery studies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared import Seed, Trials, as_seed
from neuroloom.tasks._behaviour.ideal import IdealObserver
from neuroloom.tasks._behaviour.policies import Policy
from neuroloom.tasks._behaviour.run import run_trials
from neuroloom.tasks._design.catalogue import get_task
from neuroloom.tasks._design.task import Task
from neuroloom.tasks._errors import TaskTypeError, fail, real, whole

STATES = ("engaged", "biased", "lapsing")


class SwitchingObserver:
    """Answers like another policy while engaged, one-sidedly while biased, at random otherwise.

    The state is a Markov chain over trials, one chain a session, as the GLM-HMM takes it (Ashwood
    et al. 2022, Nat. Neurosci. 25:201). An answer is given when the engaged policy would give its
    own, so that reaction times do not tell the states apart. A policy for `run_trials`, whose
    table gets the columns ``state`` (0 engaged, 1 biased, 2 lapsing).

    Parameters
    ----------
    engaged : Policy
        Whom to follow while engaged.
    n_actions : int
        Number of actions, with 0 for no answer.
    transition : array, (3, 3)
        Probability of each state given the one before.
    bias : float
        Probability of `side` while biased.
    side : int
        The action that is preferred then.
    seed : int or Seed
        Root of states and answers.

    Raises
    ------
    TaskError
        If `transition` is not three distributions, or a number is out of range.
    """

    def __init__(
        self,
        engaged: Policy,
        *,
        n_actions: int = 3,
        transition: ArrayLike = ((0.98, 0.01, 0.01), (0.02, 0.96, 0.02), (0.02, 0.02, 0.96)),
        bias: float = 0.9,
        side: int = 1,
        seed: int | Seed = 0,
    ) -> None:
        self._engaged = engaged
        self._n_actions = whole("n_actions", n_actions, minimum=3)
        p = np.asarray(transition, dtype=float)
        if p.shape != (3, 3) or (p < 0).any() or not np.allclose(p.sum(axis=1), 1, atol=1e-9):
            raise fail("transition", "three rows of probabilities that sum to 1", transition)
        self.transition = p
        self._cumulated = p.cumsum(axis=1)
        if not 0 <= real("bias", bias, minimum=0) <= 1:
            raise fail("bias", "a probability", bias)
        if not 1 <= whole("side", side, minimum=1) < n_actions:
            raise fail("side", f"an action from 1 to {n_actions - 1}", side)
        self._bias, self._side = float(bias), side
        self._rng = as_seed(seed).child("switching").generator()
        self._state: NDArray[np.int64] | None = None
        self._answer = np.zeros(0, dtype=np.int64)

    def __call__(self, observation: NDArray[np.float32], info: dict[str, Any]) -> NDArray[np.int64]:
        """Return the actions of environments that show `observation`."""
        n, begun = len(observation), np.asarray(info["new_trial"])
        if self._state is None or len(self._state) != n:
            self._state = self._draw(self._start(), n)
            self._answer = np.zeros(n, dtype=np.int64)
        elif begun.any():
            following = self._draw(self._cumulated[self._state], n)
            self._state = np.where(begun, following, self._state)
        if begun.any():
            other = 1 + self._rng.integers(self._n_actions - 1, size=n)
            others = 1 + (self._side - 1 + 1 + self._rng.integers(self._n_actions - 2, size=n)) % (
                self._n_actions - 1
            )
            biased = np.where(self._rng.random(n) < self._bias, self._side, others)
            self._answer = np.where(begun, np.where(self._state == 1, biased, other), self._answer)
        own = np.asarray(self._engaged(observation, info))
        replaced = (own != 0) & (self._state != 0)
        actions: NDArray[np.int64] = np.where(replaced, self._answer, own).astype(np.int64)
        return actions

    def about(self) -> dict[str, NDArray[Any]]:
        """Return what the table of `run_trials` gets about the present trials."""
        assert self._state is not None
        return {"state": self._state.copy()}

    def _start(self) -> NDArray[np.float64]:
        """Return the chain's stationary distribution, cumulated."""
        system = np.vstack([self.transition.T - np.eye(3), np.ones(3)])
        stationary = np.linalg.lstsq(system, np.array([0.0, 0, 0, 1]), rcond=None)[0]
        return np.asarray(np.cumsum(np.clip(stationary, 0, 1)))

    def _draw(self, cumulated: NDArray[np.float64], n: int) -> NDArray[np.int64]:
        u = self._rng.random(n)[:, None]
        drawn: NDArray[np.int64] = np.minimum((u > cumulated).sum(axis=1), 2)
        return drawn


def switching_trials(
    task: str | Task,
    n_trials: int = 10_000,
    *,
    sessions: int = 10,
    transition: Sequence[Sequence[float]] | NDArray[np.floating[Any]] | None = None,
    bias: float = 0.9,
    seed: int | Seed = 0,
    **params: Any,
) -> Trials:
    """Return the trials of an observer that is engaged, biased or lapsing in turn.

    While engaged it is the task's ideal observer; see `SwitchingObserver`.

    Parameters
    ----------
    task : str or Task
        A task with noise and at least two answers.
    n_trials : int
        Number of rows.
    sessions : int
        Number of sessions, each with a chain of its own.
    transition : array, (3, 3), optional
        Probability of each state given the one before.
    bias : float
        Probability of action 1 while biased.
    seed : int or Seed
        Root of everything.
    **params
        Parameters of the task, if it is given by id.

    Returns
    -------
    Trials
        As `run_trials` returns them, with the column ``state``, the truth to be recovered.

    Raises
    ------
    TaskError, TaskTypeError
        If the task has no ideal observer, or fewer than two answers.

    Examples
    --------
    >>> from neuroloom.tasks import switching_trials
    >>> table = switching_trials("PerceptualDecisionMaking-v0", 4000, seed=1).table
    >>> right = table.groupby("state")["correct"].mean()
    >>> bool(right[0] > 0.85 and right[2] < 0.6)
    True
    """
    made = get_task(task, **params)
    root = as_seed(seed)
    ideal = IdealObserver(made)
    n_actions = ideal.n_actions
    if n_actions < 3:
        raise TaskTypeError(f"{type(made).__name__}: expected two answers or more to choose from")
    given: dict[str, Any] = {} if transition is None else {"transition": transition}
    observer = SwitchingObserver(ideal, n_actions=n_actions, bias=bias, seed=root, **given)
    return run_trials(made, observer, n_trials, sessions=sessions, seed=seed)
