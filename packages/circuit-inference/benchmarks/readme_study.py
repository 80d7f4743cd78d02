"""The study of the seed's README in steps, the user's own simulator and loops included.

The same functions run in the peers' environment with ``ncpi`` and in ours with
``neuroloom.circuit_inference``: only the module that is handed over differs. As a script it runs
one study from a fresh process, as the README does, and prints what took how long:

    python benchmarks/readme_study.py MODULE|batched N_SAMPLES N_TRAIN SEED
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import tempfile
import time
from typing import Any

import numpy as np
import pandas as pd

N_NEURONS, N_TIMES, BIN = 50, 2000, 100
NETWORK = {
    "hidden_layer_sizes": (200, 200, 200),
    "max_iter": 200,
    "tol": 1e-4,
    "n_iter_no_change": 10,
}


def simulate(n_samples: int, seed: int) -> tuple[np.ndarray, list[list[list[float]]], float, float]:
    """Return θ, spike counts per neuron and bin, and the seconds for spikes and for counts."""
    random = np.random.RandomState(seed)
    theta, counts, for_spikes, for_counts = [], [], 0.0, 0.0
    lags = np.arange(4 * BIN)
    for _ in range(n_samples):
        started = time.perf_counter()
        value = random.uniform(0, 1)
        kernel = np.exp(-lags / (BIN * (value + 0.01)))
        spikes = np.zeros((N_NEURONS, N_TIMES))
        for neuron in range(N_NEURONS):
            smooth = np.convolve(random.rand(N_TIMES), kernel, mode="same")
            smooth -= smooth.min()
            smooth /= smooth.max()
            spikes[neuron] = random.rand(N_TIMES) < smooth - 0.9
        between = time.perf_counter()
        counts.append(
            [
                [float(np.sum(spikes[i, j * BIN : (j + 1) * BIN])) for j in range(N_TIMES // BIN)]
                for i in range(N_NEURONS)
            ]
        )
        theta.append(value)
        for_spikes += between - started
        for_counts += time.perf_counter() - between
    return np.array(theta), counts, for_spikes, for_counts


def infer(module: Any, theta: np.ndarray, counts: Any, n_train: int) -> dict[str, Any]:
    """Return predictions for all rows after `n_train`, and the seconds of each step."""
    steps: dict[str, float] = {}
    last = time.perf_counter()

    def done(name: str) -> None:
        nonlocal last
        steps[name] = time.perf_counter() - last
        last = time.perf_counter()

    rates = np.zeros((len(counts), N_TIMES // BIN))
    for i, count in enumerate(counts):
        potential = module.FieldPotential(kernel=False)
        rates[i] = potential.compute_proxy(method="FR", sim_data={"FR": count}, sim_step=None)
    done("proxy")
    table = pd.DataFrame({"Data": rates.tolist()})
    table = module.Features(method="catch22").compute_features(table)
    x = np.array(table["Features"].tolist())
    done("features")
    inference = module.Inference(model="MLPRegressor", hyperparams=dict(NETWORK))
    done("set_up")
    inference.add_simulation_data(x[:n_train], theta[:n_train])
    inference.train(param_grid=None)
    done("train")
    predictions = np.ravel(inference.predict(x[n_train:]))
    done("predict")
    truth = theta[n_train:]
    return {
        "steps_s": steps,
        "package_s": sum(steps.values()),
        "r": float(np.corrcoef(truth, predictions)[0, 1]),
        "mae": float(np.abs(truth - predictions).mean()),
    }


def batched(n_samples: int, n_train: int, seed: int) -> dict[str, Any]:
    """Run the same study written with the batched simulator and the core."""
    from neuroloom.circuit_inference import Catch22, FeatureSet, Inferer
    from neuroloom.circuit_inference.libraries import SHOT_NOISE_PRIOR, shot_noise_rates

    started = time.perf_counter()
    theta = SHOT_NOISE_PRIOR.sample(n_samples, seed=seed)
    rates = shot_noise_rates(theta[:, 0], n_workers=2, seed=seed)
    simulated = time.perf_counter()
    table = FeatureSet(Catch22()).compute(rates, n_workers=2)
    inferer = Inferer("MLPRegressor", SHOT_NOISE_PRIOR, hyperparams=dict(NETWORK))
    inferer.fit(table.values[:n_train], theta[:n_train], seed=seed)
    found = inferer.predict(table.values[n_train:], warn=False).mean[:, 0]
    return {
        "total_s": time.perf_counter() - started,
        "simulate_s": simulated - started,
        "r": float(np.corrcoef(found, theta[n_train:, 0])[0, 1]),
    }


def main() -> None:
    """Run one study and print its times."""
    name, (n_samples, n_train, seed) = sys.argv[1], map(int, sys.argv[2:])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # bars of progress go to standard error
    os.chdir(tempfile.mkdtemp())  # ncpi writes ./data
    started = time.perf_counter()
    module = importlib.import_module("neuroloom.circuit_inference" if name == "batched" else name)
    result: dict[str, Any] = {"import_s": time.perf_counter() - started}
    if name == "batched":
        result |= batched(n_samples, n_train, seed)
    else:
        theta, counts, spikes_s, counts_s = simulate(n_samples, seed)
        np.random.seed(seed)  # noqa: NPY002 - what scikit-learn reads in ncpi
        with contextlib.redirect_stdout(sys.stderr):
            result |= infer(module, theta, counts, n_train)
        result |= {"spikes_s": spikes_s, "counts_s": counts_s}
        result["total_s"] = result["package_s"] + spikes_s + counts_s
    answers.write(json.dumps(result))
    answers.close()


if __name__ == "__main__":
    main()
