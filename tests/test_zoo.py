import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from genrelens import zoo
from genrelens.errors import ChecksumError, DownloadError, ModelNotFoundError

CONTENT = b"weights" * 1000
SHA = hashlib.sha256(CONTENT).hexdigest()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serves m.onnx and cut.onnx, which ends before its length is reached."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "m.onnx").write_bytes(CONTENT)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(zoo.OFFLINE_FOLDER, raising=False)
    monkeypatch.setattr(zoo, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def test_the_bundled_model_is_found_and_is_what_it_should_be() -> None:
    path = zoo.find("lens")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == zoo.known()["lens"].sha256
    assert zoo.is_local(zoo.known()["lens"])


def test_a_path_is_itself(tmp_path: Path) -> None:
    file = tmp_path / "own.onnx"
    file.write_bytes(CONTENT)
    assert zoo.find(file) == zoo.find(str(file)) == file
    with pytest.raises(ModelNotFoundError, match=r"other\.onnx does not exist"):
        zoo.find(tmp_path / "other.onnx")


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ModelNotFoundError, match="no model 'lense'; known are lens"):
        zoo.find("lense")


def test_an_address_is_downloaded_once_and_checked(server: str, cache: Path) -> None:
    told: list[tuple[int, int | None]] = []
    path = zoo.find(f"{server}/m.onnx#sha256={SHA}", lambda had, total: told.append((had, total)))
    assert path.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert list(cache.iterdir()) == [path]
    (cache.parent / "served" / "m.onnx").unlink()
    assert zoo.find(f"{server}/m.onnx#sha256={SHA}") == path


def test_downloads_that_fail_leave_nothing(server: str, cache: Path) -> None:
    other = "0" * 64
    for address, error, words in (
        (f"{server}/m.onnx#sha256={other}", ChecksumError, "not the 000000000000... that was promised"),
        (f"{server}/m.onnx", ChecksumError, "without a checksum"),
        (f"{server}/n.onnx#sha256={SHA}", DownloadError, "answers 404"),
        (f"http://127.0.0.1:9/m.onnx#sha256={SHA}", DownloadError, "cannot be reached"),
    ):
        with pytest.raises(error, match=words):
            zoo.find(address)
    assert not cache.exists() or not list(cache.iterdir())


def test_a_damaged_cache_is_noticed(server: str) -> None:
    path = zoo.find(f"{server}/m.onnx#sha256={SHA}")
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(ChecksumError, match="delete it and get it anew"):
        zoo.find(f"{server}/m.onnx#sha256={SHA}")


def test_a_cache_that_cannot_be_written(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(zoo, "cache_folder", lambda: tmp_path / "file" / "cache")
    with pytest.raises(DownloadError, match="cannot be kept in"):
        zoo.find(f"{server}/m.onnx#sha256={SHA}")


def test_an_offline_folder(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "offline"
    folder.mkdir()
    monkeypatch.setenv(zoo.OFFLINE_FOLDER, str(folder))
    (folder / "own.onnx").write_bytes(CONTENT)
    assert zoo.find("own") == folder / "own.onnx"
    with pytest.raises(DownloadError, match="not downloaded while GENRELENS_MODELS is set"):
        zoo.find(f"{server}/m.onnx#sha256={SHA}")
    (folder / "lens.onnx").write_bytes(CONTENT)
    with pytest.raises(ChecksumError):
        zoo.find("lens")


def test_a_named_model_with_an_address(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [{"name": "far", "summary": "", "sha256": SHA, "url": f"{server}/m.onnx"}]
    (tmp_path / "zoo.json").write_text(json.dumps(entries))
    monkeypatch.setattr(zoo, "_asset", lambda name: tmp_path / name)
    entry = zoo.known()["far"]
    assert not zoo.is_local(entry)
    assert zoo.find("far").read_bytes() == CONTENT
    assert zoo.is_local(entry)
