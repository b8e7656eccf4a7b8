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


def counts(found: ScanResult) -> tuple[int, int, int, int, int]:
    return found.new, found.changed, found.moved, found.returned, found.vanished


def test_what_is_new_changed_and_gone(catalog: Catalog, tmp_path: Path) -> None:
    music = tmp_path / "music"
    stays, changes, goes = (write_file(music / name) for name in ("stays.mp3", "changes.ogg", "goes.FLAC"))
    write_file(music / "cover.jpg")
    write_file(music / "._stays.mp3")
    first = scan_folder(catalog, music)
    assert first.found == 3
    assert counts(first) == (3, 0, 0, 0, 0)
    write_file(changes, b"more")
    goes.unlink()
    assert counts(scan_folder(catalog, music)) == (0, 1, 0, 0, 1)
    assert present_paths(catalog) == {path_to_bytes(stays), path_to_bytes(changes)}
    assert counts(scan_folder(catalog, music)) == (0, 0, 0, 0, 0)


def test_a_folder_beside_it_with_a_longer_name_is_another(catalog: Catalog, tmp_path: Path) -> None:
    write_file(tmp_path / "rock" / "a.mp3")
    other = write_file(tmp_path / "rock2" / "b.mp3")
    scan_folder(catalog, tmp_path / "rock")
    scan_folder(catalog, tmp_path / "rock2")
    other.unlink()
    assert scan_folder(catalog, tmp_path / "rock").vanished == 0
    assert scan_folder(catalog, tmp_path / "rock2").vanished == 1


def test_a_file_that_returns_has_its_answer_still(catalog: Catalog, tmp_path: Path) -> None:
    song = write_file(tmp_path / "music" / "a.mp3", b"x", mtime_ns=5)
    scan_folder(catalog, tmp_path / "music")
    number = store_prediction(catalog, song)
    song.unlink()
    scan_folder(catalog, tmp_path / "music")
    write_file(song, b"x", mtime_ns=5)
    assert counts(scan_folder(catalog, tmp_path / "music")) == (0, 0, 0, 1, 0)
    found = load_details(catalog, number)
    assert found.answer is not None
    assert not found.outdated


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
def test_a_moved_file_keeps_its_number_and_answer(catalog: Catalog, tmp_path: Path, order: tuple[str, str]) -> None:
    song = write_file(tmp_path / "old" / "a.mp3", b"x")
    scan_folder(catalog, tmp_path / "old")
    number = store_prediction(catalog, song)
    moved = tmp_path / "new" / "album" / "a.mp3"
    moved.parent.mkdir(parents=True)
    song.rename(moved)
    found = [scan_folder(catalog, tmp_path / folder) for folder in order]
    assert sum(one.moved for one in found) == 1
    assert sum(one.new for one in found) == 0
    assert track_id(catalog, moved) == number
    told = load_details(catalog, number)
    assert told.answer is not None
    assert told.answer.path == str(moved)


def test_a_copy_is_no_move(catalog: Catalog, tmp_path: Path) -> None:
    write_file(tmp_path / "a" / "song.mp3", b"x", mtime_ns=5)
    scan_folder(catalog, tmp_path / "a")
    write_file(tmp_path / "b" / "song.mp3", b"x", mtime_ns=5)
    assert counts(scan_folder(catalog, tmp_path)) == (1, 0, 0, 0, 0)


def test_where_several_would_fit_none_is_taken_for_moved(catalog: Catalog, tmp_path: Path) -> None:
    for album in "one", "two":
        write_file(tmp_path / album / "01.mp3", b"x", mtime_ns=5)
    scan_folder(catalog, tmp_path)
    for album in "one", "two":
        (tmp_path / album).rename(tmp_path / f"{album} again")
    assert counts(scan_folder(catalog, tmp_path)) == (2, 0, 0, 0, 2)


def test_a_closed_folder_is_told_and_its_tracks_stay(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = write_file(tmp_path / "closed" / "deep" / "a.mp3")
    write_file(tmp_path / "open" / "b.mp3").rename(write_file(tmp_path / "open" / "c.mp3"))
    scan_folder(catalog, tmp_path)
    (tmp_path / "open" / "c.mp3").unlink()
    own = os.scandir

    def refuse(path: str) -> object:  # root may read all, so the refusal is played
        if path == str(tmp_path / "closed"):
            raise PermissionError(13, "Permission denied", path)
        return own(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = scan_folder(catalog, tmp_path)
    assert [str(unread) for unread in found.unreadable] == [
        f"{tmp_path / 'closed'} cannot be read (Permission denied); what is known of it stays as it was"
    ]
    assert found.vanished == 1
    assert present_paths(catalog) == {path_to_bytes(kept)}
    with pytest.raises(AudioUnreadableError):
        scan_folder(catalog, tmp_path / "closed")
    assert present_paths(catalog) == {path_to_bytes(kept)}


def test_a_folder_that_is_not_there_lets_nothing_vanish(catalog: Catalog, tmp_path: Path) -> None:
    song = write_file(tmp_path / "disk" / "a.mp3")
    scan_folder(catalog, tmp_path / "disk")
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    with pytest.raises(AudioNotFoundError, match="does not exist"):
        scan_folder(catalog, tmp_path / "disk")
    with pytest.raises(AudioUnreadableError, match="not a folder"):
        scan_folder(catalog, tmp_path / "unplugged" / "a.mp3")
    assert present_paths(catalog) == {path_to_bytes(song)}


def test_names_that_are_not_text_and_links(catalog: Catalog, tmp_path: Path) -> None:
    music = tmp_path / "music"
    odd = write_file(music / os.fsdecode(b"\xff\xfe.mp3"))
    (music / "link.mp3").symlink_to(odd)
    (music / "to nothing.mp3").symlink_to(tmp_path / "nothing")
    (music / "round").symlink_to(music)
    assert scan_folder(catalog, music).found == 2
    assert present_paths(catalog) == {path_to_bytes(odd), path_to_bytes(music / "link.mp3")}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.dictionaries(NAMES, st.binary(max_size=2)), after=st.dictionaries(NAMES, st.binary(max_size=2)))
def test_the_catalog_tells_what_is_on_disk(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("music")
    with Catalog(folder / "library.db") as catalog:
        for state in before, after:
            for file in [path for path in folder.rglob("*") if path.suffix in (".mp3", ".flac")]:
                file.unlink()
            for name, content in state.items():
                write_file(folder / name, content, mtime_ns=len(content))
            found = scan_folder(catalog, folder)
            assert present_paths(catalog) == {path_to_bytes(folder / name) for name in state}
            assert found.found == len(state)
        rows = catalog.connection.execute("SELECT path, size FROM tracks WHERE NOT vanished")
        assert {row["path"]: row["size"] for row in rows} == {
            path_to_bytes(folder / name): len(content) for name, content in after.items()
        }
