"""One file in, one file out: what goes in comes out, also after an interruption. By a tiny model."""

import html
import os
import re
import shlex
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.audio_files import SUFFIXES
from support.models import PARTIALS, melody, tones

from stylebox.cli import app
from stylebox.core.audio.io.formats import FORMATS, Format
from stylebox.core.audio.io.read import AudioReader, load_audio, probe
from stylebox.core.audio.io.tags import Tags
from stylebox.core.audio.io.write import AudioWriter, write_audio
from stylebox.core.audio.loudness import loudness_db, loudness_of
from stylebox.core.errors import StyleboxError
from stylebox.core.jobs import input_file
from stylebox.core.jobs.outputs import SideOutputs
from stylebox.core.jobs.transfer_file import transfer_file
from stylebox.core.pipeline import player, transcribe
from stylebox.core.pipeline.options import OutputFormat, TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.pipeline.recording import ArrayRecording, measure
from stylebox.core.pipeline.work import Work
from stylebox.core.progress import Progress

QUICK = TransferOptions("string", seed=7, steps=0, vocoder="harmonic")
RATES = (8000, 11025, 22050, 32000, 44100, 48000, 96000, 192_000)
LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1", "7.1")  # of FFmpeg, by number of channels
PAGE = Path("page.html")
TAGS = Tags("Sarabande", "A. Player", "Suites", "1720", "take 3", b"\x89PNG\r\n\x1a\n" + bytes(40))


@pytest.fixture(scope="module")
def pipeline(trained_home: Path) -> BasePipeline:
    made = BasePipeline(str(trained_home / "models" / "tiny"), "cpu")
    for head in (made.content_encoder.onset_head, made.content_encoder.frame_head):
        assert head.bias is not None
        head.bias += 6.0  # a hardly trained encoder finds notes
    return made


def channels_of(path: Path) -> np.ndarray:
    """All samples of a file, ``(S, C)``."""
    with AudioReader(path) as reader:
        return np.concatenate(list(reader))


def rate_of(path: Path) -> int:
    """The rate of a file, in Hz."""
    return probe(path).sample_rate


def music(seconds: float, rate: int, channels: int) -> np.ndarray:
    """Two notes, louder from channel to channel."""
    notes = tones(melody(40, 2.3), 2.3, PARTIALS["reed"])[4410:]
    mono = np.interp(np.arange(round(seconds * rate)) * 22050 / rate, np.arange(len(notes)), notes)
    louder = np.linspace(0.2, 1.0, channels, dtype=np.float32)
    made: np.ndarray = mono.astype(np.float32)[:, None] * louder
    return made


@dataclass(frozen=True)
class Kind:
    """A kind of input file: its suffix, and who writes it: libsndfile (a subtype), FFmpeg (a codec), or our writer."""

    suffix: str
    subtype: str = ""
    codec: str = ""

    @property
    def bits(self) -> int:
        """Per sample of an output that has a depth."""
        fine = ("PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAC_24", "ALAC_32")
        return 24 if self.subtype in fine else 16

    @property
    def format(self) -> Format:
        """What it can hold."""
        return FORMATS.get(self.suffix, FORMATS[".flac"])

    def write(self, path: Path, audio: np.ndarray, rate: int) -> None:
        """Write a file of this kind."""
        if self.subtype:
            soundfile.write(path, audio, rate, subtype=self.subtype)
        elif self.codec:
            layout = LAYOUTS[audio.shape[1] - 1]
            frame = av.AudioFrame.from_ndarray(audio.reshape(1, -1), "flt", layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
            with av.open(str(path), "w") as container:
                track = container.add_stream(self.codec, rate=rate, layout=layout)
                assert isinstance(track, av.AudioStream)
                container.mux([*track.encode(frame), *track.encode(None)])
        else:
            with AudioWriter(path, rate, audio.shape[1]) as writer:
                writer.write(audio)


KINDS = [
    *(Kind(".wav", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
    *(Kind(".flac", subtype) for subtype in ("PCM_S8", "PCM_16", "PCM_24")),
    *(Kind(".aiff", subtype) for subtype in ("PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT")),
    *(Kind(".caf", subtype) for subtype in ("PCM_16", "PCM_24", "FLOAT", "ALAC_16", "ALAC_24")),
    *(Kind(".w64", "PCM_24"), Kind(".rf64", "PCM_16"), Kind(".au", "PCM_16"), Kind(".ogg"), Kind(".mp3")),
    *(Kind(".m4a"), Kind(".opus"), Kind(".mka", codec="flac"), Kind(".wv", codec="wavpack")),
]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(KINDS), st.sampled_from(RATES), st.integers(1, 8), st.sampled_from(SUFFIXES), st.integers(1, 999)
)
def test_rate_channels_depth_and_length_come_out_as_promised(
    pipeline: BasePipeline, tmp_path: Path, kind: Kind, rate: int, channels: int, suffix: str, odd: int
) -> None:
    source, output, held = tmp_path / f"in{kind.suffix}", tmp_path / f"out{suffix}", FORMATS[suffix]
    rate, channels = kind.format.nearest_rate(rate), min(channels, kind.format.max_channels)
    audio = music(0.4 + odd / 8000, rate, channels)
    kind.write(source, audio, rate)
    report = transfer_file(source, output, QUICK, pipeline, force=True)
    with AudioReader(output) as reader:
        made = np.concatenate(list(reader))
        kept_rate = max(rate, 44100)
        expected_rate = held.nearest_rate(kept_rate)
        assert reader.sample_rate == report.sample_rate == expected_rate
        assert reader.channels == report.channels == (channels if channels <= held.max_channels else 1)
        assert len(made) == round(len(audio) * expected_rate / rate)
        if suffix in (".wav", ".flac"):
            assert reader.bits == kind.bits
    lost = (expected_rate != kept_rate) + (reader.channels != channels)
    assert sum(warning.startswith("not kept: ") for warning in report.warnings) == min(lost, 1)
    assert f" Hz ({held.name}: {expected_rate} Hz)" in "".join(report.warnings) or expected_rate == kept_rate


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_tags_are_kept_and_the_comment_names_the_style(pipeline: BasePipeline, tmp_path: Path, suffix: str) -> None:
    with AudioWriter(tmp_path / "in.flac", 44100, tags=TAGS) as writer:
        writer.write(music(0.4, 44100, 1))
    transfer_file(tmp_path / "in.flac", tmp_path / f"out{suffix}", QUICK, pipeline)
    with AudioReader(tmp_path / f"out{suffix}") as reader:
        tags = reader.read_tags()
    assert (tags.title, tags.artist, tags.album, tags.date) == (TAGS.title, TAGS.artist, TAGS.album, TAGS.date)
    assert tags.comment == "take 3; stylebox: string, seed 7"
    assert tags.cover == TAGS.cover


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_style_whose_name_is_not_unicode_is_named_all_the_same(
    pipeline: BasePipeline, tmp_path: Path, suffix: str
) -> None:
    """Old systems named files in encodings of their own."""
    style = tmp_path / os.fsdecode(b"caf\xe9.wav")
    write_audio(style, music(0.4, 44100, 1)[:, 0], 44100)
    transfer_file(style, tmp_path / f"out{suffix}", replace(QUICK, style=str(style)), pipeline)
    with AudioReader(tmp_path / f"out{suffix}") as reader:
        assert reader.read_tags().comment == rf"stylebox: {tmp_path}/caf\xe9.wav, seed 7"


@pytest.mark.parametrize("kept", [(1.0, 0.0), (0.0, 1.0), (1.0, -1.0)])
def test_a_hard_left_input_stays_hard_left_and_opposite_phases_do_not_vanish(
    pipeline: BasePipeline, tmp_path: Path, kept: tuple[float, float]
) -> None:
    soundfile.write(tmp_path / "in.wav", music(1.5, 44100, 1) * np.array(kept, np.float32), 44100)
    transfer_file(tmp_path / "in.wav", tmp_path / "out.wav", QUICK, pipeline)
    before, after = (soundfile.read(tmp_path / name)[0] for name in ("in.wav", "out.wav"))
    for channel, level in enumerate(kept):
        if level:
            loudness = [loudness_db(sound[:, channel], 44100) for sound in (after, before)]
            assert loudness[0] == pytest.approx(loudness[1], abs=1.0)
        else:
            assert not after[:, channel].any()


STEREO = [kind for kind in KINDS if kind.subtype in ("", "PCM_24", "ALAC_16")]


@pytest.mark.parametrize("kind", STEREO, ids=lambda kind: f"{kind.suffix}-{kind.subtype or kind.codec}")
def test_hard_left_and_silence_stay_in_every_format(pipeline: BasePipeline, tmp_path: Path, kind: Kind) -> None:
    """Each as input, to every format as output in turn."""
    source, rate = tmp_path / f"in{kind.suffix}", kind.format.nearest_rate(44100)
    output = tmp_path / f"out{SUFFIXES[STEREO.index(kind) % len(SUFFIXES)]}"
    kind.write(source, music(1.5, rate, 1) * np.array([1, 0], np.float32), rate)
    transfer_file(source, output, QUICK, pipeline)
    before, after = channels_of(source), channels_of(output)
    assert loudness_db(after[:, 0], rate_of(output)) == pytest.approx(loudness_db(before[:, 0], rate), abs=1.0)
    assert np.abs(after[:, 1]).max() < 0.001 * np.abs(after[:, 0]).max()
    kind.write(source, np.zeros((20_000, 2), np.float32), rate)
    report = transfer_file(source, output, QUICK, pipeline, force=True)
    assert np.abs(channels_of(output)).max() < 1e-4
    assert "silent" in report.warnings[0]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_a_recording_is_never_replaced_by_its_transfer(pipeline: BasePipeline, tmp_path: Path) -> None:
    recording = tmp_path / "in.wav"
    write_audio(recording, music(1.0, 44100, 1), 44100)
    before = recording.read_bytes()
    (tmp_path / "link.wav").symlink_to(recording)
    for source, output in (("in.wav", "in.wav"), ("in.wav", "link.wav"), ("link.wav", "in.wav")):
        with pytest.raises(StyleboxError, match="which would be lost; choose another name"):
            transfer_file(tmp_path / source, tmp_path / output, QUICK, pipeline, force=True)
    assert recording.read_bytes() == before


def test_silence_stays_silence(pipeline: BasePipeline, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", np.zeros((30_000, 3)), 48000)
    report = transfer_file(tmp_path / "in.wav", tmp_path / "out.flac", QUICK, pipeline)
    made, rate = soundfile.read(tmp_path / "out.flac")
    assert made.shape == (30_000, 3)
    assert rate == 48000
    assert not made.any()
    assert "silent" in report.warnings[0]


def test_what_is_asked_for_is_given(pipeline: BasePipeline, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", music(0.5, 44100, 2), 44100)
    options = TransferOptions("string", seed=7, steps=0, output=OutputFormat(32000, 32, mono=True))
    report = transfer_file(tmp_path / "in.wav", tmp_path / "out.wav", options, pipeline)
    found = soundfile.info(tmp_path / "out.wav")
    assert (found.samplerate, found.subtype, found.channels, found.frames) == (32000, "FLOAT", 1, 16000)
    assert report.warnings == []


def test_the_command_of_a_page_makes_the_same_file_again(
    pipeline: BasePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of a stereo recording, transferred with options that change the result."""
    soundfile.write("in.wav", music(0.5, 44100, 2), 44100)
    asked = OutputFormat(32000, 24, mono=True)
    options = TransferOptions("string", steps=1, strength=0.4, follow=0.3, bend=0.2, vibrato=0.5, mix=0.6, output=asked)
    report = transfer_file(Path("in.wav"), Path("a.flac"), options, pipeline, side_outputs=SideOutputs(report=PAGE))
    (shown,) = re.findall("<pre>(.*?)</pre>", PAGE.read_text("utf-8"))
    command = shlex.split(html.unescape(re.sub("<.*?>", "", shown)))
    assert command[:3] == ["stylebox", "transfer", "in.wav"]
    monkeypatch.setattr("stylebox.commands.transfer.load_model", lambda model, device: pipeline)
    with pytest.raises(SystemExit) as ended:
        app(command[1:])
    assert ended.value.code == 0
    assert Path("in-string.flac").read_bytes() == Path("a.flac").read_bytes()
    assert report.channels == 1


def test_a_mix_has_the_input_in_time_and_the_loudness_kept(pipeline: BasePipeline, tmp_path: Path) -> None:
    before = music(1.5, 48000, 2)
    soundfile.write(tmp_path / "in.wav", before, 48000, subtype="FLOAT")
    sounds = {}
    for mix in (0.0, 0.5, 1.0):
        options = TransferOptions("string", seed=7, steps=0, mix=mix)
        report = transfer_file(tmp_path / "in.wav", tmp_path / "out.wav", options, pipeline, force=True)
        sounds[mix] = soundfile.read(tmp_path / "out.wav", dtype="float32")[0]
        heard = [measure(ArrayRecording(sound, 48000)).energy for sound in (sounds[mix], before)]
        loudness = [loudness_of(energy) for energy in heard]
        assert loudness[0] + report.clipped_db == pytest.approx(loudness[1], abs=0.3)
    np.testing.assert_allclose(sounds[0.0], before, atol=1e-3)  # the input alone, to the sample
    shares = np.linalg.lstsq(np.stack([sounds[0.0].ravel(), sounds[1.0].ravel()], 1), sounds[0.5].ravel(), rcond=None)[
        0
    ]
    assert shares[0] == pytest.approx(shares[1], abs=0.06)  # equal shares of both
    assert shares[0] == pytest.approx(0.7, abs=0.12)


class Killed(BaseException):
    """Stands for the end of the process."""


def test_a_transfer_that_was_killed_goes_on_and_gives_the_bytes_of_one_that_was_not(
    pipeline: BasePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_file, "KEPT_SECONDS", 1.0)
    monkeypatch.setattr(player, "PART_FRAMES", 64)
    monkeypatch.setattr(player, "MARGIN_FRAMES", 32)
    monkeypatch.setattr(transcribe, "PART_SECONDS", 1.0)
    soundfile.write(tmp_path / "in.wav", np.tile(music(2.0, 22050, 2), (2, 1)), 22050)
    options = TransferOptions("string", steps=1)  # the seed is drawn, and must be kept
    save, remarks = Work.save, []
    for name in ("transcribed", "seam"):
        calls = 0

        def killed(self: Work, of: str, name: str = name, **facts: float | np.ndarray) -> None:
            nonlocal calls
            save(self, of, **facts)
            calls += of == name
            if of == name and calls == 2:
                raise Killed

        monkeypatch.setattr(Work, "save", killed)
        with pytest.raises(Killed):
            transfer_file(tmp_path / "in.wav", tmp_path / "out.wav", options, pipeline)
        assert not (tmp_path / "out.wav").exists()
        assert (tmp_path / ".out.wav.work").is_dir()
    monkeypatch.setattr(Work, "save", save)

    def listen(step: Progress) -> None:
        remarks.append(step.note if step.total is None else "")

    report = transfer_file(tmp_path / "in.wav", tmp_path / "out.wav", options, pipeline, progress=listen)
    assert sum("continues the interrupted transfer" in remark for remark in remarks) == 1
    assert not (tmp_path / ".out.wav.work").exists()
    whole = TransferOptions("string", steps=1, seed=report.seed)
    transfer_file(tmp_path / "in.wav", tmp_path / "whole.wav", whole, pipeline)
    np.testing.assert_array_equal(load_audio(tmp_path / "out.wav", 44100), load_audio(tmp_path / "whole.wav", 44100))


def test_work_on_another_recording_is_not_continued(
    pipeline: BasePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_file, "KEPT_SECONDS", 0.1)
    remarks: list[str] = []
    for seconds in (0.5, 0.6):
        soundfile.write(tmp_path / "in.wav", music(seconds, 44100, 1), 44100)
        monkeypatch.setattr(Work, "remove", lambda self: None)
        transfer_file(
            tmp_path / "in.wav",
            tmp_path / "out.wav",
            QUICK,
            pipeline,
            force=True,
            progress=lambda step: remarks.append(step.note),
        )
    assert soundfile.info(tmp_path / "out.wav").frames == round(0.6 * 44100)
    assert not any("continues" in remark for remark in remarks)


def test_two_transfers_to_one_output_do_not_share_their_work(
    pipeline: BasePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_file, "KEPT_SECONDS", 0.1)
    soundfile.write(tmp_path / "in.wav", music(0.5, 44100, 1), 44100)
    save, seen = Work.save, list[object]()

    def while_it_works(self: Work, of: str, **facts: float | np.ndarray) -> None:
        save(self, of, **facts)
        if not seen:
            with pytest.raises(
                StyleboxError, match=r"\.out\.wav\.work: `stylebox transfer` .* wait until it ends"
            ) as error:
                transfer_file(tmp_path / "in.wav", tmp_path / "out.wav", QUICK, pipeline, force=True)
            seen.append(error)

    monkeypatch.setattr(Work, "save", while_it_works)
    transfer_file(tmp_path / "in.wav", tmp_path / "out.wav", QUICK, pipeline)
    assert len(seen) == 1
    assert soundfile.info(tmp_path / "out.wav").frames == 22050
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["in.wav", "out.wav"]


def test_what_a_killed_transfer_left_is_removed_by_the_next_one(
    pipeline: BasePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_file, "KEPT_SECONDS", 0.1)  # longer ones are written by one process at a time
    soundfile.write(tmp_path / "in.wav", tones(melody(1, 0.5), 0.5, PARTIALS["reed"]), 22050)
    left, of_others = tmp_path / ".out.4711.part.wav", tmp_path / ".out.b.4711.part.wav"
    for path in (left, of_others):
        path.touch()
    transfer_file(tmp_path / "in.wav", tmp_path / "out.wav", QUICK, pipeline)
    assert not left.exists()
    assert of_others.exists()
