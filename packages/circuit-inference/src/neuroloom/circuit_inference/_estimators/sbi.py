"""NPE, NLE and NRE through the sbi library, on unbounded parameters."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from neuroloom.circuit_inference._estimators.base import Array, Estimator
from neuroloom.circuit_inference.errors import ArgumentError, ModelFormatError
from neuroloom.shared import Seed, require

_EXTRA = "neuroloom-circuit-inference[sbi]"
_BUILDERS = {"NPE": "posterior_nn", "NLE": "likelihood_nn", "NRE": "classifier_nn"}
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

    def sample(self, x: Array, n_samples: int, *, seed: Seed) -> Array:
        """Return draws of the unbounded parameters."""
        import torch

        observed = torch.as_tensor(x, dtype=torch.float32)
        with _private_randomness(seed), torch.no_grad():
            if self.model == "NPE":
                draws = self._posterior.posterior_estimator.sample((n_samples,), observed)
                values = draws.numpy().transpose(1, 0, 2)
            else:
                values = np.stack(
                    [
                        self._posterior.sample(
                            (n_samples,), x=row[None], show_progress_bars=False
                        ).numpy()
                        for row in observed
                    ]
                )
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

    def save(self, folder: Path) -> Mapping[str, Any]:
        """Write the network's weights as safetensors, and what its shape is rebuilt from."""
        from safetensors.torch import save_file

        weights = {k: v.contiguous() for k, v in self._state["network"].state_dict().items()}
        save_file(weights, folder / "sbi.safetensors")
        z, x = self._state["example"]
        np.savez(folder / "sbi_example.npz", z=z[:200], x=x[:200])
        return {
            "model": self.model,
            "options": {k: v for k, v in self.options.items() if k != "prior"},
            "centre": self._state["centre"].tolist(),
            "scale": self._state["scale"].tolist(),
        }

    @classmethod
    def load(cls, folder: Path, header: Mapping[str, Any]) -> SbiEstimator:
        """Rebuild the network and read its weights."""
        import torch
        from safetensors.torch import load_file

        estimator = cls(header["model"], header["options"])
        centre, scale = np.array(header["centre"]), np.array(header["scale"])
        with np.load(folder / "sbi_example.npz", allow_pickle=False) as file:
            z, x = file["z"], file["x"]
        with _private_randomness(Seed(0)):
            network = estimator._builder()(
                torch.as_tensor(z, dtype=torch.float32), torch.as_tensor(x, dtype=torch.float32)
            )
            try:
                network.load_state_dict(load_file(folder / "sbi.safetensors"))
            except RuntimeError as error:
                raise ModelFormatError(
                    f"folder: expected weights of the same network, got {error}; the installed "
                    "sbi may build it differently"
                ) from error
            network.eval()
            estimator._posterior = estimator._build(estimator._inference(centre, scale), network)
        estimator._state = {"network": network, "centre": centre, "scale": scale, "example": (z, x)}
        return estimator


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
