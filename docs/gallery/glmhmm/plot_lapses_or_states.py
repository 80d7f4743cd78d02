"""
Does the animal lapse, or switch states?
========================================

A GLM, a GLM with lapses and GLM-HMMs fitted to the same choices and compared by the Bayesian
information criterion.
"""

import neuroloom.glmhmm as nmo
from neuroloom import tasks

trials = tasks.switching_trials("PerceptualDecisionMaking-v0", 3000, sessions=10, seed=1)
design = nmo.design_matrix(trials, stimulus="stimulus", win_stay_lose_switch=False)

from neuroloom.shared import axes

bic = {"GLM": nmo.information_criteria(nmo.fit_glm(design.X, design.y), design.X, design.y).bic}
for n in (2, 3):
    model = nmo.GLMHMM(n, n_init=2, seed=0).fit(design)
    bic[f"{n} states"] = nmo.information_criteria(model, design).bic

ax = axes()
ax.set(ylabel="BIC above the best", xlabel="model")
ax.bar(list(bic), [value - min(bic.values()) for value in bic.values()])
