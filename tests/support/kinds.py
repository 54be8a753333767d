"""Sound files of all kinds, each made of a sound.

`tests/audio/files/tone.mpc` was made by `sox -D -n -r 44100 -b 16 -c 1 tone.wav synth 13230s sine 441 gain -6` and
`mpcenc --quality 2 tone.wav tone.mpc`.
"""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from support.audio_files import SAMPLE_RATE, encode

MUSEPACK = Path(__file__).parents[1] / "audio" / "files" / "tone.mpc"
Make = Callable[[Path, np.ndarray], object]


def by_libsndfile(container: str, subtype: str = "PCM_16") -> Make:
    return lambda path, sound: soundfile.write(path, sound, SAMPLE_RATE, subtype, format=container)


def by_ffmpeg(suffix: str, codec: str, rate: int = SAMPLE_RATE, **options: str) -> Make:
    return lambda path, sound: encode(path.with_suffix(suffix), codec, rate, False, sound, **options).rename(path)


def sphere(path: Path, sound: np.ndarray) -> None:
    fields = f"sample_count -i {len(sound)}\nsample_rate -i {SAMPLE_RATE}\nchannel_count -i 1\nsample_n_bytes -i 2\n"
    head = f"NIST_1A\n   1024\n{fields}sample_byte_format -s2 01\nsample_coding -s3 pcm\nend_head\n"
    path.write_bytes(head.encode().ljust(1024) + np.rint(sound * 32768).astype("<i2").tobytes())


def _bits(sound: np.ndarray, blocks: int) -> np.ndarray:
    """Samples of one bit, in blocks of 4096 bytes: noise, another for each sound."""
    seed = int(1000 * abs(float(sound[0]))) + len(sound)
    return np.random.default_rng(seed).integers(0, 256, 4096 * blocks, np.uint8)


def dsf(path: Path, sound: np.ndarray) -> None:
    data = _bits(sound, len(sound) // 5000).tobytes()
    form = struct.pack("<IIIIIIQII", 1, 0, 1, 1, 2_822_400, 1, 8 * len(data), 4096, 0)
    chunks = b"fmt " + struct.pack("<Q", 12 + len(form)) + form + b"data" + struct.pack("<Q", 12 + len(data)) + data
    path.write_bytes(b"DSD " + struct.pack("<QQQ", 28, 28 + len(chunks), 0) + chunks)


def dsdiff(path: Path, sound: np.ndarray) -> None:
    def chunk(name: bytes, content: bytes) -> bytes:
        return name + struct.pack(">Q", len(content)) + content

    rate, channels = chunk(b"FS  ", struct.pack(">I", 2_822_400)), chunk(b"CHNL", b"\0\1C000")
    properties = chunk(b"PROP", b"SND " + rate + channels + chunk(b"CMPR", b"DSD \x0enot compressed\0"))
    content = b"DSD " + chunk(b"FVER", b"\1\5\0\0") + properties
    content += chunk(b"DSD ", _bits(sound, len(sound) // 5000).tobytes())
    path.write_bytes(chunk(b"FRM8", content))


def with_sizes(places: dict[int, bytes], make: Make) -> Make:
    """The same with other bytes, as of programs that write to a pipe."""

    def changed(path: Path, sound: np.ndarray) -> None:
        make(path, sound)
        content = bytearray(path.read_bytes())
        for place, size in places.items():
            content[place : place + len(size)] = size
        path.write_bytes(content)

    return changed


KINDS: dict[str, Make] = {
    "WAV": by_libsndfile("WAV"),
    "WAV of unknown size": with_sizes({4: b"\xff" * 4, 40: b"\xff" * 4}, by_libsndfile("WAV")),
    "WAV of size 0": with_sizes({4: bytes(4), 40: bytes(4)}, by_libsndfile("WAV")),
    "AIFF": by_libsndfile("AIFF"),
    "AU": by_libsndfile("AU"),
    "AU, floats": by_libsndfile("AU", "FLOAT"),
    "AU of unknown size": with_sizes({8: b"\xff" * 4}, by_libsndfile("AU")),
    "CAF": by_libsndfile("CAF"),
    "CAF, Apple Lossless": by_libsndfile("CAF", "ALAC_16"),
    "Wave64": by_libsndfile("W64"),
    "Wave64 by FFmpeg": by_ffmpeg(".w64", "pcm_s16le"),
    "FLAC": by_libsndfile("FLAC"),
    "Ogg Vorbis": by_libsndfile("OGG", "VORBIS"),
    "IRCAM": by_libsndfile("IRCAM"),
    "SPHERE": sphere,
    "SoX": by_ffmpeg(".sox", "pcm_s32le"),
    "VOC": by_libsndfile("VOC"),
    "TTA": by_ffmpeg(".tta", "tta"),
    "WavPack": by_ffmpeg(".wv", "wavpack"),
    "ADX": by_ffmpeg(".adx", "adpcm_adx", 8000),
    "FLV": by_ffmpeg(".flv", "libmp3lame"),
    "RealMedia": by_ffmpeg(".rm", "ac3"),
    "ASF": by_ffmpeg(".asf", "wmav2", b="96k"),
    "AVI": by_ffmpeg(".avi", "libmp3lame"),
    "Matroska": by_ffmpeg(".mka", "flac"),
    "Matroska of unknown size": by_ffmpeg(".mkv", "libopus", 48000, live="1"),
    "NUT": by_ffmpeg(".nut", "flac"),
    "MP4": by_ffmpeg(".m4a", "aac"),
    "AMR": by_ffmpeg(".amr", "libopencore_amrnb", 8000),
    "MP3": by_ffmpeg(".mp3", "libmp3lame"),
    "MP3, variable rate": by_ffmpeg(".mp3", "libmp3lame", global_quality="236"),
    "MP3, 22 kHz": by_ffmpeg(".mp3", "libmp3lame", 22050),
    "DSF": dsf,
    "DSDIFF": dsdiff,
    "Musepack": lambda path, sound: path.write_bytes(MUSEPACK.read_bytes()),
}


def film(suffix: str, codec: str) -> Make:
    return lambda path, sound: encode(path.with_suffix(suffix), codec, SAMPLE_RATE, True, sound).rename(path)


MORE: dict[str, Make] = {
    **{
        f"film in {suffix}": film(suffix, codec)
        for suffix, codec in ((".avi", "mp2"), (".mkv", "aac"), (".mov", "aac"))
    },
    **{
        f"film in {suffix}": film(suffix, codec)
        for suffix, codec in ((".ts", "aac"), (".mpg", "mp2"), (".m2ts", "ac3"))
    },
    "AST": by_ffmpeg(".ast", "pcm_s16be_planar"),
    "WTV": by_ffmpeg(".wtv", "mp2"),
    "Flash": by_ffmpeg(".swf", "libmp3lame"),
    "Westwood AUD": by_ffmpeg(".aud", "adpcm_ima_ws", 22050),
    "AC-3": by_ffmpeg(".ac3", "ac3", 48000),
    "E-AC-3": by_ffmpeg(".eac3", "eac3", 48000),
    "MP2": by_ffmpeg(".mp2", "mp2"),
    "MP3 without a header": by_ffmpeg(".mp3", "libmp3lame", write_xing="0"),
    "AAC": by_ffmpeg(".aac", "aac"),
    "LATM": by_ffmpeg(".latm", "aac"),
    "Opus": by_ffmpeg(".opus", "libopus", 48000),
    "FLAC in Ogg": by_ffmpeg(".oga", "flac"),
}
ALL = {**KINDS, **MORE}
