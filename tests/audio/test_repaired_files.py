"""Files that are damaged in the middle, joined, or never finished: what is there is read, at its time."""

import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from support.audio_files import SAMPLE_RATE, encode, notes

from stylebox.core.audio.io.containers.ogg import checksum, links, pages
from stylebox.core.audio.io.ffmpeg import open_ffmpeg
from stylebox.core.audio.io.read import AudioReader, load_audio, probe
from stylebox.core.audio.io.write import write_audio
from stylebox.core.jobs.file_recording import FileRecording

W64_DATA = b"data\xf3\xac\xd3\x11"


def _apart(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The seconds in which two sounds of equal length differ."""
    assert first.shape == second.shape
    differing: np.ndarray = np.flatnonzero(first != second)
    return differing / SAMPLE_RATE


def test_one_wrong_bit_of_flac_costs_a_moment(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.flac", notes(seconds=4.0), SAMPLE_RATE)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[len(content) // 2] ^= 0x10
    (tmp_path / "b.flac").write_bytes(content)
    differing = _apart(load_audio(tmp_path / "b.flac", SAMPLE_RATE), load_audio(tmp_path / "a.flac", SAMPLE_RATE))
    assert np.ptp(differing) < 0.5, "all that is before and after is the same"


def test_flac_keeps_its_end_before_an_id3_tag_and_goes_on_into_a_second_file(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.flac", notes(), SAMPLE_RATE)
    content = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "tagged.flac").write_bytes(content + b"TAG" + bytes(125))
    (tmp_path / "joined.flac").write_bytes(2 * content)
    whole = load_audio(tmp_path / "a.flac", SAMPLE_RATE)
    np.testing.assert_array_equal(load_audio(tmp_path / "tagged.flac", SAMPLE_RATE), whole)
    np.testing.assert_array_equal(load_audio(tmp_path / "joined.flac", SAMPLE_RATE), np.tile(whole, 2))


@pytest.mark.parametrize(("rate", "channels", "bits"), [(SAMPLE_RATE, 1, 24), (22050, 1, 16), (SAMPLE_RATE, 2, 16)])
def test_a_flac_file_of_another_kind_follows_the_first(rate: int, channels: int, bits: int, tmp_path: Path) -> None:
    first, second = notes(), np.stack([notes(rate)] * channels, 1)
    soundfile.write(tmp_path / "a.flac", first, SAMPLE_RATE, "PCM_16")
    soundfile.write(tmp_path / "b.flac", second, rate, f"PCM_{bits}")
    tag = b"ID3\3\0\0\0\0\1\0" + bytes(128)
    path = tmp_path / "joined.flac"
    path.write_bytes((tmp_path / "a.flac").read_bytes() + tag + (tmp_path / "b.flac").read_bytes())
    back = load_audio(path, SAMPLE_RATE)
    np.testing.assert_allclose(back[: len(first)], first, atol=1e-4)
    assert len(back) == len(first) + round(len(second) * SAMPLE_RATE / rate) == probe(path).samples
    inside = slice(1000, 20_000)
    np.testing.assert_allclose(back[len(first) :][inside], notes()[inside], atol=0.02)


def test_damaged_and_missing_pages_of_vorbis_are_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    write_audio(path, notes(seconds=6.0), SAMPLE_RATE)
    content = path.read_bytes()
    with path.open("rb") as stream:
        found = list(pages(stream))
    assert len(found) > 12
    whole = load_audio(path, SAMPLE_RATE)
    broken = bytearray(content)
    broken[found[8].start + 100 : found[8].start + 110] = bytes(10)
    lost = content[: found[8].start] + content[found[8].end :]
    for name, damaged in (("broken.ogg", bytes(broken)), ("lost.ogg", lost)):
        (tmp_path / name).write_bytes(damaged)
        with AudioReader(tmp_path / name) as reader:
            back = np.concatenate(list(reader))[:, 0]
            assert "hold no sound" in " ".join(reader.remarks)
        with (tmp_path / name).open("rb") as stream:
            recording = FileRecording.of(stream, name)
            assert sum(len(block) for block in recording.blocks()) == len(back)
            assert recording.remarks == reader.remarks, "a transfer reports it"
        assert abs(len(back) - len(whole)) < 0.02 * SAMPLE_RATE
        end = len(whole) * 3 // 4
        lags = [np.dot(back[end + lag : end + lag + 20000], whole[end : end + 20000]) for lag in range(-500, 501)]
        assert abs(int(np.argmax(lags)) - 500) <= 448, "what follows is at its time"


@pytest.mark.parametrize("codec", ["vorbis", "libopus", "flac"])
@pytest.mark.parametrize("from_end", [6, 3, 2])
@pytest.mark.parametrize("is_there", [False, True])
def test_the_page_after_a_missing_one_is_at_its_time(codec: str, from_end: int, is_there: bool, tmp_path: Path) -> None:
    """Only the end of a page has a time. The missing one may be the last but one; or it is there, and damaged."""
    rate, path = 48000, tmp_path / "a.ogg"
    t = np.arange(9 * rate) / rate
    noise = 0.02 * np.random.default_rng(0).standard_normal(len(t))  # makes pages short
    sweep = (0.3 * np.sin(2 * np.pi * (200 * t + 40 * t * t)) + noise).astype(np.float32)
    if codec == "vorbis":
        write_audio(path, sweep, rate)
    else:
        encode(path, codec, rate, False, sweep)
    content, whole = path.read_bytes(), load_audio(path, rate)
    with path.open("rb") as stream:
        lost = list(pages(stream))[-from_end]
    damaged = content[lost.start : lost.end - 50] + bytes(50) if is_there else b""
    path.write_bytes(content[: lost.start] + damaged + content[lost.end :])
    with AudioReader(path) as reader:
        back = np.concatenate(list(reader))[:, 0]
        assert [remark.partition(" s ")[2] for remark in reader.remarks] == [
            "of its time hold no sound; they are silent"
        ]
    assert len(back) == len(whole) == len(sweep)
    wrong = np.flatnonzero(np.abs(back - whole) > 0.2)
    assert np.ptp(wrong) < 1.4 * rate, "one page of a second, and a moment on either side"
    assert np.count_nonzero(np.abs(back[wrong]) > 0.05) < 0.05 * rate, "silence; decoders need a moment to begin again"


def test_vorbis_beside_a_film_has_no_gaps(tmp_path: Path) -> None:
    """FFmpeg misplaces the frames between long and short blocks by 10 ms."""
    path = tmp_path / "a.ogg"
    write_audio(path, notes(), SAMPLE_RATE)
    with path.open("rb") as stream, open_ffmpeg(stream, "a.ogg") as track:
        back = np.concatenate([block for _, block in track.blocks])[:, 0]
        assert not track.remarks
    assert np.abs(back - load_audio(path, SAMPLE_RATE)).max() < 1e-3


@pytest.mark.parametrize("suffix", [".ogg", ".opus"])
def test_a_link_without_sound_is_passed_over(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    write_audio(path, notes(48000), 48000)
    with path.open("rb") as stream:
        second = list(pages(stream))[1]
    content = path.read_bytes()
    (tmp_path / "b.ogg").write_bytes(content[: second.end] + content + content[: second.end])
    np.testing.assert_array_equal(load_audio(tmp_path / "b.ogg", 48000), load_audio(path, 48000))


def test_a_link_after_one_that_was_cut_short_is_whole(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.ogg", notes(), SAMPLE_RATE)
    content = (tmp_path / "a.ogg").read_bytes()
    (tmp_path / "b.ogg").write_bytes(content[: len(content) // 2] + content)
    with (tmp_path / "b.ogg").open("rb") as stream:
        assert len(links(stream)) == 2
    whole = load_audio(tmp_path / "a.ogg", SAMPLE_RATE)
    back = load_audio(tmp_path / "b.ogg", SAMPLE_RATE)
    np.testing.assert_array_equal(back[-len(whole) :], whole)


def test_the_default_track_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mka"
    with av.open(str(path), "w") as container:
        for number in range(2):
            sound = container.add_stream("pcm_s16le", rate=8000, layout="mono")
            assert isinstance(sound, av.AudioStream)
            sound.disposition = av.stream.Disposition.default if number else av.stream.Disposition(0)
        for number, sound in enumerate(container.streams.audio):
            frame = av.AudioFrame.from_ndarray(np.full((1, 8000), number * 1000, np.int16), "s16", "mono")
            frame.sample_rate = 8000
            container.mux(sound.encode(frame))
    with AudioReader(path) as reader:
        assert np.concatenate(list(reader)).max() > 0
        assert reader.remarks == ["it has 2 sound tracks; the default one, number 2, is used"]


def _rf64(content: bytes) -> bytes:
    data = content.index(b"data") + 8
    head = b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", 28) + bytes(28)
    return head + content[content.index(b"fmt ") : data - 4] + b"\xff\xff\xff\xff" + content[data:]


@pytest.mark.parametrize("size", [0, (1 << 63) - 1, (1 << 64) - 1])
def test_a_wave64_file_that_was_not_finished_is_read_to_its_end(size: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.w64", notes(), SAMPLE_RATE, format="W64", subtype="PCM_16")
    content = bytearray((tmp_path / "a.w64").read_bytes())
    at = content.index(W64_DATA) + 16
    content[16:24] = content[at : at + 8] = struct.pack("<Q", size)
    (tmp_path / "b.w64").write_bytes(content)
    assert probe(tmp_path / "b.w64").samples == len(notes())


def test_rf64_and_au_that_were_not_finished_are_read_to_their_end(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", notes(), SAMPLE_RATE, bits=16)
    (tmp_path / "rf64.wav").write_bytes(_rf64((tmp_path / "a.wav").read_bytes()))
    soundfile.write(tmp_path / "a.au", notes(), SAMPLE_RATE, format="AU", subtype="PCM_16")
    content = (tmp_path / "a.au").read_bytes()
    (tmp_path / "zero.au").write_bytes(content[:8] + bytes(4) + content[12:])
    for name in ("rf64.wav", "zero.au"):
        assert probe(tmp_path / name).samples == len(load_audio(tmp_path / name, SAMPLE_RATE)) == len(notes()), name


def _read(path: Path, content: bytes) -> tuple[np.ndarray, list[str]]:
    path.write_bytes(content)
    with AudioReader(path) as reader:
        return np.concatenate(list(reader))[:, 0], reader.remarks


def _with_last_time(content: bytes, change: Callable[[int], int]) -> bytes:
    """A file that ends with its last page but one, at another time."""
    changed = bytearray(content[: content.rindex(b"OggS")])
    start = changed.rindex(b"OggS")
    changed[start + 5] |= 4  # the last page
    granule = struct.unpack_from("<q", changed, start + 6)[0]
    changed[start + 6 : start + 14] = struct.pack("<q", change(granule))
    changed[start + 22 : start + 26] = bytes(4)
    changed[start + 22 : start + 26] = struct.pack("<I", checksum(bytes(changed[start:])))
    return bytes(changed)


@pytest.mark.parametrize("wrong", [-1, 0, 1000])
@pytest.mark.parametrize("suffix", [".ogg", ".opus"])
def test_a_last_page_without_its_time_is_played(suffix: str, wrong: int, tmp_path: Path) -> None:
    """Its time is missing, as in voice messages of telephones, or before that of the page before."""
    path = tmp_path / f"a{suffix}"
    write_audio(path, notes(48000, 3.0), 48000)
    content = path.read_bytes()
    whole, _ = _read(path, _with_last_time(content, lambda granule: granule))
    back, remarks = _read(path, _with_last_time(content, lambda granule: wrong))
    assert remarks == []
    assert 0 <= len(back) - len(whole) < 2048, "all that its packets hold"
    np.testing.assert_allclose(back[: len(whole)], whole, atol=1e-5)
    ending, remarks = _read(path, _with_last_time(content, lambda granule: granule - 500))
    assert (len(ending), remarks) == (len(whole) - 500, []), "a time is obeyed"


@pytest.mark.parametrize(("suffix", "codec"), [(".opus", "libopus"), (".oga", "flac")])
def test_damaged_tags_cost_no_sound(suffix: str, codec: str, tmp_path: Path) -> None:
    """FFmpeg passes over a page with a wrong checksum, and then misses the header that the tags are in."""
    path = encode(tmp_path / f"a{suffix}", codec, 48000)
    content = bytearray(path.read_bytes())
    whole, _ = _read(path, bytes(content))
    content[content.index(b"encoder=Lavf")] ^= 1
    back, remarks = _read(path, bytes(content))
    np.testing.assert_array_equal(back, whole)
    assert remarks == ["its tags are damaged"]
