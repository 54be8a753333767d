"""Evaluation of a model: cases, systems, metrics, and confidence intervals."""
