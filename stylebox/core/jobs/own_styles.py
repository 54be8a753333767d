"""`stylebox styles add` and `remove` as jobs: clips become a style of the user's, without any training."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.config import SAMPLE_RATE
from stylebox.core.errors import AudioError, ModelError
from stylebox.core.file_names import readable
from stylebox.core.jobs.inputs import find_inputs
from stylebox.core.music.instruments import INSTRUMENTS, instrument
from stylebox.core.music.register import Register
from stylebox.core.music.style_names import SEPARATOR, instrument_of, match_name, unknown_style
from stylebox.core.pipeline.clip_style import LEAST_SECONDS, STYLE_SECONDS, SilentClipError, read_clip
from stylebox.core.pipeline.transcribe import find_notes
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.store import library
from stylebox.core.store.user_styles import UserStyle, remove_user_style, save_user_style, user_styles

_NAME = re.compile(r"[\w][\w '()+-]*(/[\w '()+.-]+)?")


def add_style(
    name: str,
    clips: Sequence[Path],
    *,
    like: str | None = None,
    force: bool = False,
    progress: ProgressCallback = silent,
) -> UserStyle:
    """Make a style of clips, for every model of family base.

    Args:
        name: Of the style: an instrument of any name, or a sound of one, such as ``violin/mine``.
        clips: Recordings, folders or patterns. Half a minute is used, the same amount of each.
        like: Instrument whose range and way of playing it has. Default: the instrument in the name; otherwise the range
            is that of the notes in the clips, and notes are sustained.
        force: Replace a style of that name.
        progress: Called as work goes on.

    Raises:
        ModelError: The name is taken or not possible.
        AudioError: A clip cannot be read, or there is too little sound.
        SourceError: There is no instrument `like`.
    """
    name = SEPARATOR.join(part.strip() for part in name.split(SEPARATOR))
    _check_name(name, force)
    player = instrument(like).name if like else match_name(instrument_of(name), INSTRUMENTS)
    inputs = find_inputs(clips)
    paths = [recording.path for recording in inputs.recordings]
    for line in (*inputs.problems.values(), *inputs.passed_over):
        progress(Progress("reading clips", 0, note=line))
    sounds: dict[Path, np.ndarray] = {}
    for done, path in enumerate(paths):
        progress(Progress("reading clips", done, len(paths), path.name))
        try:
            sound, remarks = read_clip(path, SAMPLE_RATE)
        except SilentClipError as error:
            progress(Progress("reading clips", 0, note=str(error)))
            continue
        sounds[path], _ = normalise_loudness(sound, SAMPLE_RATE)
        for remark in remarks:
            progress(Progress("reading clips", 0, note=remark))
    if sum(map(len, sounds.values())) < LEAST_SECONDS * SAMPLE_RATE:
        raise AudioError(
            f"{paths[0]}: less than {LEAST_SECONDS:g} s of sound; a few seconds of single notes are enough"
        )
    audio = _excerpt(list(sounds.values()))
    register = None if player else _register(audio)
    style = UserStyle(
        name=name,
        learnt_from=tuple(readable(path.name) for path in sounds),
        seconds=round(len(audio) / SAMPLE_RATE, 1),
        like=player,
        keys=None if register is None else (register.low, register.high, register.usual_low, register.usual_high),
        clip="",
    )
    return save_user_style(style, audio, SAMPLE_RATE, force)


def remove_style(name: str) -> None:
    """Delete a style that was added.

    Raises:
        ModelError: There is none of that name, or it cannot be deleted.
    """
    own = user_styles()
    known = match_name(name, own)
    if known is None:
        shipped = match_name(name, _shipped_names())
        if shipped:
            raise ModelError(f"{shipped}: belongs to the shipped model and cannot be removed")
        raise ModelError(unknown_style(name, own, or_file=False))
    remove_user_style(own[known])


def _check_name(name: str, force: bool) -> None:
    if not _NAME.fullmatch(name):
        raise ModelError(f"{name!r}: cannot be a style's name; use letters, digits, spaces and hyphens")
    known = match_name(name, _shipped_names())
    if known is not None:
        hint = f", such as {instrument_of(known)}/mine"
        raise ModelError(f"{name}: is the style {known} of the shipped model; choose another name{hint}")
    own = match_name(name, user_styles())
    if own is not None and not (force and own == name):
        raise ModelError(f"{name}: exists already{'' if own == name else f' as {own}'}; --force replaces it")


def _shipped_names() -> list[str]:
    return library.style_names(library.load_part(library.SHIPPED_MODEL, "ldm").tensors)


def _excerpt(sounds: Sequence[np.ndarray]) -> np.ndarray:
    """At most `STYLE_SECONDS`, as much of each as there is; what a short one lacks, longer ones give."""
    left = int(STYLE_SECONDS * SAMPLE_RATE)
    parts: dict[int, np.ndarray] = {}
    by_length = sorted(range(len(sounds)), key=lambda at: len(sounds[at]))
    for rank, at in enumerate(by_length):
        parts[at] = sounds[at][: left // (len(sounds) - rank)]
        left -= len(parts[at])
    return np.concatenate([parts[at] for at in range(len(sounds))])


def _register(audio: np.ndarray) -> Register | None:
    """The register of the notes in a sound ``(S,)``, as the shipped transcriber finds them."""
    encoder = library.load_content_encoder(library.SHIPPED_MODEL)
    with torch.no_grad():
        return Register.of_notes(find_notes(audio, SAMPLE_RATE, encoder, torch.device("cpu")))
