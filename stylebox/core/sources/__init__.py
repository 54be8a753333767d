"""Where recordings come from: downloads, rendered scores, the microphone."""
