"""Records from a sound card and keeps the takes on disk."""
