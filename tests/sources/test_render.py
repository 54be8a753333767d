"""Rendered notes sound at their pitch and time with every sound source, and give the same files every time."""

import io
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stylebox.core.config import SAMPLE_RATE
from stylebox.core.errors import SourceError
from stylebox.core.music.midi.read import read_midi
from stylebox.core.music.midi.write import write_midi
from stylebox.core.music.notes import Note, key_hz
from stylebox.core.progress import Progress
from stylebox.core.sources.render import samples, soundfont
from stylebox.core.sources.render.render import render
from stylebox.core.sources.render.sample_sets import find_sample_sets
from stylebox.core.sources.sidecar import read_sidecar

A4 = [Note(0.5, 1.5, 69, 0.8)]


def cents_off(audio: np.ndarray, hz: float) -> float:
    """How far the strongest partial within a third of `hz` lies from it."""
    size = 1 << 18
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), size))
    frequencies = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    near = np.abs(1200 * np.log2(np.maximum(frequencies, 1) / hz)) < 400
    return float(1200 * np.log2(frequencies[near][np.argmax(spectrum[near])] / hz))


def onset_seconds(audio: np.ndarray) -> float:
    """The time at which it first exceeds a tenth of its peak."""
    return float(np.argmax(np.abs(audio) > 0.1 * np.abs(audio).max())) / SAMPLE_RATE


def tone(hz: float, seconds: float = 1.5, sample_rate: int = 44100, lead_seconds: float = 0.1) -> np.ndarray:
    """Decaying harmonics after some silence, as of a plucked string."""
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    harmonics = range(1, min(30, int(10000 / hz)))
    sound = sum(np.sin(2 * np.pi * h * hz * t) * np.exp(-(2 + 0.3 * h) * t) / h for h in harmonics)
    return np.concatenate([np.zeros(round(lead_seconds * sample_rate)), 0.3 * sound])


@pytest.fixture(scope="module")
def notes_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A violin of seven tones over three octaves, one of them 30 cents sharp, and one mislabelled."""
    folder = tmp_path_factory.mktemp("notes")
    (folder / "violin").mkdir()
    rows = ["file\tinstrument\tmidi_pitch\tlicence"]
    for pitch in (50, 56, 62, 67, 69, 74, 80, 86):
        sounding = pitch + (0.3 if pitch == 67 else 7 if pitch == 74 else 0)
        loudness = 0.2 if pitch == 62 else 1.0
        name = f"violin/{pitch}.flac"
        soundfile.write(folder / name, loudness * tone(key_hz(sounding)), 44100)
        rows.append(f"{name}\tviolin\t{pitch}\tCC0")
    (folder / "INDEX.tsv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def violin(notes_folder: Path) -> samples.SampleSet:
    return samples.SampleSet.open(find_sample_sets(notes_folder).folders[0].files)


def played(
    sample_set: samples.SampleSet, notes: list[Note], sustained: bool = False, release_seconds: float = 0.3
) -> np.ndarray:
    rng = np.random.default_rng(0)
    return samples.synthesise(notes, sample_set, 4.0, SAMPLE_RATE, rng, sustained, release_seconds)


@pytest.mark.parametrize("pitch", [52, 59, 67, 69, 71, 83])
def test_samples_sound_at_the_pitch_of_the_note(violin: samples.SampleSet, pitch: int) -> None:
    audio = played(violin, [Note(0.5, 1.5, pitch)])
    assert abs(cents_off(audio[round(0.55 * SAMPLE_RATE) : round(1.2 * SAMPLE_RATE)], key_hz(pitch))) < 10


def test_samples_begin_when_the_note_does_and_end_after_it(violin: samples.SampleSet) -> None:
    audio = played(violin, A4, release_seconds=0.2)
    assert len(audio) == 4 * SAMPLE_RATE
    assert abs(onset_seconds(audio) - 0.5) < 0.01
    assert not audio[: round(0.49 * SAMPLE_RATE)].any()
    assert np.abs(audio[round(1.71 * SAMPLE_RATE) :]).max() == 0


def test_mislabelled_sample_is_left_out(violin: samples.SampleSet) -> None:
    assert len(violin.samples) == 7
    assert np.abs(violin.pitches - 74).min() > 1
    assert np.abs(violin.pitches - 67.3).min() < 0.03


def test_samples_of_different_loudness_play_at_one_level(violin: samples.SampleSet) -> None:
    peaks = [np.abs(played(violin, [Note(0.5, 1.5, pitch)])).max() for pitch in (56, 62, 69)]
    assert 20 * np.log10(max(peaks) / min(peaks)) < 4  # the fixture's differ by 14 dB


def test_loud_notes_are_louder_and_brighter(violin: samples.SampleSet) -> None:
    soft, loud = (played(violin, [Note(0.5, 1.5, 50, velocity)]) for velocity in (0.3, 1.0))
    assert 8 < 20 * np.log10(np.std(loud) / np.std(soft)) < 25

    def treble_share(audio: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(audio)) ** 2
        return float(power[np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE) > 3000].sum() / power.sum())

    assert treble_share(loud) > 1.5 * treble_share(soft)


def test_held_notes_last_longer_than_their_sample() -> None:
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    steady = samples.Sample((0.1 * np.sin(2 * np.pi * 440 * t)).astype(np.float32), SAMPLE_RATE, 69.0)
    audio = played(samples.SampleSet([steady]), [Note(0.0, 3.5, 69, 1.0)], sustained=True)
    blocks = np.sqrt(np.mean(audio[: 3 * SAMPLE_RATE].reshape(-1, SAMPLE_RATE // 10) ** 2, axis=1))
    assert blocks.min() > 0.5 * blocks.max()
    assert abs(cents_off(audio[2 * SAMPLE_RATE : 3 * SAMPLE_RATE], 440)) < 10


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_render_is_the_same_with_any_number_of_jobs(notes_folder: Path, tmp_path: Path) -> None:
    violins = partial(render, instruments=["violin"], minutes=0.2, samples=notes_folder, seconds_per_piece=3.0)
    reported: list[Progress] = []
    report = violins(tmp_path / "one", seed=7, jobs=1, progress=reported.append)
    violins(tmp_path / "two", seed=7, jobs=2)
    one = contents(tmp_path / "one")
    assert one == contents(tmp_path / "two")
    assert (report.written, report.skipped, report.failures) == (4, 0, [])
    (remark,) = report.samples
    assert (remark.files, remark.used) == (("violin/74.flac",), False)
    assert report.seconds == {"violin": 12.0}
    assert reported[-1].done == pytest.approx(reported[-1].total)
    assert sorted({Path(name).suffix for name in one}) == [".flac", ".json", ".mid"]

    again = violins(tmp_path / "one", seed=7)
    assert (again.written, again.skipped) == (0, 4)
    assert contents(tmp_path / "one") == one
    violins(tmp_path / "other", seed=8)
    assert one.keys().isdisjoint(contents(tmp_path / "other"))


def test_rendered_files_have_their_notes_and_metadata(notes_folder: Path, tmp_path: Path) -> None:
    scores = tmp_path / "midi"
    tune = [Note(i * 0.5, i * 0.5 + 0.4, 38 + i) for i in range(6)]
    write_midi(scores / "low.mid", tune)
    render(
        tmp_path / "out",
        instruments=["violin"],
        scores=scores,
        minutes=0.05,
        samples=notes_folder,
        seconds_per_piece=3.0,
    )
    (path,) = (tmp_path / "out" / "violin").glob("*.flac")
    audio, sample_rate = soundfile.read(path)
    assert (sample_rate, len(audio)) == (SAMPLE_RATE, 3 * SAMPLE_RATE)
    assert 0.6 < np.abs(audio).max() <= 0.71
    sidecar = read_sidecar(path)
    assert sidecar is not None
    assert (sidecar.transpose, sidecar.license) == (24, "CC0")  # up into a violin's range, as far as the samples go
    assert sidecar.timbre == "violin/notes/own"
    moved = read_midi(path.with_suffix(".mid")).notes
    assert [n.pitch for n in moved] == [n.pitch + sidecar.transpose for n in tune]
    assert [n.start_seconds for n in moved] == pytest.approx([n.start_seconds for n in tune], abs=1e-3)


def test_under_the_pedal_a_harp_rings_on_and_its_notes_stay_as_written(notes_folder: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    shutil.copytree(notes_folder, notes)
    index = (notes / "INDEX.tsv").read_text()
    (notes / "INDEX.tsv").write_text(index + index.partition("\n")[2].replace("\tviolin\t", "\tharp\t"))
    write_midi(tmp_path / "midi/short.mid", [Note(0.1 + i * 0.5, 0.2 + i * 0.5, 62 + i) for i in range(4)])
    made: dict[float, dict[str, bytes]] = {}
    for pedal in (0.0, 1.0):
        to = tmp_path / f"pedal {pedal}"
        play = partial(render, to, instruments=["violin", "harp"], scores=tmp_path / "midi", samples=notes)
        play(minutes=0.05, seconds_per_piece=3.0, pedal=pedal)
        made[pedal] = contents(to)
    assert made[0.0].keys() == made[1.0].keys()
    changed = [name for name in made[0.0] if made[0.0][name] != made[1.0][name]]
    assert [Path(name).suffix for name in changed] == [".flac"]
    assert changed[0].startswith("harp")
    dry, rung = (soundfile.read(io.BytesIO(made[pedal][changed[0]]))[0] for pedal in (0.0, 1.0))
    between = slice(round(0.45 * SAMPLE_RATE), round(0.59 * SAMPLE_RATE))  # the first note is up, the second not down
    assert np.square(rung[between]).mean() > 4 * np.square(dry[between]).mean()


def test_unknown_or_silent_instruments_are_refused(notes_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such instrument"):
        render(tmp_path, instruments=["theremin"], samples=notes_folder)
    with pytest.raises(SourceError, match="nothing to play it with"):
        render(tmp_path, instruments=["violin", "piano"], samples=notes_folder)


def test_too_few_samples_are_named_as_the_reason(notes_folder: Path, tmp_path: Path) -> None:
    header, *rows = (notes_folder / "INDEX.tsv").read_text().splitlines()
    shutil.copytree(notes_folder, tmp_path / "notes")
    (tmp_path / "notes/INDEX.tsv").write_text("\n".join([header, *rows[:4]]) + "\n")
    with pytest.raises(SourceError, match=r"not listed in INDEX\.tsv.*4 of 4 notes not used: fewer than 5"):
        render(tmp_path / "out", instruments=["violin"], samples=tmp_path / "notes")


def test_an_unwritable_piece_is_reported_and_the_rest_goes_on(
    notes_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stylebox.core.sources.render import render as module

    write = module.write_flac
    calls: list[Path] = []

    def full_disk_at_first(path: Path, audio: np.ndarray) -> None:
        calls.append(path)
        if len(calls) == 1:
            raise OSError(28, "No space left on device", str(path))
        write(path, audio)

    monkeypatch.setattr(module, "write_flac", full_disk_at_first)
    report = render(tmp_path / "out", instruments=["violin"], minutes=0.1, samples=notes_folder, seconds_per_piece=3.0)
    assert (report.written, len(report.failures)) == (1, 1)
    assert "No space left" in report.failures[0]
    assert len(list((tmp_path / "out").rglob("*.flac"))) == 1


@pytest.fixture(scope="module")
def font() -> Path:
    """The smallest SoundFont of this machine."""
    found = soundfont.find_soundfonts()
    if not found:
        pytest.skip("no SoundFont installed")
    smallest = min(found, key=lambda path: path.stat().st_size)
    try:
        soundfont.synthesise([], smallest, 0, 0.1)
    except SourceError as error:
        pytest.skip(str(error))
    return smallest


def test_soundfont_notes_sound_at_their_pitch_and_time(font: Path) -> None:
    for program, latest in ((0, 0.515), (24, 0.515), (73, 0.58)):
        audio = soundfont.synthesise(A4, font, program, 3.0)
        assert audio.dtype == np.float32
        assert len(audio) == 3 * SAMPLE_RATE
        assert abs(cents_off(audio[round(0.7 * SAMPLE_RATE) : round(1.4 * SAMPLE_RATE)], 440)) < 20
        assert 0.485 < onset_seconds(audio) < latest
        peak = np.abs(audio).max()
        assert np.abs(audio[: round(0.49 * SAMPLE_RATE)]).max() < 1e-3 * peak
        assert np.abs(audio[round(2.8 * SAMPLE_RATE) :]).max() < 2e-2 * peak


def test_a_soundfont_plays_a_piece_alike_after_any_other_piece(font: Path) -> None:
    rng = np.random.default_rng(0)
    starts = rng.uniform(0, 1.5, size=40)
    piece = [Note(float(s), float(s) + 0.4, int(rng.integers(40, 90)), float(rng.uniform(0.2, 1))) for s in starts]
    first = soundfont.synthesise(piece, font, 0, 2.0)
    soundfont.synthesise(piece[::2], font, 40, 2.0)
    assert np.array_equal(first, soundfont.synthesise(piece, font, 0, 2.0))


def test_a_repeated_note_is_struck_again(font: Path) -> None:
    audio = soundfont.synthesise([Note(0.5, 2.0, 69), Note(1.0, 2.0, 69)], font, 0, 2.5)
    before, after = (np.std(audio[round(a * SAMPLE_RATE) : round((a + 0.05) * SAMPLE_RATE)]) for a in (0.93, 1.02))
    assert after > 1.2 * before


def test_two_instruments_of_one_score_play_the_same_notes(font: Path, tmp_path: Path) -> None:
    render(tmp_path, instruments=["piano", "flute"], minutes=0.05, soundfonts=[font], seconds_per_piece=3.0, seed=3)
    paths = sorted(tmp_path.rglob("*.flac"))
    assert {p.parent.name for p in paths} == {"piano", "flute"}
    first, second = (read_sidecar(p) for p in paths[:2])
    assert first is not None
    assert second is not None
    assert first.score == second.score
    assert first.timbre != second.timbre
    notes = [
        [(n.start_seconds, n.pitch - s.transpose) for n in read_midi(p.with_suffix(".mid")).notes]
        for p, s in zip(paths, (first, second), strict=False)
    ]
    assert notes[0] == notes[1]


def test_a_missing_soundfont_or_preset_is_reported_in_one_line(font: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such SoundFont"):
        soundfont.synthesise(A4, tmp_path / "none.sf2", 0, 1.0)
    (tmp_path / "broken.sf2").write_bytes(b"RIFF")
    with pytest.raises(SourceError, match="not a SoundFont"):
        soundfont.synthesise(A4, tmp_path / "broken.sf2", 0, 1.0)
    with pytest.raises(SourceError, match="no preset"):
        soundfont.synthesise(A4, font, 0, 1.0, bank=77)


def test_each_soundfont_is_found_once(tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundfont, "FOLDERS", (str(tmp_path / "nowhere"),))
    own = own_home / "soundfonts"
    own.mkdir(parents=True)
    (own / "a.sf2").write_bytes(b"x")
    (own / "also.sf3").symlink_to(own / "a.sf2")
    assert soundfont.find_soundfonts() == [(own / "a.sf2").resolve()]
