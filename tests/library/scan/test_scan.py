import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genrelens.errors import AudioNotFoundError, AudioUnreadableError
from genrelens.library.catalog.catalog import Catalog, path_to_bytes
from genrelens.library.catalog.lookup import load_details
from genrelens.library.scan.scan import ScanResult, scan_folder
from tests.support.catalog import present_paths, store_prediction, track_id, write_file

NAMES = st.sampled_from(["a.mp3", "b.mp3", "sub/a.mp3", "sub/b.flac", "sub2/a.mp3", "sub/deep/a.mp3"])


def counts(result: ScanResult) -> tuple[int, int, int, int, int]:
    return result.new, result.changed, result.moved, result.returned, result.vanished


def test_new_changed_and_vanished_files_are_counted(catalog: Catalog, tmp_path: Path) -> None:
    music = tmp_path / "music"
    unchanged, changed, removed = (
        write_file(music / name) for name in ("unchanged.mp3", "changed.ogg", "removed.FLAC")
    )
    write_file(music / "cover.jpg")
    write_file(music / "._unchanged.mp3")
    first = scan_folder(catalog, music)
    assert first.found == 3
    assert counts(first) == (3, 0, 0, 0, 0)
    write_file(changed, b"more")
    removed.unlink()
    assert counts(scan_folder(catalog, music)) == (0, 1, 0, 0, 1)
    assert present_paths(catalog) == {path_to_bytes(unchanged), path_to_bytes(changed)}
    assert counts(scan_folder(catalog, music)) == (0, 0, 0, 0, 0)


def test_sibling_folder_with_a_longer_name_is_not_scanned(catalog: Catalog, tmp_path: Path) -> None:
    write_file(tmp_path / "rock" / "a.mp3")
    other = write_file(tmp_path / "rock2" / "b.mp3")
    scan_folder(catalog, tmp_path / "rock")
    scan_folder(catalog, tmp_path / "rock2")
    other.unlink()
    assert scan_folder(catalog, tmp_path / "rock").vanished == 0
    assert scan_folder(catalog, tmp_path / "rock2").vanished == 1


def test_returned_file_keeps_its_prediction(catalog: Catalog, tmp_path: Path) -> None:
    song = write_file(tmp_path / "music" / "a.mp3", b"x", mtime_ns=5)
    scan_folder(catalog, tmp_path / "music")
    number = store_prediction(catalog, song)
    song.unlink()
    scan_folder(catalog, tmp_path / "music")
    write_file(song, b"x", mtime_ns=5)
    assert counts(scan_folder(catalog, tmp_path / "music")) == (0, 0, 0, 1, 0)
    details = load_details(catalog, number)
    assert details.answer is not None
    assert not details.outdated


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
def test_moved_file_keeps_its_id_and_prediction(catalog: Catalog, tmp_path: Path, order: tuple[str, str]) -> None:
    song = write_file(tmp_path / "old" / "a.mp3", b"x")
    scan_folder(catalog, tmp_path / "old")
    number = store_prediction(catalog, song)
    moved = tmp_path / "new" / "album" / "a.mp3"
    moved.parent.mkdir(parents=True)
    song.rename(moved)
    results = [scan_folder(catalog, tmp_path / folder) for folder in order]
    assert sum(result.moved for result in results) == 1
    assert sum(result.new for result in results) == 0
    assert track_id(catalog, moved) == number
    details = load_details(catalog, number)
    assert details.answer is not None
    assert details.answer.path == str(moved)


def test_copy_is_not_a_move(catalog: Catalog, tmp_path: Path) -> None:
    write_file(tmp_path / "a" / "song.mp3", b"x", mtime_ns=5)
    scan_folder(catalog, tmp_path / "a")
    write_file(tmp_path / "b" / "song.mp3", b"x", mtime_ns=5)
    assert counts(scan_folder(catalog, tmp_path)) == (1, 0, 0, 0, 0)


def test_ambiguous_moves_are_not_guessed(catalog: Catalog, tmp_path: Path) -> None:
    for album in "one", "two":
        write_file(tmp_path / album / "01.mp3", b"x", mtime_ns=5)
    scan_folder(catalog, tmp_path)
    for album in "one", "two":
        (tmp_path / album).rename(tmp_path / f"{album} again")
    assert counts(scan_folder(catalog, tmp_path)) == (2, 0, 0, 0, 2)


def test_unreadable_folder_is_reported_and_its_tracks_stay(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unchanged = write_file(tmp_path / "closed" / "deep" / "a.mp3")
    write_file(tmp_path / "open" / "b.mp3").rename(write_file(tmp_path / "open" / "c.mp3"))
    scan_folder(catalog, tmp_path)
    (tmp_path / "open" / "c.mp3").unlink()
    scandir = os.scandir

    def deny_access(path: str) -> object:  # simulated, as root can read everything
        if path == str(tmp_path / "closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deny_access)
    result = scan_folder(catalog, tmp_path)
    assert [str(entry) for entry in result.unreadable] == [
        f"{tmp_path / 'closed'} cannot be read (Permission denied); its entries in the catalog are unchanged"
    ]
    assert result.vanished == 1
    assert present_paths(catalog) == {path_to_bytes(unchanged)}
    with pytest.raises(AudioUnreadableError):
        scan_folder(catalog, tmp_path / "closed")
    assert present_paths(catalog) == {path_to_bytes(unchanged)}


def test_missing_folder_raises_and_marks_nothing_as_vanished(catalog: Catalog, tmp_path: Path) -> None:
    song = write_file(tmp_path / "disk" / "a.mp3")
    scan_folder(catalog, tmp_path / "disk")
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    with pytest.raises(AudioNotFoundError, match="does not exist"):
        scan_folder(catalog, tmp_path / "disk")
    with pytest.raises(AudioUnreadableError, match="not a folder"):
        scan_folder(catalog, tmp_path / "unplugged" / "a.mp3")
    assert present_paths(catalog) == {path_to_bytes(song)}


def test_links_and_names_that_are_not_utf8_are_found(catalog: Catalog, tmp_path: Path) -> None:
    music = tmp_path / "music"
    not_utf8 = write_file(music / os.fsdecode(b"\xff\xfe.mp3"))
    (music / "link.mp3").symlink_to(not_utf8)
    (music / "broken link.mp3").symlink_to(tmp_path / "missing")
    (music / "loop").symlink_to(music)
    assert scan_folder(catalog, music).found == 2
    assert present_paths(catalog) == {path_to_bytes(not_utf8), path_to_bytes(music / "link.mp3")}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.dictionaries(NAMES, st.binary(max_size=2)), after=st.dictionaries(NAMES, st.binary(max_size=2)))
def test_catalog_matches_the_disk_after_each_scan(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("music")
    with Catalog(folder / "library.db") as catalog:
        for state in before, after:
            for file in [path for path in folder.rglob("*") if path.suffix in (".mp3", ".flac")]:
                file.unlink()
            for name, content in state.items():
                write_file(folder / name, content, mtime_ns=len(content))
            result = scan_folder(catalog, folder)
            assert present_paths(catalog) == {path_to_bytes(folder / name) for name in state}
            assert result.found == len(state)
        rows = catalog.connection.execute("SELECT path, size FROM tracks WHERE NOT vanished")
        assert {row["path"]: row["size"] for row in rows} == {
            path_to_bytes(folder / name): len(content) for name, content in after.items()
        }
