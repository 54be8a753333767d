"""Diffusion as arithmetic: noise schedules and samplers over a callable. Knows no network."""
