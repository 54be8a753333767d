"""The systems that are compared, one per row of the table: copies, baselines, the model's parts, the model.

Copies show the figures of no transfer at all; the parts alone show what each of them loses. Knows no metrics.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.evaluation.cases import Case
from stylebox.core.evaluation.envelope import cross_synthesis
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.pipeline.vocode import iterate_phases

TRUE_TARGET, MODEL = "true target", "model"
COPY, ENVELOPE, DRAFT = "copy of the content", "spectral envelope", "draft alone"
TIMED = ("vocoder only", "VAE only", "Griffin-Lim", ENVELOPE, DRAFT, MODEL)


@dataclass(frozen=True)
class SystemOutput:
    """The output of a system for one case, and by how many semitones it moved the notes.

    Shape:
        audio is ``(S,)``.
    """

    audio: np.ndarray
    transpose: int = 0


System = Callable[[Case], SystemOutput | None]


def make_systems(pipeline: Pipeline, seed: int) -> dict[str, System]:
    """Every system by its name, in the order of the table. A system returns None where it has no output.

    Args:
        pipeline: The loaded model.
        seed: Of the transfers.
    """
    parts = _Parts(pipeline)
    rows: dict[str, System] = {
        TRUE_TARGET: lambda case: SystemOutput(case.target, case.transpose or 0) if case.target is not None else None,
        COPY: lambda case: SystemOutput(case.content),
        "copy of the style": _style_copy,
        "vocoder only": parts.vocoder_only,
        "VAE only": parts.vae_only,
        "Griffin-Lim": parts.griffin_lim_only,
        ENVELOPE: lambda case: (
            SystemOutput(cross_synthesis(case.content, case.references[0], pipeline.sample_rate))
            if case.references
            else None
        ),
    }

    def transferred(steps: int | None) -> System:
        def row(case: Case) -> SystemOutput:
            shift = case.transpose if pipeline.has_notes else None
            made = pipeline.transfer(case.content, TransferOptions(case.style, steps=steps, seed=seed, transpose=shift))
            return SystemOutput(made.audio, made.transpose)

        return row

    if pipeline.has_notes:
        rows[DRAFT] = transferred(0)
    rows[MODEL] = transferred(None)
    return rows


def _style_copy(case: Case) -> SystemOutput | None:
    """A recording of other music in the style's sound, repeated where it is too short."""
    return SystemOutput(np.resize(case.references[0], len(case.content))) if case.references else None


class _Parts:
    """The parts of the model, each alone, applied to the content."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline, self.config = pipeline, pipeline.mel_config

    def griffin_lim_only(self, case: Case) -> SystemOutput:
        """The content's mel, then Griffin-Lim."""
        return SystemOutput(iterate_phases(self._mel(case), self.config, len(case.content)))

    def vocoder_only(self, case: Case) -> SystemOutput | None:
        """The content's mel, then the model's own vocoder; None where that is Griffin-Lim, which has its own row."""
        return self._resynthesised(self._mel(case), case) if self.pipeline.has_notes else None

    def vae_only(self, case: Case) -> SystemOutput:
        """The content's mel, the autoencoder, then the model's own vocoder."""
        return self._resynthesised(self.pipeline.autoencode(self._mel(case)), case)

    def _resynthesised(self, mel: Tensor, case: Case) -> SystemOutput:
        """A mel as audio by the model's own vocoder."""
        return SystemOutput(self.pipeline.resynthesise(case.content, mel))

    def _mel(self, case: Case) -> Tensor:
        """The content's mel at the model's loudness."""
        levelled, _ = normalise_loudness(case.content, self.config.sample_rate)
        mel: Tensor = self.pipeline.mel_transform(torch.from_numpy(levelled).to(self.pipeline.device))
        return mel
