"""
Are dwell times those of a Markov chain?
========================================

How long the animal stays in a state, with the geometric distribution of a Markov chain. Stays cut
short by the end of a session are treated as censored.
"""

import neuroloom.glmhmm as nmo
from neuroloom import tasks

trials = tasks.switching_trials("PerceptualDecisionMaking-v0", 3000, sessions=10, seed=1)
design = nmo.design_matrix(trials, stimulus="stimulus", win_stay_lose_switch=False)
model = nmo.order_states(nmo.GLMHMM(3, n_init=3, seed=0).fit(design), by=0)

for stays, times in zip(
    nmo.dwell_stays(model, design), nmo.dwell_times(model, design), strict=True
):
    print(len(times), "stays seen to the end; estimate:", stays)
nmo.plot_dwell_times(model, design)
