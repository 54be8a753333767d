"""Whether a run may go on under the settings of now. Compares plain JSON values; knows no network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stylebox.core.errors import ModelError

CHANGEABLE = frozenset(
    {"steps", "learning_rate", "validate_every", "checkpoint_minutes"}
    | {"guidance", "strength", "sampler"}  # of sampling
)
"""Keys of the configuration that a resumed run may set anew."""


def refuse_other_settings(kept: Mapping[str, Any], now: Mapping[str, Any], where: Path) -> None:
    """Raise unless the run kept at `where` was begun with the settings of now, `CHANGEABLE` ones aside.

    Raises:
        ModelError: Names the first key that differs and both values.
    """
    before, after = ({key: _flat(doc.get(key, {})) for key in now} for doc in (kept, now))
    for section in now:
        for key in sorted(before[section].keys() | after[section].keys()):
            was, is_now = before[section].get(key), after[section].get(key)
            if was != is_now and key.rpartition(".")[2] not in CHANGEABLE:
                raise ModelError(
                    f"{where}: begun with {section}.{key} = {was}, now it is {is_now}; "
                    f"set it back to {was}, or train under another --name"
                )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
