"""The notes of a recording with their pitch bends, to keep as a MIDI file."""

from dataclasses import dataclass
from pathlib import Path

from stylebox.core.music.expression import note_bends
from stylebox.core.music.midi.write import Bend, write_midi
from stylebox.core.music.notes import Note
from stylebox.core.pipeline.content import Content


@dataclass(frozen=True)
class Transcription:
    """What a model finds in a recording.

    Attributes:
        notes: In order of time, with the velocity and the tuning of each.
        bends: The pitch of each note over time.
        content: The same music frame by frame.
        seconds: Length of the recording.
    """

    notes: list[Note]
    bends: list[Bend]
    content: Content
    seconds: float

    @classmethod
    def of(cls, content: Content, frames_per_second: float, seconds: float) -> "Transcription":
        """The transcription of a recording's content.

        Args:
            content: At its frame rate.
            frames_per_second: That rate.
            seconds: Length of the recording.
        """
        bends = note_bends(content.notes, content.cents.cpu().numpy(), frames_per_second)
        return cls(content.notes, [Bend(*bend) for bend in bends], content, seconds)

    def save(self, path: Path | str, bends: bool = True) -> None:
        """Write a MIDI file, in place of what is there.

        Args:
            path: Its name.
            bends: Write pitch bends; notes that sound together are then on channels of their own.
        """
        plain = [note._replace(cents=0.0) for note in self.notes]
        write_midi(Path(path), plain, bends=self.bends if bends else None)
