"""
What happened in each trial?
============================

Conditions, choices and rewards of trials, one row per trial.
"""

from neuroloom import tasks
from neuroloom.shared.plots import trials_table

trials = tasks.ideal_trials("PerceptualDecisionMaking-v0", 60, seed=1)
trials_table(trials, "stimulus", "choice", "correct", first=12)
