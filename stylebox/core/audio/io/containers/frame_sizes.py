"""How many bytes a frame of a codec has, by its first bytes. Decodes nothing.

Reference:
    ISO/IEC 14496-3, 1.7.3: LOAS. Meridian, MLP and TrueHD. Bluetooth A2DP 1.3, 12.9: SBC. RFC 4867, 5.3: AMR.
    ETSI TS 102 366, 5.3 and E.1.3.1: AC-3 and E-AC-3. ETSI TS 102 114, 5.3 and 7.4: DTS and its extensions.
"""

from collections.abc import Callable

import av

_PARSED = {"mp1", "mp2", "mp3", "ac3", "eac3"}  # FFmpeg's parsers know their sizes
_GSM_BYTES, _GSM_MICROSOFT_BYTES = 33, 65
_AMR_SPEECH_BYTES = {
    "amrnb": (13, 14, 16, 18, 20, 21, 27, 32, 6),
    "amrwb": (18, 24, 33, 37, 41, 47, 51, 59, 61, 6),
}  # with the header, by the mode; 1 for others, which have no speech
OF_MARKED_FRAMES = {"ac3", "eac3", "dca"}  # codecs
_DTS_SYNC = b"\x7f\xfe\x80\x01"
_AC3_SYNC, _AC3_HEAD_BYTES, _LAST_AC3_VERSION, _HEAD_BYTES = b"\x0b\x77", 6, 10, 12
_AC3_KILOBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)  # per second
_ADTS_SYNC, _ADTS_MASK, _LEAST_FRAMES = (0xFF, 0xF0), 0xF6, 2
# Bits that are the same in all frames; of AC-3 at 44.1 kHz the last one of the size is not.
_ADTS_ALIKE, _AC3_ALIKE = b"\xff\xff\xff\0\0\0", b"\xff\xff\0\0\xfe\xff"
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


def frames_bytes(packet: bytes) -> int:
    """How much of a packet of AC-3 or DTS is frames: of the last one of a file, parsers make the rest of it a part.

    A frame that is cut short counts if it is the first. Packets of other kinds are frames as a whole.
    """
    at = 0
    while size_of := next((size_of for mark, size_of in _MARKED.items() if packet.startswith(mark, at)), None):
        size = size_of(packet[at : at + _HEAD_BYTES].ljust(_HEAD_BYTES, b"\0"))
        if at + size > len(packet):
            break
        at += size
    return at or len(packet)


def is_adts(head: bytes) -> bool:
    """Whether a frame of AAC without a container begins: a mark of twelve bits, and layer 0, which MP3 has not."""
    return len(head) > 1 and head[0] == _ADTS_SYNC[0] and head[1] & _ADTS_MASK == _ADTS_SYNC[1]


def begins_frames(head: bytes) -> bool:
    """Whether bytes begin with two frames, the second at least in part, of AAC in ADTS or of AC-3, which are alike."""
    at, first = 0, head[:_AC3_HEAD_BYTES]
    is_aac = is_adts(first)
    if not is_aac and not first.startswith(_AC3_SYNC):
        return False
    alike = _ADTS_ALIKE if is_aac else _AC3_ALIKE
    for _ in range(_LEAST_FRAMES):
        frame = head[at : at + _AC3_HEAD_BYTES]
        if len(frame) < _AC3_HEAD_BYTES or _masked(frame, alike) != _masked(first, alike):
            return False
        size = _adts(frame) if is_aac else _ac3(frame)
        if size <= _AC3_HEAD_BYTES:
            return False
        at += size
    return True


def _masked(head: bytes, mask: bytes) -> bytes:
    return bytes(byte & bits for byte, bits in zip(head, mask, strict=True))


def _ac3(frame: bytes) -> int:
    if frame[5] >> 3 > _LAST_AC3_VERSION:  # E-AC-3
        return 2 * (int.from_bytes(frame[2:4]) & 0x7FF) + 2
    rate, code = frame[4] >> 6, frame[4] & 0x3F
    kilobits = _AC3_KILOBITS[min(code // 2, len(_AC3_KILOBITS) - 1)]
    return 2 * (2 * kilobits, kilobits * 320 // 147 + code % 2, 3 * kilobits, 3 * kilobits)[rate]


def _dts(frame: bytes) -> int:
    return (int.from_bytes(frame[5:8]) >> 4 & 0x3FFF) + 1


def _dts_extension(frame: bytes) -> int:
    is_wide, bits = frame[5] & 0x20, int.from_bytes(frame[5:10])
    return (bits >> 5 & 0xFFFFF if is_wide else bits >> 13 & 0xFFFF) + 1


def _adts(frame: bytes) -> int:
    return int.from_bytes(frame[3:6]) >> 5 & 0x1FFF


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


_MARKED = {_AC3_SYNC: _ac3, _DTS_SYNC: _dts, b"\x64\x58\x20\x25": _dts_extension}
_SIZES: dict[str, Callable[[bytes], int]] = {
    "aac_latm": _loas,
    "dca": lambda frame: _dts(frame.ljust(_HEAD_BYTES, b"\0")) if frame.startswith(_DTS_SYNC) else 0,
    "mlp": _mlp,
    "truehd": _mlp,
    "sbc": _sbc,
    "gsm": lambda frame: _GSM_BYTES,
    "gsm_ms": lambda frame: _GSM_MICROSOFT_BYTES,
    "amrnb": _amr("amrnb"),
    "amrwb": _amr("amrwb"),
}
