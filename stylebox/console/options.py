"""Arguments and options of the commands, each declared once with its help. Imports neither commands nor core."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from stylebox.console.choices import (
    BitsName,
    CodecName,
    DeviceName,
    FormatName,
    Share,
    StageName,
    VocoderName,
    bytes_per_second,
    share,
)
from stylebox.console.completion import complete_model, complete_preset, complete_style


def _common(*names: str, help: str) -> object:
    """An option that every command has."""
    return Option(*names, help=help, rich_help_panel="Common options")


# Every command
Quiet = Annotated[bool, _common("--quiet", "-q", help="Print only results and errors.")]
Verbose = Annotated[bool, _common("--verbose", "-v", help="Print more details.")]
Debug = Annotated[bool, _common("--debug", help="Print the traceback of an unexpected error.")]

# Many commands
DEVICE_HELP = "Computing device of the networks; auto is the first there is of CUDA, Apple's MPS and the CPU."
AsJson = Annotated[bool, Option("--json", help="Print the report as one JSON document.")]
Force = Annotated[bool, Option("--force", help="Replace existing files.")]
Device = Annotated[DeviceName, Option(help=DEVICE_HELP)]
Model = Annotated[
    str,
    Option(
        autocompletion=complete_model,
        help="Model listed by `stylebox models`, or path of a model folder such as ./mine.",
    ),
]
Preset = Annotated[str, Option(autocompletion=complete_preset, help="Networks and settings: base, paper or tiny.")]
Dataset = Annotated[Path | None, Option(help="Folder of the dataset. Default: the dataset in the data directory.")]
TrainingDataset = Annotated[
    str | None,
    Option(
        "--dataset",
        metavar="PLACE",
        help="Folder of the dataset, or folder or address of its shards. Default: the dataset in the data directory.",
    ),
]

# fetch, render and build
Catalogue = Annotated[
    Path | None,
    Argument(metavar="CSV", help="List with the columns instrument,title,url; - reads stdin.", allow_dash=True),
]
Example = Annotated[
    bool, Option("--example", help="Write a small example list and stop. Default name: urls.csv; - writes to stdout.")
]
ForceExample = Annotated[bool, Option("--force", help="Replace the list that --example writes, if it exists.")]
Downloads = Annotated[int, Option("--jobs", min=1, max=64, help="Number of parallel downloads.")]
Codec = Annotated[
    CodecName | None, Option(help="Convert recordings to this format. Default: keep the format of the download.")
]
Playlists = Annotated[bool, Option("--playlists", help="Download every entry of a playlist or feed.")]
RateLimit = Annotated[
    float | None,
    Option(
        parser=bytes_per_second,
        metavar="RATE",
        help="Limit of all downloads together in bytes per second, such as 500k or 2M. Default: no limit.",
    ),
]
Cookies = Annotated[Path | None, Option(help="Browser cookies as a cookies.txt file, for sites that need a login.")]
Proxy = Annotated[str | None, Option(help="Proxy to use: http://host:port or socks5://host:port. Default: none.")]
Retries = Annotated[int, Option(min=0, help="Number of retries per download, after longer and longer pauses.")]
Prune = Annotated[
    bool, Option("--prune", help="Delete earlier downloads that the list no longer names, after confirmation.")
]
Yes = Annotated[bool, Option("--yes", "-y", help="Do not ask for confirmation.")]
SoundFonts = Annotated[
    list[Path] | None,
    Option("--soundfont", help="SoundFont to play with; repeat for several. Default: those of this system."),
]
MidiFolder = Annotated[Path | None, Option(help="MIDI file, or folder of MIDI files, to play. Default: random pieces.")]
Minutes = Annotated[float, Option(min=0.05, max=100_000, help="Minutes of audio per instrument.")]
Instruments = Annotated[
    str | None,
    Option(help="Instruments, separated by commas, or all. Default: eight frequent ones, from piano to trumpet."),
]
Samples = Annotated[
    Path | None, Option(help="Folder of recorded notes with an INDEX.tsv, used in addition to the SoundFonts.")
]
Timbres = Annotated[
    int | None, Option(min=1, help="Number of timbres that play each piece. Default: one per instrument.")
]
Pedal = Annotated[
    float, Option(min=0.0, max=1.0, help="Share of struck and plucked pieces that are played with the pedal down.")
]
To = Annotated[Path | None, Option(help="Folder to write to. Default: the sources folder of the data directory.")]
RenderSeed = Annotated[int, Option(min=0, help="Random seed; the same seed gives the same pieces.")]
Sources = Annotated[
    Path | None,
    Argument(
        help="Folder of recordings, one folder per instrument. Default: the sources folder of the data directory."
    ),
]
MaxMinutes = Annotated[float, Option(min=0.05, max=100_000, help="Use at most this many minutes of one recording.")]
Equalise = Annotated[
    bool, Option("--equalise", help="Use as much of each instrument as there is of the one with the least.")
]
Images = Annotated[
    bool, Option("--images", help="Also write spectrograms as greyscale PNG files, one folder per instrument.")
]
Pairs = Annotated[
    int | None, Option(min=1, help="Also write a CSV file with this many pairs of content and style. Default: none.")
]
Shards = Annotated[
    str | None,
    Option(
        metavar="PLACE", help="Also write the dataset as shards, to a folder or to an address such as s3://bucket/x."
    ),
]
ShardSize = Annotated[int, Option("--shard-mb", min=1, help="Size of a shard in megabytes.")]
Jobs = Annotated[int | None, Option(min=1, help="Number of parallel processes. Default: one per CPU core.")]

# train
Stage = Annotated[StageName, Argument(help="Part to train: ldm learns instruments; the others are rarely needed.")]
Config = Annotated[Path | None, Option(help="TOML file with settings that replace those of the preset.")]
Name = Annotated[str | None, Option(help="Name of the model. Default: the name of the preset.")]
FromScratch = Annotated[bool, Option("--from-scratch", help="Start from random weights; takes hours.")]
Resume = Annotated[bool, Option("--resume", help="Continue the last run of this stage.")]
Restart = Annotated[bool, Option("--force", help="Discard the last run of this stage and start again.")]
MaxSteps = Annotated[int | None, Option(min=1, help="Stop after this many steps in total. Default: the preset's.")]
BatchSize = Annotated[int | None, Option(min=1, help="Examples per step, over all processes. Default: the preset's.")]
Profile = Annotated[bool, Option("--profile", help="Measure where the time goes, and show it at the end.")]
StopMinutes = Annotated[
    float | None, Option("--max-minutes", min=0.0, help="Stop after this many minutes. Default: no limit.")
]

# transfer and generate
Inputs = Annotated[
    list[Path],
    Argument(
        metavar="IN", help="Recordings, folders, or patterns such as takes/*.wav; - reads stdin.", allow_dash=True
    ),
]
TransferStyles = Annotated[
    list[str],
    Option(
        "--style",
        "-s",
        autocompletion=complete_style,
        help="Name listed by `stylebox styles`, a recording, or a blend such as violin:0.7,flute:0.3; "
        "repeat for several.",
    ),
]
Format = Annotated[
    FormatName | None, Option(help="Format of outputs that --output does not name. Default: the --name's, or wav.")
]
NamePattern = Annotated[
    str | None,
    Option(
        "--name",
        metavar="PATTERN",
        help="Names of outputs, with {stem}, {style} and {model}, such as {style}/{stem}. Default: {stem}-{style}.",
    ),
]
TransferJobs = Annotated[
    int,
    Option(
        "--jobs",
        min=1,
        max=64,
        help="Transfer so many recordings at once, each in a process that loads the model: about 1 GB of memory each.",
    ),
]
Part = Annotated[
    Share | None,
    Option(
        parser=share,
        metavar="NUMBER/COUNT",
        help="Transfer only this share of the files, such as 2/8, so that several machines divide them. Default: all.",
    ),
]
Style = Annotated[
    str,
    Option(
        "--style",
        "-s",
        autocompletion=complete_style,
        help="Name listed by `stylebox styles`, a recording, or a blend such as violin:0.7,flute:0.3.",
    ),
]
Output = Annotated[
    Path | None,
    Option(
        "--output",
        "-o",
        help="File to write: wav, flac, ogg, mp3, m4a or opus; a folder for several; - writes to stdout. "
        "Default: in the current folder, named after input and style.",
    ),
]
Steps = Annotated[
    int | None,
    Option(
        min=0,
        max=1000,
        help="Number of diffusion steps; 0 gives the draft and is fastest. Default: the model's (base: 5).",
    ),
]
Guidance = Annotated[
    float | None,
    Option(
        min=0.0,
        help="How strongly diffusion follows the style; 1 adds nothing (classifier-free guidance). "
        "Default: the model's (base: 1).",
    ),
]
Strength = Annotated[
    float | None,
    Option(
        min=0.0,
        max=1.0,
        help="Noise that diffusion starts from: 0 keeps the draft, 1 is pure noise. Default: the model's (base: 1).",
    ),
]
Seed = Annotated[
    int | None, Option(min=0, help="Random seed; the same seed gives the same bytes. Default: a new one, printed.")
]
Transpose = Annotated[
    int | None,
    Option(
        min=-60,
        max=60,
        help="Semitones to transpose by; 0 keeps the pitches. Default: octaves into the register of the style.",
    ),
]
Vocoder = Annotated[VocoderName, Option(help="Method that turns the spectrogram into audio.")]
Follow = Annotated[
    float | None,
    Option(
        min=0.0,
        max=1.0,
        help="How closely to follow the loudness of the input, from 0 (per phrase) to 1 (at each moment). Default: 0.",
    ),
]
Bend = Annotated[
    float | None,
    Option(
        min=0.0,
        max=1.0,
        help="Share of the input's slides and vibrato to keep. Default: what the instrument can play.",
    ),
]
Vibrato = Annotated[
    float | None,
    Option(
        min=0.0,
        max=2.0,
        help="Depth of the instrument's own vibrato on long notes: 0 none, 1 usual, 2 deep. Default: 1.",
    ),
]
Mix = Annotated[
    float | None, Option(min=0.0, max=1.0, help="Share of the transfer; the rest is the input. Default: 1.")
]
Mono = Annotated[bool, Option("--mono", help="Fold the channels to one. Default: as many as the input has.")]
SampleRate = Annotated[int | None, Option(min=8000, max=384_000, help="Rate in Hz. Default: the input's, or 44100.")]
Bits = Annotated[BitsName | None, Option(help="Bits per sample; 32 is float. Default: as the input, up to 24.")]
MidiOut = Annotated[
    Path | None, Option(help="Also write the transcribed notes to this MIDI file; a folder for several inputs.")
]
NoBends = Annotated[
    bool, Option("--no-bends", help="Write no pitch bends: all notes at the pitch of their keys, on one channel.")
]
MidiFile = Annotated[
    Path | None,
    Option(
        "--output",
        "-o",
        help="MIDI file to write; a folder for several. Default: named after the recording, in the current folder.",
    ),
]
Plot = Annotated[
    Path | None, Option(help="Also draw spectrograms of input and output to this PNG file; a folder for several.")
]
Report = Annotated[
    Path | None,
    Option(help="Also write an HTML page that compares all styles of an input; a folder for several inputs."),
]
Notes = Annotated[Path | None, Option(help="MIDI file to play. Default: random notes.")]
Seconds = Annotated[
    float | None, Option(min=0.5, max=3600.0, help="Length of the random notes in seconds. Default: 12.")
]
Tempo = Annotated[float, Option(min=0.25, max=4.0, help="Speed of the notes; 2 is twice as fast.")]
Play = Annotated[bool, Option("--play", help="Play the result.")]
