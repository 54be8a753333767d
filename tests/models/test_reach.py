"""How far the networks look: a change in a frame changes the result about `reach` frames away, and no farther."""

from collections.abc import Callable
from typing import TypeVar

import pytest
import torch
from torch import Tensor

from stylebox.core.config import DenoiserConfig, DraftConfig, MelConfig, StyleEncoderConfig, VAEConfig, VocoderConfig
from stylebox.core.models.denoiser import Denoiser
from stylebox.core.models.draft import DraftNetwork
from stylebox.core.models.vae import VAE
from stylebox.core.models.vocoder import Vocoder

MEL = MelConfig(n_mels=32)
STYLE = StyleEncoderConfig(channels=(4, 8), num_tokens=2, token_dim=8, vector_dim=8)
FRAMES, MIDDLE = 512, 256
Module = TypeVar("Module", bound=torch.nn.Module)
Network = Callable[[Tensor], Tensor]  # (1, rows, FRAMES) -> (..., frames or cells)


def moved(network: Module) -> Module:
    """The network with no weight at zero, in double precision, so that every path through it is seen."""
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)
    return network.double().eval().requires_grad_(False)


def conditions() -> tuple[Tensor, Tensor]:
    """Tokens and vector of a style."""
    return torch.ones(1, 2, 8).double(), torch.ones(1, 8).double()


def draft(blocks: int, levels: int) -> tuple[Network, int, int]:
    config = DraftConfig(channels=(4, 8, 12)[:levels], num_blocks=blocks)
    network = moved(DraftNetwork(config, STYLE, MEL))
    dynamics = torch.zeros(1, FRAMES).double()
    return (lambda x: network(x.unflatten(1, (2, 88)), dynamics, *conditions())), network.reach, 176


def denoiser(blocks: int, levels: int) -> tuple[Network, int, int]:
    vae = VAEConfig(channels=(4, 8), latent_channels=2)
    config = DenoiserConfig(channels=(4, 8, 12)[:levels], num_blocks=blocks, time_dim=8)
    network = moved(Denoiser(config, vae, STYLE, MEL))
    t, z = torch.full((1,), 0.5).double(), torch.zeros(1, 2, 8, FRAMES // vae.stride).double()
    dynamics = torch.zeros(1, FRAMES).double()
    return (
        lambda x: network(z, t, z, network.draw(x.unflatten(1, (2, 88)), dynamics), *conditions()),
        network.reach,
        176,
    )


def vae_there_and_back(blocks: int, levels: int) -> tuple[Network, int, int]:
    network = moved(VAE(VAEConfig(channels=(4, 8, 12)[:levels], latent_channels=2, num_blocks=blocks)))
    return (lambda x: network.encode(x)), network.reach, MEL.n_mels


def vocoder(blocks: int, layers: int) -> tuple[Network, int, int]:
    config = VocoderConfig(dim=8, intermediate_dim=8, num_layers=layers, channels=4, num_blocks=blocks, fold=64)
    network = moved(Vocoder(config, MEL)).float()
    return (lambda x: network(x[:, :32].float(), x[:, 32:].float())), network.reach, 32 + 88


@pytest.mark.parametrize("make", [draft, denoiser, vae_there_and_back, vocoder])
@pytest.mark.parametrize(("blocks", "levels"), [(1, 2), (2, 2), (1, 3)])
def test_the_reach_is_what_the_network_looks_at(
    make: Callable[[int, int], tuple[Network, int, int]], blocks: int, levels: int
) -> None:
    network, reach, rows = make(blocks, levels)
    values = torch.rand(1, rows, FRAMES, generator=torch.Generator().manual_seed(1)).double()
    before, farthest = network(values), 0
    for frame in (MIDDLE, MIDDLE + 15):  # the two ends of a cell in the grids of strided networks
        changed = values.clone()
        changed[..., frame] = 1 - changed[..., frame]
        difference = (network(changed) - before).abs().flatten(0, -2).amax(0)
        stride = FRAMES / len(difference)
        cells = torch.nonzero(difference > 0)[:, 0]
        first, last = int(cells.min() * stride), int((cells.max() + 1) * stride) - 1
        farthest = max(farthest, frame - first, last - frame)
    assert farthest <= reach
    assert farthest > 0.85 * reach
