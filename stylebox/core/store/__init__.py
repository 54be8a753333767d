"""Weights files and installed models."""
