"""Checks of a recording before training: clipping, silence, dead channels, speech, several instruments.

Reports possible faults; leaves no recording out.
"""

from pathlib import Path

import numpy as np

from stylebox.core.audio.channels import channel_faults
from stylebox.core.config import MelConfig
from stylebox.core.data.dataset import AUDIO_FULL_SCALE
from stylebox.core.data.quality.solo_detector import SUSPICIOUS, multi_instrument_probability, shipped_solo_detector
from stylebox.core.data.quality.speech import spoken_stretches

_QUIET_FRAME, _QUIET_SHARE = 1, 0.5  # largest mel value of a silent frame; share of such frames worth a warning


def find_problems(source: Path, audio: np.ndarray, mel: np.ndarray, config: MelConfig) -> tuple[str, ...]:
    """Possible faults of a recording, one clause each.

    Args:
        source: The file, for faults that mixing hides.
        audio: The mix at the common loudness.
        mel: Its 8-bit mel.
        config: Settings of the mel.

    Shape:
        ``audio`` is ``(S,)``, ``mel`` ``(T, M)``.
    """
    found = channel_faults(source)
    quiet = float(np.mean(mel.max(axis=1) <= _QUIET_FRAME))
    if quiet > _QUIET_SHARE:
        found.append(f"{quiet:.0%} of it is silence")
    if max(audio.max(), -audio.min()) > AUDIO_FULL_SCALE:
        found.append("its peaks are more than 35 dB above its loudness and were cut")
    speech = spoken_stretches(audio, config.sample_rate)
    if speech:
        times = ", ".join(f"{_clock(start)} to {_clock(end)}" for start, end in speech[:3])
        more = f" and {len(speech) - 3} times more" if len(speech) > 3 else ""
        found.append(f"no pitch holds still from {times}{more}: speech, or noise?")
    elif multi_instrument_probability(shipped_solo_detector(), audio, config.sample_rate) > SUSPICIOUS:
        found.append("sounds like several instruments, or like one with drums")
    return tuple(found)


def _clock(seconds: float) -> str:
    """`1:30` of 90 seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
