"""`runs/base.sh --tiny`: the commands that make the shipped model, on little material, give a model that plays."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from support.command_result import CommandResult
from support.models import PARTIALS, SAMPLE_RATE, melody, tones
from support.warm_python import warm_python

import stylebox
from bench.recipe_times import stretches
from stylebox.core.config import load_preset
from stylebox.core.data.dataset import Dataset
from stylebox.core.sources.fetch.catalogue import read_catalogue
from stylebox.core.store.weights import load_metadata
from tools.assemble_base import named_tensors
from tools.style_table import NamedTimbre

ROOT = Path(stylebox.__file__).parents[1]
SCRIPT = ROOT / "runs" / "base.sh"
FLUIDR3 = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Recorded notes: a violin's, as a folder with an index."""
    folder = tmp_path / "notes"
    folder.mkdir()
    rows = ["file\tinstrument\tmidi_pitch\tsource repository\tlicence"]
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    for pitch in range(55, 97, 5):
        hz = 440 * 2 ** ((pitch - 69) / 12)
        tone = sum(np.sin(2 * np.pi * h * hz * t) / h for h in range(1, 6) if h * hz < 10_000)
        soundfile.write(folder / f"{pitch}.flac", 0.1 * tone * np.minimum(1, 20 * t) * np.exp(-t), SAMPLE_RATE)
        rows.append(f"{pitch}.flac\tviolin\t{pitch}\tsome/body\tCC0")
    (folder / "INDEX.tsv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.mark.parametrize("size", ["base", "tiny"])
def test_every_configuration_fits_its_preset(size: str) -> None:
    names = {path.name for path in (ROOT / "configs" / size).glob("*.toml")}
    assert names == {path.name for path in (ROOT / "configs" / "base").glob("*.toml")}
    for name in names - {"styles.toml"}:
        stage = name.removesuffix(".toml").partition("-")[0]
        path = ROOT / "configs" / size / name
        load_preset(size, path)
        assert set(tomllib.loads(path.read_text("utf-8"))["train"]) == {stage}
        assert name in SCRIPT.read_text("utf-8") or f" {name.removesuffix('.toml')} " in SCRIPT.read_text("utf-8")


def test_the_listed_downloads_can_be_read() -> None:
    rows = read_catalogue(ROOT / "configs" / "base" / "performances.csv").rows
    assert {row.instrument for row in rows} == {"piano", "violin"}
    assert all(row.license for row in rows)


@pytest.mark.skipif(shutil.which("bash") is None, reason="the recipe is a bash script")
def test_the_recipe_names_what_it_cannot_do_without(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHON": sys.executable, "FLUIDR3": str(tmp_path / "none.sf2")}
    ended = subprocess.run(
        ["bash", str(SCRIPT), "--tiny", str(tmp_path)], env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert "apt install fluid-soundfont-gm" in ended.stderr
    ended = subprocess.run(["bash", str(SCRIPT)], env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr.split(":")[0]) == (2, "usage")


STUB = """#!/bin/bash
echo "$*" >> "$STYLEBOX_HOME/commands.txt"
case "$*" in *" fetch "*) exit 1;; esac
while [ $# -gt 0 ]; do
  case "$1" in
    train) stage=$2;;
    --name) mkdir -p "$STYLEBOX_HOME/models/$2"; touch "$STYLEBOX_HOME/models/$2/$stage.safetensors";;
    --to) case "$2" in *.safetensors) mkdir -p "${2%/*}"; touch "$2";; esac;;
  esac
  shift
done
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="the recipe is a bash script")
def test_the_recipe_goes_on_without_what_it_cannot_get(tmp_path: Path) -> None:
    """No recorded notes, no second SoundFont, no downloads: each is named, and all stretches follow one another."""
    stub, font, work = tmp_path / "python", tmp_path / "FluidR3.sf2", tmp_path / "work"
    stub.write_text(STUB)
    stub.chmod(0o755)
    font.touch()
    environment = os.environ | {"PYTHON": str(stub), "FLUIDR3": str(font), "MUSESCORE": str(tmp_path / "none.sf3")}
    ended = subprocess.run(["bash", str(SCRIPT), str(work)], env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    for missing in ("recorded notes", "MuseScore_General", "some recordings of players"):
        assert f"goes on without {missing}" in ended.stderr
    commands = (work / "commands.txt").read_text("utf-8").splitlines()
    trained = [re.search(r" train (\w+) .*--config (\S+)", line) for line in commands]
    assert [(found[1], Path(found[2]).stem) for found in trained if found] == [
        (stage, name) for stage, name, _ in stretches()
    ]
    assert sum(" render " in line and "--samples" not in line for line in commands) == 2
    assert "tools.assemble_base" in commands[-1]


def test_a_style_whose_timbre_the_material_lacks_does_not_end_the_recipe() -> None:
    """As for a player whose recordings could not be fetched: the instrument has the sound that training chose."""
    kinds = ("tokens", "vector")
    tensors = {f"{of}.{kind}": torch.rand(2) for of in ("timbres.flute/notes/Iowa", "styles.violin") for kind in kinds}
    timbres = {"flute": "flute/notes/Iowa", "violin": "violin/real/Kim", "violin/player": "violin/real/Kim"}
    found, left_out = named_tensors(tensors, {name: NamedTimbre(timbre, "") for name, timbre in timbres.items()})
    assert left_out == ["violin/player"]
    assert set(found) == {f"styles.{name}.{kind}" for name in ("flute", "violin") for kind in kinds}
    assert found["styles.violin.tokens"] is tensors["styles.violin.tokens"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="the recipe is a bash script")
def test_the_recipe_gives_a_model_that_plays(run: Callable[..., CommandResult], notes: Path, tmp_path: Path) -> None:
    if not FLUIDR3.is_file():
        pytest.skip("no FluidR3 SoundFont here (apt install fluid-soundfont-gm)")
    work = tmp_path / "work"
    command = ["bash", str(SCRIPT), "--tiny", str(work), str(notes)]
    with warm_python() as python:
        environment = os.environ | {"PYTHON": str(python)}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, ended.stderr
    files = {path.name for path in (work / "weights").iterdir()}
    assert files == {f"{part}.safetensors" for part in ("content", "vae", "ldm", "vocoder")}
    dataset = Dataset.open(work / "dataset").fingerprint
    for part in ("vae", "ldm", "vocoder"):
        made_of = load_metadata(work / "weights" / f"{part}.safetensors")["provenance"]
        assert made_of["dataset"] == dataset
        assert len(made_of["configuration"]) == 12
    stretches = [line.split("\t")[0] for line in (work / "times.tsv").read_text("utf-8").splitlines()]
    assert stretches[:3] == ["render-all", "render-shipped", "build"]
    assert stretches[3:] == ["content-1", "content-2", "content-3", "content-4", "vae", "vocoder", "ldm"]
    soundfile.write("in.wav", tones(melody(3, 2.0), 2.0, PARTIALS["reed"]), SAMPLE_RATE)
    for style in ("violin", "flute"):
        model = str(work / "weights")
        result = run("transfer", "in.wav", "--style", style, "--model", model, "--device", "cpu", "-o", f"{style}.wav")
        assert result.code == 0, result.err
        assert soundfile.info(f"{style}.wav").frames == 2 * SAMPLE_RATE
