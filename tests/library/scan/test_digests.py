from collections.abc import Callable
from pathlib import Path

from genrelens.library.catalog.catalog import Catalog, path_to_bytes
from genrelens.library.catalog.lookup import load_details
from genrelens.library.scan.digests import count_undigested, digest_tracks, relink_moved
from genrelens.library.scan.scan import scan_folder
from genrelens.prediction import Failure
from tests.support.audio import encode, tone
from tests.support.catalog import store_prediction, track_id, write_file


def digested(catalog: Catalog, folder: Path) -> list[Failure]:
    return [failure for failure in digest_tracks(catalog, folder) if failure]


def flac(file: Path, hz: float, title: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    return encode(file, tone(hz, 0.5, channels=1), codec="flac", tags={"title": title})


def test_a_renamed_and_retagged_file_keeps_its_answer(catalog: Catalog, tmp_path: Path) -> None:
    music = tmp_path / "music"
    old, other = flac(music / "a.flac", 440, "Old"), flac(music / "b.flac", 880, "Other")
    scan_folder(catalog, music)
    assert digested(catalog, music) == []
    number = store_prediction(catalog, old)
    old.unlink()
    new = flac(music / "sub" / "01 new.flac", 440, "A much longer title")
    found = scan_folder(catalog, music)
    assert (found.new, found.vanished) == (1, 1)
    assert count_undigested(catalog, music) == 1
    assert digested(catalog, music) == []
    assert relink_moved(catalog) == 1
    assert track_id(catalog, new) == number
    told = load_details(catalog, number)
    assert told.answer is not None
    assert not told.outdated
    assert not told.vanished
    assert track_id(catalog, other) != number
    assert catalog.connection.execute("SELECT COUNT(*) FROM tracks").fetchone()[0] == 2


def test_a_copy_joins_nothing(catalog: Catalog, tmp_path: Path) -> None:
    old = flac(tmp_path / "a.flac", 440, "")
    scan_folder(catalog, tmp_path)
    digested(catalog, tmp_path)
    store_prediction(catalog, old)
    flac(tmp_path / "copy.flac", 440, "")
    scan_folder(catalog, tmp_path)
    digested(catalog, tmp_path)
    assert relink_moved(catalog) == 0


def test_what_cannot_be_read_is_told_and_the_others_are_kept(
    catalog: Catalog, tmp_path: Path, wav: Callable[..., Path]
) -> None:
    bad, good = write_file(tmp_path / "a.mp3", b"no music"), wav("b.wav", seconds=0.2)
    scan_folder(catalog, tmp_path)
    (failure,) = digested(catalog, tmp_path)
    assert failure.path == str(bad)
    assert failure.error.type == "UndecodableAudioError"
    rows = dict(map(tuple, catalog.connection.execute("SELECT path, digest IS NOT NULL FROM tracks")))
    assert rows == {path_to_bytes(bad): 0, path_to_bytes(good): 1}
