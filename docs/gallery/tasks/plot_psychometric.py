"""
What is the best possible performance?
======================================

Psychometric curves of the ideal observer, which knows the task, and of an agent that guesses.
"""

from neuroloom import tasks

ideal = tasks.ideal_trials("PerceptualDecisionMaking-v0", 8000, seed=1)
guess = tasks.run_trials("PerceptualDecisionMaking-v0", "random", 2000, seed=1)
ax = tasks.psychometric(ideal).plot(label="ideal observer")
tasks.psychometric(guess).plot(ax=ax, label="random agent")
ax.set(xlabel="coherence (%)", ylabel="fraction correct")
ax.legend()
