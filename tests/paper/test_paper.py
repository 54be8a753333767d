"""The paper's networks: their sizes, and the fixes that concern networks."""

import copy

import pytest
import torch
from torch import nn

from stylebox.core.jobs.describe import count_parameters
from stylebox.core.models.frozen import freeze
from stylebox.core.paper.networks import PaperAutoencoder, PaperUNet, StyleEncoder, paper_components


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_parameters_are_the_reports() -> None:
    assert {name: count_parameters(part) for name, part in paper_components().items()} == {
        "spectrogram_encoder": 111_840,
        "spectrogram_decoder": 198_209,
        "style_encoder": 2_729_984,
        "cross_attention": 1_313_792,
        "unet": 6_841_504,
    }


@pytest.mark.parametrize("frames", [128, 64, 192, 8])
def test_autoencoder_keeps_the_shape_and_range(frames: int) -> None:
    mel, z = PaperAutoencoder()(noise(2, 1, 128, frames).tanh())
    assert z.shape == (2, 32, 16, frames // 8)
    assert mel.shape == (2, 1, 128, frames)
    assert mel.min() >= -1
    assert mel.max() <= 1


def test_style_maps_are_4x4_and_2x2() -> None:
    style = StyleEncoder()(noise(3, 1, 128, 128))
    assert style.fine.shape == (3, 256, 4, 4)
    assert style.coarse.shape == (3, 512, 2, 2)


@pytest.mark.parametrize("width", [16, 8, 13, 40])
def test_unet_takes_batches_of_any_width(width: int) -> None:
    unet, style = PaperUNet().eval(), StyleEncoder().eval()(noise(2, 1, 128, 128))
    x_t, t = noise(2, 32, 16, width), torch.tensor([0.2, 1.0])
    with torch.no_grad():
        whole = unet(x_t, t, style)
        single = unet(x_t[1:], t[1:], type(style)(style.fine[1:], style.coarse[1:]))
    assert whole.shape == x_t.shape
    torch.testing.assert_close(whole[1:], single, rtol=1e-4, atol=1e-5)


def test_unet_depends_on_time_and_style() -> None:
    torch.manual_seed(0)
    unet, encoder = PaperUNet().eval(), StyleEncoder().eval()
    x_t = noise(1, 32, 16, 16)
    with torch.no_grad():
        style, other = encoder(noise(1, 1, 128, 128)), encoder(5 * noise(1, 1, 128, 128, seed=1))
        first = unet(x_t, torch.tensor([0.2]), style)
        assert (first - unet(x_t, torch.tensor([0.8]), style)).abs().max() > 1e-4
        assert (first - unet(x_t, torch.tensor([0.2]), other)).abs().max() > 1e-5


def test_every_part_receives_gradient() -> None:
    torch.manual_seed(0)
    autoencoder, unet, encoder = PaperAutoencoder(), PaperUNet(), StyleEncoder()
    mel = noise(2, 1, 128, 128).tanh()
    z = autoencoder.encode(mel)
    prediction = unet(z, torch.tensor([0.3, 0.9]), encoder(mel))
    autoencoder.decode(prediction).square().mean().backward()
    for module in (autoencoder, unet, encoder):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            if not name.endswith("in_proj_bias"):  # a bias on all keys alike changes nothing
                assert parameter.grad.abs().sum() > 0, name


def test_frozen_encoder_is_bitwise_unchanged_by_training() -> None:
    torch.manual_seed(0)
    autoencoder = PaperAutoencoder()
    freeze(autoencoder.encoder)
    before = copy.deepcopy(autoencoder.state_dict())
    optimiser = torch.optim.AdamW([p for p in autoencoder.parameters() if p.requires_grad], lr=1e-2)
    autoencoder.train()
    for step in range(3):
        mel = noise(2, 1, 128, 64, seed=step).tanh()
        loss = (autoencoder(mel)[0] - mel).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        autoencoder.train()
    for name, value in autoencoder.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("encoder."), name


def test_frozen_stays_frozen_in_a_copy_and_in_parts() -> None:
    original = freeze(nn.Sequential(nn.BatchNorm2d(3), nn.Sequential(nn.Dropout())))
    double = copy.deepcopy(original)
    double.train()
    double[1].train()
    assert not any(part.training for part in double.modules())
    assert double.train() is double
    assert not any(parameter.requires_grad for parameter in double.parameters())


def test_frozen_passes_gradient_to_its_input() -> None:
    x = noise(1, 1, 16, 16).requires_grad_()
    freeze(PaperAutoencoder().encoder)(x).square().sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
