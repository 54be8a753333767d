"""A run survives: kills at any moment, a closed terminal, memory that runs out, a dataset that moved."""

import os
import shutil
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.stages import TinyStage, tiny_config

from stylebox.core import files
from stylebox.core.errors import DatasetError, ModelError, StyleboxError
from stylebox.core.jobs.train import train as train_job
from stylebox.core.progress import Progress
from stylebox.core.store import weights
from stylebox.core.training import checkpoint
from stylebox.core.training.loop import fit
from stylebox.core.training.trainer import Trainer

CONFIG = tiny_config(steps=10, validate_every=4, learning_rate=0.1, checkpoint_minutes=0.0)


@pytest.fixture(scope="module", autouse=True)
def _no_pictures() -> Iterator[None]:
    """Drawing the losses takes longer than training here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stylebox.core.training.log.plot_losses", lambda *_: None)
        yield


class Killed(BaseException):
    """Stands for a process that ends at once; nothing in the program catches it."""


@contextmanager
def killed_at(moment: int) -> Iterator[None]:
    """End the run at its `moment`-th event: a step, a validation, or any part of writing a file."""
    left = moment
    patch = pytest.MonkeyPatch()

    def counted(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def event(*given: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            return real(*given, **named)

        patch.setattr(owner, name, event)

    counted(Trainer, "train_step")
    counted(Trainer, "validate")
    counted(weights, "save_file")
    counted(Path, "replace")
    try:
        yield
    except Killed:
        pass
    finally:
        patch.undo()


def finished(directory: Path) -> list[bytes]:
    """The weights that a run ends with."""
    folder = directory / "training" / "tiny"
    return [path.read_bytes() for path in (directory / "tiny.safetensors", folder / "last.safetensors")]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("whole")
    fit(TinyStage(), CONFIG, folder, device="cpu")
    return finished(folder)


@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moments=st.lists(st.integers(1, 30), min_size=1, max_size=10))
def test_any_interleaving_of_kill_and_resume_gives_the_same_weights(
    moments: list[int], uninterrupted: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    for moment in moments:
        with killed_at(moment):
            fit(TinyStage(), CONFIG, folder, device="cpu", resume=True)
    fit(TinyStage(), CONFIG, folder, device="cpu", resume=True)
    assert finished(folder) == uninterrupted


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows closes terminals otherwise")
def test_a_closed_terminal_saves_the_state(tmp_path: Path) -> None:
    def close(report: Any) -> None:
        if report.step == 5:
            os.kill(os.getpid(), signal.SIGHUP)

    result = fit(TinyStage(), tiny_config(), tmp_path, device="cpu", progress=close)
    assert (result.steps, result.stopped_by) == (5, "interrupted")
    found = checkpoint.load_state(tmp_path / "training" / "tiny")
    assert found is not None
    assert found.document["step"] == 5


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
    ids=["python", "cuda", "cpu"],
)
def test_a_run_without_memory_is_kept_and_a_smaller_batch_suggested(tmp_path: Path, error: Exception) -> None:
    class Large(TinyStage):
        steps = 0

        def losses(self, batch: Any, generator: Any, group: str) -> dict[str, torch.Tensor]:
            self.steps += 1
            if self.steps == 6:
                raise error
            return super().losses(batch, generator, group)

    with pytest.raises(StyleboxError, match=r"tiny: memory ran out at step 6 .* --resume --batch-size 1$"):
        fit(Large(), tiny_config(), tmp_path, device="cpu")
    smaller = tiny_config(batch_size=1)
    assert fit(TinyStage(), smaller, tmp_path, device="cpu", resume=True, max_steps=6).steps == 6


def test_another_error_is_not_taken_for_lack_of_memory(tmp_path: Path) -> None:
    class Wrong(TinyStage):
        def losses(self, batch: Any, generator: Any, group: str) -> dict[str, torch.Tensor]:
            raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        fit(Wrong(), tiny_config(), tmp_path, device="cpu")


def test_a_damaged_state_is_reported_and_the_run_goes_on(tmp_path: Path) -> None:
    fit(TinyStage(), CONFIG, tmp_path / "whole", device="cpu")
    fit(TinyStage(), CONFIG, tmp_path / "run", device="cpu", max_steps=6)
    newest = tmp_path / "run/training/tiny/state-000000006.safetensors"
    newest.write_bytes(newest.read_bytes()[:-9])
    lines: list[str] = []
    fit(TinyStage(), CONFIG, tmp_path / "run", device="cpu", resume=True, remark=lines.append)
    assert [line for line in lines if "checksum" in line and "step 5" in line] == lines != []
    assert finished(tmp_path / "run") == finished(tmp_path / "whole")


def test_a_moved_dataset_is_found_or_named(tiny_home: Path) -> None:
    lines: list[str] = []

    def reported(report: Progress) -> None:
        lines.append(report.note)

    def resumed(**how: Any) -> int:
        steps = train_job("vae", preset="tiny", name="moved", device="cpu", resume=True, prepare=reported, **how).steps
        return int(steps)

    elsewhere = tiny_home / "elsewhere"
    shutil.copytree(tiny_home / "dataset", elsewhere)
    train_job("vae", preset="tiny", name="moved", device="cpu", dataset=elsewhere, max_steps=1)
    shutil.move(tiny_home / "dataset", tiny_home / "away")
    assert resumed(max_steps=2) == 2  # without --dataset: the one that the run began with
    shutil.move(elsewhere, tiny_home / "dataset")
    assert resumed(max_steps=3) == 3  # gone from there, found as the default
    shutil.move(tiny_home / "dataset", tiny_home / "third")
    with pytest.raises(DatasetError, match=r"dataset: .* no longer there; name its new folder with --dataset"):
        resumed()
    manifest = tiny_home / "third" / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"max_minutes": 30.0', '"max_minutes": 29.0'), "utf-8")
    assert lines == []
    assert resumed(dataset=tiny_home / "third") == 4
    assert [line for line in lines if "has changed since this run began" in line]


def test_weights_that_cannot_be_opened_are_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Safetensors calls every file that it cannot open a missing one."""
    path = tmp_path / "ldm.safetensors"
    with pytest.raises(ModelError, match=r"ldm\.safetensors: no such file"):
        weights.load_weights(path)

    def refuse(path: Path, framework: str) -> None:
        raise FileNotFoundError(f"No such file or directory: {path}")

    path.touch()
    monkeypatch.setattr("stylebox.core.store.weights.safe_open", refuse)
    with pytest.raises(ModelError, match=r"ldm\.safetensors: cannot be opened; check its permissions"):
        weights.load_weights(path)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_what_is_written_has_the_permissions_of_any_new_file(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        fit(TinyStage(), tiny_config(steps=4), tmp_path, device="cpu")
        with files.atomic_path(tmp_path / "own") as partial:
            partial.write_text("x")
            partial.chmod(0o600)
    finally:
        os.umask(before)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o666 & ~umask}
