"""Presets: overrides from a TOML file, unknown settings, sizes that do not fit, and loss weights."""

from pathlib import Path

import pytest

from stylebox.core.config import Preset, TrainConfig, load_preset, preset_names
from stylebox.core.errors import ConfigError


@pytest.mark.parametrize("name", ["base", "paper", "tiny"])
def test_every_preset_loads_under_its_own_name(name: str) -> None:
    assert name in preset_names()
    assert load_preset(name).name == name


def test_a_file_replaces_only_the_settings_that_it_names(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[diffusion]\nsteps = 9\n")
    preset, base = load_preset("base", file), load_preset("base")
    assert preset.diffusion.steps == 9
    assert preset.diffusion.guidance == base.diffusion.guidance
    assert preset.mel == base.mel


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[mel]\nn_mells = 80\n", r"mine\.toml: mel\.n_mells: unknown setting; correct or remove it"),
        ("[mel]\nn_mels = 'many'\n", r"mine\.toml: mel\.n_mels: .*integer"),
        ("[mel]\nn_mels = 161\n", r"mine\.toml: preset: .*not a multiple of its stride"),
        ("[mel\n", r"mine\.toml: is not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_setting_that_is_wrong(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_preset("base", file)


@pytest.mark.parametrize(
    ("section", "line"),
    [
        *(("train.vae", f"{key} = {value}") for key in ("batch_size", "validate_every", "steps") for value in (0, -1)),
        *(("train.vae", f"{key} = nan") for key in ("learning_rate", "clip", "weight_decay", "checkpoint_minutes")),
        *(("train.vae", line) for line in ("learning_rate = -1.0", "ema = 1.0", "patience = 0", "seed = -1")),
        *(("train.vae", line) for line in ("crop_frames = 0", "clip = inf", "betas = [0.9, 1.0]", "steps = 1e30")),
        *(("diffusion", line) for line in ("steps = -1", "guidance = inf", "strength = 1.5")),
        *(("mel", line) for line in ("floor_db = -inf", "floor_db = 40.0")),
    ],
)
def test_a_number_that_no_training_can_use_is_refused_by_name(section: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(f"[{section}]\n{line}\n")
    with pytest.raises(ConfigError, match=rf"own\.toml: {section}") as caught:
        load_preset("tiny", tmp_path / "own.toml")
    assert line.split()[0] in str(caught.value)


def test_a_missing_file_and_an_unknown_preset_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: no such file; check the name"):
        load_preset("base", tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="there is no preset 'huge'; choose one of base, paper, tiny"):
        load_preset("huge")


def test_a_preset_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_preset("tiny").mel.n_mels = 3


def test_loss_weights_of_the_configuration_replace_the_defaults_of_the_same_name() -> None:
    config = TrainConfig(weights={"kl": 0.5})
    assert config.weights_over({"kl": 1.0, "gradient": 2.0}) == {"kl": 0.5, "gradient": 2.0}
    with pytest.raises(ConfigError, match="there is no loss term kl; there are: gradient"):
        config.weights_over({"gradient": 2.0})


def test_a_stage_without_settings_has_the_defaults() -> None:
    assert Preset(name="bare").stage("vae") == TrainConfig()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_file_of_settings_may_be_saved_in_any_unicode(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_bytes('name = "größer"\n'.encode(encoding))
    assert load_preset("tiny", tmp_path / "own.toml").name == "größer"


def test_a_file_of_settings_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_bytes('name = "größer"\n'.encode("cp1252"))
    with pytest.raises(ConfigError, match=r"own\.toml: is not UTF-8; save it as UTF-8"):
        load_preset("tiny", tmp_path / "own.toml")
