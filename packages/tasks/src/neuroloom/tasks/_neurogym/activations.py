"""What the layers of a network put out while it does a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._errors import TaskTypeError, fail, unknown, whole

_SHOWN = 8


class ActivationProbe:
    """Keeps what a torch layer puts out, step by step of every trial.

    A call counts as a step unless the layer learns from it: one in training mode with gradients.
    `monitor_during_training` lets these count too.

    Parameters
    ----------
    layer : torch.nn.Module
        Linear, recurrent, or any that puts out one tensor.
    name : str
        What to call it.
    steps : int, optional
        How many steps of each trial to keep; default: all.

    Raises
    ------
    TaskTypeError
        If `layer` is no torch module.
    """

    def __init__(self, layer: Any, name: str, steps: int | None = None) -> None:
        if not hasattr(layer, "register_forward_hook"):
            raise TaskTypeError(f"layer: expected a torch module, got {type(layer).__name__}")
        self.name = name
        self.steps = None if steps is None else whole("steps", steps, minimum=1)
        self.populations = _populations(layer)
        self.history: dict[str, list[list[NDArray[Any]]]] = {name: [] for name in self.populations}
        self.monitor_during_training = False
        self.paused = False
        self._layer = layer
        self._learned = 0
        self._trial_is_new = True
        self._handle = layer.register_forward_hook(self._hook)

    @property
    def probe(self) -> ActivationProbe:
        """NeuroGym's name of what knows the layer's populations: this."""
        return self

    @property
    def activations(self) -> NDArray[Any]:
        """What the first population put out, `(n_calls, …)`."""
        calls = [values for trial in self.history[self.populations[0]] for values in trial]
        return np.stack(calls) if calls else np.zeros(0)

    def get_population_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the number of units of each population, as a tuple."""
        for size in ("hidden_size", "out_features", "num_features"):
            if hasattr(self._layer, size):
                return dict.fromkeys(self.populations, (int(getattr(self._layer, size)),))
        last = {name: trials[-1][-1] for name, trials in self.history.items() if trials}
        return {name: values.shape[-1:] for name, values in last.items()}

    def by_trial(self, population: str | None = None) -> list[NDArray[Any]]:
        """Return what was put out in each trial, `(n_steps, n_units)` each.

        Parameters
        ----------
        population : str, optional
            Default: the first.

        Raises
        ------
        TaskError
            If there is no such population.
        """
        return [
            np.stack([values.reshape(-1) for values in trial])
            for trial in self.history[self._known(population)]
        ]

    def end_trial(self) -> None:
        """Say that what comes now belongs to the next trial."""
        self._trial_is_new = True

    def pause(self) -> None:
        """Keep nothing until `resume`."""
        self.paused = True

    def resume(self) -> None:
        """Keep what comes from now on."""
        self.paused = False

    def close(self) -> None:
        """Stop keeping for good."""
        self._handle.remove()

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the units over the calls as an image, and return the axes.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Default: new ones.
        """
        from neuroloom.shared.plots import axes

        ax = axes(ax)
        values = self.activations
        image = ax.imshow(values.reshape(len(values), -1).T, aspect="auto", interpolation="none")
        ax.figure.colorbar(image, ax=ax, label=self.populations[0].capitalize())
        ax.set(xlabel="Step", ylabel="Unit", title=self.name)
        return ax

    def plot_units(
        self,
        population: str | None = None,
        figsize: tuple[float, float] | None = None,
        neurons: int | Sequence[int] | None = None,
        mean: bool = False,
        batch_dim: int | None = None,
    ) -> tuple[Any, Any]:
        """Draw units over the steps of the trials; see `Monitor.plot_activations`.

        Parameters
        ----------
        population : str, optional
            Default: the first.
        figsize : tuple of float, optional
            Width and height in inches.
        neurons : int or sequence of int, optional
            Default: the first eight.
        mean : bool
            Whether to draw the mean over the trials.
        batch_dim : int, optional
            Axis of trials, steps and what one call put out, to take the mean of first.
        """
        from neuroloom.shared import plots

        population = self._known(population)
        trials = self.history[population]
        if not trials:
            why = f": all {self._learned} calls were for learning" if self._learned else ""
            raise fail("name", "a layer that was called since it is recorded", self.name + why)
        traces = [np.stack(trial) for trial in trials]
        if batch_dim is not None:
            traces = _averaged(traces, batch_dim)
        traces = [trace.reshape(len(trace), -1) for trace in traces]
        n_units = traces[0].shape[1]
        units = range(min(_SHOWN, n_units)) if neurons is None else np.atleast_1d(neurons)
        if not all(0 <= unit < n_units for unit in units):
            raise fail("neurons", f"numbers from 0 to {n_units - 1}", neurons)
        figure = plots.figure(figsize=figsize or (6, 1.2 + 1.1 * len(units)), layout="constrained")
        drawn = np.ravel(figure.subplots(len(units), 1, sharex=True))
        for ax, unit in zip(drawn, units, strict=True):
            lines = [trace[:, unit] for trace in traces]
            for line in [_mean(lines)] if mean else lines:
                ax.plot(line, linewidth=0.8)
            ax.set_ylabel(f"Unit {unit}")
        drawn[-1].set_xlabel("Step of the trial")
        what = "mean of " if mean else ""
        figure.suptitle(f"{self.name}, {population}: {what}{len(traces)} trials")
        return figure, drawn

    def _known(self, population: str | None) -> str:
        if population is None:
            return self.populations[0]
        if population not in self.populations:
            raise unknown("population", population, self.populations)
        return population

    def _hook(self, module: Any, inputs: Any, output: Any) -> None:
        import torch

        if self.paused:
            return
        if module.training and torch.is_grad_enabled() and not self.monitor_during_training:
            self._learned += 1
            return
        values = dict(zip(self.populations, _tensors(module, output), strict=False))
        for name, trials in self.history.items():
            if self._trial_is_new:
                trials.append([])
            if self.steps is None or len(trials[-1]) < self.steps:
                trials[-1].append(_array(module, values[name]))
        self._trial_is_new = False


def _populations(layer: Any) -> tuple[str, ...]:
    """Return what a layer puts out, by the names that torch's documentation uses."""
    import torch

    if isinstance(layer, torch.nn.LSTM):
        return ("output", "hidden", "cell")
    if isinstance(layer, torch.nn.LSTMCell):
        return ("hidden", "cell")
    return ("output", "hidden") if isinstance(layer, torch.nn.RNNBase) else ("output",)


def _tensors(layer: Any, output: Any) -> list[Any]:
    """Return the tensors of an output, in the order of the populations."""
    if not isinstance(output, tuple):
        return [output]
    return [one for part in output for one in (part if isinstance(part, tuple) else (part,))]


def _array(layer: Any, tensor: Any) -> NDArray[Any]:
    """Return a tensor as an array, without the batch axis of an LSTM called for one sequence."""
    import torch

    values: NDArray[Any] = tensor.detach().cpu().numpy().copy()
    alone = isinstance(layer, torch.nn.LSTM) and values.ndim == 3 and values.shape[1] == 1
    return values[:, 0] if alone else values


def _averaged(traces: list[NDArray[Any]], batch_dim: int) -> list[NDArray[Any]]:
    """Return the mean over an axis of trials, steps and what one call put out."""
    last = traces[0].ndim
    if not 2 <= batch_dim <= last:
        raise fail("batch_dim", f"an axis from 2 to {last} (0 is trials, 1 steps)", batch_dim)
    return [trace.mean(axis=batch_dim - 1) for trace in traces]


def _mean(lines: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the mean of lines of different lengths, over those that are as long."""
    longest = max(map(len, lines))
    padded = [np.pad(line, (0, longest - len(line)), constant_values=np.nan) for line in lines]
    mean: NDArray[Any] = np.nanmean(padded, axis=0)
    return mean
