import hashlib
import http.server
import json
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from genrelens.errors import ChecksumError, DownloadError, ModelNotFoundError
from genrelens.model import zoo
from genrelens.model.session import Model
from genrelens.model.weightless import strip_weights
from tests.support.paths import DATA

CONTENT = b"weights" * 1000
SHA = hashlib.sha256(CONTENT).hexdigest()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serve m.onnx over HTTP, and return the base URL."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "m.onnx").write_bytes(CONTENT)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(zoo.MODELS_FOLDER_ENV, raising=False)
    monkeypatch.setattr(zoo, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def test_the_bundled_model_is_found_and_matches_its_checksum() -> None:
    path = zoo.find("lens")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == zoo.known_models()["lens"].sha256
    assert zoo.is_local(zoo.known_models()["lens"])


def test_a_path_is_returned_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "own.onnx"
    file.write_bytes(CONTENT)
    assert zoo.find(file) == zoo.find(str(file)) == file
    with pytest.raises(ModelNotFoundError, match=r"other\.onnx does not exist"):
        zoo.find(tmp_path / "other.onnx")


def test_an_unknown_name_lists_the_known_models() -> None:
    with pytest.raises(ModelNotFoundError, match="no model is named 'lense'; use one of lens"):
        zoo.find("lense")


def test_a_url_is_downloaded_once_and_verified(server: str, cache: Path) -> None:
    reports: list[tuple[int, int | None]] = []
    path = zoo.find(f"{server}/m.onnx#sha256={SHA}", lambda advance=1, total=None: reports.append((advance, total)))
    assert path.read_bytes() == CONTENT
    assert sum(advance for advance, _ in reports) == len(CONTENT)
    assert {total for _, total in reports} == {len(CONTENT)}
    assert list(cache.iterdir()) == [path]
    (cache.parent / "served" / "m.onnx").unlink()
    assert zoo.find(f"{server}/m.onnx#sha256={SHA}") == path


def test_failed_downloads_leave_no_files(server: str, cache: Path) -> None:
    other = "0" * 64
    for url, error, message in (
        (f"{server}/m.onnx#sha256={other}", ChecksumError, "instead of 000000000000...; ask its publisher"),
        (f"{server}/m.onnx", ChecksumError, "has no checksum"),
        (f"{server}/n.onnx#sha256={SHA}", DownloadError, "responds with 404"),
        (f"http://127.0.0.1:9/m.onnx#sha256={SHA}", DownloadError, "cannot be reached"),
    ):
        with pytest.raises(error, match=message):
            zoo.find(url)
    assert not cache.exists() or not list(cache.iterdir())


def test_a_damaged_cache_is_detected(server: str) -> None:
    path = zoo.find(f"{server}/m.onnx#sha256={SHA}")
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(ChecksumError, match="delete it and get it again"):
        zoo.find(f"{server}/m.onnx#sha256={SHA}")


def test_a_read_only_cache_is_an_error(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(zoo, "cache_folder", lambda: tmp_path / "file" / "cache")
    with pytest.raises(DownloadError, match="cannot be stored in"):
        zoo.find(f"{server}/m.onnx#sha256={SHA}")


def test_the_offline_folder_replaces_downloads(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "offline"
    folder.mkdir()
    monkeypatch.setenv(zoo.MODELS_FOLDER_ENV, str(folder))
    (folder / "own.onnx").write_bytes(CONTENT)
    assert zoo.find("own") == folder / "own.onnx"
    with pytest.raises(DownloadError, match="not downloaded while GENRELENS_MODELS is set"):
        zoo.find(f"{server}/m.onnx#sha256={SHA}")
    (folder / "lens.onnx").write_bytes(CONTENT)
    with pytest.raises(ChecksumError):
        zoo.find("lens")


@pytest.fixture
def weightless(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> zoo.ZooEntry:
    """Return a weightless model whose checkpoint is on the server."""
    weights = {"theirs": np.arange(1, 9, dtype=np.float32)}
    torch = pytest.importorskip("torch")
    torch.save({name: torch.from_numpy(values) for name, values in weights.items()}, tmp_path / "served" / "w.pt")
    model = b"ours" + weights["theirs"].tobytes() + b"ours too"
    strip_weights(model, weights, tmp_path / "far.zip")
    checkpoint = {"url": f"{server}/w.pt", "sha256": sha256(tmp_path / "served" / "w.pt")}
    entry = {"name": "far", "summary": "", "sha256": hashlib.sha256(model).hexdigest(), "weights": checkpoint}
    (tmp_path / "zoo.json").write_text(json.dumps([entry]))
    monkeypatch.setattr(zoo, "_asset", lambda name: tmp_path / name)
    return zoo.known_models()["far"]


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_weightless_model_is_completed_once(weightless: zoo.ZooEntry, tmp_path: Path) -> None:
    assert not zoo.is_local(weightless)
    path = zoo.find("far")
    assert sha256(path) == weightless.sha256
    assert path.read_bytes().startswith(b"ours")
    assert zoo.is_local(weightless)
    (tmp_path / "served" / "w.pt").unlink()
    assert zoo.find("far") == path
    path.unlink()  # the checkpoint is cached, too
    assert zoo.is_local(weightless)
    assert zoo.find("far") == path


def test_the_checkpoint_can_be_in_the_offline_folder(
    weightless: zoo.ZooEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "offline"
    folder.mkdir()
    monkeypatch.setenv(zoo.MODELS_FOLDER_ENV, str(folder))
    with pytest.raises(DownloadError, match=r"w\.pt is not downloaded while GENRELENS_MODELS is set"):
        zoo.find("far")
    (folder / "w.pt").write_bytes((tmp_path / "served" / "w.pt").read_bytes())
    assert zoo.is_local(weightless)
    assert sha256(zoo.find("far")) == weightless.sha256
    (tmp_path / "cache" / zoo.find("far").name).unlink()
    (folder / "w.pt").write_bytes(b"other")
    with pytest.raises(ChecksumError, match="delete it and get it again"):
        zoo.find("far")


def test_a_completed_model_with_a_wrong_checksum_is_not_stored(weightless: zoo.ZooEntry, tmp_path: Path) -> None:
    content = json.loads((tmp_path / "zoo.json").read_text())
    content[0]["sha256"] = "0" * 64
    (tmp_path / "zoo.json").write_text(json.dumps(content))
    with pytest.raises(ChecksumError, match="far has SHA-256"):
        zoo.find("far")
    assert not list((tmp_path / "cache").glob("*.onnx"))


@pytest.mark.parametrize("name", [name for name, entry in zoo.known_models().items() if entry.weights])
def test_bundled_weightless_models_contain_no_foreign_weights(name: str) -> None:
    """Only the weights of the added linear layer are not zero."""
    with zipfile.ZipFile(zoo._asset(f"{name}.zip")) as archive:
        slots = json.loads(archive.read("holes.json"))
        graph = onnx.load_from_string(archive.read("model.onnx")).graph
    assert sum(slot["size"] for slot in slots) > 2_000_000
    nonzero = {
        t.name for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT and numpy_helper.to_array(t).any()
    }
    assert nonzero <= {"head.weight", "head.bias"}
    assert zoo._asset(f"{name}.zip").stat().st_size < 100_000


@pytest.mark.data
@pytest.mark.parametrize("name", [name for name, entry in zoo.known_models().items() if entry.weights])
def test_the_published_checkpoint_matches(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(zoo.MODELS_FOLDER_ENV, str(DATA.parent / "teachers"))
    card = Model(zoo.find(name), threads=1).card
    assert card.name == name
    assert card.labels == Model(zoo.find("lens"), threads=1).card.labels
