"""The table of a small model: every row is there, the same seed repeats it, and remarks name what is not measured."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.models import PARTIALS, SAMPLE_RATE, melody, tones

from stylebox.cli import app
from stylebox.core.data.dataset import Dataset
from stylebox.core.errors import StyleboxError
from stylebox.core.evaluation.cases import dataset_cases, file_cases, references_of
from stylebox.core.evaluation.evaluate import evaluate_cases, evaluate_dataset, evaluate_files
from stylebox.core.evaluation.metrics import content
from stylebox.core.evaluation.metrics.content import ONSET_THRESHOLDS
from stylebox.core.evaluation.metrics.instrument import instrument_probability
from stylebox.core.evaluation.results import METRICS, Evaluation
from stylebox.core.evaluation.systems import MODEL, TRUE_TARGET, SystemOutput
from stylebox.core.evaluation.table import write_csv
from stylebox.core.music.notes import Note, transpose
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.store import library

ROWS = [
    "true target",
    "copy of the content",
    "copy of the style",
    "vocoder only",
    "VAE only",
    "Griffin-Lim",
    "spectral envelope",
    "draft alone",
    "model",
]


@pytest.fixture
def pipeline(tiny_home: Path) -> BasePipeline:
    return BasePipeline("tiny", "cpu")


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "inputs"
    folder.mkdir()
    for number in (50, 51):
        soundfile.write(folder / f"{number}.wav", tones(melody(number, 2.0), 2.0, PARTIALS["reed"]), SAMPLE_RATE)
    return folder


def mean(result: Evaluation, row: str, figure: str) -> float:
    interval = next(r for r in result.table if r.row == row).figures[figure]
    assert interval is not None
    return interval.mean


def test_a_datasets_table_has_every_row_and_known_figures(pipeline: BasePipeline, tiny_home: Path) -> None:
    seen: list[str] = []
    result = evaluate_dataset(
        pipeline, "tiny", tiny_home / "dataset", limit=2, keep=lambda case, row, made: seen.append(row)
    )
    assert [row.row for row in result.table] == ROWS
    assert set(seen) == set(ROWS)
    assert result.cases == 2
    assert all(set(row.figures) == set(METRICS) for row in result.table)
    assert mean(result, "copy of the content", "chroma_cosine") == pytest.approx(1.0, abs=1e-6)
    assert mean(result, "copy of the content", "pitch_error_cents") == 0.0
    assert mean(result, "copy of the content", "loudness_correlation") == pytest.approx(1.0)
    assert mean(result, TRUE_TARGET, "mel_distance_db") == 0.0
    for other in ("copy of the content", "copy of the style", "model"):
        assert mean(result, other, "mel_distance_db") > 1.0
    assert mean(result, TRUE_TARGET, "timbre_distance") < mean(result, "copy of the content", "timbre_distance")
    assert mean(result, TRUE_TARGET, "chroma_cosine") > mean(result, "copy of the style", "chroma_cosine")
    assert mean(result, "spectral envelope", "timbre_distance") < mean(result, "copy of the content", "timbre_distance")
    assert set(result.real_time_factor) == set(ROWS[3:])
    assert result.transcriber == "stylebox content encoder"


def test_note_f1_is_the_mean_over_thresholds(
    pipeline: BasePipeline, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notes that are found at three of five thresholds give an F1 of three fifths."""
    notes = [Note(0.5, 1.0, 60, 0.8), Note(1.0, 1.5, 64, 0.8)]
    turns = iter([ONSET_THRESHOLDS, *[ONSET_THRESHOLDS[:3]] * len(ROWS)])

    def transcriptions(*_: object) -> dict[float, list[Note]]:
        known = next(turns)
        return {at: notes if at in known else [] for at in ONSET_THRESHOLDS}

    monkeypatch.setattr(content, "transcriptions", transcriptions)
    result = evaluate_files(pipeline, "tiny", inputs, ["reed"], limit=1)
    assert mean(result, "copy of the content", "note_f1") == pytest.approx(3 / 5)
    assert mean(result, "copy of the content", "onset_f1") == pytest.approx(3 / 5)


def test_moved_notes_are_compared_after_undoing_the_move(
    pipeline: BasePipeline, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = [Note(0.5, 1.0, 60, 0.8), Note(1.0, 1.5, 64, 0.8)]
    played = iter([notes, transpose(notes, 12), transpose(notes, 12)])  # of the content and of two outputs
    monkeypatch.setattr(content, "transcriptions", lambda *_: dict.fromkeys(ONSET_THRESHOLDS, next(played)))
    (case,), _ = file_cases([inputs / "50.wav"], ["reed"], SAMPLE_RATE, 1, None)
    rows = {MODEL: lambda case: SystemOutput(case.content, 12), "in silence": lambda case: SystemOutput(case.content)}
    result = evaluate_cases(pipeline, "tiny", [case], rows=rows)
    assert mean(result, MODEL, "note_f1") == 1.0
    assert mean(result, "in silence", "note_f1") == 0.0
    assert [outcome.transpose for outcome in result.outcomes] == [12, 0]
    assert f"{MODEL}: transposed the music in 1 of 1 cases; notes are compared after undoing this" in result.remarks


def test_a_sound_of_an_instrument_is_compared_with_the_instrument(
    pipeline: BasePipeline, inputs: Path, tiny_home: Path
) -> None:
    dataset = Dataset.open(tiny_home / "dataset")
    cases, _ = file_cases([inputs / "50.wav"], ["reed/soft", "Reed"], SAMPLE_RATE, 2, dataset)
    assert [case.name for case in cases] == ["50.wav as reed/soft", "50.wav as Reed"]
    assert [len(case.references) for case in cases] == [len(references_of(dataset, "reed"))] * 2
    for case in dataset_cases(dataset, ["reed/soft", "string"], 10, seed=0):
        assert case.style.partition("/")[0] not in case.name.rsplit(" as ", 1)[0]
        assert case.target is not None
    pipeline.named_styles["reed/soft"] = pipeline.named_styles["reed"]
    result = evaluate_dataset(pipeline, "tiny", tiny_home / "dataset", limit=4)
    assert {outcome.style for outcome in result.outcomes} == {"reed", "string"}
    by_name = evaluate_dataset(pipeline, "tiny", tiny_home / "dataset", styles=["Reed/Soft"], limit=1)
    assert {outcome.style for outcome in by_name.outcomes} == {"reed/soft"}


def test_the_classifier_names_the_instrument_of_a_style(pipeline: BasePipeline) -> None:
    classifier, audio = library.shipped_classifier(), np.zeros(30_000, np.float32)
    known = [
        instrument_probability(classifier, audio, style, pipeline.sample_rate) for style in ("piano/soft", "Piano")
    ]
    assert known == [0.0, 0.0]  # silence is no piano
    assert np.isnan(instrument_probability(classifier, audio, "tuba", pipeline.sample_rate))


def test_the_same_seed_gives_the_same_table(pipeline: BasePipeline, inputs: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_csv(tmp_path / name, evaluate_files(pipeline, "tiny", inputs, ["string"], limit=1, seed=seed))
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c
    rows = list(csv.DictReader((tmp_path / "a").read_text().splitlines()))
    assert len(rows) == len(ROWS) * len(METRICS)
    with pytest.raises(StyleboxError, match="--force"):
        write_csv(tmp_path / "a", Evaluation("tiny", 0, "", 0))


def test_a_clip_is_the_reference_of_its_own_style(pipeline: BasePipeline, inputs: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, tones(melody(60, 3.0), 3.0, PARTIALS["string"]), SAMPLE_RATE)
    result = evaluate_files(pipeline, "tiny", inputs, [str(clip)])
    assert result.cases == 2
    assert mean(result, "copy of the style", "timbre_distance") < mean(result, "copy of the content", "timbre_distance")
    assert next(row for row in result.table if row.row == TRUE_TARGET).cases == 0
    assert any("true target" in remark for remark in result.remarks)
    assert any("exact notes of the input are not known" in remark for remark in result.remarks)


def test_a_bad_file_does_not_stop_the_others(
    pipeline: BasePipeline, inputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(inputs / "10.wav", np.zeros(SAMPLE_RATE // 2), SAMPLE_RATE)
    soundfile.write(inputs / "15.wav", np.zeros(3 * SAMPLE_RATE), SAMPLE_RATE)
    (inputs / "20.wav").write_text("no sound")
    (inputs / "readme.xyz").write_text("no sound")
    result = evaluate_files(pipeline, "tiny", inputs, ["reed"], limit=1)
    assert [outcome.case for outcome in result.outcomes][:1] == ["50.wav as reed"]
    assert f"{inputs}: 1 file is no sound file (1 .xyz); passed over" in result.remarks
    assert "1 of 2 transfers are used; --limit 2 uses all" in result.remarks
    unused = [str(inputs / name) for name in ("10.wav", "15.wav", "20.wav")]
    assert [line.split(":")[0] for line in result.failed] == unused
    assert "is silent" in result.failed[1]
    assert command("evaluate", "--model", "tiny", "--inputs", inputs, "--styles", "reed", "--limit", 1, "--json") == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["failed"] == result.failed
    assert all(line in shown.err for line in result.failed)
    with pytest.raises(StyleboxError, match=r"10\.wav: is shorter than 1 s"):
        evaluate_files(pipeline, "tiny", inputs / "10.wav", ["reed"])


@pytest.mark.parametrize(
    ("silent_seconds", "seconds", "length"), [(20.0, 3.0, 3.0), (2.0, 0.5, 1.0), (0.0, 14.0, 12.0)]
)
def test_a_recording_is_measured_from_its_first_sound_on(
    silent_seconds: float, seconds: float, length: float, tmp_path: Path
) -> None:
    sound = 0.2 * np.cos(2 * np.pi * 440 / SAMPLE_RATE * np.arange(round(seconds * SAMPLE_RATE)))
    silence = np.zeros(round(silent_seconds * SAMPLE_RATE))
    soundfile.write(tmp_path / "a.wav", np.concatenate([silence, sound]), SAMPLE_RATE)
    (case,), _ = file_cases([tmp_path / "a.wav"], ["reed"], SAMPLE_RATE, 1, None)
    assert len(case.content) / SAMPLE_RATE == pytest.approx(length)
    assert np.abs(case.content[-SAMPLE_RATE // 2 :]).max() > 0.01


def test_a_name_without_recordings_has_no_timbre_figure(pipeline: BasePipeline, inputs: Path, tiny_home: Path) -> None:
    bare = evaluate_files(pipeline, "tiny", inputs, ["reed"], limit=1)
    assert all(row.figures["timbre_distance"] is None for row in bare.table)
    assert any("timbre is not measured" in remark for remark in bare.remarks)


def test_cases_are_held_out_and_targets_are_not_references(pipeline: BasePipeline, tiny_home: Path) -> None:
    dataset = Dataset.open(tiny_home / "dataset")
    cases = dataset_cases(dataset, ["reed", "string"], 10, seed=0)
    held_out = {r.title for r in dataset.split("test")}
    assert cases
    for case in cases:
        title, style = case.name.rsplit(" as ", 1)
        assert title in held_out
        assert style == case.style
        assert style not in title
        assert case.target is not None  # every score here is played by both
        assert case.references
        assert not any(np.array_equal(case.target, reference) for reference in case.references)
        assert case.notes
        assert isinstance(case.notes[0], Note)
    alone = dataset_cases(dataset, ["reed", "flute"], 10, seed=0)  # a style that plays none of these scores
    assert {case.style for case in alone} == {"reed", "flute"}
    assert all(case.target is None for case in alone if case.style == "flute")
    again = dataset_cases(dataset, ["reed", "string"], 10, seed=0)
    assert [case.name for case in cases] == [case.name for case in again]
    with pytest.raises(StyleboxError, match="held-out"):
        dataset_cases(dataset, [], 10, seed=0)


def test_bad_input_is_an_error_that_names_it(pipeline: BasePipeline, tiny_home: Path, tmp_path: Path) -> None:
    with pytest.raises(StyleboxError, match="no style 'bagpipes'"):
        evaluate_dataset(pipeline, "tiny", tiny_home / "dataset", styles=["bagpipes"])
    with pytest.raises(StyleboxError, match="no dataset here"):
        evaluate_dataset(pipeline, "tiny", tmp_path)
    with pytest.raises(StyleboxError, match="no audio files"):
        evaluate_files(pipeline, "tiny", tmp_path, ["reed"])


def command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        app([str(argument) for argument in arguments], prog_name="stylebox")
    return int(stop.value.code or 0)


def test_the_command_writes_table_csv_and_page(
    tiny_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = ("evaluate", "--model", "tiny", "--limit", 1, "--device", "cpu", "--csv", "table.csv", "--report", "t.html")
    assert command(*made, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["row"] for row in document["table"]] == ROWS
    assert (tmp_path / "table.csv").is_file()
    page = (tmp_path / "t.html").read_text("utf-8")
    assert page.count("<audio") == len(ROWS)
    assert page.count("data:image/png") >= len(ROWS)
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert command(*made) == 1  # both are there already
    assert "--force" in capsys.readouterr().err
    assert command("evaluate", "--model", "tiny", "--limit", 1, "--styles", "string") == 0
    out = capsys.readouterr().out
    assert all(row in out for row in ROWS)
    assert command("evaluate", "--model", "tiny", "--inputs", tmp_path) == 2
