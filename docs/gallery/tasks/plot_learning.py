"""
Can a learning rate be estimated from choices?
==============================================

A Q-learner on a bandit, and the learning rate estimated from its choices.
"""

import numpy as np

from neuroloom import tasks
from neuroloom.shared import axes

agent = tasks.behaviour.QLearner(2, learning_rate=0.2, inverse_temperature=4.0, seed=1)
trials = tasks.run_trials("Bandit-v0", agent, 600, seed=2, p=(0.2, 0.8))
fitted = tasks.behaviour.fit_q_learning(trials)
print(fitted)
reward = np.asarray(trials.table["reward"], float)
smooth = np.convolve(reward, np.ones(30) / 30, "valid")
ax = axes()
ax.set(xlabel="trial", ylabel="reward per trial, mean of 30")
ax.plot(np.arange(30, 601), smooth)
ax.set_title(f"learning rate 0.2, found {fitted.learning_rate:.2f}")
