"""
How much of its time does the animal spend in each state?
=========================================================

Fractions of all trials, and of the trials of each session.
"""

import neuroloom.glmhmm as nmo
from neuroloom import tasks

trials = tasks.switching_trials("PerceptualDecisionMaking-v0", 3000, sessions=10, seed=1)
design = nmo.design_matrix(trials, stimulus="stimulus", win_stay_lose_switch=False)
model = nmo.order_states(nmo.GLMHMM(3, n_init=3, seed=0).fit(design), by=0)

print(nmo.occupancy(model, design, per_session=True).round(2))
nmo.plot_occupancy(model, design)
