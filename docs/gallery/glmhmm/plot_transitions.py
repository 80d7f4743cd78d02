"""
How stable is each state?
=========================

The probability of moving from one state to another from one trial to the next.
"""

import neuroloom.glmhmm as nmo
from neuroloom import tasks

trials = tasks.switching_trials("PerceptualDecisionMaking-v0", 3000, sessions=10, seed=1)
design = nmo.design_matrix(trials, stimulus="stimulus", win_stay_lose_switch=False)
model = nmo.order_states(nmo.GLMHMM(3, n_init=3, seed=0).fit(design), by=0)

nmo.plot_transitions(model)
