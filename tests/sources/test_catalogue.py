"""Lists of recordings are read as spreadsheets save them; errors are named by row and column."""

import io
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stylebox.core.audio.io.read import load_audio
from stylebox.core.errors import AudioError, SourceError, StyleboxError
from stylebox.core.file_names import MAX_BYTES, folded, numbered, safe_name
from stylebox.core.sources.fetch.address import local_path, web_address
from stylebox.core.sources.fetch.catalogue import (
    EXAMPLE,
    Catalogue,
    Row,
    parse_catalogue,
    read_catalogue,
    write_example,
)

URL = "https://example.org/a.wav"


def parse(text: str | bytes) -> Catalogue:
    return parse_catalogue(text.encode() if isinstance(text, str) else text, "urls.csv", Path("/music"))


@pytest.mark.parametrize(
    "text",
    [
        f"instrument,title,url\npiano,Für Elise,{URL}\n",
        f"\ufeffinstrument,title,url\npiano,Für Elise,{URL}",
        f"Title , URL, Instrument\r\nFür Elise, {URL}, piano\r\n",
        f'"url","instrument","title"\n"{URL}","piano","Für Elise"\n',
        f"instrument;title;url\npiano;Für Elise;{URL}\n",
        f"instrument\ttitle\turl\npiano\tFür Elise\t{URL}\n",
        f'instrument,title,link,remarks\npiano,Für Elise,{URL},"nice, isn\'t it"\n',
    ],
)
def test_the_usual_forms_of_csv_give_the_same_row(text: str) -> None:
    catalogue = parse(text)
    assert catalogue.rows == (Row(2, "piano", "Für Elise", URL),)
    assert catalogue.faults == ()


def test_utf16_with_tabs_is_read() -> None:
    assert parse(f"instrument\ttitle\turl\npiano\tFür Elise\t{URL}\n".encode("utf-16")).rows[0].title == "Für Elise"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_spreadsheets_may_save_in_any_unicode(encoding: str, line_end: str) -> None:
    text = f'instrument;title;url\npiano;"Für ""Elise""; WoO 59";{URL}\n'.replace("\n", line_end)
    catalogue = parse(text.encode(encoding))
    assert catalogue.rows == (Row(2, "piano", 'Für "Elise"; WoO 59', URL),)


def test_blank_rows_and_comments_are_skipped_but_counted() -> None:
    text = f"""# a list of "mine
instrument,title,url

# "this, is not a field
piano,"two
# lines",{URL}
   # indented
,,
violin,last,{URL}
"""
    rows = parse(text).rows
    assert [(row.number, row.title) for row in rows] == [(5, "two\n# lines"), (8, "last")]


def test_a_comment_that_a_spreadsheet_put_in_quotes_is_one() -> None:
    text = f'instrument,title,url\n"# relative to this list, absolute, or else",,\npiano,"#1",{URL}\n'
    found = parse(text)
    assert ([row.title for row in found.rows], found.faults) == (["#1"], ())


def test_optional_columns_may_be_empty_or_missing() -> None:
    text = f"""license,instrument,title,url,start,end
CC0,piano,a,{URL},1:30,1:02:03.5
,piano,b,{URL},90,
,piano,c,{URL},,"0,5"
"""
    text = text.replace('"0,5"', '"100,5"')
    assert [(row.license, row.start, row.end) for row in parse(text).rows] == [
        ("CC0", 90.0, 3723.5),
        (None, 90.0, None),
        (None, None, 100.5),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f",a,{URL},,", "column instrument: is empty"),
        ("piano,a,,,", "column url: is empty"),
        (f"piano,a,{URL},soon,", "column start: 'soon' is not a time"),
        (f"piano,a,{URL},1:75,", "column start: '1:75' is not a time"),
        (f"piano,a,{URL},1:60:00,", "column start: '1:60:00' is not a time"),
        (f"piano,a,{URL},-3,", "column start: '-3' is not a time"),
        (f"piano,a,{URL},30,0:20", "column end: 0:20 is not after the start"),
        (f"piano,a,{URL},,0", "column end: 0 is not after the start"),
        ("piano,a", "column url: is missing"),
    ],
)
def test_an_invalid_row_is_named_and_the_others_stay(row: str, reason: str) -> None:
    catalogue = parse(f"instrument,title,url,start,end\npiano,good,{URL},,\n{row}\npiano,good too,{URL},,\n")
    (fault,) = catalogue.faults
    assert fault.number == 3
    assert fault.reason.startswith(reason)
    assert [good.number for good in catalogue.rows] == [2, 4]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("# only this\n\n", "is empty"),
        ("instrument,title,url\n", "names no recordings"),
        (f"piano,a,{URL}\n", r"row 1: no column instrument \(found: piano, a, https"),
        ("instrument,title\n", "row 1: no column url"),
        ("instrument,title,url,URL\n", "row 1, column url: appears twice"),
        (f'instrument,title,url\npiano,"a,{URL}\n', "row 2: unexpected end"),
        (f'instrument,title,url\npiano,"a" b,{URL}\n', "row 2: "),
        (b"instrument,title,url\npiano,F\xfcr Elise,x\n", "row 2: is not UTF-8"),
    ],
)
def test_an_invalid_list_is_refused_in_one_line(text: str | bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=rf"^urls\.csv.*{reason}") as failure:
        parse(text)
    assert "\n" not in str(failure.value)


def test_capitals_do_not_make_another_instrument() -> None:
    rows = parse(f"instrument,title,url\nPiano,a,{URL}\npiano,b,{URL}\nPIANO,c,{URL}\n").rows
    assert {row.instrument for row in rows} == {"Piano"}


def test_a_title_may_be_left_to_the_source() -> None:
    assert parse(f"instrument,title,url\npiano,,{URL}\n").rows[0].title == ""


def test_standard_input_and_missing_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"instrument,title,url\npiano,a,{URL}\n".encode())))
    assert read_catalogue(Path("-")).rows[0].title == "a"
    with pytest.raises(SourceError, match=r"nowhere\.csv: no such file; .*--example"):
        read_catalogue(tmp_path / "nowhere.csv")
    with pytest.raises(SourceError, match="is a folder; name a file in it"):
        read_catalogue(tmp_path)


def test_the_example_is_a_valid_list(tmp_path: Path) -> None:
    write_example(tmp_path / "urls.csv")
    catalogue = read_catalogue(tmp_path / "urls.csv")
    assert catalogue.faults == ()
    assert [(row.instrument, row.end) for row in catalogue.rows] == [("piano", None), ("piano", 90.0)]
    assert all(row.url.startswith("https://") and row.license for row in catalogue.rows)
    with pytest.raises(StyleboxError, match="exists already"):
        write_example(tmp_path / "urls.csv")
    assert (tmp_path / "urls.csv").read_text("utf-8") == EXAMPLE


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_list_or_an_error_in_one_line(content: bytes) -> None:
    try:
        messages = [fault.reason for fault in parse(b"instrument,title,url\n" + content).faults]
    except SourceError as error:
        messages = [str(error)]
    assert not any({"\n", "\r"} & set(line) for line in messages)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("../../evil", "evil"),
        ("..\\..\\evil", "evil"),
        ("/etc/passwd", "etc_passwd"),
        ("C:\\boot.ini", "C_boot.ini"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("a\x00b\x07c\u202ed", "abcd"),
        ("two\n  lines\t", "two lines"),
        ("dots...", "dots"),
        ("", "untitled"),
        ("...", "untitled"),
        ("???", "untitled"),
        ("NUL", "NUL_"),
        ("com1.wav", "com1_.wav"),
        ("Lpt1 ", "Lpt1_"),
        ("Gymnopédie № 1 – Satie", "Gymnopédie № 1 – Satie"),
        ("月の光", "月の光"),
        ("Cafe\u0301", "Café"),
        ("🎻 solo", "🎻 solo"),
    ],
)
def test_a_title_becomes_a_file_name(title: str, name: str) -> None:
    assert safe_name(title) == name


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300))
def test_every_name_is_safe(title: str) -> None:
    name = safe_name(title)
    assert name
    assert len(name.encode()) <= MAX_BYTES + 1
    assert not set(name) & set('<>:"/\\|?*\0')
    assert not name.startswith((".", "-", " "))
    assert not name.endswith((".", " "))
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in name)
    assert name == unicodedata.normalize("NFC", name)
    assert safe_name(name) == name


def test_long_names_end_between_characters() -> None:
    assert safe_name("é" * 500) == "é" * (MAX_BYTES // 2)


def test_names_that_a_file_system_confuses_are_numbered() -> None:
    taken = {folded("Étude"), folded("ÉTUDE (2)")}
    assert numbered("étude", lambda name: folded(name) not in taken) == "étude (3)"
    assert folded("e\u0301tude") in taken


def test_paths_and_web_addresses_are_distinguished(tmp_path: Path) -> None:
    (tmp_path / "www.wav").touch()
    assert local_path("a.wav", tmp_path) == tmp_path / "a.wav"
    assert local_path("www.wav", tmp_path) == tmp_path / "www.wav"
    assert local_path(str(tmp_path / "b"), Path("/music")) == tmp_path / "b"
    assert local_path((tmp_path / "mit Leerzeichen.wav").as_uri(), Path("/")) == tmp_path / "mit Leerzeichen.wav"
    assert local_path("file:take%202.wav", tmp_path) == tmp_path / "take 2.wav"
    assert local_path("FILE://localhost/a/what?v=1#2.wav", tmp_path) == Path("/a/what?v=1#2.wav").absolute()
    assert local_path("file://server/a.wav", tmp_path) != Path("/a.wav").absolute()
    assert local_path("file://[1].wav", tmp_path) == tmp_path / "file:" / "[1].wav"
    for address in ("https://a.org/x.wav", "youtu.be/abc", "www.youtube.com/watch?v=abc", "ytsearch1:harp solo"):
        assert local_path(address, tmp_path) is None
    for name in ("Bach: Prelude.wav", "example.org", "file: a.wav", "~no-such-user: x.wav"):
        (tmp_path / name).touch()
        assert local_path(name, tmp_path) == tmp_path / name
    assert local_path("Bach: Fugue.wav", tmp_path) == tmp_path / "Bach: Fugue.wav"  # not there, and no address
    assert local_path("https://a.org/" + "x" * 5000, tmp_path) is None
    assert web_address("youtu.be/abc") == "https://youtu.be/abc"
    assert web_address("ytsearch1:harp") == "ytsearch1:harp"


def test_a_path_may_be_written_as_on_another_system(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "e\u0301tude.wav"  # decomposed, as macOS writes it
    path.touch()
    for name in ("a/\u00e9tude.wav", "a\\\u00e9tude.wav", "a\\e\u0301tude.wav"):
        found = local_path(name, tmp_path)
        assert found is not None
        assert found.samefile(path)


@pytest.mark.parametrize("announced", ["sep=;\r\n", '"sep=;"\r\n', "SEP=;\n"])
def test_the_line_that_tells_excel_the_separator_is_no_row(announced: str) -> None:
    rows = parse(f"{announced}instrument;title;url\npiano;A, B;a.wav\n").rows
    assert [(row.number, row.title, row.url) for row in rows] == [(2, "A, B", "a.wav")]


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x0b", "\x0c", "\x1c"])
def test_other_line_breaks_belong_to_titles(mark: str) -> None:
    assert [row.title for row in parse(f"instrument,title,url\npiano,A{mark}B,a.wav\n").rows] == [f"A{mark}B"]


def test_marks_and_fillings_around_a_list_are_no_text() -> None:
    """Joined files have two byte order marks; old programs fill the end with Ctrl-Z or zeros."""
    for filling in ("\x1a", "\0\0"):
        catalogue = parse(f"\ufeff\ufeffinstrument,title,url\npiano,A,a.wav\n{filling}")
        assert (len(catalogue.rows), catalogue.faults) == (1, ())


def test_a_workbook_is_named_as_such() -> None:
    with pytest.raises(SourceError, match="spreadsheet's own file; save it as CSV"):
        parse_catalogue(b"PK\x03\x04" + bytes(99), "list.csv", Path())


def test_a_field_too_many_is_a_fault_and_no_other_file() -> None:
    catalogue = parse("instrument,title,url\npiano,A, B,a.wav\nviolin,C,c.wav,,\n")
    assert [row.title for row in catalogue.rows] == ["C"]
    assert "more fields than columns ('a.wav' is left)" in catalogue.faults[0].reason


def test_times_with_units_and_other_names_of_the_columns() -> None:
    rows = parse("instrument,title,url,from,to\npiano,A,a.wav,1s,1m30s\npiano,B,b.wav,1h 2m 3s,2 h\n").rows
    assert [(row.start, row.end) for row in rows] == [(1, 90), (3723, 7200)]
    both = parse("instrument,title,url,start,from\npiano,A,a.wav,0:02,Bach\n").rows
    assert both[0].start == 2


def test_an_address_in_the_place_of_a_list_is_one_line() -> None:
    with pytest.raises(SourceError, match=r"^https:/example\.org/a\.wav: is an address; put it into a list"):
        read_catalogue(Path("https://example.org/a.wav"))
    with pytest.raises(AudioError, match="is an address, not a file; `stylebox fetch` downloads recordings"):
        load_audio("https://example.org/a.wav")


def test_columns_that_have_no_meaning_are_named() -> None:
    """A column `strat` would otherwise fetch the whole recording in the place of a part."""
    assert parse("instrument,title,url,strat,end,\np,a,a.wav,5,10,\n").unused == ("strat",)
    assert parse("Link,FROM,title,instrument\na.wav,5,a,p\n").unused == ()
