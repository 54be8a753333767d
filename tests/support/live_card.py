"""A sound card for live playing, as PortAudio shows it; its microphone plays a file, which is opened half-way again."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from stylebox.core.config import SAMPLE_RATE
from support.microphones import FakePortAudio, music

DEVICE = Path("card.dev")  # below the current folder, as a system shows its devices: without it the card is gone
_SECONDS = 1.0
_PAUSE_SECONDS = 0.002  # per block, so that other threads run


class LiveCard(FakePortAudio):
    """Gives a second of music, then silence, faster than a real card does; ends when its device is no longer there."""

    def query_devices(self, device: int | str | None = None, kind: str | None = None) -> dict[str, Any]:
        """As in `sounddevice`."""
        return super().query_devices(device, kind) | {"default_samplerate": float(SAMPLE_RATE)}

    def Stream(  # noqa: N802
        self,
        rate: float,
        blocksize: int,
        devices: tuple[int, int],
        channels: tuple[int, int],
        dtype: str,
        latency: float,
    ) -> Any:
        """As in `sounddevice`."""
        sound, at = music(_SECONDS, int(rate)).astype(np.float32), 0

        def read(count: int) -> tuple[np.ndarray, bool]:
            nonlocal at
            before, at = at, at + count
            if before < len(sound) // 2 <= at:
                try:
                    DEVICE.read_bytes()
                except OSError as error:
                    raise self.PortAudioError("Device unavailable") from error
            time.sleep(_PAUSE_SECONDS)
            block = np.zeros(count, np.float32)
            block[: len(sound[before:at])] = sound[before:at]
            return np.repeat(block[:, None], channels[0], axis=1), False

        return SimpleNamespace(
            **dict.fromkeys(("start", "stop", "abort", "close"), lambda: None),
            **{"read": read, "write": lambda block: False, "latency": (0.0, 0.0)},
            **{"write_available": 0, "read_available": 0},
        )


def plug_in_live_card() -> None:
    """A card that plays through, on a machine that is fast enough; on a busy one the recorder is patient."""
    from stylebox.core.audio.io.devices import duplex
    from stylebox.core.jobs import live
    from stylebox.core.sources.record import recorder

    setattr(duplex, "portaudio", LiveCard)  # noqa: B010
    setattr(recorder, "STALL_SECONDS", 60.0)  # noqa: B010
    setattr(live, "measure_load", lambda transfer: 0.1)  # noqa: B010
