"""A sound file as a recording that is read in blocks, again and again."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from stylebox.core.audio.io.read import AudioReader
from stylebox.core.audio.io.tags import Tags
from stylebox.core.errors import AudioError
from stylebox.core.jobs.sound_format import SoundFormat

_KEPT_BYTES = 32 << 20  # 90 s of stereo at 44.1 kHz


@dataclass(frozen=True)
class FileRecording:
    """A sound file as a recording.

    Attributes:
        stream: The file; can be searched.
        name: Of the file, for messages.
        sound: Its rate, channels and depth; 0 bits if it has no depth.
        tags: What it says of its content.
        remarks: What was left out of the sound or filled with silence; complete when it was read once.
    """

    stream: BinaryIO
    name: str
    sound: SoundFormat
    tags: Tags
    remarks: list[str] = field(default_factory=list)
    _decoded: list[np.ndarray] = field(default_factory=list, init=False)

    @classmethod
    def of(cls, stream: BinaryIO, name: str) -> "FileRecording":
        """Read the header and the tags of a file.

        Raises:
            AudioError: this is not a sound file.
        """
        with AudioReader(stream, name=name) as reader:
            sound = SoundFormat(reader.native_rate, reader.channels, reader.bits)
            return cls(stream, name, sound, reader.read_tags())

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self.sound.sample_rate

    def blocks(self) -> Iterator[np.ndarray]:
        """All samples; those of a short recording are decoded once, and kept.

        Raises:
            AudioError: there are none.

        Shape:
            ``(S, C)`` each.
        """
        if self._decoded:
            yield from self._decoded
            return
        decoded: list[np.ndarray] = []
        num_bytes = 0
        with AudioReader(self.stream, name=self.name) as reader:
            for block in reader:
                num_bytes += block.nbytes
                if num_bytes <= _KEPT_BYTES:
                    decoded.append(block)
                else:
                    decoded.clear()
                yield block
            self.remarks[:] = reader.remarks
            if reader.samples == 0:
                raise AudioError(f"{self.name}: holds no sound (0 samples); record or export it again")
        self._decoded[:] = decoded
