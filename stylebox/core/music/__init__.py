"""The facts of music: notes, instruments, registers. Knows no network and no audio."""
