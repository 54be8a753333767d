"""One training loop, its state on disk, and the stages it runs."""
