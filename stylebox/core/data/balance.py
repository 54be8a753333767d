"""Balance: limits on the length of recordings, so that no recording and no instrument dominates.

Only start and stop frames change; arrays keep the whole recording. Knows nothing of files.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from stylebox.core.data.manifest import Recording

_FAIR_SECONDS = 60.0  # shortest equal share of the recordings; if less is left, whole recordings are left out
_SCRAP_SECONDS = 3.0  # shortest rest of a shortened recording


def limit_recordings(recordings: Sequence[Recording], max_frames: int | None) -> list[Recording]:
    """Use at most the first `max_frames` of each recording; None is no limit."""
    if max_frames is None:
        return list(recordings)
    return [_shortened(r, min(r.used_frames, max_frames)) for r in recordings]


def equalise_instruments(recordings: Sequence[Recording], frames_per_second: float) -> list[Recording]:
    """Limit the training material of each instrument to that of the instrument with the least.

    The longest recordings of an instrument are shortened first. If less than a minute of each would remain, whole
    recordings, chosen by a hash of their id, become ``unused`` instead.
    """
    training: dict[str, list[Recording]] = defaultdict(list)
    for recording in recordings:
        if recording.split == "train":
            training[recording.instrument].append(recording)
    budget = min((sum(r.used_frames for r in own) for own in training.values()), default=0)
    fair, scrap = int(_FAIR_SECONDS * frames_per_second), int(_SCRAP_SECONDS * frames_per_second)
    kept = {r.id: frames for own in training.values() for r, frames in _share(own, budget, fair, scrap)}
    result = []
    for recording in recordings:
        frames = kept.get(recording.id, recording.used_frames)
        if frames == 0:
            result.append(recording.model_copy(update={"split": "unused"}))
        else:
            result.append(_shortened(recording, frames))
    return result


def _shortened(recording: Recording, frames: int) -> Recording:
    return recording.model_copy(update={"stop_frame": recording.start_frame + frames})


def _share(recordings: Sequence[Recording], budget: int, fair: int, scrap: int) -> list[tuple[Recording, int]]:
    """Frames of each recording, `budget` in total: equal limits of at least `fair`, until the budget is used up."""
    order = sorted(recordings, key=lambda r: hashlib.sha256(r.id.encode()).digest())
    left, limit = budget, fair
    ascending = sorted(r.used_frames for r in order)
    for position, frames in enumerate(ascending):
        share = -(-left // (len(ascending) - position))
        if frames >= share:
            limit = max(share, fair)
            break
        left -= frames
    else:
        limit = max([fair, *ascending])
    shares, left = [], budget
    for recording in order:
        frames = min(recording.used_frames, limit, left)
        if frames < min(scrap, recording.used_frames):
            frames = 0
        shares.append((recording, frames))
        left -= frames
    return shares
