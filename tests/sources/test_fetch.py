"""`stylebox fetch` against a real server on the loopback address: what comes, what fails, what outlives a kill."""

import csv
import hashlib
import io
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from support.command_result import Start
from support.recordings import SAMPLE_RATE, melody, tree
from support.sound_server import SoundServer, serving

from stylebox.cli import app
from stylebox.core.audio.io.read import load_audio, probe
from stylebox.core.data.build import build
from stylebox.core.data.dataset import Dataset
from stylebox.core.errors import SourceError
from stylebox.core.progress import Progress
from stylebox.core.sources.fetch.catalogue import Catalogue, parse_catalogue
from stylebox.core.sources.fetch.download import DownloadOptions
from stylebox.core.sources.fetch.fetch import fetch, prune
from stylebox.core.sources.fetch.index import INDEX_NAME, PARTIAL_NAME, locked
from stylebox.core.sources.fetch.report import DownloadProgress, FetchReport
from stylebox.core.sources.sidecar import Sidecar, read_sidecar

QUICK = DownloadOptions(backoff_seconds=0.01, timeout_seconds=10)
Row = tuple[Any, ...]


def vorbis() -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, melody(1.5, 3), SAMPLE_RATE, format="OGG", subtype="VORBIS")
    return stream.getvalue()


def wav(seed: int = 1, seconds: float = 1.5, channels: int = 1, rate: int = SAMPLE_RATE) -> bytes:
    audio = np.stack([melody(seconds, seed + i, rate) for i in range(channels)], axis=1)
    stream = io.BytesIO()
    soundfile.write(stream, audio, rate, format="WAV")
    return stream.getvalue()


def encoded(codec: str, container: str, rate: int = 48000) -> bytes:
    stream = io.BytesIO()
    with av.open(stream, "w", format=container) as output:
        track = output.add_stream(codec, rate=rate)
        audio = melody(1.5, 3, rate)[None]
        frame = av.AudioFrame.from_ndarray(audio, format="fltp", layout="mono")
        frame.sample_rate = rate
        for part in av.AudioResampler(track.format.name, "mono", rate, track.frame_size or 1024).resample(frame):
            output.mux(track.encode(part))
        output.mux(track.encode(None))
    return stream.getvalue()


def catalogue(*rows: Row, header: str = "instrument,title,url,start,end", folder: Path | None = None) -> Catalogue:
    text = io.StringIO()
    csv.writer(text).writerows([header.split(","), *rows])
    return parse_catalogue(text.getvalue().encode(), "urls.csv", folder or Path.cwd())


def states(report: FetchReport) -> list[str]:
    return [outcome.state for outcome in report.outcomes]


def sounds(folder: Path) -> dict[str, bytes]:
    """Files below a folder, except what says when they were fetched."""
    return {name: content for name, content in tree(folder).items() if not name.endswith(".json")}


def facts(folder: Path) -> dict[str, dict[str, Any]]:
    """Every JSON file below a folder, without the times."""
    found = {}
    for path in folder.rglob("*.json"):
        found[path.relative_to(folder).as_posix()] = value = json.loads(path.read_text("utf-8"))
        value.pop("fetched", None)
    return found


@pytest.fixture
def server() -> Iterator[SoundServer]:
    with serving() as running:
        yield running


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "a" / "b" / "sources"


def test_good_and_bad_rows(server: SoundServer, to: Path, tmp_path: Path) -> None:
    good = wav()
    rows: list[tuple[str, str, str]] = [
        ("../../evil", server.add("/evil.wav", good), ""),
        ("/etc/passwd", server.add("/text", good, "text/plain"), ""),
        ("Für Elise – 月の光", server.add("/moved", status=302, location="/evil.wav"), ""),
        ("same", server.add("/one.wav", wav(2)), ""),
        ("Same", server.add("/two.wav", wav(3)), ""),
        ("busy at first", server.add("/busy.wav", good, status=503, refusals=1), ""),
        ("gone", server.add("/gone.wav", status=404), "HTTP 404"),
        ("refused", server.add("/refused.wav", status=403), "HTTP 403"),
        ("busy", server.add("/down.wav", status=503), "HTTP 503"),
        ("a page", server.add("/page", b"<html><body>hello</body></html>", "text/html"), "no recording was found"),
        ("a page as sound", server.add("/lie.wav", b"<html>" * 99), "not a sound file"),
        ("nothing", server.add("/zero.wav", b""), "0 bytes"),
        ("huge", server.add("/huge.wav", good, declared=10**17), "more than the .* free on the disk"),
        ("never whole", server.add("/big.wav", good, declared=10**6), "broke off .* before the end"),
        ("no such host", "http://127.0.0.1:9/x.wav", "refused|Unable"),
    ]
    bystander = to.parent / "bystander.txt"
    bystander.parent.mkdir(parents=True)
    bystander.write_text("stays")
    report = fetch(catalogue(*(("../piano", t, u, "", "") for t, u, _ in rows)), to, options=QUICK)
    for outcome, (title, _, reason) in zip(report.outcomes, rows, strict=True):
        assert outcome.state == ("failed" if reason else "new"), (title, outcome.reason)
        assert re.search(reason, outcome.reason), title
    assert len(report.failures) == 9
    assert "urls.csv, row 8 (../piano, gone): the server has no such file" in report.failures[0]
    names = ["evil", "etc_passwd", "Für Elise – 月の光", "same", "Same (2)", "busy at first"]
    assert [outcome.files[0] for outcome in report.outcomes[:6]] == [to / "piano" / f"{name}.wav" for name in names]
    assert (to / "piano" / "evil.wav").read_bytes() == good
    assert (to / "piano" / "Same (2).wav").read_bytes() == wav(3)
    outside = {path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(to)}
    assert outside == {bystander}
    left = {path.suffix for path in (to / PARTIAL_NAME).iterdir()}
    assert left == {".part"}

    server.requests.clear()
    again = fetch(catalogue(*(("../piano", t, u, "", "") for t, u, reason in rows if not reason)), to, options=QUICK)
    assert states(again) == ["skipped"] * 6
    assert server.requests == []


def test_the_sidecar_says_where_it_came_from(server: SoundServer, to: Path) -> None:
    url = server.add("/take.wav", wav(seconds=2))
    header = "url,license,title,instrument"
    fetch(catalogue((url, "CC BY 4.0", "Take: 1", "harp"), header=header), to, options=QUICK)
    path = to / "harp" / "Take_ 1.wav"
    sidecar = read_sidecar(path)
    assert sidecar is not None
    assert (sidecar.title, sidecar.url, sidecar.license) == ("Take: 1", url, "CC BY 4.0")
    assert sidecar.duration_seconds == pytest.approx(2, abs=0.01)
    assert sidecar.yt_dlp
    assert sidecar.fetched
    assert sidecar.fetched[:2] == "20"
    assert sidecar.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_breaks_off_goes_on(server: SoundServer, to: Path, ranges: bool) -> None:
    content = wav(seconds=6)
    first_look = -1
    url = server.add("/long.wav", content, break_off=[first_look, 100_000, 60_000], ranges=ranges)
    report = fetch(catalogue(("piano", "long", url, "", "")), to, options=QUICK)
    assert states(report) == ["new"]
    assert (to / "piano" / "long.wav").read_bytes() == content
    later = [asked for asked in server.asked("/long.wav")[2:] if asked]
    assert later
    assert all(int(asked.removeprefix("bytes=").rstrip("-")) > 0 for asked in later)
    assert not (to / PARTIAL_NAME).exists()


def test_what_broke_off_is_gone_on_with_by_the_next_run(server: SoundServer, to: Path) -> None:
    content = wav(seconds=6)
    url = server.add("/long.wav", content, break_off=[-1, 100_000])
    rows = catalogue(("piano", "long", url, "", ""))
    once = DownloadOptions(retries=0)
    assert states(fetch(rows, to, options=once)) == ["failed"]
    assert not (to / "piano").exists()
    assert states(fetch(rows, to, options=once)) == ["new"]
    assert (to / "piano" / "long.wav").read_bytes() == content
    assert server.asked("/long.wav")[-1] not in (None, "bytes=0-")


FORMATS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "wav": ("audio/x-wav", wav),
    "mp3": ("audio/mpeg", lambda: encoded("mp3", "mp3", 44100)),
    "ogg": ("application/ogg", vorbis),
    "opus": ("audio/ogg", lambda: encoded("libopus", "ogg")),
    "m4a": ("audio/mp4", lambda: encoded("aac", "ipod")),
    "webm": ("video/webm", lambda: encoded("libopus", "webm")),
}


def test_every_format_is_kept_decoded_and_built_without_ffmpeg(
    server: SoundServer, to: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    contents = {suffix: make() for suffix, (_, make) in FORMATS.items()}
    rows = [
        ("piano", suffix, server.add(f"/file.{suffix}", contents[suffix], kind), "", "")
        for suffix, (kind, _) in FORMATS.items()
    ]
    rows.append(("piano", "unnamed", server.add("/media?id=7", contents["m4a"], "application/octet-stream"), "", ""))
    report = fetch(catalogue(*rows), to, options=QUICK)
    assert report.failures == []
    for suffix, content in contents.items():
        path = to / "piano" / f"{suffix}.{suffix}"
        assert path.read_bytes() == content
        assert len(load_audio(path)) == pytest.approx(1.5 * SAMPLE_RATE, rel=0.05)
    assert (to / "piano" / "unnamed.m4a").read_bytes() == contents["m4a"]
    (to / "piano" / "unnamed.m4a").unlink()
    built = build(to, tmp_path / "dataset", jobs=1)
    assert built.broken == ()
    recordings = Dataset.open(tmp_path / "dataset").recordings
    assert len({recording.source for recording in recordings}) == len(FORMATS)
    assert all(recording.url for recording in recordings)


@pytest.mark.parametrize("codec", ["flac", "wav", "mp3"])
def test_conversion_without_ffmpeg(server: SoundServer, to: Path, monkeypatch: pytest.MonkeyPatch, codec: str) -> None:
    monkeypatch.setenv("PATH", "")
    original = wav(seconds=2, channels=2, rate=44100)
    rows = catalogue(
        ("piano", "webm", server.add("/a.webm", encoded("libopus", "webm"), "audio/webm"), "", ""),
        ("piano", "wav", server.add("/a.wav", original), "", ""),
    )
    report = fetch(rows, to, codec=codec, options=QUICK)
    assert states(report) == ["new", "new"]
    assert {path.suffix for path in (to / "piano").iterdir()} == {f".{codec}", ".json"}
    info = probe(to / "piano" / f"wav.{codec}")
    assert (info.sample_rate, info.channels) == (44100, 2)
    assert info.seconds == pytest.approx(2, abs=0.06)
    if codec == "wav":
        assert (to / "piano" / "wav.wav").read_bytes() == original  # it was that already
    if codec == "flac":
        kept, _ = soundfile.read(to / "piano" / "wav.flac", dtype="int16")
        np.testing.assert_array_equal(kept, soundfile.read(io.BytesIO(original), dtype="int16")[0])


def test_a_part_is_cut_and_loses_nothing(server: SoundServer, to: Path) -> None:
    content = wav(seconds=4, channels=2)
    url = server.add("/a.wav", content)
    rows = [
        ("piano", "middle", url, "0:01", "2.5"),
        ("piano", "rest", url, "3", ""),
        ("piano", "all", url, "", ""),
        ("piano", "beyond", url, "1:00", ""),
        ("piano", "middle", url, "1", "2.5"),
    ]
    report = fetch(catalogue(*rows), to, options=QUICK)
    assert states(report) == ["new", "new", "new", "failed", "skipped"]
    assert "column start: 60 s is beyond its end, it lasts 4.0 s" in report.outcomes[3].reason
    assert report.outcomes[4].reason == "same as row 2"
    assert len(server.requests) == 2  # a look and one download for all of them
    whole, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    middle, _ = soundfile.read(to / "piano" / "middle.flac", dtype="int16")
    np.testing.assert_array_equal(middle, whole[SAMPLE_RATE : round(2.5 * SAMPLE_RATE)])
    rest, _ = soundfile.read(to / "piano" / "rest.flac", dtype="int16")
    np.testing.assert_array_equal(rest, whole[3 * SAMPLE_RATE :])
    assert (to / "piano" / "all.wav").read_bytes() == content
    sidecar = read_sidecar(to / "piano" / "middle.flac")
    assert sidecar is not None
    assert (sidecar.start, sidecar.end, sidecar.duration_seconds) == (1.0, 2.5, 1.5)


def test_files_of_this_machine(to: Path, tmp_path: Path) -> None:
    takes = tmp_path / "my takes"
    takes.mkdir()
    (takes / "é.wav").write_bytes(wav())
    rows = [
        ("harp", "relative", "my takes/é.wav", "", ""),
        ("harp", "absolute", str(takes / "é.wav"), "", ""),
        ("harp", "", (takes / "é.wav").as_uri(), "", ""),
        ("harp", "lacking", "my takes/nothing.wav", "", ""),
        ("harp", "folder", "my takes", "", ""),
        ("harp", "text", "notes.txt", "", ""),
    ]
    (tmp_path / "notes.txt").write_text("no music")
    report = fetch(catalogue(*rows, folder=tmp_path), to, options=QUICK)
    assert states(report) == ["new"] * 3 + ["failed"] * 3
    assert {path.name for path in (to / "harp").glob("*.wav")} == {"relative.wav", "absolute.wav", "é.wav"}
    assert [reason.split("; ")[0].rpartition(" ")[2] for reason in report.failures] == ["file", "folder", "file"]
    assert (takes / "é.wav").read_bytes() == wav()


def feed(server: SoundServer, *paths: str) -> str:
    items = "".join(
        f"<item><title>Étude {n}</title><enclosure url='{server.add(path, wav(n))}'/></item>"
        for n, path in enumerate(paths, start=1)
    )
    text = f"<?xml version='1.0' encoding='UTF-8'?><rss version='2.0'><channel>{items}</channel></rss>"
    return server.add("/feed", text.encode(), "application/rss+xml")


def test_playlists_on_request(server: SoundServer, to: Path) -> None:
    rows = catalogue(("piano", "Études", feed(server, "/1.wav", "/2.wav", "/3.wav"), "", ""))
    (refused,) = fetch(rows, to, options=QUICK).failures
    assert "is a list of 3 recordings; use --playlists" in refused

    server.files["/2.wav"].status = 404
    whole = DownloadOptions(playlists=True, backoff_seconds=0.01)
    (failure,) = fetch(rows, to, options=whole).failures
    assert "Étude 2: the server has no such file" in failure
    names = [to / "piano" / f"Études - Étude {n}.wav" for n in (1, 2, 3)]
    assert [path.exists() for path in names] == [True, False, True]

    server.files["/2.wav"].status = 200
    server.requests.clear()
    assert states(fetch(rows, to, options=whole)) == ["new"]
    assert {path for path, _ in server.requests} == {"/feed", "/2.wav"}
    assert names[1].read_bytes() == wav(2)
    server.requests.clear()
    assert states(fetch(rows, to, options=whole)) == ["skipped"]
    assert server.requests == []


def test_a_changed_row_replaces(server: SoundServer, to: Path) -> None:
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


def test_what_others_put_there_stays(server: SoundServer, to: Path) -> None:
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


def test_a_lost_or_damaged_index(server: SoundServer, to: Path) -> None:
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
    with locked(to), pytest.raises(SourceError, match="another `stylebox fetch` is writing to it"), locked(to):
        pass
    with locked(to):
        pass
    assert not (to / PARTIAL_NAME).exists()


def test_many_rows_need_no_more_files_or_memory(server: SoundServer, to: Path) -> None:
    proc = Path("/proc/self")
    if not (proc / "statm").exists():
        pytest.skip("this system does not say how many files are open")
    rows = [("piano", f"take {n}", server.add(f"/{n}.wav", wav(n, 0.2)), "", "") for n in range(200)]
    files, pages = [], []

    def watch(progress: Progress) -> None:
        files.append(len(list((proc / "fd").iterdir())))
        pages.append(int((proc / "statm").read_text().split()[1]))

    report = fetch(catalogue(*rows), to, jobs=4, options=QUICK, progress=watch)
    assert report.count("new") == 200
    assert max(files[100:]) <= max(files[20:100]) + 8
    assert pages[-1] - pages[60] < 20 * 2**20 // os.sysconf("SC_PAGE_SIZE")
    assert len(sounds(to)) == 200


def test_jobs_work_side_by_side(server: SoundServer, to: Path) -> None:
    def rate(jobs: int, count: int) -> float:
        rows = [
            ("piano", f"{jobs} {n}", server.add(f"/{jobs}/{n}.wav", wav(n, 0.2), delay=0.7), "", "")
            for n in range(count)
        ]
        begin = time.monotonic()
        assert fetch(catalogue(*rows), to / str(jobs), jobs=jobs, options=QUICK).failures == []
        return count / (time.monotonic() - begin)

    fetch(catalogue(("piano", "first", server.add("/a.wav", wav()), "", "")), to, options=QUICK)  # imports yt-dlp
    assert rate(8, 16) >= 3 * rate(1, 2)


def test_the_rate_can_be_limited(server: SoundServer, to: Path) -> None:
    rows = catalogue(("piano", "slow", server.add("/a.wav", wav(seconds=3)), "", ""))
    begin = time.monotonic()
    seen: list[DownloadProgress] = []
    fetch(rows, to, options=DownloadOptions(rate_limit=100_000), downloads=seen.append)
    assert time.monotonic() - begin >= 1.0
    assert seen[-1].ended
    assert seen[-1].done == seen[-1].total == len(wav(seconds=3))


def test_cookies_are_sent_and_left_alone(server: SoundServer, to: Path, tmp_path: Path) -> None:
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tkey\tvalue\n")
    before = cookies.read_bytes()
    rows = catalogue(("piano", "a", server.add("/a.wav", wav()), "", ""))
    assert fetch(rows, to, options=DownloadOptions(cookies=cookies)).failures == []
    assert cookies.read_bytes() == before
    (failure,) = fetch(
        catalogue(("piano", "b", server.add("/b.wav", wav()), "", "")),
        to,
        options=DownloadOptions(cookies=tmp_path / "none.txt"),
    ).failures
    assert "none.txt: cannot be read" in failure


@pytest.mark.parametrize("ending", ["KILL", "INT"])
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_killed_download_goes_on_and_equals_an_undisturbed_one(
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

    while not ((to / INDEX_NAME).exists() and under_way()):  # the quick one is filed, so what is partial is slow
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.send_signal(getattr(signal, f"SIG{ending}"))
    _, err = running.communicate(timeout=30)
    assert running.returncode == (130 if ending == "INT" else -9)
    assert ending == "KILL" or err.splitlines()[-1] == "interrupted"
    assert set(sounds(to)) - {"piano/quick.wav", f"{PARTIAL_NAME}/lock"} == {
        f"{PARTIAL_NAME}/{path.name}" for path in (to / PARTIAL_NAME).glob("*.part")
    }
    server.files["/slow.wav"].slow = server.files["/cut.wav"].slow = 0.0
    server.requests.clear()
    assert fetch(catalogue(*rows), to, options=QUICK).failures == []
    resumed = [asked for path in ("/slow.wav", "/cut.wav") for asked in server.asked(path)[1:]]
    assert all(asked and int(asked.strip("bytes=-")) >= 60_000 for asked in resumed)
    assert sounds(to) == sounds(tmp_path / "undisturbed")
    assert facts(to) == facts(tmp_path / "undisturbed")


def run(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        app([str(argument) for argument in arguments], prog_name="stylebox")
    sys.stdout.flush()
    out, err = capfd.readouterr()
    return int(stop.value.code or 0), out, err


def test_the_command(server: SoundServer, to: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good, dead = server.add("/a.wav", wav()), server.add("/dead.wav", status=404)
    urls = tmp_path / "urls.csv"
    urls.write_text(f"instrument,title,url\npiano,good,{good}\npiano,dead,{dead}\n,none,{good}\n")
    code, out, err = run(capfd, "fetch", urls, "--to", to)
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
    code, out, err = run(capfd, "fetch", urls, "--to", to, "--prune")
    assert code == 1
    assert "--prune would delete 1 files; say --yes" in err
    assert str(to) in out  # what was fetched is told all the same
    code, out, err = run(capfd, "fetch", urls, "--to", to, "--prune", "--json")
    assert code == 1
    assert json.loads(out)["removed"] == []
    assert (to / "piano" / "good.wav").exists()
    code, out, err = run(capfd, "fetch", urls, "--to", to, "--prune", "--yes", "--json")
    assert code == 0
    document = json.loads(out)
    assert [row["state"] for row in document["outcomes"]] == ["skipped"]
    assert document["removed"] == [str(to / "piano" / "good.wav")]
    assert not (to / "piano" / "good.wav").exists()

    assert run(capfd, "fetch")[0] == 2
    assert run(capfd, "fetch", urls, "--rate-limit", "fast")[0] == 2
    code, out, _ = run(capfd, "fetch", "--example")
    assert code == 1, "urls.csv is there"
    assert run(capfd, "fetch", "--example", "new.csv")[:2] == (0, "new.csv\n")
    assert (tmp_path / "new.csv").read_text("utf-8").count("\npiano,") == 2


def test_facts_survive_as_the_dataset_wants_them() -> None:
    sidecar = Sidecar(title="a", start=1.0, yt_dlp="2025.1.1")
    assert Sidecar.model_validate_json(sidecar.model_dump_json(exclude_none=True)) == sidecar
