"""
Does the fit recover the true states?
=====================================

The simulated animal's true states above, and the model's state probabilities below.
"""

import neuroloom.glmhmm as nmo
from neuroloom import tasks

trials = tasks.switching_trials("PerceptualDecisionMaking-v0", 3000, sessions=10, seed=1)
design = nmo.design_matrix(trials, stimulus="stimulus", win_stay_lose_switch=False)
model = nmo.order_states(nmo.GLMHMM(3, n_init=3, seed=0).fit(design), by=0)

import matplotlib.pyplot as plt
import numpy as np

from neuroloom.shared.plots import state_ribbon, style

labels = ("engaged", "biased", "lapsing")
model = nmo.permute_states(model, [0, 2, 1])  # from the order of the stimulus's weights
truth = np.asarray(trials.table["state"], dtype=int)
with style():
    figure, (top, bottom) = plt.subplots(
        2, 1, sharex=True, figsize=(4.8, 3.2), layout="constrained"
    )
    state_ribbon(np.eye(3)[truth][:300], labels=labels, ax=top)
    state_ribbon(model.smooth_proba(design)[:300], ax=bottom)
    bottom.get_legend().remove()
    top.set(xlabel="", ylabel="true state")
    bottom.set(xlabel="trial", ylabel="probability")
