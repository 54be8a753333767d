"""JSON from files: whatever is wrong with it is a ValueError. Knows no keys."""

import json
from typing import Any


def parse_json(text: str | bytes) -> Any:  # noqa: ANN401 (any JSON value)
    """Parse JSON.

    Raises:
        ValueError: It is not JSON, or is nested too deep to be read.

    >>> parse_json("[1, {}]")
    [1, {}]
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("is nested too deep") from None
