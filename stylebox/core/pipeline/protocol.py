"""What every loaded model can do, whichever networks it has. Commands and evaluation know no more of it."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.config import MelConfig
from stylebox.core.pipeline.content import Content
from stylebox.core.pipeline.finish import Performance
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.passes import Passes
from stylebox.core.pipeline.recording import MonoSource
from stylebox.core.pipeline.result import TransferResult
from stylebox.core.pipeline.score import Score
from stylebox.core.pipeline.work import Work
from stylebox.core.progress import ProgressCallback, silent

Perform = Callable[[MonoSource, Work, Passes], Performance]


class Pipeline(Protocol):
    """A model, loaded once, used for any number of recordings."""

    @property
    def model(self) -> str:
        """Its name."""

    @property
    def device(self) -> torch.device:
        """Where its networks are."""

    @property
    def mel_config(self) -> MelConfig:
        """Its mel's settings."""

    @property
    def mel_transform(self) -> MelSpectrogram:
        """From audio to its mel."""

    @property
    def sample_rate(self) -> int:
        """Rate of its input and output, in Hz."""

    @property
    def style_names(self) -> list[str]:
        """The styles it knows by name, sorted."""

    @property
    def has_notes(self) -> bool:
        """Whether it works on notes: only then it can transcribe, transpose, and play a score."""

    def prepare(self, options: TransferOptions) -> Perform:
        """Check the options, and read what they need; the result plays recordings with them.

        It takes a recording at the pipeline's rate, the work that gets what is computed, and the passes to report.

        Raises:
            ModelError: the style is unknown, or an option is out of range or beyond this model.
        """

    def transfer(
        self, audio: np.ndarray, options: TransferOptions, progress: ProgressCallback = silent
    ) -> TransferResult:
        """Play a recording in another sound, at the recording's length and loudness.

        Args:
            audio: Mono, at the pipeline's rate.
            options: What the user asks for.
            progress: Called as work goes on.

        Shape:
            audio and the result's audio are ``(S,)``.

        Raises:
            ModelError: the style is unknown, or an option is out of range or beyond this model.
        """

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
            ModelError: as for `transfer`, or the model has no notes.
        """

    def transcribe(self, audio: np.ndarray, progress: ProgressCallback = silent) -> Content:
        """The content of a recording.

        Args:
            audio: Mono, at the pipeline's rate.
            progress: Called as work goes on.

        Shape:
            audio ``(S,)``.

        Raises:
            ModelError: the model has no notes.
        """

    def transcribe_recording(self, source: MonoSource, work: Work, progress: ProgressCallback = silent) -> Score:
        """The music of a recording, in windows.

        Args:
            source: The recording, at the rate of the pipeline; is read twice.
            work: Gets what is computed, and knows how far an earlier run came; the score reads from it.
            progress: Called as work goes on.

        Raises:
            ModelError: the model has no notes.
        """

    def autoencode(self, mel: Tensor) -> Tensor:
        """A mel through the autoencoder and back, without a transfer.

        Shape:
            ``(M, T)`` -> the same.
        """

    def resynthesise(self, audio: np.ndarray, mel: Tensor) -> np.ndarray:
        """The sound of a mel by the model's own vocoder.

        Args:
            audio: The recording that the mel is of; it tells the vocoder the notes.
            mel: In [-1, 1].

        Shape:
            audio ``(S,)``, mel ``(M, T)`` -> ``(S,)``.
        """
