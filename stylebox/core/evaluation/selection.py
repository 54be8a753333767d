"""The cases that a user asks for: from the held-out recordings of a dataset, or from files. Measures nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stylebox.core.audio.io.files import FoundFiles, find_audio
from stylebox.core.data.dataset import Dataset
from stylebox.core.errors import AudioError, ModelError
from stylebox.core.evaluation.cases import Case, dataset_cases, file_cases
from stylebox.core.music.style_names import instrument_of, match_name
from stylebox.core.pipeline.protocol import Pipeline


class FileCases(NamedTuple):
    """What a folder, or a file, gives for an evaluation.

    Attributes:
        cases: Each file in each style.
        failed: Why files cannot be used, a line each.
        remarks: What else is left out.
    """

    cases: list[Case]
    failed: list[str]
    remarks: list[str]


def cases_of_dataset(pipeline: Pipeline, dataset: Path, styles: Sequence[str], limit: int, seed: int) -> list[Case]:
    """The cases of a dataset's held-out recordings.

    Args:
        pipeline: The loaded model.
        dataset: Folder of a built dataset.
        styles: Names to transfer to; by default all instruments that the model knows.
        limit: Most cases, at least 1.
        seed: Of the order and of the styles.

    Raises:
        ModelError: The model does not know one of the styles.
        DatasetError: There is no such dataset, or none of its recordings is held out.
    """
    opened = Dataset.open(dataset)
    opened.require_mel(pipeline.mel_config)
    known = pipeline.style_names
    asked: list[str] = []
    for style in styles:
        name = match_name(style, known)
        if name is None:
            raise ModelError(f"no style {style!r}; on a dataset, styles are names: {', '.join(known)}")
        asked.append(name)
    instruments = [name for name in known if name == instrument_of(name)]
    return dataset_cases(opened, asked or instruments, limit, seed)


def cases_of_files(
    pipeline: Pipeline, inputs: Path, styles: Sequence[str], dataset: Path | None, limit: int
) -> FileCases:
    """Every audio file of a folder in every style.

    Args:
        pipeline: The loaded model.
        inputs: A folder, or one file.
        styles: Names or audio files.
        dataset: A built dataset whose recordings represent named styles.
        limit: Most cases, at least 1.

    Raises:
        AudioError: There are no audio files, or none can be read.
    """
    found = find_audio(inputs) if inputs.is_dir() else FoundFiles([inputs], {}, [])
    if not found.files:
        nothing = f"{inputs}: no audio files in it; name another folder"
        raise AudioError(next(iter(found.problems.values()), nothing))
    opened = Dataset.open(dataset) if dataset is not None else None
    if opened is not None:
        opened.require_mel(pipeline.mel_config)
    cases, failed = file_cases(found.files, styles, pipeline.sample_rate, limit, opened)
    remarks = [f"{inputs}: {found.passed_over}; passed over"] if found.passed_over else []
    all_cases = (len(found.files) - len(failed)) * len(styles)
    if all_cases > len(cases):
        remarks.append(f"{len(cases)} of {all_cases} transfers are used; --limit {all_cases} uses all")
    return FileCases(cases, [*found.problems.values(), *failed], remarks)
