"""Parts of the hidden Markov chain, under the reference's module path."""

from neuroloom.glmhmm.hmm import initialize_parameters

__all__ = ["initialize_parameters"]
