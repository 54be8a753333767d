"""Recordings as training data: manifest, mels, splits, examples."""
