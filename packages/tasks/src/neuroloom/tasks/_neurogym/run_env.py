"""Running an agent, and keeping what it sees, does and earns."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

from neuroloom.tasks._errors import TaskTypeError, whole

_MOST_STEPS = 100_000


def run_env(
    env: Any,
    num_steps: int = 200,
    num_trials: int | None = None,
    def_act: Any = None,
    model: Any = None,
) -> dict[str, Any]:
    """Return what an agent sees, does and earns.

    Parameters
    ----------
    env : gymnasium.Env or stable_baselines3 DummyVecEnv
        Environment with trials; of a vector environment the first is kept.
    num_steps : int
        Number of steps.
    num_trials : int, optional
        Number of trials instead (at most 100,000 steps).
    def_act : action, optional
        What to do always, if there is no model. Default: random actions.
    model : object, optional
        With stable-baselines3's ``predict``; a recurrent one forgets at the start of a trial.

    Returns
    -------
    dict
        ``ob`` (after each step), ``ob_cum`` (its running sum within trials), ``rewards``,
        ``actions``, ``perf`` (-1 but at a trial's end), ``actions_end_of_trial`` (-1 but there),
        ``gt``, ``states`` (of a recurrent model, or None), ``initial_ob``.

    Raises
    ------
    TaskError, TaskTypeError
        If an argument does not fit.
    """
    if num_trials is not None:
        num_trials, num_steps = whole("num_trials", num_trials, minimum=1), _MOST_STEPS
    num_steps = whole("num_steps", num_steps, minimum=1)
    if model is not None and not callable(getattr(model, "predict", None)):
        raise TaskTypeError(f"model: expected an object with predict(), got {model!r}")
    if isinstance(env, VectorEnv):
        raise TaskTypeError(f"env: expected one environment, got {env!r}; take one of its kind")
    run = _Run(env, def_act, model)
    for _ in range(num_steps):
        run.step()
        if num_trials is not None and run.done >= num_trials:
            break
    return run.record()


class _Run:
    """An agent in an environment, and a record of what happens.

    Parameters
    ----------
    env : gymnasium.Env or stable_baselines3 DummyVecEnv
        Of a vector environment the first is kept.
    def_act, model
        See `run_env`.
    """

    def __init__(self, env: Any, def_act: Any, model: Any) -> None:
        self._env, self._def_act, self._model = env, def_act, model
        begun = env.reset()
        self._vector = not isinstance(begun, tuple)
        self._ob = begun if self._vector else begun[0]
        self._initial = np.array(self._ob, copy=True)
        self._total, self._state = np.array(self._ob, copy=True), None
        self._start, self.done = np.array([True]), 0
        names = ("ob", "ob_cum", "rewards", "actions", "perf", "ends", "gt", "states")
        self._kept: dict[str, list[Any]] = {name: [] for name in names}

    def step(self) -> None:
        """Act once."""
        action = self._action()
        plain = action[0] if self._vector else action
        if self._vector:
            self._ob, rewards, _, infos = self._env.step(action)
            info, reward, over = infos[0], rewards[0], False
        else:
            self._ob, reward, terminated, truncated, info = self._env.step(action)
            over = terminated or truncated
        new = bool(info.get("new_trial", False))
        self._start = np.array([new])
        self._total = self._total + self._ob
        row = {
            "ob": np.array(self._ob, copy=True),
            "ob_cum": self._total.copy(),
            "rewards": float(reward),
            "actions": plain,
            "gt": info.get("gt", 0),
            "perf": info.get("performance", 0.0) if new else -1,
            "ends": plain if new else -1,
        }
        for name, value in row.items():
            self._kept[name].append(value)
        if new:
            self._total, self.done = np.array(self._ob, copy=True), self.done + 1
        if over:
            self._ob, _ = self._env.reset()

    def record(self) -> dict[str, Any]:
        """Return what happened; see `run_env`."""
        kept, take = self._kept, (slice(None), 0) if self._vector else (slice(None),)
        return {
            "ob": np.array(kept["ob"]).astype(np.float32)[take],
            "ob_cum": np.array(kept["ob_cum"]).astype(np.float32)[take],
            "rewards": kept["rewards"],
            "actions": np.array(kept["actions"]),
            "perf": np.array(kept["perf"]),
            "actions_end_of_trial": kept["ends"],
            "gt": np.array(kept["gt"]),
            "states": np.array(kept["states"]) if kept["states"] else None,
            "initial_ob": self._initial[0] if self._vector else self._initial,
        }

    def _action(self) -> Any:
        if self._model is not None:
            action, self._state = self._model.predict(
                self._ob, state=self._state, episode_start=self._start, deterministic=True
            )
            if self._state is not None:
                parts = [np.ravel(part) for part in self._state]
                self._kept["states"].append(np.concatenate(parts))
            return action
        given = self._def_act is not None
        action = self._def_act if given else self._env.action_space.sample()
        return np.array([action]) if self._vector else action
