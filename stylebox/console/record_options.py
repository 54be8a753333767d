"""Options of `stylebox record`, each declared once with its help. Imports neither commands nor core."""

from pathlib import Path
from typing import Annotated

from typer import Option

from stylebox.console.choices import DeviceName, record_device
from stylebox.console.completion import complete_style
from stylebox.console.options import DEVICE_HELP

TakeStyle = Annotated[
    str | None,
    Option(
        "--style",
        "-s",
        autocompletion=complete_style,
        help="Also transfer the take to this style: a name listed by `stylebox styles`, or a recording.",
    ),
]
TakeSeconds = Annotated[
    float | None, Option("--seconds", min=0.1, help="End the take after this many seconds. Default: no limit.")
]
AudioInput = Annotated[
    str | None,
    Option("--input", help="Microphone or other audio input: its number, or part of its name. Default: the system's."),
]
ListDevices = Annotated[bool, Option("--list-devices", help="List the audio inputs and stop.")]
Channel = Annotated[int | None, Option(min=1, help="Channel to record. Default: the first two.")]
Live = Annotated[
    bool, Option("--live", help="Transfer while you play: the output follows after a fixed time, which is shown.")
]
LookAhead = Annotated[
    float | None,
    Option(
        "--look-ahead",
        min=0.1,
        max=4.0,
        help="Seconds of music that --live knows before it plays: more find more notes, and come later. Default: 0.4.",
    ),
]
Instrument = Annotated[str | None, Option(help="Also keep the take as training material of this instrument.")]
TakeOutput = Annotated[
    Path | None, Option("--output", "-o", help="File for the transfer or, without --style, for a copy of the take.")
]
RecordDevice = Annotated[
    DeviceName, Option("--device", parser=record_device, metavar="<auto|cuda|mps|cpu>", help=DEVICE_HELP)
]
Compute = Annotated[DeviceName | None, Option("--compute", hidden=True, help="The former name of --device.")]
