"""A model of preset `paper` from recording to recording, as the paper does it. It works on mels and knows no notes."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.config import DiffusionConfig
from stylebox.core.errors import ModelError
from stylebox.core.paper.model import load_paper_model
from stylebox.core.paper.transfer import transfer_mel
from stylebox.core.paths import expanded
from stylebox.core.pipeline.clip_style import STYLE_SECONDS, read_clip
from stylebox.core.pipeline.content import Content
from stylebox.core.pipeline.finish import Performance
from stylebox.core.pipeline.options import OutputFormat, Settings, TransferOptions, resolve
from stylebox.core.pipeline.passes import Passes
from stylebox.core.pipeline.protocol import Perform
from stylebox.core.pipeline.recording import ArrayRecording, MonoSource
from stylebox.core.pipeline.result import TransferResult
from stylebox.core.pipeline.score import Score
from stylebox.core.pipeline.style_spec import is_file
from stylebox.core.pipeline.transfer import transfer_to_array
from stylebox.core.pipeline.vocode import iterate_phases
from stylebox.core.pipeline.work import Work
from stylebox.core.progress import ProgressCallback, silent

_NO_TRANSCRIPTION = "preset paper cannot transcribe; use a model of preset base"


class PaperPipeline:
    """A model of preset `paper`, loaded once, used for any number of recordings.

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
        """Resolve options to settings: what is not given gets the default of the model.

        Raises:
            ModelError: an option is beyond these networks.
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
        defaults = DiffusionConfig(steps=own.steps, strength=own.strength, guidance=1.0)
        settings = resolve(options, defaults, "griffin-lim")
        return replace(settings, into_register=False, bend=0.0, vibrato=0.0)

    def prepare(self, options: TransferOptions) -> Perform:
        """Resolve the options and the style; the result plays recordings with them, each in memory as a whole.

        Raises:
            ModelError: the style is unknown, or an option is beyond these networks.
        """
        settings, (style, remarks) = self.resolve(options), self._style(options.style)

        def perform(source: MonoSource, work: Work, passes: Passes) -> Performance:
            if source.measured.silent:
                return Performance(settings, remarks=remarks)
            seed = work.keep("seed", settings.seed)
            audio = np.concatenate(list(source.blocks()))
            mel = transfer_mel(
                self.network,
                self.mel_transform(torch.from_numpy(audio).to(self.device)),
                style,
                steps=settings.steps,
                strength=settings.strength,
                seed=seed,
                progress=lambda step: passes.report("playing", step.done / (step.total or 1)),
            )
            sound = work.track("played", len(audio), None, np.float32)
            sound.write(0, self.resynthesise(audio, mel))
            return Performance(replace(settings, seed=seed), sound=sound, remarks=remarks)

        return perform

    def transfer(
        self, audio: np.ndarray, options: TransferOptions, progress: ProgressCallback = silent
    ) -> TransferResult:
        """Give a recording the sound of a style clip, at the length and loudness of the recording, by Griffin-Lim.

        Args:
            audio: Mono, at `sample_rate`.
            options: What the user asks for.
            progress: Called as work goes on.

        Shape:
            audio and the result's audio are ``(S,)``.

        Raises:
            ModelError: the style is unknown, or an option is beyond these networks.
        """
        options = replace(options, output=OutputFormat(self.sample_rate))
        return transfer_to_array(self, ArrayRecording(audio, self.sample_rate), options, progress)

    def play(
        self,
        score: Score,
        options: TransferOptions,
        num_samples: int,
        work: Work,
        progress: ProgressCallback = silent,
    ) -> Performance:
        """Refuse: these networks cannot play notes.

        Args:
            score: Not used.
            options: Not used.
            num_samples: Not used.
            work: Not used.
            progress: Not used.

        Raises:
            ModelError: always.
        """
        raise ModelError("preset paper cannot play notes, only recordings; use a model of preset base to generate")

    def transcribe(self, audio: np.ndarray, progress: ProgressCallback = silent) -> Content:
        """Refuse: these networks know no notes.

        Shape:
            audio ``(S,)``.

        Raises:
            ModelError: always.
        """
        raise ModelError(_NO_TRANSCRIPTION)

    def transcribe_recording(self, source: MonoSource, work: Work, progress: ProgressCallback = silent) -> Score:
        """Refuse: these networks know no notes.

        Args:
            source: Not used.
            work: Not used.
            progress: Not used.

        Raises:
            ModelError: always.
        """
        raise ModelError(_NO_TRANSCRIPTION)

    def autoencode(self, mel: Tensor) -> Tensor:
        """Encode and decode a mel, without a transfer.

        Shape:
            ``(M, T)`` -> the same.
        """
        return transfer_mel(self.network, mel, mel, steps=0)

    def resynthesise(self, audio: np.ndarray, mel: Tensor) -> np.ndarray:
        """From a mel to sound by Griffin-Lim, at the length of a recording.

        Args:
            audio: The recording; only its length is used.
            mel: In [-1, 1].

        Shape:
            audio ``(S,)``, mel ``(M, T)`` -> ``(S,)``.
        """
        return iterate_phases(mel, self.mel_config, len(audio))

    def _mel(self, audio: np.ndarray) -> Tensor:
        """The mel of a recording at the common loudness."""
        levelled, _ = normalise_loudness(audio, self.sample_rate)
        mel: Tensor = self.mel_transform(torch.from_numpy(levelled).to(self.device))
        return mel

    def _style(self, style: str) -> tuple[Tensor, tuple[str, ...]]:
        """The mel of a named clip or of an audio file, and what was left out of the file."""
        if style in self.network.styles:
            return self.network.styles[style].to(self.device), ()
        if is_file(style):
            clip, remarks = read_clip(expanded(style), self.sample_rate)
            return self._mel(clip[: int(STYLE_SECONDS * self.sample_rate)]), tuple(remarks)
        raise ModelError(
            f"no style and no file {style!r}; styles are {', '.join(self.network.styles)}, or give an audio file"
        )
