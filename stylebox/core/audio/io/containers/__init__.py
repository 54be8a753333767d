"""What the bytes of a sound file say of the sound in them: where, how long, what is missing. Decodes nothing."""
