"""The suffix a sound file should have, by what is in it. Decodes nothing."""

from pathlib import Path

from stylebox.core.errors import SourceError

# FFmpeg's name of a format -> the suffixes it goes by; the first is for files that come with another.
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


def sound_suffix(path: Path, said: str | None) -> str:
    """The suffix, with its dot: the one the source `said` if that fits what is in the file.

    Raises:
        SourceError: this is no sound file.
    """
    import av

    try:
        with (
            path.open("rb") as stream,
            av.open(stream, metadata_errors="ignore", options={"protocol_whitelist": "none"}) as container,
        ):
            format_names, sounds = container.format.name.split(","), bool(container.streams.audio)
    except (av.FFmpegError, ValueError) as error:
        raise SourceError("what came is not a sound file; check the link") from error
    if not sounds:
        raise SourceError("what came has no sound in it; check the link")
    said = (said or "").lower()
    known = next((_SUFFIXES[name] for name in format_names if name in _SUFFIXES), ())
    if said in known:
        return f".{said}"
    return f".{known[0] if known else format_names[0]}"
