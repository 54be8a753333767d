"""The size of files and functions, and what a public docstring must contain. Ruff and mypy check the rest of the style.

A room is a folder of the package.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import stylebox
import stylebox.core.errors

ROOT = Path(stylebox.__file__).parent
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60
MIN_ARGS = 3  # parameters from which on a docstring explains each of them
ARRAYS = re.compile(r"\b(Tensor|ndarray)\b")
ERRORS = {name for name in vars(stylebox.core.errors) if name.endswith("Error")}
SECTION = r"^\s*{}:\s*$"
HELP_PAGES = ("cli.py", "commands/")  # Typer prints their docstrings; options are described where they are declared

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Finding(NamedTuple):
    """Something that breaks a rule."""

    room: str
    place: str
    rule: str


def functions(tree: ast.Module) -> Iterator[tuple[Function, ast.ClassDef | None]]:
    """Every function of a module and every method of its classes, with the class.

    Functions inside functions and the signatures of overloads are left out.
    """
    for node in tree.body:
        if isinstance(node, Function) and "overload" not in map(ast.unparse, node.decorator_list):
            yield node, None
        elif isinstance(node, ast.ClassDef):
            yield from ((method, node) for method in node.body if isinstance(method, Function))


def parameters(function: Function, owner: ast.ClassDef | None) -> list[ast.arg]:
    """The parameters that a caller gives: without ``self`` and ``cls``."""
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)
    return given if owner is None or static else given[1:]


def has_section(docstring: str, title: str) -> bool:
    """Whether a Google docstring has a section of that title."""
    return re.search(SECTION.format(title), docstring, re.MULTILINE) is not None


def own_raises(function: Function) -> set[str]:
    """The kinds of StyleboxError that the function raises itself, functions inside it apart."""
    found: set[str] = set()
    queue: list[ast.AST] = list(function.body)
    while queue:
        node = queue.pop()
        if isinstance(node, Function):
            continue
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
            found |= {node.exc.func.id} & ERRORS
        queue += ast.iter_child_nodes(node)
    return found


@cache
def documented_methods() -> dict[tuple[str, str], str]:
    """The docstrings of the package's methods, by class and method."""
    trees = (ast.parse(path.read_text("utf-8")) for path in ROOT.rglob("*.py"))
    methods = ((owner.name, function) for tree in trees for function, owner in functions(tree) if owner is not None)
    return {(owner, function.name): ast.get_docstring(function) or "" for owner, function in methods}


def inherited_docstring(function: Function, owner: ast.ClassDef | None) -> str:
    """What documents a method besides its own docstring: its network's, or the method that it overrides."""
    if owner is None:
        return ""
    if function.name == "forward":
        return ast.get_docstring(owner) or ""
    return "\n".join(documented_methods().get((ast.unparse(base), function.name), "") for base in owner.bases)


def docstring_problems(function: Function, owner: ast.ClassDef | None) -> Iterator[str]:
    """What is missing from the docstring of a public function."""
    docstring = ast.get_docstring(function) or ""
    if not docstring:
        yield "has no docstring"
        return
    inherited = inherited_docstring(function, owner)
    given = parameters(function, owner)
    if len(given) >= MIN_ARGS:
        described = docstring + "\n" + inherited
        missing = [arg.arg for arg in given if not re.search(rf"^\s+\*{{0,2}}{arg.arg}: ", described, re.MULTILINE)]
        if missing and function.name != "forward":
            yield f"has no Args for {', '.join(missing)}"
    annotations = [ast.unparse(arg.annotation) for arg in given if arg.annotation is not None]
    annotations += [ast.unparse(function.returns)] if function.returns is not None else []
    if ARRAYS.search(" ".join(annotations)) and not any(has_section(d, "Shape") for d in (docstring, inherited)):
        yield "has no Shape"
    missing = sorted(kind for kind in own_raises(function) if not re.search(rf"^\s+{kind}: ", docstring, re.MULTILINE))
    if missing:
        yield f"has no Raises for {', '.join(missing)}"


def findings() -> Iterator[Finding]:
    """All of the package."""
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        room = path.parent.relative_to(ROOT).as_posix()
        text = path.read_text("utf-8")
        lines = len(text.splitlines())
        if lines > MAX_FILE_LINES:
            yield Finding(room, name, f"has {lines} lines")
        for function, owner in functions(ast.parse(text)):
            place = f"{name}:{function.lineno} {function.name}"
            assert function.end_lineno is not None
            lines = function.end_lineno - min(d.lineno for d in [function, *function.decorator_list]) + 1
            if lines > MAX_FUNCTION_LINES:
                yield Finding(room, place, f"has {lines} lines")
            private = function.name.startswith("_") or (owner is not None and owner.name.startswith("_"))
            if not private and not name.startswith(HELP_PAGES):
                for problem in docstring_problems(function, owner):
                    yield Finding(room, place, problem)


@cache
def by_room() -> dict[str, list[Finding]]:
    """The findings of each room."""
    rooms: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings():
        rooms[finding.room].append(finding)
    return rooms


@pytest.mark.parametrize("room", sorted({p.parent.relative_to(ROOT).as_posix() for p in ROOT.rglob("*.py")}))
def test_files_and_functions_are_short_and_public_functions_are_documented(room: str) -> None:
    """No file breaks a rule."""
    assert [f"{finding.place} {finding.rule}" for finding in by_room().get(room, [])] == []


SAMPLE = '''
class Gate:
    """A network.

    Shape:
        ``(B, S)`` -> the same.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""

    def scaled(self, x: Tensor, factor: float) -> Tensor:
        """Multiply."""

def read(path, rate, strict):
    """Read a sound.

    Args:
        path: The file.
        rate: In Hz.
    """
    raise AudioError("no")

def silent(path): ...
'''


def test_the_rules_find_what_is_missing() -> None:
    """A method without Shape, a parameter and an error that are not described, and no docstring at all."""
    found = {f.name: list(docstring_problems(f, owner)) for f, owner in functions(ast.parse(SAMPLE))}
    assert found == {
        "forward": [],
        "scaled": ["has no Shape"],
        "read": ["has no Args for strict", "has no Raises for AudioError"],
        "silent": ["has no docstring"],
    }
