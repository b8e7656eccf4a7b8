import errno
import os
import resource
import shutil
import signal
import sqlite3
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genrelens.errors import CatalogError, LibraryBusyError
from genrelens.library.albums.albums import Grouping
from genrelens.library.catalog import tracks
from genrelens.library.catalog.catalog import Catalog, path_to_bytes
from genrelens.library.catalog.status import library_status
from genrelens.library.catalog.tracks import FileStamp, TrackQuery, iter_tracks
from genrelens.library.scan.scan import scan_folder
from genrelens.library.tagging import atomic_replace, journal, undo
from genrelens.library.tagging.plan import Policy
from genrelens.library.tagging.run import planned, tag
from genrelens.library.tags import genre_tags
from tests.support.audio import encode, tone
from tests.support.catalog import add_classified_track
from tests.support.tagged_files import FORMATS, make_tagged

REPLACE = Policy("replace")
EVERY = pytest.mark.parametrize("name", FORMATS)


def partials(folder: Path) -> list[Path]:
    return list(folder.glob(".genrelens*"))


@EVERY
def test_written_and_undone_byte_for_byte(name: str, catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, name)
    before, status = file.read_bytes(), file.stat()
    track = add_classified_track(catalog, file)
    (change,) = tag(catalog, TrackQuery(), REPLACE)
    assert (change.skipped, change.detail, change.new) == (None, "", ("Rock",))
    assert genre_tags.read(file).genres == ("Rock",)
    assert file.stat().st_mtime_ns > status.st_mtime_ns
    (known,) = iter_tracks(catalog)
    assert (known.id, known.stamp) == (track, FileStamp.from_path(file))  # judged once, and for good
    (result,) = undo.undo(catalog)
    assert result.failure is None
    assert file.read_bytes() == before
    assert file.stat().st_mtime_ns == status.st_mtime_ns
    assert next(iter_tracks(catalog)).stamp == FileStamp.from_path(file)
    assert partials(music) == []


def test_a_plan_touches_nothing(catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)
    before, status = file.read_bytes(), file.stat()
    (change,) = planned(catalog, TrackQuery(), Policy("append"))
    assert change.new == (*change.old, "Rock")
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (before, status.st_mtime_ns)
    assert journal.runs(catalog) == []


def test_rights_attributes_and_times_stay(catalog: Catalog, music: Path) -> None:
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
    seen: list[int] = []
    for place, function in ((genre_tags, "_write"), (atomic_replace, "take_over")):
        act = getattr(place, function)

        def watched(*arguments: Any, act: Callable[..., Any] = act) -> None:
            seen.extend(partial.stat().st_mode & 0o777 for partial in partials(music))
            act(*arguments)
            seen.extend(partial.stat().st_mode & 0o777 for partial in partials(music))

        monkeypatch.setattr(place, function, watched)
    assert [change.skipped for change in tag(catalog, TrackQuery(), REPLACE)] == [None]
    assert [result.failure for result in undo.undo(catalog)] == [None]
    assert seen == [0o600] * 6
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_group_and_owner_stay_or_nothing_is_written(
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
    (result,) = undo.undo(catalog)
    assert result.failure is not None
    assert "user or group" in result.failure
    assert (shared.stat().st_uid, genre_tags.read(shared).genres, partials(music)) == (1234, ("Rock",), [])


@EVERY
def test_a_file_that_changed_since_is_left(name: str, catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, name)
    add_classified_track(catalog, file)
    with file.open("ab") as end:
        end.write(b"more")
    before = file.read_bytes()
    (change,) = tag(catalog, TrackQuery(), REPLACE)
    assert change.skipped == "changed"
    assert "since it was judged" in change.detail
    assert file.read_bytes() == before


@EVERY
def test_a_file_that_changes_meanwhile_is_left(
    name: str, catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_tagged(music, name)
    add_classified_track(catalog, file)
    prepare = journal.prepare

    def meddle(*arguments: Any) -> None:
        prepare(*arguments)
        with file.open("ab") as end:
            end.write(b"more")

    monkeypatch.setattr(journal, "prepare", meddle)
    (change,) = tag(catalog, TrackQuery(), REPLACE)
    assert change.skipped == "changed"
    assert file.read_bytes().endswith(b"more")
    assert partials(music) == []
    assert journal.unsettled(catalog) == []


@EVERY
def test_a_full_disk(name: str, catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_tagged(music, name)
    add_classified_track(catalog, file)
    before, write = file.read_bytes(), genre_tags.write

    def squeezed(*arguments: Any) -> None:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
        try:
            write(*arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    monkeypatch.setattr(genre_tags, "write", squeezed)
    (change,) = tag(catalog, TrackQuery(), REPLACE)
    assert change.skipped == "failed"
    assert "File too large" in change.detail
    assert "nothing was changed" in change.detail
    assert (file.read_bytes(), partials(music), journal.runs(catalog)[0].written) == (before, [], 0)
    monkeypatch.undo()
    assert [again.skipped for again in tag(catalog, TrackQuery(), REPLACE)] == [None]


@pytest.mark.parametrize("step", ["begin", "prepare", "settle"])
def test_a_full_disk_under_the_journal(
    step: str, catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)
    before = file.read_bytes()

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(journal, step, refuse)
        with pytest.raises(CatalogError, match="disk is full"):
            list(tag(catalog, TrackQuery(), REPLACE))
    assert (file.read_bytes() == before) is (step != "settle")
    list(tag(catalog, TrackQuery(), REPLACE))
    assert (genre_tags.read(file).genres, partials(music)) == (("Rock",), [])
    assert [result.failure for result in undo.undo(catalog)] == [None]
    assert file.read_bytes() == before


def test_a_disk_that_is_away_is_settled_later(catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)
    before = file.read_bytes()
    killed_at("replaced", catalog, lambda: list(tag(Catalog(catalog.path), TrackQuery(), REPLACE)))
    away = music.rename(music.with_name("away"))
    assert [change.skipped for change in tag(catalog, TrackQuery(), REPLACE)] == ["gone"]
    away.rename(music)
    assert [result.failure for result in undo.undo(catalog)] == [None]
    assert file.read_bytes() == before


@pytest.mark.parametrize("step", ["prepared", "replaced"])
def test_what_undoes_a_file_outlives_that_it_cannot_be_read(
    step: str, catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)
    before = file.read_bytes()
    killed_at(step, catalog, lambda: list(tag(Catalog(catalog.path), TrackQuery(), REPLACE)))

    def refuse(path: Path) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(atomic_replace, "sha256", refuse)
        assert ["Permission denied" in str(result.failure) for result in undo.undo(catalog)] == [True]
    assert [result.failure for result in undo.undo(catalog)] == [None]
    assert file.read_bytes() == before
    assert next(iter_tracks(catalog)).stamp == FileStamp.from_path(file)


def test_a_file_that_was_moved_after_a_kill_is_settled_where_it_is(catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)
    before = file.read_bytes()
    killed_at("prepared", catalog, lambda: list(tag(Catalog(catalog.path), TrackQuery(), REPLACE)))
    moved = music.rename(music.with_name("moved")) / file.name
    catalog.connection.execute("UPDATE tracks SET path = ?", (path_to_bytes(moved),))
    assert [change.skipped for change in tag(catalog, TrackQuery(), REPLACE)] == [None]
    assert partials(moved.parent) == []
    assert [result.failure for result in undo.undo(catalog)] == [None]
    assert moved.read_bytes() == before


@EVERY
def test_a_read_only_file_is_left(name: str, catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, name)
    add_classified_track(catalog, file)
    before = file.read_bytes()
    file.chmod(0o444)
    (change,) = tag(catalog, TrackQuery(), REPLACE)
    assert (change.skipped, "read-only" in change.detail) == ("failed", True)
    assert file.read_bytes() == before


def test_a_plan_tells_what_cannot_be_written(catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    for changes in (planned(catalog, TrackQuery(), REPLACE), tag(catalog, TrackQuery(), REPLACE)):
        told = {Path(change.path): change for change in changes}
        assert {path: change.skipped for path, change in told.items()} == expected
        assert "the folder of" in told[inside].detail
        assert "is read-only" in told[link].detail
    assert journal.runs(catalog) == []


def test_a_read_only_folder(catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    before = file.read_bytes()
    (change,) = tag(catalog, TrackQuery(), REPLACE)
    assert "Permission denied" in change.detail
    assert (file.read_bytes(), partials(music), journal.unsettled(catalog)) == (before, [], [])


@EVERY
def test_a_damaged_file_is_told_of_and_the_others_go_on(name: str, catalog: Catalog, music: Path) -> None:
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


def test_other_audio_is_refused(catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_tagged(music, "wav")
    add_classified_track(catalog, file)
    write = genre_tags.write

    def spoil(source: Path, target: Path, *arguments: Any) -> None:
        write(source, target, *arguments)
        content = bytearray(target.read_bytes())
        content[1000] ^= 1
        target.write_bytes(content)

    monkeypatch.setattr(genre_tags, "write", spoil)
    before = file.read_bytes()
    (change,) = tag(catalog, TrackQuery(), REPLACE)
    assert "audio" in change.detail
    assert file.read_bytes() == before


def test_hard_links_are_left_unless_asked(catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "flac")
    other = music / "other.flac"
    other.hardlink_to(file)
    add_classified_track(catalog, file)
    before = file.read_bytes()
    assert [change.skipped for change in tag(catalog, TrackQuery(), REPLACE)] == ["linked"]
    assert [change.skipped for change in tag(catalog, TrackQuery(), Policy("replace", break_links=True))] == [None]
    assert genre_tags.read(file).genres == ("Rock",)
    assert other.read_bytes() == before


def test_a_symbolic_link_stays_one(catalog: Catalog, music: Path, tmp_path: Path) -> None:
    file = make_tagged(tmp_path / "music", "flac")
    link = tmp_path / "link.flac"
    link.symlink_to(file)
    add_classified_track(catalog, link)
    before = file.read_bytes()
    assert [change.skipped for change in tag(catalog, TrackQuery(), REPLACE)] == [None]
    assert link.is_symlink()
    assert genre_tags.read(file).genres == ("Rock",)
    assert [result.failure for result in undo.undo(catalog)] == [None]
    assert (link.is_symlink(), file.read_bytes()) == (True, before)


@pytest.mark.parametrize("by", ["track", "album"])
def test_the_log_can_be_cleared_midway(
    by: Grouping, catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("flac", "m4a", "opus"):
        add_classified_track(catalog, make_tagged(music, name))
    monkeypatch.setattr(tracks, "_PAGE", 2)
    log = catalog.path.with_name(f"{catalog.path.name}-wal")
    changes = tag(catalog, TrackQuery(), REPLACE, by=by)
    told = []
    with Catalog(catalog.path) as other:
        for change in changes:
            told.append((Path(change.path).name, change.skipped))
            assert log.stat().st_size > 0
            assert tuple(other.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()) == (0, 0, 0)
            assert log.stat().st_size == 0
    assert told == [("flac.flac", None), ("m4a.m4a", None), ("opus.opus", None)]


@pytest.mark.parametrize("link", ["a link.flac", "z link.flac"])
def test_a_file_of_two_names_is_written_once_and_known_by_both(link: str, catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "flac")
    (music / link).symlink_to(file)
    before = file.read_bytes()
    add_classified_track(catalog, file)
    add_classified_track(catalog, music / link)
    changes = [change.skipped for change in tag(catalog, TrackQuery(), Policy("append"))]
    assert changes == [None, "up to date"]
    scanned = scan_folder(catalog, music)
    assert (scanned.new, scanned.changed, library_status(catalog).pending) == (0, 0, 0)
    assert [result.failure for result in undo.undo(catalog)] == [None]
    assert file.read_bytes() == before
    assert scan_folder(catalog, music).changed == library_status(catalog).pending == 0


def test_two_runs_at_once(catalog: Catalog, music: Path) -> None:
    for name in ("flac", "m4a"):
        add_classified_track(catalog, make_tagged(music, name))
    first = tag(catalog, TrackQuery(), REPLACE)
    next(first)
    with Catalog(catalog.path) as other:
        with pytest.raises(LibraryBusyError, match="another `genrelens library tag`"):
            next(tag(other, TrackQuery(), REPLACE))
        with pytest.raises(LibraryBusyError):
            next(undo.undo(other))
    assert len(list(first)) == 1
    assert [change.skipped for change in tag(catalog, TrackQuery(), REPLACE)] == ["up to date", "up to date"]


STEPS: dict[str, tuple[Any, str, bool]] = {  # what is stopped at, and whether before it or after
    "begun": (journal, "begin", False),
    "copied": (genre_tags, "write", False),
    "compared": (journal, "prepare", True),
    "prepared": (journal, "prepare", False),
    "replaced": (os, "replace", False),
    "unsettled": (journal, "settle", True),
}


@pytest.mark.parametrize(
    ("name", "step"),
    [
        (name, step)
        for name in FORMATS
        for step in STEPS
        if name == "mp3-2.3" or step in ("copied", "prepared", "replaced")
    ],
)
def test_killed_at_any_step(name: str, step: str, catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, name)
    track = add_classified_track(catalog, file)
    before = file.read_bytes()
    killed_at(step, catalog, lambda: list(tag(Catalog(catalog.path), TrackQuery(), REPLACE)))
    replaced = step in ("replaced", "unsettled")
    assert (file.read_bytes() == before) is not replaced
    changes = list(tag(catalog, TrackQuery(), REPLACE))
    assert [change.skipped for change in changes] == (["up to date"] if replaced else [None])
    assert genre_tags.read(file).genres == ("Rock",)
    assert partials(music) == []
    (known,) = iter_tracks(catalog)
    assert (known.id, known.stamp) == (track, FileStamp.from_path(file))
    assert [result.failure for result in undo.undo(catalog)] == [None]
    assert file.read_bytes() == before


def killed_at(step: str, catalog: Catalog, act: Callable[[], object]) -> None:
    """Let a process of its own act, and kill it at a step."""
    place, name, before = STEPS[step]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        function = getattr(place, name)

        def fatal(*arguments: Any, **options: Any) -> Any:
            result = None if before else function(*arguments, **options)
            os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(place, name, fatal)
        try:
            act()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("step", ["replaced", "unsettled", "undone"])
def test_killed_while_undoing(step: str, catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "ogg")
    add_classified_track(catalog, file)
    before = file.read_bytes()
    list(tag(catalog, TrackQuery(), REPLACE))
    STEPS["undone"] = (journal, "undoing", False)
    killed_at(step, catalog, lambda: list(undo.undo(Catalog(catalog.path))))
    if step == "undone":
        assert genre_tags.read(file).genres == ("Rock",)
        list(undo.undo(catalog))
    else:
        assert [change.skipped for change in tag(catalog, TrackQuery(), Policy())] in (["has genres"], ["changed"])
    assert file.read_bytes() == before
    assert next(iter_tracks(catalog)).stamp == FileStamp.from_path(file)
    assert partials(music) == []


def test_a_file_changed_since_it_was_written_is_not_undone(catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)
    list(tag(catalog, TrackQuery(), REPLACE))
    file.write_bytes(file.read_bytes() + b"more")
    (result,) = undo.undo(catalog)
    assert result.failure is not None
    assert "changed since its tags were written" in result.failure
    assert file.read_bytes().endswith(b"more")
    file.unlink()
    (result,) = undo.undo(catalog)
    assert result.failure is not None
    assert "No such file" in result.failure


def test_a_moved_file_is_undone_where_it_is(catalog: Catalog, music: Path) -> None:
    file, moved = make_tagged(music, "mp3-2.3"), music / "moved.mp3"
    add_classified_track(catalog, file)
    before = file.read_bytes()
    list(tag(catalog, TrackQuery(), REPLACE))
    shutil.move(file, moved)
    catalog.connection.execute("UPDATE tracks SET path = ?", (path_to_bytes(moved),))
    assert [result.failure for result in undo.undo(catalog)] == [None]
    assert moved.read_bytes() == before


def test_runs_are_undone_one_after_the_other(catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "opus")
    add_classified_track(catalog, file, Rock=0.6, Pop=0.3)
    before = file.read_bytes()
    list(tag(catalog, TrackQuery(), REPLACE))
    between = file.read_bytes()
    list(tag(catalog, TrackQuery(), Policy("append", min_confidence=0.2, top=2)))
    assert genre_tags.read(file).genres == ("Rock", "Pop")
    first, second = sorted(run.id for run in journal.runs(catalog))
    (refused,) = undo.undo(catalog, first)
    assert f"was written by run {second} since; undo that one first" in str(refused.failure)
    assert [result.failure for result in undo.undo(catalog)] == [None]
    assert file.read_bytes() == between
    assert [(run.id, run.written, run.undone) for run in journal.runs(catalog)] == [(second, 0, 1), (first, 1, 0)]
    assert [result.failure for result in undo.undo(catalog)] == [None]
    assert file.read_bytes() == before


def test_a_damaged_patch_undoes_nothing(catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)
    list(tag(catalog, TrackQuery(), REPLACE))
    after = file.read_bytes()
    for patch in (b"", b"nonsense", journal.patch(catalog, journal.entry(catalog, 1))[:-20]):
        catalog.connection.execute("UPDATE changes SET patch = ?", (patch,))
        (result,) = undo.undo(catalog)
        assert result.failure is not None
        assert "damaged" in result.failure
        assert file.read_bytes() == after
    assert partials(music) == []
