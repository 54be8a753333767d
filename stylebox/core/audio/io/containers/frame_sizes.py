"""How many bytes a frame of a codec has, by its first bytes. Decodes nothing.

Reference:
    ISO/IEC 14496-3, 1.7.3: LOAS. Meridian, MLP and TrueHD. Bluetooth A2DP 1.3, 12.9: SBC. RFC 4867, 5.3: AMR.
"""

from collections.abc import Callable

import av

_PARSED = {"mp1", "mp2", "mp3", "ac3", "eac3"}  # FFmpeg's parsers know their sizes
_GSM_BYTES, _GSM_MICROSOFT_BYTES = 33, 65
_AMR_SPEECH_BYTES = {
    "amrnb": (13, 14, 16, 18, 20, 21, 27, 32, 6),
    "amrwb": (18, 24, 33, 37, 41, 47, 51, 59, 61, 6),
}  # with the header, by the mode; 1 for others, which have no speech
_SBC_DUAL, _SBC_JOINT = 1, 3  # modes; 0 is mono


def is_whole(frame: bytes, codec: str, frame_bytes: int) -> bool:
    """Whether a frame has the size that it states; True for codecs whose frames state none.

    Args:
        frame: As it is in the file.
        codec: FFmpeg's name of it.
        frame_bytes: Size of a sample of each channel, for uncompressed codecs.
    """
    codec = codec.removesuffix("float")
    if codec in _PARSED:
        found = av.CodecContext.create(codec, "r").parse(frame + frame)  # a parser may wait for the next frame
        return bool(found) and found[0].size == len(frame)
    if codec.startswith("pcm_") and frame_bytes:
        return len(frame) % frame_bytes == 0
    size_of = _SIZES.get(codec)
    return size_of is None or len(frame) >= size_of(frame.ljust(4, b"\0"))


def _loas(frame: bytes) -> int:
    return 3 + (int.from_bytes(frame[1:3]) & 0x1FFF)


def _mlp(frame: bytes) -> int:
    return 2 * (int.from_bytes(frame[:2]) & 0xFFF)


def _sbc(frame: bytes) -> int:
    blocks, mode, bands, bits = 4 + 4 * (frame[1] >> 4 & 3), frame[1] >> 2 & 3, 4 + 4 * (frame[1] & 1), frame[2]
    channels = 2 if mode else 1
    per_channel = channels if mode <= _SBC_DUAL else 1
    size = blocks * per_channel * bits + (bands if mode == _SBC_JOINT else 0)
    return 4 + bands * channels // 2 + -(-size // 8)


def _amr(codec: str) -> Callable[[bytes], int]:
    sizes = dict(enumerate(_AMR_SPEECH_BYTES[codec]))
    return lambda frame: sizes.get(frame[0] >> 3 & 0xF, 1)


_SIZES: dict[str, Callable[[bytes], int]] = {
    "aac_latm": _loas,
    "mlp": _mlp,
    "truehd": _mlp,
    "sbc": _sbc,
    "gsm": lambda frame: _GSM_BYTES,
    "gsm_ms": lambda frame: _GSM_MICROSOFT_BYTES,
    "amrnb": _amr("amrnb"),
    "amrwb": _amr("amrwb"),
}
