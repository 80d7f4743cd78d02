"""
How much do animals differ?
===========================

One model for all animals first, then one for each, regularised towards it where an animal has
few trials.
"""

import numpy as np
import pandas as pd

import neuroloom.glmhmm as nmo
from neuroloom import tasks
from neuroloom.shared import axes

table = pd.concat(
    tasks.switching_trials(
        "PerceptualDecisionMaking-v0", 1500, sessions=5, bias=bias, seed=seed
    ).table.assign(subject=f"mouse {seed}")
    for seed, bias in enumerate((0.75, 0.85, 0.95))
)
design = nmo.design_matrix(table, stimulus="stimulus", win_stay_lose_switch=False)
subjects = np.asarray(table["subject"])
everyone = nmo.fit_global(
    design.X, design.y, design.session_starts, n_states=2, n_init=3, sigma=1.0
)
found = nmo.fit_subjects(
    design.X, design.y, subjects, design.session_starts, global_model=everyone, folds=2
)

ax = axes()
ax.set(xlabel="state", ylabel="weight of the stimulus (per SD)")
for place, (name, model) in enumerate(found.models.items()):
    model = nmo.permute_states(model, nmo.match_states(model, everyone))
    ax.plot(np.arange(2) + 0.05 * place, np.squeeze(model.coef_)[0], "o", label=name)
ax.set_xticks(range(2), ["state 1", "state 2"])
ax.legend()
