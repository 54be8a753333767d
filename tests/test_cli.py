"""The command line's contract: exit codes, one line an error, results apart from chatter, one JSON document.

The core is faked here, small and real enough to write files; each core module has tests of its own.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.command_result import CommandResult, Start

from stylebox.console import console as look
from stylebox.console import progress as progress_module
from stylebox.core import device
from stylebox.core.data.build import BuildReport, Skipped
from stylebox.core.errors import AudioError, StyleboxError
from stylebox.core.jobs import doctor
from stylebox.core.jobs.export import SPLITS
from stylebox.core.jobs.style_list import StyleInfo
from stylebox.core.music.instruments import SHIPPED
from stylebox.core.paths import atomic_path, refuse_overwrite
from stylebox.core.progress import Progress
from stylebox.core.sources.render.render import RenderReport
from stylebox.core.sources.render.sample_sets import SampleRemark
from stylebox.core.training.loop import FitResult, TrainingProgress

HEAVY = {"torch", "librosa", "numpy", "scipy", "av", "soundfile", "matplotlib", "accelerate"}


@dataclass(frozen=True)
class Report:
    source: str
    output: str
    seconds: float = 3.0
    seed: int = 7
    transpose: int = 0
    warnings: tuple[str, ...] = ()
    clipped_db: float = 0.0
    real_time_factor: float = 0.5
    moved: str | None = None
    midi: str | None = None
    plot: str | None = None
    report: str | None = None


@dataclass(frozen=True)
class Failure:
    source: str
    reason: str


@dataclass(frozen=True)
class Batch:
    done: list[Report]
    failed: list[Failure]


class FakeTransfer:
    """`stylebox.core.jobs.transfer` without networks: an output holds its style, the option given last wins."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.report = Report("", "")
        self.hindrance: BaseException | None = None

    def module(self) -> ModuleType:
        class Transfer:
            def __init__(self, model: str, device: str) -> None:
                self.model, self.device = model, device

        fake = ModuleType("stylebox.core.jobs.transfer")
        fake.load_pipeline = Transfer  # type: ignore[attr-defined]
        fake.transfer_files = self.transfer_files  # type: ignore[attr-defined]
        return fake

    def transfer_files(
        self,
        sources: list[Path],
        output: Path | None,
        options: Any,
        pipeline: Any,
        *,
        force: bool,
        made: Any,
        **rest: Any,
    ) -> Batch:
        self.calls.append({"options": options, "pipeline": pipeline, "output": output, "force": force, **rest})
        done, failed = [], []
        for source in sources:
            to = output or Path(f"{source.stem}-{options.style}.wav")
            try:
                if not source.exists():
                    raise AudioError(f"{source}: no such file")
                refuse_overwrite(to, force)
                with atomic_path(to) as partial:
                    partial.write_text(options.style)
                    if self.hindrance is not None:
                        raise self.hindrance
            except StyleboxError as error:
                failed.append(Failure(str(source), str(error)))
            else:
                done.append(replace(self.report, source=str(source), output=str(to)))
                made(done[-1])
        return Batch(done, failed)


@pytest.fixture
def transfer(monkeypatch: pytest.MonkeyPatch) -> FakeTransfer:
    fake = FakeTransfer()
    monkeypatch.setitem(sys.modules, "stylebox.core.jobs.transfer", fake.module())
    return fake


@pytest.fixture
def piano() -> Path:
    path = Path("piano.wav")
    path.write_text("a piano")
    return path


# The start


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["transfer", "--help"], ["train", "-h"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; from stylebox.cli import main\ntry: main()\nfinally: sys.stderr.write('\\n'.join(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert "stylebox" in ended.stdout
    assert HEAVY & set(ended.stderr.split()) == set()


@pytest.mark.skipif(os.name == "nt", reason="measures a child's processor time as POSIX does")
def test_help_answers_in_half_a_second() -> None:
    import resource

    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "stylebox", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(4)) < 0.5


def test_version(run: Callable[..., CommandResult]) -> None:
    from stylebox import __version__

    assert run("--version") == CommandResult(0, f"stylebox {__version__}\n", "")


# Wrong usage: 2


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "transfer piano.wav",
        "transfer --style violin",
        "transfer piano.wav --style violin --nonsense",
        "transfer piano.wav --style violin --steps many",
        "transfer piano.wav --style violin --steps -1",
        "transfer piano.wav --style violin --strength 1.5",
        "transfer piano.wav --style violin --follow 2",
        "transfer piano.wav --style violin --bend -1",
        "transfer piano.wav --style violin --seed -3",
        "transfer piano.wav --style violin --device abacus",
        "transfer piano.wav --style violin --vocoder gramophone",
        "transfer piano.wav --style violin --json -o -",
        "generate --style violin --notes a.mid --seconds 3",
        "generate --style violin --seconds 0",
        "info piano.wav --preset paper",
        "info --model base --preset paper",
        "train trombone",
        "train vae --max-steps 0",
        "build --pairs 0",
        "render --timbres 0",
    ],
)
def test_wrong_usage_is_2(line: str, run: Callable[..., CommandResult]) -> None:
    code, out, err = run(*line.split())
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    assert "Usage" in err


# Failures: one line and 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            AudioError("a.wav: is silent\nthroughout; choose another"),
            "a.wav: is silent throughout; choose another",
        ),
        (PermissionError(13, "Permission denied", "out.wav"), "out.wav: Permission denied"),
        (ValueError("first\nsecond"), "unexpected ValueError: first; add --debug for the traceback"),
        (RuntimeError(), "unexpected RuntimeError: no message; add --debug for the traceback"),
        (AudioError("a [red]b.wav: is silent"), "a [red]b.wav: is silent"),
        (AudioError("long" * 100), "long" * 100),
    ],
)
def test_an_error_is_one_line(
    error: Exception,
    said: str,
    run: Callable[..., CommandResult],
    transfer: FakeTransfer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(sys.modules["stylebox.core.jobs.transfer"], "transfer_files", fail)
    arguments = ("transfer", "a.wav", "--style", "violin", "--device", "cpu")
    assert run(*arguments) == CommandResult(1, "", f"stylebox: {said}\n")
    assert run("-q", *arguments) == CommandResult(1, "", f"stylebox: {said}\n")
    with_traceback = run(*arguments, "--debug")
    assert with_traceback.code == 1
    assert "Traceback" in with_traceback.err
    assert with_traceback.err.endswith(f"stylebox: {said}\n")


def test_a_batch_goes_on_and_lists_failures_last(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path
) -> None:
    code, out, err = run("transfer", "gone.wav", piano, "lost.wav", "--style", "harp", "--device", "cpu")
    assert code == 1
    assert out == "piano-harp.wav\n"
    assert err.splitlines()[-2:] == ["stylebox: gone.wav: no such file", "stylebox: lost.wav: no such file"]
    assert Path("piano-harp.wav").read_text() == "harp"


def test_an_output_is_replaced_by_force_only(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path
) -> None:
    arguments = ("transfer", piano, "--device", "cpu", "-o", "out.wav", "--style")
    assert run(*arguments, "harp").code == 0
    refused = run(*arguments, "violin")
    assert refused.code == 1
    assert "out.wav: exists already; use --force" in refused.err
    assert Path("out.wav").read_text() == "harp"
    assert run(*arguments, "violin", "--force").code == 0
    assert Path("out.wav").read_text() == "violin"


def test_ctrl_c_is_130_and_leaves_nothing(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path, tmp_path: Path
) -> None:
    transfer.hindrance = KeyboardInterrupt()
    code, out, err = run("transfer", piano, "--style", "harp", "--device", "cpu")
    assert (code, out, err) == (130, "", "interrupted\n")
    assert list(tmp_path.iterdir()) == [tmp_path / piano]


class Interrupted:
    """Python can only report what a finaliser raises: a traceback would be shown, and the work would go on."""

    def __del__(self) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_in_a_finaliser_is_not_lost(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object, **__: object) -> None:
        Interrupted()
        time.sleep(30)

    monkeypatch.setattr(sys.modules["stylebox.core.jobs.transfer"], "transfer_files", work)
    before = sys.unraisablehook
    assert run("transfer", piano, "--style", "harp", "--device", "cpu") == (130, "", "interrupted\n")
    assert sys.unraisablehook is before


INTERRUPTIBLE = """
import sys, time, types
from pathlib import Path
from stylebox.core.paths import atomic_path

def list_models():
    with atomic_path(Path("out.wav")) as partial:
        partial.write_text("half")
        sys.stderr.write("writing\\n")
        sys.stderr.flush()
        time.sleep(60)

library = sys.modules["stylebox.core.store.library"] = types.ModuleType("library")
library.list_models = list_models
sys.argv = ["stylebox", "models"]
from stylebox.cli import main
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
@pytest.mark.parametrize(("kind", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_no_partial_file(kind: signal.Signals, code: int, tmp_path: Path, start: Start) -> None:
    program = start("-c", INTERRUPTIBLE)
    assert program.stderr is not None
    assert program.stderr.readline() == "writing\n"
    program.send_signal(kind)
    rest = program.stderr.read()
    assert program.wait(20) == code
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_leaves_is_no_error(start: Start) -> None:
    program = start("-m", "stylebox", "--help")
    assert program.stdout is not None
    program.stdout.close()
    assert program.stderr is not None
    assert program.stderr.read() == ""


# What is said where


def test_results_on_stdout_chatter_on_stderr(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path
) -> None:
    transfer.report = Report(
        "", "", transpose=12, moved="moved up one octave", warnings=("hardly any notes",), clipped_db=1.25
    )
    arguments = ("transfer", piano, "--style", "harp", "--device", "cpu", "--force")
    _, out, err = run(*arguments)
    assert out == "piano-harp.wav\n"
    assert "piano.wav: moved up one octave\n" in err
    assert "seed 7\n" in err
    assert "warning: piano.wav: hardly any notes" in err
    assert "turned down by 1.2 dB" in err
    assert "0.50 s of computation" not in err
    assert "0.50 s of computation" in run(*arguments, "-v").err
    assert run(*arguments, "--quiet") == CommandResult(0, "piano-harp.wav\n", "")
    assert run("-q", *arguments) == CommandResult(0, "piano-harp.wav\n", "")


def test_a_move_that_was_asked_for_is_a_figure(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path
) -> None:
    transfer.report = Report("", "", transpose=-5)
    err = run("transfer", piano, "--style", "harp", "--device", "cpu").err
    assert "seed 7, moved by -5 semitones\n" in err
    assert "register" not in err


def test_stdout_is_the_outputs_own_when_asked(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path
) -> None:
    transfer.report = Report("", "", midi="n.mid")
    assert run("transfer", piano, "--style", "harp", "--device", "cpu", "-o", "-").out == ""


def test_everything_written_is_a_result(run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path) -> None:
    transfer.report = Report("", "", midi="n.mid", plot="p.png", report="r.html")
    ended = run("transfer", piano, "--style", "harp", "--device", "cpu")
    assert ended.out.splitlines() == ["piano-harp.wav", "n.mid", "p.png", "r.html"]


def test_a_name_that_looks_like_a_picture_stays_a_name(
    run: Callable[..., CommandResult], transfer: FakeTransfer
) -> None:
    assert "a:violin:.wav: no such file" in run("transfer", "a:violin:.wav", "--style", "harp", "--device", "cpu").err


def test_what_is_done_is_told_though_the_rest_is_interrupted(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(sources: list[Path], *_: object, made: Callable[[Report], None], **__: object) -> None:
        made(Report("piano.wav", "piano-harp.wav"))
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["stylebox.core.jobs.transfer"], "transfer_files", interrupted)
    ended = run("transfer", piano, piano, "--style", "harp", "--device", "cpu")
    assert (ended.code, ended.out) == (130, "piano-harp.wav\n")


def test_options_reach_the_core(run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path) -> None:
    wanted = "--steps 4 --guidance 1.5 --strength 0.25 --seed 3 --transpose -12 --vocoder griffin-lim"
    kept = "--follow 0.5 --bend 0.2 --midi n.mid --plot p.png --report r.html"
    assert run("transfer", piano, "--style", "a:0.7,b:0.3", "--device", "cpu", *f"{wanted} {kept}".split()).code == 0
    (call,) = transfer.calls
    options = call["options"]
    assert (options.style, options.steps, options.guidance, options.strength) == ("a:0.7,b:0.3", 4, 1.5, 0.25)
    assert (options.seed, options.transpose, options.vocoder) == (3, -12, "griffin-lim")
    assert (options.follow, options.bend) == (0.5, 0.2)
    assert call["side_outputs"].paths() == [Path("n.mid"), Path("p.png"), Path("r.html")]
    assert (call["force"], call["output"]) == (False, None)
    assert (call["pipeline"].model, call["pipeline"].device) == ("base", "cpu")


def test_without_cuda_one_line_says_what_is_used(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "resolve_device", lambda choice: ("cpu", f"{choice}: using the CPU"))
    assert run("transfer", piano, "--style", "harp").err.splitlines()[0] == "auto: using the CPU"


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    fake = ModuleType("stylebox.core.store.library")
    fake.list_models = lambda: []  # type: ignore[attr-defined]
    describing = ModuleType("stylebox.core.jobs.describe")
    monkeypatch.setitem(sys.modules, "stylebox.core.jobs.describe", describing)
    describing.describe = lambda **what: {"of": what, "components": {"unet": {"parameters": 6841504}}}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "stylebox.core.store.library", fake)
    listing = ModuleType("stylebox.core.jobs.style_list")
    violin = StyleInfo("violin", 55, 98, 62, 88, ("player", "soft"), "a player")
    listing.list_styles = lambda model: [violin, StyleInfo("a [b] c")]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "stylebox.core.jobs.style_list", listing)
    return fake


def fake_build(sources: Path, dataset: Path, **_: object) -> BuildReport:
    broken = Skipped("violin/a.wav", "violin/a.wav: is damaged", "broken")
    seconds = {"violin": dict.fromkeys(SPLITS, 60.0)}
    return BuildReport(dataset, seconds, {"violin": 2}, 2, 0, (broken,), ("b.wav: clips",), ("no test split",))


def test_build_shows_what_it_made_and_what_failed(
    run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylebox.core.data.build.build", fake_build)
    code, out, err = run("build", "sources", "--dataset", "set")
    assert code == 1
    header, row, where = out.splitlines()
    assert header.split() == ["instrument", "recordings", "train", "min", "valid", "min", "test", "min"]
    assert row.split() == ["violin", "2", "1", "1", "1"]
    assert where == "set"
    assert err.splitlines()[:2] == ["warning: b.wav: clips", "warning: no test split"]
    assert err.splitlines()[-1] == "stylebox: violin/a.wav: is damaged"


def test_training_that_was_interrupted_says_so(
    run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    asked: dict[str, Any] = {}

    def fake_train(stage: str, *, progress: Any, prepare: Any, **options: Any) -> FitResult:
        asked.update(options, stage=stage)
        prepare(Progress("listening", 1, 2))
        progress(TrainingProgress(stage, 12, 20, {"loss": 0.5, "kl": 2.0}, 35.25, 119.7, "cpu", {"loss": 0.25}))
        return FitResult(12, 0.25, "interrupted", own_home / "models" / "mine")

    monkeypatch.setattr(progress_module, "PLAIN_SECONDS", 0.0)
    monkeypatch.setattr("stylebox.core.jobs.train.train", fake_train)
    code, out, err = run("train", "vae", "--preset", "tiny", "--max-steps", 20, "--resume", "--device", "cpu")
    assert (code, out) == (130, f"{own_home / 'models' / 'mine'}\n")
    assert err.splitlines() == [
        "listening: 1/2",
        "training vae: 12/20, loss 0.5 kl 2 (valid 0.25), 35.2 samples/s, 2:00 to go, cpu",
        "vae: 12 steps, best loss 0.25; interrupted; --resume continues",
    ]
    assert (asked["stage"], asked["preset"], asked["max_steps"], asked["resume"]) == ("vae", "tiny", 20, True)


def test_render_hands_on_what_to_play_with(run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def note_wishes(to: Path, **wishes: Any) -> RenderReport:
        asked.update(wishes)
        return RenderReport()

    monkeypatch.setattr("stylebox.core.sources.render.render.render", note_wishes)
    line = "--soundfont a.sf2 --soundfont b.sf3 --samples notes --timbres 2 --instruments all --minutes 2.4 --seed 7"
    assert run("render", *line.split(), "--to", "wide").code == 0
    assert (asked["soundfonts"], asked["samples"]) == ([Path("a.sf2"), Path("b.sf3")], Path("notes"))
    assert (asked["timbres_per_score"], asked["minutes"], asked["seed"]) == (2, 2.4, 7)
    assert set(SHIPPED) < set(asked["instruments"])
    assert run("render").code == 0
    assert (tuple(asked["instruments"]), asked["samples"], asked["timbres_per_score"]) == (SHIPPED, None, None)


def fake_render(to: Path, *, instruments: Any, **_: object) -> RenderReport:
    return RenderReport(2, 1, dict.fromkeys(instruments, 90.0), ["harp: no sound"])


def test_render_shows_minutes_and_failures(run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylebox.core.sources.render.render.render", fake_render)
    code, out, err = run("render", "--instruments", "harp, flute", "--to", "sounds")
    assert code == 1
    assert [line.split() for line in out.splitlines()] == [
        ["instrument", "minutes"],
        ["harp", "1.5"],
        ["flute", "1.5"],
        ["sounds"],
    ]
    assert err.splitlines() == ["2 pieces written, 1 existed already", "stylebox: harp: no sound"]


def test_render_names_the_samples_it_does_not_use(
    run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    shifted = SampleRemark("flute/notes/own", "flute", 9, "their pitches are corrected", ("c.wav",), used=True)
    left_out = SampleRemark("flute/notes/own", "flute", 9, "cannot be read as audio", ("a.wav", "b.wav"))

    def render_with_remarks(to: Path, **_: object) -> RenderReport:
        return RenderReport(1, 0, {"flute": 60.0}, samples=[shifted, left_out])

    monkeypatch.setattr("stylebox.core.sources.render.render.render", render_with_remarks)
    code, _, err = run("render", "--samples", "notes")
    assert code == 0
    assert err.splitlines()[:2] == [
        "warning: flute/notes/own: 1 of 9 notes used: their pitches are corrected: c.wav",
        "warning: flute/notes/own: 2 of 9 notes not used: cannot be read as audio: a.wav, b.wav",
    ]
    document = json.loads(run("render", "--samples", "notes", "--json").out)
    assert document["samples"][1]["files"] == ["a.wav", "b.wav"]
    assert [remark["used"] for remark in document["samples"]] == [True, False]


@pytest.mark.parametrize(
    "line",
    [
        "transfer piano.wav gone.wav --style harp --device cpu --json",
        "styles --json",
        "models --json",
        "info --preset paper --json",
        "doctor --json",
        "build --json",
        "render --json",
    ],
)
def test_json_is_one_document_and_nothing_else(
    line: str,
    run: Callable[..., CommandResult],
    transfer: FakeTransfer,
    library: ModuleType,
    piano: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stylebox.core.data.build.build", fake_build)
    monkeypatch.setattr("stylebox.core.sources.render.render.render", fake_render)
    transfer.report = Report("", "", seconds=float("nan"), warnings=("a warning",))
    assert json.loads(run(*line.split()).out) is not None


def test_json_of_a_transfer_has_both_sorts(
    run: Callable[..., CommandResult], transfer: FakeTransfer, piano: Path
) -> None:
    ended = run("transfer", piano, "gone.wav", "--style", "harp", "--device", "cpu", "--json")
    document = json.loads(ended.out)
    assert ended.code == 1
    assert [(made["output"], made["seed"]) for made in document["done"]] == [("piano-harp.wav", 7)]
    assert document["failed"] == [{"source": "gone.wav", "reason": "gone.wav: no such file"}]


def test_lists_and_descriptions(run: Callable[..., CommandResult], library: ModuleType) -> None:
    lines = run("styles").out.splitlines()
    assert [line.split() for line in lines] == [
        ["style", "range", "usual", "sounds", "learnt", "from"],
        ["violin", "G3", "to", "D7", "D4", "to", "E6", "player,", "soft", "a", "player"],
        ["a", "[b]", "c", "-", "-", "-", "-"],
    ]
    first, second = json.loads(run("styles", "--json").out)
    assert (first["usual_lowest_key"], first["sounds"], first["learnt_from"]) == (62, ["player", "soft"], "a player")
    assert second["lowest_key"] is None
    assert run("models") == CommandResult(0, "", "none\n")
    assert "    parameters: 6 841 504\n" in run("info", "--preset", "paper").out
    assert "model: base" in run("info").out


# How it looks


class Screen(StringIO):
    """A terminal that remembers."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def show_on_screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Stand in for a terminal; not a fixture, since pytest sets its own streams after those."""
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def test_progress_is_live_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = show_on_screen(monkeypatch)
    console = look.Console()
    with console.progress() as progress:
        progress(Progress("working [hard]", 1, 2, "[now]"))
        time.sleep(0.3)
    assert "working [hard]" in screen.getvalue()
    assert "\x1b" in screen.getvalue()

    plain = StringIO()
    monkeypatch.setattr(sys, "stderr", plain)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with console.progress() as progress:
        progress(Progress("working", 1, 2))
    assert plain.getvalue() == ""
    monkeypatch.setattr(progress_module, "PLAIN_SECONDS", 0.0)
    monkeypatch.delenv("FORCE_COLOR")
    console.configure()
    with console.progress() as progress:
        progress(Progress("working", 1, 2, "loss 3"))
    assert plain.getvalue() == "working: 1/2, loss 3\n"


def test_a_result_stands_above_what_is_live(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = show_on_screen(monkeypatch)
    monkeypatch.setattr(sys, "stdout", screen)
    console = look.Console()
    with console.progress() as progress:
        progress(Progress("working", 1, 2))
        console.result("out/a:violin:[b].wav")
        time.sleep(0.3)
    assert "\x1b[2Kout/a:violin:[b].wav\n" in screen.getvalue()

    piped = StringIO()
    monkeypatch.setattr(sys, "stdout", piped)
    console.result("out/b.wav")
    assert piped.getvalue() == "out/b.wav\n"


def test_what_is_no_step_stays_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A remark among the steps, such as training without its perceptual terms, outlives the bars."""
    remark = Progress("features", 0, None, "going on without")
    screen = show_on_screen(monkeypatch)
    console = look.Console()
    with console.progress() as progress:
        for told in (Progress("working", 1, 2), remark, remark):
            progress(told)
        time.sleep(0.3)
    assert screen.getvalue().count("features: going on without\n") == 1

    plain = StringIO()
    monkeypatch.setattr(sys, "stderr", plain)
    console.configure()
    with console.progress() as progress:
        for told in (Progress("working", 1, 2), remark, remark):
            progress(told)
    assert plain.getvalue() == "features: going on without\n"


def test_quiet_shows_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = show_on_screen(monkeypatch)
    console = look.Console()
    console.configure(quiet=True)
    with console.progress() as progress:
        progress(Progress("working", 1, 2))
    console.warning("odd")
    assert screen.getvalue() == ""


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = show_on_screen(monkeypatch)
    look.Console().error("a.wav: red")
    assert "\x1b[31m" in screen.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    look.Console().error("b.wav: grey")
    assert screen.getvalue().splitlines()[-1] == "stylebox: b.wav: grey"


def test_plain_values() -> None:
    import numpy as np

    value = {
        "a": float("nan"),
        2: Path("x/y"),
        "n": np.float32(0.5),
        "t": (1, np.arange(2)),
        "s": Failure("b", "c"),
    }
    assert look.to_json(value) == {
        "a": None,
        "2": str(Path("x/y")),
        "n": 0.5,
        "t": [1, [0, 1]],
        "s": {"source": "b", "reason": "c"},
    }


# The machine


def test_device_by_name_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device.resolve_device("cpu") == ("cpu", None)
    name, note = device.resolve_device("auto")
    assert name == "cpu"
    assert note is not None
    assert note.endswith("using the CPU")
    for missing in ("cuda", "mps"):
        with pytest.raises(StyleboxError, match=f"device {missing}: .*use --device auto"):
            device.resolve_device(missing)
    with pytest.raises(StyleboxError, match="abacus"):
        device.resolve_device("abacus")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert device.resolve_device("auto")[0] == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device.resolve_device("auto") == ("cuda", None)


def test_doctor_names_the_mend(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    def ill(_: str) -> doctor.Finding:
        raise OSError("the codecs\nare gone")

    monkeypatch.setattr("ctypes.util.find_library", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("stylebox.core.sources.render.soundfont.find_soundfonts", list)
    monkeypatch.setitem(doctor._CHECKS, "codecs", ill)
    own_home.parent.mkdir(exist_ok=True)
    own_home.write_text("a file where the home should be")
    findings = {finding.name: finding for finding in doctor.examine()}
    assert [findings[n].state for n in ("sound card", "synthesizer", "soundfonts")] == ["limited"] * 3
    assert "portaudio" in findings["sound card"].fix
    assert findings["codecs"].found == "OSError: the codecs are gone"
    assert findings["home"].state == "broken"
    assert all(finding.fix for finding in findings.values() if finding.state != "ok")


def test_doctor_exits_by_what_it_found(run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch) -> None:
    found = [doctor.Finding("disk", "ok", "much"), doctor.Finding("sound card", "limited", "none", "buy one")]
    monkeypatch.setattr(doctor, "examine", lambda: found)
    code, out, _ = run("doctor")
    assert code == 0
    assert [line.split(None, 2) for line in out.splitlines()] == [
        ["ok", "disk", "much"],
        ["limited", "sound", "card  none"],
        ["->", "buy", "one"],
    ]
    found.append(doctor.Finding("weights", "broken", "gone", "reinstall"))
    assert run("doctor").code == 1


# With the real core


def test_the_reports_networks_to_the_parameter(run: Callable[..., CommandResult]) -> None:
    components = json.loads(run("info", "--preset", "paper", "--json").out)["components"]
    assert {name: part["parameters"] for name, part in components.items()} == {
        "spectrogram_encoder": 111840,
        "spectrogram_decoder": 198209,
        "style_encoder": 2729984,
        "cross_attention": 1313792,
        "unet": 6841504,
    }


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("info gone.wav", "gone.wav"),
        ("info noise.wav", "noise.wav"),
        ("info noise.safetensors", "noise.safetensors"),
        ("info --model nobody", "nobody"),
        ("info --preset nothing", "nothing"),
        ("styles --model nobody", "nobody"),
        ("build gone", "gone"),
        ("build empty", "empty"),
        ("build noise.wav", "noise.wav"),
        ("train vae --dataset gone --preset tiny --device cpu", "gone"),
        ("train vae --preset nothing --device cpu", "nothing"),
        ("train vae --config noise.wav --preset tiny --device cpu", "noise.wav"),
        ("train vae --config gone.toml --preset tiny --device cpu", "gone.toml"),
        ("render --instruments kazoo", "kazoo"),
        ("render --soundfont gone.sf2 --instruments harp --minutes 0.05 --to out", "gone.sf2"),
        ("render --samples gone --instruments harp --minutes 0.05 --to out", "gone"),
        ("render --midi gone --instruments harp --minutes 0.05 --to out", "gone"),
        ("transfer noise.wav --style violin --model nobody --device cpu", "nobody"),
        ("generate --style violin --model nobody --device cpu", "nobody"),
    ],
)
def test_bad_input_is_one_line_that_names_it(line: str, named: str, run: Callable[..., CommandResult]) -> None:
    Path("empty").mkdir()
    for name in ("noise.wav", "noise.safetensors"):
        Path(name).write_bytes(bytes(range(256)) * 4)
    code, out, err = run(*line.split())
    assert code == 1
    assert out == ""
    assert "unexpected" not in err
    (said,) = err.splitlines()
    assert said.startswith("stylebox: ")
    assert named in said
