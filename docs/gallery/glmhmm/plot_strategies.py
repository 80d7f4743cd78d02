"""
What does the animal do in each state?
======================================

Weights of each state on the regressors, with 95 % intervals from the curvature of the
likelihood.
"""

import neuroloom.glmhmm as nmo
from neuroloom import tasks

trials = tasks.switching_trials("PerceptualDecisionMaking-v0", 3000, sessions=10, seed=1)
design = nmo.design_matrix(trials, stimulus="stimulus", win_stay_lose_switch=False)
model = nmo.order_states(nmo.GLMHMM(3, n_init=3, seed=0).fit(design), by=0)

errors = nmo.standard_errors(model, design)
nmo.plot_weights(model, features=design.features, errors=errors)
