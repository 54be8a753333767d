"""The bench is not shipped and takes long; here that it fits the package: its commands, ablations and sets."""

import struct
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import stylebox
from bench import recordings
from stylebox.core.config import load_preset

BENCH = Path(stylebox.__file__).parents[1] / "bench"


@pytest.fixture
def script() -> Callable[[str], ModuleType]:
    """A file of bench/ as a module."""
    return lambda name: import_module(f"bench.{name}")


@pytest.mark.parametrize(("name", "option"), [("results", "--pairs"), ("speed", "--packages")])
def test_its_imports_are_there(name: str, option: str) -> None:
    command = [sys.executable, "-m", f"bench.{name}", "--help"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=BENCH.parent)
    assert option in ended.stdout


def test_an_ablation_is_trained_and_measured_on_held_out_pairs(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tiny_home: Path, tmp_path: Path
) -> None:
    ablations, held_out = script("ablations"), script("held_out")
    for module in (held_out, import_module("stylebox.core.training.examples")):
        monkeypatch.setattr(module, "CLIP_SECONDS", 0.75)
    monkeypatch.setattr(held_out, "FRAMES", 64)
    dataset = tiny_home / "dataset"
    pairs = held_out.HeldOutPairs(dataset, "base")
    trained = ablations.LatentDiffusion("tiny", pairs)
    for draw in (trained.draft, trained.refine):
        distance, notes, swap = (float(figure) for figure in pairs.row(draw))
        assert distance > 0
        assert 0 <= notes <= 1
        assert swap >= 0
    distance, _, swap = (float(figure) for figure in pairs.row(lambda _: pairs.batch["mel"]))
    assert (distance, swap) == (0, 0), "the true target is at no distance, and no style moves it"


def test_every_ablation_is_a_configuration_of_a_preset() -> None:
    configs = sorted((BENCH.parent / "configs" / "ablations").glob("*.toml"))
    assert {path.stem for path in configs} >= {"draft", "diffusion", "adversary", "content", "paper"}
    for path in configs:
        preset = load_preset("paper" if path.stem == "paper" else "base", path)
        assert all(stage.learning_rate == 1e-3 for name, stage in preset.train.items() if name in path.read_text())


def test_a_resource_collection_gives_its_files_back(script: Callable[[str], ModuleType]) -> None:
    """Laid out by hand: a header, the names, the data, then the tree of a folder in the root and its two files."""
    names = [b"\x00\x03" + b"hash" + "sub".encode("utf-16-be"), b"\x00\x05" + b"hash" + "b.ogg".encode("utf-16-be")]
    contents = [b"OggS and more", b"packed"]
    data = b"".join(struct.pack(">I", len(content)) + content for content in contents)
    second = struct.pack(">I", 4 + len(contents[0]))
    date = bytes(8)
    tree = [
        struct.pack(">IHII", 0, 2, 1, 1) + date,  # the root, its only child at 1
        struct.pack(">IHII", 0, 2, 2, 2) + date,  # "sub", two children from 2 on
        struct.pack(">IHHHI", len(names[0]), 0, 0, 1, 0) + date,
        struct.pack(">IHHH", len(names[0]), 1, 0, 1) + second + date,  # compressed: left out
    ]
    head = 20
    name_at, data_at = head, head + sum(map(len, names))
    rcc = struct.pack(">4s4I", b"qres", 3, data_at + len(data), data_at, name_at) + b"".join([*names, data, *tree])

    module = script("recordings")
    assert list(module.resources(rcc)) == [("b.ogg", contents[0])]
    with pytest.raises(ValueError, match="not a Qt"):
        list(module.resources(b"RIFF" + rcc[4:]))


def test_the_sets_share_no_recording_and_the_test_set_has_no_player_of_the_training() -> None:
    test, dev = (recordings.listed(name) for name in ("test", "dev"))
    assert len({one.file for one in test}) == len(test) >= 20
    assert {"piano", "guitar", "harp", "violin", "cello", "flute", "clarinet", "trumpet"} <= {
        one.instrument for one in test
    }
    assert not {one.sha256 for one in test} & {one.sha256 for one in dev}
    trained = ("Ishizaka", "Garner", "Kim", "GuitarSet")
    assert [one.file for one in test if any(name in one.player for name in trained)] == []
    assert all(one.licence and one.player and len(one.sha256) == 64 for one in [*test, *dev])


def test_a_recording_that_has_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = (one for one in recordings.listed("test") if one.file == "guitar/mangore.ogg")
    monkeypatch.setattr(recordings, "listed", lambda name: [first])
    monkeypatch.setattr(recordings, "_unpack", lambda package, folder: tmp_path)
    path = tmp_path / first.path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another recording")
    with pytest.raises(ValueError, match=r"another recording than guitar/mangore\.ogg"):
        recordings.fetch("test", tmp_path / "set")
