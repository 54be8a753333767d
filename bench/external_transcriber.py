"""An external judge: a script with `transcribe(audio)` and `f1(reference, found, onset_s)`."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np

from stylebox.core.evaluation.cases import Case
from stylebox.core.evaluation.systems import SystemOutput

COLUMNS = {"judge_50": 0.05, "judge_100": 0.1}  # tolerance of onsets, in seconds


class ExternalTranscriber:
    """Compares the notes of an output with those of the input. `table` is ``[row, case] -> figures``."""

    def __init__(self, script: Path) -> None:
        spec = spec_from_file_location("judge", script)
        if spec is None or spec.loader is None:
            raise SystemExit(f"{script}: is no Python file")
        self.module: Any = module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.table: dict[tuple[str, str], dict[str, float]] = {}
        self._notes: dict[str, list[tuple[float, float, int]]] = {}

    def __call__(self, case: Case, row: str, made: SystemOutput) -> None:
        """Transcribe an output and keep its scores.

        Args:
            case: The input.
            row: Name of the system.
            made: Its output.
        """
        if case.name not in self._notes:
            self._notes[case.name] = self.module.transcribe(case.content)
        wanted = [(start, end, key + made.transpose) for start, end, key in self._notes[case.name]]
        found = self.module.transcribe(np.asarray(made.audio, np.float32))
        scores = {name: float(self.module.f1(wanted, found, seconds)) for name, seconds in COLUMNS.items()}
        self.table[row, case.name] = scores
