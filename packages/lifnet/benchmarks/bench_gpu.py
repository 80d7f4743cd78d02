"""Measure `LIFNet` on the CPU beside a CUDA device; not part of ``nox -s "bench(lifnet)"``.

    python benchmarks/bench_gpu.py [--out FILE.json]

One call of 500 steps, single precision, with and without gradients, both devices in turn after a
warm-up, median of three.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from neuroloom.lifnet import LIFNet
from neuroloom.lifnet.engine import SurrogateSpike

STEPS = 500
SIZES = [(500, 1), (500, 64), (2000, 64), (5000, 64), (2000, 512)]  # neurons, trials


def call(device: str, n: int, trials: int, gradients: bool) -> Callable[[], None]:
    """Return a function that runs a network on a device and waits for it."""
    rng = np.random.default_rng(0)
    weights = np.where(rng.random((n, n)) < 0.1, 4 / n, 0.0)
    weights[:, int(0.8 * n) :] *= -5
    net = LIFNet(
        torch.as_tensor(weights, dtype=torch.float32), [1, 1, -1, -1], 0.02, 0.005, 0.005, 1.0,
        delta_t=5e-4, backend="torch", surrogate=SurrogateSpike(5.0) if gradients else None,
    ).to(device)  # fmt: skip
    if gradients:
        net.synaptic_weights = torch.nn.Parameter(net.synaptic_weights.clone())
    state = torch.rand(trials, n, device=device)
    drive = 60 + 40 * torch.randn(STEPS, trials, n, device=device)

    def run() -> None:
        with torch.set_grad_enabled(gradients):
            spikes = net(state, torch.zeros_like(state), drive)[2]
            if gradients:
                spikes.mean().backward()
            float(spikes.detach().sum())

    return run


def main() -> None:
    """Measure and print one line per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = []
    for gradients in (False, True):
        for n, trials in SIZES[: None if not gradients else 3]:
            runs = {device: call(device, n, trials, gradients) for device in ("cpu", "cuda")}
            times: dict[str, list[float]] = {device: [] for device in runs}
            for run in runs.values():
                run()
            for _ in range(3):
                for device, run in runs.items():
                    began = time.perf_counter()
                    run()
                    times[device].append(time.perf_counter() - began)
            seconds = {device: statistics.median(values) for device, values in times.items()}
            rows.append(
                {
                    "neurons": n,
                    "trials": trials,
                    "gradients": gradients,
                    **{f"{device}_s": value for device, value in seconds.items()},
                    "ratio": seconds["cpu"] / seconds["cuda"],
                    "cpu_threads": torch.get_num_threads(),
                    "device": torch.cuda.get_device_name(),
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
