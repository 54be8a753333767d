"""The Python API: a loaded model that takes files or arrays. `stylebox.load` gives one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from stylebox.core.audio.io.source import opened
from stylebox.core.audio.io.tags import Tags
from stylebox.core.jobs.array_recording import array_recording
from stylebox.core.jobs.file_recording import FileRecording
from stylebox.core.jobs.generate import generate
from stylebox.core.jobs.pipelines import load_pipeline, require_live
from stylebox.core.music.midi.read import read_midi
from stylebox.core.music.notes import Note
from stylebox.core.pipeline.live import LOOK_AHEAD_SECONDS, STEP_FRAMES, LiveTransfer
from stylebox.core.pipeline.live_rate import BlockProcessor, at_rate
from stylebox.core.pipeline.options import OutputFormat, TransferOptions
from stylebox.core.pipeline.recording import MonoSource, Recording
from stylebox.core.pipeline.result import TransferResult, styled_tags
from stylebox.core.pipeline.transcription import Transcription
from stylebox.core.pipeline.transfer import transfer_to_array
from stylebox.core.pipeline.work import Work
from stylebox.core.progress import ProgressCallback, silent
from stylebox.core.store.library import SHIPPED_MODEL

Audio = str | Path | np.ndarray


class Model:
    """A model, loaded once, used for any number of recordings.

    Args:
        name: A name of `stylebox.list_models()`, or a folder with the model's files.
        device: Where the networks compute, such as "cpu" or "cuda".

    Raises:
        ModelError: the model, or a part of it, is missing or does not fit.
    """

    def __init__(self, name: str = SHIPPED_MODEL, device: str = "cpu") -> None:
        self._pipeline = load_pipeline(name, device)

    @property
    def name(self) -> str:
        """The model's name."""
        return self._pipeline.model

    @property
    def sample_rate(self) -> int:
        """Rate that the networks work at, in Hz."""
        return self._pipeline.sample_rate

    @property
    def styles(self) -> list[str]:
        """The styles that the model knows by name, sorted."""
        return self._pipeline.style_names

    def transfer(
        self,
        audio: Audio,
        *,
        style: str,
        sample_rate: int | None = None,
        seed: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        strength: float | None = None,
        transpose: int | None = None,
        follow: float | None = None,
        bend: float | None = None,
        vibrato: float | None = None,
        vocoder: str = "auto",
        mix: float | None = None,
        mono: bool = False,
        output_rate: int | None = None,
        progress: ProgressCallback = silent,
    ) -> TransferResult:
        """Play a recording in another sound: same notes, timing, length and loudness.

        Args:
            audio: A file, or an array with its `sample_rate`; full scale is 1.
            style: A name, an audio file, or a blend such as "violin:0.7,flute:0.3".
            sample_rate: Of an array, in Hz.
            seed: Of all noise; drawn at random unless given.
            steps: Network calls of the diffusion; 0 gives the draft.
            guidance: Classifier-free guidance scale; 1 disables guidance.
            strength: Where the noised draft starts, in [0, 1]; 1 is pure noise.
            transpose: Semitones; None moves by octaves into the register of the style.
            follow: How closely the output follows the input's loudness, in [0, 1].
            bend: Share of the input's pitch bends to keep, in [0, 1]; None depends on the instrument.
            vibrato: Depth of the instrument's own vibrato, in [0, 2]; None is 1.
            vocoder: "auto", "neural", "harmonic" or "griffin-lim".
            mix: Share of the transfer in the power of the result, in [0, 1]; the rest is the input. None is 1.
            mono: Whether the channels are folded to one.
            output_rate: In Hz; unless given the input's, but at least 44.1 kHz.
            progress: Called as work goes on.

        Shape:
            array ``(S,)`` or ``(S, C)`` -> the same; ``(S,)`` with `mono`.

        Raises:
            StyleboxError: the file cannot be read, the style is unknown, or an option is out of range.
        """
        options = TransferOptions(
            style,
            steps=steps,
            guidance=guidance,
            strength=strength,
            seed=seed,
            transpose=transpose,
            vocoder=vocoder,
            follow=follow,
            bend=bend,
            vibrato=vibrato,
            mix=mix,
        )
        return self._transfer(audio, sample_rate, options, OutputFormat(output_rate, mono=mono), progress)

    def live(
        self,
        *,
        style: str,
        sample_rate: int | None = None,
        look_ahead_seconds: float = LOOK_AHEAD_SECONDS,
        step_frames: int = STEP_FRAMES,
        seed: int | None = None,
        steps: int = 0,
        transpose: int | None = None,
        follow: float | None = None,
        bend: float | None = None,
        vibrato: float | None = None,
    ) -> BlockProcessor:
        """A block processor that transfers while the music is played.

        Give its `process` blocks of any size; each result is as long as its block, and `latency_samples` later than
        the input. `load` above 1 means that this machine is too slow. One object serves one stream, on one thread.

        Args:
            style: A name, an audio file, or a blend such as "violin:0.7,flute:0.3".
            sample_rate: Of the blocks, in Hz; None is that of the model.
            look_ahead_seconds: Music that is known beyond a moment before it sounds, 0.1 to 4.
            step_frames: Frames of the mel that are computed at once, a multiple of 8 (93 ms); more cost less time in
                all, and are later.
            seed: Of all noise; drawn at random unless given.
            steps: Network calls of the diffusion; 0 gives the draft.
            transpose: Semitones; None chooses octaves by the first notes, and once more in the first rest.
            follow: How closely the output follows the input's loudness, in [0, 1].
            bend: Share of the input's pitch bends that the output takes on, in [0, 1]; None depends on the instrument.
            vibrato: Depth of the instrument's own vibrato, in [0, 2]; None is 1.

        Raises:
            ModelError: the model cannot play live, the style is unknown, or an option is out of range.
        """
        pipeline = require_live(self._pipeline)
        options = TransferOptions(
            style, steps=steps, seed=seed, transpose=transpose, follow=follow, bend=bend, vibrato=vibrato
        )
        transfer = LiveTransfer(pipeline, options, look_ahead_seconds, step_frames)
        return at_rate(transfer, sample_rate or self.sample_rate)

    def generate(
        self,
        *,
        style: str,
        notes: str | Path | Sequence[Note] | None = None,
        seconds: float | None = None,
        tempo: float = 1.0,
        seed: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        strength: float | None = None,
        transpose: int | None = None,
        vocoder: str = "auto",
        progress: ProgressCallback = silent,
    ) -> TransferResult:
        """Play a score in a style; without one, random notes that the seed decides.

        Args:
            style: A name, an audio file, or a blend such as "violin:0.7,flute:0.3".
            notes: A MIDI file, or notes; the result ends one second after the last of them.
            seconds: Length of a random score, from 0.5 to 3600; 12 unless given. Not together with `notes`.
            tempo: Speed of the notes, from 0.25 to 4; 2 is twice as fast.
            seed: Of the random score and of all noise; drawn at random unless given.
            steps: Network calls of the diffusion, 0 or more; 0 gives the draft.
            guidance: Classifier-free guidance scale; 1 disables guidance.
            strength: Where the noised draft starts, in [0, 1]; 1 is pure noise.
            transpose: Semitones; None moves by octaves into the register of the style.
            vocoder: "auto", "neural", "harmonic" or "griffin-lim".
            progress: Called as work goes on.

        Raises:
            ValueError: both `notes` and `seconds` are given.
            SourceError: the MIDI file cannot be read, there are no notes, or `seconds` is out of range.
            ModelError: the style is unknown, an option is out of range, or the model has no notes.
        """
        if notes is not None and seconds is not None:
            raise ValueError("give notes or seconds, not both: notes have their own length")
        options = TransferOptions(
            style,
            steps=steps,
            guidance=guidance,
            strength=strength,
            seed=seed,
            transpose=transpose,
            vocoder=vocoder,
        )
        if not isinstance(notes, str | Path):
            return generate(self._pipeline, options, notes=notes, seconds=seconds, tempo=tempo, progress=progress)
        score = read_midi(Path(notes))
        result = generate(self._pipeline, options, notes=score.notes, tempo=tempo, progress=progress)
        return replace(result, warnings=[*result.warnings, *score.remarks])

    def transcribe(
        self, audio: Audio, *, sample_rate: int | None = None, progress: ProgressCallback = silent
    ) -> Transcription:
        """The notes of a recording, with velocities and pitch bends; `Transcription.save` writes a MIDI file.

        Args:
            audio: A file, or an array with its `sample_rate`; full scale is 1.
            sample_rate: Of an array, in Hz.
            progress: Called as work goes on.

        Shape:
            An array is ``(S,)``, or ``(S, C)``.

        Raises:
            AudioError: the file cannot be read, or an array has no rate or no samples.
            ModelError: the model has no notes (preset paper).
        """
        with _recording(audio, sample_rate) as recording:
            source = MonoSource(recording, self._pipeline.sample_rate)
            score = self._pipeline.transcribe_recording(source, Work(), progress)
            found = Transcription.of(score, self._pipeline.mel_config.frames_per_second, source.seconds)
            return replace(found, warnings=_remarks(recording))

    def _transfer(
        self,
        audio: Audio,
        sample_rate: int | None,
        options: TransferOptions,
        output: OutputFormat,
        progress: ProgressCallback,
    ) -> TransferResult:
        with _recording(audio, sample_rate) as recording:
            result = transfer_to_array(self._pipeline, recording, replace(options, output=output), progress)
            tags = recording.tags if isinstance(recording, FileRecording) else Tags()
            warnings = [*result.warnings, *_remarks(recording)]
            return replace(result, tags=styled_tags(tags, result.style, result.seed), warnings=warnings)


def _remarks(recording: Recording) -> list[str]:
    """What was left out of a file; an array has all of it."""
    return list(recording.remarks) if isinstance(recording, FileRecording) else []


@contextmanager
def _recording(audio: Audio, sample_rate: int | None) -> Iterator[Recording]:
    """A file or an array as a recording."""
    if isinstance(audio, str | Path):
        with opened(Path(audio)) as (stream, name):
            yield FileRecording.of(stream, name)
    else:
        yield array_recording(audio, sample_rate)
