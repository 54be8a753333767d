"""What changes while a channel of a MIDI file plays: pedals, volume, bends. Knows times and no messages.

Shape:
    States are ``(P, 2)``, a time and what holds from then on, ascending; the first time is minus infinity.
    A pedal is up at first, and then goes down and up in turn.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np


def change(states: list[tuple[float, bool]], seconds: float, state: bool) -> None:
    """Add a state, if it is another one.

    Args:
        states: So far.
        seconds: When it begins.
        state: What holds from then on.
    """
    if states[-1][1] != state:
        states.append((seconds, state))


def state_at(states: np.ndarray, seconds: float) -> float:
    """What holds at a time.

    Shape:
        ``states`` is ``(P, 2)``.
    """
    return float(states[_place(states, seconds), 1])


def next_after(times: Sequence[float], start: float, end: float, last_seconds: float) -> float:
    """The first time after `start` that is not before `end`.

    Args:
        times: Ascending.
        start: In seconds.
        end: In seconds.
        last_seconds: The result if there is none.
    """
    following = max(bisect_right(times, start), bisect_left(times, end))
    return times[following] if following < len(times) else last_seconds


def pedal_up(pedal: np.ndarray, seconds: float, last_seconds: float) -> float:
    """When the pedal, if it is down at a time, goes up; that time itself if it is up.

    Args:
        pedal: States: 1 is down.
        seconds: The time.
        last_seconds: The end of the piece.

    Shape:
        ``pedal`` is ``(P, 2)``.
    """
    place = _place(pedal, seconds)
    if not pedal[place, 1]:
        return seconds
    return float(pedal[place + 1, 0]) if place + 1 < len(pedal) else last_seconds


def caught_until(pedal: np.ndarray, start: float, end: float, last_seconds: float) -> float:
    """When the sostenuto pedal lets go of a note; its end if the pedal went down at another time.

    Args:
        pedal: States: 1 is down.
        start: Of the note, in seconds.
        end: Of its key, in seconds.
        last_seconds: The end of the piece.

    Shape:
        ``pedal`` is ``(P, 2)``.
    """
    downs = pedal[1::2, 0]
    caught = int(np.searchsorted(downs, end, side="left")) - 1
    if caught < 0 or downs[caught] <= start:
        return end
    up = 2 * caught + 2
    return float(pedal[up, 0]) if up < len(pedal) else last_seconds


def mean_bend(bends: np.ndarray, start: float, end: float) -> float:
    """Mean of a bend over a note, in semitones.

    Args:
        bends: States, in semitones.
        start: Of the note, in seconds.
        end: Of the note, later.

    Shape:
        ``bends`` is ``(P, 2)``.
    """
    edges, semitones = _stretches(bends, start, end)
    return float(np.average(semitones, weights=np.diff(edges)))


def audible_span(audible: np.ndarray, start: float, end: float) -> tuple[float, float] | None:
    """The first and the last time at which a note can be heard; None if it never can.

    Args:
        audible: States: 0 is silent.
        start: Of the note, in seconds.
        end: Of the note, later.

    Shape:
        ``audible`` is ``(P, 2)``.
    """
    edges, states = _stretches(audible, start, end)
    heard = np.flatnonzero((states > 0) & (np.diff(edges) > 0))
    return (float(edges[heard[0]]), float(edges[heard[-1] + 1])) if len(heard) else None


def _place(states: np.ndarray, seconds: float) -> int:
    return int(np.searchsorted(states[:, 0], seconds, side="right")) - 1


def _stretches(states: np.ndarray, start: float, end: float) -> tuple[np.ndarray, np.ndarray]:
    """The states from `start` to `end`, ``(Q,)``, and the times between which they hold, ``(Q + 1,)``."""
    first, stop = _place(states, start), int(np.searchsorted(states[:, 0], end, side="left"))
    return np.array([start, *states[first + 1 : stop, 0], end]), states[first:stop, 1]
