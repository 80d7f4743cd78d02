"""Agents, their trials, and what these say: observers, learners, curves, models of subjects."""

from neuroloom.tasks._behaviour.bounded import BoundedObserver
from neuroloom.tasks._behaviour.curves import Curve, chronometric, psychometric
from neuroloom.tasks._behaviour.diffusion import Diffusion, fit_diffusion
from neuroloom.tasks._behaviour.ideal import IdealObserver, ideal_trials
from neuroloom.tasks._behaviour.learners import QLearner, QLearning, fit_q_learning
from neuroloom.tasks._behaviour.policies import Policy
from neuroloom.tasks._behaviour.run import run_trials
from neuroloom.tasks._behaviour.switching import SwitchingObserver, switching_trials

__all__ = [
    "BoundedObserver",
    "Curve",
    "Diffusion",
    "IdealObserver",
    "Policy",
    "QLearner",
    "QLearning",
    "SwitchingObserver",
    "chronometric",
    "fit_diffusion",
    "fit_q_learning",
    "ideal_trials",
    "psychometric",
    "run_trials",
    "switching_trials",
]
