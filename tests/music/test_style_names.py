"""Names of styles: spellings, sounds of an instrument, file names, what the table of the shipped styles may hold."""

import csv
from importlib import resources
from pathlib import Path

import pytest
import torch

from stylebox.core.errors import ModelError, SourceError
from stylebox.core.jobs.style_list import StyleInfo, list_styles
from stylebox.core.music.instrument_names import fold_name, names_for
from stylebox.core.music.instruments import INSTRUMENTS, instruments_named
from stylebox.core.music.register import Register
from stylebox.core.music.style_names import describe_move, match_name, style_register, unknown_style
from stylebox.core.pipeline.style import check_style, resolve_style
from stylebox.core.pipeline.style_spec import StyleSpec
from stylebox.core.store import weights
from stylebox.core.store.library import load_part
from stylebox.core.store.styles import Style, named_styles

NAMES = ("english_horn", "french_horn", "piano", "piano/soft", "piano/upright", "tuba")
STYLES = {name: Style(name, torch.full((2, 3), float(at)), torch.zeros(3)) for at, name in enumerate(NAMES)}


def no_clip(path: Path) -> Style:
    raise AssertionError(f"{path} was read as a clip")


def resolved(wanted: str) -> str:
    return resolve_style(StyleSpec.parse(wanted), STYLES, no_clip).name


@pytest.mark.parametrize("typed", ["english_horn", "English horn", "english-horn", " ENGLISH  HORN "])
def test_spellings_of_a_name(typed: str) -> None:
    assert resolved(typed) == "english_horn"


def test_sounds_stand_alone_and_in_blends() -> None:
    assert [resolved(name) for name in ("piano", "piano/upright", "Piano/Upright")] == [
        "piano",
        "piano/upright",
        "piano/upright",
    ]
    blend = resolve_style(StyleSpec.parse("piano/soft:1, english horn:1"), STYLES, no_clip)
    assert torch.equal(blend.tokens, (STYLES["piano/soft"].tokens + STYLES["english_horn"].tokens) / 2)


def test_an_exact_name_comes_before_one_that_is_spelt_alike() -> None:
    assert match_name("reed", ["Reed", "reed"]) == "reed"
    assert match_name("REED", ["Reed", "reed"]) is None


def test_a_file_comes_before_a_name_that_is_spelt_otherwise(tmp_path: Path) -> None:
    Path("English horn").write_text("a clip")
    clip = Style("clip", torch.zeros(1), torch.zeros(1))
    assert resolve_style(StyleSpec.parse("English horn"), STYLES, lambda path: clip) is clip
    assert resolved("english_horn") == "english_horn"


def test_an_unknown_sound_lists_those_of_its_instrument() -> None:
    with pytest.raises(ModelError, match=r"piano has no sound 'loud'.*its sounds are soft, upright$"):
        resolved("Piano/loud")
    with pytest.raises(ModelError, match=r"tuba has no sound 'section'.*one sound, --style tuba"):
        check_style(StyleSpec.parse("tuba/section"), NAMES)
    with pytest.raises(ModelError, match="did you mean french_horn"):
        resolved("French horns")
    with pytest.raises(ModelError, match="styles are english_horn, french_horn, piano, tuba, or give an audio file"):
        resolved("zzz")
    with pytest.raises(ModelError, match="`stylebox styles` lists all 30"):
        check_style(StyleSpec.parse("zzz"), [f"style{number}" for number in range(30)])


def test_a_style_is_a_safe_part_of_a_file_name(tmp_path: Path) -> None:
    clip = tmp_path / "my cello.wav"
    clip.write_text("a clip")
    slugs = [
        StyleSpec.parse(style).slug
        for style in ("violin/section", "St. Piano", str(clip), f"{clip}:1,piano/soft:2", "../x")
    ]
    assert slugs == ["violin_section", "St._Piano", "my_cello", "my_cello+piano_soft", "x"]


def test_a_move_is_told_in_words() -> None:
    rest = "--transpose 0 keeps the pitches"
    assert describe_move(12, "flute") == f"moved up one octave: into the flute's register; {rest}"
    assert describe_move(-24, "piano/soft") == f"moved down two octaves: into the piano's register; {rest}"
    for other in ("takes/clip.wav", "violin:0.7,flute:0.3"):
        assert describe_move(60, other) == f"moved up 5 octaves: into the register of {other}; {rest}"


def test_the_register_is_the_instruments_else_about_the_keys_learnt() -> None:
    assert style_register("piano/upright", (60, 70)) == INSTRUMENTS["piano"].register
    assert style_register("my own zither", (40, 80)) == Register(40, 80, 40, 80)
    assert style_register("my own zither") is None


def test_the_list_says_range_sounds_and_origin(tiny_home: Path) -> None:
    path = tiny_home / "models/tiny/ldm.safetensors"
    tensors, card = weights.load_weights(path)
    for name in ("flute", "flute/soft"):
        for kind in ("tokens", "vector"):
            tensors[f"styles.{name}.{kind}"] = tensors[f"styles.reed.{kind}"]
    weights.save_weights(path, tensors, {**card, "styles": {"flute": {"learnt_from": "a player"}}})
    found = {style.name: style for style in list_styles("tiny")}
    assert list(found) == ["flute", "flute/soft", "reed", "string"]
    assert found["flute"] == StyleInfo("flute", 60, 96, 70, 92, ("soft",), "a player")
    assert found["flute/soft"] == StyleInfo("flute/soft", 60, 96, 70, 92)
    low, high = (int(key) for key in tensors["styles.reed.keys"])
    assert found["reed"].lowest_key is not None
    assert found["reed"].highest_key is not None
    assert found["reed"].lowest_key <= low < high <= found["reed"].highest_key
    named = named_styles(load_part("tiny", "ldm"))
    assert named["flute/soft"].register == INSTRUMENTS["flute"].register
    assert named["reed"].register == Register.from_recorded(low, high)


@pytest.mark.parametrize(
    ("typed", "style"),
    [
        ("Violin", "violin"),
        ("GEIGE", "violin"),
        ("flûte", "flute"),
        ("FLÛTE TRAVERSIÈRE", "flute"),
        ("Floete", "flute"),
        ("flote", "flute"),
        ("chitarra", "guitar"),
        ("guitarra eléctrica", "electric_guitar"),
        ("guitarra electrica", "electric_guitar"),
        ("E-Gitarre", "electric_guitar"),
        ("cor anglais", "english_horn"),
        ("tambour d’acier", "steel_drums"),
        ("Waldhorn", "french_horn"),
        ("double bass", "contrabass"),
        ("Klavier/soft", "piano/soft"),
    ],
)
def test_names_in_five_languages_are_understood(typed: str, style: str) -> None:
    assert match_name(typed, [*INSTRUMENTS, "piano/soft"]) == style


def test_every_instrument_has_a_name_in_every_language_and_no_name_means_two() -> None:
    text = resources.files("stylebox.core.music").joinpath("instrument_names.csv").read_text("utf-8")
    rows = {row["name"]: row for row in csv.DictReader(text.splitlines())}
    assert list(rows) == list(INSTRUMENTS)
    meanings: dict[str, str] = {}
    for name, row in rows.items():
        assert all(row[language] for language in ("german", "french", "spanish", "italian")), name
        for spelling in (name, *names_for(name)):
            assert meanings.setdefault(fold_name(spelling), name) == name, spelling
            assert match_name(spelling, INSTRUMENTS) == name


def test_a_style_of_the_model_comes_before_a_translation() -> None:
    assert match_name("horn", ["horn", "french_horn"]) == "horn"
    assert match_name("Geige", ["flute"]) is None


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("voilin", "violin"),
        ("violn", "violin"),
        ("Giege", "Geige (violin)"),
        ("flutte", "flute"),
        ("chitara", "chitarra (guitar)"),
    ],
)
def test_a_misspelt_name_gets_its_nearest_in_every_language(typed: str, nearest: str) -> None:
    assert f"did you mean {nearest}?" in unknown_style(typed, INSTRUMENTS)


def test_where_no_file_would_do_none_is_asked_for() -> None:
    assert unknown_style("min", ["mine"], or_file=False) == "no style 'min'; did you mean mine? styles are mine"
    assert "file" not in unknown_style("violin/soft", ["violin"], or_file=False)


def test_instruments_to_render_are_named_in_every_language() -> None:
    assert instruments_named("Harfe, English Horn,chitarra") == ["harp", "english_horn", "guitar"]
    with pytest.raises(SourceError, match="kazoo"):
        instruments_named("kazoo")
