"""The style of a clip, and the styles that a user made of clips: computed by the model that plays them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from stylebox.core.audio.channels import channel_faults
from stylebox.core.audio.io.read import load_with_remarks
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.audio.vibrato import intonation
from stylebox.core.errors import AudioError
from stylebox.core.models.content_encoder import ContentEncoder
from stylebox.core.models.style_encoder import CLIP_SECONDS, StyleEncoder
from stylebox.core.music.instruments import INSTRUMENTS
from stylebox.core.music.register import Register
from stylebox.core.pipeline.transcribe import find_notes
from stylebox.core.store.styles import Style
from stylebox.core.store.user_styles import UserStyle, user_styles

STYLE_SECONDS = 30.0  # how much of a style recording is used
LEAST_SECONDS = 1.0  # of sound that a style needs
_SILENCE = 1e-3  # of full scale: what is below it at either end of a clip is left out


class SilentClipError(AudioError):
    """A recording of a sound to imitate holds none."""


def read_clip(path: Path, sample_rate: int) -> tuple[np.ndarray, list[str]]:
    """A recording of a sound to imitate, mono, without the silence at either end, and what was left out of it.

    Args:
        path: The recording.
        sample_rate: Of the result, in Hz.

    Raises:
        SilentClipError: There is no sound in it.
        AudioError: It cannot be read.

    Shape:
        The sound is ``(S,)``.
    """
    audio, remarks = load_with_remarks(path, sample_rate, named=True)
    start, stop = sounding(audio)
    if start == stop:
        raise SilentClipError("; ".join([f"{path}: is silent", *channel_faults(path), "give a recording of the sound"]))
    return audio[start:stop], remarks


def sounding(audio: np.ndarray) -> tuple[int, int]:
    """Where the silence before a recording ends, and where the silence behind it begins; equal if all of it is silent.

    Shape:
        audio is ``(S,)``.
    """
    loud = np.flatnonzero(np.abs(audio) > _SILENCE)
    return (int(loud[0]), int(loud[-1]) + 1) if loud.size else (0, 0)


@torch.no_grad()
def clip_style(
    path: Path, style_encoder: StyleEncoder, content_encoder: ContentEncoder, mel_transform: MelSpectrogram
) -> Style:
    """The style of the first half minute of sound in a recording, and the register of its notes.

    Args:
        path: The recording.
        style_encoder: Of the model that is to play in this style.
        content_encoder: Finds the notes.
        mel_transform: On the device of both networks.

    Raises:
        AudioError: the file cannot be read, or is silent.
    """
    config, device = mel_transform.config, mel_transform.window.device
    audio, remarks = read_clip(path, config.sample_rate)
    if len(audio) < LEAST_SECONDS * config.sample_rate:
        seconds = len(audio) / config.sample_rate
        remarks.append(f"{path}: holds {seconds:.2f} s of sound; a style needs a second, and gains by a few more")
    levelled, _ = normalise_loudness(audio[: int(STYLE_SECONDS * config.sample_rate)], config.sample_rate)
    mel = mel_transform(torch.from_numpy(levelled).to(device))
    size = round(CLIP_SECONDS * config.frames_per_second)
    count = max(1, round(mel.shape[1] / size))
    mel = F.pad(mel, (0, max(0, count * size - mel.shape[1])), value=-1.0)
    clips = torch.unflatten(mel[:, : count * size], 1, (count, size)).movedim(1, 0)
    tokens, vector = style_encoder(clips)
    register = Register.of_notes(find_notes(levelled, config.sample_rate, content_encoder, device))
    return Style(path.name, tokens.mean(0).cpu(), vector.mean(0).cpu(), register, remarks=tuple(remarks))


class StylesWithOwn(Mapping[str, Style]):
    """The styles of a model and those that the user added, by name. The latter are computed when they are first used.

    Args:
        named: The model's styles; they come before the user's of the same name.
        from_clip: Reads the style of an audio file.
    """

    def __init__(self, named: Mapping[str, Style], from_clip: Callable[[Path], Style]) -> None:
        self._named, self._from_clip = named, from_clip
        self._computed: dict[UserStyle, Style] = {}

    def __getitem__(self, name: str) -> Style:
        """The style of that name."""
        if name in self._named:
            return self._named[name]
        own = user_styles()[name]
        if own not in self._computed:
            self._computed[own] = _played_like(self._from_clip(own.path), own)
        return self._computed[own]

    def __iter__(self) -> Iterator[str]:
        """All names, the model's first."""
        yield from self._named
        yield from (name for name in user_styles() if name not in self._named)

    def __len__(self) -> int:
        """How many there are."""
        return len(list(iter(self)))


def _played_like(style: Style, own: UserStyle) -> Style:
    """The style of a user's clips, with the register and the way of playing of its instrument, if it has one."""
    player = INSTRUMENTS.get(own.like or "")
    if player is None:
        return replace(style, name=own.name, register=own.register_of_clips)
    playing = intonation(player.name, player.sustained)
    return replace(style, name=own.name, register=player.register, intonation=playing, sustained=player.sustained)
