"""How long training, prediction and sampling take, beside sbi in the same process.

`bench.py` calls `timings`. sbi's NPE is trained on the same simulations; its own vectorised
sampler, ``sample_batched``, is what ours is compared with, both warmed up, in turns.
"""

from __future__ import annotations

import time
import warnings
from statistics import median
from typing import Any

import numpy as np

import neuroloom.circuit_inference as ci


def timings(*, toy: bool = False) -> dict[str, Any]:
    """Return seconds and ratios; sbi's part says so if sbi is not installed."""
    n_rows, n_samples, repeats = (50, 100, 2) if toy else (1000, 1000, 3)
    theta = ci.libraries.SHOT_NOISE_PRIOR.sample(900 + n_rows, seed=1)
    rates = ci.libraries.shot_noise_rates(theta[:, 0], seed=2)
    x = ci.FeatureSet(ci.Catch22()).compute(rates).values
    train, test = x[:900], x[900:]
    cpu = time.process_time()
    inferer = ci.Inferer("mdn", ci.libraries.SHOT_NOISE_PRIOR).fit(train, theta[:900], seed=1)
    out: dict[str, Any] = {
        "n_rows": n_rows,
        "n_samples": n_samples,
        "train_cpu_s": time.process_time() - cpu,
    }
    inferer.predict(test[:1], warn=False)
    out["predict_one_row_ms"] = 1e3 * median(
        _seconds(lambda: inferer.predict(test[:1], warn=False)) for _ in range(30)
    )
    points = ci.Inference("MLPRegressor", {"hidden_layer_sizes": (20,), "max_iter": 20})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        points.add_simulation_data(train, theta[:900, 0])
        points.train()
    points.predict(test[:1])
    out["predict_one_row_mlp_ms"] = 1e3 * median(
        _seconds(lambda: points.predict(test[:1])) for _ in range(30)
    )
    inferer.sample(test, 10)
    ours, theirs, other = [], [], _sbi(train, theta[:900], test, n_samples)
    for _ in range(repeats):
        ours.append(_seconds(lambda: inferer.sample(test, n_samples)))
        if other is not None:
            theirs.append(_seconds(other))
    out["sample_s"] = ours
    if other is None:
        out["sbi"] = "not installed"
        return out
    out["sbi_sample_s"] = theirs
    out["sampling_ratio"] = median(b / a for a, b in zip(ours, theirs, strict=True))
    return out


def _seconds(function: Any) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def _sbi(train: np.ndarray, theta: np.ndarray, test: np.ndarray, n_samples: int) -> Any:
    """Return a function that draws from sbi's posterior of all test rows."""
    try:
        import torch
        from sbi.inference import NPE
        from sbi.utils import BoxUniform
        from sbi.utils.tracking import TensorBoardTracker  # noqa: F401 — the version with trackers
    except ImportError:
        return None
    from neuroloom.circuit_inference._estimators.sbi import _Silence

    centre, scale = train.mean(axis=0), train.std(axis=0)
    scale[scale == 0] = 1.0
    as_tensor = lambda a: torch.as_tensor((a - centre) / scale, dtype=torch.float32)  # noqa: E731
    inference = NPE(
        prior=BoxUniform(torch.zeros(1), torch.ones(1)),
        density_estimator="nsf",
        show_progress_bars=False,
        tracker=_Silence(),
    )
    inference.append_simulations(torch.as_tensor(theta, dtype=torch.float32), as_tensor(train))
    inference.train(training_batch_size=64, show_train_summary=False)
    posterior = inference.build_posterior()
    observed = as_tensor(test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        posterior.sample_batched((10,), x=observed, show_progress_bars=False)

    def draw() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return posterior.sample_batched((n_samples,), x=observed, show_progress_bars=False)

    return draw
