"""An ensemble of mixture-density networks (Bishop 1994) on unbounded parameters.

Every member is a small network that maps features to a mixture of Gaussians over the unbounded
parameters; the ensemble is the mean of its members' mixtures. The simulations are cut into folds
and every pair of folds is kept from one member: what the members who don't know a simulation say
about it calibrates the whole (`_recalibration`), and no simulation is set aside. All networks are
trained side by side as one stack. Where simulations are few, the networks may also see what trees
make of the features (`forest`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._estimators.base import Array, Estimator
from neuroloom.circuit_inference._estimators.forest import Forest
from neuroloom.circuit_inference._estimators.mixture import (
    Marginals,
    draw,
    log_density,
    n_outputs,
    split_outputs,
)
from neuroloom.circuit_inference._inference.recalibration import Recalibration
from neuroloom.circuit_inference.errors import ArgumentError, ModelFormatError
from neuroloom.shared import Seed, checks

whole = partial(checks.whole, error=ArgumentError)
real = partial(checks.real, error=ArgumentError)

_DEFAULTS: dict[str, Any] = {
    "n_members": 4,
    "n_folds": 8,
    "hidden": None,
    "n_components": None,
    "trees": None,
    "learning_rate": 2e-3,
    "weight_decay": 1e-3,
    "batch_size": 128,
    "max_epochs": 300,
    "patience": 20,
}
# Hidden layers and components that folds choose from: few simulations settle few weights.
_SIZES: tuple[tuple[tuple[int, ...], int], ...] = (
    *(((32, 32), 1), ((32, 32), 3)),
    *(((64, 64), 3), ((64, 64), 8)),
)
# Whether the networks see what trees make of the features: not, beside them, in their place.
_TREES = ("no", "beside", "alone")
_MOST_FOR_TREES = 3000  # simulations; from more a network finds what it needs itself


class MixtureDensityEnsemble(Estimator):
    """Posterior by an ensemble of mixture-density networks.

    Parameters
    ----------
    hyperparams : mapping, optional
        ``n_folds`` (8) makes 28 members, one per pair of folds that it never sees, and the
        recalibration; 0 for ``n_members`` (4) and none. ``hidden`` (such as (64, 64)),
        ``n_components`` and ``trees`` (whether the networks see what randomised trees make of the
        features: ``"no"``, ``"beside"`` the features or ``"alone"``; above 3,000 simulations not
        unless asked for): what is not given is chosen by how likely held-out simulations are.
        ``learning_rate``, ``weight_decay``, ``batch_size``, ``max_epochs``, ``patience``.
    """

    kind: ClassVar[str] = "mdn"
    probabilistic: ClassVar[bool] = True

    def __init__(self, hyperparams: Mapping[str, Any] | None = None) -> None:
        given = dict(hyperparams or {})
        unexpected = sorted(set(given) - set(_DEFAULTS))
        if unexpected:
            raise ArgumentError(
                f"hyperparams: expected some of {sorted(_DEFAULTS)}, got {unexpected}"
            )
        self.options = _checked({**_DEFAULTS, **given})
        self._given = dict(self.options)
        if int(self.options["n_folds"]) < 0 or int(self.options["n_folds"]) in (1, 2):
            raise ArgumentError(f"n_folds: expected 0 or at least 3, got {self.options['n_folds']}")
        if int(self.options["n_members"]) < 1:
            raise ArgumentError(f"n_members: expected at least 1, got {self.options['n_members']}")
        self.weights: dict[str, NDArray[np.float32]] = {}
        self.recalibration: Recalibration | None = None
        self.forest: Forest | None = None
        self.centre: Array = np.empty(0)
        self.scale: Array = np.empty(0)

    def fit(self, x: Array, theta: Array, *, seed: Seed) -> Self:
        """Train on unbounded parameters, shape (n_rows, d)."""
        from neuroloom.circuit_inference._estimators.mdn_training import train

        n_folds = int(self.options["n_folds"])
        fewest = max(20, 4 * n_folds)
        if len(x) < fewest:
            raise ArgumentError(
                f"features: expected at least {fewest} simulations for {n_folds} folds, got "
                f"{len(x)}: simulate more, or take Ridge, which gives points and no posterior"
            )
        self.centre, self.scale = theta.mean(axis=0), theta.std(axis=0)
        self.scale = np.where(self.scale > 0, self.scale, 1.0)
        targets = (theta - self.centre) / self.scale
        learns = self._plan(len(x), seed.child("folds"))
        forest, means = None, x[:, :0]
        if self._given["trees"] != "no" and (self._given["trees"] or len(x) <= _MOST_FOR_TREES):
            forest, means = Forest.fit(x, targets, seed.child("trees"))
        self.options = self._chosen(x, means, targets, learns, seed.child("sizes"))
        self.forest = forest if self.options["trees"] != "no" else None
        inputs = _seen(x, means, self.options["trees"])
        self.weights, _ = train(inputs, targets, learns, self.options, seed.child("training"))
        self.recalibration = self._recalibrate(inputs, targets, ~learns) if n_folds else None
        return self

    def _chosen(
        self, x: Array, means: Array, targets: Array, learns: NDArray[np.bool_], seed: Seed
    ) -> dict[str, Any]:
        """Return the options under which held-out simulations are likeliest.

        `means` are what trees say of rows that they don't know; no columns if there are no trees.
        Members without a fold in common, so that each simulation has one judge, try each choice.
        """
        from neuroloom.circuit_inference._estimators.mdn_training import train

        found: list[dict[str, Any]] = []
        for trees in _TREES if means.shape[1] else ("no",):
            for hidden, n_components in _SIZES:
                free = {"hidden": hidden, "n_components": n_components, "trees": trees}
                free = {k: v for k, v in free.items() if self._given[k] is None}
                if {**self._given, **free} not in found:
                    found.append({**self._given, **free})
        if len(found) == 1:
            return found[0]
        few = _judging_once(learns)
        losses = [
            train(_seen(x, means, options["trees"]), targets, few, options, seed)[1]
            for options in found
        ]
        return found[int(np.argmin(losses))]

    def _recalibrate(
        self, inputs: Array, targets: Array, outside: NDArray[np.bool_]
    ) -> Recalibration:
        """Return the recalibration of the whole ensemble from members that don't know the rows.

        Fewer members know nothing of a row than there are, and a mixture of fewer is narrower: the
        scores' variance falls as one over their number, which two sizes settle.
        """
        log_weights, means, factors = self._forward(inputs)
        below = Marginals.of(np.exp(log_weights), means, factors).cdf(targets)
        most = int(outside.sum(axis=0).min())
        fits, sizes = [], [most, (most + 1) // 2]
        for size in sizes:
            chosen = outside & (np.cumsum(outside, axis=0) <= size)
            fits.append(Recalibration.fit(mean_rank(chosen, below)))
        if most < 2:
            return fits[0].shrunk(len(inputs))
        share = (1 / most - 1 / len(outside)) / (1 / sizes[1] - 1 / most)
        return fits[0].towards(fits[1], share).shrunk(len(inputs))

    def _plan(self, n: int, seed: Seed) -> NDArray[np.bool_]:
        """Return which rows each member learns from, shape (n_members, n).

        One member per pair of folds, which it never sees; without folds each member has a tenth
        of its own to be judged by.
        """
        n_folds, rng = int(self.options["n_folds"]), seed.generator()
        if n_folds:
            fold = rng.permutation(np.arange(n) % n_folds)
            pairs = itertools.combinations(range(n_folds), 2)
            return np.stack([(fold != a) & (fold != b) for a, b in pairs])
        learns = np.ones((int(self.options["n_members"]), n), dtype=bool)
        for row in learns:
            row[rng.permutation(n)[: max(4, n // 10)]] = False
        return learns

    def _inputs(self, x: Array) -> Array:
        """Return what the networks see of rows."""
        return x if self.forest is None else _seen(x, self.forest(x), self.options["trees"])

    def _forward(self, inputs: Array) -> tuple[Array, Array, Array]:
        """Return log weights (m, n, k), means (m, n, k, d) and factors (m, n, k, d, d)."""
        n_components = int(self.options["n_components"])
        return split_outputs(self._raw(inputs).astype(np.float64), n_components, self.scale.size)

    def _raw(self, inputs: Array) -> NDArray[np.float32]:
        """Return the networks' outputs, shape (n_members, n_rows, n_outputs)."""
        from scipy.special import expit

        w, single = self.weights, inputs.astype(np.float32)
        n_layers = len(self.options["hidden"])
        h = np.broadcast_to(single, (len(w["w0"]), *inputs.shape))
        for i in range(n_layers):
            h = h @ w[f"w{i}"] + w[f"b{i}"]
            h = h * expit(h)
        out = h @ w[f"w{n_layers}"] + w[f"b{n_layers}"]
        if "skip" in w:
            out[..., : w["skip"].shape[-1]] += single @ w["skip"]
        return np.asarray(out, dtype=np.float32)

    def _mixture(self, x: Array) -> tuple[Array, Array, Array]:
        """Return one mixture per row: the members' mixtures side by side."""
        log_weights, means, factors = self._forward(self._inputs(x))
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
        """Return the log density of the unbounded parameters, that which `sample` draws from."""
        points = np.ascontiguousarray((theta - self.centre) / self.scale)
        moved, log_slope = points, np.zeros(len(points))
        mixture = self._mixture(x)
        if self.recalibration is not None:
            log_weights, means, factors = mixture
            marginals = Marginals.of(np.exp(log_weights), means, factors)
            moved, log_slope = self.recalibration.undo(points, marginals)
        density = log_density(*mixture, moved)
        return np.asarray(density + log_slope - np.log(self.scale).sum())

    def predict(self, x: Array) -> Array:
        """Return the mean of the unbounded parameters."""
        log_weights, means, _ = self._mixture(x)
        mean = (np.exp(log_weights)[:, :, None] * means).sum(axis=1)
        return np.asarray(mean * self.scale + self.centre)

    def member_means(self, x: Array) -> Array:
        """Return each member's mean, shape (n_members, n_rows, d): their spread is epistemic."""
        log_weights, means, _ = self._forward(self._inputs(x))
        mean = (np.exp(log_weights)[..., None] * means).sum(axis=2)
        return np.asarray(mean * self.scale + self.centre)

    def save(self, folder: Path) -> Mapping[str, Any]:
        """Write the weights as safetensors."""
        from safetensors.numpy import save_file

        save_file(
            {name: np.ascontiguousarray(w) for name, w in self.weights.items()},
            folder / "mdn.safetensors",
        )
        if self.forest is not None:
            save_file(self.forest.arrays(), folder / "trees.safetensors")
        return {
            "options": {**self.options, "hidden": list(self.options["hidden"] or ())},
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "recalibration": None if self.recalibration is None else self.recalibration.describe(),
        }

    @classmethod
    def load(cls, folder: Path, header: Mapping[str, Any]) -> MixtureDensityEnsemble:
        """Read the weights."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        # Models of before the trees have none.
        estimator = cls({"trees": "no", **header["options"]})
        try:
            estimator.weights = load_file(folder / "mdn.safetensors")
            arrays = (
                load_file(folder / "trees.safetensors")
                if estimator.options["trees"] != "no"
                else None
            )
        except (SafetensorError, OSError) as error:
            raise ModelFormatError(f"path: expected readable weights, got {error}") from error
        estimator.centre = np.array(header["centre"])
        estimator.scale = np.array(header["scale"])
        if arrays is not None:
            estimator.forest = Forest.from_arrays(arrays, len(estimator.scale))
        estimator._check_shapes()
        if header["recalibration"] is not None:
            estimator.recalibration = Recalibration.from_description(header["recalibration"])
        return estimator

    def _check_shapes(self) -> None:
        d = self.scale.size
        hidden = [int(h) for h in self.options["hidden"] or ()]
        sizes = [*hidden, n_outputs(int(self.options["n_components"]), d)]
        got = {name: w.shape[1:] for name, w in self.weights.items()}
        first = got.get("w0", (0,))[0]
        if self.forest is not None:
            first = d + (self.options["trees"] == "beside") * int(self.forest.n_features[0])
        expected: dict[str, tuple[int, ...]] = {}
        for i, (a, b) in enumerate(zip([first, *hidden], sizes, strict=True)):
            expected |= {f"w{i}": (a, b), f"b{i}": (1, b)}
        if "skip" in got:  # models of before have no straight way
            expected["skip"] = (first, int(self.options["n_components"]) * (1 + d))
        if got != expected or self.centre.shape != (d,) or self.scale.ndim != 1:
            raise ModelFormatError(
                f"folder: expected weights of the shapes {expected} for each member, got {got}"
            )


def _seen(x: Array, means: Array, trees: str) -> Array:
    """Return what networks see of features and of what trees make of them."""
    return {"no": x, "beside": np.hstack([x, means]), "alone": means}[trees]


def mean_rank(chosen: NDArray[np.bool_], below: Array) -> Array:
    """Return the mean probability below each truth, of the chosen members.

    Never more than one, which weights that are fractions may make of ones.

    Parameters
    ----------
    chosen : ndarray of bool, shape (n_members, n_rows)
        At least one for each row.
    below : ndarray, shape (n_members, n_rows, n_parameters)
        What each member says, from 0 to 1.
    """
    mean = np.einsum("mn,mnd->nd", chosen / chosen.sum(axis=0), below)
    return np.asarray(np.minimum(mean, 1.0))


def _judging_once(learns: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the members that share no held-out row with those before them."""
    kept: list[NDArray[np.bool_]] = []
    for row in learns:
        if not any((~row & ~other).any() for other in kept):
            kept.append(row)
    return np.stack(kept)


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options, each of a kind that training can do with."""
    n_folds = whole("n_folds", options["n_folds"], at_least=0)
    if n_folds in (1, 2):
        raise ArgumentError(f"n_folds: expected 0 or at least 3, got {n_folds}")
    out = {**options, "n_folds": n_folds}
    for name in ("n_members", "batch_size", "max_epochs", "patience"):
        out[name] = whole(name, options[name], at_least=1)
    if options["trees"] is not None:
        out["trees"] = checks.choice("trees", options["trees"], _TREES, error=ArgumentError)
    out["learning_rate"] = real("learning_rate", options["learning_rate"], above=0)
    out["weight_decay"] = real("weight_decay", options["weight_decay"], at_least=0)
    if options["n_components"] is not None:
        out["n_components"] = whole("n_components", options["n_components"], at_least=1)
    if options["hidden"] is not None:
        if not isinstance(options["hidden"], (list, tuple)):
            raise ArgumentError(
                f"hidden: expected the widths of the layers, such as (64, 64), got "
                f"{options['hidden']!r}"
            )
        out["hidden"] = tuple(whole("hidden", width, at_least=1) for width in options["hidden"])
    return out
