"""The step in torch: batches, accelerators, and gradients through spikes by a surrogate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from neuroloom.lifnet._engine._cells import MECHANISMS, Cells
from neuroloom.lifnet._engine._connectivity import Connectivity
from neuroloom.lifnet._errors import SimulationError

Tensor = torch.Tensor


class TorchRun(NamedTuple):
    """What `run_torch` returns, time first: shapes (n_steps, ..., n_neurons)."""

    voltage: Tensor
    current: Tensor
    spikes: Tensor
    refractory: Tensor


@dataclass(frozen=True, slots=True)
class SurrogateSpike:
    """A spike whose gradient is that of a fast sigmoid (Zenke & Ganguli 2018, eq. 2.7).

    Parameters
    ----------
    slope : float
        Steepness, per distance to the threshold in units of threshold − reset.
    smooth : bool
        Let the sigmoid itself pass instead of 0 and 1: the model whose exact gradient the
        surrogate is.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([-0.1, 0.0, 0.2], requires_grad=True)
    >>> SurrogateSpike(slope=10.0)(x).tolist()
    [0.0, 1.0, 1.0]
    """

    slope: float = 10.0
    smooth: bool = False

    def __call__(self, distance: Tensor) -> Tensor:
        """Return the spikes at a distance above the threshold, with gradients."""
        if self.smooth:
            scaled = self.slope * distance
            return 0.5 * (1.0 + scaled / (1.0 + scaled.abs()))
        return _Surrogate.apply(distance, self.slope)  # type: ignore[no-any-return,no-untyped-call]


class _Surrogate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, distance: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(distance)
        ctx.slope = slope
        return (distance >= 0).to(distance.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (distance,) = ctx.saved_tensors
        return gradient * ctx.slope / 2 / (1.0 + ctx.slope * distance.abs()) ** 2, None


def run_torch(
    cells: Cells,
    weights: Tensor | Connectivity,
    *,
    voltage: Tensor,
    current: Tensor,
    delta_t: float,
    refractory: Tensor | None = None,
    stimulus: Tensor | None = None,
    external_jumps: Tensor | None = None,
    n_steps: int | None = None,
    mechanism: str = "analytic",
    surrogate: SurrogateSpike | None = None,
    parameters: Mapping[str, Tensor] | None = None,
) -> TorchRun:
    """Return voltages, currents and spikes of every step of a network of one exponential channel.

    Leading dimensions of the state and the input are a batch. Gradients flow to `weights`, the
    state, the input and `parameters`; through spikes only with a `surrogate`.

    Parameters
    ----------
    cells : Cells
        The neurons.
    weights : Tensor, shape (n_neurons, n_neurons), or Connectivity
        From column to row; or the synapses, without gradient.
    voltage, current : Tensor, shape (..., n_neurons)
        State at the beginning.
    delta_t : float
        Step in seconds.
    refractory : Tensor of int, shape (..., n_neurons), optional
        Steps left at reset; none if not given.
    stimulus, external_jumps : Tensor, shape (n_steps, ..., n_neurons), optional
        Current, and jumps of the synaptic state in units of weight.
    n_steps : int, optional
        Needed where neither stimulus nor jumps are given.
    mechanism : {"analytic", "euler"}
        How the linear equations are solved between spikes.
    surrogate : SurrogateSpike, optional
        Spikes with gradients.
    parameters : mapping of str to Tensor, optional
        Replace ``tau_membrane, tau_synaptic, threshold, reset`` or ``bias`` of the cells.

    Raises
    ------
    SimulationError
        If the number of steps is not given, the synapses are of another kind, or a parameter is
        not known.
    """
    steps = _steps_of(cells, (stimulus, external_jumps), n_steps, mechanism)
    step = _coefficients(cells, dict(parameters or {}), voltage, delta_t, mechanism)
    v, i = voltage - step.resting, current
    wait = (
        torch.zeros(v.shape, dtype=torch.int64, device=v.device)
        if refractory is None
        else refractory.to(torch.int64)
    )
    send = _sender(weights, voltage)
    history: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
    for t in range(steps):
        drive = step.bias if stimulus is None else step.bias + stimulus[t]
        new = step.keep_v * v + step.from_i * i + step.from_b * drive
        v, spikes, fired = _fire(step, new, wait > 0, surrogate)
        wait = torch.where(fired, step.n_refractory, (wait - 1).clamp(min=0))
        arriving = send(spikes)
        if external_jumps is not None:
            arriving = arriving + external_jumps[t]
        i = step.keep_i * i + step.scale * arriving
        for kept, value in zip(history, (v + step.resting, i, spikes), strict=True):
            kept.append(value)
    v_all, i_all, s_all = (torch.stack(kept) for kept in history)
    return TorchRun(v_all, i_all, s_all, wait)


def _steps_of(
    cells: Cells, given: tuple[Tensor | None, Tensor | None], n_steps: int | None, mechanism: str
) -> int:
    """Return the number of steps, if it is told and these cells can be stepped."""
    if cells.n_channels != 1 or (cells.tau_rise > 0).any() or cells.delta_channels.any():
        raise SimulationError("cells: run_torch steps one exponential channel")
    if mechanism not in MECHANISMS:
        raise SimulationError(f"mechanism: expected one of {MECHANISMS}, got {mechanism!r}")
    inputs = [x for x in given if x is not None]
    steps = n_steps if n_steps is not None else len(inputs[0]) if inputs else None
    if steps is None or any(len(x) != steps for x in inputs):
        raise SimulationError("n_steps: expected as many as stimulus and external_jumps have")
    return steps


class _Step(NamedTuple):
    """What a step takes: linear coefficients, levels from rest, and steps at reset."""

    keep_v: Tensor
    keep_i: Tensor
    from_i: Tensor
    from_b: Tensor
    threshold: Tensor
    reset: Tensor
    bias: Tensor
    resting: Tensor
    scale: Tensor
    n_refractory: Tensor


def _coefficients(
    cells: Cells, parameters: dict[str, Tensor], voltage: Tensor, delta_t: float, mechanism: str
) -> _Step:
    """Return the coefficients of a step, through which gradients flow to the parameters."""

    def tensor(value: Any) -> Tensor:
        return torch.as_tensor(value, dtype=voltage.dtype, device=voltage.device)

    p = {
        "tau_membrane": tensor(cells.tau_membrane),
        "tau_synaptic": tensor(cells.tau_decay[0]),
        "threshold": tensor(cells.threshold),
        "reset": tensor(cells.reset),
        "bias": tensor(cells.bias),
    }
    unknown = set(parameters) - set(p)
    if unknown:
        raise SimulationError(f"parameters: expected some of {sorted(p)}, got {sorted(unknown)}")
    p.update(parameters)
    charge = not np.all(cells.scale == 1.0)
    scale = (
        1.0 / p["tau_synaptic"]
        if charge and np.allclose(cells.scale[0] * cells.tau_decay[0], 1.0)
        else tensor(cells.scale[0])
    )
    capacitance, resting = tensor(cells.capacitance), tensor(cells.resting)
    tm, ts = p["tau_membrane"], p["tau_synaptic"]
    if mechanism == "euler":
        keep_v, keep_i = 1 - delta_t / tm, 1 - delta_t / ts
        from_b = from_i = delta_t / capacitance
    else:
        keep_v, keep_i = torch.exp(-delta_t / tm), torch.exp(-delta_t / ts)
        from_b = -tm * torch.expm1(-delta_t / tm) / capacitance
        difference = 1 / tm - 1 / ts
        near = difference.abs() * delta_t < 1e-14
        apart = torch.where(near, torch.ones_like(difference), difference)
        ratio = torch.where(
            near, torch.full_like(apart, delta_t), torch.expm1(delta_t * apart) / apart
        )
        from_i = keep_v * ratio / capacitance
    n_refractory = torch.as_tensor(
        np.rint(cells.tau_refractory / delta_t).astype(np.int64), device=voltage.device
    )
    levels = p["threshold"] - resting, p["reset"] - resting, p["bias"], resting
    return _Step(keep_v, keep_i, from_i, from_b, *levels, scale, n_refractory)


def _fire(
    step: _Step, new: Tensor, clamped: Tensor, surrogate: SurrogateSpike | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the voltage after threshold and reset, the spikes, and which neurons fired."""
    if surrogate is None:
        v = torch.where(clamped, step.reset, new)
        fired = v >= step.threshold
        return torch.where(fired, step.reset, v), fired.to(v.dtype), fired
    distance = (new - step.threshold) / (step.threshold - step.reset)
    spikes = torch.where(clamped, torch.zeros_like(new), surrogate(distance))
    v = torch.where(clamped, step.reset, new + spikes * (step.reset - new))
    return v, spikes, spikes >= 0.5


def _sender(weights: Tensor | Connectivity, like: Tensor) -> Any:
    """Return the function from spikes to what arrives."""
    if isinstance(weights, Connectivity):
        if weights.max_delay:
            raise SimulationError("weights: run_torch steps synapses without delay")
        indptr, target, weight, _, _ = weights.to_csr()
        ends = torch.as_tensor(indptr, device=like.device)
        to = torch.as_tensor(target.astype(np.int64), device=like.device)
        w = torch.as_tensor(weight, dtype=like.dtype, device=like.device)
        n = weights.n_neurons

        def events(spikes: Tensor) -> Tensor:
            flat = spikes.reshape(-1, n)
            out = torch.zeros_like(flat)
            trial, source = torch.nonzero(flat, as_tuple=True)
            sizes = ends[source + 1] - ends[source]
            total = int(sizes.sum())
            if not total:
                return out.reshape(spikes.shape)
            first = torch.repeat_interleave(ends[source] - (sizes.cumsum(0) - sizes), sizes)
            synapse = first + torch.arange(total, device=like.device)
            place = torch.repeat_interleave(trial, sizes) * n + to[synapse]
            out.view(-1).index_add_(0, place, w[synapse])
            return out.reshape(spikes.shape)

        return events

    def matrix(spikes: Tensor) -> Tensor:
        return spikes @ weights.T

    return matrix
