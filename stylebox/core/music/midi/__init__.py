"""MIDI files: finding, reading and writing them. Knows notes and no audio."""
