"""NeuroGym's paths of task modules: ``from …envs.native.annubes import AnnubesEnv``."""

from neuroloom.tasks._neurogym.classes import provide

provide(__name__)
