"""
Does my animal switch strategies, and among how many?
=====================================================

Cross-validated likelihood of held-out sessions, for one to four states. The simulated animal
has three.
"""

import neuroloom.glmhmm as nmo
from neuroloom import tasks

trials = tasks.switching_trials("PerceptualDecisionMaking-v0", 3000, sessions=10, seed=1)
design = nmo.design_matrix(trials, stimulus="stimulus", win_stay_lose_switch=False)

found = nmo.cross_validate(
    design, n_states=(1, 2, 3, 4), model=nmo.GLMHMM(2, n_init=2, seed=0), progress=False
)
print(found.table[["bits_per_trial", "standard_error", "bic"]].round(4))
nmo.plot_cross_validation(found)
