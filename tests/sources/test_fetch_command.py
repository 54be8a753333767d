"""`stylebox fetch` as a command: an interruption, the exit code, what it prints."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_result import CommandResult, Start
from support.fetching import QUICK, catalogue, facts, sounds, wav
from support.sound_server import SoundServer

from stylebox.core.lock import LOCK_NAME
from stylebox.core.sources.fetch.fetch import fetch
from stylebox.core.sources.fetch.index import INDEX_NAME, PARTIAL_NAME


@pytest.mark.parametrize("ending", ["KILL", "INT"])
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_killed_download_resumes_and_equals_an_undisturbed_one(
    server: SoundServer, to: Path, tmp_path: Path, ending: str, start: Start
) -> None:
    content = wav(seconds=8)
    rows = [
        ("piano", "quick", server.add("/quick.wav", wav(2)), "", ""),
        ("piano", "slow", server.add("/slow.wav", content), "", ""),
        ("piano", "slow", server.add("/cut.wav", content), "1", "3"),
    ]
    fetch(catalogue(*rows), tmp_path / "undisturbed", options=QUICK)
    server.files["/slow.wav"].slow = server.files["/cut.wav"].slow = 0.2
    lines = ["instrument,title,url,start,end", *(",".join(row) for row in rows)]
    (tmp_path / "urls.csv").write_text("\n".join(lines))
    running = start("-m", "stylebox", "fetch", tmp_path / "urls.csv", "--to", to, start_new_session=True)
    deadline = time.monotonic() + 60

    def under_way() -> bool:
        return sum(path.stat().st_size > 60_000 for path in (to / PARTIAL_NAME).glob("*.part")) == 2

    while not ((to / INDEX_NAME).exists() and under_way()):  # the partial files are the slow ones
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.send_signal(getattr(signal, f"SIG{ending}"))
    _, err = running.communicate(timeout=30)
    assert running.returncode == (130 if ending == "INT" else -9)
    assert ending == "KILL" or err.splitlines()[-1] == "interrupted"
    assert set(sounds(to)) - {"piano/quick.wav", LOCK_NAME} == {
        f"{PARTIAL_NAME}/{path.name}" for path in (to / PARTIAL_NAME).glob("*.part")
    }
    server.files["/slow.wav"].slow = server.files["/cut.wav"].slow = 0.0
    server.requests.clear()
    assert fetch(catalogue(*rows), to, options=QUICK).failures == []
    resumed = [asked for path in ("/slow.wav", "/cut.wav") for asked in server.asked(path)[1:]]
    assert all(asked and int(asked.strip("bytes=-")) >= 60_000 for asked in resumed)
    assert sounds(to) == sounds(tmp_path / "undisturbed")
    assert facts(to) == facts(tmp_path / "undisturbed")


def test_the_command_reports_every_row_and_prunes_on_request(
    server: SoundServer, to: Path, tmp_path: Path, run: Callable[..., CommandResult]
) -> None:
    good, dead = server.add("/a.wav", wav()), server.add("/dead.wav", status=404)
    urls = tmp_path / "urls.csv"
    urls.write_text(f"instrument,title,url\npiano,good,{good}\npiano,dead,{dead}\n,none,{good}\n")
    code, out, err = run("fetch", urls, "--to", to)
    assert code == 1
    assert out.splitlines()[-1] == str(to)
    assert "HTTP 404" in out
    assert "1 new, 0 replaced, 0 skipped, 2 failed" in err
    assert err.splitlines()[-2:] == [
        f"stylebox: {urls}, row 3 (piano, dead): the server has no such file (HTTP 404); "
        "the link is dead, find another",
        f"stylebox: {urls}, row 4, column instrument: is empty",
    ]

    urls.write_text(f"instrument,title,url\npiano,other,{server.add('/b.wav', wav(2))}\n")
    code, out, err = run("fetch", urls, "--to", to, "--prune")
    assert code == 1
    assert "--prune would delete 1 file; add --yes" in err
    assert str(to) in out  # the result of the fetch is printed nevertheless
    code, out, err = run("fetch", urls, "--to", to, "--prune", "--json")
    assert code == 1
    assert json.loads(out)["removed"] == []
    assert (to / "piano" / "good.wav").exists()
    code, out, err = run("fetch", urls, "--to", to, "--prune", "--yes", "--json")
    assert code == 0
    document = json.loads(out)
    assert [row["state"] for row in document["outcomes"]] == ["skipped"]
    assert document["removed"] == [str(to / "piano" / "good.wav")]
    assert not (to / "piano" / "good.wav").exists()

    assert run("fetch")[0] == 2
    assert run("fetch", urls, "--rate-limit", "fast")[0] == 2
    code, out, _ = run("fetch", "--example")
    assert code == 1, "urls.csv is there"
    assert run("fetch", "--example", "new.csv")[:2] == (0, "new.csv\n")
    assert (tmp_path / "new.csv").read_text("utf-8").count("\npiano,") == 2
