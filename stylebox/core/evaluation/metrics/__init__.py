"""The metrics of an evaluation, one module per property."""
