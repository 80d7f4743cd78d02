"""
What does the subject see in a trial?
=====================================

One call draws a trial: the observations and the correct action.
"""

from neuroloom import tasks

print(tasks.card("PerceptualDecisionMaking-v1")[:300])
tasks.plot_trial("PerceptualDecisionMaking-v1", seed=3)
