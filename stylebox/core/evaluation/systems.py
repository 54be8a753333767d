"""The systems that are compared, one per row of the table: copies, baselines, the model's parts, the model.

Copies show the figures of no transfer at all; the parts alone show what each of them loses. Knows no metrics.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.griffin_lim import griffin_lim
from stylebox.core.audio.harmonic_vocoder import harmonic_inversion
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.evaluation.cases import Case
from stylebox.core.evaluation.envelope import cross_synthesis
from stylebox.core.models.vocoder import Vocoder
from stylebox.core.paper.pipeline import PaperPipeline
from stylebox.core.paper.transfer import transfer_mel
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.pipeline.vocode import vocode
from stylebox.core.store import library

TRUE_TARGET, MODEL = "true target", "model"
TIMED = ("vocoder only", "VAE only", "Griffin-Lim", "spectral envelope", "draft alone", MODEL)


@dataclass(frozen=True)
class SystemOutput:
    """The output of a system for one case, and by how many semitones it moved the notes.

    Shape:
        audio is ``(S,)``.
    """

    audio: np.ndarray
    transpose: int = 0


System = Callable[[Case], SystemOutput | None]


def make_systems(pipeline: BasePipeline | PaperPipeline, model: str, seed: int) -> dict[str, System]:
    """Every system by its name, in the order of the table. A system returns None where it has no output.

    Args:
        pipeline: The loaded model.
        model: Its name, from which its vocoder is loaded.
        seed: Of the transfers.
    """
    parts = _Parts(pipeline, model)
    rows: dict[str, System] = {
        TRUE_TARGET: lambda case: SystemOutput(case.target, case.transpose or 0) if case.target is not None else None,
        "copy of the content": lambda case: SystemOutput(case.content),
        "copy of the style": _style_copy,
        "vocoder only": parts.vocoder_only,
        "VAE only": parts.vae_only,
        "Griffin-Lim": parts.griffin_lim_only,
        "spectral envelope": lambda case: (
            SystemOutput(cross_synthesis(case.content, case.references[0], pipeline.sample_rate))
            if case.references
            else None
        ),
    }

    def transferred(steps: int | None) -> System:
        def row(case: Case) -> SystemOutput:
            shift = case.transpose if isinstance(pipeline, BasePipeline) else None
            made = pipeline.run(case.content, TransferOptions(case.style, steps, seed=seed, transpose=shift))
            return SystemOutput(made.audio, made.transpose)

        return row

    if isinstance(pipeline, BasePipeline):
        rows["draft alone"] = transferred(0)
    rows[MODEL] = transferred(None)
    return rows


def _style_copy(case: Case) -> SystemOutput | None:
    """A recording of other music in the style's sound, repeated where it is too short."""
    return SystemOutput(np.resize(case.references[0], len(case.content))) if case.references else None


class _Parts:
    """The parts of the model, each alone, applied to the content."""

    def __init__(self, pipeline: BasePipeline | PaperPipeline, model: str) -> None:
        self.pipeline, self.config = pipeline, pipeline.mel_config
        self.vocoder: Vocoder | None = None
        if isinstance(pipeline, BasePipeline) and library.has_part(model, "vocoder", self.config):
            self.vocoder = library.load_vocoder(model, self.config).to(pipeline.device)

    def griffin_lim_only(self, case: Case) -> SystemOutput:
        """The content's mel, then Griffin-Lim."""
        return SystemOutput(self._numpy(griffin_lim(self._mel(case), self.config, len(case.content)), case))

    def vocoder_only(self, case: Case) -> SystemOutput | None:
        """The content's mel, then the model's own vocoder; None where that is Griffin-Lim, which has its own row."""
        return None if isinstance(self.pipeline, PaperPipeline) else self._vocode(self._mel(case), case)

    @torch.no_grad()
    def vae_only(self, case: Case) -> SystemOutput:
        """The content's mel, the autoencoder, then the model's own vocoder."""
        mel = self._mel(case)
        if isinstance(self.pipeline, PaperPipeline):
            return self._vocode(transfer_mel(self.pipeline.network, mel, mel, steps=0), case)
        vae = self.pipeline.vae
        return self._vocode(vae.decode(vae.encode(mel[None]), mel.shape[1])[0], case)

    @torch.no_grad()
    def _vocode(self, mel: Tensor, case: Case) -> SystemOutput:
        """A mel as audio by the model's own vocoder."""
        if isinstance(self.pipeline, BasePipeline):
            keys = self.pipeline.listen(case.content).content[0]
            if self.vocoder is not None:
                audio = vocode(self.vocoder, mel, keys, len(case.content))
            else:
                audio = harmonic_inversion(mel, keys, self.config, len(case.content))
        else:
            audio = griffin_lim(mel, self.config, len(case.content))
        return SystemOutput(self._numpy(audio, case))

    def _mel(self, case: Case) -> Tensor:
        """The content's mel at the model's loudness."""
        levelled, _ = normalise_loudness(case.content, self.config.sample_rate)
        mel: Tensor = self.pipeline.mel_transform(torch.from_numpy(levelled).to(self.pipeline.device))
        return mel

    def _numpy(self, audio: Tensor, case: Case) -> np.ndarray:
        """Audio at the length of the content."""
        made = audio.cpu().numpy().astype(np.float32)[: len(case.content)]
        return np.pad(made, (0, len(case.content) - len(made)))
