"""An ensemble of mixture-density networks (Bishop 1994) on unbounded parameters.

Every member is a small network that maps features to a mixture of Gaussians over the unbounded
parameters; the ensemble is the mean of its members' mixtures. Beside it, one ensemble of the same
size is trained without each fold of the simulations: what those say about the fold that they never
saw calibrates the whole (`_recalibration`). All networks are trained side by side as one stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._errors import ArgumentError, ModelFormatError
from neuroloom.circuit_inference._estimators._base import Array, Estimator
from neuroloom.circuit_inference._estimators._mixture import draw, log_density
from neuroloom.circuit_inference._recalibration import Recalibration
from neuroloom.shared import Seed

_DEFAULTS: dict[str, Any] = {
    "n_members": 4,
    "n_folds": 8,
    "hidden": (64, 64),
    "n_components": 8,
    "learning_rate": 2e-3,
    "weight_decay": 1e-3,
    "batch_size": 128,
    "max_epochs": 300,
    "patience": 20,
}
_FLOOR = 1e-3  # smallest standard deviation, in standardised unbounded units


class MixtureDensityEnsemble(Estimator):
    """Posterior by an ensemble of mixture-density networks.

    Parameters
    ----------
    hyperparams : mapping, optional
        ``n_members`` (4) networks; ``n_folds`` (8) of held-out simulations for the
        recalibration, 0 for none; ``hidden`` (64, 64), ``n_components`` (8), ``learning_rate``,
        ``weight_decay``, ``batch_size``, ``max_epochs``, ``patience``.
    """

    kind: ClassVar[str] = "mdn"
    probabilistic: ClassVar[bool] = True

    def __init__(self, hyperparams: Mapping[str, Any] | None = None) -> None:
        given = dict(hyperparams or {})
        strange = sorted(set(given) - set(_DEFAULTS))
        if strange:
            raise ArgumentError(f"hyperparams: expected some of {sorted(_DEFAULTS)}, got {strange}")
        self.options = {**_DEFAULTS, **given}
        self.options["hidden"] = tuple(self.options["hidden"])
        if int(self.options["n_folds"]) < 0 or int(self.options["n_folds"]) == 1:
            raise ArgumentError(f"n_folds: expected 0 or at least 2, got {self.options['n_folds']}")
        if int(self.options["n_members"]) < 1:
            raise ArgumentError(f"n_members: expected at least 1, got {self.options['n_members']}")
        self.weights: dict[str, NDArray[np.float32]] = {}
        self.recalibration: Recalibration | None = None
        self.centre: Array = np.empty(0)
        self.scale: Array = np.empty(0)

    def fit(self, x: Array, theta: Array, *, seed: Seed) -> Self:
        """Train on unbounded parameters, shape (n_rows, d)."""
        from neuroloom.circuit_inference._estimators._mdn_training import train

        n_folds = int(self.options["n_folds"])
        fewest = max(20, 4 * n_folds)
        if len(x) < fewest:
            raise ArgumentError(
                f"features: expected at least {fewest} simulations for {n_folds} folds, "
                f"got {len(x)}"
            )
        self.centre, self.scale = theta.mean(axis=0), theta.std(axis=0)
        self.scale = np.where(self.scale > 0, self.scale, 1.0)
        targets = (theta - self.centre) / self.scale
        fold = seed.child("folds").generator().permutation(np.arange(len(x)) % max(n_folds, 1))
        groups = [np.arange(len(x)), *(np.flatnonzero(fold != k) for k in range(n_folds))]
        members = int(self.options["n_members"])
        weights = train(x, targets, groups, self.options, seed.child("training"))
        ranks = np.empty(targets.shape)
        for k in range(n_folds):
            part = slice((k + 1) * members, (k + 2) * members)
            self.weights = {name: w[part] for name, w in weights.items()}
            ranks[fold == k] = self._ranks(x[fold == k], targets[fold == k], seed.child(k))
        self.weights = {name: w[:members] for name, w in weights.items()}
        self.recalibration = Recalibration.fit(ranks, targets) if n_folds else None
        return self

    def _ranks(self, x: Array, targets: Array, seed: Seed, n: int = 1000) -> Array:
        """Return the share of draws below the truths, strictly between 0 and 1."""
        samples = self._draw(self._mixture(x), n, seed)
        return np.asarray(((samples < targets[:, None, :]).sum(axis=1) + 0.5) / (n + 1))

    def _forward(self, x: Array) -> tuple[Array, Array, Array]:
        """Return log weights (m, n, k), means (m, n, k, d) and factors (m, n, k, d, d)."""
        w = self.weights
        n_layers = len(self.options["hidden"])
        h = np.broadcast_to(x.astype(np.float32), (len(w["w0"]), *x.shape))
        for i in range(n_layers):
            h = h @ w[f"w{i}"] + w[f"b{i}"]
            h = h / (1 + np.exp(-h))
        out = (h @ w[f"w{n_layers}"] + w[f"b{n_layers}"]).astype(np.float64)
        return split_outputs(out, int(self.options["n_components"]), self.scale.size)

    def _mixture(self, x: Array) -> tuple[Array, Array, Array]:
        """Return one mixture per row: the members' mixtures side by side."""
        log_weights, means, factors = self._forward(x)
        m, n, k = log_weights.shape
        d = means.shape[-1]
        flat = (
            np.moveaxis(log_weights, 0, 1).reshape(n, m * k) - np.log(m),
            np.moveaxis(means, 0, 1).reshape(n, m * k, d),
            np.moveaxis(factors, 0, 1).reshape(n, m * k, d, d),
        )
        return tuple(np.ascontiguousarray(part) for part in flat)  # type: ignore[return-value]

    def _draw(self, mixture: tuple[Array, Array, Array], n: int, seed: Seed) -> Array:
        rng = seed.generator()
        log_weights, means, factors = mixture
        shape = (len(log_weights), n, means.shape[-1])
        out = np.empty(shape)
        draw(
            np.exp(log_weights),
            means,
            factors,
            rng.random(shape[:2]),
            rng.standard_normal(shape),
            out,
        )
        return out

    def sample(self, x: Array, n_samples: int, *, seed: Seed) -> Array:
        """Return draws of the unbounded parameters, recalibrated."""
        samples = self._draw(self._mixture(x), n_samples, seed)
        if self.recalibration is not None:
            samples = self.recalibration.apply(samples)
        samples *= self.scale
        samples += self.centre
        return samples

    def log_prob(self, x: Array, theta: Array) -> Array:
        """Return the log density of the unbounded parameters, before recalibration."""
        points = np.ascontiguousarray((theta - self.centre) / self.scale)
        out = np.empty(len(x))
        log_density(*self._mixture(x), points, out)
        return out - np.log(self.scale).sum()

    def predict(self, x: Array) -> Array:
        """Return the mean of the unbounded parameters."""
        log_weights, means, _ = self._mixture(x)
        mean = (np.exp(log_weights)[:, :, None] * means).sum(axis=1)
        return np.asarray(mean * self.scale + self.centre)

    def member_means(self, x: Array) -> Array:
        """Return each member's mean, shape (n_members, n_rows, d): their spread is epistemic."""
        log_weights, means, _ = self._forward(x)
        mean = (np.exp(log_weights)[..., None] * means).sum(axis=2)
        return np.asarray(mean * self.scale + self.centre)

    def save(self, folder: Path) -> Mapping[str, Any]:
        """Write the weights as safetensors."""
        from safetensors.numpy import save_file

        save_file(
            {name: np.ascontiguousarray(w) for name, w in self.weights.items()},
            folder / "mdn.safetensors",
        )
        return {
            "options": {**self.options, "hidden": list(self.options["hidden"])},
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "recalibration": None if self.recalibration is None else self.recalibration.describe(),
        }

    @classmethod
    def load(cls, folder: Path, header: Mapping[str, Any]) -> MixtureDensityEnsemble:
        """Read the weights."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        estimator = cls(header["options"])
        try:
            estimator.weights = load_file(folder / "mdn.safetensors")
        except (SafetensorError, OSError) as error:
            raise ModelFormatError(f"path: expected readable weights, got {error}") from error
        estimator.centre = np.array(header["centre"])
        estimator.scale = np.array(header["scale"])
        if header["recalibration"] is not None:
            estimator.recalibration = Recalibration.from_description(header["recalibration"])
        return estimator


def n_outputs(n_components: int, d: int) -> int:
    """Return how many numbers describe a mixture of `n_components` in `d` dimensions."""
    return n_components * (1 + d + d * (d + 1) // 2)


def split_outputs(out: Array, k: int, d: int) -> tuple[Array, Array, Array]:
    """Return log weights, means and Cholesky factors of a network's raw outputs."""
    logits = out[..., :k]
    largest = logits.max(axis=-1, keepdims=True)
    log_weights = logits - largest
    log_weights = log_weights - np.log(np.exp(log_weights).sum(axis=-1, keepdims=True))
    means = out[..., k : k + k * d].reshape(*out.shape[:-1], k, d)
    raw = out[..., k + k * d :].reshape(*out.shape[:-1], k, d * (d + 1) // 2)
    factors = np.zeros((*out.shape[:-1], k, d, d))
    rows, columns = np.tril_indices(d)
    factors[..., rows, columns] = raw
    diagonal = np.arange(d)
    factors[..., diagonal, diagonal] = np.logaddexp(0, factors[..., diagonal, diagonal]) + _FLOOR
    return log_weights, means, factors
