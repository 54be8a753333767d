"""`stylebox evaluate`: measure how good a model is, in one table, or let people judge it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stylebox.commands.loading import load_model
from stylebox.console import evaluation_options as ev
from stylebox.console import options as opt
from stylebox.console.choices import DeviceName
from stylebox.console.console import console
from stylebox.console.exit import fail_with
from stylebox.console.views import show_evaluation, show_listening

if TYPE_CHECKING:
    from stylebox.core.pipeline.protocol import Pipeline


def evaluate(
    dataset: opt.Dataset = None,
    inputs: ev.TestInputs = None,
    styles: ev.Styles = None,
    limit: ev.Limit = 12,
    model: opt.Model = "base",
    seed: ev.TableSeed = 0,
    csv: ev.Csv = None,
    report: ev.EvaluationReport = None,
    listening_test: ev.ListeningTest = None,
    listening_results: ev.ListeningResults = None,
    device: opt.Device = DeviceName.auto,
    force: opt.Force = False,
    as_json: opt.AsJson = False,
) -> None:
    """Measure how well a model keeps the notes and reaches the style, compared with reference systems."""
    requested = [name.strip() for name in (styles or "").split(",") if name.strip()]
    if inputs is not None and not requested:
        raise typer.BadParameter("--inputs requires --styles: names or recordings, separated by commas")
    if listening_results:
        _show_results(listening_results, as_json)
        return
    from stylebox.core import files, paths
    from stylebox.core.evaluation.evaluate import evaluate_dataset, evaluate_files
    from stylebox.core.evaluation.table import SampleCollector, write_csv, write_page

    written = [path for path in (csv, report) if path is not None]
    for path in written:
        files.refuse_overwrite(path, force)
    if listening_test is not None:
        files.refuse_overwrite(listening_test / ev.LISTENING_PAGE, force)
    pipeline = load_model(model, device)
    if listening_test is not None:
        _make_test(pipeline, dataset, inputs, requested, limit, seed, listening_test, as_json)
        return
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


def _make_test(
    pipeline: "Pipeline",
    dataset: Path | None,
    inputs: Path | None,
    styles: Sequence[str],
    limit: int,
    seed: int,
    folder: Path,
    as_json: bool,
) -> None:
    """Write the page of a listening test, and show its name, or what it holds as JSON."""
    from stylebox.core import files, paths
    from stylebox.core.evaluation.cases import remarks_of
    from stylebox.core.evaluation.listening.page import listening_page
    from stylebox.core.evaluation.listening.trials import largest_soundfont, make_trials
    from stylebox.core.evaluation.selection import cases_of_dataset, cases_of_files

    left_out: list[str] = []
    remarks: list[str] = []
    if inputs is None:
        cases = cases_of_dataset(pipeline, dataset or paths.dataset_dir(), styles, limit, seed)
    else:
        cases, left_out, remarks = cases_of_files(pipeline, inputs, styles, dataset, limit)
    with console.progress() as progress:
        trials, without_reference = make_trials(pipeline, cases, seed, largest_soundfont(), progress)
    for line in (*remarks, *remarks_of(cases), *without_reference):
        console.warning(line)
    page = folder / ev.LISTENING_PAGE
    content = listening_page(f"Listening test of model {pipeline.model}", trials, pipeline.sample_rate)
    files.write_text(page, content, follow_link=True)
    systems = list(dict.fromkeys(s.system for trial in trials for s in trial.stimuli))
    console.note(f"{len(trials)} page{'s' * (len(trials) > 1)} with {', '.join(systems)}")
    console.note(
        "open it in a browser; then `stylebox evaluate --listening-results` reads the files that listeners save"
    )
    if as_json:
        console.document({"page": page, "trials": [t.name for t in trials], "systems": systems, "failed": left_out})
    else:
        console.result(page)
    fail_with(left_out)


def _show_results(files: Sequence[Path], as_json: bool) -> None:
    """Show the results of the listeners' files."""
    from stylebox.core.evaluation.listening.analysis import analyse
    from stylebox.core.evaluation.listening.ratings import read_ratings

    show_listening(analyse(read_ratings(files)), as_json)
