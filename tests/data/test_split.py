"""Splits and balance: no recording and no score in two splits, small instruments served, little moves."""

from collections import Counter, defaultdict
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylebox.core.data.balance import equalise_instruments, limit_recordings
from stylebox.core.data.manifest import Recording
from stylebox.core.data.split import assign_splits

FRAMES_PER_SECOND = 43.0


def recording(
    instrument: str, number: int, score: str | None = None, seconds: float = 12.0, split: str = "train"
) -> Recording:
    frames = int(seconds * FRAMES_PER_SECOND)
    name = f"{instrument}-{number:04d}"
    return Recording.model_validate(
        {
            "id": name,
            "files": name,
            "instrument": instrument,
            "source": f"{instrument}/{number}.wav",
            "sha256": name,
            "title": name,
            "seconds": seconds,
            "samples": frames * 512,
            "frames": frames,
            "loudness_db": -20.0,
            "gain_db": -3.0,
            "score": score,
            "split": split,
            "stop_frame": frames,
        }
    )


def splits(recordings: list[Recording]) -> dict[str, str]:
    return {r.id: r.split for r in assign_splits(recordings, FRAMES_PER_SECOND)[0]}


@st.composite
def collections(draw: st.DrawFn) -> list[Recording]:
    """A few instruments; some recordings share scores, within and across instruments."""
    result = []
    for instrument in draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True)):
        scores = draw(st.lists(st.sampled_from([None, None, "s1", "s2", "s3", "s4"]), min_size=1, max_size=12))
        result += [recording(instrument, i, score) for i, score in enumerate(scores)]
    return result


@given(collections(), st.randoms(use_true_random=False))
def test_no_recording_and_no_score_is_in_two_splits(recordings: list[Recording], chance: Random) -> None:
    assigned, _ = assign_splits(recordings, FRAMES_PER_SECOND)
    assert [r.id for r in assigned] == sorted(r.id for r in recordings)
    of_score = defaultdict(set)
    for r in assigned:
        of_score[r.score].add(r.split)
    assert all(len(found) == 1 for score, found in of_score.items() if score is not None)
    assert {r.instrument for r in assigned if r.split == "train"} == {r.instrument for r in recordings}
    shuffled = list(recordings)
    chance.shuffle(shuffled)
    assert splits(shuffled) == splits(recordings)


def test_shares_are_about_80_10_10() -> None:
    count = Counter(splits([recording("piano", i) for i in range(1000)]).values())
    assert count["train"] == pytest.approx(800, abs=40)
    assert count["valid"] == pytest.approx(100, abs=30)
    assert count["test"] == pytest.approx(100, abs=30)


def test_a_new_recording_moves_no_other_of_many() -> None:
    before = splits([recording("piano", i) for i in range(60)])
    after = splits([recording("piano", i) for i in range(61)])
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("count", [3, 4, 5, 8])
def test_a_small_instrument_has_every_split(count: int) -> None:
    for start in range(0, 400, 10):
        found = Counter(splits([recording("harp", start + i) for i in range(count)]).values())
        assert set(found) == {"train", "valid", "test"}


def test_two_recordings_are_for_training_and_validation_and_it_is_said() -> None:
    for start in range(0, 100, 2):
        assigned, remarks = assign_splits([recording("harp", start + i) for i in range(2)], FRAMES_PER_SECOND)
        assert {r.split for r in assigned} == {"train", "valid"}
        assert remarks == ["harp: too few independent recordings to keep one for test"]


def test_an_only_recording_whose_score_others_play_is_not_cut() -> None:
    """Cut by time, its test part would be the notes another instrument trains on."""
    assigned, _ = assign_splits(
        [recording("harp", 0, "s", 60), recording("piano", 1, "s", 60), recording("piano", 2, None, 60)],
        FRAMES_PER_SECOND,
    )
    assert len(assigned) == 3
    assert all(r.split == "train" for r in assigned if r.score == "s")


def test_at_most_so_much_of_a_recording_is_used() -> None:
    limited = limit_recordings([recording("piano", 1, seconds=10), recording("piano", 2, seconds=100)], 1000)
    assert [r.used_frames for r in limited] == [430, 1000]
    assert limit_recordings(limited, None) == limited


def test_equalised_instruments_train_on_equally_much() -> None:
    recordings = [recording("harp", 1, seconds=130), recording("harp", 2, seconds=170)]
    recordings += [recording("piano", i, seconds=s) for i, s in enumerate((60, 100, 1000, 2000))]
    recordings += [recording("violin", i, seconds=12) for i in range(200)]
    recordings += [recording("violin", 900, seconds=500, split="test")]
    equal = equalise_instruments(recordings, FRAMES_PER_SECOND)
    total = Counter[str]()
    for r in equal:
        total[r.instrument] += r.used_frames * (r.split == "train")
    assert max(total.values()) - min(total.values()) <= 3 * FRAMES_PER_SECOND
    piano = [r.used_frames / FRAMES_PER_SECOND for r in equal if r.instrument == "piano"]
    assert piano == pytest.approx([60, 80, 80, 80], abs=0.1)  # the long ones share the loss
    violin = [r for r in equal if r.instrument == "violin" and r.split == "train"]
    assert len(violin) == 25  # of short ones whole recordings go, so that what is left stays usable
    assert [r for r in equal if r.id == "violin-0900"] == [recordings[-1]]
    assert equalise_instruments(recordings[::-1], FRAMES_PER_SECOND)[::-1] == equal
