"""AnnubesEnv with the arguments and the words for a trial that NeuroGym's class has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from neuroloom.shared import Seed, as_seed
from neuroloom.tasks._design.catalogue import get_task
from neuroloom.tasks._design.spaces import Discrete
from neuroloom.tasks._environments.single import TaskEnv
from neuroloom.tasks._errors import fail, flag

CATCH = "catch"


class AnnubesEnv(TaskEnv):
    """The task ``AnnubesEnv-v0`` by the arguments of NeuroGym's class.

    Parameters
    ----------
    session : mapping, optional
        Weight of every kind of stimulus; see the task.
    catch_prob : float
        Probability of a trial without a stimulus.
    intensities : sequence of float or mapping, optional
        What to draw the intensity from.
    stim_time : duration
        Length of the stimulus in ms.
    random_seed : int, optional
        Where the trials come from.
    frozen_seed : bool
        Whether a deep copy goes on with the same trials, as copies of all tasks do. If not, it
        is to be reset, and has trials of its own, which the seed determines too.
    seed : int or Seed, optional
        The same as `random_seed`.
    trials_per_episode : int, optional
        After so many trials the episode is `terminated`.
    **params
        Other parameters of the task: `max_sequential`, `fix_time`, `dt`, …

    Raises
    ------
    TaskError
        If a parameter does not fit.
    """

    fix_intensity: float
    output_behavior: tuple[float, ...]
    modalities: tuple[str, ...]

    def __init__(
        self,
        session: Mapping[Any, float] | None = None,
        catch_prob: float = 0.5,
        intensities: Sequence[float] | Mapping[str, Sequence[float]] | None = None,
        stim_time: Any = 1000,
        *,
        random_seed: int | None = None,
        frozen_seed: bool = True,
        seed: int | Seed | None = None,
        trials_per_episode: int | None = None,
        **params: Any,
    ) -> None:
        given = {"intensities": intensities, "stim_time": stim_time, **params}
        task = get_task("AnnubesEnv-v0", session=session, catch_prob=catch_prob, **given)
        if None not in (seed, random_seed):
            raise fail("random_seed", "no seed besides it", f"seed={seed}")
        seed = random_seed if seed is None else seed
        self.frozen_seed = flag("frozen_seed", frozen_seed)
        self._copies = 0
        super().__init__(task, seed=seed, trials_per_episode=trials_per_episode)
        named = {"fixation": self.fix_intensity, "choice": list(self.output_behavior[1:])}
        self.action_space = Discrete(len(self.output_behavior), name=named)

    @property
    def trial(self) -> dict[str, Any]:
        """The present trial: catch, stim_types, stim_values and sequential_count by modality."""
        own = super().trial
        shown = tuple(name for name in own["stim_types"].split("+") if name)
        values = dict(zip(self.modalities, own["stim_values"].tolist(), strict=True))
        counts = zip((*self.modalities, CATCH), own["sequential_count"].tolist(), strict=True)
        return own | {
            "stim_types": shown,
            "stim_values": {name: values[name] for name in shown},
            "sequential_count": dict(counts),
        }

    @property
    def max_sequential(self) -> dict[str, int | None]:
        """How often each modality, and a catch trial, may come in a row; None: without limit."""
        task: Any = self.task
        given = task.max_sequential
        limits = given if isinstance(given, Mapping) else dict.fromkeys(self.modalities, given)
        return {name: limits.get(name) for name in (*self.modalities, CATCH)}

    def __deepcopy__(self, memo: dict[int, Any]) -> AnnubesEnv:
        new = object.__new__(type(self))
        memo[id(self)] = new
        new.__setstate__(deepcopy(self.__getstate__(), memo))
        if not self.frozen_seed:
            self._copies += 1
            seed = self.seeded
            new.reseed(None if seed is None else as_seed(seed).child("copy").child(self._copies))
        return new
