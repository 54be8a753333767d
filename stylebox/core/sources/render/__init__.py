"""Scores and the instruments that play them: SoundFonts and recorded notes."""
