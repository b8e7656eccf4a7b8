import errno
import os
import resource
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genrelens.errors import CatalogError, LibraryBusyError
from genrelens.library.albums.albums import Grouping
from genrelens.library.catalog import tracks
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.catalog.status import library_status
from genrelens.library.catalog.tracks import FileStamp, TrackQuery, iter_tracks
from genrelens.library.scan.scan import scan_folder
from genrelens.library.tagging import atomic_replace
from genrelens.library.tagging.journal import Entry, Journal
from genrelens.library.tagging.plan import TagPolicy
from genrelens.library.tagging.run import preview, tag
from genrelens.library.tagging.undo import undo
from genrelens.library.tags import genre_tags
from tests.support.audio import encode, tone
from tests.support.catalog import add_classified_track
from tests.support.tagged_files import FORMATS, make_tagged

REPLACE = TagPolicy("replace")
EVERY = pytest.mark.parametrize("name", FORMATS)


def partials(folder: Path) -> list[Path]:
    return list(folder.glob(".genrelens*"))


@EVERY
def test_tags_are_written_and_undone_byte_for_byte(name: str, catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, name)
    before, status = file.read_bytes(), file.stat()
    track = add_classified_track(catalog, file)
    (change,) = tag(catalog, TrackQuery(), REPLACE)
    assert (change.skipped, change.detail, change.new) == (None, "", ("Rock",))
    assert genre_tags.read(file).genres == ("Rock",)
    assert file.stat().st_mtime_ns > status.st_mtime_ns
    (classified,) = iter_tracks(catalog)
    assert (classified.id, classified.stamp) == (track, FileStamp.from_path(file))
    (result,) = undo(catalog)
    assert result.failure is None
    assert file.read_bytes() == before
    assert file.stat().st_mtime_ns == status.st_mtime_ns
    assert next(iter_tracks(catalog)).stamp == FileStamp.from_path(file)
    assert partials(music) == []


def test_preview_changes_no_file(catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)
    before, status = file.read_bytes(), file.stat()
    (change,) = preview(catalog, TrackQuery(), TagPolicy("append"))
    assert change.new == (*change.old, "Rock")
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (before, status.st_mtime_ns)
    assert Journal(catalog).runs() == []


def test_owner_permissions_attributes_and_times_are_kept(catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "mp3-2.4")
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 1234, 2345)
    try:
        os.setxattr(file, "user.rating", b"5")
    except OSError:
        pytest.skip("no extended attributes on this disk")
    add_classified_track(catalog, file)
    before = file.stat()
    assert [change.skipped for change in tag(catalog, TrackQuery(), REPLACE, keep_times=True)] == [None]
    after = file.stat()
    assert after.st_ino != before.st_ino
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_mtime_ns == before.st_mtime_ns
    assert os.getxattr(file, "user.rating") == b"5"


@EVERY
def test_a_private_file_is_never_readable_by_others(
    name: str, catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_tagged(music, name)
    file.chmod(0o600)
    add_classified_track(catalog, file)
    modes: list[int] = []
    for module, function in ((genre_tags, "_write"), (atomic_replace, "copy_metadata")):
        original = getattr(module, function)

        def record_modes(*arguments: Any, original: Callable[..., Any] = original) -> None:
            modes.extend(partial.stat().st_mode & 0o777 for partial in partials(music))
            original(*arguments)
            modes.extend(partial.stat().st_mode & 0o777 for partial in partials(music))

        monkeypatch.setattr(module, function, record_modes)
    assert [change.skipped for change in tag(catalog, TrackQuery(), REPLACE)] == [None]
    assert [result.failure for result in undo(catalog)] == [None]
    assert modes == [0o600] * 6
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_group_and_owner_are_kept_or_the_file_is_left_unchanged(
    catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, foreign = make_tagged(music, "flac"), make_tagged(music, "m4a")
    os.chown(shared, -1, 2345)
    os.chown(foreign, 1234, -1)
    before = foreign.read_bytes()
    add_classified_track(catalog, shared)
    add_classified_track(catalog, foreign)
    chown = os.chown

    def refuse(path: Path, user: int, group: int) -> None:
        if user not in (-1, os.getuid()):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        chown(path, user, group)

    with monkeypatch.context() as patch:
        patch.setattr(os, "chown", refuse)
        changes = {change.path: change for change in tag(catalog, TrackQuery(), REPLACE)}
    assert changes[str(shared)].skipped is None
    assert shared.stat().st_gid == 2345
    assert (changes[str(foreign)].skipped, "user or group" in changes[str(foreign)].detail) == ("failed", True)
    assert (foreign.read_bytes(), foreign.stat().st_uid, partials(music)) == (before, 1234, [])
    os.chown(shared, 1234, 2345)
    monkeypatch.setattr(os, "chown", refuse)
    (result,) = undo(catalog)
    assert result.failure is not None
    assert "user or group" in result.failure
    assert (shared.stat().st_uid, genre_tags.read(shared).genres, partials(music)) == (1234, ("Rock",), [])


@EVERY
def test_a_file_changed_since_it_was_classified_is_left_unchanged(name: str, catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, name)
    add_classified_track(catalog, file)
    with file.open("ab") as end:
        end.write(b"more")
    before = file.read_bytes()
    (change,) = tag(catalog, TrackQuery(), REPLACE)
    assert change.skipped == "changed"
    assert "since it was classified" in change.detail
    assert file.read_bytes() == before


@EVERY
def test_a_file_that_changes_during_the_run_is_left_unchanged(
    name: str, catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_tagged(music, name)
    add_classified_track(catalog, file)
    prepare = Journal.prepare

    def prepare_and_append(*arguments: Any) -> Entry:
        entry = prepare(*arguments)
        with file.open("ab") as end:
            end.write(b"more")
        return entry

    monkeypatch.setattr(Journal, "prepare", prepare_and_append)
    (change,) = tag(catalog, TrackQuery(), REPLACE)
    assert change.skipped == "changed"
    assert file.read_bytes().endswith(b"more")
    assert partials(music) == []
    assert Journal(catalog).unsettled_entries() == []


@EVERY
def test_a_full_disk_leaves_the_file_unchanged(
    name: str, catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_tagged(music, name)
    add_classified_track(catalog, file)
    before, write = file.read_bytes(), genre_tags.write

    def write_with_limit(*arguments: Any) -> None:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
        try:
            write(*arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    monkeypatch.setattr(genre_tags, "write", write_with_limit)
    (change,) = tag(catalog, TrackQuery(), REPLACE)
    assert change.skipped == "failed"
    assert "File too large" in change.detail
    assert "nothing was changed" in change.detail
    assert (file.read_bytes(), partials(music), Journal(catalog).runs()[0].written) == (before, [], 0)
    monkeypatch.undo()
    assert [again.skipped for again in tag(catalog, TrackQuery(), REPLACE)] == [None]


@pytest.mark.parametrize("step", ["begin", "prepare", "settle"])
def test_a_full_disk_of_the_catalog_ends_the_run(
    step: str, catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)
    before = file.read_bytes()

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, step, refuse)
        with pytest.raises(CatalogError, match="disk is full"):
            list(tag(catalog, TrackQuery(), REPLACE))
    assert (file.read_bytes() == before) is (step != "settle")
    list(tag(catalog, TrackQuery(), REPLACE))
    assert (genre_tags.read(file).genres, partials(music)) == (("Rock",), [])
    assert [result.failure for result in undo(catalog)] == [None]
    assert file.read_bytes() == before


@EVERY
def test_a_read_only_file_is_left_unchanged(name: str, catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, name)
    add_classified_track(catalog, file)
    before = file.read_bytes()
    file.chmod(0o444)
    (change,) = tag(catalog, TrackQuery(), REPLACE)
    assert (change.skipped, "read-only" in change.detail) == ("failed", True)
    assert file.read_bytes() == before


def test_preview_reports_what_cannot_be_written(catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = music / "closed"
    closed.mkdir()
    read_only, inside, link = make_tagged(music, "flac"), make_tagged(closed, "flac"), music / "link.flac"
    read_only.chmod(0o444)
    link.symlink_to(read_only)
    video = encode(music / "video.mp3", tone(seconds=0.3), container="matroska", codec="libmp3lame")
    gone = make_tagged(music, "wv")
    for file in (read_only, inside, link, video, gone):
        add_classified_track(catalog, file)
    gone.unlink()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != closed and access(path, mode))
    expected = {read_only: "failed", inside: "failed", link: "failed", video: "unreadable", gone: "gone"}
    for changes in (preview(catalog, TrackQuery(), REPLACE), tag(catalog, TrackQuery(), REPLACE)):
        by_path = {Path(change.path): change for change in changes}
        assert {path: change.skipped for path, change in by_path.items()} == expected
        assert "the folder of" in by_path[inside].detail
        assert "is read-only" in by_path[link].detail
    assert Journal(catalog).runs() == []


def test_a_read_only_folder_changes_no_file(catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    before = file.read_bytes()
    (change,) = tag(catalog, TrackQuery(), REPLACE)
    assert "Permission denied" in change.detail
    assert (file.read_bytes(), partials(music), Journal(catalog).unsettled_entries()) == (before, [], [])


@EVERY
def test_a_damaged_file_is_reported_and_the_run_continues(name: str, catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, name)
    file.write_bytes(file.read_bytes()[:20])
    other = make_tagged(music, "m4a" if name == "flac" else "flac")
    add_classified_track(catalog, file)
    add_classified_track(catalog, other)
    changes = {change.path: change for change in tag(catalog, TrackQuery(), REPLACE)}
    assert changes[str(file)].skipped in ("unreadable", "failed")
    assert str(file) in changes[str(file)].detail
    assert len(file.read_bytes()) == 20
    assert genre_tags.read(other).genres == ("Rock",)


def test_changed_audio_is_rejected(catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_tagged(music, "wav")
    add_classified_track(catalog, file)
    write = genre_tags.write

    def write_and_corrupt(source: Path, target: Path, *arguments: Any) -> None:
        write(source, target, *arguments)
        content = bytearray(target.read_bytes())
        content[1000] ^= 1
        target.write_bytes(content)

    monkeypatch.setattr(genre_tags, "write", write_and_corrupt)
    before = file.read_bytes()
    (change,) = tag(catalog, TrackQuery(), REPLACE)
    assert "audio" in change.detail
    assert file.read_bytes() == before


def test_hard_links_are_left_unchanged_unless_allowed(catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "flac")
    other = music / "other.flac"
    other.hardlink_to(file)
    add_classified_track(catalog, file)
    before = file.read_bytes()
    assert [change.skipped for change in tag(catalog, TrackQuery(), REPLACE)] == ["linked"]
    assert [change.skipped for change in tag(catalog, TrackQuery(), TagPolicy("replace", break_links=True))] == [None]
    assert genre_tags.read(file).genres == ("Rock",)
    assert other.read_bytes() == before


def test_a_symbolic_link_is_kept(catalog: Catalog, music: Path, tmp_path: Path) -> None:
    file = make_tagged(tmp_path / "music", "flac")
    link = tmp_path / "link.flac"
    link.symlink_to(file)
    add_classified_track(catalog, link)
    before = file.read_bytes()
    assert [change.skipped for change in tag(catalog, TrackQuery(), REPLACE)] == [None]
    assert link.is_symlink()
    assert genre_tags.read(file).genres == ("Rock",)
    assert [result.failure for result in undo(catalog)] == [None]
    assert (link.is_symlink(), file.read_bytes()) == (True, before)


@pytest.mark.parametrize("by", ["track", "album"])
def test_the_write_ahead_log_can_be_cleared_during_a_run(
    by: Grouping, catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("flac", "m4a", "opus"):
        add_classified_track(catalog, make_tagged(music, name))
    monkeypatch.setattr(tracks, "_PAGE_SIZE", 2)
    log = catalog.path.with_name(f"{catalog.path.name}-wal")
    changes = tag(catalog, TrackQuery(), REPLACE, by=by)
    outcomes = []
    with Catalog(catalog.path) as other:
        for change in changes:
            outcomes.append((Path(change.path).name, change.skipped))
            assert log.stat().st_size > 0
            assert tuple(other.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()) == (0, 0, 0)
            assert log.stat().st_size == 0
    assert outcomes == [("flac.flac", None), ("m4a.m4a", None), ("opus.opus", None)]


@pytest.mark.parametrize("link", ["a link.flac", "z link.flac"])
def test_a_file_with_two_paths_is_written_once(link: str, catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "flac")
    (music / link).symlink_to(file)
    before = file.read_bytes()
    add_classified_track(catalog, file)
    add_classified_track(catalog, music / link)
    changes = [change.skipped for change in tag(catalog, TrackQuery(), TagPolicy("append"))]
    assert changes == [None, "up to date"]
    scanned = scan_folder(catalog, music)
    assert (scanned.new, scanned.changed, library_status(catalog).pending) == (0, 0, 0)
    assert [result.failure for result in undo(catalog)] == [None]
    assert file.read_bytes() == before
    assert scan_folder(catalog, music).changed == library_status(catalog).pending == 0


def test_concurrent_runs_are_rejected(catalog: Catalog, music: Path) -> None:
    for name in ("flac", "m4a"):
        add_classified_track(catalog, make_tagged(music, name))
    first = tag(catalog, TrackQuery(), REPLACE)
    next(first)
    with Catalog(catalog.path) as other:
        with pytest.raises(LibraryBusyError, match="another `genrelens library tag`"):
            next(tag(other, TrackQuery(), REPLACE))
        with pytest.raises(LibraryBusyError):
            next(undo(other))
    assert len(list(first)) == 1
    assert [change.skipped for change in tag(catalog, TrackQuery(), REPLACE)] == ["up to date", "up to date"]
