"""Slow proofs: the flagship example, coverage, uniform p-values, the reference figures."""

from __future__ import annotations

import argparse
import json
import math
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.stats import kstest

from neuroloom import mi

QUIET = {"verbose": False}


def flagship(n_seeds: int = 5) -> dict[str, object]:
    """The reference's own example: nonlinear latent, truth 3.0 bits."""
    params = {
        "n_epochs": 50,
        "learning_rate": 1e-3,
        "batch_size": 128,
        "embedding_dim": 16,
        "hidden_dim": 64,
    }
    rows = []
    for seed in range(n_seeds):
        x, y = mi.datasets.generate_nonlinear_from_latent(
            2500, 10, 100, 3.0, use_torch=False, seed=seed
        )
        begin = time.perf_counter()
        result = mi.run(
            x.T,
            y.T,
            mode="rigorous",
            processor_type_x="continuous",
            processor_params_x={"window_size": 1},
            base_params=params,
            confidence_level=0.95,
            random_seed=42,
            **QUIET,
        )
        low, high = result.details["interval"]
        rows.append(
            {
                "seed": seed,
                "mi": result.mi_estimate,
                "low": low,
                "high": high,
                "reliable": result.is_reliable,
                "ladder": result.details["mi_at_gamma"],
                "parts": result.details["error_parts"],
                "seconds": time.perf_counter() - begin,
            }
        )
        print(rows[-1], flush=True)
    good = [
        abs(r["mi"] - 3) <= 0.15 and r["low"] < 3 < r["high"] and r["high"] - r["low"] <= 0.6
        for r in rows
    ]
    return {"rows": rows, "met": sum(good), "of": n_seeds}


def gaussians() -> list[dict[str, object]]:
    """10-D Gaussians of 2 to 8 bits, N = 10,000."""
    rows = []
    for bits in (2.0, 4.0, 6.0, 8.0):
        x, y = mi.datasets.generate_correlated_gaussians(10_000, 10, bits, use_torch=False, seed=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = mi.run(
                x, y, base_params={"n_epochs": 10, "n_inits": 1}, random_seed=0, **QUIET
            )
        rows.append(
            {
                "bits": bits,
                "mi": result.mi_estimate,
                "relative_error": result.mi_estimate / bits - 1,
                "at_ceiling": result.details["at_ceiling"],
            }
        )
        print(rows[-1], flush=True)
    return rows


def coverage(n_sets: int = 40) -> dict[str, object]:
    """How often 68 % intervals hold the truth, over Gaussian sets of many sizes."""
    inside = {"estimate": 0, "rigorous": 0}
    params = {"n_epochs": 10, "n_inits": 1, "n_folds": 4, "hidden_dim": 32, "embedding_dim": 8}
    for k in range(n_sets):
        dim, bits = (1, 2, 4, 8)[k % 4], (0.5, 1.0, 2.0, 3.0)[k // 4 % 4]
        x, y = mi.datasets.generate_correlated_gaussians(1000, dim, bits, use_torch=False, seed=k)
        for mode in inside:
            result = mi.run(x, y, mode=mode, base_params=params, random_seed=k, **QUIET)
            low, high = result.details["interval"]
            inside[mode] += low < bits < high
    shares = {mode: hits / n_sets for mode, hits in inside.items()}
    print("coverage", shares, flush=True)
    return {"n_sets": n_sets, **shares}


def uniform(n_nulls: int = 200, n_network: int = 20) -> dict[str, object]:
    """p-values without dependence, white and autocorrelated, against the uniform law."""
    out: dict[str, object] = {}
    for name in ("ksg", "gcmi", "network"):
        for kind in ("white", "autocorrelated"):
            total = n_network if name == "network" else n_nulls
            values = []
            for k in range(total):
                rng = np.random.default_rng([k, len(kind)])
                x, y = rng.standard_normal((2, 300))
                if kind == "autocorrelated":
                    for t in range(1, 300):
                        x[t] += 0.9 * x[t - 1]
                        y[t] += 0.9 * y[t - 1]
                options = {"n_permutations": 39, "random_seed": k, **QUIET}
                if name == "network":
                    small = {"n_epochs": 8, "n_inits": 1, "hidden_dim": 16, "embedding_dim": 4}
                    result = mi.run(x, y, base_params=small, gap=20, **options)
                else:
                    result = mi.run(x, y, estimator=name, **options)
                values.append(result.p_value)
            # The values lie on a grid of 1/40: a uniform jitter makes the law continuous.
            jitter = np.random.default_rng(0).uniform(0, 1 / 40, total)
            test = kstest(np.array(values) - jitter, "uniform")
            out[f"{name} {kind}"] = {"n": total, "ks_p": test.pvalue, "mean": np.mean(values)}
            print(name, kind, out[f"{name} {kind}"], flush=True)
    return out


def figures() -> dict[str, object]:
    """XOR and the transfer-entropy pair of the specification."""
    x, y = mi.datasets.generate_xor_data(5000, use_torch=False, seed=0)
    params = {"n_epochs": 30, "learning_rate": 2e-3}
    options = {"base_params": params, "random_seed": 0, **QUIET}
    out: dict[str, object] = {
        "xor": mi.run(x, y, **options).mi_estimate,
        "xor_marginals": [mi.run(x[:, k], y, **options).mi_estimate for k in (0, 1)],
    }
    rng = np.random.default_rng(0)
    a = rng.standard_normal(1500)
    b = np.r_[0.0, 0.8 * a[:-1]] + 0.3 * rng.standard_normal(1500)
    for rigorous in (False, True):
        result = mi.run(
            a,
            b,
            mode="transfer",
            history_window=2,
            bidirectional=True,
            rigorous=rigorous,
            base_params={"n_epochs": 20, "n_inits": 1},
            random_seed=0,
            **QUIET,
        )
        name = "rigorous" if rigorous else "plain"
        out[f"te_{name}"] = [result.mi_estimate, result.details["te_yx"]]
    out["te_truth"] = 0.5 * math.log2(1 + 0.64 / 0.09)
    print(out, flush=True)
    return out


def dimensions() -> list[dict[str, object]]:
    """Latent dimensions 3, 5 and 10 behind a linear and a saturating mixture."""
    rows = []
    for dim in (3, 5, 10):
        for kind in ("linear", "tanh"):
            rng = np.random.default_rng(dim)
            z = rng.standard_normal((3000, dim)) @ rng.standard_normal((dim, 40)) / math.sqrt(dim)
            x = (np.tanh(z) if kind == "tanh" else z) + 0.3 * rng.standard_normal(z.shape)
            result = mi.run(
                x,
                mode="dimensionality",
                n_splits=3,
                base_params={"n_epochs": 10, "n_inits": 1},
                random_seed=0,
                **QUIET,
            )
            rows.append(
                {
                    "dim": dim,
                    "mixture": kind,
                    "participation_ratio": result.details["participation_ratio"],
                    "saturation": result.details["estimated_dims"],
                }
            )
            print(rows[-1], flush=True)
    return rows


PROOFS = {
    "flagship": flagship,
    "gaussians": gaussians,
    "figures": figures,
    "dimensions": dimensions,
    "uniform": uniform,
    "coverage": coverage,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("prove-mi.json"))
    parser.add_argument("--only", nargs="*", choices=list(PROOFS), default=list(PROOFS))
    options = parser.parse_args()
    content: dict[str, object] = {}
    for name in options.only:
        begin = time.perf_counter()
        content[name] = PROOFS[name]()
        content[f"{name}_seconds"] = time.perf_counter() - begin
        options.out.write_text(json.dumps(content, indent=1, default=float))


if __name__ == "__main__":
    main()
