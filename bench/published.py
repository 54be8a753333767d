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
    [
        "AFTER (2024), arXiv:2408.00196",
        "better quality and fidelity to the target than its baselines, by measures of its own",
        "code public; a model per kind of sound",
        REASON,
    ],
    [
        "RAVE (2021), arXiv:2111.05011",
        "48 kHz, 20 times faster than real time on a laptop; timbre transfer shown by examples",
        "public models CC BY-NC 4.0; one per instrument",
        REASON,
    ],
    [
        "BRAVE (2025), arXiv:2503.11562",
        "latency below 10 ms, jitter 3 ms; pitch and loudness kept better than by RAVE",
        "code public; one model per instrument",
        REASON,
    ],
]
TABLE = Table(["system", "its authors report", "terms", "why it was not run"], _ROWS)
EXPLANATION = (
    "These could not be run. Their figures are the authors' own, on other music and with other judges, so they can't "
    "be compared with the tables above digit by digit."
)
