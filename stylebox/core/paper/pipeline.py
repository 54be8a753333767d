"""A model of preset `paper` at work: the report's way, audio in and audio out. It hears no notes."""

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
from stylebox.core.pipeline.options import Settings, TransferOptions, drawn_seed
from stylebox.core.pipeline.pipeline import STYLE_SECONDS
from stylebox.core.pipeline.result import TransferResult
from stylebox.core.progress import ProgressCallback, silent


class PaperPipeline:
    """The report's networks, loaded once.

    Raises:
        ModelError: the model, or a part of it, is missing or does not fit.
    """

    def __init__(self, model: str, device: str = "cpu") -> None:
        self.model, self.network = model, load_paper_model(model, device=device)
        self.mel_config = self.network.mel
        self.device = torch.device(device)
        self.mel_transform = MelSpectrogram(self.mel_config).to(self.device)

    @property
    def sample_rate(self) -> int:
        """Of what goes in and what comes out, in Hz."""
        return self.mel_config.sample_rate

    def settings(self, options: TransferOptions) -> Settings:
        """What these options come to with this model.

        Raises:
            ModelError: something is asked for that these networks cannot do.
        """
        if options.transpose:
            raise ModelError("--transpose: preset paper does not know the notes and cannot move them")
        if options.vocoder not in ("auto", "griffin-lim"):
            raise ModelError(f"--vocoder {options.vocoder}: preset paper sounds by griffin-lim")
        if options.guidance not in (None, 1.0):
            raise ModelError("--guidance: preset paper was not trained without its style, so there is no guidance")
        if options.follow:
            raise ModelError("--follow: preset paper keeps the loudness over time that it draws")
        if options.bend:
            raise ModelError("--bend: preset paper does not know the notes and cannot bend them")
        if options.vibrato:
            raise ModelError("--vibrato: preset paper does not know the notes and gives them no vibrato")
        own = self.network.config
        steps = own.steps if options.steps is None else options.steps
        strength = own.strength if options.strength is None else options.strength
        return Settings(steps, 1.0, strength, "griffin-lim", 0.0, 0.0, 0.0)

    def run(self, audio: np.ndarray, options: TransferOptions, progress: ProgressCallback = silent) -> TransferResult:
        """The recording in the style clip's sound, by Griffin-Lim, at the recording's length and loudness.

        Shape:
            audio and the result's audio are ``(S,)``.

        Raises:
            ModelError: the style is unknown, or something is asked for that these networks cannot do.
        """
        settings = self.settings(options)
        seed = drawn_seed(options.seed)
        if not np.isfinite(loudness_db(audio, self.sample_rate)):
            warning = "it is silent, and so is the output"
            return TransferResult(np.zeros_like(audio), self.sample_rate, seed, 0, [], [warning])
        mel = transfer_mel(
            self.network,
            self._mel(audio),
            self._style(options.style),
            steps=settings.steps,
            strength=settings.strength,
            seed=seed,
            progress=progress,
        )
        made = griffin_lim(mel, self.mel_config, len(audio)).cpu().numpy().astype(np.float32)
        return TransferResult(match_loudness(made, audio, self.sample_rate), self.sample_rate, seed, 0, [])

    def play(self, *_: Any, **__: Any) -> TransferResult:
        """There is no content path to play notes through.

        Raises:
            ModelError: always.
        """
        raise ModelError("preset paper cannot play notes, only recordings; use a model of preset base to generate")

    def _mel(self, audio: np.ndarray) -> Tensor:
        return self.mel_transform(torch.from_numpy(normalise_loudness(audio, self.sample_rate)[0]).to(self.device))

    def _style(self, wanted: str) -> Tensor:
        """A named clip, or an audio file's mel."""
        if wanted in self.network.styles:
            return self.network.styles[wanted].to(self.device)
        if Path(wanted).expanduser().is_file():
            clip = load_audio(Path(wanted).expanduser(), self.sample_rate)
            return self._mel(clip[: int(STYLE_SECONDS * self.sample_rate)])
        raise ModelError(
            f"no style and no file {wanted!r}; styles are {', '.join(self.network.styles)}, or give an audio file"
        )
