"""Commands with the real core, on a model trained for seconds: files in, files out, and nothing left half done."""

import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
import torch
from support.audio_files import loudest_hz
from support.command_result import CommandResult
from support.models import PARTIALS, SAMPLE_RATE, melody, tones

from stylebox.cli import app
from stylebox.core.audio.energy import measure_energy
from stylebox.core.audio.io.read import load_audio, probe
from stylebox.core.audio.io.write import write_audio
from stylebox.core.audio.loudness import loudness_of
from stylebox.core.music.midi.write import write_midi
from stylebox.core.music.notes import Note

SECONDS = 1.3
FAST = ("--style", "string", "--model", "tiny", "--device", "cpu", "--steps", "2", "--vocoder", "griffin-lim")


def phrase(sample_rate: int = 44_100, seconds: float = SECONDS) -> np.ndarray:
    """A few notes at any rate, their number of samples not a round one."""
    times = np.arange(round(seconds * sample_rate) + 7) / sample_rate
    known = tones(melody(7, seconds), seconds, PARTIALS["reed"])
    resampled: np.ndarray = np.interp(times, np.arange(len(known)) / SAMPLE_RATE, known)
    return resampled.astype(np.float32)


@pytest.fixture
def piano() -> Path:
    """A stereo recording at 44.1 kHz, its channels not alike."""
    left = phrase()
    soundfile.write("piano.flac", np.stack([left, 0.5 * np.roll(left, 50)], axis=1), 44_100)
    return Path("piano.flac")


def write_video(path: Path, audio: np.ndarray, sample_rate: int) -> None:
    """A film: a grey picture, and `audio` as AAC."""
    with av.open(str(path), "w") as film:
        picture = film.add_stream("mpeg4", rate=10, width=64, height=48)
        picture.pix_fmt = "yuv420p"
        track = film.add_stream("aac", rate=sample_rate, layout="mono")
        for number in range(round(10 * len(audio) / sample_rate)):
            image = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 99, np.uint8), format="rgb24")
            image.pts, image.time_base = number, Fraction(1, 10)
            film.mux(picture.encode(image))
        for start in range(0, len(audio), 1024):
            block = av.AudioFrame.from_ndarray(audio[None, start : start + 1024], format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = sample_rate, start, Fraction(1, sample_rate)
            film.mux(track.encode(block))
        film.mux([*picture.encode(None), *track.encode(None)])


# transfer


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "m4a"])
def test_every_format_has_the_inputs_length_and_loudness(
    suffix: str, tiny_home: Path, piano: Path, run: Callable[..., CommandResult]
) -> None:
    code, out, err = run("transfer", piano, *FAST, "--seed", 5, "-o", f"new/out.{suffix}")
    assert (code, out) == (0, f"new/out.{suffix}\n"), err
    assert "seed 5" in err
    made = probe(f"new/out.{suffix}")
    assert (made.sample_rate, made.channels) == (44_100, 2)
    assert made.samples == soundfile.info(piano).frames
    assert [path.name for path in Path("new").iterdir()] == [f"out.{suffix}"]


@pytest.mark.parametrize("name", ["take.mp3", "take.ogg", "film.mp4"])
def test_whatever_comes_in_its_length_goes_out(name: str, tiny_home: Path, run: Callable[..., CommandResult]) -> None:
    if name == "film.mp4":
        write_video(Path(name), phrase(48_000), 48_000)
    else:
        write_audio(Path(name), phrase(48_000), 48_000)
    assert run("transfer", name, *FAST).code == 0
    heard = load_audio(Path(name))
    assert len(heard) == pytest.approx(SECONDS * SAMPLE_RATE, abs=2100)  # AAC comes in blocks of 1024 at 48 kHz
    made = load_audio(Path(f"{Path(name).stem}-string.wav"))
    assert len(made) == len(heard)
    assert np.isfinite(made).all()


def test_loudness_is_kept_where_notes_are_heard(
    tiny_home: Path, piano: Path, run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    from stylebox.core.models.content_encoder import ContentEncoder

    untouched = ContentEncoder.forward

    def attentive(self: ContentEncoder, *inputs: Any) -> Any:
        """An ear trained for seconds misses notes, and what has none is made quiet."""
        return tuple(logits + 6.0 for logits in untouched(self, *inputs))

    monkeypatch.setattr(ContentEncoder, "forward", attentive)
    ended = run("transfer", piano, *FAST, "-o", "out.wav", "--json")
    clipped_db = json.loads(ended.out)["done"][0]["clipped_db"]
    sounds = (soundfile.read(name) for name in (piano, "out.wav"))
    before, after = (loudness_of(measure_energy(audio, rate)) for audio, rate in sounds)
    assert after + clipped_db == pytest.approx(before, abs=1.0)


def test_from_stdin_to_stdout(
    tiny_home: Path, piano: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piano.read_bytes())))
    with pytest.raises(SystemExit) as stop:
        app(["transfer", "-", *FAST, "-o", "-"], prog_name="stylebox")
    out, err = capfdbinary.readouterr()
    assert stop.value.code == 0, err
    made, sample_rate = soundfile.read(io.BytesIO(out))
    assert (sample_rate, len(made)) == (SAMPLE_RATE, soundfile.info(piano).frames)
    assert [path.name for path in Path.cwd().iterdir()] == [piano.name]


def test_a_folder_goes_on_past_a_bad_file(tiny_home: Path, piano: Path, run: Callable[..., CommandResult]) -> None:
    Path("takes/more").mkdir(parents=True)
    soundfile.write("takes/a.wav", phrase(8_000), 8_000)
    Path("takes/b.mp3").write_text("no music")
    piano.rename("takes/more/c.flac")
    Path("takes/notes.txt").write_text("not audio, not asked")
    code, out, err = run("transfer", "takes", *FAST, "-o", "new", "--plot", "plots", "--midi", "notes")
    assert code == 1
    expected = [f"{folder}/{name}-string.{kind}" for name in ("a", "more/c") for folder, kind in FOLDERS]
    assert out.splitlines() == [str(Path(name)) for name in expected]
    assert sorted(str(path) for folder, kind in FOLDERS for path in Path(folder).rglob(f"*.{kind}")) == sorted(
        out.splitlines()
    )
    assert err.splitlines()[-1].startswith(f"stylebox: {Path('takes/b.mp3')}: ")
    assert "Traceback" not in err


FOLDERS = (("new", "wav"), ("notes", "mid"), ("plots", "png"))


def test_json_and_all_that_is_kept_beside(tiny_home: Path, piano: Path, run: Callable[..., CommandResult]) -> None:
    kept = ("--midi", "n.mid", "--plot", "p.png", "--report", "r.html")
    ended = run("transfer", piano, *FAST, "--seed", 3, "--follow", 0.25, *kept, "--json")
    assert ended.code == 0
    (made,) = json.loads(ended.out)["done"]
    assert (made["output"], made["midi"], made["plot"], made["report"]) == ("piano-string.wav", *kept[1::2])
    assert (made["seed"], made["style"], made["source"]) == (3, "string", "piano.flac")
    assert (made["settings"]["steps"], made["settings"]["follow"]) == (2, 0.25)
    page = Path("r.html").read_text("utf-8")
    assert "piano.flac" in page
    assert {path.name for path in Path.cwd().iterdir()} == {piano.name, made["output"], *kept[1::2]}


def test_same_seed_same_bytes(tiny_home: Path, piano: Path, run: Callable[..., CommandResult]) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run("transfer", piano, *FAST, "--seed", seed, "-o", f"{name}.flac", "--report", f"{name}.html").code == 0
    for kind in ("flac", "html"):
        a, b, c = (Path(f"{name}.{kind}").read_bytes() for name in "abc")
        assert a == b
        assert a != c


def test_force_replaces(tiny_home: Path, piano: Path, run: Callable[..., CommandResult]) -> None:
    Path("out.ogg").write_text("dear to no one")
    assert run("transfer", piano, *FAST, "-o", "out.ogg", "--force").code == 0
    assert soundfile.info("out.ogg").frames > SAMPLE_RATE


@pytest.mark.parametrize("taken", ["-o", "--plot", "--report", "--midi"])
def test_what_exists_is_refused_before_any_work(
    taken: str, tiny_home: Path, piano: Path, run: Callable[..., CommandResult]
) -> None:
    name = {"-o": "out.ogg", "--plot": "p.png", "--report": "r.html", "--midi": "n.mid"}[taken]
    Path(name).write_text("dear to someone")
    ended = run("transfer", piano, *FAST, taken, name)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.splitlines()[-1].startswith(f"stylebox: {name}: exists already; use --force")
    assert {path.name for path in Path.cwd().iterdir()} == {piano.name, name}
    assert Path(name).read_text() == "dear to someone"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("transfer piano.flac -o out.xyz", "out.xyz"),
        ("transfer piano.flac -o out.wav --midi out.wav", "out.wav"),
        ("transfer piano.flac --plot out.gif", "out.gif"),
        ("transfer piano.flac piano.flac --report page.html", "page.html"),
        ("transfer gone.wav", "gone.wav"),
        ("transfer empty", "empty"),
        ("transfer piano.flac --style kazoo", "kazoo"),
        ("transfer piano.flac --style words.wav", "words.wav"),
        ("generate --notes words.wav", "words.wav"),
        ("generate --seconds 1 -o out.xyz", "out.xyz"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    line: str, named: str, tiny_home: Path, piano: Path, run: Callable[..., CommandResult]
) -> None:
    Path("empty").mkdir()
    Path("words.wav").write_text("words, no sound")
    name, *rest = line.split()
    code, out, err = run(name, *(FAST[2:] if "--style" in rest else FAST), *rest)
    assert (code, out) == (1, "")
    (said,) = err.splitlines()
    assert said.startswith("stylebox: ")
    assert named in said
    assert "unexpected" not in said
    assert {path.name for path in Path.cwd().iterdir()} == {"piano.flac", "empty", "words.wav"}


def test_cuda_by_name_must_be_there(
    tiny_home: Path, piano: Path, run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code, out, err = run("transfer", piano, "--style", "string", "--model", "tiny", "--device", "cuda")
    assert (code, out) == (1, "")
    (said,) = err.splitlines()
    assert said.startswith("stylebox: device cuda: ")
    assert said.endswith("use --device auto")


INTERRUPTED_AT = """
import json, os, signal, sys, threading, time, warnings
from pathlib import Path
from stylebox.cli import app

def one_run(seconds):
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        app(prog_name="stylebox")
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        timer.cancel()

def whole():
    sizes = {path.name: path.stat().st_size for path in Path("out").iterdir()} if Path("out").is_dir() else {}
    for path in sizes:
        Path("out", path).unlink()
    return sizes

fractions = [float(text) for text in os.environ["FRACTIONS"].split()]
first, begun, told = one_run(600), time.monotonic(), []
whole()
second, took = one_run(600), time.monotonic() - begun
complete = whole()
for fraction in fractions:
    code = one_run(fraction * took)
    told.append((code, whole()))
sys.stderr.write("\\n" + json.dumps({"codes": [first, second], "complete": complete, "told": told}))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
def test_interrupted_at_any_moment_it_leaves_whole_files_or_none(tiny_home: Path, piano: Path) -> None:
    """Ctrl-C at moments drawn at random: what is there under a final name is what an undisturbed run writes."""
    rng = random.Random(11)
    fractions = " ".join(f"{rng.uniform(0.02, 0.98):.3f}" for _ in range(6))
    kept = ("-o", "out/a.mp3", "--plot", "out/a.png", "--report", "out/a.html", "--midi", "out/a.mid", "--seed", "1")
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AT, "transfer", str(piano), *FAST, *kept],
        env={**os.environ, "FRACTIONS": fractions},
        capture_output=True,
        text=True,
        timeout=500,
        check=True,
    )
    assert "Traceback" not in ended.stderr
    seen = json.loads(ended.stderr.splitlines()[-1])
    assert seen["codes"] == [0, 0]
    assert set(seen["complete"]) == {"a.mp3", "a.png", "a.html", "a.mid"}
    assert 130 in {code for code, _ in seen["told"]}
    for code, files in seen["told"]:
        assert code in (0, 130)
        assert files.items() <= seen["complete"].items()  # fewer, perhaps, and each whole


# generate, train, look around


def test_generate_plays_a_midi_file(tiny_home: Path, run: Callable[..., CommandResult]) -> None:
    notes = melody(3, 2.0)
    write_midi(Path("song.mid"), notes)
    ended = run("generate", "--notes", "song.mid", *FAST, "--seed", 2, "--json")
    assert ended.code == 0
    made = json.loads(ended.out)
    assert (made["output"], made["seed"], made["notes"]) == ("song-string.wav", 2, len(notes))
    info = soundfile.info("song-string.wav")
    assert info.frames == round((max(note.end_seconds for note in notes) + 1.0) * SAMPLE_RATE)
    assert run("generate", "--notes", "song.mid", *FAST).code == 1  # it is there


def test_a_tempo_makes_the_music_slower_and_keeps_its_pitch(run: Callable[..., CommandResult]) -> None:
    """By the shipped model: its draft plays a note where it stands."""
    write_midi(Path("song.mid"), [Note(0.5, 1.0, 69, 0.8)])
    command = ("generate", "--notes", "song.mid", "--style", "piano", "--steps", 0, "--seed", 2, "--device", "cpu")
    made = [json.loads(run(*command, "--json", "--tempo", tempo, "-o", f"{tempo}.wav").out) for tempo in (1, 0.5)]
    assert [report["seconds"] for report in made] == pytest.approx([2.0, 3.0], abs=1e-3)
    sounds = [load_audio(report["output"], 44100) for report in made]
    begins = [float(np.argmax(np.abs(sound) > 0.1 * np.abs(sound).max())) / 44100 for sound in sounds]
    assert begins == pytest.approx([0.5, 1.0], abs=0.05)
    assert [loudest_hz(sound, 44100) for sound in sounds] == pytest.approx([440, 440], rel=0.01)
    refused = run(*command, "--tempo", 9, "-o", "fast.wav")
    assert refused.code != 0
    assert "tempo" in refused.err
    assert not Path("fast.wav").exists()


def test_a_training_stops_and_goes_on(tiny_home: Path, run: Callable[..., CommandResult]) -> None:
    start = ("train", "vae", "--preset", "tiny", "--name", "mine", "--device", "cpu")
    first = run(*start, "--max-steps", 2, "--json")
    assert first.code == 0
    result = json.loads(first.out)
    assert (result["steps"], result["stopped_by"]) == (2, "max_steps")
    assert Path(result["model"]) == tiny_home / "models" / "mine"
    again = run(*start, "--max-steps", 4)
    assert again.code == 1
    assert "--resume" in again.err
    resumed = run(*start, "--max-steps", 4, "--resume")
    assert (resumed.code, resumed.out) == (0, f"{tiny_home / 'models' / 'mine'}\n")
    assert "vae: 4 steps" in resumed.err
    log = (tiny_home / "models" / "mine" / "training" / "vae" / "metrics.jsonl").read_text("utf-8")
    steps = [json.loads(line)["step"] for line in log.splitlines()]
    assert steps == sorted(steps)
    assert steps[-1] == 4
    assert json.loads(run("info", "--model", "mine", "--json").out)["parts"]["vae"]["step"] <= 4


def test_what_there_is(tiny_home: Path, piano: Path, run: Callable[..., CommandResult]) -> None:
    styles = json.loads(run("styles", "--model", "tiny", "--json").out)
    assert [style["name"] for style in styles] == ["reed", "string"]
    assert "tiny" in [model["name"] for model in json.loads(run("models", "--json").out)]
    assert "string" in run("styles", "--model", "tiny").out
    file = json.loads(run("info", piano, "--json").out)
    assert (file["sample_rate"], file["channels"]) == (44_100, 2)
    assert set(json.loads(run("info", "--model", "tiny", "--json").out)["parts"]) >= {"vae", "ldm"}
