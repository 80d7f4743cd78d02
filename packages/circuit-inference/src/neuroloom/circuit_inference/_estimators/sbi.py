"""NPE, NLE and NRE through the sbi library, on unbounded parameters."""

from __future__ import annotations

import contextlib
import functools
import io
import threading
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from neuroloom import shared
from neuroloom.circuit_inference._estimators.base import Array, Estimator
from neuroloom.circuit_inference.errors import ArgumentError, ModelFormatError
from neuroloom.shared import Seed, require

_EXTRA = "neuroloom-circuit-inference[sbi]"
_BUILDERS = {"NPE": "posterior_nn", "NLE": "likelihood_nn", "NRE": "classifier_nn"}
_EXAMPLES = 200  # rows that say what shape the network has
_GLOBAL = threading.RLock()  # the global generators are one thread's at a time
_NETWORKS = {"NPE": "nsf", "NLE": "nsf", "NRE": "resnet"}


class SbiEstimator(Estimator):
    """Neural posterior, likelihood or ratio estimation.

    Parameters
    ----------
    kind : {"NPE", "NLE", "NRE"}
    hyperparams : mapping, optional
        ``density_estimator`` (a mapping with ``model`` and its options), ``train`` (arguments of
        sbi's ``train``), ``sample`` (arguments of the posterior's MCMC for NLE and NRE).
    """

    kind: ClassVar[str] = "sbi"
    probabilistic: ClassVar[bool] = True

    def __init__(self, model: str, hyperparams: Mapping[str, Any] | None = None) -> None:
        self.model = model
        self.options = {k: v for k, v in dict(hyperparams or {}).items() if v is not None}
        unexpected = sorted(
            set(self.options) - {"density_estimator", "train", "sample", "prior", "num_samples"}
        )
        if unexpected:
            raise ArgumentError(
                "hyperparams: expected some of ['density_estimator', 'num_samples', 'prior', "
                f"'sample', 'train'], got {unexpected}"
            )
        require("sbi", extra=_EXTRA)
        self._state: dict[str, Any] = {}
        self._posterior: Any = None

    def fit(self, x: Array, theta: Array, *, seed: Seed) -> Self:
        """Train on unbounded parameters."""
        import torch

        centre, scale = theta.mean(axis=0), np.maximum(theta.std(axis=0), 1e-12)
        z = (theta - centre) / scale
        with _private_randomness(seed):
            inference = self._inference(centre, scale)
            inference.append_simulations(
                torch.as_tensor(z, dtype=torch.float32), torch.as_tensor(x, dtype=torch.float32)
            )
            train = {"show_train_summary": False, **self.options.get("train", {})}
            network = inference.train(**train)
            self._posterior = self._build(inference, network)
        self._state = {"network": network, "centre": centre, "scale": scale, "example": (z, x)}
        return self

    def _inference(self, centre: Array, scale: Array) -> Any:
        sbi = require("sbi.inference", extra=_EXTRA)
        keyword = "classifier" if self.model == "NRE" else "density_estimator"
        return getattr(sbi, self.model)(
            prior=_logistic(centre, scale),
            show_progress_bars=False,
            tracker=_Silence(),
            **{keyword: self._builder()},
        )

    def _builder(self) -> Any:
        """Return what makes the untrained network for parameters and features."""
        nets = require("sbi.neural_nets", extra=_EXTRA)
        chosen = dict(self.options.get("density_estimator", {}))
        network = chosen.pop("model", _NETWORKS[self.model])
        return getattr(nets, _BUILDERS[self.model])(model=network, **chosen)

    def _build(self, inference: Any, network: Any) -> Any:
        if self.model == "NPE":
            return inference.build_posterior(network)
        options = {
            "sample_with": "mcmc",
            "mcmc_method": "slice_np_vectorized",
            "mcmc_parameters": {"num_chains": 20, "thin": 2, "warmup_steps": 50},
        }
        return inference.build_posterior(network, **{**options, **self.options.get("sample", {})})

    @property
    def by_row(self) -> bool:
        """Whether each row has a chain of its own: NLE and NRE."""
        return self.model != "NPE"

    def sample(
        self,
        x: Array,
        n_samples: int,
        *,
        seed: Seed,
        resume: Path | None = None,
        bar: str | None = None,
    ) -> Array:
        """Return draws of the unbounded parameters.

        `resume` keeps those of each row's chain; `bar` is the text in front of a bar of the rows,
        which is not shown if there is none.
        """
        import torch

        if self.by_row:
            chain = functools.partial(_chain, estimator=self, n_samples=n_samples)
            shown: dict[str, Any] = {"progress": bar is not None, "description": bar or ""}
            values = np.stack(shared.map(chain, list(x), resume=resume, seed=seed, **shown))
        else:
            observed = torch.as_tensor(x, dtype=torch.float32)
            with _private_randomness(seed), torch.no_grad():
                draws = self._posterior.posterior_estimator.sample((n_samples,), observed)
                values = draws.numpy().transpose(1, 0, 2)
        return np.asarray(values * self._state["scale"] + self._state["centre"], dtype=np.float64)

    def predict(self, x: Array) -> Array:
        """Return means of 500 draws."""
        return np.asarray(self.sample(x, 500, seed=Seed(0, ("predict",))).mean(axis=1))

    def log_prob(self, x: Array, theta: Array) -> Array:
        """Return the log density of the unbounded parameters (NPE only)."""
        import torch

        if self.model != "NPE":
            raise ArgumentError(
                f"model: expected one with a normalised density (mdn, NPE), got {self.model}"
            )
        z = (theta - self._state["centre"]) / self._state["scale"]
        with torch.no_grad():
            value = self._posterior.posterior_estimator.log_prob(
                torch.as_tensor(z, dtype=torch.float32)[None],
                condition=torch.as_tensor(x, dtype=torch.float32),
            )
        inner = np.asarray(value[0].numpy(), dtype=np.float64)
        return np.asarray(inner - np.log(self._state["scale"]).sum())

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process rebuilds the estimator from, and a job knows it by."""
        if not self._state:
            return {"model": self.model, "options": self.options}
        z, x = self._state["example"]
        return {
            "model": self.model,
            "options": self.options,
            "centre": self._state["centre"],
            "scale": self._state["scale"],
            "example": (z[:_EXAMPLES], x[:_EXAMPLES]),
            "weights": {k: v.numpy() for k, v in self._state["network"].state_dict().items()},
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Rebuild the network and take its weights."""
        import torch

        self.model, self.options = state["model"], state["options"]
        self._state, self._posterior = {}, None
        if "weights" not in state:
            return
        weights = {k: torch.as_tensor(np.array(v)) for k, v in state["weights"].items()}
        self._rebuild(state["centre"], state["scale"], state["example"], weights)

    def _rebuild(
        self, centre: Array, scale: Array, example: tuple[Array, Array], weights: Mapping[str, Any]
    ) -> None:
        """Build the network that the example's shape asks for, with these weights."""
        import torch

        z, x = example
        with _private_randomness(Seed(0)):
            network = self._builder()(
                torch.as_tensor(z, dtype=torch.float32), torch.as_tensor(x, dtype=torch.float32)
            )
            try:
                network.load_state_dict(weights)
            except RuntimeError as error:
                raise ModelFormatError(
                    f"folder: expected weights of the same network, got {error}; the installed "
                    "sbi may build it differently"
                ) from error
            network.eval()
            self._posterior = self._build(self._inference(centre, scale), network)
        self._state = {"network": network, "centre": centre, "scale": scale, "example": example}

    def save(self, folder: Path) -> Mapping[str, Any]:
        """Write the network's weights as safetensors, and what its shape is rebuilt from."""
        from safetensors.torch import save_file

        weights = {k: v.contiguous() for k, v in self._state["network"].state_dict().items()}
        save_file(weights, folder / "sbi.safetensors")
        z, x = self._state["example"]
        np.savez(folder / "sbi_example.npz", z=z[:_EXAMPLES], x=x[:_EXAMPLES])
        return {
            "model": self.model,
            "options": {k: v for k, v in self.options.items() if k != "prior"},
            "centre": self._state["centre"].tolist(),
            "scale": self._state["scale"].tolist(),
        }

    @classmethod
    def load(cls, folder: Path, header: Mapping[str, Any]) -> SbiEstimator:
        """Rebuild the network and read its weights."""
        from safetensors.torch import load_file

        estimator = cls(header["model"], header["options"])
        centre, scale = np.array(header["centre"]), np.array(header["scale"])
        with np.load(folder / "sbi_example.npz", allow_pickle=False) as file:
            example = file["z"], file["x"]
        estimator._rebuild(centre, scale, example, load_file(folder / "sbi.safetensors"))
        return estimator


def _chain(row: Array, stream: Seed, *, estimator: SbiEstimator, n_samples: int) -> Array:
    """Return the draws of one row, standardised, from a chain with a stream of its own."""
    import torch

    observed = torch.as_tensor(row, dtype=torch.float32)[None]
    with _private_randomness(stream), torch.no_grad():
        draws = estimator._posterior.sample((n_samples,), x=observed, show_progress_bars=False)
    return np.asarray(draws.numpy())


class _Silence:
    """A tracker that keeps nothing: sbi's own writes ``sbi-logs`` into the working directory."""

    log_dir: str | None = None

    def _nothing(self, *args: Any, **kwargs: Any) -> None:
        return None

    log_metric = log_metrics = log_params = add_figure = flush = _nothing


def _logistic(centre: Array, scale: Array) -> Any:
    """Return the prior in standardised unbounded coordinates: logistic where the box is uniform."""
    import torch
    from torch.distributions import (
        AffineTransform,
        Independent,
        SigmoidTransform,
        TransformedDistribution,
        Uniform,
    )

    middle = torch.as_tensor(-centre / scale, dtype=torch.float32)
    unit = torch.as_tensor(1 / scale, dtype=torch.float32)

    class Logistic(TransformedDistribution):
        # sbi would estimate both from draws, other ones after loading, and standardise by them.
        @property
        def mean(self) -> torch.Tensor:
            return middle

        @property
        def variance(self) -> torch.Tensor:
            return torch.pi**2 / 3 * unit**2

    base = Uniform(torch.zeros(len(centre)), torch.ones(len(centre)), validate_args=False)
    transforms = [SigmoidTransform().inv, AffineTransform(middle, unit)]
    return Independent(Logistic(base, transforms, validate_args=False), 1, validate_args=False)


@contextlib.contextmanager
def _private_randomness(seed: Seed) -> Iterator[None]:
    """Let sbi draw from torch's and numpy's global generators, and put them back afterwards."""
    import torch

    with _GLOBAL:
        state = np.random.get_state()  # noqa: NPY002 — sbi draws from it
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.default_generator.manual_seed(seed.integer(63))
            np.random.seed(seed.child("numpy").integer(32))  # noqa: NPY002
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    yield
            finally:
                np.random.set_state(state)  # noqa: NPY002
