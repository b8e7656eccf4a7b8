from collections.abc import Callable
from pathlib import Path

from genrelens.library.catalog.catalog import Catalog, path_to_bytes
from genrelens.library.catalog.lookup import load_details
from genrelens.library.scan.digests import count_undigested, digest_tracks, relink_moved
from genrelens.library.scan.scan import scan_folder
from genrelens.prediction import Failure
from tests.support.audio import encode, tone
from tests.support.catalog import store_prediction, track_id, write_file


def digest_failures(catalog: Catalog, folder: Path) -> list[Failure]:
    return [failure for failure in digest_tracks(catalog, folder) if failure]


def write_flac(file: Path, hz: float, title: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    return encode(file, tone(hz, 0.5, channels=1), codec="flac", tags={"title": title})


def test_renamed_and_retagged_file_keeps_its_prediction(catalog: Catalog, tmp_path: Path) -> None:
    music = tmp_path / "music"
    old, other = write_flac(music / "a.flac", 440, "Old"), write_flac(music / "b.flac", 880, "Other")
    scan_folder(catalog, music)
    assert digest_failures(catalog, music) == []
    number = store_prediction(catalog, old)
    old.unlink()
    new = write_flac(music / "sub" / "01 new.flac", 440, "A much longer title")
    result = scan_folder(catalog, music)
    assert (result.new, result.vanished) == (1, 1)
    assert count_undigested(catalog, music) == 1
    assert digest_failures(catalog, music) == []
    assert relink_moved(catalog) == 1
    assert track_id(catalog, new) == number
    details = load_details(catalog, number)
    assert details.answer is not None
    assert not details.outdated
    assert not details.vanished
    assert track_id(catalog, other) != number
    assert catalog.connection.execute("SELECT COUNT(*) FROM tracks").fetchone()[0] == 2


def test_copy_is_not_relinked(catalog: Catalog, tmp_path: Path) -> None:
    old = write_flac(tmp_path / "a.flac", 440, "")
    scan_folder(catalog, tmp_path)
    digest_failures(catalog, tmp_path)
    store_prediction(catalog, old)
    write_flac(tmp_path / "copy.flac", 440, "")
    scan_folder(catalog, tmp_path)
    digest_failures(catalog, tmp_path)
    assert relink_moved(catalog) == 0


def test_unreadable_file_is_reported_and_the_others_are_digested(
    catalog: Catalog, tmp_path: Path, wav: Callable[..., Path]
) -> None:
    bad, good = write_file(tmp_path / "a.mp3", b"not audio"), wav("b.wav", seconds=0.2)
    scan_folder(catalog, tmp_path)
    (failure,) = digest_failures(catalog, tmp_path)
    assert failure.path == str(bad)
    assert failure.error.type == "UndecodableAudioError"
    rows = dict(map(tuple, catalog.connection.execute("SELECT path, digest IS NOT NULL FROM tracks")))
    assert rows == {path_to_bytes(bad): 0, path_to_bytes(good): 1}
