"""A batch of transfers: names of outputs, skipped and failed files, shares, progress. No networks."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.transfers import AFTER, BEFORE, shown, transferred

from stylebox.core.errors import AudioError, ModelError, StyleboxError
from stylebox.core.jobs import transfer_styles as job
from stylebox.core.jobs.batch import Naming, Part
from stylebox.core.jobs.input_file import InputFile
from stylebox.core.jobs.inputs import find_inputs
from stylebox.core.jobs.outputs import RecordingPage, SideOutputs
from stylebox.core.jobs.transfer import transfer_files
from stylebox.core.jobs.transfer_outcome import TransferBatch
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.progress import Progress, ProgressCallback

Transfer = Callable[..., TransferBatch]


@dataclass
class Pipeline:
    """A model that is only asked for its name, and knows all styles but one."""

    model: str = "base"

    def prepare(self, options: TransferOptions) -> None:
        if options.style == "haprs":
            raise ModelError("no style and no file 'haprs'")


@dataclass
class Report:
    output: str


@dataclass
class Machine:
    """Stands in for the transfer of one file: writes the style into the output."""

    worked: list[Path] = field(default_factory=list)
    error: Exception | None = None

    def transfer_file(
        self,
        source: InputFile,
        output: Path,
        options: TransferOptions,
        pipeline: Any,
        force: bool,
        side_outputs: SideOutputs,
        progress: ProgressCallback,
        page: RecordingPage | None,
    ) -> Report:
        if source.path.stem == "bad":
            raise self.error or AudioError(f"{source.path}: is broken")
        self.worked.append(output)
        progress(Progress("transcribing", 0, 1))
        for step in (1, 2, 3, 4):
            progress(Progress("refining", step, 4))
        for path in (output, *side_outputs.paths()):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(options.style)
        if page is not None:
            page.add(transferred(style=options.style), *(shown(sound, ".flac") for sound in (BEFORE, AFTER)))
        return Report(str(output))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    stand_in = Machine()
    monkeypatch.setattr(job, "transfer_file", stand_in.transfer_file)
    return stand_in


@pytest.fixture
def empty_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the names of pages count: drawing one takes a second."""
    monkeypatch.setattr("stylebox.core.jobs.html.report_page", lambda *what: "a page")


@pytest.fixture
def takes() -> Path:
    """A folder with a folder in it, and files of one name."""
    for name in ("a.wav", "b.flac", "sub/a.wav", "sub/notes.txt"):
        path = Path("takes") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return Path("takes")


def run(*sources: Path | str, to: Path | None = Path("out"), **options: Any) -> TransferBatch:
    return transfer_files(list(map(Path, sources)), to, TransferOptions("harp"), Pipeline(), **options)  # type: ignore[arg-type]


def files(folder: str = "out") -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


@pytest.mark.usefixtures("machine")
def test_folders_in_a_folder_are_kept(takes: Path) -> None:
    run(takes, side_outputs=SideOutputs(midi=Path("notes")))
    assert files() == ["a-harp.wav", "b-harp.wav", "sub/a-harp.wav"]
    assert files("notes") == ["a-harp.mid", "b-harp.mid", "sub/a-harp.mid"]


@pytest.mark.usefixtures("machine")
def test_files_that_are_passed_over_are_counted_with_the_reason(takes: Path) -> None:
    (takes / "sub" / "score.MID").write_text("notes")
    (takes / "sub" / "more.txt").write_text("text")
    (takes / "what.xyz").write_text("unknown")
    (takes / ".hidden").write_text("not counted")
    batch = run(takes, "takes/*.wav", to=takes)
    kinds = "4 files are no sound files (2 .txt, 1 .mid, 1 .xyz)"
    assert sorted(batch.passed_over) == [f"takes: {kinds}; passed over"]
    again = run(takes, to=takes)
    assert again.passed_over == [f"takes: {kinds}; passed over", "3 files were made by an earlier run; passed over"]
    assert run("takes/a.wav", to=None).passed_over == []


@pytest.mark.usefixtures("machine")
def test_a_name_without_a_suffix_is_a_folder_for_one_file_too(takes: Path) -> None:
    run(takes / "a.wav", to=Path("new") / "folder")
    assert files("new") == ["folder/a-harp.wav"]


@pytest.mark.usefixtures("machine")
def test_every_style_of_every_file_is_made_with_the_names_of_the_pattern(takes: Path) -> None:
    naming = Naming("{style}/{stem}_{model}", "mp3")
    batch = run(takes, styles=["violin/soft", "harp:1,flute:2"], naming=naming)
    assert files() == [
        *("harp+flute/a_base.mp3", "harp+flute/b_base.mp3", "harp+flute/sub/a_base.mp3"),
        *("violin_soft/a_base.mp3", "violin_soft/b_base.mp3", "violin_soft/sub/a_base.mp3"),
    ]
    assert Path("out/violin_soft/a_base.mp3").read_text() == "violin/soft"
    assert len(batch.done) == 6


def test_a_misspelt_style_is_found_before_any_work(takes: Path, machine: Machine) -> None:
    with pytest.raises(ModelError, match="haprs"):
        run(takes, styles=["violin", "haprs"])
    assert machine.worked == []


@pytest.mark.usefixtures("machine")
def test_files_of_one_name_do_not_overwrite_one_another() -> None:
    for name in ("x/a.wav", "y/a.wav", "y/a.flac", "y/A.mp3"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("sound")
    run("x/a.wav", "y/a.wav", "y/a.flac", "y/A.mp3", "x/../x/a.wav")
    assert len({name.casefold() for name in files()}) == len(files()) == 5
    assert {"a.wav-harp.wav", "a.flac-harp.wav", "A.mp3-harp.wav"} <= set(files())


@pytest.mark.usefixtures("machine")
def test_a_recording_that_comes_later_is_made_though_another_has_its_name() -> None:
    Path("in").mkdir()
    Path("in/a.wav").write_text("sound")
    assert len(run("in").done) == 1
    Path("in/a.flac").write_text("sound")
    assert len(run("in").done) == 2
    assert set(files()) == {"a-harp.wav", "a.wav-harp.wav", "a.flac-harp.wav"}
    assert run("in").done == []


@pytest.mark.usefixtures("machine", "empty_pages")
def test_names_as_long_as_a_file_may_have_give_outputs_beside_the_others() -> None:
    Path("in").mkdir()
    for name in (f"{'x' * 250}.wav", f"{'x' * 249}y.wav", f"{'ü' * 125}.wav", "short.wav"):
        (Path("in") / name).write_text("sound")
    batch = run("in", styles=["harp", "violin"], side_outputs=SideOutputs(midi=Path("notes"), report=Path("pages")))
    assert (len(batch.done), len(batch.pages), batch.failed) == (8, 4, [])
    assert len({name.casefold() for name in files()}) == 8
    assert max(len(name.encode()) for name in [*files(), *files("notes"), *files("pages")]) <= 240


@pytest.mark.usefixtures("machine", "empty_pages")
def test_pages_of_one_name_in_other_capitals_do_not_overwrite_one_another() -> None:
    Path("in").mkdir()
    for name in ("a.wav", "A.wav", "a.WAV", "A.WAV"):
        (Path("in") / name).write_text("sound")
    batch = run("in", styles=["harp", "violin"], side_outputs=SideOutputs(report=Path("pages")))
    assert len({page.casefold() for page in batch.pages}) == len(set(Path("in").iterdir()))


def test_a_second_run_makes_only_what_is_missing(takes: Path, machine: Machine) -> None:
    run(takes)
    (takes / "c.wav").write_text("new")
    Path("out/sub/a-harp.wav").unlink()
    machine.worked.clear()
    batch = run(takes)
    assert [path.as_posix() for path in machine.worked] == ["out/c-harp.wav", "out/sub/a-harp.wav"]
    assert [skipped.output for skipped in batch.skipped] == [str(Path("out/a-harp.wav")), str(Path("out/b-harp.wav"))]
    machine.worked.clear()
    assert run(takes, force=True).skipped == []
    assert len(machine.worked) == 4


@pytest.mark.usefixtures("machine")
def test_an_output_that_is_older_than_its_recording_is_named(takes: Path) -> None:
    run(takes)
    written = Path("out/a-harp.wav").stat().st_mtime
    os.utime(takes / "a.wav", (written + 5, written + 5))
    assert [Path(skipped.output).name for skipped in run(takes).skipped if skipped.outdated] == ["a-harp.wav"]


def test_an_output_among_the_inputs_is_not_transferred_again(takes: Path, machine: Machine) -> None:
    run(takes, to=takes)
    first = len(machine.worked)
    batch = run(takes, to=takes)
    assert (first, len(machine.worked), len(batch.skipped)) == (3, 3, 3)


@pytest.mark.parametrize("error", [None, RuntimeError("a library\nis confused"), MemoryError()])
def test_no_error_of_one_file_stops_the_others(error: Exception | None, takes: Path, machine: Machine) -> None:
    (takes / "bad.wav").write_text("broken")
    machine.error = error
    batch = run(takes, "gone-folder/*.wav")
    assert len(batch.done) == 3
    assert [Path(failure.source).name for failure in batch.failed] == ["*.wav", "bad.wav"]
    assert "no file matches this pattern" in batch.failed[0].reason
    assert str(takes / "bad.wav") in batch.failed[1].reason
    assert "\n" not in batch.failed[1].reason


def test_a_pattern_takes_what_a_shell_would_name_folders_and_broken_links_too(tmp_path: Path) -> None:
    below = tmp_path / "week" / "monday"
    below.mkdir(parents=True)
    for path in (tmp_path / "week" / "a.wav", below / "b.wav"):
        path.write_bytes(b"")
    link = tmp_path / "week" / "lost.wav"
    link.symlink_to(tmp_path / "gone.wav")
    found = find_inputs([tmp_path / "week" / "*"]).recordings
    assert {recording.path for recording in found} == {tmp_path / "week" / "a.wav", below / "b.wav", link}
    assert {recording.below for recording in found} == {Path()}
    assert len(find_inputs([tmp_path / "**"]).recordings) == 3


@pytest.mark.usefixtures("machine")
def test_patterns_are_expanded_and_a_file_may_look_like_one(takes: Path) -> None:
    (takes / "[live] x.wav").write_text("sound")
    batch = run("takes/**/*.wav", "takes/[live] x.wav")
    assert len(batch.done) == 3
    with pytest.raises(AudioError, match="no file matches"):
        run("takes/*.mp3")


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_shares_are_even_and_cover_every_file_once(count: int) -> None:
    sizes = (400, 300, 200, 100, 50, 40, 30, 20)
    for number, size in enumerate(sizes):
        Path("takes").mkdir(exist_ok=True)
        Path(f"takes/{number}.wav").write_text("x" * size)
    shares = [run("takes", styles=["harp", "flute"], part=Part(at + 1, count)).done for at in range(count)]
    made = [report.output for share in shares for report in share]
    assert len(made) == len(set(made)) == 2 * len(sizes)
    if count == 2:
        assert max(len(share) for share in shares) - min(len(share) for share in shares) == 0


@pytest.mark.usefixtures("machine")
def test_progress_is_one_task_that_grows_to_the_number_of_files(takes: Path) -> None:
    reports: list[Progress] = []
    run(takes, progress=reports.append)
    assert {report.task for report in reports} == {"transferring"}
    assert {report.total for report in reports} == {3}
    done = [report.done for report in reports]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 3)
    assert all(report.seconds_left is not None and report.seconds_left >= 0 for report in reports[1:])
    assert reports[-1].seconds_left == 0


@pytest.mark.parametrize(
    ("pattern", "format", "said"),
    [
        ("{title}", None, "no field {title}; there are {stem}, {style}, {model}"),
        ("{stem", None, "for example"),
        ("../{stem}", None, "below the output folder"),
        ("/tmp/{stem}", None, "below the output folder"),
        ("{stem}.mp3", "flac", "disagree"),
        ("", None, "below the output folder"),
    ],
)
def test_a_pattern_that_cannot_name_a_file_is_refused(pattern: str, format: str | None, said: str) -> None:
    with pytest.raises(StyleboxError) as refused:
        Naming(pattern, format)
    assert said in str(refused.value)


def test_a_pattern_may_end_with_the_format() -> None:
    assert Naming("{stem}.FLAC").name("v1.5 take", "harp", "models/mine") == "v1.5 take.flac"
    assert Naming("{stem} {style}", "ogg").name("v1.5", "harp", "base") == "v1.5 harp.ogg"
    assert Naming("{stem} {model}").name("a", "harp", "models/my model") == "a my model.wav"


@pytest.mark.usefixtures("machine")
def test_all_styles_of_a_recording_are_on_one_page(takes: Path) -> None:
    """In the file that is named for one recording, or in a folder with a page per recording."""
    song, page, styles = takes / "a.wav", Path("song.html"), ["harp", "violin"]
    assert run(song, styles=styles, side_outputs=SideOutputs(report=page)).pages == [str(page)]
    assert page.read_text("utf-8").count("<figure>") == 3
    again = run(song, styles=styles, side_outputs=SideOutputs(report=page))
    assert (len(again.done), len(again.skipped), again.pages) == (0, 2, [])
    more = run(song, styles=[*styles, "flute"], side_outputs=SideOutputs(report=page))
    assert [failure.reason.partition(":")[0] for failure in more.failed] == [str(page)], "a page is not overwritten"
    batch = run(takes, styles=styles, to=Path("more"), side_outputs=SideOutputs(report=Path("pages")))
    assert batch.pages == [str(Path("pages") / name) for name in ("a.html", "b.html", "sub/a.html")]
    with pytest.raises(AudioError, match="is not a folder"):
        run(takes, styles=styles, side_outputs=SideOutputs(report=Path("all.html")))


def test_a_recording_that_would_replace_itself_is_refused_and_not_taken_for_an_output(machine: Machine) -> None:
    """`-o takes --name {stem}` names each output like its input."""
    takes = Path("takes")
    takes.mkdir()
    for name in ("a.wav", "b.wav"):
        (takes / name).write_text(name)
    outcome = run(takes, to=takes, naming=Naming("{stem}"))
    assert not outcome.passed_over
    assert not outcome.skipped
    assert machine.worked == [takes / "a.wav", takes / "b.wav"]  # `transfer_file` refuses each
