"""The command line: start, usage and signals."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_result import CommandResult, Start

HEAVY = {"torch", "librosa", "numpy", "scipy", "av", "soundfile", "matplotlib", "accelerate"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["transfer", "--help"], ["train", "-h"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; from stylebox.cli import main\ntry: main()\nfinally: sys.stderr.write('\\n'.join(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert "stylebox" in ended.stdout
    assert HEAVY & set(ended.stderr.split()) == set()


@pytest.mark.skipif(os.name == "nt", reason="measures a child's processor time as POSIX does")
def test_help_answers_in_half_a_second() -> None:
    import resource

    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "stylebox", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(4)) < 0.5


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads as Linux shows them")
def test_numpy_has_one_thread_and_what_is_imported_is_not_searched_for_garbage_at_the_end() -> None:
    program = (
        "import gc, os; from stylebox.cli import main\ntry: main()\nfinally:\n import numpy\n"
        " print(len(os.listdir('/proc/self/task')), gc.get_freeze_count() > 10_000)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    ended = subprocess.run(
        [sys.executable, "-c", program, "--version"], capture_output=True, text=True, check=True, env=environment
    )
    assert ended.stdout.splitlines()[-1] == "1 True"


def test_a_tilde_that_the_shell_leaves_is_the_home_folder(
    run: Callable[..., CommandResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in --example=~/list.csv. Where something has that name, it is that."""
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "me"))
    (tmp_path / "me").mkdir()
    monkeypatch.chdir(tmp_path)
    assert run("fetch", "~/list.csv", "--example").code == 0
    assert (tmp_path / "me/list.csv").is_file()
    assert not (tmp_path / "~").exists()
    assert run("fetch", "~no-such-user.csv", "--example").code == 0
    assert (tmp_path / "~no-such-user.csv").is_file()
    (tmp_path / "~").mkdir()
    assert run("fetch", "~/list.csv", "--example").code == 0
    assert (tmp_path / "~/list.csv").is_file()


def test_the_version_is_printed_on_stdout(run: Callable[..., CommandResult]) -> None:
    from stylebox import __version__

    assert run("--version") == CommandResult(0, f"stylebox {__version__}\n", "")


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "transfer piano.wav",
        "transfer --style violin",
        "transfer piano.wav --style violin --nonsense",
        "transfer piano.wav --style violin --steps many",
        "transfer piano.wav --style violin --steps -1",
        "transfer piano.wav --style violin --strength 1.5",
        "transfer piano.wav --style violin --follow 2",
        "transfer piano.wav --style violin --bend -1",
        "transfer piano.wav --style violin --seed -3",
        "transfer piano.wav --style violin --device abacus",
        "transfer piano.wav --style violin --vocoder gramophone",
        "transfer piano.wav --style violin --json -o -",
        "generate --style violin --notes a.mid --seconds 3",
        "generate --style violin --seconds 0",
        "info piano.wav --preset paper",
        "info --model base --preset paper",
        "train trombone",
        "train vae --max-steps 0",
        "build --pairs 0",
        "render --timbres 0",
    ],
)
def test_wrong_usage_exits_with_2_and_shows_the_usage(line: str, run: Callable[..., CommandResult]) -> None:
    code, out, err = run(*line.split())
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    assert "Usage" in err


INTERRUPTIBLE = """
import sys, time, types
from pathlib import Path
from stylebox.core.files import atomic_path

def list_models():
    with atomic_path(Path("out.wav")) as partial:
        partial.write_text("half")
        sys.stderr.write("writing\\n")
        sys.stderr.flush()
        time.sleep(60)

library = sys.modules["stylebox.core.store.library"] = types.ModuleType("library")
library.list_models = list_models
sys.argv = ["stylebox", "models"]
from stylebox.cli import main
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
@pytest.mark.parametrize(("kind", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129), ("SIGQUIT", 131)])
def test_a_signal_leaves_no_partial_file(kind: str, code: int, tmp_path: Path, start: Start) -> None:
    program = start("-c", INTERRUPTIBLE)
    assert program.stderr is not None
    assert program.stderr.readline() == "writing\n"
    program.send_signal(signal.Signals[kind])
    rest = program.stderr.read()
    assert program.wait(20) == code
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the folder that a program is in")
def test_a_current_folder_that_was_deleted_is_one_line(tmp_path: Path) -> None:
    code = "import os; os.rmdir(os.getcwd()); from stylebox.cli import main; main()"
    (tmp_path / "here").mkdir()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, "-c", code, "doctor"], cwd=tmp_path / "here", env=environment, capture_output=True, text=True
    )
    said = "stylebox: the current folder exists no longer; change to another one (cd)\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", said)


@pytest.mark.skipif(os.name == "nt", reason="permissions as POSIX has them")
def test_a_current_folder_in_one_that_may_not_be_entered_is_no_obstacle(tmp_path: Path) -> None:
    """As `sudo -u` begins in the home of somebody else."""
    closed, here = tmp_path / "closed", tmp_path / "closed" / "here"
    here.mkdir(parents=True)
    powers = "-dac_override,-dac_read_search"  # of root, who may enter every folder
    as_others = ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}"] if os.geteuid() == 0 else []
    if as_others and shutil.which(as_others[0]) is None:
        pytest.skip("root may enter every folder, and setpriv is missing")
    code = "import os; os.chmod('..', 0); from stylebox.cli import main; main()"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    program = [*as_others, sys.executable, "-c", code, "config", "path"]
    ended = subprocess.run(program, cwd=here, env=environment, capture_output=True, text=True)
    closed.chmod(0o700)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_closed_pipe_is_not_an_error(start: Start) -> None:
    program = start("-m", "stylebox", "--help")
    assert program.stdout is not None
    program.stdout.close()
    assert program.stderr is not None
    assert program.stderr.read() == ""
