"""A model of preset `paper` from recording to recording, as the paper does it. It works on mels and knows no notes."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.griffin_lim import griffin_lim
from stylebox.core.audio.io.read import load_audio
from stylebox.core.audio.loudness import loudness_db, match_loudness, normalise_loudness
from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.errors import ModelError
from stylebox.core.paper.model import load_paper_model
from stylebox.core.paper.transfer import transfer_mel
from stylebox.core.pipeline.content import Content
from stylebox.core.pipeline.finish import SILENT_INPUT
from stylebox.core.pipeline.options import Settings, TransferOptions, drawn_seed
from stylebox.core.pipeline.pipeline import STYLE_SECONDS
from stylebox.core.pipeline.result import TransferResult
from stylebox.core.progress import ProgressCallback, silent


class PaperPipeline:
    """The paper's networks, loaded once, used for any number of recordings.

    Args:
        model: Its name, or a folder.
        device: Where the networks compute.

    Raises:
        ModelError: the model, or a part of it, is missing or does not fit.
    """

    has_notes = False

    def __init__(self, model: str, device: str = "cpu") -> None:
        self.model, self.network = model, load_paper_model(model, device=device)
        self.mel_config = self.network.mel
        self.device = torch.device(device)
        self.mel_transform = MelSpectrogram(self.mel_config).to(self.device)

    @property
    def sample_rate(self) -> int:
        """Rate of input and output, in Hz."""
        return self.mel_config.sample_rate

    @property
    def style_names(self) -> list[str]:
        """The styles that the model knows by name, sorted."""
        return sorted(self.network.styles)

    def resolve(self, options: TransferOptions) -> Settings:
        """The settings that these options give with this model.

        Raises:
            ModelError: an option asks for what these networks cannot do.
        """
        if options.transpose:
            raise ModelError("--transpose: preset paper does not know the notes and cannot move them")
        if options.vocoder not in ("auto", "griffin-lim"):
            raise ModelError(f"--vocoder {options.vocoder}: preset paper has only griffin-lim")
        if options.guidance not in (None, 1.0):
            raise ModelError("--guidance: preset paper was not trained without its style, so there is no guidance")
        if options.follow:
            raise ModelError("--follow: preset paper keeps the loudness over time that it draws")
        if options.bend:
            raise ModelError("--bend: preset paper does not know the notes and cannot bend them")
        if options.vibrato:
            raise ModelError("--vibrato: preset paper does not know the notes and gives them no vibrato")
        own = self.network.config
        return Settings(
            style=options.style,
            seed=drawn_seed(options.seed),
            transpose=0,
            into_register=False,
            steps=own.steps if options.steps is None else options.steps,
            guidance=1.0,
            strength=own.strength if options.strength is None else options.strength,
            vocoder="griffin-lim",
            follow=0.0,
            bend=0.0,
            vibrato=0.0,
        )

    def transfer(
        self, audio: np.ndarray, options: TransferOptions, progress: ProgressCallback = silent
    ) -> TransferResult:
        """The recording in the style clip's sound, by Griffin-Lim, at the recording's length and loudness.

        Args:
            audio: Mono, at `sample_rate`.
            options: What the user asks for.
            progress: Called after every step.

        Shape:
            audio and the result's audio are ``(S,)``.

        Raises:
            ModelError: the style is unknown, or an option asks for what these networks cannot do.
        """
        settings = self.resolve(options)
        if not np.isfinite(loudness_db(audio, self.sample_rate)):
            return TransferResult(np.zeros_like(audio), self.sample_rate, [], settings, self.model, [SILENT_INPUT])
        mel = transfer_mel(
            self.network,
            self._mel(audio),
            self._style(options.style),
            steps=settings.steps,
            strength=settings.strength,
            seed=settings.seed,
            progress=progress,
        )
        made = match_loudness(self.resynthesise(audio, mel), audio, self.sample_rate)
        return TransferResult(made, self.sample_rate, [], settings, self.model)

    def play(self, *_: Any, **__: Any) -> TransferResult:
        """Refuse: these networks know no notes to play.

        Raises:
            ModelError: always.
        """
        raise ModelError("preset paper cannot play notes, only recordings; use a model of preset base to generate")

    def transcribe(self, *_: Any, **__: Any) -> Content:
        """Refuse: these networks know no notes.

        Raises:
            ModelError: always.
        """
        raise ModelError("preset paper cannot transcribe; use a model of preset base")

    def autoencode(self, mel: Tensor) -> Tensor:
        """A mel through the autoencoder and back.

        Shape:
            ``(M, T)`` -> the same.
        """
        return transfer_mel(self.network, mel, mel, steps=0)

    def resynthesise(self, audio: np.ndarray, mel: Tensor) -> np.ndarray:
        """The sound of a mel by Griffin-Lim, as long as a recording.

        Args:
            audio: The recording.
            mel: In [-1, 1].

        Shape:
            audio ``(S,)``, mel ``(M, T)`` -> ``(S,)``.
        """
        made = griffin_lim(mel, self.mel_config, len(audio)).cpu().numpy().astype(np.float32)
        return np.pad(made, (0, len(audio) - len(made)))

    def _mel(self, audio: np.ndarray) -> Tensor:
        """The mel of a recording at the common loudness."""
        levelled, _ = normalise_loudness(audio, self.sample_rate)
        mel: Tensor = self.mel_transform(torch.from_numpy(levelled).to(self.device))
        return mel

    def _style(self, style: str) -> Tensor:
        """A named clip, or an audio file's mel."""
        if style in self.network.styles:
            return self.network.styles[style].to(self.device)
        if Path(style).expanduser().is_file():
            clip = load_audio(Path(style).expanduser(), self.sample_rate)
            return self._mel(clip[: int(STYLE_SECONDS * self.sample_rate)])
        raise ModelError(
            f"no style and no file {style!r}; styles are {', '.join(self.network.styles)}, or give an audio file"
        )
