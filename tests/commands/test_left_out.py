"""What is missing in a recording is said in the same words by every command that reads it, and by the API.

It may be an input, or the recording of a style. `render --samples`: `tests/sources/test_samples.py`.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from support.audio_files import SAMPLE_RATE, notes
from support.command_result import CommandResult

import stylebox

SENTENCE = "it is damaged or cut short: 1.20 of 2.00 s are there"


@pytest.fixture
def cut() -> Path:
    """The first 1.2 of 2 seconds, as a download that was interrupted leaves them."""
    Path("takes", "harp").mkdir(parents=True)
    path = Path("takes/harp/a.wav")
    soundfile.write(path, notes()[: 2 * SAMPLE_RATE], SAMPLE_RATE, "PCM_16")
    path.write_bytes(path.read_bytes()[: 44 + round(1.2 * SAMPLE_RATE) * 2])
    soundfile.write("whole.wav", notes()[: 2 * SAMPLE_RATE], SAMPLE_RATE)
    Path("list.csv").write_text("instrument,title,url\nharp,a,takes/harp/a.wav\n")
    return path


@pytest.mark.parametrize(
    "command",
    [
        "transfer takes/harp/a.wav --style reed --steps 0 -o out.wav --model tiny --device cpu",
        "transcribe takes/harp/a.wav -o out.mid --model tiny --device cpu",
        "build takes --dataset dataset",
        "styles add mine takes/harp/a.wav",
        "info takes/harp/a.wav",
        "transfer whole.wav --style takes/harp/a.wav --steps 0 -o out.wav --model tiny --device cpu",
        "generate --style takes/harp/a.wav --seconds 1 --steps 0 -o out.wav --model tiny --device cpu",
        "evaluate --inputs takes/harp --styles reed --model tiny --device cpu",
        "evaluate --inputs whole.wav --styles takes/harp/a.wav,takes/harp/a.wav --model tiny --device cpu",
        "fetch list.csv --to fetched",
    ],
)
def test_commands_say_what_is_missing(
    command: str, tiny_home: Path, cut: Path, run: Callable[..., CommandResult]
) -> None:
    code, out, err = run(*command.split())
    assert code == 0, err
    assert " ".join(f"{out} {err}".split()).count(SENTENCE) == 1


def test_json_and_the_api_hold_the_sentence(tiny_home: Path, cut: Path, run: Callable[..., CommandResult]) -> None:
    for command in ("transfer takes/harp/a.wav --style reed --steps 0 -o out.wav", "transcribe takes/harp/a.wav"):
        out = json.loads(run(*command.split(), "--model", "tiny", "--device", "cpu", "--json").out)
        assert [report["warnings"] for report in out["done"]] == [[SENTENCE]]
    model = stylebox.load("tiny", device="cpu")
    assert model.transfer(cut, style="reed", steps=0).warnings == [SENTENCE]
    assert model.transcribe(cut).warnings == [SENTENCE]
    assert model.transfer(notes(), sample_rate=SAMPLE_RATE, style=str(cut), steps=0).warnings == [f"{cut}: {SENTENCE}"]
