"""A trained critic with all that it needs to score other samples, and its file."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn

from neuroloom.mi._critics.bounds import BOUNDS, Bound
from neuroloom.mi._critics.modules import Critic, make_critic
from neuroloom.mi._errors import DataShapeError, InvalidDataError, OptionError
from neuroloom.mi._options.params import Model, params
from neuroloom.mi._results.record import unit_factor
from neuroloom.mi._samples.inputs import plain, samples
from neuroloom.mi._training import score as _score
from neuroloom.mi._training.job import Fitted
from neuroloom.mi._training.preprocessing import cosines, repeat_transform, stored_baseline

Array = NDArray[Any]
_KIND = "mi-critic"
_FORMAT = "1"


@dataclass(frozen=True)
class SavedCritic:
    """Trained networks and the preprocessing of their samples.

    Attributes
    ----------
    tensors : dict of str to ndarray
        Weights, and the numbers of the preprocessing.
    description : dict
        ``plain`` (perceptrons of a stack, or a module), ``model`` (options of the critic),
        ``bound``, ``bound_options``, ``shape_x``, ``shape_y``, ``n_networks``.
    networks : tuple of Module
        Empty for plain critics.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from neuroloom import mi
    >>> x, y = mi.datasets.generate_correlated_gaussians(500, 2, mi=1.0, use_torch=False, seed=0)
    >>> path = tempfile.mkdtemp() + "/critic.safetensors"
    >>> result = mi.run(x, y, save_best_model_path=path, base_params={"n_epochs": 5},
    ...                 random_seed=0, verbose=False)
    >>> critic = mi.load_critic(path)
    >>> test = result.details["critic_test"]
    >>> row = result.details["raw_results"][result.details["critic_fold"]]
    >>> bool(np.isclose(critic.mi(x[test], y[test]), row["test_mi"]))
    True
    """

    tensors: dict[str, Array]
    description: dict[str, Any]
    networks: tuple[nn.Module, ...] = ()

    def embed(self, x: Any, y: Any) -> tuple[Array, Array]:
        """Return what the critic makes of samples: factors whose products are the scores.

        Parameters
        ----------
        x, y : array_like, shape (n_samples, n_features) or (n_samples, n_channels, n_features)
            Preprocessed samples, as they went into training; n may differ.

        Returns
        -------
        ndarray, shape (n_x, width), ndarray, shape (n_y, width)
            ``embed_x @ embed_y.T`` are the scores in nats of a separable critic. For other
            critics, the embeddings of the networks side by side.

        Raises
        ------
        OptionError
            If the critic has no embeddings.
        DataShapeError
            If samples do not have the features that the critic knows.
        """
        return tuple(v.numpy() for v in self._factors(*self._ready(x, y)))  # type: ignore[return-value]

    def scores(self, x: Any, y: Any) -> Array:
        """Return the scores of all pairs in nats, shape (n_x, n_y).

        Parameters
        ----------
        x, y : array_like, shape (n_samples, …)
            Samples, as they went into training; their numbers may differ.
        """
        return self._scores(*self._ready(x, y)).numpy()

    def pointwise(self, x: Any, y: Any, *, output_units: str = "bits") -> Array:
        """Return the information of each pair of samples as the critic sees it, shape (n,).

        Parameters
        ----------
        x, y : array_like, shape (n_samples, …)
            Samples, as they went into training.
        output_units : {"bits", "nats"}
            Unit of the result.
        """
        return self._score(x, y).pointwise * unit_factor(output_units)

    def mi(self, x: Any, y: Any, *, output_units: str = "bits") -> float:
        """Return the bound that the critic was trained with, on these samples.

        Parameters
        ----------
        x, y : array_like, shape (n_samples, …)
            Samples, as they went into training.
        output_units : {"bits", "nats"}
            Unit of the result.
        """
        return self._score(x, y).bound * unit_factor(output_units)

    def save(self, path: str | Path) -> Path:
        """Write the critic to `path` as safetensors, whatever its suffix, and return the path."""
        target = Path(path)
        if not target.parent.is_dir():
            raise InvalidDataError(f"path: expected a file in an existing folder, got {target}")
        tensors = {name: np.asarray(values, order="C") for name, values in self.tensors.items()}
        header = {"kind": _KIND, "format": _FORMAT, "critic": json.dumps(self.description)}
        save_file(tensors, target, metadata=header)
        return target

    def _ready(self, x: Any, y: Any) -> tuple[Array, Array]:
        out = []
        for name, data in (("x", x), ("y", y)):
            values = samples(name, plain(data))
            shape = tuple(self.description[f"shape_{name}"])
            if math.prod(values.shape[1:]) != math.prod(shape):
                raise DataShapeError(
                    f"{name}: expected samples of shape {shape}, got {values.shape[1:]}"
                )
            flat = repeat_transform(self.tensors, name, values)
            out.append(flat.reshape(len(flat), *shape))
        return out[0], out[1]

    def _score(self, x: Any, y: Any) -> _score.Score:
        a, b = self._ready(x, y)
        if len(a) != len(b):
            raise DataShapeError(f"expected as many samples in x and y, got {len(a)} and {len(b)}")
        bound = Bound(self.description["bound"], **self.description["bound_options"])
        parts = [(rows, self._scores(a[rows], b[rows])) for rows in _score.blocks(len(a))]
        return _score.score_matrices(parts, bound)

    def _scores(self, x: Array, y: Array) -> Tensor:
        if self.description["plain"]:
            left, right = self._factors(x, y)
            return left @ right.T
        a, b = (torch.from_numpy(v.astype(np.float32)) for v in (x, y))
        total = torch.zeros(len(a), len(b))
        with torch.no_grad():
            for network in self.networks:
                out = network.eval()(a, b)
                total += (out[0] if isinstance(out, tuple) else out) / len(self.networks)
        return total * float(self.tensors["temperature"])

    def _factors(self, x: Array, y: Array) -> tuple[Tensor, Tensor]:
        warmth = float(self.tensors["temperature"])
        if not self.description["plain"]:
            return self._module_factors(x, y, warmth)
        x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
        baseline, features = stored_baseline(self.tensors), []
        if baseline is not None:
            offset = float(self.tensors["baseline.offset"])
            u = baseline.features(x, np.resize(y, (len(x), y.shape[1])), offset)[0]
            v = baseline.features(np.resize(x, (len(y), x.shape[1])), y, offset)[1]
            features = [torch.from_numpy(u), torch.from_numpy(v)]
            x, y = baseline.reduce(x, y)
        n_cosines = int(self.tensors["n_cosines" if "n_cosines" in self.tensors else "n_waves"])
        x, y = cosines(x, n_cosines), cosines(y, n_cosines)
        n = int(self.description["n_networks"])
        left, right = [], []
        for k in range(n):
            left.append(self._tower(f"network{k}.x", x) / n)
            right.append(self._tower(f"network{k}.y", y))
        left, right = left + features[:1], right + features[1:]
        return torch.cat(left, 1) * warmth, torch.cat(right, 1)

    def _tower(self, name: str, values: Array) -> Tensor:
        h = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
        n_layers = sum(key.startswith(f"{name}.layer") for key in self.tensors) // 2
        for layer in range(n_layers):
            weight, bias = (
                torch.from_numpy(self.tensors[f"{name}.layer{layer}.{kind}"])
                for kind in ("weight", "bias")
            )
            h = torch.addmm(bias.reshape(-1), h, weight)
            if layer < n_layers - 1:
                h = h.relu()
        return h

    def _module_factors(self, x: Array, y: Array, warmth: float) -> tuple[Tensor, Tensor]:
        a, b = (torch.from_numpy(v.astype(np.float32)) for v in (x, y))
        n, left, right = len(self.networks), [], []
        with torch.no_grad():
            for network in self.networks:
                if not isinstance(network, Critic):
                    raise OptionError(
                        "embed: expected a critic with embeddings of x and y, got "
                        f"{type(network).__name__}"
                    )
                network.eval()
                left.append(network.embed_x(a) / n)
                right.append(network.embed_y(b))
        return torch.cat(left, 1) * warmth, torch.cat(right, 1)


def best_fit(fits: Sequence[Fitted]) -> Fitted:
    """Return the fit with the largest held-out bound."""
    kept = [fit for fit in fits if fit.state is not None]
    return max(kept, key=lambda fit: fit.score.bound)


def critic_of(fit: Fitted) -> SavedCritic:
    """Return the critic of a fit that kept its weights."""
    job = fit.job
    assert fit.state is not None
    own = "critic" if job.critic is not None else "embedding" if job.embedding is not None else None
    model = job.params.to_dict()
    description = {
        "plain": job.plain(),
        "custom": own,
        "model": {name: model[name] for name in Model.__dataclass_fields__},
        "bound": job.bound,
        "bound_options": dict(job.bound_options),
        "shape_x": list(job.x.shape[1:]),
        "shape_y": list(job.y.shape[1:]),
        "n_networks": len({name.split(".")[0] for name in fit.state if name[:7] == "network"}),
    }
    return _rebuild(fit.state, description, job.critic, job.embedding)


def _rebuild(
    tensors: Mapping[str, Array],
    description: dict[str, Any],
    critic: nn.Module | None,
    embedding: type | None,
) -> SavedCritic:
    """Return a critic whose networks hold the stored weights."""
    if description["plain"]:
        return SavedCritic(dict(tensors), description)
    given = {"critic": critic, "embedding": embedding}
    missing = description["custom"]
    if missing is not None and given[missing] is None:
        argument = "custom_critic" if missing == "critic" else "custom_embedding_cls"
        raise OptionError(f"{argument}: expected the one that the critic was made with, got None")
    networks = []
    for k in range(description["n_networks"]):
        if critic is not None:
            network = copy.deepcopy(critic)
        else:
            shapes = tuple(description["shape_x"]), tuple(description["shape_y"])
            with torch.random.fork_rng(devices=[]):
                network = make_critic(*shapes, params(description["model"]).model, embedding)
        start = f"network{k}."
        weights = {
            name.removeprefix(start): torch.from_numpy(np.array(values))
            for name, values in tensors.items()
            if name.startswith(start)
        }
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise InvalidDataError(
                f"critic: the weights do not fit the network: {error}"
            ) from error
        networks.append(network.eval())
    return SavedCritic(dict(tensors), description, tuple(networks))


def load_critic(
    path: str | Path,
    *,
    custom_critic: nn.Module | None = None,
    custom_embedding_cls: type | None = None,
) -> SavedCritic:
    """Return a critic that ``save_best_model_path`` wrote.

    Parameters
    ----------
    path : str or Path
    custom_critic, custom_embedding_cls : optional
        The module or class that the critic was made with; files hold numbers, no code.

    Raises
    ------
    InvalidDataError
        If the file is missing, damaged or no safetensors file; nothing in it is run.
    OptionError
        If the user's own module or class is needed.
    """
    source = Path(path)
    if not source.is_file():
        raise InvalidDataError(f"path: expected an existing file, got {source}")
    try:
        with safe_open(source, framework="numpy") as file:
            header = dict(file.metadata() or {})
        tensors = load_file(source)
    except (SafetensorError, ValueError) as error:
        raise InvalidDataError(
            f"path: expected a safetensors file, got {source.name}: {error}; nothing was run"
        ) from error
    if header.get("kind") != _KIND or "critic" not in header:
        raise InvalidDataError(f"path: expected a critic of neuroloom.mi, got {source.name}")
    description = json.loads(header["critic"])
    if description.get("bound") not in BOUNDS:
        raise InvalidDataError(f"path: {source.name} names an unknown bound")
    return _rebuild(tensors, description, custom_critic, custom_embedding_cls)


def extract_embeddings(
    model_path: str | Path,
    x: Any,
    y: Any,
    *,
    rotate: bool = False,
    custom_embedding_cls: type | None = None,
) -> tuple[Array, Array]:
    """Return embeddings of samples by a saved critic.

    Parameters
    ----------
    model_path : str or Path
    x, y : array_like, shape (n_samples, …)
        Preprocessed samples.
    rotate : bool
        Turn both to the axes of their cross-covariance, those that share most first.
    custom_embedding_cls : type, optional
        The class that the critic was made with.

    Returns
    -------
    ndarray, ndarray, shape (n_samples, width)
    """
    critic = load_critic(model_path, custom_embedding_cls=custom_embedding_cls)
    left, right = critic.embed(x, y)
    return rotated(left, right) if rotate else (left, right)


def rotated(left: Array, right: Array) -> tuple[Array, Array]:
    """Return embeddings on the singular axes of their cross-covariance, strongest first."""
    a, b = left - left.mean(axis=0), right - right.mean(axis=0)
    # A column that is constant on one side adds to each sample's score but shares nothing.
    shared = (a.std(axis=0) > 1e-6) & (b.std(axis=0) > 1e-6)
    if shared.any():
        a, b = a[:, shared], b[:, shared]
    axes_x, _, axes_y = np.linalg.svd(a.T @ b / len(a), full_matrices=False)
    return a @ axes_x, b @ axes_y.T
