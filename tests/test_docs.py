"""The documentation fits the program: its commands are valid, its links exist, CI runs it, pages are up to date."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

import stylebox
from stylebox.cli import app
from stylebox.core.errors import ConfigError
from stylebox.core.music.style_names import instrument_of
from stylebox.core.store.library import part_path
from stylebox.core.store.weights import load_metadata

ROOT = Path(stylebox.__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")]
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SH_BLOCKS = [text for language, text in BLOCKS if language == "sh"]
NOT_COMMANDS = {"docs/cli.md", "docs/architecture.md", "docs/log.md"}  # usage lines, files, what was run long ago
VARIABLES = {"$FONTS": "--soundfont font.sf2"}  # of the shell, in the commands of docs/training.md


def commands(text: str) -> set[str]:
    """The commands in a page: lines of its blocks, and code inside its lines."""
    blocks = [block for _, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]
    lines = [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return {line for line in lines if line.startswith("stylebox ")} | set(re.findall(r"`(stylebox [^`]+)`", text))


COMMANDS = sorted(
    (page, command)
    for page in {"README.md", "MODEL_CARD.md", *PAGES} - NOT_COMMANDS
    for command in commands((ROOT / page).read_text("utf-8"))
)


def test_readme_has_two_sh_blocks_install_and_tests() -> None:
    install, tests = SH_BLOCKS
    assert "stylebox transfer examples/piano.flac --style violin -o out.wav" in install.splitlines()
    assert tests.splitlines()[-1] == "pytest -n auto"
    assert "ruff check ." in tests.splitlines()
    assert "mypy" in tests.splitlines()


@pytest.mark.skipif(os.name == "nt", reason=".ci/run is for bash")
def test_ci_runs_the_readmes_test_block(tmp_path: Path) -> None:
    """The script's own extraction, run by its own shell, gives the second block."""
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    (line,) = (line for line in script.splitlines() if line.startswith("block="))
    ended = subprocess.run(
        ["bash", "-c", f'cd "{ROOT}" && {line} && printf "%s\\n" "$block"'], capture_output=True, text=True, check=True
    )
    assert ended.stdout == SH_BLOCKS[1]
    assert script.rstrip().endswith('bash -euxo pipefail -c "$block"')


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_command_in_the_documentation_is_valid(page: str, line: str) -> None:
    """The program parses it; nothing is run."""
    for variable, options in VARIABLES.items():
        line = line.replace(variable, options)
    program: Any = typer.main.get_command(app)
    _, name, *rest = shlex.split(line)
    assert name in program.commands, f"no command {name}"
    if rest:
        context = program.commands[name].make_context(name, rest)
        assert context.params


@pytest.mark.parametrize("page", ["README.md", "MODEL_CARD.md", "CHANGELOG.md", *sorted(PAGES)])
def test_links_to_files_exist(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", text) if "://" not in target]
    for target in targets:
        name, _, section = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        assert file.exists(), target
        if section:
            headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
            assert section in [re.sub(r"[^\w\- ]", "", head).lower().replace(" ", "-") for head in headings], target


@pytest.mark.parametrize("page", ["README.md", "MODEL_CARD.md", *sorted({*PAGES} - {"docs/log.md"})])
def test_the_files_that_a_page_names_exist(page: str) -> None:
    """Modules by their path below the repository or below the core, tests by their name, settings by theirs."""
    named = set(re.findall(r"`([\w/]+\.(?:py|toml|sh))(?:::\w+)?`", (ROOT / page).read_text("utf-8")))
    folders = [
        ROOT,
        ROOT / "stylebox" / "core",
        ROOT / "stylebox" / "core" / "pipeline",
        ROOT / "configs" / "base",
        *{p.parent for p in ROOT.glob("tests/**/*.py")},
    ]
    assert {name for name in named if not any((folder / name).is_file() for folder in folders)} == set()


def test_the_readme_links_the_pages_a_newcomer_needs() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert {"MODEL_CARD.md", "CHANGELOG.md", "LICENSE", "docs/results.md", "docs/architecture.md"} <= set(targets)


def test_the_log_is_newest_first_and_every_entry_has_a_verdict() -> None:
    """An index at the top lists the same entries."""
    log = (ROOT / "docs" / "log.md").read_text("utf-8")
    headings = re.findall(r"^## (.+)$", log, re.MULTILINE)
    entries = [re.fullmatch(r"(\d{4}-\d\d-\d\d) (.+) \(((?:adopted|rejected|finding|open).*)\)", h) for h in headings]
    assert [heading for heading, entry in zip(headings, entries, strict=True) if entry is None] == []
    found = [entry.groups() for entry in entries if entry is not None]
    assert [date for date, _, _ in found] == sorted((date for date, _, _ in found), reverse=True)
    assert [tuple(row) for row in re.findall(r"^\| (\d{4}-\d\d-\d\d) \| (.+) \| (.+) \|$", log, re.MULTILINE)] == found


def test_the_licence_of_every_example_is_named() -> None:
    named = (ROOT / "examples" / "LICENSES.md").read_text("utf-8")
    recordings = [path for path in (ROOT / "examples").iterdir() if path.suffix != ".md"]
    assert recordings
    assert [path.name for path in recordings if f"`{path.name}`" not in named] == []
    assert sum(path.stat().st_size for path in recordings) < 500_000


def load_script(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_page_of_commands_is_up_to_date() -> None:
    script = load_script(ROOT / "docs" / "make_cli.py")
    page = script.page()
    assert "## stylebox transfer" in page
    assert script.PAGE.read_text("utf-8") == page, "run: python docs/make_cli.py"


def test_the_manual_page_is_up_to_date() -> None:
    script = load_script(ROOT / "docs" / "make_man.py")
    page = script.page(script.SOURCE.read_text("utf-8"))
    assert all(f"\n.SS {info.callback.__name__}\n" in page for info in app.registered_commands if info.callback)
    assert script.PAGE.read_text("utf-8") == page, "run: python docs/make_cli.py"


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_the_manual_page_has_no_warnings() -> None:
    """As `man` renders it, with every option on it."""
    page = ROOT / "docs" / "stylebox.1"
    ended = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "-P-cbu", str(page)], capture_output=True, text=True, check=True
    )
    assert ended.stderr == ""
    for option in ("--style", "--max-minutes", "--list-devices"):
        assert option in ended.stdout.replace("\u2010", "-")


def test_a_manual_page_takes_no_text_for_a_request() -> None:
    script = load_script(ROOT / "docs" / "make_man.py")
    assert script.roff("`--a-b` is\n.hidden in C:\\x, see [there](x.md)") == (
        "\\fB\\-\\-a\\-b\\fR is\n\\&.hidden in C:\\ex, see there"
    )


def test_the_page_of_styles_is_up_to_date() -> None:
    script = load_script(ROOT / "tools" / "style_table.py")
    styles = script.read_style_table()
    assert {instrument_of(name) for name in styles} == {name for name in styles if "/" not in name}
    assert script.PAGE.read_text("utf-8") == script.page(styles), "run: python -m tools.style_table"


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ('[styles]\n"piano/soft" = "piano/x"', "piano has no timbre of its own"),
        ('[styles]\ntheremin = "theremin/x"', "theremin is no instrument"),
        ('[styles]\npiano = "piano/x"\n[sources]\ny = "a piano"', "no source begins like it"),
    ],
)
def test_an_incomplete_table_of_styles_is_refused(tmp_path: Path, lines: str, wrong: str) -> None:
    script = load_script(ROOT / "tools" / "style_table.py")
    (tmp_path / "styles.toml").write_text(lines)
    with pytest.raises(ConfigError, match=wrong):
        script.read_style_table(tmp_path / "styles.toml")


def test_the_tree_of_the_package_is_up_to_date() -> None:
    script = load_script(ROOT / "docs" / "make_tree.py")
    assert "sampling.py  " in script.tree()
    assert script.PAGE.read_text("utf-8") == script.page(), "run: python docs/make_tree.py"


@pytest.mark.parametrize("option", ["steps", "guidance", "strength"])
def test_help_gives_the_defaults_of_the_shipped_model(option: str) -> None:
    defaults = load_metadata(part_path("base", "ldm"))["config"]["diffusion"]
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    (help_text,) = set(re.findall(rf"^\| `--{option}` .*$", page, re.MULTILINE))
    assert f"(base: {defaults[option]:g})" in help_text


def test_every_option_has_help() -> None:
    script = load_script(ROOT / "docs" / "make_cli.py")
    for _, command in script.all_commands():
        assert all(parameter.help for parameter in script.parameters(command))
