"""Where the program can be started from, and with which encoding of file names."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.recordings import melody

import stylebox
from stylebox.core.audio.io.write import write_audio
from stylebox.core.errors import error_message

PACKAGE = Path(stylebox.__file__).parent


def started(*arguments: str, **environment: str) -> tuple[int, list[str], list[str]]:
    """The exit code, and the lines of output and of errors, of the program in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "stylebox", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return ended.returncode, ended.stdout.splitlines(), ended.stderr.splitlines()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are Unicode in every locale")
def test_names_outside_ascii_work_where_python_takes_file_names_for_ascii(own_home: Path) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONPATH": str(PACKAGE.parent)}
    write_audio("Übung.wav", melody(1.0, 0, 22050), 22050)
    Path("list.csv").write_text(f"instrument,title,url\nFlöte,Süße Töne,{Path('Übung.wav').absolute()}\n", "utf-8")
    code, _, err = started("fetch", "list.csv", "--to", "quellen", **ascii_only)
    assert code == 0, err
    assert Path("quellen/Flöte/Süße Töne.wav").exists()


def test_a_name_that_the_system_cannot_hold_is_one_line() -> None:
    with pytest.raises(UnicodeEncodeError) as failed:
        "Süße 日本.flac".encode("latin-1")
    said = "file names here are latin-1 and cannot hold '日本'; set LC_ALL=C.UTF-8"
    assert error_message(failed.value) == said


def test_out_of_an_archive_it_asks_to_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "stylebox.whl"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in PACKAGE.rglob("*"):
            if path.suffix in (".py", ".csv", ".toml"):
                packed.write(path, path.relative_to(PACKAGE.parent))
    said = f"{archive}: stylebox does not run out of an archive; install it (pip install {archive})"
    assert started("models", PYTHONPATH=str(archive)) == (1, [], [f"stylebox: {said}"])
    monkeypatch.setattr(stylebox, "__file__", str(archive / "stylebox" / "__init__.py"))
    with pytest.raises(stylebox.StyleboxError) as failed:
        stylebox.list_models()
    assert str(failed.value) == said


DRAW = """
import sys
from pathlib import Path
import numpy as np
from stylebox import cli
from stylebox.core.jobs.spectrogram_image import spectrograms, write_png
from stylebox.core.training.log import plot_losses

def work() -> None:
    write_png(Path("sounds.png"), spectrograms([np.zeros(9), np.ones(9)], 22050, ["in", "out"]))
    plot_losses([{"step": 1, "loss": 2.0}], Path("loss.png"))

cli.app.command("work")(cli.run_command(work))
sys.argv = ["stylebox", "work"]
cli.main()
"""


def test_pictures_need_nothing_of_what_the_user_set_for_other_programs() -> None:
    """A notebook starts programs with a backend of its own; LaTeX may be wanted, and not be there."""
    Path("matplotlibrc").write_text("text.usetex: True\nfigure.dpi: 7\n", "utf-8")
    elsewhere = {"MPLBACKEND": "module://of_the_notebook", "PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-c", DRAW]
    ended = subprocess.run(command, env=os.environ | elsewhere, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert Path("sounds.png").exists()
    assert Path("loss.png").exists()
