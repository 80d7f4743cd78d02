"""Agents at work: one row a trial."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared import Seed, Trials, as_seed
from neuroloom.tasks._behaviour.blocks import own_copy, refuse_where_no_blocks, run_blocks
from neuroloom.tasks._behaviour.policies import Policy, named
from neuroloom.tasks._behaviour.record import Answers, check_names, table
from neuroloom.tasks._behaviour.worlds import World, answer_of, some_sessions, world
from neuroloom.tasks._errors import ActionError, whole


def run_trials(
    task: Any,
    policy: Policy | Literal["random", "ground_truth", "withhold"] | Any = "random",
    n_trials: int = 100,
    *,
    sessions: int | None = None,
    side_by_side: int | None = None,
    n_workers: int | None = None,
    resume: str | Path | None = None,
    progress: bool = False,
    seed: int | Seed = 0,
    **params: Any,
) -> Trials:
    """Return the trials of an agent on a task, one row a trial.

    All sessions are run side by side by one policy, which may learn from all of them. With
    `side_by_side` they are run in blocks, by several workers or on a cluster, each block by a copy
    of the policy as it was handed over.

    Parameters
    ----------
    task : str, Task or environment
        Id or task; an environment with trials, wrapped or not, of which copies are run; or a
        vector environment, each of whose environments is a session.
    policy : callable, str or model
        ``policy(observation, info) -> actions`` over `sessions` environments at once (see
        `Policy`); ``"random"``, ``"ground_truth"``, ``"withhold"`` (always 0); or a model with
        stable-baselines3's ``predict(observation, state, episode_start, deterministic)``.
    n_trials : int
        Number of rows.
    sessions : int, optional
        Number of streams that are run side by side, each a session. Session `i` is stream `i` of
        the seed, in environments too. Default: up to 32, fewer where trials depend on those before,
        so that a session has 500; of an environment in wrappers, or written step by step, 1.
    side_by_side : int, optional
        Sessions a block. A policy that draws must have a method ``seeded(stream)`` (see `Policy`):
        block `b` draws from ``Seed(seed).child("policy").child(b)``, so that another number of
        sessions a block gives other draws. One that draws nothing and remembers nothing from
        session to session gives the same table in blocks of any size and in none. The table never
        depends on the workers. With a vector environment there are no blocks.
    n_workers, resume, progress
        As for `neuroloom.shared.map`, whose items are the blocks.
    seed : int or Seed
        Root of the streams, and of the random policy. Wrappers and environments written step by
        step are reset with it in the first session, and with seeds that it gives in others.
    **params
        Parameters of the task, if it is given by id.

    Returns
    -------
    Trials
        Columns: the task's conditions; ``action``, the answer as the environment numbers it
        (0: none), and ``target``, the right one; ``choice``, the answer counted from 0 (NaN:
        none; where there is one action and holding still may be right, 1 and 0); ``stimulus``,
        the signed evidence, positive for choice 1, in tasks of two choices; ``correct``
        (performance of 1), ``reward`` (its sum over the trial), ``performance``,
        ``reaction_time`` (s from when an answer first counts, or from the stimulus in
        reaction-time tasks; NaN without an answer), ``trial`` and ``session``. Sorted by session
        and trial.

    Raises
    ------
    TaskError, TaskTypeError
        If an argument does not fit.

    Examples
    --------
    >>> from neuroloom.tasks import run_trials
    >>> trials = run_trials("PerceptualDecisionMaking-v0", "ground_truth", 100, seed=1)
    >>> len(trials), bool(trials.table["correct"].all())
    (100, True)
    """
    n_trials = whole("n_trials", n_trials, minimum=1)
    n = None if sessions is None else whole("sessions", sessions, minimum=1)
    root = as_seed(seed)
    source = world(task, n, n_trials, seed, params)
    n = source.n
    wanted = np.full(n, n_trials // n) + (np.arange(n) < n_trials % n)
    act = named(policy, source, root.child("policy").generator())
    if side_by_side is None:
        refuse_where_no_blocks(n_workers, resume, progress)
        return table(_columns(source, act, wanted))
    size = whole("side_by_side", side_by_side, minimum=1)
    told = seed if isinstance(seed, (int, np.integer)) else root  # the same in every block
    run = partial(_block, task=task, policy=policy, seed=told, params=params)
    return table(run_blocks(run, task, wanted, size, n_workers, resume, progress))


def _block(
    block: tuple[int, int, list[int]],
    *,
    task: Any,
    policy: Any,
    seed: int | Seed,
    params: dict[str, Any],
) -> dict[str, list[NDArray[Any]]]:
    """Return the columns of some sessions, run by a policy of their own."""
    number, first, wanted = block
    source = some_sessions(task, first, len(wanted), seed, params)
    stream = as_seed(seed).child("policy").child(number)
    act = named(own_copy(policy, stream), source, stream.generator())
    columns = _columns(source, act, np.array(wanted))
    columns["session"] = [part + first for part in columns["session"]]
    return columns


def _columns(source: World, act: Any, wanted: NDArray[np.int64]) -> dict[str, list[NDArray[Any]]]:
    """Return the pieces of every column of a policy's trials, so many as wanted of a session."""
    n = source.n
    about_trials = getattr(act, "about", None)
    answers = Answers(source)
    if hasattr(act, "begin_sessions"):
        act.begin_sessions(n)
    observation = source.reset()
    told = _nothing_yet(n, answers.action)
    count, total = np.zeros(n, dtype=np.int64), np.zeros(n)
    columns: dict[str, list[NDArray[Any]]] = {}
    no_performance = told["performance"].copy()
    unfinished = bool((count < wanted).any())
    while unfinished:
        about = source.about()
        actions = np.asarray(act(observation, {**told, **about}))
        if actions.shape != answers.action.shape:
            raise ActionError(
                f"policy: expected actions of shape {answers.action.shape}, got {actions.shape}"
            )
        answers.see(about, actions)
        observation, reward, ended, info = source.step(actions)
        total += reward
        # A trial that an episode's end left unfinished has no row, and the next one begins too.
        fresh = ended | info["cut"] if "cut" in info else ended
        told = {"new_trial": fresh, "reward": reward, "action": actions.copy()}
        told["performance"] = no_performance.copy()
        if np.count_nonzero(ended):
            told["performance"] = np.where(ended, info["performance"], np.nan)
            if not columns:
                check_names(answer_of(source)[1], info["trial"])
            row = {
                **info["trial"],
                **answers.columns(info["trial"]),
                "correct": info["performance"] >= 1,
                "reward": total.copy(),
                "performance": info["performance"],
                "trial": count.copy(),
                "session": np.arange(n),
                **(about_trials() if about_trials is not None else {}),
            }
            keep = np.flatnonzero(ended & (count < wanted))
            for name, values in row.items():
                columns.setdefault(name, []).append(values[keep])
            count += ended
            unfinished = bool((count < wanted).any())
        if np.count_nonzero(fresh):
            total[fresh] = 0
            answers.forget(fresh)
    return columns


def _nothing_yet(n: int, actions: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return what a policy is told before the first step."""
    return {
        "new_trial": np.ones(n, dtype=bool),
        "reward": np.zeros(n),
        "action": np.zeros_like(actions),
        "performance": np.full(n, np.nan),
    }
