"""Tables as spreadsheets save them, as CSV: which character separates the cells, and whether it is a table at all."""

import re

SEPARATORS = "\t,;"
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # of Excel and LibreOffice, zipped, and of old Excel
_ANNOUNCED = re.compile(r'"?sep=([^"\r\n])"?\r?\n?', re.IGNORECASE)  # a line for Excel, which does not show it


def is_workbook(content: bytes) -> bool:
    """Whether a file is a spreadsheet's own, and no text."""
    return content.startswith(_WORKBOOKS)


def separated(text: str) -> tuple[str, str]:
    r"""The separator of a table, and the table without the line that announces it to Excel.

    >>> separated("sep=;\na;b,c"), separated("# tempo, key\na\tb")
    ((';', 'a;b,c'), ('\t', '# tempo, key\na\tb'))
    """
    announced = _ANNOUNCED.match(text)
    if announced:
        return announced[1], text[announced.end() :]
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return max(SEPARATORS, key=next(lines, "").count), text
