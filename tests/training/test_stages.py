"""The stages of preset `base`, at preset `tiny`'s size: what is trained moves, what is frozen does not."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stylebox.core.config import load_preset
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.manifest import Recording
from stylebox.core.data.sampler import ExampleSampler
from stylebox.core.errors import ConfigError, DatasetError, ModelError
from stylebox.core.jobs.train import make_stage, train, training_settings
from stylebox.core.models.content_encoder import posteriors, shift_keys
from stylebox.core.models.content_map import ContentMap
from stylebox.core.models.discriminator import Discriminator
from stylebox.core.music.note_matching import note_f1
from stylebox.core.music.notes import Note, notes_from_posteriors, piano_roll
from stylebox.core.progress import silent
from stylebox.core.store.weights import load_weights
from stylebox.core.training.losses import discriminator_loss
from stylebox.core.training.style_library import reference_timbres

PRESET = load_preset("tiny")


def stage_of(name: str, home: Path) -> Any:
    return make_stage(name, PRESET, Dataset.open(home / "dataset"), "tiny", "cpu", silent)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("name", ["content", "vae", "ldm", "vocoder"])
def test_every_trainable_part_receives_gradient(name: str, tiny_home: Path) -> None:
    stage = stage_of(name, tiny_home)
    torch.manual_seed(0)
    for module in stage.parts.values():  # blocks start as the identity; a few steps in, nothing is zero any more
        for parameter in module.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.05)
    step, dropped = 0, 0.0
    while dropped == 0.0 and step < 20:  # the null style learns only from batches in which a style is dropped
        stage.losses(stage.expand(stage.batch(step)), torch.Generator().manual_seed(step), "model")["loss"].backward()
        step += 1
        null = stage.style_encoder.null_vector.grad if name == "ldm" else None
        dropped = 1.0 if null is None else float(null.abs().sum())
    for module in stage.parts.values():
        for key, parameter in module.named_parameters():
            assert parameter.grad is not None, key
            assert parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize("name", ["content", "vae", "ldm", "vocoder"])
def test_a_batch_depends_on_the_step_alone(name: str, tiny_home: Path) -> None:
    first, second = stage_of(name, tiny_home), stage_of(name, tiny_home)
    second.batch(0)
    for key, value in first.batch(3).items():
        assert torch.equal(value, second.batch(3)[key])
    assert any(not torch.equal(value, first.batch(4)[key]) for key, value in first.batch(3).items())


def test_the_vae_is_bitwise_unchanged_by_training_ldm(tiny_home: Path) -> None:
    before = (tiny_home / "models/tiny/vae.safetensors").read_bytes()
    stage = stage_of("ldm", tiny_home)
    kept = {name: tensor.clone() for name, tensor in stage.vae.state_dict().items()}
    optimizer = torch.optim.AdamW([p for part in stage.parts.values() for p in part.parameters()], lr=0.1)
    stage.losses(stage.expand(stage.batch(0)), generator(), "model")["loss"].backward()
    optimizer.step()
    assert all(torch.equal(tensor, kept[name]) for name, tensor in stage.vae.state_dict().items())
    assert all(parameter.grad is None for parameter in stage.vae.parameters())
    assert (tiny_home / "models/tiny/vae.safetensors").read_bytes() == before


def test_the_draft_gets_no_gradient_from_the_denoiser(tiny_home: Path) -> None:
    stage = stage_of("ldm", tiny_home)
    stage.weights |= {"draft": 0.0, "contrastive": 0.0, "diffusion": 1.0, "adversarial": 0.0}
    stage.losses(stage.expand(stage.batch(0)), generator(), "model")["loss"].backward()
    assert not any(p.grad is not None and p.grad.any() for p in stage.draft.parameters())


def test_the_adversary_pulls_in_proportion(tiny_home: Path) -> None:
    """Half as hard as the target does, however sure it is of itself."""
    stage = stage_of("ldm", tiny_home)
    stage.weights |= {"draft": 1.0, "contrastive": 0.0, "diffusion": 0.0}

    def gradient(adversarial: float) -> torch.Tensor:
        stage.weights["adversarial"] = adversarial
        stage.draft.zero_grad()
        stage.losses(stage.expand(stage.batch(0)), generator(), "model")["loss"].backward()
        gradient = stage.draft.unet.conv_out.bias.grad
        assert isinstance(gradient, torch.Tensor)
        return gradient.clone()

    alone = gradient(0.0)
    pull = gradient(0.5) - alone
    torch.testing.assert_close(gradient(1.0) - alone, 2 * pull)
    with torch.no_grad():
        stage.discriminator.verdict.weight.mul_(30)
    surer = gradient(0.5) - alone
    assert pull.any()
    assert not torch.allclose(surer, pull)
    assert 0.1 < surer.norm() / pull.norm() < 10


def test_the_adversary_learns_to_tell_a_blurred_mel() -> None:
    torch.manual_seed(0)
    judge, vector = Discriminator(PRESET.style), torch.randn(4, PRESET.style.vector_dim)
    optimizer = torch.optim.Adam(judge.parameters(), 1e-3)

    def losses() -> torch.Tensor:
        sharp = 0.1 * torch.randn(4, 128, 32)
        blurred = torch.nn.functional.avg_pool2d(sharp, (1, 5), 1, (0, 2))
        true, made = (judge(mel, vector)[0] for mel in (sharp, blurred))
        return discriminator_loss([true], [made])

    for _ in range(40):
        optimizer.zero_grad()
        losses().backward()
        optimizer.step()
    with torch.no_grad():
        assert losses() < 0.2  # one who guesses has 0.5


@pytest.mark.parametrize("name", ["vae", "ldm"])
def test_resume_equals_uninterrupted(name: str, tiny_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    common: dict[str, Any] = {"preset": "tiny", "dataset": tiny_home / "dataset", "device": "cpu"}
    models = tiny_home / "models"
    for target in ("whole", "halves"):
        (models / target).mkdir()
        for part in ("content", "vae"):
            for suffix in (".safetensors", ".json"):
                content = (models / "tiny" / f"{part}{suffix}").read_bytes()
                if part != name:
                    (models / target / f"{part}{suffix}").write_bytes(content)
    train(name, name="whole", **common)
    train(name, name="halves", max_steps=2, **common)
    train(name, name="halves", resume=True, **common)
    last = f"training/{name}/last.safetensors"
    assert (models / "whole" / last).read_bytes() == (models / "halves" / last).read_bytes()


def test_batch_equals_single(tiny_home: Path) -> None:
    stage = stage_of("ldm", tiny_home)
    batch = stage.expand(stage.batch(0))
    with torch.no_grad():
        tokens, vector = stage.style_encoder(batch["style"])
        drafts = stage.draft(batch["content"], batch["dynamics"], tokens, vector)
        alone = stage.draft(batch["content"][1:], batch["dynamics"][1:], tokens[1:], vector[1:])
    assert torch.allclose(drafts[1:], alone, atol=1e-5)


def test_the_style_clip_is_of_the_targets_instrument(tiny_home: Path) -> None:
    dataset = Dataset.open(tiny_home / "dataset")
    sampler = ExampleSampler(dataset.split("train"), 32, 32)
    examples = list(sampler.draw(np.random.default_rng(0), 60))
    assert all(x.style.instrument == x.target.instrument and x.style is not x.target for x in examples)
    paired = [x for x in examples if x.content is not x.target]
    assert paired
    assert all(x.content.score == x.target.score for x in paired)
    assert {x.target.instrument for x in examples} == {"reed", "string"}


def test_too_few_recordings_are_one_line_with_the_fix(tiny_home: Path) -> None:
    for recordings, reason in (([], "add some"), (Dataset.open(tiny_home / "dataset").split("train"), "none has the")):
        with pytest.raises(DatasetError, match=rf"^too few recordings.*: {reason}.*run `stylebox build` again"):
            ExampleSampler(recordings, 1_000_000, 32)


def test_onsets_are_the_scores_own_in_most_examples(tiny_home: Path) -> None:
    stage = stage_of("ldm", tiny_home)
    reader = stage.material.latest
    drawn = reader.sampler.draw(np.random.default_rng(0), 8)
    examples = list(drawn)
    frames, rate = stage.config.crop_frames, stage.mel.frames_per_second
    marked = reader.read(drawn, np.arange(8) % 2 == 0)["content"]
    heard = reader.read(drawn, np.zeros(8, bool))["content"]
    assert torch.equal(marked[:, 0], heard[:, 0])
    assert torch.equal(marked[1::2], heard[1::2])
    for onset, example in zip(marked[::2, 1], examples[::2], strict=True):
        wanted = torch.zeros_like(onset)
        for start, _, pitch, _ in stage.dataset.notes(example.target):
            for frame in (round(float(start) * rate) - example.start_frame + n for n in (0, 1)):
                if 0 <= frame < frames:
                    wanted[int(pitch) - 21, frame] = 1
        assert torch.equal(onset, wanted)
    assert marked[::2, 1].sum() > 0


def test_the_content_encoder_in_windows_equals_the_whole(tiny_home: Path) -> None:
    encoder = stage_of("content", tiny_home).encoder.eval()
    audio = torch.randn(22050 * 4, generator=generator()) * 0.05
    with torch.no_grad():
        whole = posteriors(encoder, audio, window_frames=10_000)
        windows = posteriors(encoder, audio, window_frames=50, margin_frames=40)
    assert whole.shape == (2, 88, 1 + len(audio) // 512)
    assert torch.allclose(whole, windows, atol=1e-4)


def test_notes_survive_the_piano_roll() -> None:
    notes = [Note(0.1, 0.6, 60), Note(0.6, 0.9, 60), Note(0.2, 0.9, 72), Note(1.0, 1.2, 40)]
    rate = 43.066
    found = notes_from_posteriors(*piano_roll(notes, 60, rate), rate)
    assert [n.pitch for n in found] == [60, 72, 60, 40]
    assert note_f1(notes, found) == 1.0
    for before, after in zip(sorted(notes), found, strict=True):
        assert after.start_seconds * rate == pytest.approx(round(before.start_seconds * rate))
    assert note_f1(notes, [n._replace(pitch=n.pitch + 1) for n in found]) == 0.0
    assert notes_from_posteriors(np.zeros((60, 88)), np.zeros((60, 88)), rate) == []


@pytest.mark.parametrize("late", [0.0, 0.3, 0.8])
def test_a_note_begins_between_frames(late: float) -> None:
    """An onset's mark of two frames, moved on by part of one as linear interpolation would: so its peak is late."""
    frame, onset = np.zeros((2, 40, 88), np.float32)
    frame[10:30, 40] = 1.0
    onset[10:13, 40] = [1 - late, 1.0, late]
    (note,) = notes_from_posteriors(frame, onset, 1.0)
    assert note.start_seconds == pytest.approx(10 + late, abs=0.01)


def test_a_string_is_let_go_before_it_is_struck_again() -> None:
    frame, onset = np.zeros((2, 40, 88), np.float32)
    frame[10:30, 40] = 1.0
    onset[10:12, 40], onset[19:22, 40] = 1.0, [0.9, 1.0, 0.1]  # heard a little before the second one's peak
    first, second = notes_from_posteriors(frame, onset, 1.0)
    assert second.start_seconds < 20
    assert first.end_seconds == second.start_seconds


def test_what_sounds_as_a_recording_begins_begins_with_it() -> None:
    frame, onset = np.zeros((2, 40, 88), np.float32)
    frame[:20, 40] = 0.9  # its onset is before the recording
    frame[:20, 45], onset[1:3, 45] = 0.9, 0.8  # struck a frame later, heard
    frame[:20, 50] = 0.4  # hardly there
    frame[5:20, 55] = 0.9  # a tail that rises later is no beginning
    found = notes_from_posteriors(frame, onset, 1.0)
    assert [(n.pitch - 21, round(n.start_seconds, 3)) for n in found] == [(40, 0.0), (45, 1.0)]


def test_the_content_map_draws_a_key_at_its_partials() -> None:
    import librosa

    content = torch.zeros(1, 2, 88, 4)
    content[0, 0, 69 - 21, 1] = 1.0
    drawn = ContentMap(PRESET.mel)(content, torch.zeros(1, 4))
    assert drawn.shape == (1, 8, PRESET.mel.n_mels, 4)
    centres = librosa.mel_frequencies(PRESET.mel.n_mels + 2, fmin=0, fmax=PRESET.mel.sample_rate / 2)[1:-1]
    assert abs(centres[int(drawn[0, 0, :, 1].argmax())] - 440) < 25
    assert (drawn[0, :6, :, [0, 2, 3]] == 0).all()
    for h in (1, 2, 3, 5, 10):
        band = int(np.abs(centres - 440 * h).argmin())
        assert drawn[0, 2, band, 1] > 0
    moved = ContentMap(PRESET.mel)(shift_keys(content, 12), torch.zeros(1, 4))
    assert abs(centres[int(moved[0, 0, :, 1].argmax())] - 880) < 35


def test_shifted_keys_leave_the_keyboard() -> None:
    content = torch.ones(2, 88, 3)
    assert shift_keys(content, 5).sum() == shift_keys(content, -5).sum() == 2 * 83 * 3
    assert torch.equal(shift_keys(content, 0), content)


def test_unknown_stages_and_lacking_parts_are_one_line(tiny_home: Path) -> None:
    with pytest.raises(ConfigError, match="no stage 'voice'"):
        stage_of("voice", tiny_home)
    (tiny_home / "models/tiny/vae.safetensors").write_bytes(b"not one")
    with pytest.raises(ModelError, match=r"vae\.safetensors"):
        stage_of("ldm", tiny_home)


def test_a_borrowed_vae_of_another_size_is_refused(tiny_home: Path) -> None:
    with pytest.raises(ModelError, match=r"another size.*train vae --preset tiny --name missing"):
        make_stage("ldm", PRESET, Dataset.open(tiny_home / "dataset"), "missing", "cpu", silent)


def test_a_model_has_the_name_of_a_folder(tiny_home: Path) -> None:
    with pytest.raises(ConfigError, match=r"--name \.\./x: cannot be the name of a folder"):
        train("vae", preset="tiny", dataset=tiny_home / "dataset", name="../x")


def test_a_loss_term_that_there_is_not_is_refused(tiny_home: Path) -> None:
    misspelt = PRESET.stage("vae").model_copy(update={"weights": {"gradeint": 1.0}})
    preset = PRESET.model_copy(update={"train": {"vae": misspelt}})
    with pytest.raises(ConfigError, match="no loss term gradeint; there are: kl, gradient, perceptual"):
        make_stage("vae", preset, Dataset.open(tiny_home / "dataset"), "tiny", "cpu", silent)


def test_the_reference_timbre_is_a_recording_before_a_soundfont_before_single_notes() -> None:
    def recording(name: str, timbre: str | None) -> Recording:
        return Recording(
            id=name, files=name.replace("/", "-"), instrument="oboe", source=name, sha256="", title=name, seconds=1,
            samples=1, frames=1, loudness_db=0, gain_db=0, timbre=timbre, stop_frame=1,
        )  # fmt: skip

    notes, font, other_font = (recording(x, f"oboe/{x}") for x in ("notes/A", "GM/68", "GM/69"))
    player = recording("player", None)
    assert chosen([notes, other_font, font]) == [font]
    assert chosen([notes, font, player]) == [player]
    assert chosen([notes]) == [notes]
    assert chosen([notes, font, player], "notes") == [notes]
    assert chosen([player, font, other_font], "GM") == [font]
    with pytest.raises(DatasetError, match=r"no timbre of oboe has 'brass' in its name.*oboe/GM/68, oboe/notes/A"):
        chosen([notes, font, player], "brass")
    with pytest.raises(DatasetError, match=r"no timbre of lute .* there are: none"):
        reference_timbres([notes], {"lute": "GM"})


def chosen(recordings: list[Recording], wanted: str | None = None) -> list[Recording]:
    return reference_timbres(recordings, None if wanted is None else {"oboe": wanted})["oboe"]


def test_training_begins_with_another_model_and_keeps_what_is_frozen(tiny_home: Path, tmp_path: Path) -> None:
    common: dict[str, Any] = {"preset": "tiny", "dataset": tiny_home / "dataset", "device": "cpu"}
    begun = load_weights(tiny_home / "models" / "tiny" / "ldm.safetensors")[0]

    def trained(settings: str, **how: Any) -> dict[str, torch.Tensor]:
        config = tmp_path / "on.toml"
        config.write_text(f"[train.ldm]\n{settings}", "utf-8")
        shutil.copytree(tiny_home / "models" / "tiny", tiny_home / "models" / "on", dirs_exist_ok=True)
        train("ldm", name="on", config_file=config, force=True, **common, **how)
        return load_weights(tiny_home / "models" / "on" / "ldm.safetensors")[0]

    on = trained('begin_with = "tiny"\nlearning_rate = 1e-3\nfrozen = ["draft", "style_encoder"]')
    parts = {name.partition(".")[0] for name in begun if not torch.equal(begun[name], on[name])}
    assert parts == {"denoiser"}
    near = trained('begin_with = "tiny"\nlearning_rate = 1e-6')
    torch.testing.assert_close(near["draft.unet.conv_in.weight"], begun["draft.unet.conv_in.weight"], atol=1e-4, rtol=0)
    for settings, error, words in (
        ('frozen = ["drat"]', ConfigError, "no part 'drat'; there are: style_encoder"),
        ('frozen = ["draft", "style_encoder", "denoiser"]', ConfigError, "nothing to train in 'model'"),
        ('begin_with = "missing"', ModelError, "missing"),
        ('begin_with = "base"', ModelError, "belongs to another network"),
    ):
        with pytest.raises(error, match=words):
            trained(settings)


def test_training_starts_from_the_shipped_model_unless_told_otherwise(tmp_path: Path) -> None:
    def settings(stage: str, text: str = "", **how: bool) -> Any:
        config = tmp_path / "own.toml"
        config.write_text(text, "utf-8")
        return training_settings("base", config, stage, **how).stage(stage)

    assert load_preset("base").stage("ldm").begin_with is None
    scratch = settings("ldm", from_scratch=True)
    assert scratch == load_preset("base").stage("ldm")
    for stage in ("content", "vae", "ldm", "vocoder"):
        adapted = settings(stage)
        assert adapted.begin_with == "base"
        assert adapted.patience is not None
        assert adapted.batch_size == load_preset("base").stage(stage).batch_size
        assert adapted.steps < load_preset("base").stage(stage).steps / 10
    assert settings("ldm", "[train.ldm]\nsteps = 7") == settings("ldm").model_copy(update={"steps": 7})
    own = settings("ldm", '[train.ldm]\nbegin_with = "mine"')
    assert own == scratch.model_copy(update={"begin_with": "mine"})
    assert training_settings("tiny", None, "ldm").stage("ldm").begin_with is None
    with pytest.raises(ConfigError, match="remove begin_with or --from-scratch"):
        settings("ldm", '[train.ldm]\nbegin_with = "mine"', from_scratch=True)
