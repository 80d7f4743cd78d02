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
    if cells.n_channels != 1 or (cells.tau_rise > 0).any() or cells.delta_channels.any():
        raise SimulationError("cells: run_torch steps one exponential channel")
    if mechanism not in MECHANISMS:
        raise SimulationError(f"mechanism: expected one of {MECHANISMS}, got {mechanism!r}")
    inputs = [x for x in (stimulus, external_jumps) if x is not None]
    steps = n_steps if n_steps is not None else len(inputs[0]) if inputs else None
    if steps is None or any(len(x) != steps for x in inputs):
        raise SimulationError("n_steps: expected as many as stimulus and external_jumps have")
    like = {"dtype": voltage.dtype, "device": voltage.device}
    values = {
        "tau_membrane": cells.tau_membrane,
        "tau_synaptic": cells.tau_decay[0],
        "threshold": cells.threshold,
        "reset": cells.reset,
        "bias": cells.bias,
    }
    unknown = set(parameters or {}) - set(values)
    if unknown:
        raise SimulationError(
            f"parameters: expected some of {sorted(values)}, got {sorted(unknown)}"
        )
    p = {name: torch.as_tensor(value, **like) for name, value in values.items()}  # type: ignore[arg-type]
    p.update(parameters or {})
    charge = not np.all(cells.scale == 1.0)
    scale = (
        1.0 / p["tau_synaptic"]
        if charge and np.allclose(cells.scale[0] * cells.tau_decay[0], 1.0)
        else torch.as_tensor(cells.scale[0], **like)  # type: ignore[arg-type]
    )
    capacitance = torch.as_tensor(cells.capacitance, **like)  # type: ignore[arg-type]
    resting = torch.as_tensor(cells.resting, **like)  # type: ignore[arg-type]
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
    threshold, reset, bias = p["threshold"] - resting, p["reset"] - resting, p["bias"]
    n_refractory = torch.as_tensor(
        np.rint(cells.tau_refractory / delta_t).astype(np.int64), device=voltage.device
    )
    v, i = voltage - resting, current
    wait = (
        torch.zeros(v.shape, dtype=torch.int64, device=v.device)
        if refractory is None
        else refractory.to(torch.int64)
    )
    send = _sender(weights, voltage)
    history: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
    for t in range(steps):
        drive = bias if stimulus is None else bias + stimulus[t]
        new = keep_v * v + from_i * i + from_b * drive
        i = keep_i * i
        clamped = wait > 0
        if surrogate is None:
            v = torch.where(clamped, reset, new)
            fired = v >= threshold
            spikes = fired.to(v.dtype)
            v = torch.where(fired, reset, v)
        else:
            distance = (new - threshold) / (threshold - reset)
            spikes = torch.where(clamped, torch.zeros_like(new), surrogate(distance))
            fired = spikes >= 0.5
            v = torch.where(clamped, reset, new + spikes * (reset - new))
        wait = torch.where(fired, n_refractory, (wait - 1).clamp(min=0))
        arriving = send(spikes)
        if external_jumps is not None:
            arriving = arriving + external_jumps[t]
        i = i + scale * arriving
        for kept, value in zip(history, (v + resting, i, spikes), strict=True):
            kept.append(value)
    v_all, i_all, s_all = (torch.stack(kept) for kept in history)
    return TorchRun(v_all, i_all, s_all, wait)


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
