"""A stand-in for the job of `stylebox transfer`: no networks, but real files and errors."""

from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from stylebox.core.errors import AudioError, StyleboxError
from stylebox.core.files import atomic_path, refuse_overwrite


@dataclass(frozen=True)
class Report:
    source: str
    output: str
    seconds: float = 3.0
    seed: int = 7
    transpose: int = 0
    warnings: tuple[str, ...] = ()
    clipped_db: float = 0.0
    real_time_factor: float = 0.5
    moved: str | None = None
    midi: str | None = None
    plot: str | None = None
    report: str | None = None


@dataclass(frozen=True)
class Failure:
    source: str
    reason: str


@dataclass(frozen=True)
class Batch:
    done: list[Report]
    failed: list[Failure]
    skipped: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()


class FakeTransfer:
    """The jobs `transfer` and `pipelines` without networks: an output holds its style, the option given last wins."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.report = Report("", "")
        self.hindrance: BaseException | None = None

    def modules(self) -> dict[str, ModuleType]:
        class Transfer:
            def __init__(self, model: str, device: str) -> None:
                self.model, self.device = model, device

        names = ("stylebox.core.jobs.transfer", "stylebox.core.jobs.pipelines")
        jobs, pipelines = (ModuleType(name) for name in names)
        jobs.transfer_files = self.transfer_files  # type: ignore[attr-defined]
        pipelines.load_pipeline = Transfer  # type: ignore[attr-defined]
        return dict(zip(names, (jobs, pipelines), strict=True))

    def transfer_files(
        self,
        sources: list[Path],
        output: Path | None,
        options: Any,
        pipeline: Any,
        *,
        force: bool,
        made: Any,
        **rest: Any,
    ) -> Batch:
        self.calls.append({"options": options, "pipeline": pipeline, "output": output, "force": force, **rest})
        done, failed = [], []
        for source in sources:
            to = output or Path(f"{source.stem}-{options.style}.wav")
            try:
                if not source.exists():
                    raise AudioError(f"{source}: no such file")
                refuse_overwrite(to, force)
                with atomic_path(to) as partial:
                    partial.write_text(options.style)
                    if self.hindrance is not None:
                        raise self.hindrance
            except StyleboxError as error:
                failed.append(Failure(str(source), str(error)))
            else:
                done.append(replace(self.report, source=str(source), output=str(to)))
                made(done[-1])
        return Batch(done, failed)
