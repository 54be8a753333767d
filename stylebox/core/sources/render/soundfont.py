"""Plays notes with a SoundFont by FluidSynth: offline, without reverb, the same bytes every time.

The only module that imports FluidSynth. It opens no audio device, and knows presets, not instruments.
"""

import ctypes
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Protocol

import numpy as np

from stylebox.core.config import SAMPLE_RATE
from stylebox.core.errors import SourceError
from stylebox.core.music.notes import Note
from stylebox.core.paths import entries, home

_SUFFIXES = (".sf2", ".sf3")
FOLDERS = ("/usr/share/sounds/sf2", "/usr/share/sounds/sf3", "/usr/share/soundfonts")
INSTALL = (
    "install FluidSynth's library and a SoundFont "
    "(Debian/Ubuntu: apt install libfluidsynth3 fluid-soundfont-gm; macOS: brew install fluid-synth)"
)

# FluidSynth does not band-limit when it plays samples at a lower rate. So it runs at the rate that SoundFonts are made
# for, and soxr resamples its output.
_SYNTH_RATE = 44100  # Hz; the rate that SoundFonts are made for
_BLOCK = 64  # FluidSynth acts on events at multiples of this many samples (1.5 ms)
_GAIN = 1.0  # a loud chord of ten notes stays just below full scale


class _Synth(Protocol):
    """The methods of `fluidsynth.Synth` that are used here."""

    synth: int  # address of the C object

    def sfload(self, filename: str) -> int: ...

    def program_select(self, chan: int, sfid: int, bank: int, preset: int) -> int: ...

    def noteon(self, chan: int, key: int, vel: int) -> int: ...

    def noteoff(self, chan: int, key: int) -> int: ...

    def delete(self) -> None: ...


def find_soundfonts() -> list[Path]:
    """Find SoundFonts (.sf2, .sf3) in the usual folders and in `home()/soundfonts`: each real file once, sorted.

    Raises:
        StyleboxError: The last one may not be read.
    """
    places = entries(home() / "soundfonts")
    for folder in map(Path, FOLDERS):
        with suppress(OSError):  # the folder is not there, or not for us
            places += folder.iterdir()
    real = {path.resolve() for path in places if path.suffix.lower() in _SUFFIXES}
    return sorted(path for path in real if path.is_file())


def synthesise(
    notes: Sequence[Note],
    soundfont: Path,
    program: int,
    seconds: float,
    sample_rate: int = SAMPLE_RATE,
    bank: int = 0,
) -> np.ndarray:
    """Play `notes` with one preset of a SoundFont.

    Args:
        notes: In any order; a note on a sounding key ends the earlier one first.
        soundfont: An .sf2 or .sf3 file.
        program: General MIDI, 0 to 127.
        seconds: Length of the result; longer notes are cut.
        sample_rate: Of the result, in Hz.
        bank: Bank of the preset; 0 is General MIDI.

    Shape:
        The result is float32 ``(S,)`` with S = ``round(seconds * sample_rate)``; without reverb and chorus.

    Raises:
        SourceError: FluidSynth's library or the SoundFont is missing, or it has no such preset.
    """
    import soxr

    presets = _preset_cache(soundfont)
    presets.load(bank, program)
    synth, font = _open(presets.soundfont)
    try:
        synth.program_select(0, font, bank, program)
        audio = _play(_events(notes), synth, round(seconds * _SYNTH_RATE))
    finally:
        synth.delete()
    audio = soxr.resample(audio, _SYNTH_RATE, sample_rate).astype(np.float32)
    samples = round(seconds * sample_rate)
    return np.pad(audio[:samples], (0, max(0, samples - len(audio))))


def _events(notes: Sequence[Note]) -> list[tuple[int, int, int, int]]:
    """`(sample, is_on, key, velocity)` in playing order; at equal times, ends come before starts."""
    events: list[tuple[int, int, int, int]] = []
    ends: dict[int, int] = {}
    for note in sorted(notes, reverse=True):  # backwards: each ends before the next note on its key
        start = round(note.start_seconds * _SYNTH_RATE / _BLOCK) * _BLOCK
        end = round(note.end_seconds * _SYNTH_RATE / _BLOCK) * _BLOCK
        end = min(max(end, start + _BLOCK), ends.get(note.pitch, 1 << 62))
        ends[note.pitch] = start
        events.append((start, 1, note.pitch, int(np.clip(round(note.velocity * 127), 1, 127))))
        events.append((end, 0, note.pitch, 0))
    return sorted(events)


class PresetCache:
    """Keeps the presets of one SoundFont in memory, so that a new synthesiser per piece costs little.

    Each piece needs a new one because FluidSynth's voices keep some state from note to note: with a reused one, a piece
    would depend, at about -60 dB, on the pieces before it.
    """

    def __init__(self, soundfont: Path) -> None:
        """Open a SoundFont without loading presets."""
        self.soundfont = soundfont
        self.synth, self.font = _open(soundfont)
        self.channels: dict[tuple[int, int], int] = {}

    def load(self, bank: int, program: int) -> None:
        """Load a preset, once.

        Raises:
            SourceError: The SoundFont has no such preset.
        """
        if (bank, program) in self.channels:
            return
        channel = len(self.channels) % 256
        if self.synth.program_select(channel, self.font, bank, program) < 0:
            raise SourceError(f"{self.soundfont}: has no preset {bank}:{program}; use another SoundFont")
        self.channels[bank, program] = channel


def _open(soundfont: Path) -> tuple[_Synth, int]:
    """A new synthesiser without effects, and the number of the SoundFont in it."""
    synth: _Synth = _library().Synth(
        gain=_GAIN,
        samplerate=_SYNTH_RATE,
        channels=256,
        **{
            "synth.reverb.active": 0,
            "synth.chorus.active": 0,
            "synth.polyphony": 256,
            "synth.dynamic-sample-loading": 1,
            "synth.cpu-cores": 1,
        },
    )
    font = synth.sfload(str(soundfont))
    if font < 0:
        synth.delete()
        raise SourceError(f"{soundfont}: not a SoundFont that FluidSynth can read; use an .sf2 or .sf3 file")
    return synth, font


def _play(events: list[tuple[int, int, int, int]], synth: _Synth, samples: int) -> np.ndarray:
    """Mono float32 ``(S,)`` at FluidSynth's rate, rendered between events on channel 0."""
    stereo = np.zeros((2, samples), np.float32)
    done = 0
    for at, is_on, key, velocity in events:
        if at >= samples:
            break
        _render(synth, stereo[:, done:at])
        done = max(done, at)
        if is_on:
            synth.noteon(0, key, velocity)
        else:
            synth.noteoff(0, key)
    _render(synth, stereo[:, done:])
    mono: np.ndarray = stereo.mean(axis=0)
    return mono


def _render(synth: _Synth, stereo: np.ndarray) -> None:
    """Fill ``(2, S)`` with the next samples, as float: 16 bits would be dithered."""
    if stereo.shape[1]:
        left, right = (ctypes.c_void_p(side.ctypes.data) for side in stereo)
        write = _shared_library().fluid_synth_write_float
        write(ctypes.c_void_p(synth.synth), stereo.shape[1], left, 0, 1, right, 0, 1)


@cache
def _library() -> ModuleType:
    """The Python binding of FluidSynth, with the log on stderr switched off."""
    try:
        import fluidsynth  # loads the shared library
    except (ImportError, OSError, AttributeError) as error:
        raise SourceError(f"FluidSynth's library cannot be loaded; {INSTALL}") from error
    library: ModuleType = fluidsynth
    for level in range(5):
        ctypes.CDLL(library.lib).fluid_set_log_function(level, None, None)
    return library


@cache
def _shared_library() -> ctypes.CDLL:
    """FluidSynth's C functions, for those that the binding lacks."""
    return ctypes.CDLL(_library().lib)


_caches: dict[Path, PresetCache] = {}


def _preset_cache(soundfont: Path) -> PresetCache:
    """The presets of `soundfont`, once per process."""
    real = soundfont.resolve()
    if real not in _caches:
        if not real.is_file():
            raise SourceError(f"{soundfont}: no such SoundFont; {INSTALL}")
        _caches[real] = PresetCache(real)
    return _caches[real]
