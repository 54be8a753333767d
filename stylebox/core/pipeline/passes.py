"""The passes of a transfer over its recording, reported as one task with one end."""

from stylebox.core.progress import Progress, ProgressCallback

# Share of the time that each pass takes, measured with the shipped model.
_SHARES = {"measuring": 0.01, "transcribing": 0.21, "playing": 0.75, "finishing": 0.03}


class Passes:
    """Reports how far a transfer is, in seconds of its recording; the note names the pass.

    Args:
        seconds: Length of the recording; 0 while it is unknown.
        progress: Gets the reports.
    """

    def __init__(self, seconds: float, progress: ProgressCallback) -> None:
        self._seconds, self._progress = seconds, progress

    def report(self, name: str, share: float) -> None:
        """Report how much of a pass is done.

        Args:
            name: Of the pass.
            share: In [0, 1].
        """
        names = list(_SHARES)
        before = sum(_SHARES[earlier] for earlier in names[: names.index(name)])
        done = (before + min(max(share, 0.0), 1.0) * _SHARES[name]) * self._seconds
        self._progress(Progress("transferring", done, self._seconds, name))
