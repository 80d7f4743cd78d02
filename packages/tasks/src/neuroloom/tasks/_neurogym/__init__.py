"""The NeuroGym compatibility layer."""
