"""Time to a common penalised log-likelihood beside nemos, dynamax and ssm.

Run by ``nox -s "bench(glmhmm)"``; writes JSON and, beside it, figures. The peers are used where
they can be imported, and the file says which were not. nemos has its GLM-HMM only in its
repository: check out github.com/flatironinstitute/nemos and ``pip install`` the folder into the
environment (on Python 3.11 with ``--ignore-requires-python``). dynamax comes from the package
index, ssm from github.com/lindermanlab/ssm. Each peer starts at the same parameters; ours and nemos
take turns.

nemos is stepped by its public ``update``: its compile time (the first call) is counted once, apart.
Its time to a log-likelihood is the sum of its iterations' times up to the first that is within
1e-3 nats of the best of both; the penalised log-likelihood of its iterates is computed by our
code, outside of the clock. Ours is the whole call of `GLMHMM.fit`: checks, packing and results too.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from neuroloom import shared
from neuroloom.glmhmm import GLMHMM

WITHIN = 1e-3
COEF = np.array([[4.0, 1.0, 1.0], [0.3, 0.2, 0.2], [0.1, 0.4, 0.4], [0.2, -0.1, 0.1]])
SIZES = [(2_000, 1), (2_000, 10), (10_000, 1), (10_000, 20), (90_000, 1), (90_000, 180)]


def problem(n_trials, n_sessions, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_trials, 4))
    starts = np.zeros(n_trials, dtype=bool)
    starts[:: n_trials // n_sessions] = True
    truth = GLMHMM(3)
    truth.coef_, truth.intercept_, truth.scale_ = COEF, np.array([0.1, 1.5, -1.5]), np.ones(3)
    truth.initial_prob_ = np.array([0.5, 0.25, 0.25])
    truth.transition_prob_ = np.array([[0.96, 0.02, 0.02], [0.03, 0.95, 0.02], [0.02, 0.03, 0.95]])
    return X, np.asarray(truth.simulate(seed, X, session_starts=starts)[0]), starts


def start(seed, k=3, d=4):
    rng = np.random.default_rng(seed)
    coef = 0.3 * rng.normal(size=(d, k))
    coef[0, 0] += 2
    transition = np.full((k, k), 0.05 / (k - 1))
    np.fill_diagonal(transition, 0.95)
    return coef, 0.3 * rng.normal(size=k), np.ones(k), np.full(k, 1 / k), transition


def objective(params, X, y, starts):
    return -GLMHMM(3).compute_loss(params, X, y, starts) - 0.5 * float(np.sum(np.square(params[0])))


def clock(function):
    begin, used = time.perf_counter(), time.process_time()
    out = function()
    return out, time.perf_counter() - begin, time.process_time() - used


def ours(X, y, starts, params, tol=1e-5):
    model = GLMHMM(3, tol=tol)
    return model.fit(X, y, init_params=params, session_starts=starts)


def nemos_steps(nemos, X, y, starts, params, n):
    """Return the parameters and seconds of `n` calls of update; the first call compiles."""
    model = nemos.glm_hmm.GLMHMM(3, observation_model="Bernoulli", regularizer_strength=1.0)
    state = model.initialize_optimizer_and_state(params, X, y)
    seconds, iterates = [], []
    for _ in range(n):
        begin = time.perf_counter()
        params, state = model.update(params, state, X, y, session_starts=starts)
        jax.block_until_ready(params)
        seconds.append(time.perf_counter() - begin)
        # nemos hands scales back exponentiated once more each time; choices have none.
        params = (params[0], params[1], jnp.ones(3), params[3], params[4])
        iterates.append(tuple(np.asarray(part) for part in params))
    return iterates, seconds


def against_nemos(nemos, n_trials, n_sessions, repeats, n_steps):
    X, y, starts = problem(n_trials, n_sessions)
    begin_at = start(1)
    index = np.flatnonzero(starts)
    _, cold, _ = clock(lambda: ours(X, y, starts, begin_at))
    warm, cpu, peers, curves = [], [], [], []
    cold_peer = None
    for repeat in range(repeats):
        model, wall, used = clock(lambda: ours(X, y, starts, begin_at))
        warm.append(wall)
        cpu.append(used)
        with jax.enable_x64(True):  # nemos computes in what JAX is set to
            arguments = jax.tree.map(jnp.asarray, begin_at)
            iterates, seconds = nemos_steps(
                nemos, jnp.asarray(X), jnp.asarray(y), jnp.asarray(index), arguments, n_steps
            )
        values = [objective(it, X, y, starts) for it in iterates]
        if repeat == 0:
            cold_peer = seconds[0]
        # A step of the compiled program in place of the first, which also compiles.
        steps = [float(np.median(seconds[1:])), *seconds[1:]]
        peers.append((np.cumsum(steps), values))
        _, wall, used = clock(lambda: ours(X, y, starts, begin_at))
        warm.append(wall)
        cpu.append(used)
    trace = model.solver_state_.objective_history
    trace = trace[np.isfinite(trace)]
    best = max(trace[-1], *(max(values) for _, values in peers))
    ratios, to_best = [], []
    for repeat, (times, values) in enumerate(peers):
        good = np.flatnonzero(np.array(values) > best - WITHIN)
        reached = float(times[good[0]]) if len(good) else None
        to_best.append(reached)
        mine = np.median(warm[2 * repeat : 2 * repeat + 2])
        # Where nemos does not arrive in its steps, their time is a lower bound.
        ratios.append((reached or float(times[-1])) / mine)
        curves.append({"seconds": times.tolist(), "objective": values})
    return {
        "n_trials": n_trials,
        "n_sessions": n_sessions,
        "ours_warm_s": warm,
        "ours_cpu_over_wall": float(np.median(np.array(cpu) / np.array(warm))),
        "ours_cold_s": cold,
        "ours_iterations": len(trace),
        "ours_objective": float(trace[-1]),
        "ours_trace": trace.tolist(),
        "ours_within_at_iteration": int(np.flatnonzero(trace > best - WITHIN)[0])
        if (trace > best - WITHIN).any()
        else None,
        "nemos_first_call_s": cold_peer,
        "nemos_s_to_best": to_best,
        "nemos_arrived": [value is not None for value in to_best],
        "nemos_best_objective": max(max(values) for _, values in peers),
        "nemos_ms_per_iteration": float(
            1e3 * np.median([np.diff(times).mean() for times, _ in peers])
        ),
        "warm_ratios": ratios,
        "warm_ratio_median": float(np.median(ratios)),
        "warm_ratio_worst": float(np.min(ratios)),
        "cold_ratio": (cold_peer + (to_best[0] or float(peers[0][0][-1]))) / cold,
        "nemos_curves": curves[:1],
    }


def restarts(nemos_row, n_init=20):
    """Twenty starts in one call, beside twenty of nemos' fits (its measured times, added up)."""
    X, y, starts = problem(10_000, 1)
    model = GLMHMM(3, n_init=n_init, tol=1e-5)
    _, cold, _ = clock(lambda: model.fit(X, y, session_starts=starts))
    walls = [clock(lambda: model.fit(X, y, session_starts=starts))[1] for _ in range(3)]
    out = {"cold_s": cold, "warm_s": walls, "finished": int(model.restarts_["finished"].sum())}
    if nemos_row:
        one = [v for v in nemos_row["nemos_s_to_best"] if v is not None]
        if one:
            compile_s = nemos_row["nemos_first_call_s"]
            out["ratio_warm"] = n_init * float(np.median(one)) / float(np.median(walls))
            out["ratio_with_nemos_recompiling_each_fit"] = (
                n_init * (compile_s + float(np.median(one))) / float(np.median(walls))
            )
    return out


def against_dynamax(n_trials, n_iterations=20):
    from dynamax.hidden_markov_model import LogisticRegressionHMM

    X, y, starts = problem(n_trials, 1)
    coef, intercept, _, initial, transition = start(1)
    hmm = LogisticRegressionHMM(3, 4, m_step_num_iters=50)
    with jax.enable_x64(True):
        params, props = hmm.initialize(
            jax.random.PRNGKey(0),
            initial_probs=jnp.asarray(initial),
            transition_matrix=jnp.asarray(transition),
            emission_weights=jnp.asarray(coef.T),
            emission_biases=jnp.asarray(intercept),
        )

        def fit():
            out = hmm.fit_em(
                params,
                props,
                jnp.asarray(y),
                inputs=jnp.asarray(X),
                num_iters=n_iterations,
                verbose=False,
            )
            return jax.block_until_ready(out)

        _, cold, _ = clock(fit)
        (fitted, _), warm, _ = clock(fit)
    e = fitted.emissions
    final = (
        np.asarray(e.weights).T,
        np.asarray(e.biases),
        np.ones(3),
        np.asarray(fitted.initial.probs),
        np.asarray(fitted.transitions.transition_matrix),
    )
    final = (*final[:3], final[3] / final[3].sum(), final[4] / final[4].sum(1, keepdims=True))
    model, mine, _ = clock(lambda: ours(X, y, starts, start(1)))
    return {
        "n_trials": n_trials,
        "iterations": n_iterations,
        "dynamax_call_s": warm,
        "dynamax_first_call_s": cold,
        "dynamax_objective_after": objective(final, X, y, starts),
        "ours_s": mine,
        "ours_objective": model.solver_state_.objective,
    }


def against_ssm(n_trials, n_iterations=20):
    import ssm

    X, y, starts = problem(n_trials, 1)
    coef, intercept, _, initial, transition = start(1)
    design = np.column_stack([X, np.ones(len(X))])
    peer = ssm.HMM(
        3,
        1,
        5,
        observations="input_driven_obs",
        observation_kwargs={"C": 2, "prior_sigma": 1.0},
        transitions="standard",
    )
    weights = -np.vstack([coef, intercept]).T[:, None, :]
    peer.observations.params = weights.copy()
    peer.transitions.params = [np.log(transition)]
    peer.init_state_distn.params = [np.log(initial)]
    choices = y.astype(int)[:, None]
    _, wall, _ = clock(
        lambda: peer.fit(
            choices, inputs=design, method="em", num_iters=n_iterations, initialize=False, verbose=0
        )
    )
    w = -np.asarray(peer.observations.params)[:, 0].T
    p = np.exp(peer.transitions.params[0])
    q = np.exp(peer.init_state_distn.params[0])
    final = (w[:4], w[4], np.ones(3), q / q.sum(), p / p.sum(1, keepdims=True))
    model, mine, _ = clock(lambda: ours(X, y, starts, start(1)))
    return {
        "n_trials": n_trials,
        "iterations": n_iterations,
        "ssm_s": wall,
        "ssm_objective_after": objective(final, X, y, starts),
        "ours_s": mine,
        "ours_objective": model.solver_state_.objective,
    }


def cost():
    """Seconds per EM iteration against trials, states and regressors."""
    rows = []
    base = {"n": 10_000, "k": 3, "d": 4}
    for name, values in (
        ("n", (2_500, 5_000, 10_000, 20_000, 40_000)),
        ("k", (2, 3, 4, 6)),
        ("d", (2, 4, 7, 15, 30)),
    ):
        for value in values:
            at = {**base, name: value}
            rng = np.random.default_rng(0)
            X = rng.normal(size=(at["n"], at["d"]))
            y = (rng.random(at["n"]) < 0.5).astype(float)
            model = GLMHMM(at["k"], maxiter=20, tol=1e-12)
            params = start(3, at["k"], at["d"])
            model.fit(X, y, init_params=params)
            walls = []
            for _ in range(3):
                _, wall, _ = clock(lambda m=model, X=X, y=y, p=params: m.fit(X, y, init_params=p))
                walls.append(wall / max(m_iterations(model), 1))
            rows.append({"varied": name, **at, "ms_per_iteration": 1e3 * float(np.median(walls))})
    return rows


def m_iterations(model):
    return model.solver_state_.iterations


def memory():
    """Peak resident memory of a fit in a fresh process, over the number of trials."""
    code = (
        "import sys, resource, warnings; warnings.simplefilter('ignore');"
        "sys.path.insert(0, sys.argv[2]); import bench;"
        "n = int(sys.argv[1]); X, y, s = bench.problem(2_000, 1);"
        "bench.ours(X, y, s, bench.start(1), 1e-3);"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "X, y, s = bench.problem(n, 1); bench.ours(X, y, s, bench.start(1), 1e-3);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    rows = []
    for n in (50_000, 100_000, 200_000, 400_000):
        out = subprocess.run(
            [sys.executable, "-c", code, str(n), str(Path(__file__).parent)],
            capture_output=True,
            text=True,
            check=True,
        )
        rows.append({"n_trials": n, "grown_mb": int(out.stdout) / 1024})
    return rows


def draw(results, folder):
    with shared.style():
        rows = [r for r in results.get("nemos", []) if r["n_sessions"] == 1]
        for row in rows:
            ax = shared.axes(None)
            best = max(row["ours_objective"], row["nemos_best_objective"])
            peer = row["nemos_curves"][0]
            ax.semilogy(
                peer["seconds"], np.maximum(best - np.array(peer["objective"]), 1e-6), label="nemos"
            )
            trace = np.array(row["ours_trace"])
            at = np.linspace(0, np.median(row["ours_warm_s"]), len(trace))
            ax.semilogy(at, np.maximum(best - trace, 1e-6), label="neuroloom")
            ax.set(
                xlabel="time, compiled (s)",
                ylabel="nats below the best",
                title=f"{row['n_trials']} trials",
            )
            ax.legend(frameon=False)
            ax.figure.savefig(folder / f"bench-glmhmm-{row['n_trials']}.png", dpi=120)
        for name in ("n", "k", "d"):
            part = [r for r in results.get("cost", []) if r["varied"] == name]
            if part:
                ax = shared.axes(None)
                ax.plot([r[name] for r in part], [r["ms_per_iteration"] for r in part], marker="o")
                ax.set(
                    xlabel={"n": "trials", "k": "states", "d": "regressors"}[name],
                    ylabel="ms per iteration",
                )
                ax.figure.savefig(folder / f"bench-glmhmm-cost-{name}.png", dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("bench-glmhmm.json"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--sizes", type=int, nargs="*", default=None, help="numbers of trials")
    parser.add_argument("--skip", nargs="*", default=[])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    results = {
        "versions": {},
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg(),
    }

    def keep():
        results["load_after"] = os.getloadavg()
        options.out.write_text(json.dumps(results, indent=1))

    for name in ("neuroloom-glmhmm", "nemos", "dynamax", "ssm", "jax"):
        try:
            results["versions"][name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            results["versions"][name] = None
    if results["versions"]["nemos"] and "nemos" not in options.skip:
        import nemos

        results["nemos"] = []
        for n_trials, n_sessions in SIZES:
            if options.sizes and n_trials not in options.sizes:
                continue
            row = against_nemos(nemos, n_trials, n_sessions, options.repeats, options.steps)
            results["nemos"].append(row)
            print(
                {k: v for k, v in row.items() if "curves" not in k and "trace" not in k}, flush=True
            )
            keep()
    else:
        results["nemos"] = []
        print("nemos is not installed: see the head of this file")
    ten = next(
        (r for r in results["nemos"] if r["n_trials"] == 10_000 and r["n_sessions"] == 1), None
    )
    if "restarts" not in options.skip:
        results["restarts"] = restarts(ten)
        print(results["restarts"], flush=True)
        keep()
    for name, function in (("dynamax", against_dynamax), ("ssm", against_ssm)):
        if results["versions"][name] and name not in options.skip:
            results[name] = [function(n) for n in (2_000, 10_000)]
            print(name, results[name], flush=True)
            keep()
    for name, function in (("cost", cost), ("memory", memory)):
        if name not in options.skip:
            results[name] = function()
            print(name, results[name], flush=True)
            keep()
    results["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    keep()
    draw(results, options.out.parent)


if __name__ == "__main__":
    main()
