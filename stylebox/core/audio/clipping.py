"""Sounds beyond full scale, which are turned down as a whole so that they do not clip."""

import numpy as np

CEILING_DB = -0.1  # dBFS; peak of a sound that was turned down


def excess_db(peak: float) -> float:
    """By how many dB a sound has to be turned down; 0.0 if it fits.

    Args:
        peak: Its largest magnitude.
    """
    return 20 * float(np.log10(peak)) - CEILING_DB if peak > 1.0 else 0.0


def turned_down(audio: np.ndarray, decibels: float) -> np.ndarray:
    """A sound that is quieter by some dB; the same at 0.

    Shape:
        Any, float32 -> the same.
    """
    quieter: np.ndarray = audio * np.float32(10 ** (-decibels / 20))
    return quieter
