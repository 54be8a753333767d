"""The systems that are compared: ours, what a user could put together today, and what bounds them above and below.

Each makes a file from an input and a target; what was made before for the same contents is not made again. All systems
that know notes move the music by the same octaves into the target's register. Judges nothing.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soxr

import stylebox
from bench.excerpts import RATE, Known, Recording, later, read, write
from bench.judges import Judges
from bench.paper_networks import PaperNetworks
from bench.players import RecordedNotes, SoundFontPlayer
from bench.store import digest
from stylebox.core.evaluation.envelope import cross_synthesis
from stylebox.core.music.instruments import instrument
from stylebox.core.music.notes import Note, transpose
from stylebox.core.music.register import octave_shift
from stylebox.core.store import library

SHIPPED, DRAFT, MORE_STEPS = "ours, as shipped", "ours, draft", "ours, 12 steps"
CLIP = "ours, sound of a clip"  # the target's sound is taken from a recording, not from its name
SOUNDFONT, RECORDED = "Basic Pitch + SoundFont", "Basic Pitch + recorded notes"
OUR_SOUNDFONT, OUR_RECORDED = "our notes + SoundFont", "our notes + recorded notes"
PIANO_SOUNDFONT, PIANO_RECORDED = "Transkun + SoundFont", "Transkun + recorded notes"
TRUE_SOUNDFONT, TRUE_RECORDED = "true notes + SoundFont", "true notes + recorded notes"
ENVELOPE, PAPER = "spectral envelope", "the paper's networks"
COPY, LATER, OTHER = "the input itself", "the input, 5 ms later", "another recording of the set"
OURS_LATER = "ours, on the input 5 ms later"  # what two runs of the same system differ by

Player = SoundFontPlayer | RecordedNotes
OURS = (SHIPPED, DRAFT, MORE_STEPS, CLIP)
RIVALS = (SOUNDFONT, RECORDED, ENVELOPE, PAPER)
MIXED = (OUR_SOUNDFONT, OUR_RECORDED)
ROWS = (*OURS, *RIVALS, *MIXED, OURS_LATER, COPY, LATER)
KNOWN_ROWS = (
    *(SHIPPED, DRAFT, SOUNDFONT, RECORDED, OUR_SOUNDFONT, ENVELOPE),
    *(OURS_LATER, TRUE_SOUNDFONT, TRUE_RECORDED, COPY),
)
PIANO_ROWS = (PIANO_SOUNDFONT, PIANO_RECORDED)
STEPS = {SHIPPED: None, OURS_LATER: None, DRAFT: 0, MORE_STEPS: 12, CLIP: None}
_SOUNDING_ROOMS = ("audio", "diffusion", "models", "music", "pipeline")  # of stylebox.core: they decide what is heard


class Output(NamedTuple):
    """A file that a system made, and the semitones by which it moved the music."""

    path: Path
    transpose: int


@cache
def own_identity() -> str:
    """Of the shipped weights, and of the code that turns an input into sound."""
    root = Path(stylebox.__file__).parent
    code = [
        p for room in _SOUNDING_ROOMS for p in sorted((root / "core" / room).rglob("*.py")) if p.parent.name != "io"
    ]
    weights = sorted((library.shipped_models() / library.SHIPPED_MODEL).glob("*.safetensors"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in (*code, *weights))).hexdigest()


class Systems:
    """All systems, by name.

    Args:
        folder: For their outputs.
        judges: Give the notes that some systems play.
        soundfont: Plays notes.
        recorded: Plays notes, with recorded ones.
        paper: The paper's networks, trained.
        clips: Set and target -> a recording for the spectral envelope, which is not in the set.
    """

    def __init__(
        self,
        folder: Path,
        judges: Judges,
        soundfont: SoundFontPlayer,
        recorded: RecordedNotes,
        paper: PaperNetworks,
        clips: Mapping[tuple[str, str], Path],
    ) -> None:
        self.folder, self.judges, self.paper, self.clips = folder, judges, paper, clips
        self._model: Any = None
        heard, own, pianos = self._heard, judges.ours, judges.transkun
        self._players: dict[str, tuple[Callable[[Path], list[Note]], Player]] = {
            SOUNDFONT: (heard, soundfont),
            RECORDED: (heard, recorded),
            OUR_SOUNDFONT: (own, soundfont),
            OUR_RECORDED: (own, recorded),
            PIANO_SOUNDFONT: (pianos, soundfont),
            PIANO_RECORDED: (pianos, recorded),
        }
        self._true: dict[str, Player] = {TRUE_SOUNDFONT: soundfont, TRUE_RECORDED: recorded}

    def shift(self, given: Recording, target: str) -> int:
        """The octaves by which music moves into the target's register, in semitones, by the notes of Basic Pitch."""
        return octave_shift(self._heard(given.path), instrument(target).register)

    def output(self, system: str, given: Recording, target: str, known: Known | None = None) -> Output | None:
        """What a system makes of an input; None if it cannot.

        Args:
            system: One of the names above.
            given: The input.
            target: Name of an instrument.
            known: Its true notes, for the systems that play those.
        """
        if system == COPY:
            return Output(given.path, 0)
        if system == LATER:
            return Output(later(given, self.folder).path, 0)
        if system in (ENVELOPE, CLIP) and (given.set_name, target) not in self.clips:
            return None
        moved = 0 if system in (ENVELOPE, PAPER) else self.shift(given, target)
        heard = later(given, self.folder) if system == OURS_LATER else given
        return self._made(system, heard, target, moved, known)

    def _made(self, system: str, given: Recording, target: str, moved: int, known: Known | None) -> Output:
        key = digest(given.path, self._identity(system, given, target, known), target, str(moved))
        name = system.replace(" ", "-").replace(",", "").replace("'", "")
        path = self.folder / name / target / f"{given.name}-{key[:8]}.flac"
        if not path.is_file():
            write(path, self._make(system, given, target, moved, known), RATE)
        return Output(path, moved)

    def _identity(self, system: str, given: Recording, target: str, known: Known | None) -> str:
        """All that decides what a system makes, besides the input."""
        clip = self.clips.get((given.set_name, target))
        if system in STEPS:
            style = digest(clip) if system == CLIP and clip else ""
            return f"{own_identity()} {STEPS[system]} {noise_seed(given, target)}{style}"
        if system in self._players:
            own = own_identity() if system in MIXED else ""
            return f"{system} {self._players[system][1].identity} {own}"
        if system in self._true:
            assert known is not None
            return f"{system} {self._true[system].identity} {known.truths[0]}"
        assert system == PAPER or clip is not None
        return self.paper.identity if clip is None or system == PAPER else digest(clip)

    def _make(self, system: str, given: Recording, target: str, moved: int, known: Known | None) -> np.ndarray:
        audio = _at_rate(given.path)
        made: np.ndarray
        if system in STEPS:
            self._model = self._model or stylebox.load()
            style = str(self.clips[given.set_name, target]) if system == CLIP else target
            options = {"style": style, "seed": noise_seed(given, target), "steps": STEPS[system], "transpose": moved}
            made = self._model.transfer(audio, sample_rate=RATE, **options).audio
        elif system in self._players:
            transcriber, player = self._players[system]
            made = player(transpose(transcriber(given.path), moved), target, audio)
        elif system in self._true:
            assert known is not None
            made = self._true[system](transpose(true_notes(known), moved), target, audio)
        elif system == PAPER:
            made = self.paper(audio, target)
        else:
            made = cross_synthesis(audio, _at_rate(self.clips[given.set_name, target]), RATE)
        return made

    def _heard(self, path: Path) -> list[Note]:
        return self.judges.basic_pitch(path).notes


def noise_seed(given: Recording, target: str) -> int:
    """The seed of our noise: another one for each pair, so that no draw is common to a mean."""
    return int(digest(given.set_name, given.name, target)[:8], 16)


def true_notes(known: Known) -> list[Note]:
    """The notes of the first annotator, on whole keys."""
    return [Note(start, stop, round(key)) for start, stop, key in known.truths[0]]


def envelope_clips(
    sets: Sequence[str], everything: Sequence[Recording], targets: Sequence[str]
) -> dict[tuple[str, str], Path]:
    """For each set and target the first recording of the target that is not in the set.

    Args:
        sets: Their names.
        everything: All recordings of players.
        targets: Names of instruments.
    """
    found: dict[tuple[str, str], Path] = {}
    for set_name in sets:
        for target in targets:
            others = [r.path for r in everything if r.instrument == target and r.set_name != set_name]
            if others:
                found[set_name, target] = others[0]
    return found


def _at_rate(path: Path) -> np.ndarray:
    audio, own = read(path)
    resampled: np.ndarray = soxr.resample(audio, own, RATE)
    return resampled
