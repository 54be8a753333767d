"""Systems that could not be run here: what their authors report, on what terms they are to be had, and why not.

Their figures are theirs, on their own material with their own judges: not to be compared with the tables digit by
digit.
"""

from bench.page import Cell, Table

REASON = "weights are not in a package registry, the only source that the measuring machine reaches"
_ROWS: list[list[Cell]] = [
    [
        "MuseTimbre (2026)",
        "timbre match 57.6 %, pitch frame-F1 0.316 (its sources reach 0.540), 304 pairs",
        "weights MIT; needs the Stable Audio 3 Medium model with a licence of its own, and 1.7 GB of weights",
        REASON,
    ],
    ["AdaTT", "note F1 0.302, and listeners' scores", "not found", "no weights found"],
    [
        "MuScriptor (2026), a transcriber",
        "for several instruments at once; its own test sets",
        "code MIT, weights CC BY-NC 4.0, after accepting conditions",
        REASON,
    ],
    ["AFTER (2024)", "its own listening and distance figures", "code public, models for download", REASON],
    ["RAVE (2021)", "its own listening figures", "public models CC BY-NC 4.0; one per instrument", REASON],
    ["BRAVE (2025)", "latency below 10 ms", "code public; trained with RAVE's tools, one per instrument", REASON],
]
TABLE = Table(["system", "its authors report", "terms", "why it was not run"], _ROWS)
EXPLANATION = (
    "These could not be run. Their figures are the authors' own, on other music and with other judges, so they can't "
    "be compared with the tables above digit by digit."
)
