"""Hidden Markov models in plain numpy and logarithms, for comparison."""

import numpy as np
from scipy.special import logsumexp


def log(p):
    with np.errstate(divide="ignore"):
        return np.log(p)


def forward_backward(log_p, initial, transition, starts=None):
    """Return log-likelihood, smoothed and filtered probabilities; `transition` may be per trial."""
    n, k = log_p.shape
    starts = np.arange(n) == 0 if starts is None else starts
    every = np.broadcast_to(transition, (n, k, k))
    alpha, ahead = np.empty((n, k)), np.empty(n)
    for t in range(n):
        before = log(initial) if starts[t] else logsumexp(alpha[t - 1][:, None] + log(every[t]), 0)
        alpha[t] = before + log_p[t]
        ahead[t] = logsumexp(alpha[t])
        alpha[t] -= ahead[t]
    beta = np.zeros((n, k))
    for t in range(n - 2, -1, -1):
        if not starts[t + 1]:
            beta[t] = logsumexp(log(every[t + 1]) + log_p[t + 1] + beta[t + 1], axis=1)
            beta[t] -= ahead[t + 1]
    return ahead.sum(), np.exp(alpha + beta), np.exp(alpha)


def viterbi(log_p, initial, transition, starts=None):
    """Return the most likely path and its log probability."""
    n, k = log_p.shape
    starts = np.arange(n) == 0 if starts is None else starts
    every = np.broadcast_to(transition, (n, k, k))
    best, source = np.empty((n, k)), np.zeros((n, k), int)
    for t in range(n):
        if starts[t]:
            done = best[t - 1].max() if t else 0.0
            best[t] = log(initial) + log_p[t] + done
            source[t] = best[t - 1].argmax() if t else 0
        else:
            scores = best[t - 1][:, None] + log(every[t])
            source[t] = scores.argmax(axis=0)
            best[t] = scores.max(axis=0) + log_p[t]
    path = [int(best[-1].argmax())]
    for t in range(n - 1, 0, -1):
        path.append(int(source[t][path[-1]]))
    return np.array(path[::-1]), best[-1].max()


def path_value(path, log_p, initial, transition, starts=None):
    """Return the log probability of a path and the data."""
    n, k = log_p.shape
    starts = np.arange(n) == 0 if starts is None else starts
    every = np.broadcast_to(transition, (n, k, k))
    total = log_p[np.arange(n), path].sum()
    for t in range(n):
        step = initial[path[t]] if starts[t] else every[t][path[t - 1], path[t]]
        total += log(step)
    return total
