"""Completion: names of styles, models and presets, offered by the real shells where they are installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stylebox.core.store.names import model_names, styles_of_model

LINE = "stylebox transfer a.wav --style viol"
ASK = {
    "bash": f'source ./script; COMP_WORDS=({LINE}); COMP_CWORD=4; _stylebox_completion stylebox; printf "%s\\n" '
    '"${COMPREPLY[@]}"',
    "fish": f'source ./script; complete -C "{LINE}"',
}


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_the_shell_offers_the_styles_that_begin_like_the_text(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    program = tmp_path / "bin" / "stylebox"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m stylebox "$@"\n')
    program.chmod(0o755)
    path = os.pathsep.join([str(program.parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": os.pathsep.join(sys.path)}
    script = subprocess.run(
        ["stylebox"], env=environment | {"_STYLEBOX_COMPLETE": f"source_{shell}"}, capture_output=True, check=False
    )
    (tmp_path / "script").write_bytes(script.stdout)
    offered = subprocess.run([shell, "-c", ASK[shell]], env=environment, capture_output=True, text=True, check=False)
    assert offered.stdout.split() == ["viola", "violin", "violin/player", "violin/player-2"]


def test_names_are_read_without_torch_and_agree_with_the_model() -> None:
    code = (
        "import sys; from stylebox.console.completion import *; import typer\n"
        "class Context: params = {'model': None}\n"
        "print(*complete_style(Context(), 'harp:1,Viol'), *complete_model('b'), *complete_preset('p'))\n"
        "assert 'torch' not in sys.modules"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.split()[:2] == ["harp:1,viola", "harp:1,violin"]
    assert ended.stdout.split()[-2:] == ["base", "paper"]
    from stylebox.core.store.library import load_part, style_names

    assert styles_of_model("base") == style_names(load_part("base", "ldm").tensors)
    assert model_names() == ["base"]
    assert styles_of_model("no such model") == []
