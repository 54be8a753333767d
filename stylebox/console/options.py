"""Arguments and options of the commands, each declared once with its help. Knows no command and no core."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, BadParameter, Option


class DeviceName(StrEnum):
    """Where the networks run."""

    auto = "auto"
    cuda = "cuda"
    mps = "mps"
    cpu = "cpu"


class StageName(StrEnum):
    """What can be trained."""

    vae = "vae"
    ldm = "ldm"
    content = "content"
    vocoder = "vocoder"


class VocoderName(StrEnum):
    """What turns a mel into sound."""

    auto = "auto"
    neural = "neural"
    harmonic = "harmonic"
    griffin_lim = "griffin-lim"


class CodecName(StrEnum):
    """What recordings can be converted to."""

    mp3 = "mp3"
    flac = "flac"
    wav = "wav"


def bytes_per_second(text: str) -> float:
    """`500k` or `2M` as bytes a second."""
    unit = {"k": 1e3, "m": 1e6, "g": 1e9}.get(text[-1:].lower())
    try:
        rate = float(text[:-1]) * unit if unit else float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise BadParameter(f"{text!r} is no rate; write 500k or 2M")
    return rate


def _everywhere(*names: str, help: str) -> object:
    return Option(*names, help=help, rich_help_panel="Everywhere")


# Every command
Quiet = Annotated[bool, _everywhere("--quiet", "-q", help="Say only results and errors.")]
Verbose = Annotated[bool, _everywhere("--verbose", "-v", help="Say more.")]
Debug = Annotated[bool, _everywhere("--debug", help="Show the traceback of an error.")]

# Many commands
AsJson = Annotated[bool, Option("--json", help="Report as one JSON document on stdout.")]
Force = Annotated[bool, Option("--force", help="Replace what exists.")]
Device = Annotated[DeviceName, Option(help="Where the networks run; auto takes CUDA if it is there.")]
Model = Annotated[str, Option(help="A model of `stylebox models`, or the path of a model's folder, such as ./mine.")]
Preset = Annotated[str, Option(help="Networks and settings: base, paper or tiny.")]
Dataset = Annotated[Path | None, Option(help="The dataset's folder; unless given, the data directory's.")]

# Sources and dataset
Catalogue = Annotated[
    Path | None,
    Argument(metavar="CSV", help="List with the columns instrument,title,url; - is stdin.", allow_dash=True),
]
Example = Annotated[bool, Option("--example", help="Write a small list to start from (urls.csv unless named).")]
Downloads = Annotated[int, Option("--jobs", min=1, max=64, help="Downloads at once.")]
Codec = Annotated[CodecName | None, Option(help="Convert to this; else recordings stay as they came.")]
Playlists = Annotated[bool, Option("--playlists", help="Fetch every entry of a playlist or feed.")]
RateLimit = Annotated[
    float | None,
    Option(parser=bytes_per_second, metavar="RATE", help="Bytes a second of all downloads together: 500k, 2M."),
]
Cookies = Annotated[Path | None, Option(help="Cookies of your browser, as cookies.txt, for sites with a login.")]
Proxy = Annotated[str | None, Option(help="Go through this proxy: http://host:port or socks5://host:port.")]
Retries = Annotated[int, Option(min=0, help="Attempts after the first, each after a longer wait.")]
Prune = Annotated[bool, Option("--prune", help="Delete what was fetched earlier and no row names, after asking.")]
Yes = Annotated[bool, Option("--yes", "-y", help="Do not ask.")]
SoundFonts = Annotated[
    list[Path] | None,
    Option("--soundfont", help="SoundFont to play with, again for more; else the system's."),
]
MidiFolder = Annotated[Path | None, Option(help="Folder of MIDI files to play; else pieces are invented.")]
Minutes = Annotated[float, Option(min=0.05, help="How much of each instrument.")]
Instruments = Annotated[str | None, Option(help="Names with commas between, or all; else those that ship.")]
Samples = Annotated[Path | None, Option(help="Folder of recorded notes with an INDEX.tsv, to play with, too.")]
Timbres = Annotated[int | None, Option(min=1, help="How many sounds play each piece; else one an instrument.")]
Pedal = Annotated[
    float, Option(min=0.0, max=1.0, help="Share of struck and plucked pieces played with the pedal down.")
]
To = Annotated[Path | None, Option(help="Folder to write to; else the data directory's sources.")]
RenderSeed = Annotated[int, Option(min=0, help="Same seed, same pieces.")]
Sources = Annotated[
    Path | None, Argument(help="Folder with a folder of recordings an instrument; else the data directory's.")
]
MaxMinutes = Annotated[float, Option(min=0.05, help="Use at most this much of one recording.")]
Equalise = Annotated[bool, Option("--equalise", help="Use as much of every instrument as of the scarcest.")]
Images = Annotated[bool, Option("--images", help="Also write greyscale PNGs, a folder an instrument.")]
Pairs = Annotated[int | None, Option(min=1, help="Also write a CSV of this many content and style pairs.")]
Jobs = Annotated[int | None, Option(min=1, help="Processes at once; else one a core.")]

# Training
Stage = Annotated[StageName, Argument(help="vae, then ldm; content and vocoder ship trained.")]
Config = Annotated[Path | None, Option(help="TOML file of settings that differ from the preset's.")]
Name = Annotated[str | None, Option(help="What the model is called; else as the preset.")]
Resume = Annotated[bool, Option("--resume", help="Go on where the last run of this stage stopped.")]
MaxSteps = Annotated[int | None, Option(min=1, help="Stop after this many steps in all.")]
StopMinutes = Annotated[float | None, Option("--max-minutes", min=0.0, help="Stop after this much time.")]

# Transfer and generate
Inputs = Annotated[
    list[Path], Argument(metavar="IN", help="Recordings, or folders of them; - is stdin.", allow_dash=True)
]
Style = Annotated[
    str, Option("--style", "-s", help="A name of `stylebox styles`, a recording, or a blend: violin:0.7,flute:0.3.")
]
Output = Annotated[
    Path | None,
    Option("--output", "-o", help="wav, flac, ogg or mp3; a folder for many; - is stdout."),
]
Steps = Annotated[int | None, Option(min=0, max=1000, help="Diffusion steps; 0 is the draft alone, fastest.")]
Guidance = Annotated[float | None, Option(min=0.0, help="How strongly the style is urged; 1 is neutral.")]
Strength = Annotated[float | None, Option(min=0.0, max=1.0, help="How much of the draft is drawn anew.")]
Seed = Annotated[int | None, Option(min=0, help="Same seed, same bytes; else one is drawn and reported.")]
Transpose = Annotated[
    int | None,
    Option(
        min=-60,
        max=60,
        help="Semitones to move by, 0 for none. Default: octaves into the style's register.",
    ),
]
Vocoder = Annotated[VocoderName, Option(help="What turns the spectrogram into sound.")]
Follow = Annotated[
    float | None,
    Option(
        min=0.0,
        max=1.0,
        help="How closely to follow the input's loudness: 0 over phrases (unless given), 1 at each moment.",
    ),
]
Bend = Annotated[
    float | None,
    Option(min=0.0, max=1.0, help="How much of the input's slides and vibrato to take on; else as the instrument can."),
]
Vibrato = Annotated[
    float | None,
    Option(min=0.0, max=2.0, help="Depth of the instrument's own vibrato on long notes: 0 none, 1 usual, 2 deep."),
]
MidiOut = Annotated[Path | None, Option(help="Also write the notes that were heard, as MIDI; a folder for many.")]
Plot = Annotated[Path | None, Option(help="Also draw spectrograms of input and output, as PNG; a folder for many.")]
Report = Annotated[Path | None, Option(help="Also write a page to look at and listen to, as HTML; a folder for many.")]
Notes = Annotated[Path | None, Option(help="MIDI file to play; else notes are invented.")]
Seconds = Annotated[float | None, Option(min=0.5, max=3600.0, help="Length of what is invented; else 12.")]
Play = Annotated[bool, Option("--play", help="Play what was made.")]

# Evaluate
TestInputs = Annotated[
    Path | None, Option("--inputs", help="Folder of recordings to transfer; else a dataset's held-out ones.")
]
Styles = Annotated[
    str | None,
    Option(
        "--styles",
        help="Names or recordings, with commas; needed with --inputs, else all the model knows.",
    ),
]
Limit = Annotated[int, Option(min=1, help="Transfers to make.")]
TableSeed = Annotated[int, Option("--seed", min=0, help="Same seed, same cases, same table.")]
Csv = Annotated[Path | None, Option("--csv", help="Also write the table as CSV.")]
EvaluationReport = Annotated[
    Path | None, Option("--report", help="Also write a page with the table, players and spectrograms, as HTML.")
]

# Record
TakeStyle = Annotated[
    str | None, Option("--style", "-s", help="Also transfer the take: a name of `stylebox styles`, or a recording.")
]
TakeSeconds = Annotated[float | None, Option("--seconds", min=0.1, help="End the take after this much.")]
AudioDevice = Annotated[str | None, Option("--device", help="An input's number or part of its name; else the default.")]
ListDevices = Annotated[bool, Option("--list-devices", help="List the inputs, and record nothing.")]
Channel = Annotated[int | None, Option(min=1, help="The one channel to record; else the first two.")]
Instrument = Annotated[str | None, Option(help="Also file the take as training material of this instrument.")]
TakeOutput = Annotated[
    Path | None, Option("--output", "-o", help="Where the transfer goes, or without --style a copy of the take.")
]
Compute = Annotated[DeviceName, Option("--compute", help="Where the networks run; auto takes CUDA if it is there.")]

# Looking around
File = Annotated[Path | None, Argument(help="A recording, or a file of a model.")]
SomeModel = Annotated[str | None, Option("--model", help="A model of `stylebox models`.")]
SomePreset = Annotated[str | None, Option("--preset", help="A preset: base, paper or tiny.")]
