"""The facts of music: instruments, their registers, how music moves into one. Knows no network and no audio."""
