"""`Analyzer`: attractor statistics of one or many sessions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._analysis._attractors import (
    ClusteringParams,
    Identity,
    Occurrences,
    active,
    check_times,
    occurrences,
    smooth,
    transition_counts,
)
from neuroloom.lifnet._analysis._saved import FILES, clustering, read, refuse_another, write
from neuroloom.lifnet._analysis._sessions import Spikes, contiguous, load_labels, load_sessions
from neuroloom.lifnet._errors import COARSEST, LifnetError, warn_of_milliseconds
from neuroloom.lifnet._indices import place, places
from neuroloom.shared import NotFittedError, checks

if TYPE_CHECKING:
    import pandas as pd

    from neuroloom.lifnet._engine._result import Simulation

Array = NDArray[np.float64]


class Analyzer:
    """Attractors of spiking runs: the sets of populations that are active together.

    States are numbered in order of first appearance, and so are the rows and columns of the
    transition matrix. Where a state is asked for, its number or its active populations (from 0)
    say which. Times are in milliseconds, `starts` and `ends` in steps over all sessions.

    Parameters
    ----------
    spikes : path, array_like of shape (n_steps, n_neurons), or list of those
        A folder of sessions, one or several files, or rasters: booleans, or the number of spikes
        per step.
    clusters : path or array_like of int, shape (n_neurons,)
        Population of each neuron; the neurons of one stand together.
    dt : float
        Step in seconds.
    minimal_life_span_ms : float
        Shorter states are left out.
    clustering_params : ClusteringParams or mapping, optional
        How activity is told from rates.
    populations : int, sequence of int or boolean mask, optional
        Look only at these populations, counted from 0, for example the E clusters.

    Raises
    ------
    LifnetError
        If files are missing, shapes do not fit, or a parameter is unknown.

    Examples
    --------
    >>> raster = np.zeros((2000, 20), dtype=bool)
    >>> raster[:1000:10, :10] = True     # the first population fires for half a second,
    >>> raster[1000::10, 10:] = True     # then the second one
    >>> even = {"last_pass": False}      # rates that do not fluctuate: see `ClusteringParams`
    >>> clusters = np.repeat([1, 2], 10)
    >>> analyzer = Analyzer(raster, clusters, dt=0.5e-3, clustering_params=even)
    >>> analyzer.get_unique_attractors()
    [(0,), (), (1,)]
    >>> analyzer.get_transition_prob((), (1,))
    1.0
    """

    def __init__(
        self,
        spikes: Any,
        clusters: Any,
        dt: float = 0.5e-3,
        minimal_life_span_ms: float = 20.0,
        clustering_params: ClusteringParams | Mapping[str, Any] | None = None,
        *,
        populations: Any = None,
    ) -> None:
        self._sessions: list[Spikes] | None
        self._sessions, spikes_path = load_sessions(spikes)
        labels, clusters_path = load_labels(clusters)
        for number, session in enumerate(self._sessions):
            if session.n_neurons != len(labels):
                raise LifnetError(
                    f"clusters: expected {session.n_neurons} labels for session {number}, "
                    f"got {len(labels)}"
                )
            if not session.n_steps:
                raise LifnetError(
                    f"spikes: expected at least one step, got none in session {number}"
                )
        if not len(labels):
            raise LifnetError("clusters: expected at least one neuron, got none")
        dt = checks.real("dt", dt, above=0, unit="s", error=LifnetError)
        warn_of_milliseconds("dt", dt, longest=COARSEST, stacklevel=3)
        minimal_life_span_ms = checks.real(
            "minimal_life_span_ms", minimal_life_span_ms, at_least=0, error=LifnetError
        )
        self._label, sizes = contiguous(labels)
        self._sizes = sizes
        self.params = clustering(clustering_params)
        longest = max(session.n_steps for session in self._sessions) * dt * 1e3
        check_times(self.params, minimal_life_span_ms, dt, longest)
        kept: NDArray[Any] = np.arange(len(sizes))
        if populations is not None:
            kept = places("populations", populations, len(sizes))
            if not len(kept):
                raise LifnetError("populations: expected at least one, got none")
        self.dt = float(dt)
        self._activity: list[NDArray[np.bool_]] | None = []
        for session in self._sessions:
            rates = smooth(self._rates(session), self.params, self.dt)[:, kept]
            full = np.zeros((session.n_steps, len(sizes)), dtype=bool)
            full[:, kept] = active(rates, self.params)
            self._activity.append(full)
        lengths = [session.n_steps for session in self._sessions]
        shortest = int(minimal_life_span_ms * 1e-3 / self.dt + 1e-9)
        self._fill(
            occurrences(self._activity, shortest),
            {
                "spikes_path": spikes_path,
                "clusters_path": clusters_path,
                "dt": self.dt,
                "minimal_life_span_ms": float(minimal_life_span_ms),
                "clustering_params": asdict(self.params),
                "session_length": lengths[0],
                "session_lengths_steps": lengths,
                "total_sim_duration_ms": sum(lengths) * self.dt * 1e3,
                "n_clusters": len(sizes),
                "populations": kept.tolist(),
                "files": dict(FILES),
            },
        )

    @classmethod
    def from_run(cls, run: Simulation, **options: Any) -> Analyzer:
        """Return the states of a simulation, whose spikes, populations and step it knows.

        Parameters
        ----------
        run : Simulation
            A run that recorded its spikes.
        **options
            ``minimal_life_span_ms``, ``clustering_params`` and ``populations`` of the class.

        Examples
        --------
        >>> from neuroloom import lifnet
        >>> run = lifnet.ClusteredNetwork.from_config("2_cluster_mf", seed=1).simulate(
        ...     duration=0.1, seed=2
        ... )
        >>> lifnet.Analyzer.from_run(run, populations=[0, 1]).get_num_clusters()
        4
        """
        sizes = [stop - start for start, stop in run.populations.values()]
        labels = np.repeat(np.arange(1, len(sizes) + 1), sizes)
        return cls(run.raster(), labels, run.delta_t, **options)

    def _fill(self, found: Occurrences, config: dict[str, Any]) -> None:
        self._found, self.config = found, config
        self._counts = transition_counts(found)

    def _rates(self, session: Spikes) -> Array:
        return session.counts(self._label, len(self._sizes)) / (self._sizes * self.dt)

    def _ms(self, steps: Any) -> Any:
        return np.asarray(steps) * self.dt * 1e3

    # States

    def get_num_states(self) -> int:
        """Return the number of different states."""
        return len(self._found.states)

    def get_num_clusters(self) -> int:
        """Return the number of populations."""
        return int(self.config["n_clusters"])

    def get_unique_attractors(self) -> list[Identity]:
        """Return the active populations of each state, in order of first appearance."""
        return list(self._found.states)

    def get_attractor_idx(self, *clusters: int) -> int:
        """Return the number of the state in which exactly these populations are active.

        Parameters
        ----------
        *clusters : int
            Numbers of the populations, from 0, in any order.

        Raises
        ------
        LifnetError
            If there is no such state.
        """
        n = self.get_num_clusters()
        identity = tuple(sorted(places("clusters", clusters, n).tolist()))
        if identity not in self._found.states:
            raise LifnetError(f"no state in which exactly the populations {identity} are active")
        return self._found.states.index(identity)

    def get_attractor_data(self, *state: Any) -> dict[str, Any]:
        """Return all about one state: idx, #, starts, ends, durations (ms), clusters.

        Parameters
        ----------
        *state : int, tuple of int, or several int
            The state's number; or the populations that are active in it, from 0, as a tuple or one
            by one. A single number is the state's number.

        Raises
        ------
        LifnetError
            If there is no such state.
        """
        return self._data(self._index(state), np.ones(len(self._found.start), dtype=bool))

    def get_attractors_data(
        self, t_from: float | None = None, t_to: float | None = None
    ) -> dict[Identity, dict[str, Any]]:
        """Return all about each state that occurs in a time window.

        Parameters
        ----------
        t_from, t_to : float, optional
            Window in milliseconds over all sessions; negative times count from the end. An
            occurrence is inside if it begins there.
        """
        start = self._found.start
        inside = np.ones(len(start), dtype=bool)
        if t_from is not None:
            inside &= start >= self._step("t_from", t_from)
        if t_to is not None:
            inside &= start < self._step("t_to", t_to)
        present = np.unique(self._found.identity[inside])
        return {self._found.states[i]: self._data(int(i), inside) for i in present}

    def _step(self, name: str, time_ms: float) -> float:
        """Return where a time lies in steps; negative times count from the end."""
        time = checks.real(name, time_ms, finite=False, unit="ms", error=LifnetError)
        step = time * 1e-3 / self.dt
        # A time that misses a step by rounding alone lies on it.
        if math.isfinite(step) and abs(step - round(step)) < 1e-6:
            step = float(round(step))
        whole = round(self.config["total_sim_duration_ms"] * 1e-3 / self.dt)
        return float(step + whole * (step < 0))

    def _data(self, index: int, inside: NDArray[np.bool_]) -> dict[str, Any]:
        mine = (self._found.identity == index) & inside
        durations = self._ms(self._found.duration[mine])
        return {
            "idx": index,
            "#": int(mine.sum()),
            "starts": self._found.start[mine].tolist(),
            "ends": self._found.stop[mine].tolist(),
            "occurrence_durations": durations.tolist(),
            "total_duration": float(durations.sum()),
            "clusters": self._found.states[index],
        }

    def _index(self, state: tuple[Any, ...]) -> int:
        """Return the number of a state given as a number, a tuple of populations, or nothing."""
        if len(state) == 1 and np.ndim(state[0]) == 0:
            last = self.get_num_states() - 1
            expected = f"a number from 0 to {last}, or a tuple of the populations that are active"
            return checks.whole(
                "state", state[0], at_least=0, at_most=last, expected=expected, error=LifnetError
            )
        populations = state[0] if len(state) == 1 else state
        return self.get_attractor_idx(*populations)

    def get_occurrences(self, *state: Any) -> int:
        """Return how often a state occurs.

        Parameters
        ----------
        *state : int, tuple of int, or several int
            The state's number; or the populations that are active in it, from 0, as a tuple or one
            by one. A single number is the state's number.

        Raises
        ------
        LifnetError
            If there is no such state.
        """
        return int((self._found.identity == self._index(state)).sum())

    def get_life_spans(self, *state: Any) -> Array:
        """Return the durations of a state, or of all states in order of time, in milliseconds.

        Parameters
        ----------
        *state : int, tuple of int, or several int
            The state's number; or the populations that are active in it, from 0, as a tuple or one
            by one. A single number is the state's number. All if
            nothing is given.

        Raises
        ------
        LifnetError
            If there is no such state.
        """
        if not state:
            return np.asarray(self._ms(self._found.duration))
        return np.asarray(
            self._ms(self._found.duration[self._found.identity == self._index(state)])
        )

    def get_mean_lifespan(self, *state: Any) -> float:
        """Return the mean duration of a state, or of all occurrences, in milliseconds.

        Parameters
        ----------
        *state : int, tuple of int, or several int
            The state's number; or the populations that are active in it, from 0, as a tuple or one
            by one. A single number is the state's number. All if
            nothing is given.

        Raises
        ------
        LifnetError
            If there is no such state.
        """
        spans = self.get_life_spans(*state)
        return float(spans.mean()) if len(spans) else float("nan")

    def get_attractor_prob(self, *state: Any) -> float:
        """Return the share of the whole time that is spent in a state.

        Parameters
        ----------
        *state : int, tuple of int, or several int
            The state's number; or the populations that are active in it, from 0, as a tuple or one
            by one. A single number is the state's number. All
            if nothing is given.

        Raises
        ------
        LifnetError
            If there is no such state.
        """
        return float(self.get_life_spans(*state).sum() / self.config["total_sim_duration_ms"])

    def get_attractor_probs(self) -> Array:
        """Return the share of the whole time spent in each state, shape (n_states,).

        They sum to less than one by the time in states too short to count.
        """
        steps = np.bincount(
            self._found.identity, self._found.duration, minlength=self.get_num_states()
        )
        return np.asarray(self._ms(steps) / self.config["total_sim_duration_ms"])

    def occurrences(self) -> pd.DataFrame:
        """Return one row per occurrence, with times in seconds.

        Returns
        -------
        pandas.DataFrame
            Columns ``idx``, the number of the state, ``clusters``, its active populations,
            ``session``, ``start`` and ``stop`` from the start of all sessions, and ``duration``.
        """
        import pandas as pd

        found = self._found
        return pd.DataFrame(
            {
                "idx": found.identity,
                "clusters": [found.states[i] for i in found.identity],
                "session": found.session,
                "start": found.start * self.dt,
                "stop": found.stop * self.dt,
                "duration": found.duration * self.dt,
            }
        )

    # Transitions

    def get_transition_matrix(self, *, normalize: bool = True) -> Array:
        """Return the probability of each state (column) to follow each state (row).

        Parameters
        ----------
        normalize : bool
            Divide by the number of times that a state was left, so that rows sum to one (to zero
            for a state that was never left). Without, divide by the number of occurrences: what is
            missing to one is then how often a session ended in the state.
        """
        checks.flag("normalize", normalize, error=LifnetError)
        counts = self._counts.astype(np.float64)
        if normalize:
            whole = counts.sum(axis=1, keepdims=True)
        else:
            whole = np.bincount(self._found.identity, minlength=len(counts))[:, None].astype(float)
        share = np.divide(counts, whole, out=np.zeros_like(counts), where=whole > 0)
        return np.asarray(share)

    def get_transition_prob(self, first: Any, then: Any) -> float:
        """Return the probability that `then` follows `first`.

        Parameters
        ----------
        first, then : int or tuple of int
            States, each by its number or its active populations.

        Raises
        ------
        LifnetError
            If there is no such state.
        """
        a, b = self._index((first,)), self._index((then,))
        return float(self.get_transition_matrix()[a, b])

    def get_sequence_probability(self, *states: Any) -> float:
        """Return the probability that states follow each other, given the first of them.

        Parameters
        ----------
        *states : int or tuple of int
            At least two states, each by its number or its active populations.

        Raises
        ------
        LifnetError
            If there are fewer than two, or there is no such state.
        """
        if len(states) < 2:
            raise LifnetError(f"states: expected at least two, got {len(states)}")
        places = [self._index((state,)) for state in states]
        matrix = self.get_transition_matrix()
        return float(np.prod([matrix[a, b] for a, b in pairwise(places)]))

    def get_unique_attractors_count_until_time(self, time_ms: float) -> int:
        """Return how many different states have begun before a time in milliseconds.

        Parameters
        ----------
        time_ms : float
            Time in milliseconds from the first session's start, over all sessions; negative times
            count from the end.
        """
        begun = self._found.start < self._step("time_ms", time_ms)
        return len(np.unique(self._found.identity[begun]))

    def get_transition_density_until_time(self, time_ms: float) -> float:
        """Return the share of the possible transitions between the states seen that were seen.

        A transition leads from one state to another: a state that follows itself, after an
        interruption too short to count, is none.

        Parameters
        ----------
        time_ms : float
            Time in milliseconds; what comes later does not count. Negative times count from the
            end.
        """
        n = self.get_unique_attractors_count_until_time(time_ms)
        if n < 2:
            return 0.0
        seen = transition_counts(self._found, self._step("time_ms", time_ms)) > 0
        np.fill_diagonal(seen, False)
        return float(seen.sum() / (n * (n - 1)))

    # Rates

    def get_data(self) -> list[NDArray[np.bool_]]:
        """Return whether each neuron spiked, (n_steps, n_neurons), for all sessions."""
        return [session.dense() for session in self._raw()]

    def get_neuron_spike_rate(self, neuron: int | None = None) -> Any:
        """Return the mean rate of a neuron, or of all, in Hz over all sessions.

        Parameters
        ----------
        neuron : int, optional
            Number of the neuron, from 0; all if not given.

        Raises
        ------
        LifnetError
            If there is no such neuron.
        """
        total = sum(
            np.bincount(session.neurons, minlength=session.n_neurons) for session in self._raw()
        )
        rates = total / (self.config["total_sim_duration_ms"] * 1e-3)
        if neuron is None:
            return rates
        return float(rates[place("neuron", neuron, len(rates))])

    def get_cluster_spike_rate(self, cluster: int | None = None) -> Any:
        """Return the mean rate of a population, or of all, in Hz over all sessions.

        Parameters
        ----------
        cluster : int, optional
            Number of the population, from 0; all if not given.

        Raises
        ------
        LifnetError
            If there is no such population.
        """
        rates = self.get_neuron_spike_rate()
        means = np.bincount(self._label, rates) / self._sizes
        if cluster is None:
            return means
        return float(means[place("cluster", cluster, len(means))])

    def get_cluster_activity(self, session: int = 0) -> NDArray[np.bool_]:
        """Return which populations are active in a session, shape (n_steps, n_pops).

        Parameters
        ----------
        session : int
            Number of the session, from 0.

        Raises
        ------
        LifnetError
            If there is no such session.
        NotFittedError
            If the analysis was loaded: it holds no activity.
        """
        if self._activity is None:
            raise NotFittedError("a loaded analysis holds no activity: make the Analyzer anew")
        number = place("session", session, len(self._activity))
        return self._activity[number]

    def get_cluster_rates(self, session: int = 0) -> Array:
        """Return the smoothed rates of the populations in Hz, shape (n_steps, n_pops).

        Parameters
        ----------
        session : int
            Number of the session, from 0.

        Raises
        ------
        LifnetError
            If there is no such session.
        NotFittedError
            If the analysis was loaded: it holds no spikes.
        """
        raw = self._raw()
        number = place("session", session, len(raw))
        return smooth(self._rates(raw[number]), self.params, self.dt)

    def _raw(self) -> list[Spikes]:
        if self._sessions is None:
            raise NotFittedError("a loaded analysis holds no spikes: make the Analyzer anew")
        return self._sessions

    # Files

    def save_analysis(self, directory: str | Path, *, overwrite: bool = False) -> Path:
        """Write states, transition matrix and parameters to a folder, and return it.

        Parameters
        ----------
        directory : path
            Folder to write to; made if it is missing.
        overwrite : bool
            Replace another analysis. One that this one goes on from is replaced in any case: of
            the first of these sessions, with the same parameters and states.

        Raises
        ------
        LifnetError
            If the folder holds another analysis; nothing is written then.
        """
        folder = checks.path("directory", directory, error=LifnetError)
        if not checks.flag("overwrite", overwrite, error=LifnetError):
            refuse_another(folder, self.config, self._found)
        return write(folder, self._found, self.config, self.get_transition_matrix())

    @classmethod
    def load_analysis(cls, directory: str | Path) -> Analyzer:
        """Return a saved analysis: all statistics, without the spikes.

        Parameters
        ----------
        directory : path
            Folder that `save_analysis` wrote.

        Raises
        ------
        LifnetError
            If the folder holds no analysis, or one whose attractors are a pickled object.
        """
        saved = read(checks.path("directory", directory, error=LifnetError))
        result = cls.__new__(cls)
        result.dt, result.params = saved.dt, saved.params
        result._sessions, result._activity = None, None
        result._fill(saved.found, saved.config)
        return result
