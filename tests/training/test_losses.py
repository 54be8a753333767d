"""Losses: their values where paper knows them, their gradients, and how VGGish is had or done without."""

import hashlib
import io
import math
from email.message import Message
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.config import MelConfig
from stylebox.core.errors import ModelError
from stylebox.core.paper import perceptual
from stylebox.core.paper.losses import latent_loss, paper_loss, paper_reconstruction_loss, style_loss
from stylebox.core.progress import Progress
from stylebox.core.training.losses import (
    audible_loss,
    contrastive_loss,
    diffusion_loss,
    discriminator_loss,
    feature_loss,
    feature_matching_loss,
    generator_loss,
    kl_loss,
    reconstruction_loss,
)

MEL = MelConfig(sample_rate=22050, n_mels=128)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class TwoLayers(nn.Module):
    """Features of a mel ``(B, 1, M, T)`` as an injected network gives them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 6, 3, stride=2, padding=1)

    def forward(self, mel: Tensor) -> list[Tensor]:
        maps = torch.relu(self.first(mel))
        return [maps, torch.relu(self.second(maps))]


@pytest.fixture(scope="module")
def vggish() -> perceptual.VGGishFeatures:
    torch.manual_seed(0)
    return perceptual.VGGishFeatures(MEL)


def test_style_loss_passes_gradient_to_the_prediction(vggish: perceptual.VGGishFeatures) -> None:
    prediction = noise(2, 1, 128, 64).tanh().requires_grad_()
    style = noise(2, 1, 128, 64, seed=1).tanh()
    loss = style_loss(vggish, prediction, style)
    loss.backward()
    assert loss > 0
    assert prediction.grad is not None
    assert prediction.grad.isfinite().all()
    assert (prediction.grad.abs().sum((1, 2, 3)) > 0).all()
    assert all(parameter.grad is None for parameter in vggish.parameters())


def test_perceptual_loss_passes_gradient_to_the_prediction(vggish: perceptual.VGGishFeatures) -> None:
    prediction = noise(2, 1, 128, 64).tanh().requires_grad_()
    feature_loss(vggish, prediction, noise(2, 1, 128, 64, seed=1).tanh()).backward()
    assert prediction.grad is not None
    assert prediction.grad.isfinite().all()
    assert prediction.grad.abs().sum() > 0


def test_following_the_style_gradient_lowers_the_loss() -> None:
    features, prediction = TwoLayers(), noise(1, 1, 16, 16).requires_grad_()
    style = 0.2 * noise(1, 1, 16, 16, seed=1)
    before = style_loss(features, prediction, style)
    (gradient,) = torch.autograd.grad(before, prediction)
    with torch.no_grad():
        assert style_loss(features, prediction - 0.1 * gradient / gradient.abs().max(), style) < before


def test_identical_mels_are_at_no_distance(vggish: perceptual.VGGishFeatures) -> None:
    mel = noise(1, 1, 128, 64).tanh()
    assert feature_loss(vggish, mel, mel) == 0
    assert style_loss(vggish, mel, mel) == 0
    silence = torch.full_like(mel, -1).requires_grad_()
    feature_loss(vggish, silence, mel).backward()
    assert silence.grad is not None
    assert silence.grad.isfinite().all()


def test_a_layer_that_never_fires_leaves_the_gradient_finite() -> None:
    mel = noise(1, 1, 8, 8).requires_grad_()
    loss = style_loss(lambda x: [torch.relu(-x.square()), x], mel, noise(1, 1, 8, 8, seed=1))
    loss.backward()
    assert mel.grad is not None
    assert mel.grad.isfinite().all()


def test_reconstruction_losses() -> None:
    prediction, target = torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 0.0]])
    assert reconstruction_loss(prediction, target).item() == 2
    assert reconstruction_loss(prediction, target, "mse").item() == 5


def test_kl_is_zero_for_the_unit_gaussian_and_right_elsewhere() -> None:
    zeros = torch.zeros(4, 8)
    assert kl_loss(zeros, zeros) == 0
    mean, log_variance = torch.full((4, 8), 0.7), torch.full((4, 8), -1.2)
    posterior = torch.distributions.Normal(0.7, math.exp(-0.6))
    expected = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(kl_loss(mean, log_variance), expected)


def test_latent_loss_is_least_at_unit_magnitude() -> None:
    assert latent_loss(torch.tensor([1.0, -1.0])).item() == pytest.approx(0, abs=1e-6)
    assert latent_loss(torch.tensor([2.0])) > 0
    assert latent_loss(torch.tensor([0.0])).isfinite()


def test_report_loss_is_the_weighted_sum() -> None:
    one, two, three = torch.tensor([1.0, 2.0, 3.0])
    assert paper_loss(one, two, three, 2.0, 3.0, 4.0).item() == 20
    assert paper_loss(one, None, three, 2.0, 3.0, 4.0).item() == 14


def test_report_reconstruction_loss_adds_its_three_terms() -> None:
    features, z = TwoLayers(), noise(1, 4)
    mel, wanted = noise(1, 1, 16, 16).requires_grad_(), noise(1, 1, 16, 16, seed=1)
    without = paper_reconstruction_loss(mel, wanted, z)
    torch.testing.assert_close(without, (mel - wanted).square().mean() + 0.01 * latent_loss(z))
    whole = paper_reconstruction_loss(mel, wanted, z, features)
    torch.testing.assert_close(whole - without, 0.1 * feature_loss(features, mel, wanted))


def test_contrastive_loss_equals_the_sum_written_out() -> None:
    vectors = torch.nn.functional.normalize(noise(6, 5), dim=1)
    labels, temperature = torch.tensor([0, 0, 0, 1, 1, 2]), 0.3
    total, anchors = 0.0, 0
    for i in range(6):
        positives = [p for p in range(6) if p != i and labels[p] == labels[i]]
        if not positives:
            continue
        anchors += 1
        every = sum(math.exp(float(vectors[i] @ vectors[a]) / temperature) for a in range(6) if a != i)
        for p in positives:
            total -= math.log(math.exp(float(vectors[i] @ vectors[p]) / temperature) / every) / len(positives)
    assert contrastive_loss(vectors, labels, temperature).item() == pytest.approx(total / anchors, rel=1e-5)


def test_contrastive_loss_prefers_clusters() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    together = torch.eye(2)[labels]
    apart = torch.eye(2)[torch.tensor([0, 1, 0, 1])]
    assert contrastive_loss(together, labels) < 0.01 < contrastive_loss(apart, labels)


def test_contrastive_loss_without_positives_is_zero_with_a_gradient() -> None:
    vectors = torch.nn.functional.normalize(noise(3, 4), dim=1).requires_grad_()
    loss = contrastive_loss(vectors, torch.tensor([0, 1, 2]))
    loss.backward()
    assert loss == 0
    assert vectors.grad is not None
    assert (vectors.grad == 0).all()


def test_adversarial_losses() -> None:
    right, zeros = [torch.full((2, 3), 1.0)], [torch.zeros(2, 3)]
    assert discriminator_loss(right, zeros) == 0
    assert discriminator_loss(zeros, right) == 2
    assert generator_loss(right) == 0
    assert generator_loss(zeros) == 1


def test_diffusion_loss_is_the_mean_over_samples() -> None:
    prediction, target = torch.tensor([[[1.0, 1.0]], [[2.0, 2.0]]]), torch.zeros(2, 1, 2)
    assert diffusion_loss(prediction, target).item() == 2.5


def test_feature_matching_moves_the_generated_side_only() -> None:
    real, fake = noise(2, 3).requires_grad_(), noise(2, 3, seed=1).requires_grad_()
    feature_matching_loss([[real, real]], [[fake, fake]]).backward()
    assert real.grad is None
    assert fake.grad is not None
    assert fake.grad.abs().sum() > 0


def test_vggish_input_is_near_vggishs_own() -> None:
    import soxr
    from torchvggish import mel_features

    rng = np.random.default_rng(0)
    time = np.arange(int(1.5 * MEL.sample_rate)) / MEL.sample_rate
    chord = sum(np.sin(2 * np.pi * f * h * time) / h for f in (220, 277, 330) for h in range(1, 12))
    for audio in (
        0.1 * rng.standard_normal(len(time)),
        0.05 * chord + 0.001 * rng.standard_normal(len(time)),
    ):
        own = mel_features.log_mel_spectrogram(
            soxr.resample(audio, MEL.sample_rate, 16000),
            audio_sample_rate=16000,
            log_offset=0.01,
            num_mel_bins=64,
            lower_edge_hertz=125,
            upper_edge_hertz=7500,
        ).mean(0)
        mel = MelSpectrogram(MEL)(torch.from_numpy(audio).float())
        found = perceptual.VGGishInput(MEL)(mel[None]).mean((0, 1, 2)).numpy()
        assert np.abs(found - own).mean() < 0.3  # nats; 0.1 is about a decibel
        assert np.corrcoef(found, own)[0, 1] > 0.9


def test_vggish_takes_short_and_long_clips(vggish: perceptual.VGGishFeatures) -> None:
    for frames in (8, 100):
        maps = vggish(noise(2, 128, frames).tanh())
        assert [m.shape[1] for m in maps] == [64, 128, 256, 256, 512, 512]


def served(tmp_path: Path, content: bytes) -> tuple[str, str]:
    """A file's URL and checksum."""
    source = tmp_path / "served.bin"
    source.write_bytes(content)
    return source.as_uri(), hashlib.sha256(content).hexdigest()


def test_download_keeps_a_file_whose_checksum_fits(tmp_path: Path) -> None:
    url, checksum = served(tmp_path, b"x" * 3_000_000)
    seen: list[Progress] = []
    perceptual.download(url, tmp_path / "cache" / "w.pth", checksum, seen.append)
    assert (tmp_path / "cache" / "w.pth").read_bytes() == b"x" * 3_000_000
    assert len(seen) == 3
    assert (seen[-1].done, seen[-1].total) == (3_000_000, 3_000_000)


def test_download_refuses_another_checksum_and_leaves_no_file(tmp_path: Path) -> None:
    url, _ = served(tmp_path, b"not the weights")
    with pytest.raises(ModelError, match="checksum"):
        perceptual.download(url, tmp_path / "cache" / "w.pth", perceptual.WEIGHTS_SHA256)
    assert list((tmp_path / "cache").iterdir()) == []


def test_interrupted_download_leaves_no_file(tmp_path: Path) -> None:
    class Breaks(io.BytesIO):
        headers = Message()

        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 0:
                raise KeyboardInterrupt
            return super().read(size)

    with pytest.raises(KeyboardInterrupt):
        perceptual.download("https://x", tmp_path / "w.pth", "0", urlopen=lambda *_, **__: Breaks(b"y" * 3_000_000))
    assert list(tmp_path.iterdir()) == []


def test_offline_is_one_line_and_leaves_no_file(own_home: Path) -> None:
    with pytest.raises(ModelError) as caught:
        perceptual.load_features(MEL)
    assert "vggish-10086976.pth: cannot be downloaded" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [p for p in own_home.rglob("*") if p.is_file()]


def test_weights_come_from_the_cache(own_home: Path, vggish: perceptual.VGGishFeatures) -> None:
    path = own_home / "cache" / "vggish-10086976.pth"
    path.parent.mkdir(parents=True)
    weights = {f"features.{name}": w for name, w in vggish.layers.state_dict().items()}
    torch.save(weights | {"embeddings.0.bias": torch.zeros(3)}, path)
    mel = noise(1, 128, 50).tanh()
    for mine, theirs in zip(perceptual.load_features(MEL)(mel), vggish(mel), strict=True):
        torch.testing.assert_close(mine, theirs)
    torch.save({"features.0.weight": torch.zeros(3)}, path)
    with pytest.raises(ModelError, match="do not fit"):
        perceptual.load_features(MEL)
    path.write_bytes(b"junk")
    with pytest.raises(ModelError, match="cannot be read"):
        perceptual.load_features(MEL)


def test_audible_loss_counts_what_is_heard() -> None:
    quiet, loud = torch.full((1, 8, 8), -1.0), torch.full((1, 8, 8), 0.5)
    assert audible_loss(quiet, quiet) == 0
    mixed = torch.cat([quiet, loud], 1)
    miss_quiet, miss_loud = mixed.clone(), mixed.clone()
    miss_quiet[:, :8] += 0.1
    miss_loud[:, 8:] -= 0.1
    assert audible_loss(miss_loud, mixed) > 4 * audible_loss(miss_quiet, mixed)
    missing, extra = audible_loss(quiet, loud), audible_loss(loud, quiet)
    assert torch.allclose(missing, extra)  # a sound too many costs as much as one that is missing
