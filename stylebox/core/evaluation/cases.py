"""Cases: the transfers that are measured, and the recordings that each is compared with.

From held-out recordings of a dataset, or from a user's own files. Same seed, same cases. Runs no networks.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stylebox.core.audio.io.read import load_with_remarks
from stylebox.core.data.dataset import Dataset, int16_to_audio
from stylebox.core.data.manifest import Recording
from stylebox.core.errors import AudioError, DatasetError
from stylebox.core.music.notes import Note
from stylebox.core.music.style_names import instrument_of, match_name
from stylebox.core.paths import expanded
from stylebox.core.pipeline.clip_style import sounding
from stylebox.core.pipeline.style_spec import is_file

EXCERPT_SECONDS = 12.0  # of each recording
SHORTEST_SECONDS = 1.0
REFERENCES = 4  # most recordings that represent a style


@dataclass(frozen=True)
class Case:
    """One transfer that is measured.

    Attributes:
        name: A title for tables and pages.
        content: The input.
        style: As `--style` takes it.
        notes: Of the content, where they are known exactly.
        references: Recordings in the style's sound; empty if there are none.
        target: A recording of the same score in the style's sound, if there is one.
        transpose: Semitones from content to target; None lets the model choose.
        remarks: What was left out of the files of content and references, with their names.

    Shape:
        content, references and target are ``(S,)`` each.
    """

    name: str
    content: np.ndarray
    style: str
    notes: list[Note] | None = None
    references: tuple[np.ndarray, ...] = ()
    target: np.ndarray | None = None
    transpose: int | None = None
    remarks: tuple[str, ...] = ()


def dataset_cases(dataset: Dataset, styles: Sequence[str], limit: int, seed: int) -> list[Case]:
    """Held-out recordings, each with a style of another instrument; one that plays the same score, if there is one.

    Args:
        dataset: Where the recordings are from.
        styles: Names that the model knows.
        limit: Most cases, at least 1.
        seed: Of the order and of the styles.

    Raises:
        DatasetError: No recording is held out, or none can be played by one of the styles.
    """
    held_out = dataset.split("test") or dataset.split("valid")
    shortest = SHORTEST_SECONDS * dataset.mel_config.frames_per_second
    usable = [r for r in held_out if r.used_frames >= shortest]
    of_score: dict[str, list[Recording]] = defaultdict(list)
    for recording in usable:
        if recording.score:
            of_score[recording.score].append(recording)
    rng = np.random.default_rng(seed)
    asked: Counter[str] = Counter()
    cases: list[Case] = []
    for index in rng.permutation(len(usable)):
        content = usable[index]
        same_score = [t for t in of_score.get(content.score or "", []) if t.start_frame == content.start_frame]
        others = [style for style in styles if instrument_of(style) != content.instrument]
        played = {t.instrument: t for t in same_score}
        paired = {style: played[instrument_of(style)] for style in others if instrument_of(style) in played}
        choices = sorted(paired or others)
        if len(cases) == limit or not choices:
            continue
        style = min(rng.permutation(choices), key=lambda name: asked[name]).item()
        asked[style] += 1
        cases.append(_dataset_case(dataset, content, style, paired.get(style)))
    if not cases:
        raise DatasetError(
            f"{dataset.path}: no held-out recording (split test or valid) that a style of the model "
            f"({', '.join(styles)}) could play; build it from more recordings per instrument"
        )
    return cases


def file_cases(
    files: Sequence[Path], styles: Sequence[str], sample_rate: int, limit: int, dataset: Dataset | None
) -> tuple[list[Case], list[str]]:
    """Every file with every style. A style that is a file is its own reference; a name has the dataset's recordings.

    Args:
        files: The inputs.
        styles: Names or audio files.
        sample_rate: Rate at which files are read, in Hz.
        limit: Most cases, at least 1.
        dataset: Where recordings of named styles are taken from, if given.

    Returns:
        The cases, and why files were left out, one line per file.

    Raises:
        AudioError: A style's file, or every input, cannot be read, is silent or is too short.
    """
    references = [_references(style, sample_rate, dataset) for style in styles]
    cases: list[Case] = []
    left_out: list[str] = []
    for file in files:
        if len(cases) >= limit:
            break
        try:
            content, remarks = _excerpt_of_file(file, sample_rate)
        except AudioError as error:
            left_out.append(str(error))
            continue
        for style, (examples, of_style) in zip(styles, references, strict=True):
            title = f"{file.name} as {_title(style)}"
            cases.append(Case(title, content, style, references=examples, remarks=(*of_style, *remarks)))
    if left_out and not cases:
        raise AudioError(left_out[0])
    return cases[:limit], left_out


def references_of(
    dataset: Dataset, instrument: str, besides: Iterable[Recording] = (), timbre: str | None = None
) -> tuple[np.ndarray, ...]:
    """Excerpts that represent an instrument, the best first: of the wanted timbre, then held out from training.

    Args:
        dataset: Where the recordings are from.
        instrument: Name of its folder.
        besides: Recordings that are not used.
        timbre: The timbre that is preferred.

    Shape:
        Every excerpt is ``(S,)``.
    """
    left_out = {recording.id for recording in besides}
    candidates = [r for r in dataset.recordings if r.instrument == instrument and r.id not in left_out]
    candidates.sort(key=lambda r: (r.timbre != timbre, ("test", "valid", "train", "unused").index(r.split), r.id))
    return tuple(_excerpt(dataset, recording) for recording in candidates[:REFERENCES])


def remarks_of(cases: Iterable[Case]) -> list[str]:
    """What was left out of the files of all cases, each once."""
    return list(dict.fromkeys(remark for case in cases for remark in case.remarks))


def _dataset_case(dataset: Dataset, content: Recording, style: str, paired: Recording | None) -> Case:
    """A case, with the recording of the same score in the style's sound if there is one."""
    known = dataset.notes(content)
    first = content.start_frame / dataset.mel_config.frames_per_second
    notes = None
    if known is not None:
        moved = [Note(float(row[0]) - first, float(row[1]) - first, int(row[2]), float(row[3])) for row in known]
        notes = [note for note in moved if 0 <= note.start_seconds < EXCERPT_SECONDS]
    return Case(
        name=f"{content.title} as {style}",
        content=_excerpt(dataset, content),
        style=style,
        notes=notes,
        references=references_of(
            dataset, instrument_of(style), [paired] if paired else [], paired.timbre if paired else None
        ),
        target=_excerpt(dataset, paired) if paired else None,
        transpose=paired.transpose - content.transpose if paired else None,
    )


def _excerpt(dataset: Dataset, recording: Recording) -> np.ndarray:
    """The first seconds of the part of a recording that may be used."""
    hop = dataset.mel_config.hop_length
    length = round(EXCERPT_SECONDS * dataset.mel_config.sample_rate)
    first, stop = recording.start_frame * hop, recording.stop_frame * hop
    return int16_to_audio(dataset.audio(recording)[first : min(stop, first + length)])


def _references(
    style: str, sample_rate: int, dataset: Dataset | None
) -> tuple[tuple[np.ndarray, ...], tuple[str, ...]]:
    """The references of a style: its own file, or recordings of its instrument; and what was left out of the file."""
    if is_file(style):
        excerpt, remarks = _excerpt_of_file(expanded(style), sample_rate)
        return (excerpt,), remarks
    name = None if dataset is None else match_name(instrument_of(style), dataset.instruments)
    return (() if dataset is None or name is None else references_of(dataset, name)), ()


def _title(style: str) -> str:
    """A style in the name of a case: a file without its folder, or the name."""
    return Path(style).name if is_file(style) else style


def _excerpt_of_file(path: Path, sample_rate: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """The first seconds of a file from its first sound on, and what was left out of the file."""
    audio, remarks = load_with_remarks(path, sample_rate, named=True)
    shortest = round(SHORTEST_SECONDS * sample_rate)
    if len(audio) < shortest:
        raise AudioError(f"{path}: is shorter than {SHORTEST_SECONDS:g} s; give a longer recording")
    start, stop = sounding(audio)
    if start == stop:
        raise AudioError(f"{path}: is silent; give another recording")
    start = min(start, len(audio) - shortest)
    return audio[start : start + round(EXCERPT_SECONDS * sample_rate)], tuple(remarks)
