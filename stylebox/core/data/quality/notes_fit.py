"""Whether the notes of a MIDI file are those of the recording beside it: at its time, at its pitch, as long as it.

The peaks of the spectrum are correlated with the partials that the notes would have, moved in time and in pitch. Of
notes and sound that belong together, the correlation is highest where they are. Decides nothing: it finds what a
listener should check.
"""

from collections.abc import Sequence

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import uniform_filter1d

from stylebox.core.audio.log_spectrogram import log_bands
from stylebox.core.music.notes import LOWEST_KEY, Note

_STRETCH_SECONDS, _STRETCHES = 30.0, 4  # of the recording that are compared, one by one: another tempo shows in time
_HOP_SECONDS, _FRAME_HOPS = 0.046, 4  # from frame to frame; length of a frame, in hops
_NUM_KEYS = 100  # of the spectrum, from the lowest of a piano up
_RANGE_DB, _SILENT_DB = 60.0, 45.0  # below the loudest peak; a frame so far below the loudest counts as silent
_OCTAVE, _HELD_SECONDS = 13, 1.0  # keys whose mean a peak stands out from; how long a note is looked for
_PARTIALS = {0: 1.0, 12: 0.8, 19: 0.6, 24: 0.5, 28: 0.4, 31: 0.3}  # semitones above a note, and their levels
_MOST_SEMITONES, _MOST_SECONDS, _NEAR_SECONDS = 24, 10.0, 0.15  # by which notes are moved; what counts as in place
_LIKE_STOPS = (-24, -12)  # of an organ, which sound below the keys; notes that are so much too high look the same
# Correlations: what notes gain elsewhere that are misplaced; of notes that fit, and of those that do not.
_BETTER, _GOOD, _POOR = 0.1, 0.3, 0.1
_MIN_NOTES = 5  # fewer show nothing
_LATE_SHARE = 0.1  # of the notes, behind the end of the sound
_UNWRITTEN_SECONDS = 10.0  # of sound behind the last note: more is no echo


def notes_misfits(audio: np.ndarray, sample_rate: int, notes: Sequence[Note]) -> list[str]:
    """Signs that notes are not those of a recording, one clause each.

    Args:
        audio: The recording.
        sample_rate: In Hz.
        notes: In any order.

    Shape:
        audio is ``(S,)``.
    """
    found = []
    seconds = len(audio) / sample_rate
    late = sum(note.start_seconds >= seconds for note in notes)
    if late > _LATE_SHARE * len(notes):
        found.append(f"{late} of {len(notes)} notes begin after the end of the recording")
    loud = np.flatnonzero(np.abs(audio) > np.abs(audio).max(initial=0.0) * 10 ** (-_SILENT_DB / 20))
    unwritten = (loud[-1] / sample_rate if len(loud) else 0.0) - max((note.end_seconds for note in notes), default=0.0)
    if unwritten > _UNWRITTEN_SECONDS:
        found.append(f"the recording goes on for {unwritten:.0f} s after the last note")
    found += next(filter(None, (_misplaced(audio, sample_rate, notes, number) for number in range(_STRETCHES))), [])
    return found


def _misplaced(audio: np.ndarray, sample_rate: int, notes: Sequence[Note], number: int) -> list[str]:
    """Where the notes of one stretch fit, if that is elsewhere."""
    begin = number * _STRETCH_SECONDS
    end = min(begin + _STRETCH_SECONDS, len(audio) / sample_rate)
    compared = [
        note._replace(start_seconds=note.start_seconds - begin, end_seconds=note.end_seconds - begin)
        for note in notes
        if begin <= note.start_seconds < end
    ]
    if len(compared) < _MIN_NOTES:
        return []
    heard = audio[round(begin * sample_rate) : round(end * sample_rate)]
    place = _place(*_correlations(heard, sample_rate, compared))
    return [f"from {begin:.0f} to {end:.0f} s these notes {place}; export it again or delete it"] if place else []


def _place(correlations: np.ndarray, lag_seconds: np.ndarray) -> str:
    """Where the notes fit, if that is elsewhere; empty if it is not.

    Shape:
        ``(semitones, lags)``, from the lowest and the earliest on, and ``(lags,)``.
    """
    here = float(correlations[_MOST_SEMITONES, np.abs(lag_seconds) <= _NEAR_SECONDS].max())
    considered = correlations.copy()
    considered[[_MOST_SEMITONES + semitones for semitones in _LIKE_STOPS]] = -1.0
    row, column = np.unravel_index(int(considered.argmax()), considered.shape)
    best, semitones, lag = float(considered[row, column]), int(row) - _MOST_SEMITONES, float(lag_seconds[column])
    if best - here <= _BETTER and here >= _POOR:
        return ""
    if best < _GOOD:
        return "do not fit the sound"
    moves = [f"{abs(lag):.1f} s {'later' if lag > 0 else 'earlier'}"] if abs(lag) > _NEAR_SECONDS else []
    if semitones:
        plural = "s" * (abs(semitones) != 1)
        moves.append(f"{abs(semitones)} semitone{plural} {'higher' if semitones > 0 else 'lower'}")
    return f"would fit the sound better {' and '.join(moves)}"


def _correlations(audio: np.ndarray, sample_rate: int, notes: Sequence[Note]) -> tuple[np.ndarray, np.ndarray]:
    """Of the sound with the notes, moved by semitones and by time; and the times in seconds."""
    hop = round(_HOP_SECONDS * sample_rate)
    peaks = _peaks(audio, sample_rate, hop)
    wanted = _partials(notes, len(peaks), hop / sample_rate)
    most = round(_MOST_SECONDS * sample_rate / hop)
    size = next_fast_len(len(peaks) + most, real=True)
    norm = np.sqrt(float(np.sum(peaks**2)) * float(np.sum(wanted**2))) + 1e-9
    sound, score = rfft(peaks, size, axis=0), rfft(wanted, size, axis=0).conj()
    rows = []
    for semitones in range(-_MOST_SEMITONES, _MOST_SEMITONES + 1):
        low, high = max(0, -semitones), _NUM_KEYS - max(0, semitones)
        product = (sound[:, low + semitones : high + semitones] * score[:, low:high]).sum(1)
        at_lag = irfft(product, size) / norm
        rows.append(np.concatenate([at_lag[-most:], at_lag[: most + 1]]))
    return np.stack(rows), np.arange(-most, most + 1) * hop / sample_rate


def _peaks(audio: np.ndarray, sample_rate: int, hop: int) -> np.ndarray:
    """By how many dB each key stands out from its octave, about the mean of all, ``(T, keys)``."""
    size = _FRAME_HOPS * hop
    padded = np.pad(np.asarray(audio, np.float32), size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    bands = log_bands(sample_rate, size, 1)[:_NUM_KEYS]
    levels = np.zeros((len(frames), _NUM_KEYS), np.float32)
    levels[:, : len(bands)] = np.abs(rfft(frames * np.hanning(size).astype(np.float32))) @ bands.T
    decibels = 20 * np.log10(np.maximum(levels, levels.max() * 10 ** (-_RANGE_DB / 20) + 1e-12))
    peaks = np.maximum(decibels - uniform_filter1d(decibels, _OCTAVE, axis=1, mode="nearest"), 0)
    peaks[decibels.max(1) < decibels.max() - _SILENT_DB] = 0
    return np.asarray(peaks - peaks.mean(), np.float32)


def _partials(notes: Sequence[Note], num_frames: int, frame_seconds: float) -> np.ndarray:
    """The partials of notes, about the mean of all, ``(T, keys)``."""
    roll = np.zeros((num_frames, _NUM_KEYS), np.float32)
    for note in notes:
        start = round(note.start_seconds / frame_seconds)
        stop = max(start + 1, round(min(note.end_seconds, note.start_seconds + _HELD_SECONDS) / frame_seconds))
        for interval, level in _PARTIALS.items():
            key = note.pitch - LOWEST_KEY + interval
            if 0 <= key < _NUM_KEYS:
                roll[start:stop, key] = np.maximum(roll[start:stop, key], level)
    return np.asarray(roll - roll.mean(), np.float32)
