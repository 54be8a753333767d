"""The folder of fetched recordings: changed rows, other files, a lost index, two runs at once."""

from pathlib import Path

import pytest
from support.fetching import QUICK, catalogue, facts, sounds, states, vorbis, wav
from support.recordings import tree
from support.sound_server import SoundServer

from stylebox.core.errors import SourceError, StyleboxError
from stylebox.core.sources.fetch.fetch import fetch, prune
from stylebox.core.sources.fetch.index import INDEX_NAME, PARTIAL_NAME, locked


def test_a_changed_row_replaces_its_file(server: SoundServer, to: Path) -> None:
    first = server.add("/1.wav", wav(1))
    second = server.add("/2.ogg", vorbis(), "audio/ogg")
    fetch(catalogue(("piano", "étude", first, "", "")), to, options=QUICK)

    report = fetch(catalogue(("piano", "étude", second, "", "")), to, options=QUICK)
    assert states(report) == ["replaced"]
    assert set(sounds(to)) == {"piano/étude.ogg"}

    server.requests.clear()
    report = fetch(catalogue(("harp", "elegy", second, "", "")), to, options=QUICK)
    assert [(o.state, o.reason) for o in report.outcomes] == [("replaced", "renamed")]
    assert set(sounds(to)) == {"harp/elegy.ogg"}
    assert facts(to)["harp/elegy.json"]["title"] == "elegy"
    licensed = catalogue((second, "elegy", "harp", "CC0"), header="url,title,instrument,license")
    assert states(fetch(licensed, to, options=QUICK)) == ["replaced"]
    assert facts(to)["harp/elegy.json"]["license"] == "CC0"
    assert server.requests == []

    report = fetch(catalogue(("harp", "elegy", second, "0:00.5", "")), to, options=QUICK)
    assert states(report) == ["replaced"]
    assert set(sounds(to)) == {"harp/elegy.flac"}
    assert not (to / "piano").exists()


def test_files_that_were_not_fetched_stay(server: SoundServer, to: Path) -> None:
    (to / "piano").mkdir(parents=True)
    (to / "piano" / "Take.flac").write_bytes(b"my own")
    rows = catalogue(("Piano", "take", server.add("/1.wav", wav()), "", ""))
    fetch(rows, to, options=QUICK)
    assert set(sounds(to)) == {"piano/Take.flac", "piano/take (2).wav"}
    other = catalogue(("piano", "other", server.add("/2.wav", wav(2)), "", ""))
    report = fetch(other, to, options=QUICK)
    assert report.unnamed == (to / "piano" / "take (2).wav",)
    assert prune(other, to) == [to / "piano" / "take (2).wav"]
    assert set(tree(to)) == {"piano/Take.flac", "piano/other.wav", "piano/other.json", INDEX_NAME}
    with pytest.raises(SourceError, match=r"row 2, column url: is empty; correct it before --prune"):
        prune(catalogue(("piano", "x", "", "", "")), to)


def test_a_lost_index_is_rebuilt_and_a_damaged_one_refused(server: SoundServer, to: Path) -> None:
    rows = catalogue(("piano", "a", server.add("/1.wav", wav()), "", ""))
    fetch(rows, to, options=QUICK)
    before = tree(to)
    (to / INDEX_NAME).unlink()
    server.requests.clear()
    assert states(fetch(rows, to, options=QUICK)) == ["skipped"]
    assert server.requests == []
    assert tree(to) == before
    (to / INDEX_NAME).write_text("{")
    with pytest.raises(SourceError, match=r"fetched\.json: is damaged"):
        fetch(rows, to, options=QUICK)


def test_a_missing_file_is_fetched_again_under_its_name(server: SoundServer, to: Path) -> None:
    rows = catalogue(
        *(("piano", "same", server.add(f"/{n}.wav", wav(n)), "", "") for n in (1, 2)),
    )
    fetch(rows, to, options=QUICK)
    before = sounds(to)
    (to / "piano" / "same (2).wav").unlink()
    assert states(fetch(rows, to, options=QUICK)) == ["skipped", "new"]
    assert sounds(to) == before


def test_two_runs_do_not_share_a_folder(to: Path) -> None:
    writing = r"`stylebox fetch` \(process \d+ on .* is writing to it"
    with locked(to), pytest.raises(StyleboxError, match=writing), locked(to):
        pass
    with locked(to):
        pass
    assert not (to / PARTIAL_NAME).exists()
