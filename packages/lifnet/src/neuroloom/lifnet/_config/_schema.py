"""The configuration of a clustered network: the YAML schema as frozen dataclasses.

Units are seconds and Hz; voltages have none. Lists of four run over the pathways
``[E→E, E→I, I→E, I→I]``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar

from neuroloom.lifnet._config._read import (
    Section,
    between,
    choice,
    flag,
    items,
    not_negative,
    one_or_more,
    positive,
    probability,
    real,
    refuse,
    section,
    text,
    unknown,
    whole,
)
from neuroloom.lifnet._errors import (
    SLOWEST,
    ConfigError,
    PlausibilityWarning,
    RoundingWarning,
    warn_of_milliseconds,
)

TARGETS = (
    "rate",
    "j",
    "j_baseline",
    "j_potentiated",
    "j_ext",
    "threshold",
    "tau_membrane",
    "tau_synaptic",
    "tau_refractory",
    "arousal_level",
    "arousal_L",
    "arousal_x_0",
    "arousal_k",
    "arousal_M",
)
"""What a perturbation can act on."""


@dataclass(frozen=True)
class InitParams(Section):
    """Size of the network, and step and duration of a run (``init_params``)."""

    path: ClassVar[str] = "init_params"
    n_neurons: Annotated[int, whole(1)]
    n_excitatory: Annotated[int, whole(1)]
    n_inhibitory: Annotated[int, whole(0)]
    delta_t: Annotated[float, positive] = 0.0005
    duration_sec: Annotated[float, positive] = 2.5
    mechanism: Annotated[str, choice("analytic", "exact", "euler")] = "analytic"

    def __post_init__(self) -> None:
        super().__post_init__()
        total = self.n_excitatory + self.n_inhibitory
        if total != self.n_neurons:
            raise refuse(
                "init_params.n_neurons",
                f"n_excitatory + n_inhibitory = {total}",
                self.n_neurons,
            )


@dataclass(frozen=True)
class NetworkParams(Section):
    """Neurons and their external efficacies (``architecture.network``).

    Time constants are one value, one for E and one for I, or one per population.
    """

    path: ClassVar[str] = "architecture.network"
    tau_membrane: Annotated[Any, one_or_more(positive)]
    tau_synaptic: Annotated[Any, one_or_more(positive)]
    threshold: Annotated[Any, one_or_more(real)]
    j_ext: Annotated[tuple[float, ...], items(real, length=4)]
    tau_refractory: Annotated[Any, one_or_more(not_negative)] = 0.0
    reset_voltage: Annotated[Any, one_or_more(real)] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("tau_membrane", "tau_synaptic", "tau_refractory"):
            value = getattr(self, name)
            if value == ():
                raise refuse(f"{self.path}.{name}", "at least one value", [])
            longest = max(value) if isinstance(value, (tuple, list)) else value
            warn_of_milliseconds(f"{self.path}.{name}", float(longest), stacklevel=5)


@dataclass(frozen=True)
class ClusterParams(Section):
    """Clusters and their connections (``architecture.clusters``)."""

    path: ClassVar[str] = "architecture.clusters"
    n_excitatory_background: Annotated[int, whole(0)]
    n_inhibitory_background: Annotated[int, whole(0)]
    n_clusters: Annotated[int, whole(1)]
    total_pops: Annotated[int, whole(4)]
    connectivity_fraction_probs: Annotated[tuple[float, ...], items(probability, length=4)]
    j_baseline: Annotated[tuple[float, ...], items(real, length=4)]
    j_potentiated: Annotated[tuple[float, ...], items(real, length=4)]
    potentiate: Annotated[bool, flag] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.total_pops != 2 * self.n_clusters + 2:
            raise refuse(
                "architecture.clusters.total_pops",
                f"2 n_clusters + 2 = {2 * self.n_clusters + 2}",
                self.total_pops,
            )


@dataclass(frozen=True)
class Architecture(Section):
    """Neurons and clusters (``architecture``)."""

    path: ClassVar[str] = "architecture"
    network: Annotated[NetworkParams, section(NetworkParams)]
    clusters: Annotated[ClusterParams, section(ClusterParams)]


@dataclass(frozen=True)
class ExternalCurrents(Section):
    """External afferents: how many per neuron, and their rate in Hz (``external_currents``)."""

    path: ClassVar[str] = "external_currents"
    c_ext: Annotated[tuple[float, ...], items(not_negative, length=4)]
    nu_ext_baseline: Annotated[tuple[float, ...], items(not_negative, length=4)]


_SHAPES = {1: "box", 2: "linear", 3: "diff2exp"}


_MOST_STEPS = 9e18  # what 64 bits count


def _shape(path: str, value: Any) -> str:
    if isinstance(value, (str, int)) and not isinstance(value, bool) and value in _SHAPES:
        return _SHAPES[value]
    return str(choice("box", "linear", "diff2exp")(path, value))


def _onsets(path: str, value: Any) -> tuple[Any, ...]:
    """Return onset times, or (onset, offset) windows, in seconds."""
    values = one_or_more(one_or_more(not_negative))(path, value)
    return values if isinstance(values, tuple) else (values,)


@dataclass(frozen=True)
class StimulusParams(Section):
    """Current that is added to dV/dt of some neurons of some clusters (``stimulus``).

    `onsets` are times in seconds or (onset, offset) windows; a time alone lasts to the end.
    """

    path: ClassVar[str] = "stimulus"
    stimulus_shape: Annotated[str, _shape] = "diff2exp"
    onsets: Annotated[tuple[Any, ...], _onsets] = ()
    amplitude: Annotated[float, real] = 0.0
    stimulated_clusters_prob: Annotated[float, probability] = 0.5
    stimulated_neuron_prob: Annotated[float, probability] = 0.5
    tau_rise: Annotated[float, positive] = 0.075
    tau_decay: Annotated[float, positive] = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        for i, window in enumerate(self.onsets):
            if isinstance(window, tuple) and (len(window) != 2 or window[1] <= window[0]):
                raise refuse(f"stimulus.onsets[{i}]", "onset < offset", window)
        for name in ("tau_rise", "tau_decay"):
            warn_of_milliseconds(
                f"{self.path}.{name}", getattr(self, name), longest=SLOWEST, stacklevel=5
            )
        if self.stimulus_shape == "diff2exp" and self.tau_decay <= self.tau_rise:
            raise refuse(
                "stimulus.tau_decay", f"more than tau_rise = {self.tau_rise:g}", self.tau_decay
            )


@dataclass(frozen=True)
class Settings(Section):
    """What is saved and drawn, where, and the random seed (``settings``)."""

    path: ClassVar[str] = "settings"
    save: Annotated[bool, flag] = False
    plot: Annotated[bool, flag] = False
    save_dir: Annotated[str | None, text] = None
    sim_name: Annotated[str | None, text] = None
    random_seed: Annotated[int | None, whole(0)] = None


@dataclass(frozen=True)
class ArousalParams(Section):
    """Arousal: a sigmoid of `level` that scales J_EE and the external rate (``arousal``)."""

    path: ClassVar[str] = "arousal"
    level: Annotated[float, probability] = 0.0
    L: Annotated[float, real] = 0.75
    x_0: Annotated[float, between(1e-6, 1 - 1e-6)] = 0.2
    k: Annotated[float, positive] = 1.25
    M: Annotated[float, not_negative] = 13.125


@dataclass(frozen=True)
class TimeDependence(Section):
    """When a perturbation is on, in seconds; without `offset_time`, to the end.

    The one shape is ``"hat"``, also called ``"box"``. The seed system takes any word for it; here
    others warn.
    """

    path: ClassVar[str] = "time_dependence"
    shape: Annotated[str, text] = "hat"
    onset_time: Annotated[float, not_negative] = 0.0
    offset_time: Annotated[float | None, not_negative] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.offset_time is not None and self.offset_time <= self.onset_time:
            raise refuse(
                "time_dependence.offset_time",
                f"later than onset_time = {self.onset_time:g}",
                self.offset_time,
            )
        if self.shape not in ("hat", "box"):
            warnings.warn(
                f"time_dependence.shape: got {self.shape!r}, which is taken as 'hat': on from "
                "onset_time to offset_time; for another course give one value per step to "
                "simulate(perturbations=…)",
                PlausibilityWarning,
                stacklevel=4,
            )


def _involved(path: str, value: Any) -> Any:
    index = whole(0)
    values = items(lambda p, v: one_or_more(index)(p, v))(path, value)
    nested = [isinstance(v, tuple) for v in values]
    if any(nested) and not all(nested):
        raise refuse(path, "one list of clusters, or one list per vector", value)
    return values


@dataclass(frozen=True)
class PerturbationParams(Section):
    """One perturbation: vectors over populations, combined by `params` (``perturbation.<target>``).

    Without `vectors`, `n_vectors` random ones are drawn from `seed`.
    """

    path: ClassVar[str] = "perturbation.<target>"
    params: Annotated[tuple[float, ...], items(real)]
    vectors: Annotated[tuple[tuple[float, ...], ...], items(items(real))] = ()
    involved_clusters: Annotated[Any, _involved] = None
    n_vectors: Annotated[int | None, whole(1)] = None
    seed: Annotated[int, whole(0)] = 256
    structured: Annotated[bool, flag] = True
    sigma: Annotated[float, not_negative] = 1.0
    mean: Annotated[float, real] = 0.0
    balance: Annotated[float, probability] = 0.5
    time_dependence: Annotated[TimeDependence | None, section(TimeDependence)] = None


def _perturbations(path: str, value: Any) -> dict[str, PerturbationParams]:
    if not isinstance(value, Mapping):
        raise refuse(path, "a mapping of targets to perturbations", value)
    flat = set(PerturbationParams.__dataclass_fields__)
    if value and set(value) <= flat:  # the old form: one block, which means rate
        value = {"rate": value}
    result = {}
    for target, block in value.items():
        if target not in TARGETS:
            raise ConfigError(unknown(path, target, TARGETS, "target"))
        if _blank(block):
            continue
        try:
            result[str(target)] = PerturbationParams.from_mapping(block)
        except ConfigError as error:
            message = str(error).replace("perturbation.<target>", f"perturbation.{target}")
            raise ConfigError(message) from None
    return result


def _blank(block: Any) -> bool:
    """Return whether nothing was filled in, as in the templates."""
    if isinstance(block, Mapping):
        return all(_blank(value) for value in block.values())
    return block is None


@dataclass(frozen=True)
class Config(Section):
    """Everything that one clustered network needs, for the spiking net and the theory alike.

    Parameters
    ----------
    init_params : InitParams
        Sizes, time constants, voltages, step and duration.
    architecture : Architecture
        Clusters, connection probabilities, efficacies and delays.
    external_currents : ExternalCurrents
        Drive from outside.
    stimulus : StimulusParams
        Stimuli of selected clusters; none if not given.
    settings : Settings
        How runs and solves are done.
    arousal : ArousalParams, optional
        Modulation of the drive.
    perturbation : dict of str to PerturbationParams, optional
        Perturbations by target.

    Raises
    ------
    ConfigError
        If a key is unknown or missing, a value is impossible, or values contradict each other.

    Examples
    --------
    >>> from neuroloom.lifnet import load_config
    >>> config = load_config("default_snn_params")
    >>> config.architecture.clusters.n_clusters
    18
    >>> config.with_value("arousal.level", 0.5).arousal.level
    0.5
    """

    init_params: Annotated[InitParams, section(InitParams)]
    architecture: Annotated[Architecture, section(Architecture)]
    external_currents: Annotated[ExternalCurrents, section(ExternalCurrents)]
    stimulus: Annotated[StimulusParams, section(StimulusParams)] = field(
        default_factory=StimulusParams
    )
    settings: Annotated[Settings, section(Settings)] = field(default_factory=Settings)
    arousal: Annotated[ArousalParams | None, section(ArousalParams)] = None
    perturbation: Annotated[dict[str, PerturbationParams] | None, _perturbations] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        init, clusters = self.init_params, self.architecture.clusters
        for kind, total, background in (
            ("excitatory", init.n_excitatory, clusters.n_excitatory_background),
            ("inhibitory", init.n_inhibitory, clusters.n_inhibitory_background),
        ):
            path = f"architecture.clusters.n_{kind}_background"
            if background > total:
                raise refuse(path, f"at most the {total} {kind} neurons", background)
            if (total - background) % clusters.n_clusters:
                raise refuse(
                    path,
                    f"a number that leaves a multiple of {clusters.n_clusters} clusters "
                    f"of {total} {kind} neurons",
                    background,
                )
        self._check_neurons()
        self._check_times()

    def _check_times(self) -> None:
        """Warn of a duration between two steps."""
        init = self.init_params
        steps = init.duration_sec / init.delta_t
        if steps > _MOST_STEPS:
            raise refuse(
                "init_params.duration_sec", f"at most {_MOST_STEPS:g} steps of delta_t", steps
            )
        if steps >= 1 and abs(steps - round(steps)) > 1e-6 * steps:
            warnings.warn(
                f"init_params.duration_sec: {init.duration_sec:g} s is not a multiple of delta_t "
                f"({init.delta_t:g} s); rounded to {round(steps) * init.delta_t:g} s",
                RoundingWarning,
                stacklevel=5,
            )

    def unreached(self) -> list[str]:
        """Return a line on each stimulus or perturbation that a run never has.

        It begins after the duration or never, or holds no step. Asked where a configuration is
        read: a run that goes on from a state reaches later ones.
        """
        end, step = self.init_params.duration_sec, self.init_params.delta_t
        lines, stimulus = [], self.stimulus
        if stimulus.amplitude and not stimulus.onsets:
            lines.append(f"stimulus.onsets: got none; the amplitude {stimulus.amplitude:g} is idle")
        for name, begin, stop in self._windows():
            if begin >= end:
                lines.append(f"{name}: got {begin:g} s, which a run of {end:g} s does not reach")
            elif stop is not None and round(stop / step) == round(begin / step):
                lines.append(
                    f"{name}: got {begin:g} to {stop:g} s, which no step of {step:g} s has"
                )
        return lines

    def between_steps(self) -> list[str]:
        """Return a line on each time of a stimulus or perturbation that is rounded to a step."""
        step = self.init_params.delta_t
        return [
            f"{name}: {time:g} s is not a multiple of delta_t ({step:g} s); "
            f"rounded to {round(time / step) * step:g} s"
            for name, *times in self._windows()
            for time in times
            if time is not None and abs(time / step - round(time / step)) > 1e-6 * (1 + time / step)
        ]

    def _windows(self) -> list[tuple[str, float, float | None]]:
        """Return the name, the begin and the end, if there is one, of what acts for a time."""
        found: list[tuple[str, float, float | None]] = []
        if self.stimulus.amplitude:
            for i, onset in enumerate(self.stimulus.onsets):
                begin, stop = onset if isinstance(onset, tuple) else (onset, None)
                found.append((f"stimulus.onsets[{i}]", begin, stop))
        for target, params in (self.perturbation or {}).items():
            if (when := params.time_dependence) is not None:
                name = f"perturbation.{target}.time_dependence.onset_time"
                found.append((name, when.onset_time, when.offset_time))
        return found

    def _check_neurons(self) -> None:
        network, step = self.architecture.network, self.init_params.delta_t
        n_pops = self.architecture.clusters.total_pops
        for name in (
            "tau_membrane",
            "tau_synaptic",
            "tau_refractory",
            "threshold",
            "reset_voltage",
        ):
            value = getattr(network, name)
            if isinstance(value, tuple) and len(value) not in (2, n_pops):
                raise refuse(
                    f"architecture.network.{name}",
                    f"one value, two (E, I) or {n_pops} (one per population)",
                    list(value),
                )
        shortest = min(math.inf, *_flat(network.tau_membrane), *_flat(network.tau_synaptic))
        if step > shortest / 2:
            raise refuse(
                "init_params.delta_t",
                f"at most half the shortest time constant, {shortest / 2:g} s",
                step,
            )
        both = [_spread(v, n_pops) for v in (network.threshold, network.reset_voltage)]
        for threshold, reset in zip(*both, strict=True):
            if threshold <= reset:
                raise refuse(
                    "architecture.network.threshold",
                    f"above the reset voltage {reset:g}",
                    network.threshold,
                )

    def with_value(self, path: str | tuple[str | int, ...], value: Any) -> Config:
        """Return a copy with the value at `path` replaced and everything checked again.

        Parameters
        ----------
        path : str or tuple
            ``"arousal.level"``, or ``("architecture", "clusters", "j_potentiated", 0)``; the
            number of a list's item may also stand in the text, ``"external_currents.c_ext.0"``.
        value
            What to put there.

        Raises
        ------
        ConfigError
            If there is no such key or item, or the value is impossible.
        """
        parts = tuple(path.split(".")) if isinstance(path, str) else tuple(path)
        mapping = self.to_mapping()
        set_value(mapping, parts, value)
        return Config.from_mapping(mapping)

    def with_settings(self, **values: Any) -> Config:
        """Return a copy with `values` in place of those of the ``settings``."""
        return replace(self, settings=replace(self.settings, **values))


def set_value(mapping: dict[str, Any], path: tuple[str | int, ...], value: Any) -> None:
    """Put `value` at `path` of nested dicts and lists; a missing item is an error."""
    here: Any = mapping
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        place = ".".join(map(str, path[:depth]))
        if isinstance(here, list):
            index = int(part) if str(part).isdecimal() else None
            if index is None or index >= len(here):
                raise refuse(place, f"an item from 0 to {len(here) - 1}", part)
            if last:
                here[index] = value
            else:
                here = here[index]
        elif isinstance(here, dict):
            if part not in here:
                raise ConfigError(unknown(place, part, map(str, here)))
            if last:
                here[str(part)] = value
            elif here[str(part)] is None and part in ("arousal", "perturbation"):
                here[str(part)] = {}
                here = here[str(part)]
            else:
                here = here[str(part)]
        else:
            raise refuse(place, "a section or a list", here)


def _spread(value: Any, n_pops: int) -> tuple[float, ...]:
    """Return one value per population of one for all, two (E, I), or one per population."""
    values = _flat(value)
    return tuple(values[i * len(values) // n_pops] for i in range(n_pops))


def _flat(value: Any) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)
