"""The timbres that can play a score: presets of SoundFonts and sets of recorded notes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stylebox.core.errors import SourceError
from stylebox.core.music.instruments import instrument
from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS
from stylebox.core.music.register import Register
from stylebox.core.sources.render.sample_sets import FoundSamples, SampleFolder
from stylebox.core.sources.render.samples import MAX_TRANSPOSE
from stylebox.core.sources.render.soundfont import INSTALL


@dataclass(frozen=True)
class Timbre:
    """One sound source of one instrument: a program of a SoundFont, or a set of samples."""

    name: str
    instrument: str
    register: Register
    soundfont: Path | None = None
    program: int = 0
    samples: SampleFolder | None = None

    @property
    def reach(self) -> tuple[int, int]:
        """Lowest and highest playable key: of a SoundFont all keys, of samples those near the recorded ones."""
        if self.samples is None:
            return LOWEST_KEY, LOWEST_KEY + NUM_KEYS - 1
        pitches = [pitch for _, pitch in self.samples.files]
        return round(min(pitches)) - MAX_TRANSPOSE, round(max(pitches)) + MAX_TRANSPOSE


def find_timbres(
    instruments: Sequence[str], soundfonts: Sequence[Path], samples: FoundSamples | None = None
) -> list[Timbre]:
    """List every available sound source of `instruments`.

    Args:
        instruments: Names of instruments.
        soundfonts: SoundFonts to play with.
        samples: Recorded notes to play with.

    Raises:
        SourceError: An instrument is unknown, or has no sound source.
    """
    samples = samples or FoundSamples()
    timbres: list[Timbre] = []
    for name in dict.fromkeys(instruments):
        player = instrument(name)
        found = [
            Timbre(f"{name}/{font.stem}/{program}", name, player.register, font, program)
            for font in soundfonts
            for program in player.programs
        ]
        for source in samples.folders:
            if source.instrument == name:
                pitches = [pitch for _, pitch in source.files]
                register = player.register.within(round(min(pitches)) - 2, round(max(pitches)) + 2)
                found.append(Timbre(source.timbre, name, register, samples=source))
        if not found:
            unused = "".join(f"; {remark.line}" for remark in samples.remarks if remark.instrument in (name, None))
            raise SourceError(f"{name}: nothing to play it with{unused}; {INSTALL}")
        timbres += found
    return timbres
