"""Training data: a dataset built from recordings, its splits, and the examples drawn from it."""
