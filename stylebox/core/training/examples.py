"""Batches of examples for the ldm stage: target, content and style clip. Knows no network."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylebox.core.audio.dynamics import dynamics
from stylebox.core.data.content_cache import ContentCache
from stylebox.core.data.sampler import Example
from stylebox.core.models.content_encoder import shift_keys
from stylebox.core.models.style_encoder import CLIP_SECONDS
from stylebox.core.training.crops import onset_marks, read_mel


def read_examples(
    content: ContentCache, examples: Sequence[Example], marked: np.ndarray, crop_frames: int
) -> dict[str, Tensor]:
    """Read a batch.

    Args:
        content: Posteriors of a dataset's recordings.
        examples: Which recordings of that dataset, and where in them.
        marked: Per example, whether its onsets are the score's, exact to the frame, instead of the posterior.
        crop_frames: Length T of target and content.

    Shape:
        ``marked`` is ``(B,)``, bool. ``mel`` and ``content_mel`` are ``(B, M, T)``, ``style`` ``(B, M, T')``,
        ``content`` ``(B, 2, N, T)``, ``dynamics`` ``(B, T)`` and ``label`` ``(B,)``.
    """
    dataset = content.dataset
    style_frames = round(CLIP_SECONDS * dataset.mel_config.frames_per_second)
    labels = {name: number for number, name in enumerate(dataset.instruments)}
    mel = torch.stack([read_mel(dataset, x.target, x.start_frame, crop_frames) for x in examples])
    content_mel = torch.stack([read_mel(dataset, x.content, x.start_frame, crop_frames) for x in examples])
    style = torch.stack([read_mel(dataset, x.style, x.style_frame, style_frames) for x in examples])
    posteriors = torch.stack(
        [shift_keys(content.read(x.content, x.start_frame, crop_frames), x.transpose) for x in examples]
    )
    notes = F.pad(posteriors, (0, crop_frames - posteriors.shape[-1]))
    for number, example in enumerate(examples):
        if marked[number] and example.target.has_notes:
            notes[number, 1] = onset_marks(dataset, example.target, example.start_frame, crop_frames)
    return {
        "mel": mel,
        "content_mel": content_mel,
        "style": style,
        "content": notes,
        "dynamics": dynamics(content_mel, dataset.mel_config),
        "label": torch.tensor([labels[x.target.instrument] for x in examples]),
    }
