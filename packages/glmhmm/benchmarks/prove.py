"""Slow proofs: a hard mouse, recovery, coverage of intervals, the whole published protocol.

Run by ``nox -s "prove(glmhmm)"``; writes JSON, and the rows of long proofs beside it as they come:
a run that was broken off goes on where it was. The recordings are taken from the folder in
``NEUROLOOM_DATA``; without it the proofs on mice are skipped, and the file says so.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from pathlib import Path

import jax
import numpy as np
import prove_models
from rows import Rows

from neuroloom.glmhmm import (
    GLMHMM,
    fit_protocol,
    match_states,
    parametric_bootstrap,
    permute_states,
    standard_errors,
)
from neuroloom.glmhmm._em.batch import fit_all
from neuroloom.glmhmm._em.compile import double_precision
from neuroloom.glmhmm._em.multi_start import multi_start
from neuroloom.glmhmm._estimator.fitting import pooled_fit, starting_point
from neuroloom.glmhmm._estimator.problem import pose, posed
from neuroloom.glmhmm._estimator.reading import read_data
from neuroloom.glmhmm._estimator.results import set_fitted

COEF = np.array([[4.0, 1.0, 1.0], [0.3, 0.2, 0.2], [0.1, 0.4, 0.4], [0.2, -0.1, 0.1]])
INTERCEPT = np.array([0.1, 1.5, -1.5])
TRANSITION = np.array([[0.96, 0.02, 0.02], [0.03, 0.95, 0.02], [0.02, 0.03, 0.95]])
INITIAL = np.array([0.5, 0.25, 0.25])


def truth(**options):
    model = GLMHMM(3, **options)
    model.coef_, model.intercept_, model.scale_ = COEF.copy(), INTERCEPT.copy(), np.ones(3)
    model.initial_prob_, model.transition_prob_ = INITIAL.copy(), TRANSITION.copy()
    return model


def simulated(seed, n_trials, session):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_trials, 4))
    starts = np.arange(n_trials) % session == 0
    y, _, states = truth().simulate(seed, X, session_starts=starts)
    return X, np.asarray(y), starts, states


def mice():
    folder = os.environ.get("NEUROLOOM_DATA")
    if not folder:
        return None
    with np.load(Path(folder) / "ibl_2afc_share10.npz", allow_pickle=False) as file:
        d = {name: file[name] for name in file.files}
    d["X"] = np.column_stack([d["stim_z"], d["prev_choice"], d["wsls"]]).astype(float)
    d["y"] = np.where(d["choice"] < 0, np.nan, d["choice"]).astype(float)
    d["starts"] = np.append(True, np.diff(d["session"]) != 0)
    return d


HARD = {"regularizer_strength": 0.25, "missing": "mask", "tol": 1e-5}


def random_starts(d, mouse, n_random, k=4):
    """Return the objectives that the published starts lead to: the GLM's weights + N(0, 0.2²)."""
    rows = d["subject"] == mouse
    X, y, starts = d["X"][rows], d["y"][rows], d["starts"][rows]
    model = GLMHMM(k, **HARD)
    data = read_data(model, X, y, starts)
    rng = np.random.default_rng(2022 + mouse)
    with double_precision():
        problem = pose(model, data)
        first = starting_point(model, data, None, None, np.zeros(X.shape[1]))
        pooled = np.asarray(pooled_fit(model, problem).weights)
        noise = 0.2 * rng.normal(size=(n_random, k, *pooled.shape[1:]))
        every = jax.tree.map(lambda a: np.repeat(np.asarray(a)[None], n_random, axis=0), first)
        every = every._replace(weights=pooled[None] + noise)
        found = multi_start(
            every, problem.trials, problem.prior, 1e-4, 400, problem.static, finalists="all"
        )
    return found.report["objective"].to_numpy()


def hard_mouse(rows, n_random=500, n_runs=10):
    """On the mouse that random starts serve worst: does the default multi-start find their best?"""
    d = mice()
    if d is None:
        return "skipped: NEUROLOOM_DATA is not set"

    def found(mouse):
        begin = time.perf_counter()
        objective = random_starts(d, mouse, n_random)
        took = time.perf_counter() - begin
        of_mouse = d["subject"] == mouse
        seconds, runs = [], []
        for seed in range(n_runs):
            begin = time.perf_counter()
            one = GLMHMM(4, n_init="auto", seed=seed, **HARD)
            one.fit(d["X"][of_mouse], d["y"][of_mouse], session_starts=d["starts"][of_mouse])
            seconds.append(time.perf_counter() - begin)
            runs.append(one.restarts_["objective"].max())
        best = float(objective.max())
        return {
            "seconds_of_random_starts": took,
            "share_of_random_starts_within_0.1": float((objective > best - 0.1).mean()),
            "best_of_random": best,
            "default_runs": runs,
            "runs_within_0.1_of_best_of_random": int(np.sum(np.array(runs) > best - 0.1)),
            "median_seconds_per_run": float(np.median(seconds)),
            "rewarded": float((d["reward"][of_mouse] > 0).mean()),
        }

    every = rows.each(range(10), found, n_random=n_random, n_runs=n_runs)
    out = {str(d["subjects"][mouse]): one for mouse, one in enumerate(every)}
    hardest = min(out, key=lambda name: out[name]["share_of_random_starts_within_0.1"])
    return {
        "n_random": n_random,
        "n_runs": n_runs,
        "hardest": hardest,
        "hit_rate_of_hardest": out[hardest]["share_of_random_starts_within_0.1"],
        "runs_that_found_the_best_on_hardest": out[hardest]["runs_within_0.1_of_best_of_random"],
        "mice": out,
    }


def recovery(rows, n_seeds=10):
    """Three states, 10,000 trials: is the fit at least as likely as the truth, and how near?"""

    def found(seed):
        X, y, starts, states = simulated(seed, 10_000, 500)
        model = GLMHMM(3, regularizer_strength=1e-2, n_init=10, seed=seed, tol=1e-6)
        model.fit(X, y, session_starts=starts)
        true = truth()
        model_sorted = permute_states(model, match_states(model, true))
        errors = standard_errors(model_sorted, X, y, starts)
        z = np.abs(model_sorted.coef_ - COEF) / errors.coef
        decoded = model_sorted.decode_state(X, y, starts, state_format="index")
        best = true.decode_state(X, y, starts, state_format="index")
        return {
            "seed": seed,
            "log_likelihood": model.score(X, y, starts),
            "log_likelihood_of_truth": true.score(X, y, starts),
            "median_error_in_standard_errors": float(np.median(z)),
            "largest_error_engaged_stimulus": float(abs(model_sorted.coef_[0, 0] - 4)),
            "largest_other_error": float(
                np.abs(np.delete((model_sorted.coef_ - COEF).ravel(), 0)).max()
            ),
            "error_of_stays": float(
                np.abs(np.diag(model_sorted.transition_prob_ - TRANSITION)).max()
            ),
            "accuracy": float((decoded == states).mean()),
            "accuracy_of_truth": float((best == states).mean()),
        }

    out = rows.each(range(n_seeds), found)
    return {
        "as_likely_as_truth": sum(r["log_likelihood"] >= r["log_likelihood_of_truth"] for r in out),
        "runs": out,
    }


def coverage(rows, n_sets=120, n_trials=5_000, session=250, n_bootstrap=100):
    """How often do 95 % intervals hold the truth, and does the bootstrap agree?"""
    hits, ses, estimates = [], [], []
    model = truth(regularizer_strength=1e-3)
    X, _, starts, _ = simulated(0, n_trials, session)
    draws = [
        np.asarray(model.simulate(1000 + i, X, session_starts=starts)[0]) for i in range(n_sets)
    ]
    found = posed(model, X, draws[0], starts)
    problem, core = found.problem, found.core
    with double_precision():
        put = problem.layout.put
        every = [problem.trials._replace(y=put(y[:, None], 0.0)) for y in draws]
        fits = fit_all([core] * n_sets, every, [problem.prior], 1e-6, 500, problem.static, 512)
    for y, fit in zip(draws, fits, strict=True):
        one = truth(regularizer_strength=1e-3)
        set_fitted(one, fit.parameters, problem.data)
        one = permute_states(one, match_states(one, model))
        errors = standard_errors(one, X, y, starts)
        bounds = errors.intervals(0.95)
        inside = [
            (bounds["coef"][0] <= COEF) & (bounds["coef"][1] >= COEF),
            ((bounds["intercept"][0] <= INTERCEPT) & (bounds["intercept"][1] >= INTERCEPT))[None],
            (bounds["transition_prob"][0] <= TRANSITION)
            & (bounds["transition_prob"][1] >= TRANSITION),
        ]
        hits.append(inside)
        ses.append(errors.coef)
        estimates.append(one.coef_)
    boot = parametric_bootstrap(model, X, starts, n_samples=n_bootstrap, seed=5)
    ratio = boot.standard_error("coef") / np.median(ses, axis=0)
    return {
        "n_sets": n_sets,
        "coverage_of_coefficients": float(np.mean([h[0].mean() for h in hits])),
        "coverage_of_intercepts": float(np.mean([h[1].mean() for h in hits])),
        "coverage_of_transitions": float(np.mean([h[2].mean() for h in hits])),
        "coverage_of_each_coefficient": np.mean([h[0] for h in hits], axis=0).tolist(),
        "spread_over_standard_error": (
            np.std(estimates, axis=0, ddof=1) / np.median(ses, axis=0)
        ).tolist(),
        "bootstrap_over_standard_error": ratio.tolist(),
    }


def protocol(rows, states=(1, 2, 3, 4, 5), n_init="auto"):
    """The published protocol on ten mice, end to end."""
    d = mice()
    if d is None:
        return "skipped: NEUROLOOM_DATA is not set"
    begin, used = time.perf_counter(), time.process_time()
    found = fit_protocol(
        *(d["X"], d["y"], d["subject"], d["starts"]),
        n_states=states,
        n_init=n_init,
        folds=d["fold"],
        resume=rows.folder(),
    )
    scores = found.scores()
    three = found.global_cv.models[3]
    return {
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": time.process_time() - used,
        "global_bits_per_trial": found.global_cv.table["bits_per_trial"].to_dict(),
        "three_states_over_glm": float(
            found.global_cv.table["bits_per_trial"][3] - found.global_cv.table["bits_per_trial"][1]
        ),
        "mice_where_three_beat_two": int((scores[3] > scores[2]).sum()),
        "scores_per_mouse": scores.to_dict(),
        "coef": three.coef_.tolist(),
        "intercept": three.intercept_.tolist(),
        "stay": np.diag(three.transition_prob_).tolist(),
    }


def random_starts_per_mouse(rows, n_init=20):
    """Where a mouse's own random starts reach a better objective: the held-out score of both."""
    d = mice()
    if d is None:
        return "skipped: NEUROLOOM_DATA is not set"
    from neuroloom.glmhmm import fit_global, fit_subjects

    options = {"regularizer_strength": 0.25, "dirichlet_transition_proba": 1 + np.eye(3) * 0 + 1}
    together = fit_global(d["X"], d["y"], d["starts"], n_states=3, n_init=n_init)
    started = fit_subjects(
        *(d["X"], d["y"], d["subject"], d["starts"]), global_model=together, folds=d["fold"]
    )

    def found(mouse):
        of_mouse = d["subject"] == mouse
        X, y, starts = d["X"][of_mouse], d["y"][of_mouse], d["starts"][of_mouse]
        fold = d["fold"][of_mouse]
        bits = []
        for f in np.unique(fold):
            train, test = fold != f, fold == f
            own = GLMHMM(3, missing="mask", n_init=n_init, tol=1e-4, seed=1, **options)
            own.fit(X[train], y[train], session_starts=starts[train])
            rate = np.nanmean(y[train])
            seen = test & np.isfinite(y)
            null = np.sum(y[seen] * np.log(rate) + (1 - y[seen]) * np.log(1 - rate))
            bits.append((own.score(X[test], y[test], starts[test]) - null) / seen.sum() / np.log(2))
        whole = GLMHMM(3, missing="mask", n_init=n_init, tol=1e-4, seed=1, **options)
        whole.fit(X, y, session_starts=starts)
        return {
            "objective_from_global": float(started.table.loc[mouse, "objective"]),
            "objective_of_random_starts": whole.solver_state_.objective,
            "bits_from_global": float(started.table.loc[mouse, "bits_per_trial"]),
            "bits_of_random_starts": float(np.mean(bits)),
        }

    return rows.each(range(10), found, n_init=n_init)


PROOFS = {
    "protocol": protocol,
    "recovery": recovery,
    "coverage": coverage,
    "hard_mouse": hard_mouse,
    "random_starts_per_mouse": random_starts_per_mouse,
    **prove_models.PROOFS,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("prove-glmhmm.json"))
    parser.add_argument("--only", nargs="*", choices=list(PROOFS), default=list(PROOFS))
    options = parser.parse_args()
    results = json.loads(options.out.read_text()) if options.out.is_file() else {}
    warnings.simplefilter("ignore")
    for name in options.only:
        begin = time.perf_counter()
        results[name] = PROOFS[name](
            Rows(options.out.with_name(f"{options.out.stem}-{name}.jsonl"))
        )
        print(name, f"{time.perf_counter() - begin:.0f} s", flush=True)
        options.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
