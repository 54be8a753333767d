"""Write the manual page docs/stylebox.1 from docs/cli.md; `python docs/make_cli.py` writes both.

`man -l docs/stylebox.1` shows it.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from stylebox import __version__

SOURCE = Path(__file__).with_name("cli.md")
PAGE = Path(__file__).with_name("stylebox.1")
COMMAND = "## stylebox "

HEAD = f"""\
.\\" Written by docs/make_man.py; do not edit.
.TH STYLEBOX 1 "" "stylebox {__version__}" "User Commands"
.SH NAME
stylebox \\- play a recording with another instrument: same notes, same timing, same length
.SH SYNOPSIS
.B stylebox
.I COMMAND
.RI [ OPTIONS ]
.SH EXAMPLES
.EX
stylebox transfer melody.m4a \\-\\-style flute \\-o melody\\-flute.mp3
stylebox transfer takes/ \\-\\-style cello \\-o cellos/
stylebox styles
.EE
.SH DESCRIPTION
"""

FOOT = """\
.SH FILES
The data directory holds sources, the dataset, models and takes. It is the one that
.B STYLEBOX_HOME
names, or else the usual one of the system for data of a user;
.B stylebox doctor
prints it.
"""


def page(source: str) -> str:
    """The manual page in roff.

    Args:
        source: The page of commands, in Markdown.
    """
    head, *sections = source.split(f"\n{COMMAND}")
    paragraphs = [part for part in head.split("\n\n")[1:] if not part.startswith("Written by")]
    described = "\n".join(f".PP\n{roff(paragraph)}" for paragraph in paragraphs)
    commands = "\n".join(line for section in sections for line in command(section))
    return f"{HEAD}{described}\n.SH COMMANDS\n{commands}\n{FOOT}"


def command(section: str) -> Iterator[str]:
    """The lines of one command: its usage, what it does, its arguments and options."""
    section = section.partition("\n## ")[0]  # what follows the last command is no command
    name, _, text = section.partition("\n")
    description, usage, options = text.partition("```\n")[0], *text.partition("```\n")[2].split("```\n", 1)
    yield f".SS {roff(name)}"
    yield f".B {roff(usage)}"
    for paragraph in description.strip().split("\n\n"):
        yield f".PP\n{roff(paragraph)}"
    for row in re.findall(r"^\| `(.+?)` \| (.*?) \| (.*) \|$", options, re.MULTILINE):
        spelling, values, meaning = (cell.replace("\\|", "|") for cell in row)
        yield f".TP\n\\fB{roff(spelling)}\\fR{f' ({roff(values)})' if values else ''}\n{roff(meaning)}"


def roff(text: str) -> str:
    """A text of Markdown as one of roff: code in bold, links as their text, nothing taken for a request."""
    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text.strip())
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", text)
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.MULTILINE)


def write() -> None:
    """Write the page."""
    PAGE.write_text(page(SOURCE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    write()
