"""Many environments at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from neuroloom.shared import Seed
from neuroloom.tasks._design.task import Task
from neuroloom.tasks._engine.array_stepper import ArraySteps
from neuroloom.tasks._engine.buffer import Ring
from neuroloom.tasks._engine.compiled_stepper import CompiledSteps
from neuroloom.tasks._engine.plan import make_plan
from neuroloom.tasks._engine.streams import Streams
from neuroloom.tasks._errors import ActionError, whole
from neuroloom.tasks._random.backend import Backend

_VALUES = 2**18
_FEWEST, _MOST = 4, 256


class TaskVectorEnv(VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]]):
    """A task as `num_envs` environments that step together; environment `i` reads stream `i`.

    ``info`` holds arrays over the environments: ``gt`` and ``new_trial`` at every step, and at
    the end of trials ``performance`` and ``trial`` (a dict of conditions), true where
    ``_performance`` is. Episodes that end are begun anew in the same step.

    Parameters
    ----------
    task : Task
        What to run.
    num_envs : int
        How many.
    trials_per_episode : int, optional
        After so many trials an environment is `terminated` and goes on with its next trial.
    backend : str
        ``"auto"`` (numba if installed), ``"numba"`` or ``"numpy"``; changes the speed, no bit.
    seed : int or Seed, optional
        Where the trials come from until `reset` is called with a seed.
    """

    metadata = {  # noqa: RUF012 — gymnasium's own attribute
        "render_modes": [],
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        task: Task,
        num_envs: int = 1,
        *,
        trials_per_episode: int | None = None,
        backend: Backend = "auto",
        seed: int | Seed | None = None,
    ) -> None:
        self.plan = make_plan(task, backend)
        self.task = task
        self.num_envs = whole("num_envs", num_envs, minimum=1)
        self.single_observation_space = self.plan.observation_space
        self.single_action_space = self.plan.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        if trials_per_episode is not None:
            trials_per_episode = whole("trials_per_episode", trials_per_episode, minimum=1)
        self.trials_per_episode = trials_per_episode
        plan = self.plan
        compiles = plan.plain and plan.discrete and plan.backend == "numba"
        self._kind = CompiledSteps if compiles else ArraySteps
        # So much that the trials of all environments stay near the processor.
        by_period = compiles and not (plan.curved or plan.graded)
        length = len(plan.period_names) if by_period else plan.mean_steps
        width = int(self.num_envs * length * plan.n_channels)
        self._room = int(np.clip(_VALUES // width, _FEWEST, _MOST))
        self._done = np.zeros(self.num_envs, dtype=np.int64)
        self._steps: CompiledSteps | ArraySteps | None = None
        self._streams = self._begin(seed)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a trial in every environment (or in ``options["reset_mask"]``).

        Parameters
        ----------
        seed : int or list of int, optional
            Root of all streams; a list gives each environment stream 0 of a seed of its own.
            Without it the streams go on with their next trial.
        options : dict, optional
            ``reset_mask``: which environments, a boolean array.

        Returns
        -------
        observation : array, (num_envs, n_channels)
        info : dict
        """
        mask = np.ones(self.num_envs, dtype=bool)
        if options and "reset_mask" in options:
            mask = np.asarray(options["reset_mask"], dtype=bool)
        if seed is not None:
            self._streams, self._steps = self._begin(seed), None
        if self._steps is None:
            self._steps = self._kind(self.plan, Ring(self.plan, self._streams, self._room))
        else:
            self._steps.skip(np.flatnonzero(mask))
        self._done[mask] = 0
        return self._steps.observation(), {}

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[
        NDArray[np.float32],
        NDArray[np.float64],
        NDArray[np.bool_],
        NDArray[np.bool_],
        dict[str, Any],
    ]:
        """Act in every environment.

        Raises
        ------
        ActionError
            If an action lies outside the action space; the message names the environment.
        ResetNeeded
            If `reset` was not called before.
        """
        if self._steps is None:
            raise ResetNeeded("Call reset() before step().")
        actions = self._checked(actions)
        stepped = self._steps.act(actions)
        if isinstance(stepped, int):
            raise self._refused(actions, stepped)
        observation, reward, end, performance, target, trials = stepped
        info: dict[str, Any] = {"gt": target, "new_trial": end}
        terminated = np.zeros(self.num_envs, dtype=bool)
        if trials is not None:
            info["performance"], info["_performance"] = performance, end
            info["trial"], info["_trial"] = trials, end
        if self.trials_per_episode is not None:
            self._done += end
            terminated = self._done == self.trials_per_episode
            self._done[terminated] = 0
            if terminated.any():
                info["final_obs"] = np.empty(self.num_envs, dtype=object)
                for at in np.flatnonzero(terminated):
                    info["final_obs"][at] = observation[at].copy()
                info["_final_obs"] = terminated.copy()
        return observation, reward, terminated, np.zeros(self.num_envs, dtype=bool), info

    @property
    def period(self) -> NDArray[np.int16]:
        """Number of each environment's present period, in ``plan.period_names``."""
        return self._present().period

    @property
    def right_action(self) -> NDArray[Any]:
        """The right action of each environment's present step."""
        return self._present().right_action

    def _present(self) -> CompiledSteps | ArraySteps:
        if self._steps is None:
            raise ResetNeeded("Call reset() first: there is no trial yet.")
        return self._steps

    def _begin(self, seed: Any) -> Streams:
        if isinstance(seed, (list, tuple, np.ndarray)):
            seed = [one if one is None else int(one) for one in seed]
        return Streams(self.plan, seed, self.num_envs)

    def _checked(self, actions: Any) -> NDArray[Any]:
        plan = self.plan
        values = np.asarray(actions)
        shape = (self.num_envs, *plan.target_shape)
        if values.shape != shape:
            raise ActionError(f"actions: expected an array of shape {shape}, got {values.shape}")
        if not plan.discrete:
            values = values.astype(np.float32)
            space = self.single_action_space
            inside = np.array([space.contains(value) for value in values])
        elif values.dtype.kind in "iu":
            values = np.ascontiguousarray(values, dtype=np.int64)
            if self._kind is CompiledSteps:
                return values  # looked at where they are used
            inside = (values >= 0) & (values < plan.n_actions)
        else:
            raise ActionError(f"actions: expected integers, got dtype {values.dtype}")
        if not inside.all():
            raise self._refused(values, int(np.flatnonzero(~inside)[0]))
        return values

    def _refused(self, actions: NDArray[Any], bad: int) -> ActionError:
        return ActionError(
            f"actions[{bad}]: expected a member of {self.single_action_space}, got {actions[bad]!r}"
        )
