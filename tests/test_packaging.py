"""The package as it is distributed: declared dependencies, metadata, and the files of the source distribution."""

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import stylebox

PACKAGE = Path(stylebox.__file__).parent
ROOT = PACKAGE.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
# Packages whose name on PyPI differs from the name that Python imports.
DISTRIBUTIONS = {"PIL": "pillow", "fluidsynth": "pyfluidsynth"}
TYPES_ONLY = {"_typeshed"}


def declared() -> set[str]:
    """The names of all dependencies."""
    return {normalised(re.split(r"[<>=!~ \[]", line)[0]) for line in PROJECT["project"]["dependencies"]}


def normalised(name: str) -> str:
    """Spell the name of a distribution as package indexes do."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported() -> set[str]:
    """The distributions that the package imports, also inside functions."""
    names = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    foreign = names - sys.stdlib_module_names - TYPES_ONLY - {"stylebox"}
    return {normalised(DISTRIBUTIONS.get(name, name)) for name in foreign}


def in_sdist(path: str) -> bool:
    """Whether the source distribution includes a file or folder of the repository."""
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    return f"/{path.partition('/')[0]}" in included


def links(page: Path) -> list[str]:
    """Targets of a page's links to files, from the root of the repository."""
    targets = re.findall(r"\]\(([^)#]+)", page.read_text("utf-8"))
    inside = [page.parent / target for target in targets if "://" not in target]
    return [path.resolve().relative_to(ROOT.resolve()).as_posix() for path in inside]


def test_every_imported_package_is_declared_and_every_declared_one_imported() -> None:
    assert imported() == declared()


@pytest.mark.parametrize("page", ["README.md", "MODEL_CARD.md", "docs/training.md", "examples/LICENSES.md"])
def test_the_source_distribution_holds_every_linked_file(page: str) -> None:
    assert in_sdist(page)
    assert [target for target in links(ROOT / page) if not (in_sdist(target) and (ROOT / target).exists())] == []


@pytest.mark.parametrize("folder", ["stylebox", "tests", "docs", "examples", "configs", "runs", "tools", "bench"])
def test_the_source_distribution_holds_every_folder_of_the_repository(folder: str) -> None:
    assert (ROOT / folder).is_dir()
    assert in_sdist(folder)


def test_the_page_of_licences_lists_every_dependency() -> None:
    page = (ROOT / "docs" / "licences.md").read_text("utf-8")
    rows = re.findall(r"^\| ([\w-]+) \| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE)
    assert {name for name, users, _ in rows if "stylebox" in users.split(", ")} == declared()
    assert all(set(users.split(", ")) <= {"stylebox", *(name for name, _, _ in rows)} for _, users, _ in rows[1:])
    assert "not declared" not in {licence for _, _, licence in rows}


def test_the_lock_file_holds_every_dependency() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    own = next(package for package in lock["package"] if package["name"] == "stylebox")
    extras = PROJECT["project"]["optional-dependencies"]
    assert {one["name"] for one in own["dependencies"]} == declared()
    assert {name: {one["name"] for one in listed} for name, listed in own["optional-dependencies"].items()} == {
        extra: {normalised(re.split(r"[<>=!~ \[]", line)[0]) for line in lines} for extra, lines in extras.items()
    }


def test_the_package_holds_its_data() -> None:
    names = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*") if path.is_file()}
    assert {"py.typed", "presets/base.toml", "core/music/instruments.csv", "weights/base/ATTRIBUTION.md"} <= names
    ignored = (ROOT / ".gitignore").read_text("utf-8").split() if (ROOT / ".gitignore").exists() else []
    assert "*.safetensors" not in ignored  # Hatch leaves out what Git ignores


def test_the_metadata_is_complete() -> None:
    project = PROJECT["project"]
    assert project["authors"] == [{"name": "stylebox developers"}]
    assert {"name", "description", "readme", "license", "keywords", "requires-python"} <= set(project)
    assert "Typing :: Typed" in project["classifiers"]
    assert all((ROOT / file).is_file() for file in project["license-files"])
