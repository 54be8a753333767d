"""How well two lists of notes agree, by mir_eval's F1. Knows nothing of where the notes come from."""

from collections.abc import Sequence

import numpy as np

from stylebox.core.music.notes import Note, key_hz

ONSET_TOLERANCE_SECONDS = 0.05
_SHORTEST_SECONDS = 0.01  # mir_eval refuses notes without length


def note_f1(
    reference: Sequence[Note], found: Sequence[Note], tolerance_seconds: float = ONSET_TOLERANCE_SECONDS
) -> float:
    """F1 of notes: pitch within 50 cents, onset within the tolerance, offsets ignored; each is matched once.

    Args:
        reference: The true notes.
        found: The notes to be judged.
        tolerance_seconds: Most distance of two onsets that match.

    Returns:
        In [0, 1]; two empty lists agree entirely.

    Reference:
        Raffel et al. (2014), mir_eval, ``transcription.precision_recall_f1_overlap`` with ``offset_ratio=None``.
    """
    import mir_eval  # slow to import

    if not reference or not found:
        return float(not reference and not found)
    _, _, f1, _ = mir_eval.transcription.precision_recall_f1_overlap(
        *_arrays(reference), *_arrays(found), onset_tolerance=tolerance_seconds, offset_ratio=None
    )
    return float(f1)


def onset_f1(
    reference: Sequence[Note], found: Sequence[Note], tolerance_seconds: float = ONSET_TOLERANCE_SECONDS
) -> float:
    """F1 of onsets, whatever their pitch; notes that begin within 10 ms of one another are one onset.

    Args:
        reference: The true notes.
        found: The notes to be judged.
        tolerance_seconds: Most distance of two onsets that match.

    Returns:
        In [0, 1]; two empty lists agree entirely.

    Reference:
        Raffel et al. (2014), mir_eval, ``onset.f_measure``.
    """
    import mir_eval  # slow to import

    if not reference or not found:
        return float(not reference and not found)
    f1, _, _ = mir_eval.onset.f_measure(_onsets(reference), _onsets(found), window=tolerance_seconds)
    return float(f1)


def _arrays(notes: Sequence[Note]) -> tuple[np.ndarray, np.ndarray]:
    """Start and end in seconds, ``(n, 2)``, and pitch in Hz, ``(n,)``."""
    spans = [(n.start_seconds, max(n.end_seconds, n.start_seconds + _SHORTEST_SECONDS)) for n in notes]
    return np.array(spans), key_hz(np.array([n.pitch for n in notes]))


def _onsets(notes: Sequence[Note]) -> np.ndarray:
    """Onset times, those of a chord once."""
    times: list[float] = []
    for time in sorted(n.start_seconds for n in notes):
        if not times or time - times[-1] > _SHORTEST_SECONDS:
            times.append(time)
    return np.array(times)
