"""Many environments at once."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
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
from neuroloom.tasks._errors import ActionError, TaskTypeError, fail, unknown, whole
from neuroloom.tasks._random.backend import Backend

_VALUES = 360_000
_BESIDE = 4
"""Values kept of a period beside its levels: its length and kind, and the right action."""
_FEWEST, _MOST = 4, 256


class TaskVectorEnv(VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]]):
    """A task as `num_envs` environments that step together; environment `i` reads stream `i`.

    ``info`` holds arrays over the environments: ``gt`` and ``new_trial`` at every step, and at
    the end of trials ``performance`` and ``trial`` (a dict of conditions), true where
    ``_performance`` is.

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
    autoreset_mode : str or gymnasium.vector.AutoresetMode
        What happens where an episode ends. ``"same_step"``: the step returns the next episode's
        first observation, and ``info["final_obs"]`` and ``info["final_info"]`` are the ended
        one's. ``"next_step"``: it returns the ended episode's last observation, and the next step
        begins the next episode, whatever the action. ``"disabled"``: the environment waits for
        ``reset(options={"reset_mask": ...})``.
    waits_for_fixation : bool
        Whether trials begin when the subject fixates: as long as it does anything but action 0 in
        a trial's first step, that step is shown again, nothing is paid, and ``info["waiting"]`` is
        true.
    first : int
        Number of the stream that environment 0 reads; the others count on from it.

    Raises
    ------
    TaskError, TaskTypeError
        If an argument does not fit.
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
        autoreset_mode: str | AutoresetMode = AutoresetMode.SAME_STEP,
        waits_for_fixation: bool = False,
        first: int = 0,
    ) -> None:
        self.plan = make_plan(task, backend)
        self._first = whole("first", first, minimum=0)
        self.waits_for_fixation = self.plan.waits(waits_for_fixation)
        self.task = task
        self.num_envs = whole("num_envs", num_envs, minimum=1)
        self.single_observation_space = self.plan.observation_space
        self.single_action_space = self.plan.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        if trials_per_episode is not None:
            trials_per_episode = whole("trials_per_episode", trials_per_episode, minimum=1)
        self.trials_per_episode = trials_per_episode
        self._mode = _mode(autoreset_mode)
        self.metadata = {**type(self).metadata, "autoreset_mode": self._mode}
        plan = self.plan
        compiles = plan.plain and plan.discrete and plan.backend == "numba"
        self._kind = CompiledSteps if compiles else ArraySteps
        # So much that the trials of all environments stay near the processor.
        by_period = compiles and not plan.curved and (plan.timed or not plan.graded)
        length = len(plan.period_names) if by_period else plan.mean_steps
        width = int(self.num_envs * length * (plan.n_channels + _BESIDE))
        self._room = int(np.clip(_VALUES // width, _FEWEST, _MOST))
        self._done = np.zeros(self.num_envs, dtype=np.int64)
        # Environments whose trial was begun by the last step, and those whose episode is over.
        self._untouched = np.zeros(self.num_envs, dtype=bool)
        self._over = np.zeros(self.num_envs, dtype=bool)
        self._last: NDArray[np.float32] | None = None
        self._steps: CompiledSteps | ArraySteps | None = None
        if isinstance(seed, (list, tuple, np.ndarray)):
            raise TaskTypeError(
                f"seed: expected an integer, a Seed or None, got {seed!r}; a list of one seed an "
                "environment is for reset"
            )
        self._streams = Streams(self.plan, seed, self.num_envs, first=self._first)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode in every environment (or in ``options["reset_mask"]``).

        Parameters
        ----------
        seed : int or list of int, optional
            Root of all streams; a list gives each environment stream 0 of a seed of its own, and
            leaves those that get None where they are. Without it the streams go on: with the
            trial that the last step began, if no step was taken in it, or with the next one.
        options : dict, optional
            ``reset_mask``: which environments, a boolean array.

        Returns
        -------
        observation : array, (num_envs, n_channels)
        info : dict

        Raises
        ------
        TaskError
            If there is not one seed for each environment, or the mask is none.
        """
        mask = self._mask(options)
        fresh = self._steps is None
        seeded = self._seeded(seed) & mask
        if seeded.any():
            streams = Streams(self.plan, self._seeds(seed), self.num_envs, first=self._first)
            if seeded.all():
                self._streams, self._steps, fresh = streams, None, True
            else:
                self._streams.replace(np.flatnonzero(seeded), streams)
        if self._steps is None:
            self._steps = self._kind(self.plan, Ring(self.plan, self._streams, self._room))
        if not fresh:
            if seeded.any():
                self._steps.restart(np.flatnonzero(seeded))
            self._steps.skip(np.flatnonzero(mask & ~self._untouched & ~seeded))
        self._done[mask], self._over[mask], self._untouched[mask] = 0, False, False
        return self._seen(self._steps.observation()), {}

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

        Parameters
        ----------
        actions : array, (num_envs, …)
            One action an environment.

        Raises
        ------
        ActionError
            If an action lies outside the action space; the message names the environment.
        ResetNeeded
            If `reset` was not called before, or not for an environment whose episode is over.
        """
        if self._steps is None:
            raise ResetNeeded("Call reset() before step().")
        held = self._held()
        actions = self._checked(actions)
        waiting = None
        if self.waits_for_fixation:
            waiting = self._steps.at_start & (actions != 0) & ~self._over
            held = waiting if held is None else held | waiting
        stepped = self._steps.act(actions, held)
        if isinstance(stepped, int):
            raise self._refused(actions, stepped)
        observation, reward, end, performance, target, trials = stepped
        self._untouched = end.copy()
        info: dict[str, Any] = {"gt": target, "new_trial": end}
        if waiting is not None:
            info["waiting"] = waiting
        if trials is not None:
            info["performance"], info["_performance"] = performance, end
            info["trial"], info["_trial"] = trials, end.copy()
        terminated = np.zeros(self.num_envs, dtype=bool)
        truncated = np.zeros(self.num_envs, dtype=bool)
        if self.trials_per_episode is None:
            return observation, reward, terminated, truncated, info
        self._over = np.zeros(self.num_envs, dtype=bool)
        self._done += end
        terminated = self._done == self.trials_per_episode
        self._done[terminated] = 0
        if terminated.any():
            self._end(terminated, observation, info)
        return self._seen(observation), reward, terminated, truncated, info

    @property
    def period(self) -> NDArray[np.int16]:
        """Number of each environment's present period, in ``plan.period_names``."""
        return self._stepper().period

    @property
    def right_action(self) -> NDArray[Any]:
        """The right action of each environment's present step."""
        return self._stepper().right_action

    # Within -----------------------------------------------------------------------------------

    def _end(
        self, ended: NDArray[np.bool_], observation: NDArray[np.float32], info: dict[str, Any]
    ) -> None:
        """Show what ended episodes showed last, where the mode says."""
        assert self._last is not None
        if self._mode is not AutoresetMode.SAME_STEP:
            observation[ended], self._over = self._last[ended], ended.copy()
            return
        info["final_obs"] = np.empty(self.num_envs, dtype=object)
        for at in np.flatnonzero(ended):
            info["final_obs"][at] = self._last[at].copy()
        last = ("gt", "new_trial", "performance", "trial")
        info["final_info"] = {
            name: copy.deepcopy(info[name])
            for key in last
            for name in (key, f"_{key}")
            if name in info
        }
        info["_final_obs"], info["_final_info"] = ended.copy(), ended.copy()

    def _seen(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Keep what is shown, where it may have to be shown again."""
        if self.trials_per_episode is not None:
            self._last = observation.copy()
        return observation

    def _held(self) -> NDArray[np.bool_] | None:
        """Return the environments that begin an episode in this step instead of acting."""
        if self.trials_per_episode is None or not self._over.any():
            return None
        if self._mode is AutoresetMode.DISABLED:
            raise ResetNeeded(
                f"The episodes of environments {np.flatnonzero(self._over).tolist()} are over: "
                "call reset(options={'reset_mask': ...}) before step()."
            )
        return self._over

    def _mask(self, options: dict[str, Any] | None) -> NDArray[np.bool_]:
        if not isinstance(options or {}, Mapping):
            raise TaskTypeError(f"options: expected a dict or None, got {options!r}")
        for name in options or {}:
            if name != "reset_mask":
                raise unknown("options", name, ("reset_mask",))
        if not options or options.get("reset_mask") is None:
            return np.ones(self.num_envs, dtype=bool)
        mask = np.asarray(options["reset_mask"])
        if mask.dtype != bool or mask.shape != (self.num_envs,):
            raise fail(
                "options['reset_mask']",
                f"an array of {self.num_envs} booleans, one an environment",
                f"shape {mask.shape} of {mask.dtype}",
            )
        return mask

    def _seeded(self, seed: Any) -> NDArray[np.bool_]:
        """Return which environments get a seed."""
        if not isinstance(seed, (list, tuple, np.ndarray)):
            return np.full(self.num_envs, seed is not None)
        if len(seed) != self.num_envs:
            raise fail("seed", f"{self.num_envs} seeds, one an environment", f"{len(seed)}")
        return np.array([one is not None for one in seed])

    def _seeds(self, seed: Any) -> Any:
        if not isinstance(seed, (list, tuple, np.ndarray)):
            return seed
        return [one if one is None else whole("seed", one) for one in seed]

    def _stepper(self) -> CompiledSteps | ArraySteps:
        if self._steps is None:
            raise ResetNeeded("Call reset() first: there is no trial yet.")
        return self._steps

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


def _mode(mode: Any) -> AutoresetMode:
    """Return gymnasium's member for a mode given by name."""
    if isinstance(mode, AutoresetMode):
        return mode
    names = {one.name.lower(): one for one in AutoresetMode}
    if not isinstance(mode, str) or mode.lower() not in names:
        raise unknown("autoreset_mode", mode, names)
    return names[mode.lower()]
