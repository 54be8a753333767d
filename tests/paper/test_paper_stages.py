"""The paper's stages and its transfer: they train, resume, keep the encoder, and each fix holds."""

import copy
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from support.datasets import NUMBER_STEP, write_dataset
from torch import Tensor, nn

from stylebox.core.config import Preset, load_preset
from stylebox.core.data.dataset import Dataset
from stylebox.core.diffusion.schedule import velocity_target
from stylebox.core.errors import ModelError
from stylebox.core.jobs.train import train
from stylebox.core.paper import transfer
from stylebox.core.paper.model import PaperModel, load_paper_autoencoder, load_paper_model, load_paper_part
from stylebox.core.paper.networks import PaperAutoencoder
from stylebox.core.paper.schedule import paper_schedule
from stylebox.core.paper.stages import PaperLDMStage, PaperVAEStage
from stylebox.core.paper.transfer import transfer_mel
from stylebox.core.progress import Progress
from stylebox.core.store.library import load_part, model_family
from stylebox.core.store.weights import copy_weights, load_weights, save_weights
from stylebox.core.training import checkpoint
from stylebox.core.training.crops import read_mel
from stylebox.core.training.loop import FitResult

OFFLINE = "vggish.pth: cannot be downloaded (offline)"
FEW_STEPS = """
[train.vae]
steps = 3
batch_size = 2
learning_rate = 1e-3
validate_every = 2
[train.ldm]
steps = 3
batch_size = 2
learning_rate = 1e-3
validate_every = 2
"""
ROOT = Path(__file__).parents[2]


class Maps(nn.Module):
    """Stands for VGGish: two layers of features, random."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.first, self.second = nn.Conv2d(1, 3, 3, stride=4), nn.Conv2d(3, 4, 3, stride=4)
        self.requires_grad_(False)

    def forward(self, mel: Tensor) -> list[Tensor]:
        maps = torch.relu(self.first(mel))
        return [maps, torch.relu(self.second(maps))]


def offline(*_: Any) -> None:
    raise ModelError(OFFLINE)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True, scope="module")
def _quick() -> Iterator[None]:
    """Neither images nor downloads, and few crops to validate with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stylebox.core.training.log.plot_losses", lambda *_: None)
        patch.setattr("stylebox.core.jobs.train.load_features", offline)
        patch.setattr("stylebox.core.paper.stages._VALIDATION_CROPS", 4)
        yield


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return write_dataset(tmp_path_factory.mktemp("paper") / "dataset")


@pytest.fixture(scope="module")
def config_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "few.toml"
    path.write_text(FEW_STEPS)
    return path


@pytest.fixture(scope="module")
def preset(config_file: Path) -> Preset:
    return load_preset("paper", config_file)


def train_stage(stage: str, dataset: Dataset, config_file: Path, **how: Any) -> FitResult:
    """One stage as the command trains it, from the same first weights each time."""
    torch.manual_seed(0)
    return train(stage, preset="paper", config_file=config_file, dataset=dataset.path, device="cpu", **how)


@pytest.fixture(scope="module")
def trained(
    dataset: Dataset, config_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Progress]]:
    """Both stages of model "paper": the home they are in, and what was said before."""
    home = tmp_path_factory.mktemp("home")
    told: list[Progress] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STYLEBOX_HOME", str(home))
        for stage in ("vae", "ldm"):
            assert train_stage(stage, dataset, config_file, prepare=told.append).steps == 3
    return home, told


@pytest.fixture
def installed(trained: tuple[Path, list[Progress]], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STYLEBOX_HOME", str(trained[0]))
    return trained[0]


@pytest.fixture(scope="module")
def model(trained: tuple[Path, list[Progress]]) -> PaperModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STYLEBOX_HOME", str(trained[0]))
        return load_paper_model("paper")


def ldm_stage(preset: Preset, dataset: Dataset, features: nn.Module | None = None) -> PaperLDMStage:
    torch.manual_seed(0)
    return PaperLDMStage(dataset, PaperAutoencoder().eval(), preset.stage("ldm"), preset.paper, features)


def vae_stage(preset: Preset, dataset: Dataset, features: nn.Module | None = None) -> PaperVAEStage:
    return PaperVAEStage(dataset, preset.stage("vae"), preset.paper, features)


def recording_numbers(mels: Tensor) -> list[int]:
    """Which recording each crop is from, as its band 0 says."""
    return [round(float(mel[0, 0, 0] + 1) * 127.5 / NUMBER_STEP) for mel in mels]


def test_both_stages_train_by_name_and_say_what_they_are(installed: Path) -> None:
    for stage in ("vae", "ldm"):
        part = load_paper_part("paper", stage)
        assert part.preset.family == "paper"
        assert part.card["step"] in (2, 3)
        assert part.card["metrics"]["loss"] > 0
        assert part.card["provenance"]["features"] == "none"
    assert model_family("paper") == "paper"


def test_missing_features_are_told_in_one_line(trained: tuple[Path, list[Progress]]) -> None:
    notes = [progress.note for progress in trained[1]]
    assert notes == [f"training without perceptual terms: {OFFLINE}"] * 2


def test_parts_of_other_networks_are_refused_with_the_mend(installed: Path, own_home: Path) -> None:
    with pytest.raises(ModelError, match=r"no part 'vae' of the paper.s.*train vae --preset paper --name other"):
        load_paper_autoencoder("other", load_preset("paper").mel)
    path = installed / "models" / "alien" / "ldm.safetensors"
    base = load_preset("base")
    save_weights(path, {"x": torch.ones(1)}, {"config": {"mel": base.mel.model_dump()}})
    assert model_family("alien") == "base"
    with pytest.raises(ModelError, match=r"train ldm --preset paper --name alien"):
        load_paper_model("alien")


def test_other_mel_settings_are_refused(installed: Path) -> None:
    mel = load_preset("paper").mel.model_copy(update={"hop_length": 256})
    with pytest.raises(ModelError, match=r"made with mel\.hop_length = 512, not 256"):
        load_paper_model("paper", mel)


@pytest.mark.parametrize("stage", ["vae", "ldm"])
def test_resume_equals_uninterrupted(stage: str, installed: Path, dataset: Dataset, config_file: Path) -> None:
    models = installed / "models"
    if stage == "ldm":
        copy_weights(models / "paper" / "vae.safetensors", models / "pieces" / "vae.safetensors")
    for max_steps in (1, None):
        train_stage(stage, dataset, config_file, name="pieces", resume=True, max_steps=max_steps)
    whole, pieces = (models / name / "training" / stage for name in ("paper", "pieces"))
    uninterrupted, interrupted = (checkpoint.load_state(folder) for folder in (whole, pieces))
    assert uninterrupted is not None
    assert interrupted is not None
    tensors, resumed = uninterrupted.tensors, interrupted.tensors
    assert tensors.keys() == resumed.keys()
    assert [name for name in tensors if not torch.equal(tensors[name], resumed[name])] == []
    assert uninterrupted.document["learning_rate"] == interrupted.document["learning_rate"]
    files = [(folder / "best.safetensors").read_bytes() for folder in (whole, pieces)]
    assert files[0] == files[1]


def test_frozen_encoder_is_bitwise_unchanged_by_the_stage(installed: Path) -> None:
    """Weights and BatchNorm's running statistics, through stage 2's training, validations and export."""
    folder = installed / "models" / "paper"
    before, _ = load_weights(folder / "vae.safetensors")
    for after in (folder / "ldm.safetensors", folder / "training" / "ldm" / "last.safetensors"):
        tensors, _ = load_weights(after)
        same = {name: torch.equal(tensors[name], before[name]) for name in before}
        encoder = {name for name in same if name.startswith("encoder.")}
        assert "encoder.1.running_mean" in encoder
        assert all(same[name] for name in encoder)
        assert not same["decoder.0.weight"]
        assert not same["decoder.1.running_mean"]


def test_the_encoder_stays_in_evaluation_mode(preset: Preset, dataset: Dataset) -> None:
    stage = ldm_stage(preset, dataset)
    before = copy.deepcopy(stage.encoder.state_dict())
    for part in stage.parts.values():
        part.train()
    stage.losses(stage.expand(stage.batch(0)), torch.Generator().manual_seed(0), "model")
    assert not any(part.training for part in stage.encoder.modules())
    assert all(torch.equal(value, before[key]) for key, value in stage.encoder.state_dict().items())


@pytest.mark.parametrize("features", [None, Maps()], ids=["no features", "features"])
def test_every_trainable_part_receives_gradient(preset: Preset, dataset: Dataset, features: nn.Module | None) -> None:
    torch.manual_seed(0)
    for stage in (vae_stage(preset, dataset, features), ldm_stage(preset, dataset, features)):
        trained = {name for names in stage.groups.values() for name in names}
        for name, part in stage.parts.items():
            part.train(name in trained)
        stage.losses(stage.expand(stage.batch(0)), torch.Generator().manual_seed(0), "model")["loss"].backward()
        for name, part in stage.parts.items():
            for key, parameter in part.named_parameters():
                if name not in trained:
                    assert parameter.grad is None, f"{name}.{key}"
                    continue
                assert parameter.grad is not None, f"{name}.{key}"
                assert parameter.grad.isfinite().all()
                # a bias before a normalisation, or on all keys alike, changes nothing
                if not key.endswith("bias"):
                    assert parameter.grad.abs().sum() > 0, f"{name}.{key}"


def test_the_style_term_alone_moves_denoiser_and_style_encoder(preset: Preset, dataset: Dataset) -> None:
    """Fault 1: in the paper's code this gradient is zero."""
    stage = ldm_stage(preset, dataset, Maps())
    stage.weights |= {"reconstruction": 0.0, "diffusion": 0.0}
    losses = stage.losses(stage.expand(stage.batch(0)), torch.Generator().manual_seed(0), "model")
    losses["loss"].backward()
    assert float(losses["loss"].detach()) == pytest.approx(0.1 * float(losses["style"]))
    for layer in (stage.unet.out, stage.style_encoder.convs[0], stage.decoder[0]):
        weight = layer.get_parameter("weight")
        assert weight.grad is not None
        assert weight.grad.abs().sum() > 0


def test_trained_on_velocity_a_perfect_denoiser_has_no_diffusion_loss(preset: Preset, dataset: Dataset) -> None:
    stage = ldm_stage(preset, dataset)
    batch = stage.expand(stage.batch(0))
    x_0, schedule = stage.encoder(batch["mel"]), paper_schedule(preset.paper)

    class Oracle(nn.Module):
        def forward(self, x_t: Tensor, t: Tensor, style: Any) -> Tensor:
            alpha, sigma = (level(t)[:, None, None, None] for level in (schedule.alpha, schedule.sigma))
            return velocity_target(x_0, (x_t - alpha * x_0) / sigma, t, schedule)

    stage.unet = Oracle()  # type: ignore[assignment]
    losses = stage.losses(batch, torch.Generator().manual_seed(0), "model")
    assert losses["diffusion"] < 1e-8
    back = stage.decoder(x_0).detach()
    assert float(losses["loss"].detach()) == pytest.approx(float((back - batch["mel"]).square().mean()), rel=1e-3)


def test_batch_depends_on_seed_and_step_alone(preset: Preset, dataset: Dataset) -> None:
    for make in (vae_stage, ldm_stage):
        first, second = make(preset, dataset), make(preset, dataset)
        second.batch(0)
        for key, value in first.batch(7).items():
            assert torch.equal(value, second.batch(7)[key])
            assert not torch.equal(value, first.batch(8)[key])


def test_style_is_another_recording_of_the_same_instrument(preset: Preset, dataset: Dataset) -> None:
    stage = ldm_stage(preset, dataset)
    for step in range(10):
        batch = stage.expand(stage.batch(step))
        targets, styles = recording_numbers(batch["mel"]), recording_numbers(batch["style"])
        for wanted, style in zip(targets, styles, strict=True):
            assert wanted // 3 == style // 3
            assert wanted != style
            assert wanted % 3 != 2, "a held-out recording is trained on"


def test_one_range_and_loudness_kept_between_chunks(preset: Preset, dataset: Dataset) -> None:
    stage = vae_stage(preset, dataset)
    mel = read_mel(dataset, dataset.split("train")[0], 0, stage.config.crop_frames)
    quiet, loud = mel[1:, :60].mean(), mel[1:, 80:].mean()
    assert loud + 1 > 3 * (quiet + 1)
    for step in range(3):
        batch = stage.expand(stage.batch(step))["mel"]
        assert batch.min() >= -1
        assert batch.max() <= 1
        assert batch.amax((1, 2, 3)).max() < 1, "a chunk was scaled to its own maximum"
    back = stage.autoencoder(batch)[0]
    assert back.abs().max() <= 1


def test_a_style_clip_of_each_instrument_is_kept(model: PaperModel, dataset: Dataset) -> None:
    assert list(model.styles) == ["piano", "violin"]
    for number, (_, clip) in enumerate(model.styles.items()):
        assert clip.shape == (128, 128)
        assert recording_numbers(clip[None, None])[0] // 3 == number


@pytest.mark.parametrize("frames", [1, 40, 128, 129, 240, 300])
def test_transfer_keeps_the_length(model: PaperModel, frames: int) -> None:
    mel = noise(128, frames).tanh()
    played = transfer_mel(model, mel, model.styles["violin"], steps=1)
    assert played.shape == mel.shape
    assert played.dtype == mel.dtype
    assert played.isfinite().all()
    assert played.abs().max() <= 1


def test_same_seed_same_result_and_eta_adds_noise(model: PaperModel) -> None:
    mel, style = noise(128, 100).tanh(), model.styles["violin"]

    def play(**how: Any) -> Tensor:
        return transfer_mel(model, mel, style, **({"steps": 3, "seed": 1} | how))

    first = play()
    assert torch.equal(first, play())
    assert torch.equal(play(eta=1.0), play(eta=1.0))
    for other in (play(seed=2), play(eta=1.0), play(strength=0.2), play(steps=2)):
        assert (first - other).abs().max() > 1e-4


def test_batch_equals_single(model: PaperModel, monkeypatch: pytest.MonkeyPatch) -> None:
    mel, style = noise(128, 400).tanh(), model.styles["piano"]
    together = transfer_mel(model, mel, style, steps=2)
    monkeypatch.setattr(transfer, "_BATCH_WINDOWS", 1)
    single = transfer_mel(model, mel, style, steps=2)
    torch.testing.assert_close(together, single, rtol=1e-4, atol=1e-4)


def test_windows_join_without_a_seam(model: PaperModel) -> None:
    """With networks that change nothing, windows give back the mel, whatever its length."""

    class Nothing(PaperAutoencoder):
        def encode(self, mel: Tensor) -> Tensor:
            return mel

        def decode(self, z: Tensor) -> Tensor:
            return z

    same = replace(model, autoencoder=Nothing())
    for frames in (5, 128, 130, 500):
        mel = noise(128, frames).tanh()
        torch.testing.assert_close(transfer_mel(same, mel, mel, steps=0), mel)


def test_full_strength_forgets_the_content_and_none_keeps_it(model: PaperModel) -> None:
    """Fault 2: sampling starts from the noise that training ended in."""
    style = model.styles["violin"]
    one, other = noise(128, 128).tanh(), noise(128, 128, seed=1).tanh()
    at_full = [transfer_mel(model, mel, style, steps=2, strength=1.0) for mel in (one, other)]
    torch.testing.assert_close(at_full[0], at_full[1])
    for how in ({"strength": 0.0}, {"steps": 0}):
        z = model.autoencoder.encode(one[None, None])
        expected = model.autoencoder.decode(z)[0, 0].detach()
        torch.testing.assert_close(transfer_mel(model, one, style, **how), expected)


def test_a_style_clip_may_have_any_length(model: PaperModel) -> None:
    mel = noise(128, 64).tanh()
    clips = [noise(128, frames, seed=3).tanh() for frames in (3, 128, 129, 1200)]
    played = [transfer_mel(model, mel, clip, steps=2) for clip in clips]
    assert all((played[0] - other).abs().max() > 0 for other in played[1:])


@pytest.mark.parametrize("how", [{"steps": -1}, {"strength": 1.5}, {"strength": -0.1}])
def test_impossible_sampling_is_refused(model: PaperModel, how: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        transfer_mel(model, noise(128, 64), model.styles["piano"], **how)


def test_progress_counts_every_step_once(model: PaperModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "_BATCH_WINDOWS", 2)
    seen: list[Progress] = []
    transfer_mel(model, noise(128, 400), model.styles["piano"], steps=3, progress=seen.append)
    assert [(report.done, report.total) for report in seen] == [(n, 6) for n in range(1, 7)]


def test_the_page_on_the_report_names_every_fault_and_tests_that_exist() -> None:
    page = (ROOT / "docs" / "paper.md").read_text("utf-8")
    assert re.findall(r"^\| (\d) \|", page, re.MULTILINE) == list("123456789")
    named = re.findall(r"`(test_\w+)\.py::(test_\w+)`", page)
    assert len(named) >= 9
    for module, test in named:
        assert f"def {test}(" in next((ROOT / "tests").rglob(f"{module}.py")).read_text("utf-8"), test


def test_a_part_of_the_paper_opens_like_any_other(installed: Path) -> None:
    assert load_part("paper", "ldm", load_preset("paper").mel).preset.paper == load_preset("paper").paper
