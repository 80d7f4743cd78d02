"""Options of the critics and their training, with their defaults and checks."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neuroloom.mi._errors import OptionError, UnknownOptionError, choice, known, real

Options = tuple[tuple[str, Any], ...]  # a dict's entries, which can be compared and hashed
CRITICS = ("separable", "bilinear", "concat", "concat_cnn", "hybrid")
EMBEDDINGS = ("mlp", "cnn", "cnn2d", "gru", "lstm", "tcn", "transformer", "pretrained_backbone")
TRANSFORMS = ("rank", "zscore", "none")
OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop", "adagrad")
SCHEDULERS = ("cosine", "constant", "cosine_warmup", "step", "plateau")
NORMS = ("layer", "batch")
AUGMENTATIONS = ("gaussian_noise", "intensity_scale", "channel_dropout", "time_shift", "custom")
ACTIVATIONS = ("linear", "sigmoid", "softmax")


@dataclass(frozen=True)
class Model:
    """What a critic is made of.

    Parameters
    ----------
    critic_type : {"separable", "bilinear", "concat", "concat_cnn", "hybrid"}
    embedding_model : str
        ``"mlp"``, ``"cnn"``, ``"cnn2d"``, ``"gru"``, ``"lstm"``, ``"tcn"``, ``"transformer"`` or
        ``"pretrained_backbone"``.
    embedding_dim : int
    hidden_dim : int or sequence of int
        Width of the hidden layers; a sequence gives each its own and sets their number.
    n_layers : int
        Number of hidden layers.
    hidden_dim_head, n_layers_head : int, optional
        The same for the perceptron on top of ``"hybrid"``, ``"concat"`` and ``"concat_cnn"``.
    use_variational : bool
        Embed into distributions, and pay ``KL / beta`` nats for them.
    beta : float
    kernel_size : int, optional
        7 for ``"cnn"``, 3 for ``"cnn2d"`` and ``"tcn"``.
    bidirectional : bool
        For ``"gru"`` and ``"lstm"``.
    nhead : int
        Attention heads of ``"transformer"``.
    dropout : float
    norm_layer : {None, "layer", "batch"}
        Normalisation after each hidden layer of perceptrons and convolutions.
    use_spectral_norm : bool
        Hold the largest gain of every layer of perceptrons and convolutions at 1.
    shared_encoder : bool
        One embedding for x and y, which then need the same shape.
    max_n_batches : int
        Rows of pairs that critics without separate embeddings score at once.
    pytorch_predefined : str, optional
        Name of the torchvision network of ``"pretrained_backbone"``; only a read-out is trained.
    pretrained : bool
        Whether that network comes with its published weights.
    use_decoder : bool
        Also rebuild the samples from their embeddings (Abdelaleem, Martini & Nemenman 2023).
    decoder_weight : float
        Weight of the rebuilding error in the loss.
    decoder_output_activation_x, decoder_output_activation_y : str
        ``"linear"``, ``"sigmoid"`` or ``"softmax"``.
    """

    critic_type: str = "separable"
    embedding_model: str = "mlp"
    embedding_dim: int = 64
    hidden_dim: int | tuple[int, ...] = 64
    n_layers: int = 2
    hidden_dim_head: int | None = None
    n_layers_head: int | None = None
    use_variational: bool = False
    beta: float = 512.0
    kernel_size: int | None = None
    bidirectional: bool = False
    nhead: int = 4
    dropout: float = 0.0
    norm_layer: str | None = None
    use_spectral_norm: bool = False
    shared_encoder: bool = False
    max_n_batches: int = 512
    pytorch_predefined: str | None = None
    pretrained: bool = False
    use_decoder: bool = False
    decoder_weight: float = 1.0
    decoder_output_activation_x: str = "linear"
    decoder_output_activation_y: str = "linear"

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of the hidden layers."""
        if isinstance(self.hidden_dim, tuple):
            return self.hidden_dim
        return (self.hidden_dim,) * self.n_layers

    @property
    def hidden(self) -> int:
        """Width of the last hidden layer."""
        return self.hidden_dim[-1] if isinstance(self.hidden_dim, tuple) else self.hidden_dim


# The default rate, the number of steps that it is for, and how much faster fewer steps may be.
_RATE, _STEPS, _FASTEST = 5e-4, 1500, 4.0


@dataclass(frozen=True)
class Training:
    """How a critic is trained.

    Parameters
    ----------
    n_epochs : int
        Passes through the training samples; every critic of an analysis makes as many steps as
        one trained on all samples.
    learning_rate : float, optional
        5e-4 if not given; perceptrons in a separable critic that make fewer than 1,500 steps
        learn faster, up to four times, so that few samples do not mean little training.
    batch_size, weight_decay, gradient_clip_val : float
    patience : int, optional
        Stop after so many epochs without a better validation score; not at all by default.
    optimizer : str or class
        ``"adam"``, ``"adamw"``, ``"sgd"``, ``"rmsprop"``, ``"adagrad"``, or an optimizer class.
    optimizer_params : dict
        Further arguments of the optimizer.
    scheduler : str or class
        ``"cosine"``, ``"cosine_warmup"``, ``"step"``, ``"constant"``, ``"plateau"``, or a
        scheduler class, which steps once per epoch.
    scheduler_params : dict
        Further arguments of a scheduler class or of ``"plateau"``.
    lr_head_multiplier : float
        Factor on the learning rate of the perceptron on top of embeddings.
    augmentation_params, augmentation_params_x, augmentation_params_y : dict
        Changes to training batches only: ``gaussian_noise`` (standard deviation),
        ``intensity_scale`` (half width about 1), ``channel_dropout`` (probability),
        ``time_shift`` (most samples), ``custom`` (a function of a batch). The first is of both
        variables unless they have their own.
    transform : {"rank", "zscore", "none"}
        Of each feature before training. ``"rank"`` takes the marginals to normal ones; all keep
        mutual information.
    baseline : bool
        Start from the Gaussian copula's density ratio (see `neuroloom.mi._critics.gaussian`).
    n_cosines : int
        Where a variable has at most two features, every second network also sees so many cosines
        of each feature's rank, and the validation samples choose between those networks, the
        others, and all; 0 for none. Needs `transform`, `n_inits` of two and perceptrons in a
        separable critic.
    validation : float
        Share of the training samples that choose the stopping point.
    n_folds : int
        Cross-fitting folds.
    n_inits : int
        Networks per critic, whose scores are averaged.
    """

    n_epochs: int = 50
    learning_rate: float | None = None
    batch_size: int = 128
    patience: int | None = None
    weight_decay: float = 0.0
    gradient_clip_val: float | None = None
    optimizer: Any = "adam"
    optimizer_params: Options = ()
    scheduler: Any = "cosine"
    scheduler_params: Options = ()
    lr_head_multiplier: float = 1.0
    augmentation_params: Options = ()
    augmentation_params_x: Options | None = None
    augmentation_params_y: Options | None = None
    transform: str = "rank"
    baseline: bool = True
    n_cosines: int = 8
    validation: float = 0.15
    n_folds: int = 5
    n_inits: int = 4

    def rate(self, n_steps: int = _STEPS) -> float:
        """Return the learning rate of a critic that makes `n_steps` steps.

        Parameters
        ----------
        n_steps : int
        """
        if self.learning_rate is not None:
            return self.learning_rate
        return _RATE * min(max(_STEPS / n_steps, 1.0), _FASTEST)

    def augmentation(self, name: str) -> dict[str, Any]:
        """Return the augmentations of variable `name`."""
        own = getattr(self, f"augmentation_params_{name}")
        return dict(self.augmentation_params if own is None else own)


@dataclass(frozen=True)
class Params:
    """All that ``base_params`` can hold.

    Parameters
    ----------
    model : Model
        What critics are made of.
    training : Training
        How they are trained.
    """

    model: Model = field(default_factory=Model)
    training: Training = field(default_factory=Training)

    @property
    def plain(self) -> bool:
        """Whether the written-out stack (`neuroloom.mi._critics.stack`) can train such critics."""
        model, training = self.model, self.training
        return (
            model.critic_type == "separable"
            and model.embedding_model == "mlp"
            and not (model.use_variational or model.shared_encoder or model.use_decoder)
            and not (model.dropout or model.norm_layer or model.use_spectral_norm)
            and training.optimizer in ("adam", "adamw")
            and not training.optimizer_params
            and isinstance(training.scheduler, str)
            and training.scheduler != "plateau"
            and training.gradient_clip_val is None
            and not (training.augmentation("x") or training.augmentation("y"))
        )

    def replace(self, **changes: Any) -> Params:
        """Return a copy with some entries changed.

        Parameters
        ----------
        **changes
            Entries by name, checked like ``base_params``.
        """
        if not changes:
            return self
        own = {**self._fields(), **changes}
        return params(own)

    def but(self, **changes: Any) -> Params:
        """Return `replace`; the name that it had before.

        Parameters
        ----------
        **changes
            See `replace`.
        """
        warnings.warn("Params.but is now called replace", DeprecationWarning, stacklevel=2)
        return self.replace(**changes)

    def _fields(self) -> dict[str, Any]:
        parts = (self.model, self.training)
        return {f.name: getattr(p, f.name) for p in parts for f in dataclasses.fields(p)}

    def to_dict(self) -> dict[str, Any]:
        """Return all entries as one flat dict of numbers, texts, lists and dicts."""
        return {key: _written(key, value) for key, value in self._fields().items()}


def _written(key: str, value: Any) -> Any:
    if key in _DICTS and value is not None:
        return {name: _written("", entry) for name, entry in value}
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, type) or callable(value):
        return getattr(value, "__qualname__", repr(value))
    return value


_MODEL = [field.name for field in dataclasses.fields(Model)]
_TRAINING = [field.name for field in dataclasses.fields(Training)]
KEYS = (*_MODEL, *_TRAINING)
_DICTS = (
    "optimizer_params",
    "scheduler_params",
    "augmentation_params",
    "augmentation_params_x",
    "augmentation_params_y",
)
_FLAGS = (
    "use_variational",
    "bidirectional",
    "shared_encoder",
    "baseline",
    "use_spectral_norm",
    "pretrained",
    "use_decoder",
)
_WHOLE = {
    "embedding_dim": 1,
    "hidden_dim": 1,
    "n_layers": 0,
    "hidden_dim_head": 1,
    "n_layers_head": 1,
    "kernel_size": 1,
    "nhead": 1,
    "max_n_batches": 1,
    "n_epochs": 1,
    "batch_size": 2,
    "patience": 1,
    "n_folds": 2,
    "n_cosines": 0,
    "n_inits": 1,
}
_POSITIVE = ("learning_rate", "beta", "gradient_clip_val", "lr_head_multiplier")
_CHOICES = {
    "critic_type": CRITICS,
    "embedding_model": EMBEDDINGS,
    "optimizer": OPTIMIZERS,
    "scheduler": SCHEDULERS,
    "transform": TRANSFORMS,
    "norm_layer": NORMS,
    "decoder_output_activation_x": ACTIVATIONS,
    "decoder_output_activation_y": ACTIVATIONS,
}
_OPTIONAL = (
    "learning_rate",
    "kernel_size",
    "patience",
    "gradient_clip_val",
    "hidden_dim_head",
    "n_layers_head",
    "norm_layer",
    "pytorch_predefined",
    "augmentation_params_x",
    "augmentation_params_y",
)


def params(base: Mapping[str, Any] | Model | Training | Params | None) -> Params:
    """Return checked parameters from ``base_params``; unnamed ones get their defaults.

    Raises
    ------
    UnknownOptionError
        For an unknown key, naming the closest, or a value of the wrong type.
    OptionError
        For a value outside its range.
    """
    if isinstance(base, Params):
        return base
    if isinstance(base, (Model, Training)):
        return params({f.name: getattr(base, f.name) for f in dataclasses.fields(base)})
    entries = dict(base or {})
    if "n_waves" in entries:
        warnings.warn("n_waves is now called n_cosines", DeprecationWarning, stacklevel=3)
        entries["n_cosines"] = entries.pop("n_waves")
    known("base_params", entries, KEYS)
    checked = {key: _check(key, value) for key, value in entries.items()}
    model = Model(**{k: v for k, v in checked.items() if k in _MODEL})
    training = Training(**{k: v for k, v in checked.items() if k in _TRAINING})
    if model.critic_type == "concat_cnn" and model.embedding_model != "cnn":
        raise OptionError(
            "base_params: expected embedding_model='cnn' with critic_type='concat_cnn', got "
            f"{model.embedding_model!r}"
        )
    if model.embedding_model == "pretrained_backbone" and model.pytorch_predefined is None:
        raise OptionError(
            "base_params: expected pytorch_predefined, e.g. 'resnet18', with "
            "embedding_model='pretrained_backbone', got None"
        )
    return Params(model, training)


def _check(key: str, value: Any) -> Any:
    where = f"base_params[{key!r}]"
    if value is None and key in _OPTIONAL:
        return None
    if key in ("optimizer", "scheduler") and isinstance(value, type):
        return value
    if key in _CHOICES:
        return choice(where, value, _CHOICES[key])
    if key in _DICTS:
        return _check_dict(where, key, value)
    if key in _FLAGS:
        if not isinstance(value, bool):
            raise UnknownOptionError(f"{where}: expected True or False, got {value!r}")
        return value
    if key == "pytorch_predefined":
        if not isinstance(value, str):
            raise UnknownOptionError(f"{where}: expected a name, got {value!r}")
        return value
    if key == "hidden_dim" and isinstance(value, (list, tuple)):
        if not len(value):
            raise OptionError(f"{where}: expected widths of hidden layers, got none")
        return tuple(real(where, width, whole=True, low=1) for width in value)
    return real(where, value, whole=key in _WHOLE, **_range(key))


def _check_dict(where: str, key: str, value: Any) -> Options:
    if isinstance(value, tuple):  # checked before
        return value
    if not isinstance(value, Mapping):
        raise UnknownOptionError(f"{where}: expected a dict, got {type(value).__name__}")
    if key.startswith("augmentation"):
        known(where, value, AUGMENTATIONS)
        for name, amount in value.items():
            if name != "custom":
                real(f"{where}[{name!r}]", amount, low=0.0, whole=name == "time_shift")
            elif not callable(amount):
                raise UnknownOptionError(f"{where}['custom']: expected a function, got {amount!r}")
    return tuple((name, _hashable(entry)) for name, entry in value.items())


def _hashable(entry: Any) -> Any:
    return tuple(entry) if isinstance(entry, list) else entry


def _range(key: str) -> dict[str, float]:
    if key in _WHOLE:
        return {"low": _WHOLE[key]}
    if key in _POSITIVE:
        return {"above": 0.0}
    if key == "validation":
        return {"above": 0.0, "below": 0.5}
    if key == "dropout":
        return {"low": 0.0, "below": 1.0}
    return {"low": 0.0}
