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
        help="Names or recordings, separated by commas; required by --inputs. Default: all instruments of the model.",
    ),
]
Limit = Annotated[int, Option(min=1, help="Number of transfers.")]
TableSeed = Annotated[int, Option("--seed", min=0, help="Random seed; the same seed gives the same table.")]
Csv = Annotated[Path | None, Option("--csv", help="Also write the table to this CSV file.")]
EvaluationReport = Annotated[
    Path | None, Option("--report", help="Also write an HTML page with the table, players and spectrograms.")
]
LISTENING_PAGE = "listening-test.html"
ListeningTest = Annotated[
    Path | None,
    Option(
        "--listening-test",
        help="Instead of measuring, write a page to this folder on which people grade the sounds (MUSHRA).",
    ),
]
ListeningResults = Annotated[
    list[Path] | None,
    Option(
        "--listening-results",
        help="Only show the results of a listening test: a CSV file that a listener saved, or a folder of them; "
        "repeat for several.",
    ),
]
