"""The draft: from content and style to a mel, in one deterministic pass."""

import torch
from torch import Tensor

from stylebox.core.audio.windows import in_mel_windows
from stylebox.core.device import half_precision
from stylebox.core.models.draft import DraftNetwork
from stylebox.core.pipeline.content import Content
from stylebox.core.store.styles import Style


@torch.no_grad()
def draft(network: DraftNetwork, content: Content, style: Style) -> Tensor:
    """The mel of the right notes in about the right sound; it is a mean, and lacks detail.

    Args:
        network: On the device of the content.
        content: What is to be played.
        style: In whose sound.

    Shape:
        ``(M, T)`` in [-1, 1].
    """
    posteriors, dynamics = content.posteriors[None], content.dynamics[None]
    tokens, vector = style.tokens[None].to(posteriors.device), style.vector[None].to(posteriors.device)

    def draw(first: int, last: int) -> Tensor:
        with half_precision(posteriors.device.type):
            mel: Tensor = network(posteriors[..., first:last], dynamics[..., first:last], tokens, vector)
        return mel[0].float()

    align, device = network.patch * network.unet.stride, posteriors.device.type
    return in_mel_windows(draw, posteriors.shape[-1], network.reach, align=align, device=device).clamp(-1.0, 1.0)
