"""The timbres that can play a score: SoundFont presets and sets of recorded notes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stylebox.core.errors import SourceError
from stylebox.core.music.instruments import instrument
from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS
from stylebox.core.music.register import Register
from stylebox.core.sources.render import samples as sample_engine
from stylebox.core.sources.render import soundfont as soundfont_engine
from stylebox.core.sources.render.sample_sets import FoundSamples, SampleFolder


@dataclass(frozen=True)
class Timbre:
    """One sound source that plays one instrument: a SoundFont's program, or a set of samples."""

    name: str
    instrument: str
    register: Register
    soundfont: Path | None = None
    program: int = 0
    samples: SampleFolder | None = None

    @property
    def reach(self) -> tuple[int, int]:
        """Keys it can play at all: a SoundFont's any, samples' only near those recorded."""
        if self.samples is None:
            return LOWEST_KEY, LOWEST_KEY + NUM_KEYS - 1
        pitches = [pitch for _, pitch in self.samples.files]
        stretch = sample_engine.STRETCH_SEMITONES
        return round(min(pitches)) - stretch, round(max(pitches)) + stretch


def find_timbres(
    instruments: Sequence[str], soundfonts: Sequence[Path], samples: FoundSamples | None = None
) -> list[Timbre]:
    """Every sound source at hand for `instruments`.

    Raises:
        SourceError: an instrument is unknown, or has no sound source.
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
            raise SourceError(f"{name}: nothing to play it with{unused}; {soundfont_engine.INSTALL}")
        timbres += found
    return timbres
