"""Phrase by phrase: each phrase is played after its rest, as long as it was."""

import threading

import numpy as np
import pytest

from stylebox.core.pipeline.phrases import LONGEST_SECONDS, PhraseTransfer

RATE, BLOCK = 8000, 400


def tone(seconds: float) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def rest(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def play(phrases: PhraseTransfer, audio: np.ndarray) -> np.ndarray:
    blocks = []
    for start in range(0, len(audio), BLOCK):
        blocks.append(phrases.process(audio[start : start + BLOCK]))
        assert len(blocks[-1]) == BLOCK
    return np.concatenate(blocks)


def play_rest(phrases: PhraseTransfer) -> np.ndarray:
    """All that is still to be played."""
    blocks = []
    while phrases.pending:
        blocks.append(phrases.process(rest(BLOCK / RATE)))
    return np.concatenate(blocks) if blocks else rest(0)


def test_a_phrase_is_played_after_its_rest() -> None:
    phrases = PhraseTransfer(lambda phrase: -phrase, RATE)
    silent = play(phrases, np.concatenate([rest(1.0), tone(1.0)]))
    assert not silent.any()
    played = np.concatenate([play(phrases, rest(1.0)), play_rest(phrases)])
    phrases.close()
    first = int(np.argmax(played != 0))
    np.testing.assert_array_equal(played[first : first + RATE - 1], -tone(1.0)[1:])
    assert np.count_nonzero(np.abs(played) > 0.1) == np.count_nonzero(np.abs(tone(1.0)) > 0.1)
    assert phrases.load > 0


def test_a_phrase_without_rest_is_cut() -> None:
    lengths: list[int] = []

    def note_length(phrase: np.ndarray) -> np.ndarray:
        lengths.append(len(phrase))
        return phrase

    phrases = PhraseTransfer(note_length, RATE)
    play(phrases, tone(LONGEST_SECONDS + 1))
    play_rest(phrases)
    phrases.close()
    assert lengths[0] == LONGEST_SECONDS * RATE
    assert sum(lengths) < (LONGEST_SECONDS + 2) * RATE  # the rest of the tone is a phrase of its own


def test_phrases_for_which_there_is_no_time_are_left_out() -> None:
    go_on = threading.Event()

    def wait(phrase: np.ndarray) -> np.ndarray:
        go_on.wait(10)
        return phrase

    phrases = PhraseTransfer(wait, RATE)
    for _ in range(5):
        play(phrases, np.concatenate([tone(15.0), rest(1.0)]))
    assert phrases.left_out == 2  # three are 47 s, four would be more than a minute
    go_on.set()
    assert np.count_nonzero(np.abs(play_rest(phrases)) > 0.1) == pytest.approx(
        3 * np.count_nonzero(np.abs(tone(15.0)) > 0.1), abs=10
    )
    phrases.close()


def test_a_failure_is_raised_where_the_blocks_are_asked_for() -> None:
    def fail(phrase: np.ndarray) -> np.ndarray:
        raise ValueError("broken")

    phrases = PhraseTransfer(fail, RATE)
    play(phrases, tone(1.0))
    phrases.end_phrase()
    with pytest.raises(ValueError, match="broken"):
        play_rest(phrases)
    phrases.close()
