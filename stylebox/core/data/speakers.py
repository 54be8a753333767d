"""Which sound speaks for an instrument, where a dataset has several: what its name will mean."""

from collections import defaultdict
from collections.abc import Sequence

from stylebox.core.data.manifest import Recording


def speakers(recordings: Sequence[Recording]) -> dict[str, list[Recording]]:
    """The recordings of each instrument in the sound that speaks for it, by instrument.

    Recordings come before SoundFonts, and these before folders of single notes, which are uneven.
    """
    ranked: dict[str, dict[tuple[int, str], list[Recording]]] = defaultdict(lambda: defaultdict(list))
    for recording in recordings:
        ranked[recording.instrument][_rank(recording)].append(recording)
    return {name: timbres[min(timbres)] for name, timbres in sorted(ranked.items())}


def _rank(recording: Recording) -> tuple[int, str]:
    if recording.timbre is None:
        return 0, ""
    sampled = "/notes/" in recording.timbre
    return (2 if sampled else 1), recording.timbre
