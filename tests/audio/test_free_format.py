"""MP3 of a bit rate that is none of the table."""

from pathlib import Path

import numpy as np
import pytest
from support.audio_files import encode

from stylebox.core.audio.io.read import AudioReader

RATE, FRAME_BYTES, FRAME_SAMPLES = 48000, 384, 1152
ID3 = b"ID3\3\0\0\0\0\0\x20" + bytes(32)
NOISE = np.random.default_rng(0).integers(0, 255, 2000, np.uint8).tobytes()


def free_format(path: Path) -> tuple[bytearray, np.ndarray]:
    """Frames of 128 kbit/s and 48 kHz have 384 bytes each; in free format their headers do not say so."""
    encode(path, "libmp3lame", RATE, write_xing="0", b="128000")
    content = bytearray(path.read_bytes()[path.read_bytes().index(b"\xff\xfb") :])
    path.write_bytes(content)
    whole, _ = read(content, path)
    for place in range(0, len(content), FRAME_BYTES):
        assert content[place] == 0xFF
        content[place + 2] &= 0x0F
    return content, whole


def read(content: bytes | bytearray, path: Path) -> tuple[np.ndarray, list[str]]:
    path.write_bytes(content)
    with AudioReader(path) as reader:
        back = np.concatenate(list(reader))[:, 0]
    assert (reader.codec, reader.bits) == ("mp3", 0)
    return back, reader.remarks


@pytest.mark.parametrize("front", [b"", ID3])
@pytest.mark.parametrize("behind", [b"", b"TAG" + bytes(125), bytes(5000)])
def test_it_is_read(front: bytes, behind: bytes, tmp_path: Path) -> None:
    content, whole = free_format(tmp_path / "a.mp3")
    back, remarks = read(front + content + behind, tmp_path / "a.mp3")
    assert remarks == []
    delay = min(range(-1152, 1153), key=lambda lag: np.abs(back[2000 + lag : 9000 + lag] - whole[2000:9000]).sum())
    assert abs(len(back) - len(whole)) <= 2304
    np.testing.assert_allclose(back[2000 + delay : 80_000 + delay], whole[2000:80_000], atol=1e-3)


@pytest.mark.parametrize("front", [b"", ID3])
@pytest.mark.parametrize("damage", [NOISE, bytes(2000)], ids=["noise", "zeros"])
@pytest.mark.parametrize("frame", [20, 40, 60])
def test_what_follows_damage_stays_where_it_was(front: bytes, damage: bytes, frame: int, tmp_path: Path) -> None:
    """Its decoder would end there."""
    content, _ = free_format(tmp_path / "a.mp3")
    whole, _ = read(front + content, tmp_path / "a.mp3")
    content[frame * FRAME_BYTES : frame * FRAME_BYTES + 2000] = damage
    back, remarks = read(front + content, tmp_path / "a.mp3")
    assert remarks == ["6 of its frames are damaged or missing; silence is in their place"]
    assert len(back) == len(whole)
    wrong = np.flatnonzero(np.abs(back - whole) > 1e-3)
    assert wrong[0] > (frame - 3) * FRAME_SAMPLES
    assert wrong[-1] < (frame + 10) * FRAME_SAMPLES
    assert not back[(frame + 3) * FRAME_SAMPLES : (frame + 4) * FRAME_SAMPLES].any()


def test_missing_bytes_and_what_follows_the_end_are_said(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    content, _ = free_format(path)
    whole, _ = read(content, path)
    for changed, wanted, lost in (
        (content[:8000] + content[8100:], "1 of its frames is damaged or missing; silence is in their place", 0),
        (content[:-100], "its last frame is damaged or cut short; it is left out", 1),
        (content + NOISE, "2 kB follow its end; they are not read", 0),
    ):
        back, remarks = read(changed, path)
        assert remarks == [wanted]
        assert len(back) == len(whole) - lost * FRAME_SAMPLES
