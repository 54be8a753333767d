"""Splits: train, valid and test by recording, about 80/10/10; recordings of one score stay together.

The split follows from a hash of the score (or id), so that neither the order of files nor, in most cases, a new
recording changes the split of the others. Knows nothing of files.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from stylebox.core.data.manifest import Recording, Split

TRAIN_SHARE, VALID_SHARE = 0.8, 0.1  # the rest is the test split
GAP_SECONDS = 3.0  # between the parts of an instrument's only recording
MIN_PART_SECONDS = 3.0  # shortest valid or test part
_SPLITS: tuple[Split, ...] = ("train", "valid", "test")


def assign_splits(recordings: Sequence[Recording], frames_per_second: float) -> tuple[list[Recording], list[str]]:
    """Assign a split to every recording; the only recording of an instrument is split by time, with gaps.

    Args:
        recordings: In any order.
        frames_per_second: Of their mels.

    Returns:
        The recordings sorted by id (one that is split by time becomes several, the later parts with ids of their own),
        and remarks for the user, one line each.
    """
    members: dict[str, set[str]] = defaultdict(set)  # instrument -> its groups
    players: dict[str, set[str]] = defaultdict(set)  # group -> its instruments
    count: dict[str, int] = defaultdict(int)
    for recording in recordings:
        members[recording.instrument].add(_group(recording))
        players[_group(recording)].add(recording.instrument)
        count[recording.instrument] += 1
    alone = {_group(r) for r in recordings if count[r.instrument] == 1 and len(players[_group(r)]) == 1}
    split_of = {group: _hashed_split(group) for group in players if group not in alone}
    shared = {name: groups - alone for name, groups in members.items() if groups - alone}
    remarks = _fill_gaps(split_of, shared)
    result: list[Recording] = []
    for recording in recordings:
        if _group(recording) in alone:
            parts, remark = _split_by_time(recording, frames_per_second)
            result += parts
            remarks.append(remark)
        else:
            result.append(recording.model_copy(update={"split": split_of[_group(recording)]}))
    return sorted(result, key=lambda r: r.id), sorted(remarks)


def _group(recording: Recording) -> str:
    """Key of the recordings that must stay together: those of one score, otherwise the recording alone."""
    return f"recording {recording.id}" if recording.score is None else f"score {recording.score}"


def _hash(text: str) -> float:
    """A number in [0, 1) that depends only on `text`."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def _hashed_split(group: str) -> Split:
    place = _hash(group)
    if place < TRAIN_SHARE:
        return "train"
    return "valid" if place < TRAIN_SHARE + VALID_SHARE else "test"


def _fill_gaps(split_of: dict[str, Split], members: dict[str, set[str]]) -> list[str]:
    """Move as few groups as possible so that every instrument is in every split.

    Train comes first, then valid (from two groups on), then test (from three on). Returns a remark for each gap that
    remains.
    """
    remarks = []
    for needed, wanted in enumerate(_SPLITS, start=1):
        for instrument in sorted(members):
            groups = members[instrument]
            if any(split_of[g] == wanted for g in groups):
                continue
            movable = [g for g in groups if len(groups) >= needed and _may_move(g, wanted, split_of, members)]
            if movable:
                crowd = {s: sum(split_of[g] == s for g in groups) for s in _SPLITS}
                split_of[min(movable, key=lambda g: (-crowd[split_of[g]], _hash(g)))] = wanted
            else:
                remarks.append(f"{instrument}: too few independent recordings to keep one for {wanted}")
    return remarks


def _may_move(group: str, wanted: Split, split_of: dict[str, Split], members: dict[str, set[str]]) -> bool:
    """Whether moving `group` leaves no instrument without a group in a split that is at least as important."""
    current = split_of[group]
    if _SPLITS.index(wanted) < _SPLITS.index(current):
        return True  # from a less important split
    return all(
        any(split_of[other] == current for other in groups if other != group)
        for groups in members.values()
        if group in groups
    )


def _split_by_time(recording: Recording, frames_per_second: float) -> tuple[list[Recording], str]:
    """The only recording of an instrument in three parts with gaps between, or all of it for training."""
    gap = int(-(-GAP_SECONDS * frames_per_second // 1))
    usable = recording.used_frames - 2 * gap
    part = int(usable * VALID_SHARE)
    name = f"{recording.instrument}: only one recording ({recording.source})"
    if part < MIN_PART_SECONDS * frames_per_second:
        whole = recording.model_copy(update={"split": "train"})
        return [whole], f"{name}, too short to split by time: all of it is for training, nothing tests it"
    train_stop = recording.start_frame + usable - 2 * part
    spans = {
        "train": (recording.start_frame, train_stop),
        "valid": (train_stop + gap, train_stop + gap + part),
        "test": (train_stop + 2 * gap + part, recording.stop_frame),
    }
    parts = [
        recording.model_copy(
            update={
                "id": recording.id if split == "train" else f"{recording.id}.{split}",
                "split": split,
                "start_frame": start,
                "stop_frame": stop,
            }
        )
        for split, (start, stop) in spans.items()
    ]
    return parts, f"{name}, split by time with gaps of {GAP_SECONDS:g} s; its test is of the same performance"
