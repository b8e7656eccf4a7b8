from pathlib import Path

import pytest

from genrelens.errors import NoTracksError, TrackNotFoundError
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.lookup import find_track
from genrelens.library.catalog.tracks import FileStamp, save_failure
from genrelens.prediction import ErrorInfo, Failure
from tests.support.catalog import fill_catalog


def test_tracks_are_found_by_id_and_by_path(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_catalog(catalog, tmp_path, ["jazz", "rock"])
    monkeypatch.chdir(tmp_path)
    assert find_track(catalog, "2").id == 2
    assert find_track(catalog, "1.mp3").id == find_track(catalog, str(tmp_path / "1.mp3")).id == 2


@pytest.mark.parametrize("text", ["99", "²", "./1", "9" * 30])
def test_unknown_track_is_an_error(catalog: Catalog, tmp_path: Path, text: str) -> None:
    fill_catalog(catalog, tmp_path, ["jazz", "rock"])
    with pytest.raises((TrackNotFoundError,), match="library search"):
        find_track(catalog, text)


def test_errors_distinguish_pending_and_failed_tracks(catalog: Catalog) -> None:
    catalog.connection.execute("INSERT INTO tracks (path, size, mtime_ns) VALUES (?, 1, 1)", (b"/pending",))
    with pytest.raises(NoTracksError, match="is not classified yet; run `genrelens library run`"):
        find_track(catalog, "/pending")
    with catalog.transaction():
        failure = Failure(path="/pending", error=ErrorInfo(type="X", message="it is empty"))
        save_failure(catalog, 1, FileStamp(1, 1), failure)
    expected = r"could not be classified \(it is empty\); try again with `genrelens library run --retry`"
    with pytest.raises(NoTracksError, match=expected):
        find_track(catalog, "/pending")
