"""
Does the subject use the block structure?
=========================================

The IBL task: the ideal observer's curves shift with the probability of a side.
"""

from neuroloom import tasks
from neuroloom.shared import axes

trials = tasks.ideal_trials("IBL-v1", 9000, seed=1)
ax = axes()
for p_left, block in trials.table.groupby("probabilityLeft"):
    tasks.psychometric(block, stimulus="stimulus").plot(ax=ax, label=f"left {p_left:.0%}")
ax.set(xlabel="contrast, positive on the right", ylabel="fraction of choices to the right")
ax.legend(title="probability of")
ax.legend()
