"""
How do speed and accuracy trade off?
====================================

An observer that responds when the evidence reaches a bound, in the reaction-time version of a
task: hard trials take longer.
"""

import matplotlib.pyplot as plt
import numpy as np

from neuroloom import tasks

task = tasks.get_task("perceptualdecisionmaking.roitman02-v0", dt=20, sigma=1.5)
places = tuple(list(task.periods).index(name) for name in ("onset", "stimulus"))
figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3), layout="constrained")
for bound in (0.5, 1.0):
    model = tasks.Diffusion(1 / (task.sigma * np.sqrt(2e-3)), bound=bound, non_decision=0.0)
    observer = model.observer(20, periods=places)
    trials = tasks.run_trials(task, observer, 3000, sessions=128, seed=3)
    tasks.psychometric(trials).plot(ax=left, label=f"bound {bound}")
    tasks.chronometric(trials).plot(ax=right, label=f"bound {bound}")
left.set(xlabel="coherence (%)", ylabel="fraction correct")
right.set(xlabel="coherence (%)", ylabel="mean reaction time (s)")
left.legend()
