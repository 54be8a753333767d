"""`stylebox fetch` against a real server on the loopback address: which rows succeed, fail and resume."""

import hashlib
import os
import re
import time
from pathlib import Path

import pytest
from support.fetching import QUICK, catalogue, sounds, states, wav
from support.sound_server import SoundServer

from stylebox.core.progress import Progress
from stylebox.core.sources.fetch.download import DownloadOptions
from stylebox.core.sources.fetch.fetch import fetch
from stylebox.core.sources.fetch.index import PARTIAL_NAME
from stylebox.core.sources.fetch.report import DownloadProgress
from stylebox.core.sources.sidecar import read_sidecar


def test_good_rows_are_fetched_and_bad_ones_reported(server: SoundServer, to: Path, tmp_path: Path) -> None:
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


def test_the_sidecar_holds_the_source_of_a_recording(server: SoundServer, to: Path) -> None:
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
def test_a_broken_download_resumes_in_the_same_run(server: SoundServer, to: Path, ranges: bool) -> None:
    content = wav(seconds=6)
    headers_only = -1
    url = server.add("/long.wav", content, break_off=[headers_only, 100_000, 60_000], ranges=ranges)
    report = fetch(catalogue(("piano", "long", url, "", "")), to, options=QUICK)
    assert states(report) == ["new"]
    assert (to / "piano" / "long.wav").read_bytes() == content
    later = [asked for asked in server.asked("/long.wav")[2:] if asked]
    assert later
    assert all(int(asked.removeprefix("bytes=").rstrip("-")) > 0 for asked in later)
    assert not (to / PARTIAL_NAME).exists()


def test_a_broken_download_resumes_in_the_next_run(server: SoundServer, to: Path) -> None:
    content = wav(seconds=6)
    url = server.add("/long.wav", content, break_off=[-1, 100_000])
    rows = catalogue(("piano", "long", url, "", ""))
    once = DownloadOptions(retries=0)
    assert states(fetch(rows, to, options=once)) == ["failed"]
    assert not (to / "piano").exists()
    assert states(fetch(rows, to, options=once)) == ["new"]
    assert (to / "piano" / "long.wav").read_bytes() == content
    assert server.asked("/long.wav")[-1] not in (None, "bytes=0-")


def test_files_of_this_machine_are_copied(to: Path, tmp_path: Path) -> None:
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
    lacking, folder, text = [reason.split("; ")[0].rpartition(" ")[2] for reason in report.failures]
    assert (lacking, folder) == ("file", "folder")
    assert text in ("file", "damaged")  # to some versions of FFmpeg a text may be a damaged file of sound
    assert (takes / "é.wav").read_bytes() == wav()


def feed(server: SoundServer, *paths: str) -> str:
    items = "".join(
        f"<item><title>Étude {n}</title><enclosure url='{server.add(path, wav(n))}'/></item>"
        for n, path in enumerate(paths, start=1)
    )
    text = f"<?xml version='1.0' encoding='UTF-8'?><rss version='2.0'><channel>{items}</channel></rss>"
    return server.add("/feed", text.encode(), "application/rss+xml")


def test_a_playlist_is_fetched_only_on_request(server: SoundServer, to: Path) -> None:
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


def test_many_rows_need_no_more_open_files_or_memory(server: SoundServer, to: Path) -> None:
    proc = Path("/proc/self")
    if not (proc / "statm").exists():
        pytest.skip("this system does not say how many files are open")
    rows = [("piano", f"take {n}", server.add(f"/{n}.wav", wav(n, 0.2)), "", "") for n in range(200)]
    files: list[int] = []
    pages: list[int] = []

    def watch(progress: Progress) -> None:
        files.append(len(list((proc / "fd").iterdir())))
        pages.append(int((proc / "statm").read_text().split()[1]))

    report = fetch(catalogue(*rows), to, jobs=4, options=QUICK, progress=watch)
    assert report.count("new") == 200
    assert max(files[100:]) <= max(files[20:100]) + 8
    assert pages[-1] - pages[60] < 20 * 2**20 // os.sysconf("SC_PAGE_SIZE")
    assert len(sounds(to)) == 200


def test_several_jobs_download_at_the_same_time(server: SoundServer, to: Path) -> None:
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


def test_a_rate_limit_slows_a_download(server: SoundServer, to: Path) -> None:
    rows = catalogue(("piano", "slow", server.add("/a.wav", wav(seconds=3)), "", ""))
    begin = time.monotonic()
    seen: list[DownloadProgress] = []
    fetch(rows, to, options=DownloadOptions(rate_limit=100_000), downloads=seen.append)
    assert time.monotonic() - begin >= 1.0
    assert seen[-1].ended
    assert seen[-1].done == seen[-1].total == len(wav(seconds=3))


def test_cookies_are_read_and_never_written(server: SoundServer, to: Path, tmp_path: Path) -> None:
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
    assert "none.txt: no such file; check the name" in failure
