import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from genrelens.errors import GenrelensError, OverloadedError, SlowUploadError
from genrelens.web.core.settings import Settings
from genrelens.web.core.uploads import Spool
from tests.support.processes import run_coroutine

FILES = [("a.mp3", b"first\r\n--x-\r\n"), ("ü/b.wav", b""), ("c", b"\x00\r\n" * 50)]

HOLD_FOLDER = """
import time
from genrelens.web.core.uploads import Spool
with Spool() as spool:
    (spool.folder / "song").write_bytes(b"0")
    print(spool.folder, flush=True)
    time.sleep(60)
"""


def encode_form(files: list[tuple[str, bytes]]) -> bytes:
    parts = [
        b'--x\r\nContent-Type: audio/mpeg\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\n\r\n%b\r\n'
        % (name.encode(), content)
        for name, content in files
    ]
    return b"".join(parts) + b"--x--\r\n"


def make_request(*chunks: bytes, stalled: bool = False) -> Request:
    waiting = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if not stalled:
        waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, object]:
        if not waiting:
            await asyncio.sleep(60)
        return waiting.pop(0)

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def receive_files(request: Request, settings: Settings | None = None) -> list[tuple[str, bytes]]:
    async def receive() -> list[tuple[str, bytes]]:
        with Spool() as spool:
            async with spool.uploads(request, settings or Settings()) as uploads:
                folders = {upload.path.parent for upload in uploads}
                assert all(folder.stat().st_mode & 0o077 == 0 for folder in folders)
                contents = [(upload.name, upload.path.read_bytes()) for upload in uploads]
            assert not any(folder.exists() for folder in folders)
        return contents

    return run_coroutine(receive())


@given(st.lists(st.integers(0, len(encode_form(FILES))), max_size=6))
def test_files_arrive_intact_however_the_body_is_chunked(cuts: list[int]) -> None:
    body, bounds = encode_form(FILES), sorted({0, *cuts, len(encode_form(FILES))})
    chunks = [body[start:end] for start, end in pairwise(bounds)]
    assert receive_files(make_request(*chunks)) == [("a.mp3", FILES[0][1]), ("b.wav", b""), ("c", FILES[2][1])]


@given(st.integers(0, len(encode_form(FILES)) - 1), st.binary(max_size=4))
def test_a_corrupted_form_is_parsed_or_refused_but_never_crashes(place: int, noise: bytes) -> None:
    body = encode_form(FILES)
    with contextlib.suppress(GenrelensError):
        files = receive_files(make_request(body[:place] + noise + body[place + len(noise) :]))
        assert all("/" not in name for name, _ in files)


def test_a_stalled_body_times_out() -> None:
    with pytest.raises(SlowUploadError, match=r"within 0\.05 s"):
        receive_files(make_request(encode_form(FILES)[:50], stalled=True), Settings(upload_seconds=0.05))


@pytest.mark.parametrize("size", [1_400, 60_000])
def test_a_full_disk_is_reported_and_its_files_are_deleted(size: int) -> None:
    body = encode_form([("a.mp3", b"0" * 100_000)])
    request = make_request(*(body[start : start + size] for start in range(0, len(body), size)))

    async def scenario() -> None:
        with Spool() as spool:
            with pytest.raises(OverloadedError, match="cannot be stored"), limit_file_size(50_000):
                async with spool.uploads(request, Settings()):
                    pass
            assert list(spool.folder.iterdir()) == []

    run_coroutine(scenario())


@contextlib.contextmanager
def limit_file_size(size: int) -> Iterator[None]:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_folder_of_uploads_is_removed_with_its_server() -> None:
    with Spool() as spool:
        folder = spool.folder
        (folder / "left").write_text("over")
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()


def test_folders_of_killed_processes_are_removed_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fcntl")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "genrelens-other").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "genrelens-uploads-link").symlink_to(tmp_path / "elsewhere")
    with subprocess.Popen([sys.executable, "-c", HOLD_FOLDER], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        stale = Path(other.stdout.readline().strip())
        with Spool():
            assert (stale / "song").exists()  # its process is alive
        os.kill(other.pid, signal.SIGKILL)
    assert (stale / "song").exists()
    with Spool() as spool:
        assert not stale.exists()
        assert spool.folder.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "elsewhere",
        "genrelens-other",
        "genrelens-uploads-link",
    ]
