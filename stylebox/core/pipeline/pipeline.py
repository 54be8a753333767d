"""A model at work: audio in, the same music in another sound out. Files and commands are others' business.

Everything here is local in time but for the noise, which is drawn whole, and guidance, which keeps a window's spread: a
recording done in windows equals one done in a single pass, under guidance to a tenth of a decibel or two, at bounded
memory.
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylebox.core.audio.attacks import sharpen_attacks
from stylebox.core.audio.dynamics import dynamics
from stylebox.core.audio.frames import resample_frames
from stylebox.core.audio.griffin_lim import griffin_lim
from stylebox.core.audio.harmonic_vocoder import harmonic_inversion
from stylebox.core.audio.io.read import load_audio, resample
from stylebox.core.audio.loudness import follow_loudness, loudness_db, match_loudness, normalise_loudness
from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.audio.pitch_bend import estimate_bends
from stylebox.core.audio.vibrato import played_bends
from stylebox.core.audio.windows import in_windows, stretch
from stylebox.core.config import MelConfig
from stylebox.core.device import half_precision
from stylebox.core.diffusion.sampling import denoiser, dpm_solver_2m, guided, timesteps
from stylebox.core.diffusion.schedule import FlowSchedule, add_noise
from stylebox.core.errors import ModelError
from stylebox.core.models.content_encoder import posteriors, shift_keys
from stylebox.core.models.style_encoder import CLIP_SECONDS
from stylebox.core.models.vocoder import Vocoder
from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS, Note, notes_from_posteriors, piano_roll, transpose
from stylebox.core.music.register import Register, octave_shift
from stylebox.core.pipeline.content import Content
from stylebox.core.pipeline.options import Settings, TransferOptions, drawn_seed, resolve
from stylebox.core.pipeline.result import TransferResult
from stylebox.core.pipeline.style import resolve_style
from stylebox.core.pipeline.vocode import vocode
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.store import library
from stylebox.core.store.weights import fingerprint

STYLE_SECONDS = 30.0  # how much of a style recording is used
VOCODERS = ("auto", "neural", "harmonic", "griffin-lim")
NO_NOTES = "no notes to speak of were found in it; the output is kept at least 20 dB below it"
_LEAST_HEARD = 0.1  # of a recording's energy, while notes sound: phrases have 0.65 and more, steady noise 0.09 at most


class BasePipeline:
    """A model of preset `base`, loaded once, used for any number of recordings.

    Raises:
        ModelError: the model, or a part of it, is missing or does not fit.
    """

    def __init__(self, model: str = library.SHIPPED_MODEL, device: str = "cpu") -> None:
        self.model, self.device = model, torch.device(device)
        part = library.load_part(model, "ldm")
        self.preset = part.preset
        self.mel_config = self.preset.mel
        self.named_styles = library.named_styles(part)
        self.style_encoder = library.load_style_encoder(part).to(self.device)
        self.draft_network = library.load_draft(part).to(self.device)
        self.denoiser = library.load_denoiser(part).to(self.device)
        home = str(part.path.parent.absolute())  # of what was trained together; a newer vae of the model may not fit it
        self.vae = library.load_vae(home, self.mel_config).to(self.device)
        trained_with = part.card.get("provenance", {}).get("vae")
        if trained_with not in (None, fingerprint(self.vae)):
            raise ModelError(
                f"{part.path}: was trained with another vae than model {model!r} has now; "
                f"train it anew with `stylebox train ldm --name {model}`"
            )
        self.content_encoder = library.load_content_encoder(model).to(self.device)
        self.mel_transform = MelSpectrogram(self.mel_config).to(self.device)
        self.schedule = FlowSchedule()

    @property
    def sample_rate(self) -> int:
        """Of what goes in and what comes out, in Hz."""
        return self.mel_config.sample_rate

    @cached_property
    def vocoder(self) -> Vocoder:
        """The neural vocoder, read when it is first wanted.

        Raises:
            ModelError: the model has none.
        """
        return library.load_vocoder(self.model, self.mel_config).to(self.device)

    def settings(self, options: TransferOptions) -> Settings:
        """What these options come to with this model.

        Raises:
            ModelError: an option is out of range, or the vocoder asked for is not there.
        """
        return resolve(options, self.preset.diffusion, self._vocoder_choice(options.vocoder))

    def run(self, audio: np.ndarray, options: TransferOptions, progress: ProgressCallback = silent) -> TransferResult:
        """Play the music of a recording in another sound, at the recording's length and loudness.

        Args:
            audio: At `sample_rate`, mono.

        Shape:
            audio and the result's audio are ``(S,)``.

        Raises:
            StyleboxError: the style is unknown or an option is out of range.
        """
        settings, style = self.settings(options), self._style(options.style)
        audio = audio - np.float32(audio.mean(dtype=np.float64))  # nobody hears a constant, but a meter does
        music = self.listen(audio, progress)
        result = self._play(music, style, settings, options, len(audio), progress)
        silent_input = not np.isfinite(loudness_db(audio, self.sample_rate))
        if silent_input or _heard_share(audio, music.notes, self.sample_rate) < _LEAST_HEARD:
            warning = "it is silent, and so is the output" if silent_input else NO_NOTES
            quiet = np.zeros_like(result.audio) if silent_input else _no_louder(result.audio, audio)
            return TransferResult(quiet, result.sample_rate, result.seed, result.transpose, [], [warning])
        bent = follow_loudness(
            match_loudness(result.audio, audio, self.sample_rate), audio, self.sample_rate, settings.follow
        )
        loud = match_loudness(bent, audio, self.sample_rate)
        return TransferResult(loud, result.sample_rate, result.seed, result.transpose, result.notes, result.warnings)

    @torch.no_grad()
    def listen(self, audio: np.ndarray, progress: ProgressCallback = silent) -> Content:
        """What a recording plays."""
        progress(Progress("listening", 0, 1))
        levelled, _ = normalise_loudness(audio, self.sample_rate)
        curve = dynamics(self.mel_transform(torch.from_numpy(levelled).to(self.device))[None], self.mel_config)[0]
        encoder = self.content_encoder
        heard = torch.from_numpy(resample(levelled, self.sample_rate, encoder.sample_rate)).to(self.device)
        frame, onset = posteriors(encoder, heard)
        notes = notes_from_posteriors(frame.T.cpu().numpy(), onset.T.cpu().numpy(), encoder.frames_per_second)
        own = MelConfig(sample_rate=encoder.sample_rate, hop_length=encoder.hop_length)
        cents = estimate_bends(heard, frame, own)
        rate, num_frames = self.mel_config.frames_per_second, len(curve)
        frame, cents = (resample_frames(x, encoder.frames_per_second, rate, num_frames) for x in (frame, cents))
        marks = torch.from_numpy(piano_roll(notes, num_frames, rate)[1].T).to(frame)
        progress(Progress("listening", 1, 1))
        return Content(torch.stack([frame, marks]), curve, notes, cents)

    def play(
        self, music: Content, options: TransferOptions, num_samples: int, progress: ProgressCallback = silent
    ) -> TransferResult:
        """Music in a style, as audio at the model's own level.

        Raises:
            StyleboxError: the style is unknown or an option is out of range.
        """
        settings, style = self.settings(options), self._style(options.style)
        return self._play(music, style, settings, options, num_samples, progress)

    @torch.no_grad()
    def _play(
        self,
        music: Content,
        style: library.Style,
        settings: Settings,
        options: TransferOptions,
        num_samples: int,
        progress: ProgressCallback,
    ) -> TransferResult:
        shift = options.transpose
        if shift is None:
            shift = octave_shift(music.notes, style.register)
        seed = drawn_seed(options.seed)
        notes = [note for note in transpose(music.notes, shift) if 0 <= note.pitch - LOWEST_KEY < NUM_KEYS]
        cents = torch.zeros_like(music.content[0]) if music.cents is None else shift_keys(music.cents, shift)
        rate = self.mel_config.frames_per_second
        cents = played_bends(cents, notes, rate, style.intonation, seed, settings.bend, settings.vibrato)
        moved = Content(shift_keys(music.content, shift), music.dynamics, notes, cents)
        draft = self._draft(moved, style)
        mel = self._refine(draft, moved, style, settings, seed, progress)
        audio = self._sound(mel, moved, settings.vocoder, num_samples, progress)
        if settings.vocoder == "neural" and not style.sustained:
            audio = sharpen_attacks(audio, [note.start_seconds for note in notes], self.sample_rate)
        return TransferResult(audio, self.sample_rate, seed, shift, notes)

    def _style(self, wanted: str) -> library.Style:
        return resolve_style(wanted, self.named_styles, self.style_of_clip)

    @torch.no_grad()
    def style_of_clip(self, path: Path) -> library.Style:
        """The style of the first half minute of a recording, and the register it is played in."""
        audio = load_audio(path, self.sample_rate)[: int(STYLE_SECONDS * self.sample_rate)]
        levelled = torch.from_numpy(normalise_loudness(audio, self.sample_rate)[0]).to(self.device)
        mel = self.mel_transform(levelled)
        size = round(CLIP_SECONDS * self.mel_config.frames_per_second)
        looks = max(1, round(mel.shape[1] / size))
        mel = F.pad(mel, (0, max(0, looks * size - mel.shape[1])), value=-1.0)
        clips = mel[:, : looks * size].unflatten(1, (looks, size)).movedim(1, 0)
        tokens, vector = self.style_encoder(clips)
        register = Register.of_notes(self.listen(audio).notes)
        return library.Style(path.name, tokens.mean(0).cpu(), vector.mean(0).cpu(), register)

    def _draft(self, music: Content, style: library.Style) -> Tensor:
        """Draft mel, ``(M, T)``."""
        tokens, vector = style.tokens[None].to(self.device), style.vector[None].to(self.device)

        def draw(first: int, last: int) -> Tensor:
            content, curve = music.content[None, :, :, first:last], music.dynamics[None, first:last]
            with half_precision(self.device.type):
                return self.draft_network(content, curve, tokens, vector)[0].float()

        return in_windows(draw, music.content.shape[-1], 1).clamp(-1.0, 1.0)

    def _refine(
        self,
        draft: Tensor,
        music: Content,
        style: library.Style,
        settings: Settings,
        seed: int,
        progress: ProgressCallback,
    ) -> Tensor:
        """The draft with its detail given back by diffusion, ``(M, T)``."""
        if settings.steps == 0 or settings.strength == 0:
            return draft
        z_draft = self._encode(draft)
        generator = torch.Generator().manual_seed(seed)
        eps = torch.randn(z_draft.shape, generator=generator).to(self.device)
        times = timesteps(settings.steps, settings.strength)
        start = torch.full((1,), settings.strength, device=self.device)
        x_t = add_noise(z_draft, eps, start, self.schedule)
        network = self._network(z_draft, music, style, settings.guidance)
        z = dpm_solver_2m(
            denoiser(network, self.schedule),
            x_t,
            self.schedule,
            times,
            callback=lambda done, total: progress(Progress("denoising", done, total)),
        )
        return self._decode(z, draft.shape[-1])

    def _network(
        self, z_draft: Tensor, music: Content, style: library.Style, guidance: float
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """The denoiser over a whole recording, in windows, with guidance."""
        null = self.style_encoder.null_tokens, self.style_encoder.null_vector
        tokens = torch.stack([style.tokens.to(self.device), null[0]])
        vectors = torch.stack([style.vector.to(self.device), null[1]])
        count = 1 if guidance == 1 else 2
        stride = self.vae.stride

        def network(x_t: Tensor, t: Tensor) -> Tensor:
            def look(first: int, last: int) -> Tensor:
                with half_precision(self.device.type):
                    seen = self.denoiser(
                        x_t[..., first:last].expand(count, -1, -1, -1),
                        t.expand(count),
                        z_draft[..., first:last].expand(count, -1, -1, -1),
                        stretch(music.content, first * stride, last * stride).expand(count, -1, -1, -1),
                        stretch(music.dynamics, first * stride, last * stride, -1.0).expand(count, -1),
                        tokens[:count],
                        vectors[:count],
                    ).float()
                return seen[0] if count == 1 else guided(seen[:1], seen[1:], guidance)[0]

            align = self.denoiser.unet.stride
            return in_windows(look, x_t.shape[-1], align, stride)[None]

        return network

    def _encode(self, mel: Tensor) -> Tensor:
        """``(M, T)`` -> ``(1, C, H, W)``."""
        stride = self.vae.stride
        padded = F.pad(mel, (0, -mel.shape[-1] % stride), value=-1.0)

        def look(first: int, last: int) -> Tensor:
            return self.vae.encode(padded[None, :, first * stride : last * stride])[0]

        width = padded.shape[-1] // stride
        return in_windows(look, width, 1, stride)[None]

    def _decode(self, z: Tensor, num_frames: int) -> Tensor:
        """``(1, C, H, W)`` -> ``(M, num_frames)``."""
        stride = self.vae.stride

        def look(first: int, last: int) -> Tensor:
            return self.vae.decode(z[..., first:last], (last - first) * stride)[0].unflatten(1, (-1, stride))

        whole = in_windows(lambda a, b: look(a, b).movedim(1, -1), z.shape[-1], 1, stride)
        return whole.movedim(-1, 1).flatten(1)[:, :num_frames]

    def _sound(
        self, mel: Tensor, music: Content, vocoder: str, num_samples: int, progress: ProgressCallback
    ) -> np.ndarray:
        """Mel to audio of `num_samples`."""
        progress(Progress("sounding", 0, 1))
        if vocoder == "neural":
            audio = vocode(self.vocoder, mel, music.content[0], num_samples, music.cents, phase_steps=1)
        elif vocoder == "harmonic":
            audio = harmonic_inversion(mel, music.content[0], self.mel_config, num_samples, music.cents)
        else:
            audio = griffin_lim(mel, self.mel_config, num_samples)
        progress(Progress("sounding", 1, 1))
        made = audio.cpu().numpy().astype(np.float32)[:num_samples]
        return np.pad(made, (0, num_samples - len(made)))

    def _vocoder_choice(self, wanted: str) -> str:
        """The neural vocoder where the model has one, else the harmonic inversion, unless told otherwise.

        Raises:
            ModelError: there is no such vocoder, or the model has no neural one.
        """
        if wanted not in VOCODERS:
            raise ModelError(f"--vocoder {wanted}: there are {', '.join(VOCODERS)}")
        if wanted == "neural":
            library.load_part(self.model, "vocoder", self.mel_config)
        if wanted != "auto":
            return wanted
        return "neural" if library.has_part(self.model, "vocoder", self.mel_config) else "harmonic"


def _heard_share(audio: np.ndarray, notes: list[Note], sample_rate: int) -> float:
    """How much of a recording's energy lies where notes sound."""
    power = np.square(audio, dtype=np.float64)
    sounding = np.zeros(len(audio), bool)
    for note in notes:
        sounding[int(note.start_seconds * sample_rate) : int(note.end_seconds * sample_rate)] = True
    return float(power[sounding].sum() / max(power.sum(), 1e-12))


def _no_louder(audio: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """`audio` turned down to 20 dB under the reference, so that what is not music stays harmless."""
    level, limit = (float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) for x in (audio, reference))
    return audio * np.float32(min(1.0, 0.1 * limit / max(level, 1e-9)))
