"""
Does the estimator find the true information?
=============================================

Distributions whose information has a closed form (Czyż et al. 2023), and the estimates of the
Kraskov estimator from 1000 samples of each.
"""

from neuroloom import mi
from neuroloom.shared import axes

tasks = {name: task for name, task in mi.benchmark_tasks().items() if task.dim_x + task.dim_y < 5}
truth, found = [], []
for task in tasks.values():
    x, y = task.sample(1000, seed=0)
    result = mi.run(x, y, estimator="ksg", output_units="nats", verbose=False, random_seed=0)
    truth.append(task.true_mi)
    found.append(result.mi_estimate)

ax = axes()
ax.set(xlabel="true information (nats)", ylabel="estimate (nats)", aspect="equal")
ax.plot([0, max(truth)], [0, max(truth)], color="0.6", label="truth")
ax.plot(truth, found, "o", label=f"{len(tasks)} distributions")
ax.legend()
