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
