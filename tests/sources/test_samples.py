"""Recorded notes: the pitch check against tones of known pitch, and the forms that an index may have."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stylebox.core.errors import SourceError
from stylebox.core.music.notes import key_hz
from stylebox.core.sources.render.pitch_check import PitchCheck, common_shift
from stylebox.core.sources.render.sample_index import midi_pitch, read_index
from stylebox.core.sources.render.sample_sets import FoundSamples, find_sample_sets
from stylebox.core.sources.render.samples import read_sample

KEYS = range(21, 109)
SAMPLE_RATE = 44100


def tone(
    pitch: float,
    inharmonicity: float = 0.0,
    partials: tuple[int, ...] = tuple(range(1, 25)),
    half_db: float | None = None,
    noise_db: float | None = None,
    decay: float = 3.0,
    sample_rate: int = SAMPLE_RATE,
) -> np.ndarray:
    """Decaying partials, the h-th at ``1 / h``; relative to their peak, one at half the frequency, and white noise."""
    t = np.arange(round(0.8 * sample_rate)) / sample_rate
    rng = np.random.default_rng(round(10 * pitch))
    sound = np.zeros(len(t))
    for h in partials:
        hz = h * key_hz(pitch) * np.sqrt((1 + inharmonicity * h * h) / (1 + inharmonicity))
        if hz < 14000:
            sound += np.sin(2 * np.pi * hz * t + rng.uniform(0, 6)) * np.exp(-decay * (1 + 0.1 * h) * t) / h
    peak = np.abs(sound).max()
    if half_db is not None:
        sound += peak * 10 ** (half_db / 20) * np.sin(np.pi * key_hz(pitch) * t) * np.exp(-decay * t)
    if noise_db is not None:
        sound += peak * 10 ** (noise_db / 20) * rng.normal(size=len(t))
    return np.asarray(0.3 * sound / peak)


def piano_inharmonicity(key: int) -> float:
    """As in grand pianos: least about E2, some 0.02 at C8."""
    return 2.5e-4 * 10 ** (0.029 * (key - 40) if key > 40 else 0.01 * (40 - key))


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"half_db": -34},
        {"half_db": -42},
        {"half_db": -50},
        {"noise_db": -25},
        {"partials": range(1, 25, 2)},  # a stopped pipe
        {"partials": [1]},
        {"decay": 25.0},
        {"sample_rate": 16000},
    ],
    ids=str,
)
def test_every_key_is_confirmed_and_its_octaves_are_refused(kind: dict[str, float]) -> None:
    sample_rate = int(kind.get("sample_rate", SAMPLE_RATE))
    for key in KEYS:
        audio = tone(key, **kind)  # type: ignore[arg-type]
        check = PitchCheck(audio, sample_rate, key)
        assert check.agrees(), key
        assert check.sounding_pitch() == pytest.approx(key, abs=0.05), key
        if key % 3 == 0:
            assert not PitchCheck(audio, sample_rate, key - 12).agrees(), key
            assert not PitchCheck(audio, sample_rate, key + 12).agrees(), key


def test_every_key_of_a_piano_tuned_sharp_in_the_treble_is_confirmed() -> None:
    for key in KEYS:
        sharp = 0.4 * max(0, key - 84) / 24 + (0.4 if key == 108 else 0.0)  # C8 by 80 cents, as in real ones
        check = PitchCheck(tone(key + sharp, piano_inharmonicity(key), half_db=-36), SAMPLE_RATE, key)
        assert check.agrees(), key
        assert check.sounding_pitch() == pytest.approx(key + sharp, abs=0.06), key


def test_low_and_reed_notes_are_confirmed_without_their_fundamental() -> None:
    for key in range(21, 80):
        check = PitchCheck(tone(key, 1e-4 if key < 60 else 0, partials=tuple(range(3, 20))), SAMPLE_RATE, key)
        assert check.agrees(), key
        assert check.sounding_pitch() == pytest.approx(key, abs=0.1), key


@pytest.mark.parametrize("off", [-26, -19, -12, -7, -5, -2, -1, 1, 2, 5, 7, 12, 19, 24])
def test_a_mislabelled_note_is_refused_and_its_pitch_measured(off: int) -> None:
    for key in range(30, 104, 6):
        check = PitchCheck(tone(key, half_db=-40), SAMPLE_RATE, key - off)
        assert not check.agrees(), key
        assert check.offset() == pytest.approx(off, abs=0.1), key


def test_noise_has_no_pitch() -> None:
    noise = np.random.default_rng(0).normal(size=SAMPLE_RATE)
    assert not any(PitchCheck(noise, SAMPLE_RATE, key).agrees() for key in KEYS)


@pytest.mark.parametrize("shift", [-24, -12, -2, 0, 9, 12, 24])
def test_a_wrong_octave_of_a_whole_folder_is_found_despite_single_errors(shift: int) -> None:
    checks = [PitchCheck(tone(key, half_db=-38), SAMPLE_RATE, key - shift) for key in range(60, 96, 4)]
    errors = [PitchCheck(tone(key), SAMPLE_RATE, key - shift + 3) for key in (62, 71, 80)]
    assert common_shift(checks + errors) == shift


@pytest.mark.parametrize("shift", [-24, -12, 0, 12, 24])
@pytest.mark.parametrize("ratios", [(1, 2.756, 5.404, 8.93), (1, 3.93, 9.5), (1, 5.4, 11), (2, 2.99, 4.17, 5.56)])
def test_bars_and_bells_are_octaves_off_or_right(ratios: tuple[float, ...], shift: int) -> None:
    """Glockenspiel, marimba, kalimba and tubular bells; a glockenspiel is written two octaves below its sound."""
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    checks = []
    for key in range(72, 90, 3):
        partials = (np.sin(2 * np.pi * r * key_hz(key) * t) * np.exp(-(2 + n) * t) / n for n, r in enumerate(ratios, 1))
        checks.append(PitchCheck(sum(partials, np.zeros(len(t))), SAMPLE_RATE, key - shift))
    assert common_shift(checks) == shift


def test_labels_stay_if_only_half_of_a_folder_is_an_octave_low() -> None:
    right = [PitchCheck(tone(key), SAMPLE_RATE, key) for key in range(60, 72, 2)]
    octave_low = [PitchCheck(tone(key), SAMPLE_RATE, key - 12) for key in range(72, 84, 2)]
    assert common_shift(right + octave_low) == 0


Index = Callable[..., FoundSamples]


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """Writes the notes of a flute from C5 upwards, and an index of the lines given; finds the sample sets in it."""
    for key in range(72, 80):
        soundfile.write(tmp_path / f"é{key}.wav", tone(key), SAMPLE_RATE)

    def find(*lines: str, encoding: str = "utf-8", instruments: list[str] | None = None) -> FoundSamples:
        (tmp_path / "INDEX.tsv").write_bytes("\r\n".join(lines).encode(encoding))
        return find_sample_sets(tmp_path, instruments)

    return find


def flute_lines(separator: str = "\t", offset: int = 0, name: str = "flute", keys: range = range(72, 80)) -> list[str]:
    rows = [[f"é{key}.wav", name, str(key + offset)] for key in keys]
    return [separator.join(row) for row in [["file", "instrument", "midi_pitch"], *rows]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_an_index_is_read_as_spreadsheets_save_it(index: Index, separator: str, encoding: str) -> None:
    found = index(*flute_lines(separator, name="Flute "), "", encoding=encoding)
    (folder,) = found.folders
    assert (folder.instrument, len(folder.files), found.remarks) == ("flute", 8, ())


def test_pitches_may_be_note_names(index: Index) -> None:
    names = ("C5", "C#5", "D5", "Eb5", "E5", "f5", "F♯5", "79,0")
    lines = [f"é{key}.wav\tflute\t{name}" for key, name in zip(range(72, 80), names, strict=True)]
    found = index("File\tInstrument\tMIDI_pitch ", *lines)
    assert [pitch for _, pitch in found.folders[0].files] == pytest.approx(list(range(72, 80)), abs=0.02)
    columns = index("Filename\tInstrument\tMIDI Note", *lines)
    assert columns.folders == found.folders
    assert midi_pitch("A 4") == 69
    assert [midi_pitch(name) for name in ("C-1", "A4", "Cb4", "B♭3", "G9")] == [0, 69, 59, 58, 127]


@pytest.mark.parametrize("pitch", ["nan", "inf", "-inf", "128", "-1", "C10", "H4", "high", "1e400"])
def test_an_impossible_pitch_is_refused_with_its_line(index: Index, pitch: str) -> None:
    lines = flute_lines()
    lines[3] = f"é74.wav\tflute\t{pitch}"
    with pytest.raises(SourceError, match=r"INDEX\.tsv: line 4: midi_pitch '?" + pitch):
        index(*lines)


def test_every_faulty_line_is_named(index: Index) -> None:
    lines = [*flute_lines(), "gone.wav\tflute\t72", "é72.wav\t\t72", "é72.wav\tflute\t72\textra"]
    with pytest.raises(SourceError, match=r"line 10: .*gone\.wav does not exist.*also to correct: line 11, 12"):
        index(*lines)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "is empty"),
        (["file\tinstrument\tmidi_pitch"], "lists no samples"),
        (["file\tinstrument\thertz"], r"line 1: no column midi_pitch \(found: file, instrument, hertz\)"),
        (["é72.wav\tflute\t72"], "no column file and no column instrument and no column midi_pitch"),
        (["file\tfile\tinstrument\tmidi_pitch"], "column file appears twice"),
        (["file\tinstrument\tmidi_pitch", '"é72.wav\tflute\t72'], "line 2: unexpected end of data"),
    ],
)
def test_an_invalid_index_is_refused_with_the_reason(index: Index, lines: list[str], reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        index(*lines)


def test_a_missing_index_is_refused_with_its_columns(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"INDEX\.tsv: missing; list the samples there \(columns: file, instr"):
        read_index(tmp_path)


@pytest.mark.parametrize("name", ["index.tsv", "INDEX.csv", "Index.tsv.txt"])
def test_an_index_of_another_name_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    if (tmp_path / "INDEX.tsv").exists():
        pytest.skip("names of this file system have no case")
    with pytest.raises(SourceError, match=rf"INDEX\.tsv: missing; rename {name}"):
        read_index(tmp_path)


def test_a_file_of_an_index_may_begin_with_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    (tmp_path / "a.wav").touch()
    (tmp_path / "INDEX.tsv").write_text("file\tinstrument\tmidi_pitch\n~/a.wav\tflute\t60\n")
    assert [entry.path for entry in read_index(tmp_path)] == [tmp_path / "a.wav"]


def test_an_octave_low_folder_is_corrected_and_reported(index: Index) -> None:
    found = index(*flute_lines(offset=-12))
    assert [pitch for _, pitch in found.folders[0].files] == pytest.approx(list(range(72, 80)), abs=0.02)
    (remark,) = found.remarks
    assert remark.used
    assert "8 of 8 notes used: they sound an octave above their labels; all labels are corrected by +12" in remark.line


def test_notes_that_cannot_be_used_are_named_with_the_reason(index: Index, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "é79.wav", tone(91), SAMPLE_RATE)
    (tmp_path / "é78.wav").write_bytes(b"no sound")
    soundfile.write(tmp_path / "é77.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    soundfile.write(tmp_path / "é76.wav", tone(76)[:2000], SAMPLE_RATE)
    soundfile.write(tmp_path / "é75.wav", np.random.default_rng(0).normal(size=SAMPLE_RATE) * 0.1, SAMPLE_RATE)
    soundfile.write(tmp_path / "other.wav", tone(60), SAMPLE_RATE)
    found = index(*flute_lines(), "é72.wav\tflute\t72")
    assert len(found.folders[0].files) == 3
    assert {(remark.files, remark.reason) for remark in found.remarks} == {
        (("é79.wav",), "they sound an octave above their labels"),
        (("é78.wav",), "is not a sound file, or is damaged; choose a sound file, or export it again as WAV or FLAC"),
        (("é77.wav",), "silent in its first 2 s"),
        (("é76.wav",), "shorter than 0.1 s"),
        (("é75.wav",), "they have no clear pitch"),
        (("é72.wav",), "listed more than once, the first counts"),
        (("other.wav",), "not listed in INDEX.tsv"),
    }
    assert not any(remark.used for remark in found.remarks)
    line = next(remark.line for remark in found.remarks if "é78.wav" in remark.files)
    assert "1 of 8 notes not used: is not a sound file, or is damaged" in line
    assert line.endswith(": é78.wav")


def test_notes_that_are_cut_short_are_used_and_named(index: Index, tmp_path: Path) -> None:
    for key, share in ((74, 0.6), (77, 0.8)):
        content = (tmp_path / f"é{key}.wav").read_bytes()
        (tmp_path / f"é{key}.wav").write_bytes(content[: round(share * len(content))])
    found = index(*flute_lines())
    assert len(found.folders[0].files) == 8
    (remark,) = found.remarks
    assert remark.line.endswith(": 2 of 8 notes used: it is damaged or cut short: é74.wav, é77.wav")


def test_a_wrong_note_in_an_octave_low_folder_is_not_used(index: Index, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "é79.wav", tone(67), SAMPLE_RATE)
    soundfile.write(tmp_path / "é78.wav", tone(81), SAMPLE_RATE)
    found = index(*flute_lines(offset=-12))
    assert len(found.folders[0].files) == 6
    corrected, *others = found.remarks
    assert (corrected.used, len(corrected.files)) == (True, 6)
    assert {(remark.files, remark.reason) for remark in others} == {
        (("é79.wav",), "they sound an octave below their corrected labels"),
        (("é78.wav",), "they sound 3 semitones above their corrected labels"),
    }


def test_unknown_unrequested_and_too_few_notes_are_reported(index: Index) -> None:
    lines = flute_lines(name="fluet", keys=range(72, 74)) + flute_lines(name="Violin", keys=range(74, 77))[1:]
    found = index(*lines, *flute_lines(keys=range(77, 80))[1:], instruments=["flute"])
    assert not found.folders
    unknown, unrequested, few = (remark.line for remark in found.remarks)
    assert "2 of 8 notes not used: fluet: no such instrument; try flute" in unknown
    assert "3 of 8 notes not used: not among the instruments asked for (violin)" in unrequested
    assert "3 of 3 notes not used: fewer than 5 notes" in few


def test_a_value_that_is_no_number_is_silent_in_a_sample(tmp_path: Path) -> None:
    audio = tone(69)
    audio[5000] = np.nan
    soundfile.write(tmp_path / "nan.wav", audio, SAMPLE_RATE, subtype="FLOAT")
    read, *_ = read_sample(tmp_path / "nan.wav")
    assert np.isfinite(read).all()
    assert np.count_nonzero(read == 0) < 20


def test_channels_in_opposite_phase_do_not_silence_a_sample(tmp_path: Path) -> None:
    """A microphone whose poles are swapped: the mean of the channels is nothing."""
    note = tone(60)
    soundfile.write(tmp_path / "a.wav", np.stack([note, -note], 1), SAMPLE_RATE)
    audio, sample_rate, _ = read_sample(tmp_path / "a.wav")
    assert PitchCheck(audio, sample_rate, 60).agrees()
    assert np.abs(audio).max() == pytest.approx(np.abs(note).max(), rel=0.01)
