"""Weights on disk and the installed models."""
