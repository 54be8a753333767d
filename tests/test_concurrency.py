"""Two commands on one data directory: correct results where they can share it, one clear line where they cannot."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support.command_result import CommandResult
from support.models import melody, tones, write_sources

from stylebox.core import paths
from stylebox.core.audio.io.write import write_audio
from stylebox.core.config import SAMPLE_RATE
from stylebox.core.errors import ModelError
from stylebox.core.lock import LOCK_NAME, sole_writer
from stylebox.core.paths import dataset_dir, models_dir, sources_dir, styles_dir
from stylebox.core.store.user_styles import UserStyle, save_user_style, user_styles

Run = Callable[..., CommandResult]
COMMANDS: dict[str, tuple[Callable[[], Path], tuple[str, ...]]] = {
    "build": (dataset_dir, ("build", "sources", "--preset", "tiny", "--jobs", "1")),
    "fetch": (sources_dir, ("fetch", "list.csv")),
    "render": (sources_dir, ("render", "--instruments", "harp", "--minutes", "0.05", "--jobs", "1")),
    "train vae": (
        lambda: models_dir() / "tiny" / "training" / "vae",
        ("train", "vae", "--preset", "tiny", "--device", "cpu", "--force"),
    ),
}


@pytest.fixture
def material(tmp_path: Path, tiny_home: Path) -> Path:
    write_sources(tmp_path / "sources", pieces=1, seconds=1.5)
    write_audio(tmp_path / "a.wav", tones(melody(0, 1.5), 1.5, (1.0, 0.5)), SAMPLE_RATE)
    (tmp_path / "list.csv").write_text("instrument,title,url\npiano,a,a.wav\n")
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_the_second_of_two_writers_learns_who_the_first_is(command: str, material: Path, run: Run) -> None:
    folder, arguments = COMMANDS[command]
    with sole_writer(folder(), f"stylebox {command}"):
        refused = run(*arguments)
    assert refused.code == 1
    assert f"`stylebox {command}` (process" in refused.err
    assert "wait until it ends" in refused.err


@pytest.mark.parametrize("command", ["build", "fetch", "train vae"])
def test_the_lock_of_a_killed_process_is_no_obstacle(command: str, material: Path, run: Run) -> None:
    folder, arguments = COMMANDS[command]
    folder().mkdir(parents=True, exist_ok=True)
    (folder() / LOCK_NAME).write_text("`stylebox build` (process 1 on elsewhere, since 00:00)")
    done = run(*arguments)
    assert done.code == 0, done.err


def test_a_transfer_is_not_disturbed_by_a_training_of_its_model(material: Path, run: Run) -> None:
    """A model's part is replaced as a whole; a transfer reads the one or the other."""
    transfer = ("transfer", "a.wav", "--style", "reed", "--seed", "1", "--model", "tiny", "--device", "cpu")
    with sole_writer(models_dir() / "tiny" / "training" / "ldm", "stylebox train ldm"):
        assert run(*transfer, "-o", "first.wav").code == 0
    trained = run("train", "ldm", "--preset", "tiny", "--device", "cpu", "--force")
    assert trained.code == 0, trained.err
    assert run(*transfer, "-o", "second.wav").code == 0
    assert len(Path("first.wav").read_bytes()) == len(Path("second.wav").read_bytes())


def style(name: str) -> UserStyle:
    return UserStyle(name=name, learnt_from=("a.wav",), seconds=1.0, like="harp", clip="")


def test_styles_that_are_added_at_once_are_all_there() -> None:
    """Their names make one file name, so that each has to see the others."""
    names = [f"my{mark}harp" for mark in (" ", "-", "_", "+", "(", ")", "'", ".")]
    sound = np.zeros(1000, np.float32)

    def add(number: int) -> UserStyle:
        return save_user_style(style(names[number]), sound + number / 100, SAMPLE_RATE)

    with ThreadPoolExecutor(len(names)) as pool:
        added = list(pool.map(add, range(len(names))))
    assert sorted(user_styles()) == sorted(names)
    assert len({one.clip for one in added}) == len(names)
    assert sorted(path.name for path in styles_dir().glob("*.flac")) == sorted(one.clip for one in added)


def test_of_two_styles_of_one_name_added_at_once_one_is_refused() -> None:
    sound = np.zeros(1000, np.float32)

    def add(_: int) -> str:
        try:
            return save_user_style(style("mine"), sound, SAMPLE_RATE).clip
        except ModelError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        answers = set(pool.map(add, range(2)))
    assert answers == {"mine.flac", "mine: exists already; --force replaces it"}
    assert len(list(styles_dir().iterdir())) == 2


def test_a_style_waits_for_its_turn_and_takes_the_clip_that_a_killed_process_left() -> None:
    styles_dir().mkdir(parents=True)
    (styles_dir() / "mine.flac").write_bytes(b"half")
    with ThreadPoolExecutor(1) as pool:
        with sole_writer(styles_dir(), "stylebox styles add"):
            waiting = pool.submit(save_user_style, style("mine"), np.zeros(1000, np.float32), SAMPLE_RATE)
            assert not waiting.done()
        assert waiting.result(timeout=10).clip == "mine.flac"
    assert json.loads((paths.styles_dir() / "mine.json").read_text("utf-8"))["name"] == "mine"


def test_a_style_that_is_removed_while_the_styles_are_read_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mine", "yours"):
        save_user_style(style(name), np.zeros(1000, np.float32), SAMPLE_RATE)
    listed = paths.entries

    def removed_at_once(folder: Path, pattern: str = "*") -> list[Path]:
        found = listed(folder, pattern)
        (folder / "mine.json").unlink()
        return found

    monkeypatch.setattr(paths, "entries", removed_at_once)
    assert sorted(user_styles()) == ["yours"]
