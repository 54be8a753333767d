"""Folders that may not be read: they are named, and never taken for empty ones."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support.command_result import CommandResult

from stylebox.core import paths
from stylebox.core.errors import StyleboxError
from stylebox.core.evaluation.listening.ratings import read_ratings
from stylebox.core.jobs import doctor
from stylebox.core.jobs.inputs import find_inputs
from stylebox.core.jobs.style_list import list_styles
from stylebox.core.sources.fetch.index import FetchIndex
from stylebox.core.sources.fetch.plan import Names
from stylebox.core.sources.render.soundfont import find_soundfonts
from stylebox.core.store.library import list_models
from stylebox.core.store.names import model_names, own_style_names
from stylebox.core.store.user_styles import user_styles

OTHER_USER = 65534  # of no name
SAID = r"^{}: cannot be read \(Permission denied\); change its permissions"


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Make a folder that may not be read, also not by root, who may do everything."""
    refused: list[str] = []
    for name in ("listdir", "scandir"):
        real = getattr(os, name)

        def look(path: Any = ".", real: Callable[..., Any] = real) -> Any:
            if os.path.normpath(os.fspath(path)) in refused:
                raise PermissionError(13, "Permission denied", str(path))
            return real(path)

        monkeypatch.setattr(os, name, look)

    def close(folder: Path) -> Path:
        folder.mkdir(parents=True)
        refused.append(os.path.normpath(folder))
        return folder

    return close


def test_what_a_folder_holds(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", ".hidden.json", "c.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in paths.entries(tmp_path, "*.json")] == [".hidden.json", "a.json", "b.json"]
    assert paths.entries(tmp_path / "nowhere") == []
    assert paths.entries(tmp_path / (300 * "n")) == []
    with pytest.raises(StyleboxError, match=r"c\.txt: cannot be read \(Not a directory\); it has to be a folder"):
        paths.entries(tmp_path / "c.txt")


@pytest.mark.skipif(sys.platform == "win32", reason="rights as POSIX has them")
@pytest.mark.parametrize("mode", [0, 0o400, 0o100])
def test_rights_to_list_and_to_enter_are_both_needed(mode: int) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place) / "folder"
        folder.mkdir()
        for path in (Path(place), folder):
            os.chown(path, OTHER_USER if os.geteuid() == 0 else -1, -1)  # root may do everything
        folder.chmod(mode)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(OTHER_USER)
            for looked_into in (folder, *([folder / "below"] if mode != 0o100 else [])):
                with pytest.raises(StyleboxError, match=SAID.format(folder)):
                    paths.entries(looked_into)
        finally:
            os.seteuid(user)
            folder.chmod(0o700)


@pytest.mark.parametrize(
    ("folder", "looks"),
    [
        (paths.styles_dir, (user_styles, lambda: list_styles("base"))),
        (paths.models_dir, (list_models,)),
        (lambda: paths.models_dir() / "mine", (list_models, lambda: list_styles("mine"))),
        (lambda: paths.home() / "soundfonts", (find_soundfonts,)),
        (lambda: Path("takes"), (lambda: find_inputs([Path("takes/*.wav")]),)),
        (lambda: Path("results"), (lambda: read_ratings([Path("results")]),)),
        (
            lambda: Path("sources/violin"),
            (lambda: Names(FetchIndex(Path("sources"))).left_behind(_row("violin"), "take"),),
        ),
    ],
)
def test_a_closed_folder_is_named(
    folder: Callable[[], Path], looks: tuple[Callable[[], object], ...], closed: Callable[[Path], Path]
) -> None:
    place = closed(folder())
    for look in looks:
        with pytest.raises(StyleboxError, match=SAID.format(place)):
            look()


def _row(instrument: str) -> Any:
    from stylebox.core.sources.fetch.catalogue import Row

    return Row(number=2, instrument=instrument, title="take", url="https://example.org/a.wav")


@pytest.mark.parametrize("name", ["styles", "models", "sources", "dataset", "recordings"])
def test_doctor_names_a_closed_folder(name: str, own_home: Path, closed: Callable[[Path], Path]) -> None:
    place = closed(own_home / name)
    findings = {finding.name: finding for finding in doctor.examine()}
    assert findings["home"].state == "broken"
    assert findings["home"].found == f"{place}: cannot be read (Permission denied)"
    assert findings["home"].fix.startswith("change its permissions")


def test_commands_say_it_in_one_line(
    run: Callable[..., CommandResult], own_home: Path, closed: Callable[[Path], Path]
) -> None:
    place = closed(own_home / "models")
    sources = closed(own_home / "sources")
    for command, named in ((("models",), place), (("build",), sources)):
        code, out, err = run(*command)
        assert (code, out) == (1, "")
        assert err.splitlines()[-1].startswith(f"stylebox: {named}: ")
        assert "Permission denied" in err.splitlines()[-1]


def test_the_tab_key_offers_the_rest(own_home: Path, closed: Callable[[Path], Path]) -> None:
    closed(own_home / "models")
    closed(own_home / "styles")
    assert "base" in model_names()
    assert own_style_names() == []
