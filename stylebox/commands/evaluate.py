"""`evaluate`: how good a model is, in one table. What is measured, and how, the core knows."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stylebox.console import options as opt
from stylebox.console.console import console
from stylebox.console.device import compute_device
from stylebox.console.exit import fail_with

if TYPE_CHECKING:
    from stylebox.core.evaluation.results import Evaluation


def evaluate(
    dataset: opt.Dataset = None,
    inputs: opt.TestInputs = None,
    styles: opt.Styles = None,
    limit: opt.Limit = 12,
    model: opt.Model = "base",
    seed: opt.TableSeed = 0,
    csv: opt.Csv = None,
    report: opt.EvaluationReport = None,
    device: opt.Device = opt.DeviceName.auto,
    force: opt.Force = False,
    as_json: opt.AsJson = False,
) -> None:
    """Measure a model: content kept and style reached, beside rows that show what the figures mean."""
    wanted = [name.strip() for name in (styles or "").split(",") if name.strip()]
    if inputs is not None and not wanted:
        raise typer.BadParameter("--inputs needs --styles: names or recordings, with commas between")
    from stylebox.core import paths
    from stylebox.core.evaluation.evaluate import evaluate_dataset, evaluate_files
    from stylebox.core.evaluation.table import SampleCollector, write_csv, write_page
    from stylebox.core.jobs.transfer import load_pipeline

    for target in (csv, report):
        if target is not None:
            paths.refuse_overwrite(target, force)
    pipeline = load_pipeline(model, compute_device(device))
    sounds = SampleCollector() if report is not None else None
    with console.progress() as progress:
        if inputs is None:
            folder = dataset or paths.dataset_dir()
            result = evaluate_dataset(
                pipeline, model, folder, styles=wanted, limit=limit, seed=seed, progress=progress, keep=sounds
            )
        else:
            result = evaluate_files(
                pipeline, model, inputs, wanted, dataset=dataset, limit=limit, seed=seed, progress=progress, keep=sounds
            )
    if csv is not None:
        write_csv(csv, result, force)
    if report is not None and sounds is not None:
        write_page(report, result, sounds, pipeline.sample_rate, force)
    _show(result, [path for path in (csv, report) if path is not None], as_json)
    fail_with(result.failed)


def _show(result: "Evaluation", written: list[Path], as_json: bool) -> None:
    """The table, and beside it what must be known to read it."""
    for remark in result.remarks:
        console.note(remark)
    for row, factor in result.real_time_factor.items():
        console.note(f"{row}: {factor:.3g} s of work for a second of sound")
    if as_json:
        console.document(result)
        return
    from stylebox.core.evaluation.results import COLUMNS
    from stylebox.core.evaluation.table import cells

    console.table(COLUMNS, [cells(row) for row in result.table])
    console.note(f"means of {result.cases} transfers, ± the larger side of the 95 % interval; seed {result.seed}")
    for path in written:
        console.result(path)
