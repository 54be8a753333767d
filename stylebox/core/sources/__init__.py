"""Where recordings come from: rendered scores, downloads, the microphone."""
