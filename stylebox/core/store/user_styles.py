"""Styles that the user added: clips in the data directory, and in no model: every model of family base plays them.

A style is a FLAC file and, written after it, a JSON file; without the second there is no style. Knows no network.
"""

from pathlib import Path

import numpy as np
import pydantic

from stylebox.core import paths
from stylebox.core.audio.io.write import write_audio
from stylebox.core.errors import ModelError, cannot_write, error_reason
from stylebox.core.file_names import numbered, safe_name
from stylebox.core.files import write_text
from stylebox.core.lock import sole_writer
from stylebox.core.music.instrument_names import fold_name
from stylebox.core.music.register import Register

_TURN_SECONDS = 10.0  # writing a style takes a moment


class UserStyle(pydantic.BaseModel):
    """A style that the user added."""

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")

    name: str
    learnt_from: tuple[str, ...]  # names of the clips
    seconds: float  # length of the kept sound
    like: str | None = None  # instrument whose range and way of playing it has
    keys: tuple[int, int, int, int] | None = None  # MIDI numbers of its register, if `like` gives none
    clip: str  # name of the sound file, beside this one

    @property
    def path(self) -> Path:
        """The sound file."""
        return paths.styles_dir() / self.clip

    @property
    def register_of_clips(self) -> Register | None:
        """The register of the notes in the clips; None if they are too few."""
        return None if self.keys is None else Register(*self.keys)


def user_styles() -> dict[str, UserStyle]:
    """The user's styles by name, sorted.

    Raises:
        ModelError: The file of a style is damaged.
        StyleboxError: Their folder may not be read.
    """
    found = {}
    for path in paths.entries(paths.styles_dir(), "*.json"):
        try:
            style = UserStyle.model_validate_json(path.read_bytes())
            playable = Path(style.clip).name == style.clip and style.path.is_file()
        except FileNotFoundError:
            continue  # another process has just removed the style
        except (OSError, pydantic.ValidationError) as error:
            if isinstance(error, OSError):
                raise ModelError(f"{path}: cannot be read ({error_reason(error)}); change its permissions") from error
            reason = error.errors()[0]["msg"]
            raise ModelError(f"{path}: is not a style ({reason}); delete it and add the style again") from error
        if playable:
            found[style.name] = style
    return dict(sorted(found.items()))


def save_user_style(style: UserStyle, audio: np.ndarray, sample_rate: int, force: bool = False) -> UserStyle:
    """Write a style. Several processes take turns.

    Args:
        style: Without the name of its sound file.
        audio: Its sound.
        sample_rate: Of it, in Hz.
        force: Replace a style of the same name.

    Returns:
        The style as it was written.

    Raises:
        ModelError: It cannot be written, or one of that name exists.

    Shape:
        audio ``(S,)``.
    """
    folder = paths.styles_dir()
    try:
        with sole_writer(folder, "stylebox styles add", _TURN_SECONDS):
            return _save(style, audio, sample_rate, force)
    except OSError as error:
        raise ModelError(cannot_write(folder, error, "check its permissions, or set STYLEBOX_HOME")) from error


def _save(style: UserStyle, audio: np.ndarray, sample_rate: int, force: bool) -> UserStyle:
    known = user_styles()
    before, clips = known.get(style.name), {other.clip for other in known.values()}
    if before is not None and not force:
        raise ModelError(f"{style.name}: exists already; --force replaces it")
    stem = safe_name(fold_name(style.name).replace("/", "_"))
    stem = numbered(stem, lambda name: f"{name}.flac" not in clips)  # a clip of no style is of a killed process
    written = style.model_copy(update={"clip": f"{stem}.flac"})
    write_audio(written.path, audio, sample_rate, follow_link=False)
    write_text(_card(before or written), written.model_dump_json(indent=2) + "\n")
    if before is not None:
        before.path.unlink(missing_ok=True)
    return written


def remove_user_style(style: UserStyle) -> None:
    """Delete a style: its card first, so that no half of one remains a style.

    Raises:
        ModelError: It cannot be deleted.
    """
    try:
        with sole_writer(paths.styles_dir(), "stylebox styles remove", _TURN_SECONDS):
            _card(style).unlink(missing_ok=True)
            style.path.unlink(missing_ok=True)
    except OSError as error:
        raise ModelError(f"{style.name}: cannot be deleted ({error_reason(error)}); check permissions") from error


def _card(style: UserStyle) -> Path:
    """The JSON file of a style, wherever it is."""
    for path in paths.entries(paths.styles_dir(), "*.json"):
        if UserStyle.model_validate_json(path.read_bytes()).name == style.name:
            return path
    return style.path.with_suffix(".json")
