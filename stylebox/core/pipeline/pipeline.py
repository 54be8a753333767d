"""A model of preset `base` from recording to recording: transcribe, draft, refine, vocode, finish.

Every step is local in time but for guidance, which keeps the spread of a window: a recording done in parts equals one
done in a single pass (with guidance to 0.2 dB), in bounded memory. Knows nothing of files but clips of a style.
"""

from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.errors import ModelError
from stylebox.core.models.vae import VAE
from stylebox.core.models.vocoder import Vocoder
from stylebox.core.pipeline.clip_style import StylesWithOwn, clip_style
from stylebox.core.pipeline.content import Content
from stylebox.core.pipeline.finish import Performance
from stylebox.core.pipeline.options import VOCODERS, OutputFormat, Settings, TransferOptions, resolve
from stylebox.core.pipeline.passes import Passes
from stylebox.core.pipeline.player import Player
from stylebox.core.pipeline.protocol import Perform
from stylebox.core.pipeline.recording import ArrayRecording, MonoSource
from stylebox.core.pipeline.refine import Refiner
from stylebox.core.pipeline.result import TransferResult
from stylebox.core.pipeline.score import Score
from stylebox.core.pipeline.style import resolve_style
from stylebox.core.pipeline.style_spec import StyleSpec
from stylebox.core.pipeline.transcribe import transcribe
from stylebox.core.pipeline.transfer import transfer_to_array
from stylebox.core.pipeline.vocode import mel_to_audio
from stylebox.core.pipeline.work import Track, Work
from stylebox.core.progress import ProgressCallback, silent
from stylebox.core.store import library
from stylebox.core.store.styles import Style, named_styles
from stylebox.core.store.weights import fingerprint, group_of


class BasePipeline:
    """A model of preset `base`, loaded once, used for any number of recordings.

    The autoencoder, the denoiser and the vocoder are read when they are first needed.

    Args:
        model: Its name, or a folder.
        device: Where the networks compute, such as "cpu" or "cuda".

    Raises:
        ModelError: the model, or a part of it, is missing or does not fit.
    """

    has_notes = True

    def __init__(self, model: str = library.SHIPPED_MODEL, device: str = "cpu") -> None:
        self.model, self.device = model, torch.device(device)
        self._part = library.load_part(model, "ldm")
        self.preset = self._part.preset
        self.mel_config = self.preset.mel
        self.named_styles = named_styles(self._part)
        self.style_encoder = library.load_style_encoder(self._part).to(self.device)
        self.draft_network = library.load_draft(self._part).to(self.device)
        self.content_encoder = library.load_content_encoder(model).to(self.device)
        self.mel_transform = MelSpectrogram(self.mel_config).to(self.device)

    @property
    def sample_rate(self) -> int:
        """Rate of input and output, in Hz."""
        return self.mel_config.sample_rate

    @property
    def style_names(self) -> list[str]:
        """The styles that the model knows by name, sorted."""
        return sorted(self.named_styles)

    @cached_property
    def _styles(self) -> StylesWithOwn:
        return StylesWithOwn(self.named_styles, self.style_of_clip)

    @cached_property
    def vocoder(self) -> Vocoder:
        """The neural vocoder.

        Raises:
            ModelError: the model has none.
        """
        return library.load_vocoder(self.model, self.mel_config).to(self.device)

    @cached_property
    def vae(self) -> VAE:
        """The autoencoder that the denoiser was trained with.

        Raises:
            ModelError: it is missing, or was trained again since.
        """
        part = self._part
        vae = library.load_vae(str(part.path.parent.absolute()), self.mel_config)  # the one beside the denoiser
        if group_of(part.card, "provenance").get("vae") not in (None, fingerprint(vae)):
            raise ModelError(
                f"{part.path}: was trained with another vae than model {self.model!r} has now; "
                f"train it again with `stylebox train ldm --name {self.model}`"
            )
        return vae.to(self.device)

    @cached_property
    def refiner(self) -> Refiner:
        """The networks of the diffusion.

        Raises:
            ModelError: a part is missing or does not fit.
        """
        denoiser = library.load_denoiser(self._part).to(self.device)
        return Refiner(self.vae, denoiser, self.style_encoder)

    def prepare(self, options: TransferOptions) -> Perform:
        """Resolve the options and the style; the result plays recordings with them.

        Raises:
            StyleboxError: the style is unknown, an option is out of range, or a part is missing.
        """
        settings, style = self.resolve(options), self.style(options.spec)

        def perform(source: MonoSource, work: Work, passes: Passes) -> Performance:
            if source.measured.silent:
                return Performance(settings, [], remarks=style.remarks)
            report = partial(passes.report, "transcribing")
            score = transcribe(source, self.content_encoder, self.mel_transform, work.content, report)
            player = self._player(score, style, replace(settings, seed=work.keep("seed", settings.seed)))
            sound = player.play(score, source.num_samples, work, partial(passes.report, "playing"))
            return _performance(player, score, sound)

        return perform

    def transfer(
        self, audio: np.ndarray, options: TransferOptions, progress: ProgressCallback = silent
    ) -> TransferResult:
        """Play the music of a recording in another sound, at the recording's length and loudness.

        Args:
            audio: Mono, at `sample_rate`.
            options: What the user asks for.
            progress: Called as work goes on.

        Shape:
            audio and the result's audio are ``(S,)``.

        Raises:
            StyleboxError: the style is unknown or an option is out of range.
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
        """Play a score in a style, at the model's own level.

        Args:
            score: At the frame rate of the mel.
            options: What the user asks for.
            num_samples: Length of the result.
            work: Gets what is computed, and knows how far an earlier run came.
            progress: Called as work goes on.

        Raises:
            StyleboxError: the style is unknown or an option is out of range.
        """
        settings, style = self.resolve(options), self.style(options.spec)
        player, passes = self._player(score, style, settings), Passes(num_samples / self.sample_rate, progress)
        sound = player.play(score, num_samples, work, partial(passes.report, "playing"))
        return _performance(player, score, sound)

    def _player(self, score: Score, style: Style, settings: Settings) -> Player:
        """What plays a score; the settings get the transposition that its notes need."""
        settings = settings.for_music(score.notes, style.register)
        networks = (self.refiner if settings.diffuses else None, self.vocoder if settings.vocoder == "neural" else None)
        return Player(self.mel_config, self.draft_network, *networks, style, settings)

    def resolve(self, options: TransferOptions) -> Settings:
        """The settings that these options give with this model; reads the networks that they need.

        Raises:
            ModelError: an option is out of range, or a part that it needs is missing or does not fit.
        """
        if options.vocoder not in VOCODERS:
            raise ModelError(f"--vocoder {options.vocoder}: there are {', '.join(VOCODERS)}")
        vocoder = options.vocoder
        if vocoder == "auto":
            vocoder = "neural" if library.has_part(self.model, "vocoder", self.mel_config) else "harmonic"
        settings = resolve(options, self.preset.diffusion, vocoder)
        if settings.vocoder == "neural":
            _ = self.vocoder  # read now: a part that is missing is reported before the work
        if settings.diffuses:
            _ = self.refiner
        return settings

    def style(self, spec: StyleSpec) -> Style:
        """The style that a specification asks for.

        Raises:
            StyleboxError: there is no such name or file, or the file cannot be read.
        """
        return resolve_style(spec, self._styles, self.style_of_clip)

    def style_of_clip(self, path: Path) -> Style:
        """The style of the first half minute of a recording, and the register of its notes.

        Raises:
            AudioError: the file cannot be read.
        """
        return clip_style(path, self.style_encoder, self.content_encoder, self.mel_transform)

    def transcribe(self, audio: np.ndarray, progress: ProgressCallback = silent) -> Content:
        """The content of a recording: its notes, dynamics and pitch bends.

        Args:
            audio: Mono, at `sample_rate`.
            progress: Called as work goes on.

        Shape:
            audio ``(S,)``.
        """
        source = MonoSource(ArrayRecording(audio, self.sample_rate), self.sample_rate)
        score = self.transcribe_recording(source, Work(), progress)
        return score.window(0, score.num_frames)

    def transcribe_recording(self, source: MonoSource, work: Work, progress: ProgressCallback = silent) -> Score:
        """The music of a recording, in windows.

        Args:
            source: The recording, at the rate of the pipeline; is read twice.
            work: Gets what is computed, and knows how far an earlier run came; the score reads from it.
            progress: Called as work goes on.
        """
        report = partial(Passes(source.seconds, progress).report, "transcribing")
        return transcribe(source, self.content_encoder, self.mel_transform, work.content, report)

    @torch.no_grad()
    def autoencode(self, mel: Tensor) -> Tensor:
        """A mel through the autoencoder and back.

        Shape:
            ``(M, T)`` -> the same.
        """
        return self.vae.decode(self.vae.encode(mel[None]), mel.shape[1])[0]

    def resynthesise(self, audio: np.ndarray, mel: Tensor) -> np.ndarray:
        """The sound of a recording's own mel: the vocoder alone, with the notes found in the recording.

        Args:
            audio: The recording, at `sample_rate`.
            mel: Its mel, in [-1, 1].

        Shape:
            audio ``(S,)``, mel ``(M, T)`` -> ``(S,)``.
        """
        content = self.transcribe(audio)
        content = replace(content, cents=torch.zeros_like(content.cents))  # the mel is bent already
        neural = library.has_part(self.model, "vocoder", self.mel_config)
        method, vocoder = ("neural", self.vocoder) if neural else ("harmonic", None)
        return mel_to_audio(mel, content, self.mel_config, len(audio), method=method, vocoder=vocoder, phase_steps=4)


def _performance(player: Player, score: Score, sound: Track) -> Performance:
    """What was played, and what was not."""
    notes, count = player.notes_of(score), len(score.notes)
    lost = [f"{count - len(notes)} of {count} notes left out: beyond the 88 keys"] if len(notes) < count else []
    return Performance(player.settings, notes, sound, (*lost, *player.style.remarks))
