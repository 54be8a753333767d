"""The commands that docs/training.md gives for the shipped model, run as they stand there, but small."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.command_result import CommandResult
from support.models import PARTIALS, SAMPLE_RATE, melody, tones

import stylebox
from stylebox.core.music.instruments import SHIPPED
from stylebox.core.music.notes import key_hz
from stylebox.core.sources.render.soundfont import find_soundfonts

PAGE = Path(stylebox.__file__).parents[1] / "docs" / "training.md"
INSTRUMENTS = ("violin", "flute")
SMALL = {  # option of the page -> what stands for it here
    "--minutes": "0.6",
    "--instruments": ",".join(INSTRUMENTS),
}

if not PAGE.exists():
    pytest.skip("the documentation is not beside the package", allow_module_level=True)


def commands() -> list[list[str]]:
    """The block of the shipped model, the SoundFonts filled in, as argument lists without the program's name."""
    block = next(b for b in re.findall(r"^```\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S) if "FONTS=" in b)
    fonts = " ".join(f"--soundfont '{font}'" for font in find_soundfonts())
    lines = [line.partition("#")[0].strip() for line in block.splitlines() if not re.match("[A-Z]+=", line)]
    return [shlex.split(line.replace("$FONTS", fonts))[1:] for line in lines if line]


def small(arguments: list[str], notes: Path) -> list[str]:
    """The same command on less material, or with the networks of preset `tiny`."""
    name, *rest = [str(notes) if argument == "NOTES" else argument for argument in arguments]
    for option, value in SMALL.items():
        if option in rest:
            rest[rest.index(option) + 1] = value
    if name == "render" and "--instruments" not in rest:
        rest += ["--instruments", SMALL["--instruments"]]
    if name == "train":
        rest += ["--preset", "tiny", "--name", "small", "--device", "cpu"]
    return [name, *rest]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Recorded notes: a violin's, as a folder with an index."""
    rows = ["file\tinstrument\tmidi_pitch\tsource repository\tlicence"]
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    for pitch in range(55, 97, 5):
        hz = key_hz(pitch)
        tone = sum(np.sin(2 * np.pi * h * hz * t) / h for h in range(1, 6) if h * hz < 10_000)
        soundfile.write(tmp_path / f"{pitch}.flac", 0.1 * tone * np.minimum(1, 20 * t) * np.exp(-t), SAMPLE_RATE)
        rows.append(f"{pitch}.flac\tviolin\t{pitch}\tsome/body\tCC0")
    (tmp_path / "INDEX.tsv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_the_recipe_gives_a_model_that_plays(run: Callable[..., CommandResult], notes: Path) -> None:
    if not find_soundfonts():
        pytest.skip("no SoundFont here (apt install fluid-soundfont-gm)")
    names = [arguments[0] for arguments in commands()]
    assert names.count("train") == 4
    for arguments in commands():
        ended = run(*small(arguments, notes))
        assert ended.code == 0, (arguments, ended.err)
    soundfile.write("in.wav", tones(melody(3, 2.0), 2.0, PARTIALS["reed"]), SAMPLE_RATE)
    for style in INSTRUMENTS:
        assert style in SHIPPED
        ended = run("transfer", "in.wav", "--style", style, "--model", "small", "--device", "cpu", "-o", f"{style}.wav")
        assert ended.code == 0, ended.err
        assert soundfile.info(f"{style}.wav").frames == 2 * SAMPLE_RATE
