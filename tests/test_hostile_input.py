"""Files from strangers write nothing outside the chosen folder, fill no memory, and no name in them is obeyed."""

import itertools
import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file
from support.command_result import CommandResult
from support.fetching import QUICK, catalogue, wav
from support.recordings import tree

import stylebox.core
from stylebox.core.audio.io import read
from stylebox.core.audio.io.read import AudioReader, load_audio, probe
from stylebox.core.config import load_preset
from stylebox.core.data.manifest import FORMAT_VERSION, MANIFEST_NAME, read_manifest
from stylebox.core.data.shards import INDEX_NAME as SHARDS_INDEX
from stylebox.core.data.shards import SHARDS_VERSION, read_index
from stylebox.core.errors import AudioError, DatasetError, ModelError, SourceError
from stylebox.core.file_names import safe_name
from stylebox.core.jobs.generate import generate_file
from stylebox.core.paths import styles_dir
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.sources.fetch.fetch import fetch
from stylebox.core.sources.fetch.index import INDEX_NAME, FetchIndex
from stylebox.core.store import library
from stylebox.core.store.user_styles import user_styles
from stylebox.core.store.weights import load_weights

Run = Callable[..., CommandResult]
OUTSIDE = ["../victim.wav", "a/../../victim.wav", "/away/victim.wav", "..", "", ".", "a\0b"]
TERMINAL = "\x1b]0;owned\x07\x1b[2Jred\u202egpj"
MARKUP = "[red]x[/blue] [link=http://a]b[/]"
HTML = '"><script>alert(1)</script><img src=x onerror=y>'


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("place", ["files", "stale"])
def test_a_fetch_index_names_no_file_outside_its_folder(path: str, place: str, tmp_path: Path) -> None:
    """Such a file would be deleted, or moved into the folder."""
    victim = tmp_path / "victim.wav"
    victim.write_bytes(b"mine")
    folder = tmp_path / "sources"
    folder.mkdir()
    file = {"path": path, "item": "x", "size": 4, "sha256": ""}
    entry = {"instrument": "piano", "title": "t", "url": "https://a.example", "files": [file] * (place == "files")}
    stale = [path] * (place == "stale")
    (folder / INDEX_NAME).write_text(json.dumps({"format": 1, "entries": [entry], "stale": stale}))
    with pytest.raises(SourceError, match=r"fetched\.json: is damaged"):
        FetchIndex(folder)
    assert victim.read_bytes() == b"mine"


@pytest.mark.parametrize(
    "name", ["../../evil", "/etc/evil", "..", "a/b\\c", "C:\\evil", TERMINAL, HTML, "-rf", "x" * 400]
)
def test_titles_and_instruments_stay_in_the_folder(name: str, tmp_path: Path) -> None:
    Path("a.wav").write_bytes(wav())
    to = tmp_path / "deep" / "sources"
    before = set(tree(tmp_path))
    report = fetch(catalogue((name, name, "a.wav", "", "")), to, options=QUICK)
    assert [outcome.state for outcome in report.outcomes] == ["new"]
    made = set(tree(tmp_path)) - before
    assert made
    assert all(found.startswith("deep/sources/") for found in made)
    (sound,) = to.glob("*/*.wav")
    assert (sound.stem, sound.parent.name) == (safe_name(name), safe_name(name))
    assert not any(ord(c) < 32 for c in sound.name)


@pytest.mark.parametrize("url", ["ftp://a.example/x.mp3", "rtmp://a.example/x", "gopher://a/x", "javascript:alert(1)"])
def test_only_addresses_of_the_web_are_fetched(url: str, tmp_path: Path) -> None:
    report = fetch(catalogue(("piano", "t", url, "", "")), tmp_path / "to", options=QUICK)
    assert "give an address of http or https" in report.failures[0]


@pytest.mark.parametrize("files", OUTSIDE)
def test_a_manifest_names_no_array_outside_its_folder(files: str, tmp_path: Path) -> None:
    texts = dict.fromkeys(("id", "instrument", "source", "sha256", "title"), "x")
    numbers = dict.fromkeys(("seconds", "samples", "frames", "loudness_db", "gain_db", "stop_frame"), 1)
    manifest = {"format": FORMAT_VERSION, "mel": {}, "recordings": [{**texts, **numbers, "files": files}]}
    (tmp_path / MANIFEST_NAME).write_text(json.dumps(manifest))
    with pytest.raises(DatasetError, match="plain file name"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("field", ["name", "files"])
def test_an_index_of_shards_names_no_file_outside_its_folder(name: str, field: str, tmp_path: Path) -> None:
    """A shard would be written there, and its arrays deleted."""
    shard = {"name": "a.tar", "kind": "train", "size": 1, "sha256": "", "files": ["a"]}
    shard[field] = name if field == "name" else [name]
    index = {"format": SHARDS_VERSION, "manifest": {"mel": {}, "recordings": []}, "shards": [shard]}
    (tmp_path / SHARDS_INDEX).write_text(json.dumps(index))
    with pytest.raises(DatasetError, match="is damaged"):
        read_index(str(tmp_path))


def test_a_style_plays_no_file_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "secret.flac").write_bytes(b"x")
    styles_dir().mkdir(parents=True)
    for number, clip in enumerate(("../secret.flac", str(tmp_path / "secret.flac"))):
        card = {"name": f"s{number}", "learnt_from": [], "seconds": 1, "clip": clip}
        (styles_dir() / f"{number}.json").write_text(json.dumps(card))
    assert user_styles() == {}


def test_hours_of_silence_in_a_small_file_are_refused_before_they_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes stand for three hours: FLAC stores an hour of silence in half a megabyte."""
    monkeypatch.setattr(read, "LONGEST_SECONDS", 500.0)
    bomb = tmp_path / "bomb.flac"
    with soundfile.SoundFile(bomb, "w", 8000, 1, format="FLAC") as file:
        for _ in range(10):
            file.write(np.zeros(60 * 8000, np.float32))
    assert bomb.stat().st_size < 60_000
    with pytest.raises(AudioError, match=r"bomb\.flac: lasts more than .* hours, .*; cut it into parts$"):
        load_audio(bomb)
    assert probe(bomb).seconds == 600  # what reads in blocks has no bound
    soundfile.write(tmp_path / "long.wav", np.zeros(501 * 8000, np.int16), 8000)
    with AudioReader(tmp_path / "long.wav") as reader:
        monkeypatch.setattr(type(reader), "__iter__", lambda self: pytest.fail("its header says how long it is"))
    with pytest.raises(AudioError, match="lasts more than"):
        load_audio(tmp_path / "long.wav")


@pytest.mark.parametrize(("channels", "rate"), [(65535, 44100), (0, 44100), (1, 0xFFFFFFFF), (1, 0)])
def test_a_wav_header_that_lies_is_one_line(channels: int, rate: int, tmp_path: Path) -> None:
    form = struct.pack("<HHIIHH", 1, channels, rate, 0xFFFFFFFF, 0xFFFF, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data\xff\xff\xff\xff" + bytes(1000)
    (tmp_path / "a.wav").write_bytes(b"RIFF\xff\xff\xff\xff" + body)
    with pytest.raises(AudioError, match=r"a\.wav: .*; "):
        load_audio(tmp_path / "a.wav")


def test_a_midi_file_of_days_is_refused_before_it_is_played(tmp_path: Path) -> None:
    track = mido.MidiTrack([mido.Message("note_on", note=60), mido.Message("note_on", note=62, time=0x0FFFFFFF)])
    mido.MidiFile(tracks=[track]).save("days.mid")
    with pytest.raises(SourceError, match=r"days\.mid: the last note ends after 77\.7 hours, at most 3 are played"):
        generate_file(tmp_path / "a.wav", TransferOptions("flute"), None, notes=Path("days.mid"))  # type: ignore[arg-type]


def test_a_weights_header_of_terabytes_allocates_nothing(tmp_path: Path) -> None:
    shape = {"dtype": "F32", "shape": [1 << 20, 1 << 20], "data_offsets": [0, 1 << 42]}
    header = json.dumps({"x": shape}).encode()
    path = tmp_path / "a.safetensors"
    for size in (len(header), 1 << 60):
        path.write_bytes(struct.pack("<Q", size) + header)
        with pytest.raises(ModelError, match="is not a complete safetensors file"):
            load_weights(path)


SIZES: dict[str, dict[str, object]] = {
    "vae": {"channels": [60_000, 60_000]},
    "content": {"channels": 60_000},
    "vocoder": {"dim": 60_000, "intermediate_dim": 60_000},
}


@pytest.mark.parametrize("stage", SIZES)
def test_weights_that_name_huge_networks_are_refused_before_these_are_made(stage: str, tmp_path: Path) -> None:
    config = load_preset("base").model_dump(mode="json", include={"family", "mel", "content", "vae", "vocoder"})
    path = tmp_path / f"{stage}.safetensors"
    load = {"vae": library.load_vae, "content": library.load_content_encoder, "vocoder": library.load_vocoder}[stage]
    mel = () if stage == "content" else (load_preset("base").mel,)
    endless: dict[str, object] = {"num_blocks": 10**9, "num_layers": 10**9}
    for sizes, reason in ((SIZES[stage], "is missing"), (endless, "give numbers")):
        known = {key: value for key, value in sizes.items() if key in config[stage]}
        text = json.dumps({"config": config | {stage: config[stage] | known}})
        save_file({"x": torch.zeros(1)}, path, {"stylebox": text})
        with pytest.raises(ModelError, match=reason):
            load(str(tmp_path) + "/", *mel)  # type: ignore[operator]


@pytest.mark.parametrize(
    "card",
    [{"config": 5}, {"config": {"mel": 7, "family": [1]}}, {"config": {"mel": {}}, "styles": [2], "provenance": "x"}],
)
@pytest.mark.parametrize("command", ["styles", "info", "generate --style a"])
def test_metadata_of_another_kind_is_one_line(command: str, card: dict[str, object], run: Run, tmp_path: Path) -> None:
    for stage in library.STAGES:
        text = json.dumps(card)
        save_file({"styles.a.tokens": torch.zeros(1)}, tmp_path / f"{stage}.safetensors", {"stylebox": text})
    ended = run(*command.split(), "--model", f"{tmp_path}/")
    assert ended.code in (0, 1)
    assert "unexpected" not in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("name", [TERMINAL, MARKUP, HTML])
def test_names_are_shown_and_not_obeyed(name: str, run: Run, tmp_path: Path) -> None:
    name = name.replace("/", "|")
    Path(f"{name}.wav").write_bytes(b"no sound")
    Path("list.csv").write_text(f'instrument,title,url\n"{name.replace(chr(34), chr(34) * 2)}",,nowhere.wav\n', "utf-8")
    shown = [
        run("info", f"{name}.wav"),
        run("transfer", f"{name}.wav", "--style", name),
        run("fetch", "list.csv", "--to", "to"),
        run("styles", "show", name),
        run("evaluate", "--inputs", f"{name}.wav", "--styles", name),
    ]
    for result in shown:
        assert result.code != 0
        assert not any(c in result.out + result.err for c in "\x1b\x07\u202e")
        assert "Traceback" not in result.err
    assert "[red]x[" in shown[0].err or "red" not in name or "\\x1b" in shown[0].err


def test_no_shell_runs_and_nothing_is_unpickled() -> None:
    """A name is never part of a command, and no file from elsewhere is code."""
    forbidden = ("shell=True", "os.system", "os.popen", "pickle.load", "torch.load(", "allow_pickle=True", "eval(")
    package = Path(next(iter(stylebox.core.__path__))).parent
    sources = {path: path.read_text("utf-8") for path in package.rglob("*.py")}
    harmless = ('torch.load(path, map_location="cpu", weights_only=True', "pickle.loads(pickle.dumps(error))")
    for path, word in itertools.product(list(sources), harmless):
        sources[path] = sources[path].replace(word, "")
    found = [(path.name, word) for path, text in sources.items() for word in forbidden if f" {word}" in text]
    assert found == []
    starts = [path.name for path, text in sources.items() if "subprocess" in text]
    assert starts == []


def test_no_command_reaches_the_network_by_importing() -> None:
    """Only `fetch` and the announced download of VGGish load a client of the network."""
    code = "import sys; import stylebox.core.jobs.transfer; sys.exit('yt_dlp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
