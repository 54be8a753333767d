"""The sounds of a file that follow one another, each as a file of its own, put right if need be. Decodes nothing."""

import io
from dataclasses import replace
from typing import BinaryIO

from stylebox.core.audio.io.containers import behind, boxes, free_format, joined, musepack, ogg, riff, unfinished, units
from stylebox.core.audio.io.containers.extent import bytes_behind
from stylebox.core.audio.io.containers.part import Part, spliced, stretch
from stylebox.core.audio.io.containers.search import find
from stylebox.core.audio.io.containers.tag_places import after_id3, id3_end

_HEAD_BYTES = 24  # hold a mark and a size
_MOST_TURNS = 1000  # of looking for a file of another kind behind one


def parts(stream: BinaryIO) -> list[Part]:
    """The sounds of a file, without a tag in front; most files have one.

    Args:
        stream: Seekable.
    """
    total = stream.seek(0, io.SEEK_END)
    found: list[Part] = []
    place = _first_place(stream)
    for _ in range(_MOST_TURNS):
        rest = spliced(stream, [stretch(place, total)]) if place else stream
        *whole, last = joined.files(rest)
        for file in whole:
            found += _parts_of_file(file)
        end = last.seek(0, io.SEEK_END)
        own_end = _own_end(last)
        if own_end == end:
            return found + _parts_of_file(last)
        if not joined.is_beginning(last, own_end):
            head = _head(last)
            is_in_the_way = units.dff(head) is not None or head.startswith(behind.NUT)  # what follows, of FFmpeg
            *others, part = _parts_of_file(spliced(last, [stretch(0, own_end)]) if is_in_the_way else last)
            return [*found, *others, replace(part, remarks=part.remarks + _behind(last, own_end))]
        found += _parts_of_file(spliced(last, [stretch(0, own_end)]))
        place = id3_end(stream, total - end + own_end)
    return found


def _behind(stream: BinaryIO, place: int) -> tuple[str, ...]:
    """A remark on what follows an MP4, Ogg, NUT or DSDIFF file, unless that is damage inside it, padding or a tag."""

    def is_own(at: int) -> bool:
        return units.box(units.head(stream, at)) is not None or find(stream, ogg.PAGE, at) is not None

    size = bytes_behind(stream, place, is_own)
    return (behind.remark(size),) if size >= behind.LEAST_BYTES else ()


def _first_place(stream: BinaryIO) -> int:
    """Where the first file begins: behind tags and zeros, which programs put in front."""
    place = joined.beginning(stream, 0)
    return after_id3(stream) if place is None else place


def _own_end(stream: BinaryIO) -> int:
    """Where an MP4, Ogg, NUT or DSDIFF file ends, however much follows; other files end with the stream."""
    head, total = _head(stream), stream.seek(0, io.SEEK_END)
    if head[boxes.MARK_AT] == boxes.MARK:
        return boxes.end(stream)
    if head.startswith(ogg.MARK):
        return ogg.end(stream)
    if head.startswith(behind.NUT):
        return behind.nut_end(stream)
    return min(units.dff(head) or total, total)


def _parts_of_file(stream: BinaryIO) -> list[Part]:
    """One; or the files that were joined in MP4, or the links of chained Ogg."""
    head = _head(stream)
    if head[boxes.MARK_AT] == boxes.MARK:
        return boxes.sounds(stream)
    links = ogg.links(stream) if head.startswith(ogg.MARK) else []
    if not links:
        changed = unfinished.part(stream) or musepack.part(stream) or free_format.part(stream)
        return [changed or riff.part(unfinished.with_sizes(stream))]
    return [
        Part(
            spliced(stream, ogg.pieces(stream, link)),
            link.is_whole,
            link.has_end,
            remarks=(*_on_repeated(len(link.repeated)), *["its tags are damaged"][: len(link.damaged_header)]),
            after_gaps=link.after_gaps,
        )
        for link in links
    ]


def _on_repeated(pages: int) -> tuple[str, ...]:
    if not pages:
        return ()
    return (
        "a page of it is there twice; it is played once"
        if pages == 1
        else f"{pages} pages of it repeat; they are played once",
    )


def _head(stream: BinaryIO) -> bytes:
    stream.seek(0)
    return stream.read(_HEAD_BYTES)
