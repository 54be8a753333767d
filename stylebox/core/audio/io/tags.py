"""Tags of sound files: title, artist, album, date, comment and cover, read from any format and written to ours.

Knows nothing of samples.
"""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from stylebox.core.audio.io.containers.part import spliced, stretch
from stylebox.core.audio.io.containers.tag_places import after_id3
from stylebox.core.errors import AudioError

if TYPE_CHECKING:
    from av.container import InputContainer
    from mutagen.flac import FLAC
    from mutagen.id3 import ID3
    from mutagen.oggopus import OggOpus
    from mutagen.oggvorbis import OggVorbis

_FIELDS = ("title", "artist", "album", "date", "comment")
_FRAMES = ("TIT2", "TPE1", "TALB", "TDRC", "COMM")  # of the fields, in ID3
_UNKNOWN_LANGUAGE = "XXX"  # of a comment, as ID3v2.4, section 4.10, writes it
_APE_KEYS = ("Title", "Artist", "Album", "Year", "Comment")  # of the fields, in APE
_ATOMS = ("\xa9nam", "\xa9ART", "\xa9alb", "\xa9day", "\xa9cmt")  # of the fields, in MP4
_MAX_TEXT = 10_000  # characters of a field; longer ones are cut
_MAX_COVER_BYTES = 16 << 20  # larger ones are not kept
_FRONT = 3  # kind of picture: front cover
_MIME = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"GIF8": "image/gif", b"RIFF": "image/webp"}
_MP4_COVERS = {"image/jpeg": 13, "image/png": 14}  # kinds of picture that MP4 knows, by their numbers


@dataclass(frozen=True)
class Tags:
    """What a file says of its content; empty where it says nothing."""

    title: str = ""
    artist: str = ""
    album: str = ""
    date: str = ""  # as written: a year, or YYYY-MM-DD
    comment: str = ""
    cover: bytes = b""  # an image file

    def __bool__(self) -> bool:
        """Whether there are any."""
        return any((self.title, self.artist, self.album, self.date, self.comment, self.cover))


def read_tags(stream: BinaryIO, name: str) -> Tags:
    """Read the tags of a sound file of any format; damaged ones are left out.

    Args:
        stream: Seekable.
        name: Of the file, for error messages.
    """
    start = after_id3(stream)
    if start:
        own = _container_tags(spliced(stream, [stretch(start, stream.seek(0, io.SEEK_END))]), name)
        found = [own, _id3_tags(stream), _ape_tags(stream)]
    else:
        found = [_container_tags(stream, name), _ape_tags(stream)]
    texts = (next((getattr(tags, field) for tags in found if getattr(tags, field)), "") for field in _FIELDS)
    return _of_texts(texts, next((tags.cover for tags in found if tags.cover), b""))


def _of_texts(texts: Iterable[str], cover: bytes) -> Tags:
    """Tags of texts in the order of `_FIELDS`."""
    return Tags(**dict(zip(_FIELDS, texts, strict=True)), cover=cover)


def _id3_tags(stream: BinaryIO) -> Tags:
    """The tags in front of a file."""
    from mutagen import MutagenError
    from mutagen.id3 import ID3

    stream.seek(0)
    try:
        found = ID3(stream)
    except MutagenError:
        return Tags()
    texts = (str(next(iter(found.getall(frame)), ""))[:_MAX_TEXT] for frame in _FRAMES)
    covers = (picture.data for picture in found.getall("APIC") if len(picture.data) <= _MAX_COVER_BYTES)
    return _of_texts(texts, next(covers, b""))


def _ape_tags(stream: BinaryIO) -> Tags:
    """The tags behind a file. FFmpeg reads those of MP3 only where there are no others."""
    from mutagen import MutagenError
    from mutagen.apev2 import APEv2

    stream.seek(0)
    try:
        found = APEv2(stream)
    except (MutagenError, ValueError):  # a damaged one may begin before the file
        return Tags()
    texts = (str(found.get(key, "")).replace("\0", ", ")[:_MAX_TEXT] for key in _APE_KEYS)
    cover = getattr(found.get("Cover Art (Front)"), "value", b"")
    image = cover.partition(b"\0")[2] if isinstance(cover, bytes) else b""  # behind its file's name
    return _of_texts(texts, image if len(image) <= _MAX_COVER_BYTES else b"")


def _container_tags(stream: BinaryIO, name: str) -> Tags:
    """The tags that FFmpeg finds."""
    from stylebox.core.audio.io.ffmpeg_container import open_container

    try:
        with open_container(stream, name) as container:
            found: dict[str, str] = {}
            for metadata in (container.metadata, *(audio.metadata for audio in container.streams.audio[:1])):
                found |= {key.lower(): _valid(text) for key, text in metadata.items() if text}
            found.setdefault("date", found.get("year", found.get("creation_time", "")))
            fields = {field: found.get(field, "").strip("\0 \n")[:_MAX_TEXT] for field in _FIELDS}
            return Tags(**fields, cover=_cover(container))
    except AudioError:
        return Tags()


def _valid(text: str) -> str:
    """Without bytes that are no characters."""
    return text.encode("utf-8", "ignore").decode()


def write_tags(stream: BinaryIO, suffix: str, tags: Tags) -> None:
    """Add tags to a file that has none.

    Args:
        stream: A FLAC, Ogg Vorbis, MP3, MP4 or Ogg Opus file that can be read and written.
        suffix: Of its format, with its dot.
        tags: What it will say.

    Raises:
        OSError: the disk is full, for example.
    """
    from mutagen import MutagenError
    from mutagen.flac import FLAC
    from mutagen.oggopus import OggOpus
    from mutagen.oggvorbis import OggVorbis

    if not tags:
        return
    stream.seek(0)
    try:
        if suffix == ".mp3":
            _id3(tags).save(stream, v2_version=3)
        elif suffix == ".m4a":
            _write_atoms(stream, tags)
        else:
            file = FLAC(stream) if suffix == ".flac" else OggOpus(stream) if suffix == ".opus" else OggVorbis(stream)
            _write_comments(file, stream, tags)
    except MutagenError as error:
        raise OSError(str(error)) from error


def id3_bytes(tags: Tags) -> bytes:
    """Tags as ID3, which WAV files hold in a chunk."""
    stream = io.BytesIO()
    _id3(tags).save(stream, v2_version=3)
    return stream.getvalue()


def _id3(tags: Tags) -> "ID3":
    """Tags as mutagen's ID3."""
    from mutagen import id3 as frames

    found = frames.ID3()
    for field, name in zip(_FIELDS, _FRAMES, strict=True):
        if text := getattr(tags, field):
            more = {"lang": _UNKNOWN_LANGUAGE, "desc": ""} if name == "COMM" else {}
            found.add(frames.Frames[name](encoding=3, text=[text], **more))
    if tags.cover:
        found.add(frames.APIC(encoding=3, mime=_mime(tags.cover), type=_FRONT, desc="", data=tags.cover))
    found.update_to_v23()
    return found


def keeps_cover(suffix: str, cover: bytes) -> bool:
    """Whether files of a format hold a picture of this kind, or there is none: MP4 knows only JPEG and PNG."""
    return not cover or suffix != ".m4a" or _mime(cover) in _MP4_COVERS


def _write_atoms(stream: BinaryIO, tags: Tags) -> None:
    """The atoms that iTunes and others know."""
    from mutagen.mp4 import MP4, MP4Cover

    file = MP4(stream)
    for field, atom in zip(_FIELDS, _ATOMS, strict=True):
        if text := getattr(tags, field):
            file[atom] = [text]
    if kind := _MP4_COVERS.get(_mime(tags.cover)):
        file["covr"] = [MP4Cover(tags.cover, kind)]
    stream.seek(0)
    file.save(stream)


def _write_comments(file: "FLAC | OggVorbis | OggOpus", stream: BinaryIO, tags: Tags) -> None:
    """Vorbis comments, and the cover where the format keeps it."""
    from mutagen.flac import FLAC, Picture

    for field in _FIELDS:
        if text := getattr(tags, field):
            file[field] = text
    if tags.cover:
        picture = Picture()
        picture.type, picture.mime, picture.data = _FRONT, _mime(tags.cover), tags.cover
        if isinstance(file, FLAC):
            file.add_picture(picture)
        else:
            file["metadata_block_picture"] = base64.b64encode(picture.write()).decode()
    stream.seek(0)
    file.save(stream)


def _cover(container: "InputContainer") -> bytes:
    """The first attached picture; empty if there is none, or a huge one."""
    from av.stream import Disposition

    for picture in container.streams.video:
        if Disposition.attached_pic in picture.disposition:
            for packet in container.demux(picture):
                if 0 < packet.size <= _MAX_COVER_BYTES:
                    return bytes(packet)
                break
    return b""


def _mime(image: bytes) -> str:
    return next((mime for head, mime in _MIME.items() if image.startswith(head)), "application/octet-stream")
