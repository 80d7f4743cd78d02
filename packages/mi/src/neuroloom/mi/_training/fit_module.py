"""Training of critics that are any module, one at a time, by autograd."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from neuroloom.mi._critics.augment import augmented
from neuroloom.mi._critics.bounds import Bound
from neuroloom.mi._critics.modules import make_critic
from neuroloom.mi._errors import CriticOutputError
from neuroloom.mi._options.params import Training
from neuroloom.mi._training import score as _score
from neuroloom.mi._training.job import (
    CHECKS,
    MAX_VALIDATION,
    Fitted,
    Job,
    batches,
    failed,
    rate_at,
)
from neuroloom.mi._training.preprocessing import preprocessing, transform
from neuroloom.mi._training.torch_state import GENERATOR

_OPTIMIZERS: dict[str, Any] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
}


@contextmanager
def own_randomness(seed: int, device: str = "cpu") -> Iterator[None]:
    """Seed torch inside the block, and leave its global generators as they were."""
    on_gpu = torch.device(device).type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_gpu else []):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach every device
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def _tensors(job: Job) -> tuple[Tensor, Tensor]:
    """Return the samples, transformed feature by feature, in their own shape."""
    out = []
    for values in (job.x, job.y):
        flat = transform(values, job.params.training.transform)
        out.append(torch.from_numpy(flat.astype(np.float32)).reshape(values.shape))
    x, y = out
    if job.permutation is not None:
        y = y[torch.from_numpy(job.permutation)]
    return x.to(job.device), y.to(job.device)


def _fresh(job: Job, member: int) -> nn.Module:
    """Return an untrained critic; the user's own module is copied and drawn anew."""
    with own_randomness(job.seed.child("weights").child(member).integer()):
        if job.critic is None:
            critic = make_critic(job.x.shape[1:], job.y.shape[1:], job.params.model, job.embedding)
        else:
            critic = copy.deepcopy(job.critic)
            for module in critic.modules():
                if hasattr(module, "reset_parameters"):
                    module.reset_parameters()  # type: ignore[operator]
    return critic.to(job.device)


def check_critic(critic: nn.Module, x: Tensor, y: Tensor) -> None:
    """Raise unless a copy of `critic` gives an (n, n) matrix of scores on a dry run."""
    n = min(len(x), 7)
    with torch.no_grad():
        trial = copy.deepcopy(critic).to(x.device).eval()
        try:
            out = trial(x[:n], y[:n])
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            raise CriticOutputError(
                f"custom_critic: expected forward(x, y) on samples of shapes {tuple(x[:n].shape)} "
                f"and {tuple(y[:n].shape)}, got {type(error).__name__}: {error}"
            ) from error
    scores = out[0] if isinstance(out, tuple) else out
    if not isinstance(scores, Tensor) or tuple(scores.shape) != (n, n):
        got = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise CriticOutputError(
            f"custom_critic: expected scores of shape ({n}, {n}) for {n} samples, alone or with "
            f"a divergence, got {got}"
        )


def _scores(critic: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor | float]:
    out = critic(x, y)
    return (out[0], out[1]) if isinstance(out, tuple) else (out, 0.0)


@torch.no_grad()
def _evaluate(members: list[nn.Module], x: Tensor, y: Tensor) -> Tensor:
    total = torch.zeros(len(x), len(y), device=x.device)
    for critic in members:
        critic.eval()
        total += _scores(critic, x, y)[0] / len(members)
    return total.cpu()


def _optimizer(critic: nn.Module, learning: Training) -> torch.optim.Optimizer:
    cls = _OPTIMIZERS.get(learning.optimizer, learning.optimizer)
    rate = learning.rate()
    head = [p for name, p in critic.named_parameters() if name.startswith("head.")]
    rest = [p for name, p in critic.named_parameters() if not name.startswith("head.")]
    groups: list[dict[str, Any]] = [{"params": rest, "scale": 1.0}] if rest else []
    if head:
        groups.append({"params": head, "scale": learning.lr_head_multiplier})
    for group in groups:
        group["lr"] = rate * group["scale"]
    options = {"weight_decay": learning.weight_decay} if learning.weight_decay else {}
    return cast(
        torch.optim.Optimizer,
        cls(groups, lr=rate, **{**options, **dict(learning.optimizer_params)}),
    )


class _Schedule:
    """The learning rate over steps: a curve by name, a plateau's drops, or the user's class."""

    def __init__(self, optimizer: torch.optim.Optimizer, job: Job) -> None:
        self.optimizer, self.job, self.learning = optimizer, job, job.params.training
        self.per_epoch = max(1, job.n_steps // self.learning.n_epochs)
        options = dict(self.learning.scheduler_params)
        self.own: Any = None
        if isinstance(self.learning.scheduler, type):
            self.own = self.learning.scheduler(optimizer, **options)
        elif self.learning.scheduler == "plateau":
            self.own = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "max", **options)

    def before(self, step: int) -> None:
        """Set the rate of a step."""
        if self.own is None:
            name, rate = self.learning.scheduler, self.learning.rate()
            for group in self.optimizer.param_groups:
                group["lr"] = group["scale"] * rate_at(rate, step, self.job.n_steps, name)

    def after(self, step: int) -> None:
        """Step a class of schedules at the end of an epoch."""
        if self.own is None or self.learning.scheduler == "plateau":
            return
        if (step + 1) % self.per_epoch == 0:
            self.own.step()

    def scored(self, value: float) -> None:
        """Tell a plateau what the validation score is."""
        if self.own is not None and self.learning.scheduler == "plateau" and np.isfinite(value):
            self.own.step(value)


def _train(job: Job, member: int, x: Tensor, y: Tensor, bound: Bound) -> tuple[Any, ...]:
    """Return the best critic of one initialisation, its score, step and history."""
    critic, learning = _fresh(job, member), job.params.training
    optimizer = _optimizer(critic, learning)
    schedule = _Schedule(optimizer, job)
    change_x, change_y = learning.augmentation("x"), learning.augmentation("y")
    order = torch.from_numpy(batches(job, member)).to(job.device)
    held = torch.from_numpy(job.fold.validation[:MAX_VALIDATION]).to(job.device)
    every = max(1, job.n_steps // CHECKS)
    patience = np.inf
    if learning.patience is not None:
        patience = learning.patience * max(1, job.n_steps // learning.n_epochs)
    best, mark, history = -np.inf, 0, []
    state = copy.deepcopy(critic.state_dict())
    with own_randomness(job.seed.child("noise").child(member).integer(), job.device):
        for step in range(job.n_steps + 1):
            if step % every == 0 or step == job.n_steps:
                value = float(bound.value(_evaluate([critic], x[held], y[held])))
                history.append(value)
                schedule.scored(value)
                if value > best:
                    best, mark, state = value, step, copy.deepcopy(critic.state_dict())
                if step - mark > patience:
                    break
            if step == job.n_steps:
                break
            critic.train()
            schedule.before(step)
            optimizer.zero_grad()
            rows = order[step]
            scores, paid = _scores(
                critic, augmented(x[rows], change_x), augmented(y[rows], change_y)
            )
            if job.critic is not None:
                paid = paid / job.params.model.beta
            # The bound's gradient is known in closed form; autograd takes it from the scores on.
            pull = (bound.grad(scores.detach()).neg() * scores).sum() + paid
            pull.backward()  # type: ignore[no-untyped-call]
            if learning.gradient_clip_val is not None:
                nn.utils.clip_grad_norm_(critic.parameters(), learning.gradient_clip_val)
            optimizer.step()
            schedule.after(step)
    critic.load_state_dict(state)
    return critic, best, mark, history


def fit_module(job: Job) -> Fitted:
    """Return the fit of one job whose critic is a module."""
    with GENERATOR:
        return _fit_module(job)


def _fit_module(job: Job) -> Fitted:
    x, y = _tensors(job)
    if job.critic is not None:
        check_critic(job.critic, x, y)
    bound = Bound(job.bound, **job.bound_options)
    trained = [_train(job, i, x, y, bound) for i in range(job.params.training.n_inits)]
    history = np.mean([t[3][: min(len(s[3]) for s in trained)] for t in trained], axis=0)
    if not all(np.isfinite(t[3][-1]) for t in trained):
        learning = job.params.training
        message = (
            f"training diverged: no finite validation score in {job.n_steps} steps "
            f"({learning.n_epochs} epochs) at learning rate {learning.rate():g}; lower it"
        )
        return failed(job, history, message)
    members = [t[0] for t in trained]

    def scores(index: np.ndarray[Any, Any]) -> Tensor:
        where = torch.from_numpy(index).to(job.device)
        return _evaluate(members, x[where], y[where])

    warmth = _score.temperature(scores(job.fold.validation[:MAX_VALIDATION]), bound)
    test = job.fold.test
    parts = [(b, scores(test[b]) * warmth) for b in _score.blocks(len(test))]
    seen = scores(job.fold.train[:MAX_VALIDATION]) * warmth
    state = None
    if job.keep:
        state = preprocessing(job, None)
        state["temperature"] = np.array(warmth, dtype=np.float32)
        for i, critic in enumerate(members):
            for name, values in critic.state_dict().items():
                state[f"network{i}.{name}"] = values.cpu().numpy()
    return Fitted(
        job,
        _score.score_matrices(parts, bound),
        float(bound.estimate(seen.double())),
        int(np.median([t[2] for t in trained])),
        tuple(float(v) for v in history),
        0.0,
        state,
    )
