"""`stylebox train`: what it shows, and its exit code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command_result import CommandResult

from stylebox.console import progress as progress_module
from stylebox.core.progress import Progress
from stylebox.core.training.loop import FitResult
from stylebox.core.training.timer import TrainingProgress


def test_interrupted_training_exits_with_130_and_suggests_resume(
    run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    given: dict[str, Any] = {}

    def fake_train(stage: str, *, progress: Any, prepare: Any, **options: Any) -> FitResult:
        given.update(options, stage=stage)
        prepare(Progress("listening", 1, 2))
        progress(
            TrainingProgress(stage, 12, 20, {"loss": 0.5, "kl": 2.0}, 35.25, 119.7, "cpu", {"loss": 0.25}, 0.25, 3e-4)
        )
        return FitResult(12, 0.25, "interrupted", own_home / "models" / "mine")

    monkeypatch.setattr(progress_module, "PLAIN_SECONDS", 0.0)
    monkeypatch.setattr("stylebox.core.jobs.train.train", fake_train)
    code, out, err = run("train", "vae", "--preset", "tiny", "--max-steps", 20, "--resume", "--device", "cpu")
    assert (code, out) == (130, f"{own_home / 'models' / 'mine'}\n")
    assert err.splitlines() == [
        "listening: 1/2",
        "train vae: 12/20, 2:00 left, loss 0.5, kl 2, valid 0.25, best 0.25, lr 0.0003, 35.2 samples/s, cpu",
        "vae: 12 steps, best loss 0.25; interrupted; --resume continues",
    ]
    assert (given["stage"], given["preset"], given["max_steps"], given["resume"]) == ("vae", "tiny", 20, True)
