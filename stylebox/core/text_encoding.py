"""The encoding of text files that people write: UTF-8 and UTF-16, with a byte order mark or without, and UTF-32."""

import codecs

_UTF_32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)  # the first begins like one of UTF-16
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_MARK, _FILLING = "\ufeff", "\0\x1a"  # joined files have several marks; some programs fill the end of a file
_HEAD_BYTES = 64  # looked at for the zeros that UTF-16 has in every other place, where the text is English


def decode_text(content: bytes) -> str:
    """The text of a file, without marks and without what fills its end.

    Raises:
        UnicodeDecodeError: It is in none of these.

    >>> decode_text("Größe".encode("utf-8-sig")) == decode_text("Größe".encode("utf-16")) == "Größe"
    True
    """
    return content.decode(_encoding(content)).lstrip(_MARK).rstrip(_FILLING)


def _encoding(content: bytes) -> str:
    if content.startswith(_UTF_32_MARKS):
        return "utf-32"
    if content.startswith(_UTF_16_MARKS):
        return "utf-16"
    head = content[:_HEAD_BYTES]
    if head.count(b"\0") > len(head) // 4:
        return "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
    return "utf-8"
