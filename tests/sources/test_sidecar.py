"""Sidecars keep the metadata of a recording, and ignore that of other programs."""

from pathlib import Path

import pytest

from stylebox.core.errors import SourceError
from stylebox.core.sources.sidecar import Sidecar, read_sidecar, sidecar_path, write_sidecar


def test_a_sidecar_is_read_as_written_and_unknown_fields_are_ignored(tmp_path: Path) -> None:
    audio = tmp_path / "take.flac"
    assert read_sidecar(audio) is None
    write_sidecar(audio, Sidecar(title="A take", start=1.0, score="s1", transpose=-12))
    assert read_sidecar(audio) == Sidecar(title="A take", start=1.0, score="s1", transpose=-12)
    sidecar_path(audio).write_text('{"title": "B", "view_count": 7}')
    assert read_sidecar(audio) == Sidecar(title="B")
    sidecar_path(audio).write_text('{"transpose": "up"}')
    with pytest.raises(SourceError, match="transpose"):
        read_sidecar(audio)
