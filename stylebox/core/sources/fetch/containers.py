"""Finds the suffix of a sound file from its container format. Decodes no audio."""

from pathlib import Path

from stylebox.core.audio.io.read import AudioReader
from stylebox.core.errors import AudioError, SourceError

# FFmpeg's name of a format -> its suffixes; the first replaces a wrong one.
_SUFFIXES = {
    "wav": ("wav",),
    "w64": ("w64",),
    "flac": ("flac",),
    "mp3": ("mp3",),
    "ogg": ("ogg", "opus", "oga"),
    "mov": ("m4a", "mp4", "mov", "m4b", "3gp", "m4v"),
    "matroska": ("webm", "mka", "mkv"),
    "aac": ("aac",),
    "aiff": ("aiff", "aif"),
    "caf": ("caf",),
    "asf": ("wma", "asf", "wmv"),
    "mpegts": ("ts",),
    "avi": ("avi",),
    "flv": ("flv",),
    "ac3": ("ac3",),
    "amr": ("amr",),
    "au": ("au", "snd"),
}


def sound_suffix(path: Path, suggested: str | None) -> str:
    """Give the suffix of a sound file, with its dot: the `suggested` one if it fits the format.

    Raises:
        SourceError: It is not a sound file.
    """
    from stylebox.core.audio.io.ffmpeg_container import open_container  # loads all of FFmpeg

    try:
        with path.open("rb") as stream, open_container(stream, str(path)) as container:
            format_names, has_audio = container.format.name.split(","), bool(container.streams.audio)
    except AudioError:
        return _suffix_by_reader(path, suggested)
    if not has_audio:
        raise SourceError("the download holds no audio; check the link")
    suggested = (suggested or "").lower()
    known = next((_SUFFIXES[name] for name in format_names if name in _SUFFIXES), ())
    if suggested in known:
        return f".{suggested}"
    return f".{known[0] if known else format_names[0]}"


def _suffix_by_reader(path: Path, suggested: str | None) -> str:
    """The suffix of a file that FFmpeg refuses, if it can be decoded all the same: the header of a stream, for example.

    Raises:
        SourceError: It cannot.
    """
    try:
        with AudioReader(path):
            return f".{(suggested or path.suffix.lstrip('.') or 'wav').lower()}"
    except AudioError as error:
        raise SourceError("the download is not a sound file; check the link") from error
