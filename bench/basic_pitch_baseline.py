"""What a user would choose instead: a transcriber and a SoundFont. Basic Pitch listens, FluidSynth plays.

Basic Pitch is fetched without its dependencies into a folder that is thrown away, and is at its defaults: it writes how
sure it is of a note as its velocity, and the pitch bends of notes that do not overlap. A bend stays until the next one
and so moves notes that have none; played without bends its notes are found more often, so it plays both ways here.

Reference:
    Bittner et al. (2022), A lightweight instrument-agnostic model for polyphonic note transcription, ICASSP.
"""

import contextlib
import io
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
import soxr

from stylebox.core.audio.loudness import match_loudness
from stylebox.core.music.instruments import instrument
from stylebox.core.sources.render.soundfont import synthesise

if TYPE_CHECKING:
    import pretty_midi

TRANSCRIBER_PACKAGES = ("basic-pitch==0.4.0", "pretty_midi>=0.2.10", "six", "importlib_resources")
_SYNTH_RATE = 44100  # FluidSynth does not band-limit below the rate SoundFonts are made for


def fetch(folder: Path, *packages: str) -> None:
    """Install packages without what they need into a folder; nothing else is changed."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *packages]
    subprocess.run(command, check=True)


class BasicPitchBaseline:
    """Transcriber and SoundFont, loaded once.

    Args:
        folder: Where `fetch` put the transcriber.
    """

    def __init__(self, folder: Path, soundfont: Path, sample_rate: int) -> None:
        sys.path.insert(0, str(folder))
        logging.disable(logging.WARNING)  # it names three backends that are not there; the fourth is
        from basic_pitch import FilenameSuffix, build_icassp_2022_model_path
        from basic_pitch.inference import Model, predict

        logging.disable(logging.NOTSET)
        self._predict = predict
        self._model = Model(build_icassp_2022_model_path(FilenameSuffix.onnx))
        synthesise([], soundfont, 0, 0.1)  # it has FluidSynth's log switched off, and complains if there is none
        import fluidsynth

        self.soundfont, self.sample_rate = soundfont, sample_rate
        quiet = {"synth.reverb.active": 0, "synth.chorus.active": 0, "synth.cpu-cores": 1}
        self._synth: Any = fluidsynth.Synth(gain=1.0, samplerate=_SYNTH_RATE, **quiet)
        self._font = self._synth.sfload(str(soundfont))

    def transcribe(self, audio: np.ndarray) -> "pretty_midi.PrettyMIDI":
        """The notes it hears, with their bends."""
        handle, name = tempfile.mkstemp(suffix=".wav")
        os.close(handle)
        try:
            soundfile.write(name, audio, self.sample_rate, subtype="FLOAT")
            with contextlib.redirect_stdout(io.StringIO()):
                return self._predict(name, self._model)[1]
        finally:
            Path(name).unlink()

    def play(self, midi: "pretty_midi.PrettyMIDI", program: int, num_samples: int, bends: bool = False) -> np.ndarray:
        """A transcription by one program of the SoundFont, dry, ``(num_samples,)``."""
        import pretty_midi  # lies in the folder of fetched packages

        self._synth.system_reset()
        sound = np.zeros(0)
        for heard in midi.instruments:  # one, or none
            part = pretty_midi.Instrument(program)
            part.notes, part.pitch_bends = heard.notes, heard.pitch_bends if bends else []
            sound = part.fluidsynth(fs=_SYNTH_RATE, synthesizer=self._synth, sfid=self._font)
        made = soxr.resample(sound, _SYNTH_RATE, self.sample_rate).astype(np.float32)[:num_samples]
        return np.pad(made, (0, num_samples - len(made)))

    def run(self, audio: np.ndarray, style: str, bends: bool = False) -> np.ndarray:
        """The recording by the program of that instrument, at its length and loudness."""
        program = instrument(style).programs[0]
        played = self.play(self.transcribe(audio), program, len(audio), bends)
        return match_loudness(played, audio, self.sample_rate)
