"""Arguments and options of the commands that look at or change what is set up: info, config and styles."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from stylebox.console.completion import complete_model, complete_preset, complete_style

# info
File = Annotated[Path | None, Argument(help="A recording, or a file of a model.")]
SomeModel = Annotated[
    str | None,
    Option("--model", autocompletion=complete_model, help="Model listed by `stylebox models`. Default: base."),
]
SomePreset = Annotated[
    str | None, Option("--preset", autocompletion=complete_preset, help="Preset: base, paper or tiny.")
]

# config
Key = Annotated[str, Argument(help="Name of an option without its dashes, or COMMAND.OPTION, such as transfer.steps.")]
Values = Annotated[list[str], Argument(metavar="VALUE", help="Value; several for an option that can be repeated.")]

# styles
StyleName = Annotated[str, Argument(metavar="NAME", autocompletion=complete_style, help="Name of the style.")]
Clips = Annotated[
    list[Path],
    Argument(metavar="CLIP", help="Recordings of the sound alone, or folders of them; half a minute is used."),
]
Like = Annotated[
    str | None,
    Option(
        help="Instrument whose range and way of playing it has, such as guitar for a mandolin. "
        "Default: the instrument in the name, otherwise the notes of the clips decide."
    ),
]
ReplaceStyle = Annotated[bool, Option("--force", help="Replace a style that you added under this name.")]
StylePlot = Annotated[
    Path | None, Option("--plot", help="Also draw notes over its range, soft and loud, to this PNG file.")
]
