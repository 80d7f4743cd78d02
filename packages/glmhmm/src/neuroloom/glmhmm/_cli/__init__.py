"""The command ``neuroloom-glmhmm``."""
