"""`stylebox record --live`: transfer while the music is played."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stylebox.commands.loading import load_model
from stylebox.console.choices import DeviceName
from stylebox.console.console import console
from stylebox.console.exit import FAILED
from stylebox.console.option_groups import Microphone
from stylebox.console.views import show_kept_take, show_take
from stylebox.core.progress import Progress

if TYPE_CHECKING:
    from stylebox.core.audio.io.devices.duplex import DuplexStream
    from stylebox.core.jobs.live import LiveSession
    from stylebox.core.pipeline.options import TransferOptions
    from stylebox.core.sources.record.recorder import Take


def record_live(
    options: "TransferOptions",
    microphone: Microphone,
    model: str,
    device: DeviceName,
    look_ahead: float | None,
    instrument: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Play a transfer while it is recorded; keep the take and, at `output`, what was played.

    Args:
        options: What the user asks for.
        microphone: The input.
        model: Name or folder.
        device: Where the networks compute.
        look_ahead: In seconds; None is the default.
        instrument: Whose training material the take becomes; None for none.
        output: File or folder of what is played; None keeps only the take.
        as_json: Show the report as JSON.
    """
    from stylebox.core.audio.io.devices.duplex import open_duplex
    from stylebox.core.jobs.live import connect, open_session
    from stylebox.core.jobs.record import keep_take
    from stylebox.core.pipeline.live import LOOK_AHEAD_SECONDS

    stream = open_duplex(microphone.audio_input, microphone.channel)
    ahead = LOOK_AHEAD_SECONDS if look_ahead is None else look_ahead
    pipeline = load_model(model, device)
    with console.progress() as progress:
        progress(Progress("speed test", 0, 1))
        session = open_session(pipeline, options, stream.sample_rate, ahead, console.note)
    connect(session, stream)
    if output is not None:
        session.keep(output / f"live-{options.spec.slug}.wav" if output.is_dir() else output)
    take = _play(stream, session, microphone.seconds)
    show_take(take, not as_json)
    kept = keep_take(take.path, instrument, None, force=False)
    show_kept_take(kept, not as_json)
    written = session.finish(take.trimmed_seconds, take.seconds)
    if as_json:
        made = {"live": session.state, "seed": session.seed, "transpose": session.transpose, "output": written}
        console.document({"take": take, "filed": kept.filed, **made})
    elif written is not None:
        console.result(written)
    if take.failure is not None:  # shown already
        raise typer.Exit(FAILED)


def _play(stream: "DuplexStream", session: "LiveSession", seconds: float | None) -> "Take":
    """Record and play until the end, while a meter shows level, latency and load.

    Raises:
        Exception: what the transfer raised; the take up to there is kept.
    """
    from stylebox.console.level_meter import stop_request
    from stylebox.console.live_meter import live_meter
    from stylebox.core.paths import recordings_dir
    from stylebox.core.sources.record.recorder import record

    console.note(f"playing live from {stream.name} at {stream.sample_rate} Hz; Enter or Ctrl-C ends the take")
    try:
        with stop_request() as stop, live_meter(lambda: session.state) as meter:
            take = record(stream, recordings_dir(), seconds=seconds, stop=stop, meter=meter)
    except Exception:
        session.discard()
        raise
    if stream.failure is not None:
        raise stream.failure
    return take
