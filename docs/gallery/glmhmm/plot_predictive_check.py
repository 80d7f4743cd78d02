"""
Does the model behave like the animal?
======================================

Simulated behaviour of the fitted model compared with the real behaviour: how long choices repeat,
how they follow the stimulus, and how long states last. Dots outside the band show what the model
lacks.
"""

import neuroloom.glmhmm as nmo
from neuroloom import tasks

trials = tasks.switching_trials("PerceptualDecisionMaking-v0", 1500, sessions=5, seed=1)
design = nmo.design_matrix(trials, stimulus="stimulus", win_stay_lose_switch=False)
model = nmo.order_states(nmo.GLMHMM(3, n_init=3, seed=0).fit(design), by=0)

check = nmo.predictive_check(model, design, n_samples=50, seed=0)
check.plot().set_size_inches(6.4, 2.6)
