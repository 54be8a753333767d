"""Options of `stylebox evaluate`, each declared once with its help. Imports neither commands nor core."""

from pathlib import Path
from typing import Annotated

from typer import Option

TestInputs = Annotated[
    Path | None,
    Option("--inputs", help="Folder of recordings to transfer. Default: the test recordings of the dataset."),
]
Styles = Annotated[
    str | None,
    Option(
        "--styles",
        help="Names or recordings, separated by commas; required by --inputs. Default: all styles of the model.",
    ),
]
Limit = Annotated[int, Option(min=1, help="Number of transfers.")]
TableSeed = Annotated[int, Option("--seed", min=0, help="Random seed; the same seed gives the same table.")]
Csv = Annotated[Path | None, Option("--csv", help="Also write the table to this CSV file.")]
EvaluationReport = Annotated[
    Path | None, Option("--report", help="Also write an HTML page with the table, players and spectrograms.")
]
