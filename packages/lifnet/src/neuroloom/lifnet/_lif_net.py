"""`LIFNet`: a network of leaky integrate-and-fire neurons as a torch module."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neuroloom.lifnet._engine import (
    Cells,
    Connectivity,
    Record,
    State,
    SurrogateSpike,
    run_torch,
    simulate,
)
from neuroloom.lifnet._errors import NetworkError, SimulationError
from neuroloom.shared import checks

_BACKENDS = ("auto", "kernel", "torch")
_PER_NEURON = ("tau_membrane", "tau_synaptic", "tau_refractory", "threshold", "reset_voltage")


class LIFNet(nn.Module):
    """Leaky integrate-and-fire neurons with exponential synapses, stepped exactly.

    ``dV/dt = −V/τ_m + I + stimulus`` and ``dI/dt = −I/τ_s``; a spike of neuron j adds
    ``W_ij/τ_s`` to the current of neuron i, which acts from the next step on, and external counts
    add ``Σ_k j_ext[k]/√N · counts[k]/τ_s``. After a spike the voltage is reset and stays there for
    ``τ_ref/delta_t`` steps (rounded), while the current goes on.

    Parameters
    ----------
    synaptic_weights : Tensor, shape (n_neurons, n_neurons)
        ``W[post, pre]``. Its dtype is that of the computation.
    j_ext : sequence of 4 floats or Tensor
        External efficacies of the four rows of counts; divided by √N inside.
    tau_membrane, tau_synaptic, tau_refractory, threshold, reset_voltage : float, sequence or Tensor
        One value, or one per neuron; times in seconds.
    delta_t : float
        Step in seconds.
    currents_generator
        Not used; kept for callers that pass it.
    backend : {"auto", "kernel", "torch"}
        The compiled event-driven kernel, or torch. ``"auto"`` takes torch where gradients are
        asked for, a tensor lies on an accelerator, or a `surrogate` is given.
    surrogate : SurrogateSpike, optional
        Let gradients pass through spikes.

    Raises
    ------
    NetworkError
        If a length, weight or parameter is impossible (a `ValueError`).
    TypeError
        If an argument is of a type that holds no numbers.

    Examples
    --------
    >>> import torch
    >>> net = LIFNet(torch.zeros(2, 2), [2.3, 2.3, 0, 0], 0.02, 0.005, 0.005, [1.5, 0.75],
    ...              delta_t=0.0005)
    >>> drive = 100 * torch.ones(200, 2)
    >>> voltage, current, spikes = net(torch.zeros(2), torch.zeros(2), drive)
    >>> spikes.sum(dim=0).tolist()
    [3.0, 7.0]
    """

    synaptic_weights: Tensor
    j_ext: Tensor
    tau_membrane: Tensor
    tau_synaptic: Tensor
    tau_refractory: Tensor
    threshold: Tensor
    reset_voltage: Tensor
    spikes_timer: Tensor

    def __init__(
        self,
        synaptic_weights: Any,
        j_ext: Any,
        tau_membrane: Any,
        tau_synaptic: Any,
        tau_refractory: Any,
        threshold: Any,
        reset_voltage: Any = 0.0,
        delta_t: float = 1e-3,
        currents_generator: Any = None,
        *,
        backend: str = "auto",
        surrogate: SurrogateSpike | None = None,
    ) -> None:
        super().__init__()
        checks.choice("backend", backend, _BACKENDS, error=NetworkError)
        weights = _tensor("synaptic_weights", synaptic_weights)
        if not weights.is_floating_point():
            weights = weights.to(torch.float64)
        if weights.ndim != 2 or weights.shape[0] != weights.shape[1]:
            raise NetworkError(
                f"synaptic_weights: expected shape (n, n), got {tuple(weights.shape)}"
            )
        if not bool(torch.isfinite(weights).all()):
            raise NetworkError("synaptic_weights: expected finite weights, got NaN or inf")
        step = checks.real("delta_t", delta_t, above=0, unit="s", error=NetworkError)
        self.delta_t, self.backend, self.surrogate = step, backend, surrogate
        self.n_neurons = int(weights.shape[0])
        self._keep("synaptic_weights", weights)
        external = _tensor("j_ext", j_ext).to(weights)
        if external.shape != (4,):
            raise NetworkError(f"j_ext: expected 4 efficacies, got shape {tuple(external.shape)}")
        self._keep("j_ext", external)
        given = (tau_membrane, tau_synaptic, tau_refractory, threshold, reset_voltage)
        for name, value in zip(_PER_NEURON, given, strict=True):
            self._keep(name, self._per_neuron(name, value, weights))
        for name in ("tau_membrane", "tau_synaptic"):
            shortest = float(getattr(self, name).min())
            if shortest <= 0:
                raise NetworkError(f"{name}: expected positive time constants, got {shortest:g}")
            if step > shortest / 2:
                raise NetworkError(
                    f"delta_t: expected at most half of {name} = {shortest:g} s, got {step:g}"
                )
        if float(self.tau_refractory.min()) < 0:
            raise NetworkError("tau_refractory: expected times of at least 0")
        if bool((self.threshold <= self.reset_voltage).any()):
            raise NetworkError("threshold: expected thresholds above reset_voltage")
        self.register_buffer("spikes_timer", torch.zeros_like(self.tau_membrane), persistent=False)
        self._compiled: tuple[Tensor, Connectivity] | None = None

    def forward(
        self,
        voltage: Any,
        synaptic_current: Any,
        stimulus: Any,
        external_currents: Any = None,
        mechanism: str = "analytic",
        *,
        refractory: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return voltages, currents and spikes of all steps, shapes (n_steps, ..., n_neurons).

        Parameters
        ----------
        voltage, synaptic_current : Tensor, shape (n_neurons,) or (n_trials, n_neurons)
            State at the beginning. It is not changed.
        stimulus : Tensor, shape (n_steps, n_neurons) or (n_steps, n_trials, n_neurons)
            Added to dV/dt.
        external_currents : Tensor, shape (n_steps, 4, [n_trials,] n_neurons), optional
            External spike counts of the four pathways.
        mechanism : str
            ``"euler"``, or any other name for the exact propagator.
        refractory : Tensor, shape (n_neurons,) or (n_trials, n_neurons), optional
            Time in seconds for which neurons are still refractory. Every call begins with none
            unless it is given; `spikes_timer` holds what a call left.

        Returns
        -------
        voltage, synaptic_current, spikes : Tensor
            At the end of each step, after the reset; spikes are 0 or 1.

        Raises
        ------
        SimulationError
            If a shape does not fit, an input is not finite, or the step is too long for
            ``"euler"``.
        """
        weights = self.synaptic_weights
        n = self.n_neurons
        v = _state("voltage", voltage, weights, n)
        i = _state("synaptic_current", synaptic_current, weights, n)
        if i.shape != v.shape:
            raise SimulationError(
                f"synaptic_current: expected shape {tuple(v.shape)}, got {tuple(i.shape)}"
            )
        drive = _input("stimulus", stimulus, weights, (*v.shape,))
        jumps = self._jumps(external_currents, len(drive), v.shape, weights)
        wait = None
        if refractory is not None:
            left = _tensor("refractory", refractory).to(weights)
            if not bool(((left >= 0) & (left < torch.inf)).all()):
                raise SimulationError("refractory: expected finite times of at least 0 s")
            if left.shape not in ((), v.shape[-1:], v.shape):
                raise SimulationError(
                    f"refractory: expected shape {tuple(v.shape)}, got {tuple(left.shape)}"
                )
            left = left.expand(v.shape)
            wait = torch.round(left / self.delta_t).to(torch.int64)
        scheme = "euler" if mechanism == "euler" else "analytic"
        if self._differentiable(v, i, drive, jumps):
            v_all, i_all, s_all, timer = self._run_torch(v, i, drive, jumps, wait, scheme)
        elif v.ndim == 1:
            v_all, i_all, s_all, timer = self._run_kernel(v, i, drive, jumps, wait, scheme)
        else:
            trials = [
                self._run_kernel(
                    v[k],
                    i[k],
                    drive[:, k],
                    None if jumps is None else jumps[:, k],
                    None if wait is None else wait[k],
                    scheme,
                )
                for k in range(len(v))
            ]
            v_all, i_all, s_all = (
                torch.stack([trial[part] for trial in trials], dim=1) for part in range(3)
            )
            timer = torch.stack([trial[3] for trial in trials])
        self.spikes_timer = timer.to(weights.dtype) * self.delta_t
        return v_all, i_all, s_all

    def _differentiable(self, *inputs: Tensor | None) -> bool:
        if self.backend != "auto":
            return self.backend == "torch"
        tensors = [t for t in (*inputs, *self.parameters(), *self.buffers()) if t is not None]
        wants = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
        return wants or self.surrogate is not None or any(t.device.type != "cpu" for t in tensors)

    def _run_torch(
        self, v: Tensor, i: Tensor, drive: Tensor, jumps: Tensor | None, wait: Any, scheme: str
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        moving = {
            "tau_membrane": self.tau_membrane,
            "tau_synaptic": self.tau_synaptic,
            "threshold": self.threshold,
            "reset": self.reset_voltage,
        }
        run = run_torch(
            self._cells(),
            self.synaptic_weights,
            voltage=v,
            current=i,
            delta_t=self.delta_t,
            refractory=wait,
            stimulus=drive,
            external_jumps=jumps,
            mechanism=scheme,
            surrogate=self.surrogate,
            parameters=moving,
        )
        return run.voltage, run.current, run.spikes, run.refractory

    def _run_kernel(
        self, v: Tensor, i: Tensor, drive: Tensor, jumps: Tensor | None, wait: Any, scheme: str
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        weights = self.synaptic_weights.detach()
        calm = np.zeros(self.n_neurons, dtype=np.int32)
        run = simulate(
            self._cells(),
            self._connectivity(),
            n_steps=len(drive),
            delta_t=self.delta_t,
            stimulus=drive.detach().numpy(),
            external_jumps=None if jumps is None else jumps.detach().numpy(),
            state=State(
                v.detach().numpy().copy(),
                i.detach().numpy()[None].copy(),
                calm if wait is None else wait.numpy().astype(np.int32),
            ),
            record=Record(voltage=True, current=True),
            dtype="float32" if weights.dtype == torch.float32 else "float64",
            mechanism=scheme,
        )
        spikes = torch.zeros(len(drive), self.n_neurons, dtype=weights.dtype)
        spikes[torch.as_tensor(run.spike_steps), torch.as_tensor(run.spike_ids).long()] = 1.0
        return (
            torch.as_tensor(np.asarray(run.voltage)).to(weights.dtype),
            torch.as_tensor(np.asarray(run.current)).to(weights.dtype),
            spikes,
            torch.as_tensor(run.state.refractory.astype(np.int64)),
        )

    def _cells(self) -> Cells:
        def values(name: str) -> Any:
            return getattr(self, name).detach().cpu().to(torch.float64).numpy()

        return Cells.create(
            self.n_neurons,
            tau_membrane=values("tau_membrane"),
            tau_synaptic=values("tau_synaptic"),
            threshold=values("threshold"),
            reset=values("reset_voltage"),
            tau_refractory=values("tau_refractory"),
            charge=True,
        )

    def _connectivity(self) -> Connectivity:
        """Return the sparse weights, made again only after a weight was changed.

        Torch counts no change by ``.data`` or by way of a numpy array that shares the memory: the
        weights themselves are compared.
        """
        weights = self.synaptic_weights.detach()
        known = self._compiled
        if known is None or known[0].dtype != weights.dtype or not torch.equal(known[0], weights):
            by_source = weights.numpy().T
            source, target = np.nonzero(by_source)
            starts = np.searchsorted(source, np.arange(self.n_neurons + 1))
            self._compiled = known = (
                weights.clone(),
                Connectivity.from_csr(starts, target, by_source[source, target].astype(float)),
            )
        return known[1]

    def _jumps(
        self, counts: Any, n_steps: int, shape: torch.Size, weights: Tensor
    ) -> Tensor | None:
        if counts is None:
            return None
        given = _tensor("external_currents", counts).to(weights)
        expected = (n_steps, 4, *shape)
        if given.shape != expected:
            raise SimulationError(
                f"external_currents: expected shape {expected}, got {tuple(given.shape)}"
            )
        if not bool(torch.isfinite(given).all()):
            raise SimulationError("external_currents: expected finite counts, got NaN or inf")
        return torch.einsum("k,tk...->t...", self.j_ext / self.n_neurons**0.5, given)

    def _keep(self, name: str, value: Tensor) -> None:
        if isinstance(value, nn.Parameter):
            self.register_parameter(name, value)
        else:
            self.register_buffer(name, value)

    def _per_neuron(self, name: str, value: Any, weights: Tensor) -> Tensor:
        tensor = _tensor(name, value)
        own = isinstance(value, nn.Parameter) and tensor.shape == (self.n_neurons,)
        tensor = tensor if own else tensor.to(weights)
        if tensor.ndim == 0:
            tensor = tensor.expand(self.n_neurons)
        if tensor.shape != (self.n_neurons,):
            raise NetworkError(
                f"{name}: expected one value or {self.n_neurons}, got shape {tuple(tensor.shape)}"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise NetworkError(f"{name}: expected finite values, got NaN or inf")
        if own:
            return tensor
        return tensor.clone() if not tensor.requires_grad else tensor


def _tensor(name: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (bool, str)) or not isinstance(
        value, (int, float, list, tuple, np.ndarray, np.generic)
    ):
        raise TypeError(
            f"{name}: expected a number, a sequence of numbers or a tensor, "
            f"got {type(value).__name__}"
        )
    array = checks.plain(name, value, error=NetworkError)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected numbers, got values of dtype {array.dtype}")
    return torch.as_tensor(array.astype(np.float64))


def _state(name: str, value: Any, weights: Tensor, n: int) -> Tensor:
    tensor = _tensor(name, value).to(weights)
    if tensor.ndim not in (1, 2) or tensor.shape[-1] != n:
        raise SimulationError(
            f"{name}: expected shape ({n},) or (n_trials, {n}), got {tuple(tensor.shape)}"
        )
    if not bool(torch.isfinite(tensor).all()):
        raise SimulationError(f"{name}: expected finite values, got NaN or inf")
    return tensor


def _input(name: str, value: Any, weights: Tensor, shape: tuple[int, ...]) -> Tensor:
    tensor = _tensor(name, value).to(weights)
    if tensor.shape[1:] != shape:
        raise SimulationError(
            f"{name}: expected shape (n_steps, {', '.join(map(str, shape))}), "
            f"got {tuple(tensor.shape)}"
        )
    if not bool(torch.isfinite(tensor).all()):
        raise SimulationError(f"{name}: expected finite values, got NaN or inf")
    return tensor
