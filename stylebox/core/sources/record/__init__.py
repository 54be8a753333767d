"""Recording from a sound card, and the takes on disk."""
