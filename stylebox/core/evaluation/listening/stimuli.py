"""The sounds of a trial: the hidden reference, two anchors and the systems, all equally loud. Knows no models.

Reference:
    ITU-R BS.1534-3 (2015), Method for the subjective assessment of intermediate quality level of audio systems.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stylebox.core.audio.loudness import LOUDNESS_DB, normalise_loudness

REFERENCE = "hidden reference"
LOW_ANCHOR, MID_ANCHOR = "anchor 3.5 kHz", "anchor 7 kHz"
_ANCHORS_HZ = {LOW_ANCHOR: 3500.0, MID_ANCHOR: 7000.0}
_TRANSITION_HZ = 500.0  # from the edge of the pass band to the full attenuation
_STOP_DB, _PEAK_DB = 60.0, -1.0  # of the anchors' filter; highest peak of a trial's sounds, in dBFS
_FADE_SECONDS = 0.02


@dataclass(frozen=True)
class Stimulus:
    """A sound that listeners grade.

    Attributes:
        system: What made it.
        audio: In [-1, 1].

    Shape:
        audio ``(S,)``.
    """

    system: str
    audio: np.ndarray


@dataclass(frozen=True)
class Trial:
    """Sounds that are compared with one another.

    Attributes:
        name: What is played.
        reference: What the reference is, for people.
        stimuli: The hidden reference first, then anchors and systems; of one length and loudness.
    """

    name: str
    reference: str
    stimuli: list[Stimulus]


def low_pass(audio: np.ndarray, sample_rate: int, edge_hz: float) -> np.ndarray:
    """A sound without what lies above an edge: flat below it, 60 dB down 500 Hz above it, not delayed.

    Args:
        audio: The sound.
        sample_rate: Of it, in Hz.
        edge_hz: Where the pass band ends; beyond half the sample rate nothing is taken away.

    Shape:
        ``(S,)`` -> the same.

    Reference:
        BS.1534-3, annex 3: an anchor has a ripple of 0.1 dB at most, and 25 dB less at 4 kHz, 50 dB at 4.5 kHz.
    """
    from scipy import signal  # slow to import

    nyquist = sample_rate / 2
    if edge_hz + _TRANSITION_HZ >= nyquist:
        return audio
    taps, beta = signal.kaiserord(_STOP_DB, _TRANSITION_HZ / nyquist)
    filter_taps = signal.firwin(taps | 1, edge_hz + _TRANSITION_HZ / 2, window=("kaiser", beta), fs=sample_rate)
    return np.asarray(signal.fftconvolve(audio, filter_taps, mode="same"), np.float32)


def make_trial(
    name: str, description: str, reference: np.ndarray, systems: Mapping[str, np.ndarray], sample_rate: int
) -> Trial:
    """A trial with anchors, equal lengths, equal loudness and one gain that keeps all sounds below clipping.

    Args:
        name: What is played.
        description: What the reference is, for people.
        reference: The best there is.
        systems: The other sounds, by the name of what made them.
        sample_rate: Of all sounds, in Hz.

    Shape:
        Every sound is ``(S,)``; longer ones than the reference are cut, shorter ones end with silence.
    """
    anchors = {system: low_pass(reference, sample_rate, edge) for system, edge in _ANCHORS_HZ.items()}
    sounds = {REFERENCE: reference, **anchors, **systems}
    levelled = {system: _prepared(sound, len(reference), sample_rate) for system, sound in sounds.items()}
    peak = max(float(np.abs(sound).max(initial=0.0)) for sound in levelled.values())
    gain = np.float32(min(1.0, 10 ** (_PEAK_DB / 20) / max(peak, 1e-9)))
    return Trial(name, description, [Stimulus(system, sound * gain) for system, sound in levelled.items()])


def _prepared(audio: np.ndarray, num_samples: int, sample_rate: int) -> np.ndarray:
    """A sound of a length, at the common loudness, faded at both ends so that loops do not click."""
    sound = np.zeros(num_samples, np.float32)
    sound[: len(audio)] = audio[:num_samples]
    sound, _ = normalise_loudness(sound, sample_rate, LOUDNESS_DB)
    fade = np.linspace(0, 1, min(round(_FADE_SECONDS * sample_rate), num_samples // 2), dtype=np.float32)
    sound[: len(fade)] *= fade
    sound[num_samples - len(fade) :] *= fade[::-1]
    return sound
