"""`stylebox doctor`: a fix for each problem, and the exit code."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_result import CommandResult

from stylebox.core.jobs import doctor
from stylebox.core.system_packages import install_command


def test_doctor_suggests_a_fix_for_each_problem(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    def ill(_: str) -> doctor.Finding:
        raise OSError("the codecs\nare gone")

    monkeypatch.setattr("ctypes.util.find_library", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("stylebox.core.sources.render.soundfont.find_soundfonts", list)
    monkeypatch.setitem(doctor.CHECKS, "codecs", ill)
    own_home.parent.mkdir(exist_ok=True)
    own_home.write_text("a file where the home should be")
    findings = {finding.name: finding for finding in doctor.examine()}
    assert [findings[n].state for n in ("sound card", "synthesizer", "soundfonts")] == ["limited"] * 3
    assert "portaudio" in findings["sound card"].fix
    assert findings["codecs"].found == "OSError: the codecs are gone"
    assert findings["home"].state == "broken"
    assert all(finding.fix for finding in findings.values() if finding.state != "ok")


def test_doctor_fails_only_if_something_is_broken(
    run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [doctor.Finding("disk", "ok", "much"), doctor.Finding("sound card", "limited", "none", "buy one")]
    monkeypatch.setattr(doctor, "examine", lambda: found)
    code, out, _ = run("doctor")
    assert code == 0
    assert [line.split(None, 2) for line in out.splitlines()] == [
        ["ok", "disk", "much"],
        ["limited", "sound", "card  none"],
        ["->", "buy", "one"],
    ]
    found.append(doctor.Finding("weights", "broken", "gone", "reinstall"))
    assert run("doctor").code == 1


@pytest.mark.parametrize(
    ("system", "commands"),
    [
        ("win32", ("pip install --force-reinstall sounddevice", "choco install fluidsynth")),
        ("darwin", ("brew install portaudio", "brew install fluid-synth")),
    ],
)
def test_the_fix_is_a_command_of_the_system(
    system: str, commands: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", system)
    assert (install_command("libportaudio2"), install_command("fluidsynth")) == commands


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("/proc/nothing/stylebox", "cannot be created"),
        ("/dev/null/stylebox", "/dev/null is no folder"),
        ("{here}/link", "link is no folder"),
        ("{here}/link/below", "link is no folder"),
        ("{here}/file/below", "file is no folder"),
        ("{here}/" + 300 * "n", "File name too long"),
        ("~no-such-user/stylebox", "there is no user ~no-such-user"),
    ],
)
def test_a_home_that_cannot_be_created_is_broken(
    place: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Permissions do not show it: root may do everything, and none of these."""
    if place.startswith(("/proc", "/dev")) and not Path(place).parents[1].exists():
        pytest.skip("this system has no such place")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    (tmp_path / "file").touch()
    before = sorted(tmp_path.iterdir())
    monkeypatch.setenv("STYLEBOX_HOME", place.format(here=tmp_path))
    findings = {finding.name: finding for finding in doctor.examine()}
    assert findings["home"].state == "broken"
    assert reason in findings["home"].found
    assert findings["home"].fix
    assert all("reinstall" not in finding.fix for finding in findings.values())
    assert sorted(tmp_path.iterdir()) == before


def test_a_home_that_is_not_there_yet_is_made_for_the_check_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STYLEBOX_HOME", str(tmp_path / "a" / "b"))
    (home,) = (finding for finding in doctor.examine() if finding.name == "home")
    assert (home.state, home.found) == ("ok", f"{tmp_path / 'a' / 'b'} (created when needed)")
    assert not (tmp_path / "a").exists()


def test_a_home_of_nobody_is_one_line(run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch) -> None:
    for place, said in (("~no-such-user", "there is no user ~no-such-user; name a folder"), (300 * "n", "too long")):
        monkeypatch.setenv("STYLEBOX_HOME", f"{place}/stylebox")
        code, out, err = run("models")
        assert (code, out) == (1, "")
        assert said in err
        assert len(err.splitlines()) == 1
