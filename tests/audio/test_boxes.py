"""MP4 and QuickTime files: edit lists to the sample, joined files, fragments that are cut short, hostile boxes."""

import io
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from support.audio_files import SAMPLE_RATE, encode, notes

from stylebox.core.audio.io.containers.boxes import Box, Edit, boxes, edit_list, sounds
from stylebox.core.audio.io.read import AudioReader, load_audio, probe

Edits = list[tuple[float, float | None]]  # seconds of each, and where in the sound it begins

LISTS: dict[str, Edits] = {
    "late": [(1.0, None), (4.0, 0.0)],
    "two stretches": [(1.0, 0.0), (1.5, 2.25)],
    "other order": [(2.0, 2.0), (2.0, 0.0)],
    "twice": [(1.0, 0.5), (1.0, 0.5)],
    "a pause": [(1.3, 0.0), (0.5, None), (2.7, 1.3)],
    "to the end": [(0.0, 0.0)],
}


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def with_edits(path: Path, edits: Edits, priming: int, wide: bool) -> None:
    """Write a list in place of FFmpeg's own. The movie is behind the sound."""
    content = path.read_bytes()
    scale = int.from_bytes(content[content.index(b"mvhd") + 16 :][:4])  # of the movie: units per second
    entries = [
        (round(scale * seconds), -1 if begin is None else round(begin * SAMPLE_RATE) + priming)
        for seconds, begin in edits
    ]
    table = b"".join(struct.pack(">QqI" if wide else ">IiI", *entry, 0x10000) for entry in entries)
    new = box(b"edts", box(b"elst", struct.pack(">II", wide << 24, len(entries)) + table))
    old = content.index(b"edts") - 4
    size = int.from_bytes(content[old : old + 4])
    changed = bytearray(content[:old] + new + content[old + size :])
    for name in (b"moov", b"trak"):
        at = content.index(name) - 4
        changed[at : at + 4] = struct.pack(">I", int.from_bytes(content[at : at + 4]) + len(new) - size)
    path.write_bytes(changed)


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize(
    ("suffix", "codec", "priming"), [(".m4a", "aac", 1024), (".m4a", "alac", 0), (".mov", "pcm_s16le", 0)]
)
def test_an_edit_list_is_played_to_the_sample(kind: str, suffix: str, codec: str, priming: int, tmp_path: Path) -> None:
    """As an editor writes it that changes no sound; FFmpeg moves what follows by up to a packet."""
    path = encode(tmp_path / f"a{suffix}", codec, SAMPLE_RATE, False, 4.0)
    whole = load_audio(path, SAMPLE_RATE)
    with_edits(path, LISTS[kind], priming, wide=kind == "twice")
    wanted = np.concatenate(
        [
            np.zeros(round(seconds * SAMPLE_RATE), np.float32)
            if begin is None
            else whole[round(begin * SAMPLE_RATE) :][: round(seconds * SAMPLE_RATE) or len(whole)]
            for seconds, begin in LISTS[kind]
        ]
    )
    with AudioReader(path) as reader:
        back = np.concatenate(list(reader))[:, 0]
        assert reader.remarks == []
    if kind == "to the end":
        assert 0 <= len(back) - len(wanted) < 1024
        back = back[: len(wanted)]
    assert len(back) == len(wanted)
    np.testing.assert_allclose(back, wanted, atol=0.02)  # AAC fills bands with noise
    assert probe(path).samples >= len(wanted)


@pytest.mark.parametrize("options", [{}, {"movflags": "empty_moov", "frag_duration": "500000"}])
def test_joined_mp4_files_are_read_to_the_end_of_the_last(options: dict[str, str], tmp_path: Path) -> None:
    first = encode(tmp_path / "a.m4a", "aac", SAMPLE_RATE, False, 2.0, **options)
    second = encode(tmp_path / "b.m4a", "aac", SAMPLE_RATE, False, notes(seconds=1.0)[::-1].copy(), **options)
    joined = tmp_path / "joined.m4a"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    wanted = np.concatenate([load_audio(first, SAMPLE_RATE), load_audio(second, SAMPLE_RATE)])
    np.testing.assert_array_equal(load_audio(joined, SAMPLE_RATE), wanted)


def in_fragments(path: Path) -> tuple[bytes, list[Box]]:
    """A file of fragments of half a second, and their heads."""
    encode(path, "aac", SAMPLE_RATE, False, 4.0, movflags="empty_moov+default_base_moof", frag_duration="500000")
    content = path.read_bytes()
    return content, [one for one in boxes(io.BytesIO(content), 0, len(content)) if one.kind == b"moof"]


def test_a_film_that_ends_inside_the_head_of_a_fragment_is_read_up_to_it(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    content, heads = in_fragments(path)
    before = None
    for more in range(9, heads[4].end - heads[4].start, 11):
        path.write_bytes(content[: heads[4].start + more])
        with AudioReader(path) as reader:
            length = sum(len(block) for block in reader)
            assert ["cut short" in remark for remark in reader.remarks] == [True]
        assert length == before or before is None
        assert 1.9 < length / SAMPLE_RATE < 2.2
        before = length


@pytest.mark.parametrize("size", [1, 2, 100])
def test_fragments_behind_bytes_that_are_no_box_are_said(size: int, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    content, heads = in_fragments(path)
    place = heads[4].start
    path.write_bytes(content[:place] + b"\x55" * size + content[place:])
    with AudioReader(path) as reader:
        assert 1.9 < sum(len(block) for block in reader) / SAMPLE_RATE < 2.2
        assert reader.remarks == [f"{(len(content) - place + size) / 1000:.0f} kB follow its end; they are not read"]


def test_an_edit_that_claims_an_age_of_silence_gives_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylebox.core.audio.io.edits.LONGEST_GAPS_SECONDS", 2.0)
    path = encode(tmp_path / "a.m4a", "alac", SAMPLE_RATE, False, 4.0)
    with_edits(path, [(1e12, 0.0), (1.0, 0.0), (1.0, None)], 0, wide=True)
    with AudioReader(path) as reader:
        assert sum(len(block) for block in reader) == pytest.approx(6 * SAMPLE_RATE, abs=100)
        assert any("cut short" in remark or "shorter" in remark for remark in reader.remarks), reader.remarks


def test_hostile_boxes_end() -> None:
    started = time.perf_counter()
    tiny = box(b"ftyp", b"isom") + box(b"free", b"") * 200_000
    assert len(sounds(io.BytesIO(tiny))) == 1
    head = box(b"mvhd", bytes(12) + struct.pack(">I", 1000)) + box(b"trak", box(b"tkhd", bytes(12) + b"\0\0\0\1"))
    for movie in (head, head + box(b"trak", b"\0\0\0\1edts"), b"\0\0\0\7mvhd", b"\xff\xff\xff\xffmvhd", b""):
        assert edit_list(io.BytesIO(box(b"ftyp", b"isom") + box(b"moov", movie)), 1) == []
    assert time.perf_counter() - started < 3


def test_an_edit_list_of_a_million_entries_is_not_played() -> None:
    def movie(count: int, begin: int = 0) -> io.BytesIO:
        elst = box(b"elst", struct.pack(">II", 0, count) + struct.pack(">IiI", 1000, begin, 0x10000) * 2)
        media = box(b"mdia", box(b"mdhd", bytes(12) + struct.pack(">I", SAMPLE_RATE)))
        track = box(b"trak", box(b"tkhd", bytes(12) + b"\0\0\0\1" + bytes(8)) + box(b"edts", elst) + media)
        return io.BytesIO(box(b"moov", box(b"mvhd", bytes(12) + struct.pack(">I", 1000) + bytes(8)) + track))

    assert edit_list(movie(2), 1) == 2 * [Edit(1.0, 0.0)]
    assert edit_list(movie(1_000_000), 1) == []
    assert edit_list(movie(2), 2) == []
    assert edit_list(movie(2, -7), 1) == 2 * [Edit(1.0, None)]
