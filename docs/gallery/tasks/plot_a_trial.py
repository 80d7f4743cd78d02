"""
What does the subject see in a trial?
=====================================

One call draws a trial: what the task shows, and what would be right.
"""

from neuroloom import tasks

print(tasks.card("PerceptualDecisionMaking-v1")[:300])
tasks.plot_trial("PerceptualDecisionMaking-v1", seed=3)
