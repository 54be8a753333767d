"""`stylebox evaluate`: measure how good a model is, in one table."""

import typer

from stylebox.commands.loading import load_model
from stylebox.console import evaluation_options as ev
from stylebox.console import options as opt
from stylebox.console.choices import DeviceName
from stylebox.console.console import console
from stylebox.console.exit import fail_with
from stylebox.console.views import show_evaluation


def evaluate(
    dataset: opt.Dataset = None,
    inputs: ev.TestInputs = None,
    styles: ev.Styles = None,
    limit: ev.Limit = 12,
    model: opt.Model = "base",
    seed: ev.TableSeed = 0,
    csv: ev.Csv = None,
    report: ev.EvaluationReport = None,
    device: opt.Device = DeviceName.auto,
    force: opt.Force = False,
    as_json: opt.AsJson = False,
) -> None:
    """Measure how well a model keeps the notes and reaches the style, compared with reference systems."""
    requested = [name.strip() for name in (styles or "").split(",") if name.strip()]
    if inputs is not None and not requested:
        raise typer.BadParameter("--inputs requires --styles: names or recordings, separated by commas")
    from stylebox.core import paths
    from stylebox.core.evaluation.evaluate import evaluate_dataset, evaluate_files
    from stylebox.core.evaluation.table import SampleCollector, write_csv, write_page

    written = [path for path in (csv, report) if path is not None]
    for path in written:
        paths.refuse_overwrite(path, force)
    pipeline = load_model(model, device)
    samples = SampleCollector() if report is not None else None
    with console.progress() as progress:
        if inputs is None:
            folder = dataset or paths.dataset_dir()
            result = evaluate_dataset(
                pipeline, model, folder, styles=requested, limit=limit, seed=seed, progress=progress, keep=samples
            )
        else:
            result = evaluate_files(
                pipeline, model, inputs, requested,
                dataset=dataset, limit=limit, seed=seed, progress=progress, keep=samples,
            )  # fmt: skip
    if csv is not None:
        write_csv(csv, result, force)
    if report is not None and samples is not None:
        write_page(report, result, samples, pipeline.sample_rate, force)
    show_evaluation(result, written, as_json)
    fail_with(result.failed)
