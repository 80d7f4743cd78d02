"""Time to a common penalised log-likelihood beside nemos, dynamax and ssm.

Run by ``nox -s "bench(glmhmm)"``; writes JSON and, beside it, figures. The peers are used where
they can be imported, and the file says which were not. To bring them into an environment:

* nemos has its GLM-HMM only in its repository, github.com/flatironinstitute/nemos (commit c80170b
  was used); ``pip install`` the clone, on Python 3.11 with ``--ignore-requires-python``.
* dynamax comes from the package index.
* ssm comes from github.com/lindermanlab/ssm; ``pip install cython numpy``, then the clone with
  ``--no-build-isolation``.

``--peers PYTHON`` runs the whole script in another environment that has them.

What is timed. All start at the same parameters and climb the same penalised log-likelihood, which
our code computes for everybody outside of the clock. nemos is stepped by its public ``update``: its
first call, which compiles, is counted once and apart; its time is the sum of its steps up to the
first that is within 1e-3 nats of the best that anyone reached. Ours is the whole call of
`GLMHMM.fit`, with checks, packing and results, of as many iterations as get as near (``to_level``),
or of as many as it takes to notice that it has converged (``to_tol``). nemos and ours take turns.
dynamax gets the same priors; ssm has one on the intercepts too, so that the common level with it is
the best that it reaches. Cold fits are first calls in fresh processes, imports not
counted. Restarts are twenty calls of nemos' ``fit``, which compiles every time, against one call of
ours.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import re
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
    """Return regressors, choices and session starts of three known states."""
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
    """Return parameters to start from."""
    rng = np.random.default_rng(seed)
    coef = 0.3 * rng.normal(size=(d, k))
    coef[0, 0] += 2
    transition = np.full((k, k), 0.05 / (k - 1))
    np.fill_diagonal(transition, 0.95)
    return coef, 0.3 * rng.normal(size=k), np.ones(k), np.full(k, 1 / k), transition


def objective(params, X, y, starts):
    """Return the penalised log-likelihood of anybody's parameters."""
    return -GLMHMM(3).compute_loss(params, X, y, starts) - 0.5 * float(np.sum(np.square(params[0])))


def clock(function):
    """Return what the function returns, seconds and CPU seconds."""
    begin, used = time.perf_counter(), time.process_time()
    out = function()
    return out, time.perf_counter() - begin, time.process_time() - used


def three_times(function):
    """Return the median of three calls' seconds, and of their CPU seconds."""
    found = np.median([clock(function)[1:] for _ in range(3)], axis=0)
    return float(found[0]), float(found[1])


def ours(X, y, starts, params, tol=1e-5, maxiter=1000):
    """Return our fit."""
    model = GLMHMM(3, tol=tol, maxiter=maxiter)
    return model.fit(X, y, init_params=params, session_starts=starts)


def trace_of(model):
    """Return the objective after each iteration."""
    trace = model.solver_state_.objective_history
    return trace[np.isfinite(trace)]


def reaches(trace, level):
    """Return the number of iterations after which the level is reached, None if never."""
    good = np.flatnonzero(np.asarray(trace) >= level)
    return int(good[0]) + 1 if len(good) else None


def nemos_steps(nemos, X, y, starts, params, n):
    """Return parameters after, and seconds of, `n` calls of update; the first one compiles."""
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
    """Return times and ratios at one size."""
    X, y, starts = problem(n_trials, n_sessions)
    begin_at = start(1)
    index = np.flatnonzero(starts)
    first_call = clock(lambda: ours(X, y, starts, begin_at))[1]
    trace = trace_of(ours(X, y, starts, begin_at))
    runs, first_step = [], None
    for _ in range(repeats):
        with jax.enable_x64(True):  # nemos computes in what JAX is set to
            arguments = jax.tree.map(jnp.asarray, begin_at)
            iterates, seconds = nemos_steps(
                nemos, jnp.asarray(X), jnp.asarray(y), jnp.asarray(index), arguments, n_steps
            )
        if not runs:
            values = [objective(it, X, y, starts) for it in iterates]
            level = max(*trace, *values) - WITHIN
            arrived = reaches(trace, level)
            needed = reaches(values, level)
            first_step = seconds[0]
            ours(X, y, starts, begin_at, maxiter=arrived)  # compiles for the shorter history
        # The first step compiles; a later one stands in for it.
        steps = np.cumsum([float(np.median(seconds[1:])), *seconds[1:]])
        to_level, used = three_times(lambda m=arrived: ours(X, y, starts, begin_at, maxiter=m))
        to_tol, _ = three_times(lambda: ours(X, y, starts, begin_at))
        runs.append(
            {
                # Where nemos does not arrive, its steps' time is a lower bound.
                "nemos_s": float(steps[(needed or n_steps) - 1]),
                "nemos_ms_per_step": 1e3 * float(np.median(seconds[1:])),
                "ours_to_level_s": to_level,
                "ours_to_tol_s": to_tol,
                "ours_cpu_over_wall": used / to_level,
                "nemos_curve_s": steps.tolist(),
            }
        )
    ratios = [run["nemos_s"] / run["ours_to_level_s"] for run in runs]
    return {
        "n_trials": n_trials,
        "n_sessions": n_sessions,
        "level": level,
        "ours_iterations_to_level": arrived,
        "ours_iterations_to_tol": len(trace),
        "nemos_steps_to_level": needed,
        "ours_first_call_here_s": first_call,
        "nemos_first_step_s": first_step,
        "runs": runs,
        "ratio": float(np.median(ratios)),
        "ratio_range": [float(np.min(ratios)), float(np.max(ratios))],
        "ratio to our tol": float(
            np.median([run["nemos_s"] / run["ours_to_tol_s"] for run in runs])
        ),
        "ours_trace": trace.tolist(),
        "nemos_trace": values,
    }


def one_cold_fit(who, n_trials, n_sessions, maxiter):
    """Print the seconds of a first fit and of a second one; run in a fresh process."""
    X, y, starts = problem(n_trials, n_sessions)
    params = start(1)
    if who == "nemos":
        import nemos

        jax.config.update("jax_enable_x64", True)
        model = nemos.glm_hmm.GLMHMM(
            3, observation_model="Bernoulli", regularizer_strength=1.0, maxiter=maxiter
        )
        data = [jnp.asarray(a) for a in (X, y, np.flatnonzero(starts))]
        begin_at = tuple(jnp.asarray(a) for a in params)

        def fit():
            model.fit(data[0], data[1], init_params=begin_at, session_starts=data[2])
            return jax.block_until_ready(model.coef_)
    else:

        def fit():
            return ours(X, y, starts, params)

    print(json.dumps([clock(fit)[1], clock(fit)[1]]))


def cold(rows, repeats=3):
    """Return first and second calls of `fit` in fresh processes, taking turns."""
    out = []
    for row in rows:
        if row["n_sessions"] > 1:
            continue
        times = {"nemos": [], "ours": []}
        for _ in range(repeats):
            for who, found in times.items():
                steps = str(row["nemos_steps_to_level"] or 60)
                size = (str(row["n_trials"]), str(row["n_sessions"]), steps)
                done = subprocess.run(
                    [sys.executable, __file__, "--cold", who, *size],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                found.append(json.loads(done.stdout.splitlines()[-1]))
        nemos, mine = (np.array(times[who]) for who in ("nemos", "ours"))
        out.append(
            {
                "n_trials": row["n_trials"],
                "nemos_first_s": nemos[:, 0].tolist(),
                "ours_first_s": mine[:, 0].tolist(),
                "nemos_second_s": nemos[:, 1].tolist(),
                "ours_second_s": mine[:, 1].tolist(),
                "cold_ratio": float(np.median(nemos[:, 0]) / np.median(mine[:, 0])),
                "refit_ratio": float(np.median(nemos[:, 1]) / np.median(mine[:, 1])),
            }
        )
    return out


def restarts(nemos, row, n_init=20):
    """Twenty starts: one call of ours, as many calls of nemos' fit as it takes."""
    X, y, starts = problem(10_000, 1)
    model = GLMHMM(3, n_init=n_init, tol=1e-5)
    first = clock(lambda: model.fit(X, y, session_starts=starts))[1]
    found = [clock(lambda: model.fit(X, y, session_starts=starts))[1:] for _ in range(5)]
    walls, cpus = np.array(found).T
    out = {
        "ours_first_call_s": first,
        "ours_s": walls.tolist(),
        "ours_cpu_over_wall": float(np.median(cpus / walls)),
        "ours_best_objective": float(model.restarts_["objective"].max()),
        "finished": int(model.restarts_["finished"].sum()),
    }
    if nemos is None:
        return out
    steps = row["nemos_steps_to_level"] or 60
    with jax.enable_x64(True):
        seconds = []
        for seed in range(n_init):
            peer = nemos.glm_hmm.GLMHMM(3, regularizer_strength=1.0, maxiter=steps)
            begin_at = tuple(jnp.asarray(a) for a in start(seed))
            seconds.append(
                clock(lambda p=peer, b=begin_at: p.fit(jnp.asarray(X), jnp.asarray(y), b))[1]
            )
    stepped = n_init * float(np.median([run["nemos_s"] for run in row["runs"]]))
    out |= {
        "nemos_iterations_per_fit": steps,
        "nemos_fits_s": seconds,
        "ratio": float(np.sum(seconds) / np.median(walls)),
        "ratio_to_our_first_call": float(np.sum(seconds) / first),
        "ratio_without_nemos_compiling": stepped / float(np.median(walls)),
    }
    return out


def dynamax_run(X, y):
    """Return a function from a number of iterations to the fitted parameters."""
    from dynamax.hidden_markov_model import LogisticRegressionHMM

    coef, intercept, _, initial, transition = start(1)
    with jax.enable_x64(True):
        hmm = LogisticRegressionHMM(
            3,
            4,
            initial_probs_concentration=1 + 1e-6,  # at 1 its mode is NaN where a count is 0
            transition_matrix_concentration=1 + 1e-6,
            emission_matrices_scale=1.0,
            m_step_num_iters=50,
        )
        params, props = hmm.initialize(
            jax.random.PRNGKey(0),
            initial_probs=jnp.asarray(initial),
            transition_matrix=jnp.asarray(transition),
            emission_weights=jnp.asarray(coef.T),
            emission_biases=jnp.asarray(intercept),
        )

    def fit(n):
        with jax.enable_x64(True):
            fitted, _ = hmm.fit_em(
                params, props, jnp.asarray(y), inputs=jnp.asarray(X), num_iters=n, verbose=False
            )
            return jax.block_until_ready(fitted)

    def read(fitted):
        e = fitted.emissions
        p, q = (np.asarray(a) for a in (fitted.transitions.transition_matrix, fitted.initial.probs))
        return np.asarray(e.weights).T, np.asarray(e.biases), np.ones(3), q / q.sum(), rows(p)

    return fit, read


def rows(p):
    """Return rows that sum to one to the last digit."""
    return p / p.sum(axis=1, keepdims=True)


def ssm_run(X, y):
    """Return a function from a number of iterations to the fitted parameters."""
    import ssm

    coef, intercept, _, initial, transition = start(1)
    design = np.column_stack([X, np.ones(len(X))])
    choices = y.astype(int)[:, None]

    def fit(n):
        peer = ssm.HMM(
            3,
            1,
            5,
            observations="input_driven_obs",
            observation_kwargs={"C": 2, "prior_sigma": 1.0},
            transitions="standard",
        )
        peer.observations.params = -np.vstack([coef, intercept]).T[:, None, :]
        peer.transitions.params = [np.log(transition)]
        peer.init_state_distn.params = [np.log(initial)]
        peer.fit(choices, inputs=design, method="em", num_iters=n, initialize=False, verbose=0)
        return peer

    def read(peer):
        w = -np.asarray(peer.observations.params)[:, 0].T
        p, q = np.exp(peer.transitions.params[0]), np.exp(peer.init_state_distn.params[0])
        return w[:4], w[4], np.ones(3), q / q.sum(), rows(p)

    return fit, read


def against(make, n_trials, counts=(1, 3, 6, 12, 25, 50)):
    """Return times to the best level that a peer reaches."""
    X, y, starts = problem(n_trials, 1)
    fit, read = make(X, y)
    first = clock(lambda: fit(1))[1]
    seconds, values = [], []
    for n in counts:
        fitted, _, _ = clock(lambda n=n: fit(n))
        walls = [clock(lambda n=n: fit(n))[1] for _ in range(2)]
        seconds.append(min(walls))
        values.append(objective(read(fitted), X, y, starts))
    trace = trace_of(ours(X, y, starts, start(1)))
    level = min(max(values), trace[-1]) - WITHIN
    at = reaches(values, level)
    arrived = reaches(trace, level)
    ours(X, y, starts, start(1), maxiter=arrived)
    walls = [clock(lambda: ours(X, y, starts, start(1), maxiter=arrived))[1] for _ in range(5)]
    return {
        "n_trials": n_trials,
        "iterations": list(counts),
        "peer_s": seconds,
        "peer_objective": values,
        "peer_first_call_s": first,
        "ours_objective": float(trace[-1]),
        "peer_stays_below_ours_by": float(trace[-1] - max(values)),
        "common_level": level,
        "peer_s_to_level": seconds[at - 1],
        "ours_s_to_level": float(np.median(walls)),
        "ratio": seconds[at - 1] / float(np.median(walls)),
    }


def cost(*, toy=False):
    """Return milliseconds per EM iteration against trials, states and regressors."""
    out = []
    base = {"n": 500 if toy else 10_000, "k": 3, "d": 4}
    values_of = {
        "n": (2_500, 5_000, 10_000, 20_000, 40_000, 80_000),
        "k": (2, 3, 4, 6, 8),
        "d": (2, 4, 7, 15, 30),
    }
    for name, values in {"n": (500, 1_000)}.items() if toy else values_of.items():
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
                walls.append(wall / max(model.solver_state_.iterations, 1))
            out.append({"varied": name, **at, "ms_per_iteration": 1e3 * float(np.median(walls))})
    return out


def peak_kb():
    """Return the most memory that this process ever held, in kB.

    Linux' ru_maxrss starts at what the parent held, and says nothing of a child smaller than that.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s*(\d+) kB", status.read_text())[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def memory(*, toy=False):
    """Return how much a fit raises the peak memory of a fresh process, over trials."""
    code = (
        "import sys, warnings; warnings.simplefilter('ignore');"
        "sys.path.insert(0, sys.argv[2]); import bench;"
        "n = int(sys.argv[1]); X, y, s = bench.problem(2_000, 1);"
        "bench.ours(X, y, s, bench.start(1), 1e-3);"
        "X, y, s = bench.problem(n, 1);"
        "before = bench.peak_kb();"
        "bench.ours(X, y, s, bench.start(1), 1e-3);"
        "print(bench.peak_kb() - before)"
    )
    out = []
    for n in (5_000,) if toy else (50_000, 100_000, 200_000, 400_000):
        done = subprocess.run(
            [sys.executable, "-c", code, str(n), str(Path(__file__).parent)],
            capture_output=True,
            text=True,
            check=True,
        )
        out.append({"n_trials": n, "grown_mb": int(done.stdout) / 1024})
    return out


def draw(results, folder):
    """Write the curves of log-likelihood over time, and those of cost and memory."""
    with shared.style():
        for row in results.get("nemos", []):
            ax = shared.axes(None)
            best = max(*row["ours_trace"], *row["nemos_trace"])
            run = row["runs"][0]
            gap = np.maximum(best - np.array(row["nemos_trace"]), 1e-7)
            ax.loglog(run["nemos_curve_s"], gap, label="nemos, stepped")
            mine = np.array(row["ours_trace"])
            at = run["ours_to_tol_s"] * np.arange(1, len(mine) + 1) / len(mine)
            ax.loglog(at, np.maximum(best - mine, 1e-7), label="neuroloom")
            ax.axhline(WITHIN, color="0.6", linewidth=0.8, linestyle="--")
            title = f"{row['n_trials']:,} trials, {row['n_sessions']} sessions"
            ax.set(xlabel="time, compiled (s)", ylabel="nats below the best", title=title)
            ax.legend(frameon=False)
            name = f"bench-glmhmm-{row['n_trials']}-{row['n_sessions']}.png"
            ax.figure.savefig(folder / name, dpi=120)
        labels = {"n": "trials", "k": "states", "d": "regressors"}
        for name, label in labels.items():
            part = [r for r in results.get("cost", []) if r["varied"] == name]
            if part:
                ax = shared.axes(None)
                ax.plot([r[name] for r in part], [r["ms_per_iteration"] for r in part], marker="o")
                ax.set(xlabel=label, ylabel="ms per iteration", ylim=(0, None))
                ax.figure.savefig(folder / f"bench-glmhmm-cost-{name}.png", dpi=120)
        if results.get("memory"):
            ax = shared.axes(None)
            part = results["memory"]
            ax.plot([r["n_trials"] for r in part], [r["grown_mb"] for r in part], marker="o")
            ax.set(xlabel="trials", ylabel="memory of a fit (MB)", ylim=(0, None))
            ax.figure.savefig(folder / "bench-glmhmm-memory.png", dpi=120)


def version(name):
    """Return the installed version, None without one."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def main():
    """Run what was asked for; results are written after each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("bench-glmhmm.json"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=45, help="steps of nemos")
    parser.add_argument("--sizes", type=int, nargs="*", default=None, help="numbers of trials")
    parser.add_argument("--skip", nargs="*", default=[])
    parser.add_argument("--toy", action="store_true", help="small, no peer, to try the script")
    parser.add_argument("--peers", default=None, help="Python of an environment with the peers")
    parser.add_argument("--cold", nargs=4, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.toy:
        options.skip += ["nemos", "dynamax", "ssm", "restarts"]
    if options.peers:
        rest, at = sys.argv[1:], sys.argv.index("--peers") - 1
        os.execv(options.peers, [options.peers, __file__, *rest[:at], *rest[at + 2 :]])
    if options.cold:
        one_cold_fit(options.cold[0], *map(int, options.cold[1:]))
        return
    results = json.loads(options.out.read_text()) if options.out.is_file() else {}
    results |= {"cores": len(os.sched_getaffinity(0)), "load_before": os.getloadavg()}
    names = ("neuroloom-glmhmm", "nemos", "dynamax", "ssm", "jax")
    results["versions"] = {name: version(name) for name in names}

    def keep(name, value):
        results[name] = value
        results["load_after"] = os.getloadavg()
        options.out.write_text(json.dumps(results, indent=1))
        print(name, flush=True)

    nemos = None
    if results["versions"]["nemos"]:
        import nemos
    elif "nemos" not in options.skip:
        print("nemos is not installed: see the head of this file")
    if nemos and "nemos" not in options.skip:
        rows_ = []
        for n_trials, n_sessions in SIZES:
            if options.sizes is None or n_trials in options.sizes:
                row = against_nemos(nemos, n_trials, n_sessions, options.repeats, options.steps)
                rows_.append(row)
                keep("nemos", rows_)
                print({k: v for k, v in row.items() if "trace" not in k and k != "runs"})
    rows_ = results.get("nemos", [])
    if rows_ and nemos and "cold" not in options.skip:
        keep("cold", cold(rows_))
        print(results["cold"])
    ten = next((r for r in rows_ if (r["n_trials"], r["n_sessions"]) == (10_000, 1)), None)
    if "restarts" not in options.skip:
        keep("restarts", restarts(nemos if ten else None, ten))
        print(results["restarts"])
    for name, make in (("dynamax", dynamax_run), ("ssm", ssm_run)):
        if results["versions"][name] and name not in options.skip:
            keep(name, [against(make, n) for n in (2_000, 10_000)])
            print(results[name])
    for name, function in (("cost", cost), ("memory", memory)):
        if name not in options.skip:
            keep(name, function(toy=options.toy))
            print(results[name])
    keep("peak_mb", peak_kb() / 1024)
    draw(results, options.out.parent)


if __name__ == "__main__":
    main()
