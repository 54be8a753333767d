"""The listening test as one HTML page: sounds, script and style are in the file, and nothing is requested.

The page's own parts are `page.html`, `page.css` and `page.js` beside this module.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from stylebox import __version__
from stylebox.core.audio.io.write import encode_audio
from stylebox.core.evaluation.listening.stimuli import Trial

QUESTION = (
    "How close does each sound come to the reference? Judge everything together: does it sound like the same "
    "instrument, does it play the same notes, is it free of artefacts?"
)


def listening_page(title: str, trials: Sequence[Trial], sample_rate: int) -> str:
    """The whole page. The same trials give the same page: it holds no time or date.

    Args:
        title: Heading of the page.
        trials: At least one.
        sample_rate: Of the sounds, in Hz.
    """
    shown = [
        {
            "name": trial.name,
            "reference": trial.reference,
            "stimuli": [
                {"system": s.system, "audio": base64.b64encode(encode_audio(s.audio, sample_rate)).decode()}
                for s in trial.stimuli
            ],
        }
        for trial in trials
    ]
    content = json.dumps(shown, ensure_ascii=True)
    test = hashlib.sha256(content.encode()).hexdigest()[:12]
    data = json.dumps({"test": test, "question": QUESTION, "version": __version__, "trials": shown}, ensure_ascii=True)
    parts = {
        "TITLE": escape(title),
        "QUESTION": escape(QUESTION),
        "STYLE": _part("page.css"),
        "SCRIPT": _part("page.js"),
        "DATA": data.replace("<", "\\u003c"),
    }
    page = _part("page.html")
    for name, text in parts.items():
        page = page.replace(f"%{name}%", text)  # the data last: it is not searched again
    return page


def _part(name: str) -> str:
    """A file beside this module."""
    return Path(__file__).with_name(name).read_text("utf-8")
