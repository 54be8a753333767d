"""The commands of the documentation run as they stand, on short inputs.

Not here: those that download, record or train; `test_recipe` runs those of docs/training.md.
"""

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from support.command_result import CommandResult
from support.recordings import SAMPLE_RATE, melody

import stylebox
from stylebox.core.audio.io.read import probe
from stylebox.core.audio.io.write import write_audio
from stylebox.core.music.midi.write import write_midi
from stylebox.core.music.notes import Note

ROOT = Path(stylebox.__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LEFT_OUT = {"cli.md", "log.md", "architecture.md"}  # usage lines, what was run long ago, and what files are for
WITHOUT_INPUTS = ("styles", "models", "info")
SECONDS = 1.2


def commands(*names: str) -> list[str]:
    """Commands in the blocks and in the text of all pages, by the name of the command; none on a trained model."""
    found: set[str] = set()
    for page in PAGES:
        text = page.read_text("utf-8")
        lines = [line.partition(" #")[0].strip() for line in text.splitlines() if page.name not in LEFT_OUT]
        found |= {line for line in lines if line.startswith("stylebox ")}
        found |= set(re.findall(r"`(stylebox [^`\n]+)`", text)) if page.name not in LEFT_OUT else set()
    return sorted(line for line in found if line.split()[1] in names and "--model mine" not in line)


@pytest.fixture
def inputs() -> None:
    """The files that the commands name, in the current folder."""
    for name in ("melody.wav", "humming.wav", "my-own-violin.wav", "my_cello.wav", "takes/one.wav", "takes/two.flac"):
        Path(name).parent.mkdir(exist_ok=True)
        soundfile.write(name, melody(SECONDS, len(name)), SAMPLE_RATE)
    write_audio(Path("melody.mp3"), melody(SECONDS, 1), SAMPLE_RATE)
    Path("melody.mp3").rename("melody.m4a")  # decoded by content, whatever the suffix
    write_midi(Path("song.mid"), [Note(0.0, 0.4, 60), Note(0.4, 0.8, 64)])
    (Path("examples")).mkdir()
    shutil.copy(ROOT / "examples" / "piano.flac", "examples")


PLAYING = [line for line in commands("transfer", "generate") if "--style" in line]  # others are only mentioned


def test_the_pages_have_such_commands() -> None:
    assert len(PLAYING) >= 8
    assert len(commands(*WITHOUT_INPUTS)) >= 3


OWN_STYLE = [line for line in commands("styles") if "mandolin" in line]  # these need clips, and one another


@pytest.mark.parametrize("line", [line for line in commands(*WITHOUT_INPUTS) if line not in OWN_STYLE])
def test_a_command_without_inputs_prints_something(line: str, run: Callable[..., CommandResult]) -> None:
    code, out, err = run(*shlex.split(line)[1:])
    assert code == 0, err
    assert out.strip()


def test_a_style_of_clips_is_added_and_shown(run: Callable[..., CommandResult]) -> None:
    for name in ("clip1.wav", "clip2.wav"):
        soundfile.write(name, melody(SECONDS, len(name)), SAMPLE_RATE)
    assert [line.split()[2] for line in OWN_STYLE] == ["add", "show"]
    for line in OWN_STYLE:
        code, out, err = run(*shlex.split(line)[1:])
        assert code == 0, err
        assert "E2 to C6" in out


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize("line", PLAYING)
def test_a_command_that_plays_writes_every_file_that_it_names(line: str, run: Callable[..., CommandResult]) -> None:
    arguments = shlex.split(line)[1:]
    if "--seconds" in arguments:
        arguments[arguments.index("--seconds") + 1] = str(SECONDS)
    code, out, err = run(*arguments, "--device", "cpu", "--steps", 1)
    assert code == 0, err
    assert out.splitlines()
    for name in out.splitlines():
        assert Path(name).stat().st_size > 0
    named = [arguments[i + 1] for i, option in enumerate(arguments) if option in ("-o", "--midi", "--plot", "--report")]
    assert all(Path(name).exists() for name in named)
    sounds = [Path(name) for name in out.splitlines() if Path(name).suffix in (".wav", ".mp3", ".flac")]
    assert sounds
    assert all(probe(path).seconds > 0.8 * SECONDS for path in sounds)
