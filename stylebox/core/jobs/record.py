"""`stylebox record` as a job: the checks before a take, and the copies that are kept after it."""

from dataclasses import dataclass
from pathlib import Path

from stylebox.core.audio.io.write import check_format
from stylebox.core.files import refuse_overwrite
from stylebox.core.jobs.outputs import SideOutputs
from stylebox.core.jobs.style_list import list_styles
from stylebox.core.paths import sources_dir
from stylebox.core.pipeline.style import check_style
from stylebox.core.pipeline.style_spec import StyleSpec
from stylebox.core.sources.record.takes import check_instrument, copy_take, file_take
from stylebox.core.standard_streams import STREAM


@dataclass(frozen=True)
class KeptTake:
    """The copies of a take.

    Attributes:
        filed: The copy among the training material; None if there is none.
        copied: The copy at the requested output, ``-`` for standard output; None if there is none.
    """

    filed: Path | None
    copied: Path | None


def check_take(
    style: str | None, model: str, *, output: Path | None, midi: Path | None, instrument: str | None, force: bool
) -> None:
    """Check all options before anybody plays a note, so that no take is recorded in vain.

    Args:
        style: The style to transfer to; None for no transfer.
        model: The model that has to know the style.
        output: File or folder of the transfer, or of the copy; ``-`` is standard output.
        midi: File for the transcribed notes.
        instrument: Instrument that the take becomes training material of.
        force: Replace existing files.

    Raises:
        StyleboxError: A file exists, a format cannot be written, or a style or an instrument is not valid.
    """
    for target in (output, midi):
        if target is not None and str(target) != STREAM and not target.is_dir():
            refuse_overwrite(target, force)
    if output is not None and not output.is_dir():
        check_format(output)
    SideOutputs(midi=midi).check()
    if instrument is not None:
        check_instrument(instrument)
    if style is not None:
        check_style(StyleSpec.parse(style), [known.name for known in list_styles(model)])


def keep_take(take: Path, instrument: str | None, output: Path | None, force: bool) -> KeptTake:
    """Copy a take to the training material of an instrument, and to an output.

    Args:
        take: File of the take.
        instrument: None makes no copy for training.
        output: File, folder, or ``-`` for standard output; None makes no copy.
        force: Replace an existing output.

    Raises:
        StyleboxError: A copy cannot be written.
    """
    filed = None if instrument is None else file_take(take, instrument, sources_dir())
    copied = None if output is None else copy_take(take, output, force)
    return KeptTake(filed, copied)
