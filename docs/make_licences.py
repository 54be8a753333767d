"""Write licences.md: the packages that stylebox needs, direct and indirect, with their licences.

    python docs/make_licences.py

The direct ones are those of pyproject.toml; the licences are those that the installed packages declare.
"""

import re
import tomllib
from collections.abc import Sequence
from importlib.metadata import PackageMetadata, distribution
from pathlib import Path

from packaging.requirements import Requirement

PAGE = Path(__file__).with_name("licences.md")
PROJECT = Path(__file__).parents[1] / "pyproject.toml"
INTRODUCTION = """# Licences of the packages that stylebox needs

Written by `python docs/make_licences.py` from what the installed packages declare; do not edit. stylebox itself has
the [MIT licence](../LICENSE). The material that its weights were trained on is listed
[beside them](../stylebox/weights/base/ATTRIBUTION.md).

If you pass on stylebox together with these packages, as one program, you have to follow their licences too. The
strictest are mutagen's (GPL 2 or later) and that of the FFmpeg libraries in the wheels of av.

| package | needed by | licence |
|---|---|---|
"""


def normalised(name: str) -> str:
    """The name of a distribution as package indexes spell it.

    >>> normalised("Typing_Extensions")
    'typing-extensions'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(metadata: PackageMetadata) -> str:
    """The licence that a package declares: an expression, else its classifiers, else the first line of its text."""
    declared = metadata.get("License-Expression")
    if declared:
        return str(declared)
    classifiers = [line.split(" :: ")[-1] for line in metadata.get_all("Classifier") or [] if "License ::" in line]
    named = [name for name in classifiers if name != "OSI Approved"]
    text = str(metadata.get("License") or "").strip()
    return "; ".join(named) or (text.splitlines()[0] if text else "not declared")


def needed(root: str, requirements: Sequence[str]) -> dict[str, set[str]]:
    """Every package that one needs on this system, directly or through others, with those that need it."""
    found: dict[str, set[str]] = {}
    waiting = [(root, requirements)]
    while waiting:
        name, lines = waiting.pop()
        for line in lines:
            requirement = Requirement(line)
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
                continue
            package = normalised(requirement.name)
            if package not in found:
                waiting.append((package, distribution(package).requires or []))
            found.setdefault(package, set()).add(normalised(name))
    return found


def page() -> str:
    """The text of licences.md."""
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    found = sorted(needed(project["name"], project["dependencies"]).items())
    rows = [
        f"| {name} | {', '.join(sorted(users))} | {licence(distribution(name).metadata)} |" for name, users in found
    ]
    return INTRODUCTION + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
