"""Report a stimulus of any modality."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks.declare import (
    Answer,
    Array,
    Conditions,
    Levels,
    Names,
    Noise,
    Now,
    Period,
    Targets,
    Task,
    TaskError,
    fail,
    fixate,
    free,
    pick,
    real,
    register,
    rewards,
    timeline,
    unknown,
    whole,
)

CATCH = "catch"
Stimulus = tuple[str, ...]


class _Drawing(Task):
    """Frees the name `session`, the hook, for the parameter that is called so."""

    def session(self, rng: np.random.Generator, n: int, memory: dict[str, Any]) -> Conditions:
        return self.draw(rng, n, memory)

    def draw(self, rng: np.random.Generator, n: int, memory: dict[str, Any]) -> Conditions:
        """Return the conditions of the next `n` trials of a session."""
        raise NotImplementedError


@register(
    "AnnubesEnv-v0",
    tags=("n-alternative", "perceptual", "supervised"),
    differs=(
        "A trial is paid once (NeuroGym 2.3.1 pays every step of the stimulus: 10 a trial); "
        "max_sequential by modality is followed (there without effect); all modalities have noise "
        "during the stimulus; session and catch_prob have defaults; seeds come by reset."
    ),
    by_paper="Of no paper: NeuroGym's own generator of trials; -v0 has its parameters and rule.",
)
class AnnubesEnv(_Drawing):
    """Act when a stimulus comes, in whatever modality, and not when none does.

    **Description.** After fixation a start signal comes on, with it the stimulus of one or several
    modalities, or, on a catch trial, none.

    **Action Space.** 0 holds still; 1 reports a stimulus (with more entries in `output_behavior`,
    any action above 0).

    **Observation Space.** ``fixation`` is `fix_intensity` during fixation; ``start`` is 1 in the
    stimulus period; then one channel a modality, in alphabetical order, at the intensity of its
    stimulus, with noise during the stimulus period.

    **Rewards.** The first action in the stimulus period is the answer: ``correct`` if there is a
    stimulus, ``fail`` if not. Without an answer the last step of the trial pays ``correct`` on a
    catch trial, ``fail`` on others. ``abort`` for an action in other periods.

    **Starting State.** Fixation.

    **Episode End.** A trial lasts its whole time, whatever is answered.

    Parameters
    ----------
    session : mapping
        Weight of every kind of stimulus: a modality, or a tuple of modalities shown together.
    catch_prob : float
        Probability of a trial without a stimulus.
    intensities : sequence of float or mapping, optional
        What to draw the intensity from, for all modalities or for each. Default 0.8, 0.9, 1.
    stim_time, fix_time, iti : duration
        Length of stimulus, fixation and the time after the stimulus, as an entry of `timing`.
    max_sequential : int or mapping, optional
        How often a modality (in a mapping also ``"catch"``) may come in a row.
    fix_intensity : float
        Level of the fixation channel.
    tau : float
        Time constant of the network to be trained in ms, which scales the noise.
    output_behavior : sequence of float
        Its length is the number of actions.
    noise_std : float
        Noise: a step has ``noise_std * sqrt(2 a) / a`` with ``a = dt / tau``.
    """

    session: Mapping[str | Stimulus, float] | None = field(  # type: ignore[assignment]
        default_factory=lambda: {"v": 0.5, "a": 0.5}
    )
    catch_prob: float = 0.5
    intensities: Sequence[float] | Mapping[str, Sequence[float]] | None = None
    stim_time: Any = 1000
    max_sequential: int | Mapping[str, int | None] | None = None
    fix_intensity: float = 0
    fix_time: Any = 500
    iti: Any = 0
    tau: float = 100
    output_behavior: Sequence[float] | None = (0, 1)
    noise_std: float = 0.01

    answer = Answer(periods=("stimulus",))
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    @property
    def periods(self) -> Mapping[str, Period]:  # type: ignore[override]
        return timeline(
            fixation=fixate(self.fix_time), stimulus=free(self.stim_time), iti=fixate(self.iti)
        )

    def validate(self) -> None:
        session = {"v": 0.5, "a": 0.5} if self.session is None else self.session
        if not isinstance(session, Mapping) or not session:
            raise fail("session", "a mapping of at least one stimulus to its weight", session)
        weights = {
            _stimulus(key): real(f"session[{key!r}]", w, minimum=0) for key, w in session.items()
        }
        total = sum(weights.values())
        if not total > 0:
            raise fail("session", "at least one weight above 0", dict(session))
        object.__setattr__(self, "session", {key: w / total for key, w in weights.items()})
        if not 0 <= real("catch_prob", self.catch_prob) <= 1:
            raise fail("catch_prob", "a probability between 0 and 1", self.catch_prob)
        real("noise_std", self.noise_std, minimum=0)
        real("tau", self.tau, minimum=0, above=True)
        behaviour = (0, 1) if self.output_behavior is None else self.output_behavior
        if len(behaviour) < 2:
            raise fail("output_behavior", "two or more values", behaviour)
        object.__setattr__(self, "output_behavior", tuple(behaviour))
        for name, values in self._intensities().items():
            if not len(values) or not np.isfinite(np.asarray(values, dtype=float)).all():
                raise fail(f"intensities of {name!r}", "one or more finite numbers", values)
        self._check_limits()

    @property
    def stimuli(self) -> dict[Stimulus, float]:
        """Probability of every kind of stimulus."""
        return dict(self.session or {})  # type: ignore[arg-type]

    @property
    def modalities(self) -> tuple[str, ...]:
        """All modalities in alphabetical order."""
        return tuple(sorted({m for stimulus in self.stimuli for m in stimulus}))

    def _intensities(self) -> dict[str, Sequence[float]]:
        given = (0.8, 0.9, 1.0) if self.intensities is None else self.intensities
        if not isinstance(given, Mapping):
            return dict.fromkeys(self.modalities, given)
        for name in given:
            if name not in self.modalities:
                raise unknown("intensities", name, self.modalities)
        missing = set(self.modalities) - set(given)
        if missing:
            raise fail("intensities", f"an entry for each of {self.modalities}", sorted(given))
        return dict(given)

    def _limits(self) -> dict[str, float]:
        known = (*self.modalities, CATCH)
        limits: dict[str, float] = dict.fromkeys(known, math.inf)
        if isinstance(self.max_sequential, Mapping):
            for name, limit in self.max_sequential.items():
                if name not in known:
                    raise unknown("max_sequential", name, known)
                if limit is not None:
                    limits[name] = whole(f"max_sequential[{name!r}]", limit, minimum=1)
        elif self.max_sequential is not None:
            limit = whole("max_sequential", self.max_sequential, minimum=1)
            limits |= dict.fromkeys(self.modalities, limit)
        return limits

    def _check_limits(self) -> None:
        limits, options = self._limits(), self._options()
        for name, limit in limits.items():
            if limit < math.inf and all(name in option for option in options):
                raise fail(
                    f"max_sequential of {name!r}", "no limit, as every trial has it", int(limit)
                )

    def _options(self) -> dict[Stimulus, float]:
        shown = {s: (1 - self.catch_prob) * p for s, p in self.stimuli.items()}
        return {s: p for s, p in {**shown, (CATCH,): self.catch_prob}.items() if p > 0}

    def channels(self) -> Names:
        return {"fixation": 1, "start": 1} | dict.fromkeys(self.modalities, 1)

    def actions(self) -> Names:
        return {"fixation": 1, "choice": list(range(1, len(self.output_behavior or ())))}

    def noise(self) -> Noise:
        share = self.dt / self.tau
        a_step = self.noise_std * math.sqrt(2 * share) / share
        return {("stimulus", name): a_step * math.sqrt(self.dt) for name in self.modalities}

    def _kinds(self, rng: np.random.Generator, n: int, memory: dict[str, Any]) -> Array:
        """Return which option each of the next `n` trials is."""
        options = self._options()
        weights = np.array(list(options.values()))
        limits = self._limits()
        if all(limit == math.inf for limit in limits.values()):
            edges = np.cumsum(weights)[:-1] / weights.sum()
            return np.searchsorted(edges, rng.random(n), side="right")
        has = self._shown_in(options)
        most = np.array(list(limits.values()))
        count = memory.get("count", np.zeros(len(limits)))
        chosen = np.empty(n, dtype=np.int64)
        for trial, chance in enumerate(rng.random(n)):
            allowed = np.where((has & (count >= most)).any(axis=1), 0, weights)
            if not allowed.any():
                raise TaskError(
                    f"max_sequential: {self.max_sequential} leaves no stimulus for the next trial"
                )
            edges = np.cumsum(allowed) / allowed.sum()
            at = int(np.searchsorted(edges, chance, side="right"))
            chosen[trial] = min(at, int(np.flatnonzero(allowed)[-1]))
            count = np.where(has[chosen[trial]], count + 1, 0)
        return chosen

    def _shown_in(self, options: Iterable[Stimulus]) -> NDArray[np.bool_]:
        """Return which of the modalities, and of catch, every option has."""
        known = (*self.modalities, CATCH)
        return np.array([[name in option for name in known] for option in options])

    def draw(self, rng: np.random.Generator, n: int, memory: dict[str, Any]) -> Conditions:
        options = list(self._options())
        kind = self._kinds(rng, n, memory)
        in_a_row = _in_a_row(self._shown_in(options)[kind], memory.get("count", 0))
        memory["count"] = in_a_row[-1]
        names = np.array(["" if o == (CATCH,) else "+".join(o) for o in options])
        intensities = self._intensities()
        values = np.zeros((n, len(self.modalities)))
        for at, name in enumerate(self.modalities):
            shown = np.array([name in option for option in options])[kind]
            values[:, at] = np.where(shown, pick(rng, intensities[name], n), 0)
        return {
            "catch": np.array([option == (CATCH,) for option in options])[kind],
            "stim_types": names[kind],
            "stim_values": values,
            "sequential_count": in_a_row,
        }

    def evidence(self, c: Conditions) -> Array:
        return np.where(c["catch"], -1.0, c["stim_values"].max(axis=1))

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels["fixation", "fixation"] = self.fix_intensity
        levels["stimulus", "start"] = 1
        for at, name in enumerate(self.modalities):
            levels["stimulus", name] = c["stim_values"][:, at]
        target["stimulus"] = ~c["catch"]

    def on_trial_start(self, now: Now) -> None:
        now.memory["answered"] = np.zeros(len(now), dtype=bool)
        now.memory["performance"] = np.zeros(len(now))

    def outcome(self, now: Now, action: Array) -> tuple[Array, Array, Array]:
        asked, acted, catch = now.inside("stimulus"), action != 0, now.conditions["catch"]
        first = asked & acted & ~now.memory["answered"]
        answered = now.memory["answered"] | first
        judged = first | (now.last & ~answered)
        right = judged & (first != catch)
        reward = np.where(right, self.reward["correct"], 0.0)
        reward[judged & ~right] = self.reward["fail"]
        aborted = acted & ~asked
        reward[aborted] += self.reward["abort"]
        now.memory["answered"] = answered
        now.memory["performance"] = now.memory["performance"] + right
        return reward, aborted & self.abort, now.memory["performance"].copy()


def _in_a_row(shown: NDArray[np.bool_], before: Any) -> NDArray[np.int64]:
    """Return how often each column was true in a row, after a row with such counts."""
    at = np.arange(1, len(shown) + 1)[:, None]
    stopped = np.maximum.accumulate(np.where(shown, 0, at), axis=0)
    return np.asarray(np.where(stopped, at - stopped, at + before), dtype=np.int64)


def _stimulus(key: Any) -> Stimulus:
    names = (key,) if isinstance(key, str) else tuple(key) if isinstance(key, tuple) else ()
    if not names or not all(isinstance(name, str) and name for name in names):
        raise fail("session", "modalities, or tuples of them, as keys", repr(key))
    if CATCH in (name.lower() for name in names):
        raise fail("session", f"no modality called {CATCH!r}: see catch_prob", repr(key))
    return tuple(sorted(set(names)))
