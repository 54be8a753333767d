"""Who may import whom: imports go downwards only, and what is slow or exotic lives behind one module each."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import stylebox

ROOT = Path(stylebox.__file__).parent

# Every room, from the ground up; a module imports from its own room and from those below.
ROOMS: list[tuple[str, ...]] = [
    (
        "core.errors",
        "core.progress",
        "core.paths",
        "core.files",
        "core.file_names",
        "core.interrupts",
        "core.memory",
        "core.lock",
        "core.config",
        "core.device",
        "core.standard_streams",
        "core.system_packages",
        "core.temporary_files",
        "core.text_encoding",
        "core.text_table",
        "core.json_text",
        "core.toml_file",
        "core.user_config",
        "core.worker_processes",
    ),
    ("core.music",),
    ("core.audio",),
    ("core.diffusion",),
    ("core.models",),
    ("core.sources",),
    ("core.store",),
    ("core.pipeline",),
    ("core.data",),
    ("core.training",),
    ("core.paper",),
    ("core.jobs",),
    ("core.evaluation",),
    ("console",),
    ("commands",),
    ("cli",),
    ("__main__",),
]
# What a room may not import, besides what lies above it.
FORBIDDEN: dict[str, tuple[str, ...]] = {
    "core.pipeline": ("core.training", "core.data", "core.sources", "core.paper"),
    "core.models": ("core.pipeline", "core.diffusion"),
    "core.diffusion": ("core.pipeline", "core.audio", "core.music"),
    "core.store": ("core.sources", "core.paper"),
    "core.data": ("core.paper",),
    "core.training": ("core.paper", "core.pipeline"),
    "core.sources": ("core.models", "core.diffusion"),
}
OF_THE_PAPER = ("core.paper", "core.jobs", "core.evaluation")  # the only rooms that import `core.paper`
NETWORK = {"socket", "ssl", "http", "urllib", "ftplib", "requests", "httpx", "yt_dlp"}
# All that networks know of sound: the keys and their frequencies, the input of the content encoder, and where partials
# lie.
KNOWN_OF_SOUND = {
    "core.music.notes": {"LOWEST_KEY", "NUM_KEYS", "key_hz"},
    "core.audio.log_spectrogram": {"LogSpectrogram"},
    "core.audio.filter_banks": {"mel_filters", "mel_frequencies"},
    "core.audio.windows": {"in_windows"},
    "core.audio.harmonic_vocoder": {"BETWEEN_PARTIALS", "partial_combs"},
}
ALONE = ("yt_dlp", "sounddevice", "torchvggish", "fluidsynth")  # one module each, inside functions
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "wrapper", "tools"}


class Import(NamedTuple):
    """One imported module, where, which names of it, and whether when its importer is imported."""

    importer: str
    module: str
    names: frozenset[str]
    at_start: bool


def module_name(path: Path) -> str:
    """`stylebox/core/paths.py` -> `core.paths`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): ast.parse(path.read_text("utf-8")) for path in sorted(ROOT.rglob("*.py"))}


def imports_of(importer: str) -> Iterator[Import]:
    """Every import of a module, also those inside functions."""
    at_start = {id(node) for node in walk_outside_functions(SOURCES[importer])}
    for node in ast.walk(SOURCES[importer]):
        now = id(node) in at_start
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(importer, alias.name, frozenset(), now)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{importer}: relative import"
            assert node.module
            names = frozenset(alias.name for alias in node.names)
            submodules = {name for name in names if f"{node.module}.{name}".removeprefix("stylebox.") in SOURCES}
            for name in submodules:
                yield Import(importer, f"{node.module}.{name}", frozenset(), now)
            if names - submodules:
                yield Import(importer, node.module, names - submodules, now)


def walk_outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes that run when a module is imported; `if TYPE_CHECKING` does not."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from walk_outside_functions(child)


def top(module: str) -> str:
    return module.partition(".")[0]


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def floor(module: str) -> int:
    """Height of the room of one of our modules."""
    for height, rooms in enumerate(ROOMS):
        if any(within(module, room) for room in rooms):
            return height
    raise AssertionError(f"{module}: in no room; name its room in this test")


IMPORTS = [found for module in SOURCES for found in imports_of(module)]
OURS = [i._replace(module=i.module.removeprefix("stylebox.")) for i in IMPORTS if top(i.module) == "stylebox"]


def importers(room: str, of: str) -> list[str]:
    """Imports from `room` of something in `of`, as sentences."""
    return [f"{i.importer} imports {i.module}" for i in OURS if within(i.importer, room) and within(i.module, of)]


def test_every_module_has_a_room() -> None:
    assert {floor(module) for module in SOURCES if module not in ("", "core")} == set(range(len(ROOMS)))
    assert [i for i in OURS if i.importer in ("", "core") and i.at_start] == []


def test_imports_go_downwards() -> None:
    upwards = [
        f"{i.importer} imports {i.module}"
        for i in OURS
        if i.importer and i.module not in ("", "stylebox") and floor(i.module) > floor(i.importer)
    ]
    assert upwards == []


@pytest.mark.parametrize(("room", "of"), [(room, of) for room, others in FORBIDDEN.items() for of in others])
def test_a_room_does_not_import_what_it_must_not_know(room: str, of: str) -> None:
    assert importers(room, of) == []


def test_only_jobs_and_evaluation_import_the_papers_system() -> None:
    assert [
        f"{i.importer} imports {i.module}"
        for i in OURS
        if within(i.module, "core.paper") and not any(within(i.importer, room) for room in OF_THE_PAPER)
    ] == []


def test_nothing_below_imports_commands_or_the_console() -> None:
    assert importers("core", "commands") == importers("core", "console") == importers("console", "commands") == []


@pytest.mark.parametrize("module", ["stylebox.core.pipeline.pipeline", "stylebox.core.jobs.transfer"])
def test_inference_loads_neither_training_nor_data(module: str) -> None:
    code = f"import {module}, sys; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert module in loaded
    unwanted = ("stylebox.core.training", "stylebox.core.data", "stylebox.core.evaluation")
    assert [name for name in loaded if any(within(name, room) for room in unwanted)] == []


@pytest.mark.parametrize("shipped", [True, False])
def test_a_model_that_plays_does_not_import_the_compiler(tmp_path: Path, shipped: bool) -> None:
    """That takes a second or more. The networks of files that do not ship are checked before they are made."""
    model = ROOT / "weights" / "base"
    if not shipped:
        model = Path(shutil.copytree(model, tmp_path / "model"))
    play = f"stylebox.load({str(model)!r}).generate(style='violin', seconds=0.5, steps=1)"
    code = f"import stylebox, sys; {play}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "torch" in loaded
    assert "torch._dynamo" not in loaded


def test_the_walk_sees_imports() -> None:
    assert Import("core.lock", "stylebox.core.errors", frozenset({"StyleboxError"}), True) in IMPORTS
    assert Import("core.device", "torch", frozenset(), False) in IMPORTS
    assert floor("core.music.notes") < floor("core.data.build") < floor("cli")
    assert importers("core.jobs", "core.paper")
    with pytest.raises(AssertionError, match="in no room"):
        floor("core.cellar")


def test_networks_and_noise_know_no_sound() -> None:
    knowing = [
        f"{i.importer} imports {i.module}"
        for i in OURS
        if i.importer.startswith(("core.models", "core.diffusion"))
        and i.module.startswith(("core.audio", "core.music"))
        and not (i.names and i.names <= KNOWN_OF_SOUND.get(i.module, set()))
    ]
    assert knowing == []


def test_music_knows_no_network_and_no_audio() -> None:
    known = {"core.errors", "core.file_names", "core.files"}
    of_music = [i for i in OURS if i.importer.startswith("core.music")]
    assert [i.module for i in of_music if i.module not in known and not i.module.startswith("core.music")] == []
    others = {top(i.module) for i in IMPORTS if i.importer.startswith("core.music")}
    assert others <= {
        *("stylebox", "bisect", "collections", "csv", "dataclasses", "difflib", "functools", "importlib", "itertools"),
        *("io", "math", "pathlib", "re", "typing", "unicodedata"),
        *("numpy", "mido", "mir_eval"),
    }


def test_music_and_audio_reach_no_network() -> None:
    reaching = [
        f"{i.importer} imports {i.module}"
        for i in IMPORTS
        if i.importer.startswith(("core.music", "core.audio")) and top(i.module) in NETWORK
    ]
    assert reaching == []


def test_networks_touch_no_disk() -> None:
    touching = [
        f"{i.importer} imports {i.module}"
        for i in IMPORTS
        if i.importer.startswith(("core.models", "core.diffusion", "core.paper.networks"))
        and (
            top(i.module) in {"pathlib", "os", "io", "safetensors", "json", "shutil", "accelerate"}
            or i.module in {"stylebox.core.files", "stylebox.core.paths"}
        )
    ]
    assert touching == []


def test_sampling_knows_no_network() -> None:
    assert [i for i in IMPORTS if i.importer == "core.diffusion.sampling" and i.module.startswith("torch.nn")] == []
    assert importers("core.diffusion", "core.models") == []


@pytest.mark.parametrize("package", ["typer", "rich", "click", "argparse"])
def test_core_knows_no_screen(package: str) -> None:
    assert [i.importer for i in IMPORTS if i.importer.startswith("core") and top(i.module) == package] == []


def test_core_never_prints() -> None:
    printing = [
        f"{module}:{node.lineno}"
        for module, tree in SOURCES.items()
        for node in ast.walk(tree)
        if module.startswith("core") and isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "input")
    ]
    assert printing == []


@pytest.mark.parametrize("package", ALONE)
def test_lives_behind_one_module(package: str) -> None:
    modules = {i.importer for i in IMPORTS if top(i.module) == package}
    assert len(modules) <= 1
    assert [i.importer for i in IMPORTS if top(i.module) == package and i.at_start] == []


def test_rich_is_the_consoles_and_typer_the_commands() -> None:
    assert {top(i.importer) for i in IMPORTS if top(i.module) == "rich"} == {"console"}
    assert {top(i.importer) for i in IMPORTS if top(i.module) == "typer"} == {"cli", "commands", "console"}


def test_commands_import_the_core_when_called() -> None:
    cheap = {"core.errors", "core.interrupts", "core.progress", "core.temporary_files"}
    early = [
        f"{i.importer} imports {i.module}"
        for i in OURS
        if top(i.importer) != "core" and i.at_start and i.module.startswith("core") and i.module not in cheap
    ]
    assert early == []


def test_no_drawers() -> None:
    assert [module for module in SOURCES if DRAWERS & set(module.split("."))] == []


def test_every_module_says_what_it_is() -> None:
    assert [module for module, tree in SOURCES.items() if not ast.get_docstring(tree)] == []
