"""Checks of a recording before it is used for training."""
