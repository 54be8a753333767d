"""Sound files as they are in the wild: the right samples, or one clear line.

`FORMATS` is also the table of docs/reliability.md: what a file is, and what becomes of it.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
from support.audio_files import SAMPLE_RATE, encode, notes

from stylebox.core.audio.io.containers import riff
from stylebox.core.audio.io.read import AudioReader, load_audio, probe
from stylebox.core.audio.io.tags import Tags
from stylebox.core.audio.io.write import AudioWriter

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
EXACT, CLOSE = 70.0, 18.0  # dB of the sound over the error
WHOLE, HALF_SAMPLES = slice(None), 20_000
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


class Format(NamedTuple):
    """A kind of file: how it is made, and what reading it must give."""

    make: Callable[[Path], object]
    at_least_db: float = EXACT
    extra_samples: int = 0  # that the format cannot tell from the sound; -1 for a few of an encoder's frames
    bits: int = 0
    sample_rate: int = SAMPLE_RATE
    part: float = 1.0  # of the sound that is there


def audio() -> np.ndarray:
    return notes(SAMPLE_RATE, 1.0)


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(content) if size is None else size) + content + bytes(len(content) % 2)


def form(kind: int, bits: int, container: int | None = None, rate: int = SAMPLE_RATE) -> bytes:
    """A `fmt ` chunk; extensible if the container is wider than the samples."""
    width = (container or bits) // 8
    tag = EXTENSIBLE if container else kind
    fields = struct.pack("<HHIIHH", tag, 1, rate, rate * width, width, container or bits)
    extension = struct.pack("<HHIH", 22, bits, 4, kind) + GUID_TAIL if container else b""
    return chunk(b"fmt ", fields + extension)


def samples(kind: str) -> bytes:
    """The sound as integers of 16 or 24 bits, or as floats."""
    sound = audio()
    if kind == "24":
        octets = np.rint(sound * 2**23).astype("<i4")[:, None].view(np.uint8)
        return bytes(octets.reshape(-1, 4)[:, :3].tobytes())
    if kind == "24in32":
        return bytes((np.rint(sound * 2**23).astype("<i4") << 8).tobytes())
    return bytes((np.rint(sound * 2**15).astype("<i2") if kind == "16" else sound.astype(kind)).tobytes())


def wav(*chunks: bytes, riff: bytes = b"RIFF", size: int | None = None, tail: bytes = b"") -> Callable[[Path], object]:
    content = b"WAVE" + b"".join(chunks)
    return lambda path: path.write_bytes(
        riff + struct.pack("<I", len(content) if size is None else size) + content + tail
    )


def by_libsndfile(container: str, subtype: str, endian: str = "FILE", part: slice = WHOLE) -> Callable[[Path], object]:
    return lambda path: soundfile.write(path, audio()[part], SAMPLE_RATE, subtype, endian, container)


def by_ffmpeg(
    suffix: str, codec: str, sample_rate: int = SAMPLE_RATE, part: slice = WHOLE, **options: str
) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        sound = notes(sample_rate, 1.0)[part]
        whole = encode(path.with_suffix(suffix), codec, sample_rate, False, sound, **options)
        whole.rename(path)

    return make


def cut(format_: Format, share: float) -> Format:
    """The same file without its end."""

    def make(path: Path) -> None:
        format_.make(path)
        content = path.read_bytes()
        path.write_bytes(content[: round(share * len(content)) | 1])  # in no case between two packets of 188 bytes

    return format_._replace(make=make, part=share)


def error_db(wanted: np.ndarray, got: np.ndarray) -> float:
    """Power of the error over that of the sound."""
    return 10 * float(np.log10((np.sum((wanted - got) ** 2) + 1e-12) / np.sum(wanted**2)))


def with_huge_cover(path: Path) -> None:
    with AudioWriter(path.with_suffix(".mp3"), SAMPLE_RATE, tags=Tags("Title", cover=bytes(6 << 20))) as writer:
        writer.write(audio())
    path.with_suffix(".mp3").rename(path)


def rf64(path: Path) -> None:
    sizes = struct.pack("<QQQI", 36 + 2 * len(audio()) + 44, 2 * len(audio()), len(audio()), 0)
    chunks = chunk(b"ds64", sizes), form(PCM, 16), chunk(b"data", samples("16"), 0xFFFFFFFF)
    wav(*chunks, riff=b"RF64", size=0xFFFFFFFF)(path)


def joined(*makes: Callable[[Path], object]) -> Callable[[Path], object]:
    """One file after another in one."""

    def make(path: Path) -> None:
        contents = []
        for each in makes:
            each(path)
            contents.append(path.read_bytes())
        path.write_bytes(b"".join(contents))

    return make


def two_files(by: Callable[..., Callable[[Path], object]], *how: str) -> Callable[[Path], object]:
    """The two halves of the sound, a file each, one behind the other."""
    return joined(by(*how, part=slice(HALF_SAMPLES)), by(*how, part=slice(HALF_SAMPLES, None)))


def after_id3(make: Callable[[Path], object]) -> Callable[[Path], object]:
    return joined(lambda path: path.write_bytes(b"ID3\3\0\0\0\0\1\0" + bytes(128)), make)


def aiff_with_odd_chunk(path: Path) -> None:
    soundfile.write(path, audio(), SAMPLE_RATE, "PCM_16", format="AIFF")
    content = path.read_bytes()
    path.write_bytes(content[:12] + b"ANNO\0\0\0\3abc" + content[12:])


def w64_with_list(path: Path) -> None:
    """As Sound Forge writes markers."""
    soundfile.write(path, audio(), SAMPLE_RATE, "PCM_24", format="W64")
    content = path.read_bytes()
    guid = b"list" + bytes.fromhex("2f91cf11a5d628db04c10000")
    path.write_bytes(content + bytes(-len(content) % 8) + guid + struct.pack("<Q", 24 + 2000) + bytes(range(200)) * 10)


def caf_with_room(path: Path) -> None:
    """As Logic leaves room for an overview."""
    soundfile.write(path, audio(), SAMPLE_RATE, "PCM_16", format="CAF")
    content = path.read_bytes()
    at = content.index(b"data")
    path.write_bytes(content[:at] + b"free" + struct.pack(">q", 99_999) + bytes(99_999) + content[at:])


def flac_stating(samples: int) -> Callable[[Path], object]:
    """A header with another number of samples, where it lies in 36 bits."""

    def make(path: Path) -> None:
        soundfile.write(path, audio(), SAMPLE_RATE, "PCM_16", format="FLAC")
        content = bytearray(path.read_bytes())
        content[22:26] = struct.pack(">I", samples)
        path.write_bytes(content)

    return make


DATA16 = chunk(b"data", samples("16"))
LIST = chunk(b"LIST", b"INFOINAM\4\0\0\0abc\0")
ODD = chunk(b"abcd", b"xyz")
HALVES = [chunk(b"data", samples("16")[: 2 * HALF_SAMPLES]), chunk(b"data", samples("16")[2 * HALF_SAMPLES :])]

FORMATS: dict[str, Format] = {
    "WAV, 8 bits": Format(by_libsndfile("WAV", "PCM_U8"), 20, bits=8),
    "WAV, 16 bits": Format(wav(form(PCM, 16), DATA16), bits=16),
    "WAV, 24 bits": Format(wav(form(PCM, 24), chunk(b"data", samples("24"))), bits=24),
    "WAV, 24 in 32 bits": Format(wav(form(PCM, 24, 32), chunk(b"data", samples("24in32"))), bits=32),
    "WAV, 32 bits": Format(by_libsndfile("WAV", "PCM_32"), bits=32),
    "WAV, float": Format(wav(form(FLOAT, 32), chunk(b"data", samples("<f4"))), bits=32),
    "WAV, float, extensible": Format(wav(form(FLOAT, 32, 32), chunk(b"data", samples("<f4"))), bits=32),
    "WAV, 64-bit float": Format(wav(form(FLOAT, 64), chunk(b"data", samples("<f8"))), bits=64),
    "WAV, mu-law": Format(by_libsndfile("WAV", "ULAW"), 30),
    "WAV, A-law": Format(by_libsndfile("WAV", "ALAW"), 30),
    "WAV, IMA ADPCM": Format(by_libsndfile("WAV", "IMA_ADPCM"), CLOSE, extra_samples=-1),
    "WAV, Microsoft ADPCM": Format(by_libsndfile("WAV", "MS_ADPCM"), CLOSE),
    "WAV, big-endian": Format(by_libsndfile("WAV", "PCM_16", "BIG"), bits=16),
    "WAV, MP3 inside": Format(by_ffmpeg(".wav", "libmp3lame"), -100, extra_samples=-1),
    "WAV, size of the sound is 0": Format(wav(form(PCM, 16), chunk(b"data", samples("16"), 0), size=0), bits=16),
    "WAV, sizes are 0xFFFFFFFF": Format(
        wav(form(PCM, 16), chunk(b"data", samples("16"), 0xFFFFFFFF), size=0xFFFFFFFF), bits=16
    ),
    "WAV, sizes are 0x7FFFFFFF": Format(
        wav(form(PCM, 16), chunk(b"data", samples("16"), 0x7FFFFFFF), size=0x7FFFFFFF), bits=16
    ),
    "WAV, list before the format": Format(wav(LIST, form(PCM, 16), DATA16), bits=16),
    "WAV, list after the sound": Format(wav(form(PCM, 16), DATA16, LIST), bits=16),
    "WAV, broadcast (bext)": Format(wav(chunk(b"bext", bytes(602)), form(PCM, 16), DATA16), bits=16),
    "WAV, odd chunk before the sound": Format(wav(form(PCM, 16), ODD, DATA16), bits=16),
    "WAV, odd chunk without its pad byte": Format(wav(form(PCM, 16), ODD[:-1], DATA16), bits=16),
    "WAV, odd format chunk without its pad byte": Format(
        wav(chunk(b"fmt ", form(PCM, 16)[8:] + b"\0")[:-1], DATA16), bits=16
    ),
    "WAV, sound in two chunks": Format(wav(form(PCM, 16), HALVES[0], LIST, HALVES[1]), bits=16),
    "WAV, an empty chunk before the sound": Format(wav(form(PCM, 16), chunk(b"data", b""), DATA16), bits=16),
    "WAV, wave list": Format(wav(form(PCM, 16), chunk(b"LIST", b"wavl" + b"".join(HALVES))), bits=16),
    "WAV, two files joined": Format(joined(wav(form(PCM, 16), HALVES[0]), wav(form(PCM, 16), HALVES[1])), bits=16),
    "WAV, two files of unknown size joined": Format(
        joined(*(wav(form(PCM, 16), half[:4] + b"\xff" * 4 + half[8:], size=0xFFFFFFFF) for half in HALVES)), bits=16
    ),
    "WAV, a FLAC file behind it": Format(
        joined(wav(form(PCM, 16), HALVES[0]), by_libsndfile("FLAC", "PCM_16", part=slice(HALF_SAMPLES, None))), bits=16
    ),
    "WAV, after an ID3 tag": Format(after_id3(wav(form(PCM, 16), DATA16)), bits=16),
    "WAV, garbage after the end": Format(wav(form(PCM, 16), DATA16, tail=b"garbage" * 99), bits=16),
    "RF64": Format(rf64, bits=16),
    "W64": Format(by_libsndfile("W64", "PCM_24"), bits=24),
    "W64, list after the sound": Format(w64_with_list, bits=24),
    "AIFF": Format(by_libsndfile("AIFF", "PCM_24"), bits=24),
    "AIFF, odd chunk without its pad byte": Format(aiff_with_odd_chunk, bits=16),
    "AIFF, after an ID3 tag": Format(after_id3(by_libsndfile("AIFF", "PCM_16")), bits=16),
    "AIFF-C, float": Format(by_libsndfile("AIFF", "FLOAT"), bits=32),
    "AIFF-C, mu-law": Format(by_libsndfile("AIFF", "ULAW"), 30, extra_samples=-1),
    "CAF, 16 bits": Format(by_libsndfile("CAF", "PCM_16"), bits=16),
    "CAF, 100 kB before the sound": Format(caf_with_room, bits=16),
    "CAF, Apple Lossless": Format(by_libsndfile("CAF", "ALAC_16"), bits=16),
    "AU": Format(by_libsndfile("AU", "PCM_16"), bits=16),
    "Wave64, two files joined": Format(two_files(by_libsndfile, "W64", "PCM_16"), bits=16),
    "CAF, two files joined": Format(two_files(by_libsndfile, "CAF", "PCM_16"), bits=16),
    "AU, two files joined": Format(two_files(by_libsndfile, "AU", "PCM_16"), bits=16),
    "FLAC, two files joined": Format(two_files(by_libsndfile, "FLAC", "PCM_16"), bits=16),
    "VOC, two files joined": Format(two_files(by_libsndfile, "VOC", "PCM_16"), bits=16),
    "WavPack, two files joined": Format(two_files(by_ffmpeg, ".wv", "wavpack"), 20, bits=16),
    "TTA, two files joined": Format(two_files(by_ffmpeg, ".tta", "tta"), 20, bits=8),
    "FLAC in Matroska, two files joined": Format(two_files(by_ffmpeg, ".mka", "flac"), bits=16),
    "SoX": Format(by_ffmpeg(".sox", "pcm_s32le"), bits=32),
    "ADX": Format(by_ffmpeg(".adx", "adpcm_adx"), -100, extra_samples=-1),
    "AAC in LATM": Format(by_ffmpeg(".latm", "aac"), -100, extra_samples=-1),
    "VOC": Format(by_libsndfile("VOC", "PCM_16"), bits=16),
    "FLAC, 16 bits": Format(by_libsndfile("FLAC", "PCM_16"), bits=16),
    "FLAC, after an ID3 tag": Format(after_id3(by_libsndfile("FLAC", "PCM_16")), bits=16),
    "FLAC, stated length is 0": Format(flac_stating(0), bits=16),
    "FLAC, stated length is too small": Format(flac_stating(1000), bits=16),
    "FLAC, 24 bits": Format(by_libsndfile("FLAC", "PCM_24"), bits=24),
    "Ogg FLAC": Format(by_ffmpeg(".ogg", "flac"), bits=16),
    "FLAC in Matroska": Format(by_ffmpeg(".mka", "flac"), bits=16),
    "Apple Lossless": Format(by_ffmpeg(".m4a", "alac"), bits=24),
    "WavPack": Format(by_ffmpeg(".wv", "wavpack"), 20, bits=16),
    "TTA": Format(by_ffmpeg(".tta", "tta"), 20, bits=8),
    "Ogg Vorbis": Format(by_libsndfile("OGG", "VORBIS"), CLOSE),
    "Ogg Vorbis, after an ID3 tag": Format(after_id3(by_libsndfile("OGG", "VORBIS")), CLOSE),
    "Ogg Opus": Format(by_ffmpeg(".opus", "libopus", 48000), CLOSE, sample_rate=48000),
    "Opus in WebM": Format(by_ffmpeg(".webm", "libopus", 48000), CLOSE, sample_rate=48000),
    "Opus in MP4": Format(by_ffmpeg(".mp4", "libopus", 48000), CLOSE, sample_rate=48000),
    "Opus in a transport stream": Format(by_ffmpeg(".ts", "libopus", 48000), -100, extra_samples=-1, sample_rate=48000),
    "Apple Lossless in CAF": Format(by_ffmpeg(".caf", "alac"), bits=24),
    "FLAC in MP4": Format(by_ffmpeg(".mp4", "flac"), bits=16),
    "PCM in QuickTime, 24 bits, big endian": Format(by_ffmpeg(".mov", "pcm_s24be"), bits=24),
    "PCM in AVI": Format(by_ffmpeg(".avi", "pcm_s16le"), bits=16),
    "PCM in Matroska, 24 bits": Format(by_ffmpeg(".mka", "pcm_s24le"), bits=24),
    "AMR": Format(by_ffmpeg(".amr", "libopencore_amrnb", 8000), -100, extra_samples=-1, sample_rate=8000),
    "8SVX": Format(by_libsndfile("SVX", "PCM_16"), bits=16),
    "AAC in M4A": Format(by_ffmpeg(".m4a", "aac"), CLOSE),
    "AAC in Matroska": Format(by_ffmpeg(".mka", "aac"), -100, extra_samples=-1),
    "AAC, bare": Format(by_ffmpeg(".aac", "aac"), -100, extra_samples=-1),
    "AAC in a transport stream": Format(by_ffmpeg(".ts", "aac"), -100, extra_samples=-1),
    "MP3, constant rate": Format(by_ffmpeg(".mp3", "libmp3lame"), CLOSE),
    "MP3, variable rate": Format(by_ffmpeg(".mp3", "libmp3lame", global_quality="236"), CLOSE),
    "MP3, variable rate, no Xing header": Format(
        by_ffmpeg(".mp3", "libmp3lame", global_quality="236", write_xing="0"), -100, extra_samples=-1
    ),
    "MP3, cover of 6 MB": Format(with_huge_cover, CLOSE),
    "MP3 in AVI": Format(by_ffmpeg(".avi", "libmp3lame"), -100, extra_samples=-1),
    "MP2": Format(by_ffmpeg(".mp2", "mp2"), -100, extra_samples=-1),
    "AC-3": Format(by_ffmpeg(".ac3", "ac3"), -100, extra_samples=-1),
}
FORMATS |= {
    f"{name}, cut short": cut(FORMATS[name], 0.6)
    for name in (
        *("WAV, 24 bits", "WAV, big-endian", "RF64", "W64", "AIFF", "CAF, 16 bits", "AU", "FLAC, 16 bits"),
        *("Opus in WebM", "MP3, constant rate", "MP3, variable rate, no Xing header", "MP3 in AVI", "MP2", "AC-3"),
        *("AAC, bare", "AAC in a transport stream", "AAC in LATM", "SoX", "ADX"),
    )
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_of_this_kind_is_read(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], record_property: Callable[[str, object], None]
) -> None:
    """Its samples are where they were, as long as they were, and `info` says the same; no decoder writes a word."""
    expected = FORMATS[name]
    path = tmp_path / "sound.xyz"
    expected.make(path)
    wanted = notes(expected.sample_rate, 1.0) if expected.sample_rate != SAMPLE_RATE else audio()
    with AudioReader(path) as reader:
        back = np.concatenate(list(reader))[:, 0]
        assert (reader.native_rate, reader.bits) == (expected.sample_rate, expected.bits)
    assert probe(path).samples == len(back) == len(load_audio(path, expected.sample_rate))
    assert bool(reader.remarks) == (expected.part < 1 or "sound in two" in name or "wave list" in name)
    if expected.part < 1:
        assert 0.3 * expected.part * len(wanted) < len(back) < len(wanted)
        wanted = wanted[: len(back)]
    if expected.extra_samples:
        assert -1000 < len(back) - len(wanted) < 3200
    else:
        assert len(back) == len(wanted)
        inside = slice(0, int(len(back) * 0.95))
        assert error_db(wanted[inside], back[inside]) < -expected.at_least_db
    assert capfd.readouterr().err == ""
    record_property("input", name)
    record_property("outcome", _outcome(expected, len(back) - len(wanted)))


def _outcome(expected: Format, more: int) -> str:
    """What reading gave, for docs/reliability.md."""
    if expected.part < 1:
        return "read up to where it ends"
    if expected.extra_samples:
        return f"read whole, {more} samples of the encoder's at its end" if more else "read whole"
    return "read whole, every sample in place" if expected.at_least_db == EXACT else "read whole, in place"


@pytest.mark.parametrize("size", [1000, 0xFFFFFFFF, 0])
def test_a_wav_file_beyond_the_largest_size_is_read_to_its_end(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size has overflowed, or was never known. A small limit stands for 4 GB."""
    path = tmp_path / "a.wav"
    wav(LIST, form(PCM, 16), chunk(b"data", samples("16"), size), size=size)(path)
    monkeypatch.setattr(riff, "LARGEST_FILE", 10_000)
    assert probe(path).samples == len(audio())
    np.testing.assert_allclose(load_audio(path, SAMPLE_RATE), audio(), atol=1e-4)


@pytest.mark.parametrize("kind", ["RF64", "W64"])
def test_the_length_of_five_gigabytes_is_known_at_once(kind: str, tmp_path: Path) -> None:
    """The file is a header and a hole."""
    size, path = 5 << 30, tmp_path / "a.wav"
    if kind == "RF64":
        sizes = chunk(b"ds64", struct.pack("<QQQI", size + 72, size, size // 2, 0))
        wav(sizes, form(PCM, 16), chunk(b"data", b"", 0xFFFFFFFF), riff=b"RF64", size=0xFFFFFFFF)(path)
    else:
        soundfile.write(path, np.zeros(0, np.int16), SAMPLE_RATE, format="W64", subtype="PCM_16")
        content = path.read_bytes()
        at = content.index(b"data")
        path.write_bytes(content[:16] + struct.pack("<Q", size + at + 24) + content[24 : at + 16])
        with path.open("ab") as stream:
            stream.write(struct.pack("<Q", size + 24))
    with path.open("ab") as stream:
        stream.truncate(stream.tell() + size)
    assert probe(path).samples == size // 2
