"""Write the tree of the package into docs/architecture.md, one line per file: `python docs/make_tree.py`.

A file's line is the first line of its module's docstring. A test holds the page to the package.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = Path(__file__).with_name("architecture.md")
BEGIN, END = "<!-- tree: python docs/make_tree.py -->", "<!-- end of the tree -->"
ROOMS = (
    *("evaluation", "jobs", "paper", "training", "data", "pipeline", "store", "sources", "models", "diffusion"),
    *("audio", "music"),
)  # of stylebox/core, as imports run: from the first down to the last


def tree() -> str:
    """The package as a block of text: folders, files, and what each is for."""
    return "\n".join(["```", *lines(ROOT / "stylebox", 0), "```"])


def page() -> str:
    """The page of the architecture with the tree of today."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{tree()}\n{END}{after}"


def lines(folder: Path, depth: int) -> Iterator[str]:
    """One line per folder and file, files first."""
    indent = "  " * depth
    yield f"{indent}{folder.name}/  {first_line(folder / '__init__.py')}"
    for path in sorted(folder.glob("*.py")):
        if path.name != "__init__.py":
            yield f"{indent}  {path.name}  {first_line(path)}"
    for inner in sorted(folder.iterdir(), key=order):
        if inner.is_dir() and (inner / "__init__.py").is_file():
            yield from lines(inner, depth + 1)


def order(path: Path) -> tuple[int, str]:
    """Rooms of the core as imports run; other folders by name."""
    return (ROOMS.index(path.name) if path.parent.name == "core" and path.name in ROOMS else -1, path.name)


def first_line(module: Path) -> str:
    """The first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(module.read_text("utf-8"))) or "").partition("\n")[0]


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
