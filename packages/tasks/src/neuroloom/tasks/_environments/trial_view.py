"""Looking at the present trial of an environment, in NeuroGym's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from neuroloom.tasks._design.durations import written
from neuroloom.tasks._design.state import Now
from neuroloom.tasks._design.table import Table
from neuroloom.tasks._design.task import Task
from neuroloom.tasks._engine.plan import BLOCK
from neuroloom.tasks._engine.streams import Streams
from neuroloom.tasks._environments.given import Given
from neuroloom.tasks._errors import whole


class TrialView:
    """What can be seen of the present trial, and nothing that changes it but `ob` and `tell`."""

    plan: Any
    task: Task
    dt: float
    _table: Table
    _ob: NDArray[np.float32]
    _gt: NDArray[Any]
    _target: list[Any]
    _starts: list[int]
    _at: int
    _trial: int
    _told: dict[str, Any]
    _memory: dict[str, NDArray[Any]]
    _replaced: NDArray[Any] | None
    _calm: int
    _final: NDArray[np.float32] | None

    @property
    def trial(self) -> dict[str, Any]:
        """The present trial's conditions."""
        table, number = self._table, self._present()
        own = {}
        for name, values in table.conditions.items():
            value = values[number]
            # The caller's own: a row of several numbers would be part of the table.
            own[name] = value.copy() if values.ndim > 1 else value
        return own | self._told if self._told else own

    def tell(self, **values: Any) -> dict[str, Any]:
        """Add to the present trial's conditions what a wrapper drew it by, and return them all.

        Parameters
        ----------
        **values
            What to add; it has no effect on the trial.
        """
        self._told = {**self._told, **values}
        return self.trial

    @property
    def right_action(self) -> Any:
        """The right action of the present step."""
        self._present()
        if self.plan.guided:
            return self.task.correct_action(self._now())[0]
        return self._target[self._at]

    @property
    def period(self) -> str:
        """Name of the present period."""
        self._present()
        return str(self.plan.period_names[self._table.period[self._at]])

    @property
    def ob(self) -> NDArray[np.float32]:
        """Observations of the present trial, `(n_steps, n_channels)`, a copy."""
        trial = self._steps()
        return (self._ob[trial] if self._replaced is None else self._replaced).copy()

    @ob.setter
    def ob(self, value: NDArray[Any]) -> None:
        """Replace it.

        Parameters
        ----------
        value : array, (n_steps, n_channels)
            What the present trial shows.
        """
        self._present()
        self._replaced, self._calm = value, -1

    @property
    def t_ind(self) -> int:
        """Steps since the trial began."""
        return self._at - self._starts[self._present()]

    @property
    def gt(self) -> NDArray[Any]:
        """Right actions of the present trial, `(n_steps,)`, a copy."""
        trial = self._steps()
        return self._gt[trial].copy()

    @property
    def gt_now(self) -> Any:
        """The right action of the present step."""
        return self.right_action

    @property
    def observation_now(self) -> NDArray[np.float32]:
        """What the environment shows at the present step."""
        return self._observation()

    @property
    def ob_now(self) -> NDArray[np.float32]:
        """What the environment shows at the present step, by NeuroGym's name."""
        return self._observation()

    @property
    def rewards(self) -> Mapping[str, float]:
        """The rewards in force; to be read."""
        return Given(self.plan.rewards)

    @property
    def timing(self) -> Mapping[str, Any]:
        """Duration of every period in ms, as it was given: a number, a list, (name, arguments).

        To be read; `make` takes others.
        """
        chosen = self.task.timing or {}
        return Given(
            {
                name: chosen[name] if name in chosen else written(period.duration, self.dt)
                for name, period in self.task.periods.items()
            }
        )

    @property
    def start_ind(self) -> dict[str, int]:
        """Step at which every period of the present trial begins."""
        return dict(zip(self.plan.period_names, self._edges()[:-1], strict=True))

    @property
    def end_ind(self) -> dict[str, int]:
        """Step before which every period of the present trial ends."""
        return dict(zip(self.plan.period_names, self._edges()[1:], strict=True))

    @property
    def start_t(self) -> dict[str, float]:
        """When every period of the present trial begins, in ms."""
        return {name: at * self.dt for name, at in self.start_ind.items()}

    @property
    def end_t(self) -> dict[str, float]:
        """When every period of the present trial ends, in ms."""
        return {name: at * self.dt for name, at in self.end_ind.items()}

    @property
    def tmax(self) -> float:
        """Length of the present trial in ms."""
        return self._edges()[-1] * self.dt

    @property
    def t(self) -> float:
        """Time since the trial began, in ms; 0 before the first."""
        return 0.0 if self._at < 0 else self.t_ind * self.dt

    def in_period(self, period: str, t: float | None = None) -> bool:
        """Return whether the present step lies in a period.

        Parameters
        ----------
        period : str
            Its name.
        t : float, optional
            A time in ms since the trial began, instead of the present one.
        """
        at = self.t_ind if t is None else int(t / self.dt + 1e-9)
        part = self._span(period)
        return bool(part.start <= at < part.stop)

    def view_ob(self, period: str | None = None) -> NDArray[np.float32]:
        """Return the observations of the present trial, a copy.

        Parameters
        ----------
        period : str, optional
            Only those of a period.
        """
        return self.ob[self._span(period)]

    def view_groundtruth(self, period: str | None = None) -> NDArray[Any]:
        """Return the right actions of the present trial, a copy.

        Parameters
        ----------
        period : str, optional
            Only those of a period.
        """
        return self.gt[self._span(period)]

    def trial_length_stats(self, num_trials: int = 100) -> dict[str, float]:
        """Return mean, s.d., 95th percentile and maximum of the length of trials in steps.

        Parameters
        ----------
        num_trials : int
            How many trials to draw; those of the environment stay as they are.
        """
        count = whole("num_trials", num_trials, minimum=1)
        steps = Streams(self.plan, 0).take(np.array([count])).counts.sum(axis=1)
        return {
            "mean": float(steps.mean()),
            "std": float(steps.std()),
            "percentile_95": float(np.percentile(steps, 95)),
            "max": float(steps.max()),
        }

    @property
    def choices(self) -> list[Any]:
        """Values that the trials' ``ground_truth`` can have."""
        drawn = Streams(self.plan, 0).take(np.array([BLOCK])).conditions
        return np.unique(drawn["ground_truth"]).tolist() if "ground_truth" in drawn else []

    def _now(self) -> Now:
        table, trial, here = self._table, self._present(), slice(self._at, self._at + 1)
        return Now(
            period=table.period[here],
            step=table.step[here],
            elapsed=table.elapsed[here],
            last=table.left[here] == 1,
            target=np.asarray([self._target[self._at]]),
            conditions={k: v[trial : trial + 1] for k, v in table.conditions.items()},
            memory=self._memory,
            parts=self.plan.part,
        )

    def _observation(self) -> NDArray[np.float32]:
        if self._replaced is not None:
            shown: NDArray[np.float32] = np.array(self._replaced[self.t_ind])
            return shown
        if self._final is not None:
            return self._final.copy()
        observation: NDArray[np.float32] = self._ob[self._at].copy()
        if self.plan.observes:
            observation = np.asarray(self.task.observe(self._now(), observation[None])[0])
        return observation

    def _edges(self) -> list[int]:
        """Return where the present trial's periods begin, and where the last one ends."""
        counts = self._trial_counts()
        return [0, *np.cumsum(counts).tolist()]

    def _trial_counts(self) -> NDArray[np.int64]:
        """Return the steps of every period of the present trial; 0 of those not in it."""
        trial = self._present()
        table, parts = self._table, len(self.plan.period_names)
        counts = table.counts[trial]
        if len(counts) == parts:
            return np.asarray(counts)
        named = np.asarray(table.segment_period).reshape(table.counts.shape)[trial]
        return np.bincount(named, weights=counts, minlength=parts).astype(np.int64)

    def _span(self, period: str | None) -> slice:
        """Return the steps of a period of the present trial, or of all."""
        if period is None:
            return slice(None)
        part, edges = self.plan.parts(period)[0], self._edges()
        return slice(edges[part], edges[part + 1])

    def _present(self) -> int:
        """Return the present trial's number in the table."""
        if self._at < 0:
            raise ResetNeeded("Call reset() first: there is no trial yet.")
        return self._trial

    def _steps(self) -> slice:
        trial = self._present()
        return slice(self._starts[trial], self._starts[trial + 1])
