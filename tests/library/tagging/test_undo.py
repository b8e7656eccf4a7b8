import errno
import os
import shutil
import signal
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genrelens.library.catalog.catalog import Catalog, path_to_bytes
from genrelens.library.catalog.tracks import FileStamp, TrackQuery, iter_tracks
from genrelens.library.tagging import atomic_replace
from genrelens.library.tagging.journal import Journal
from genrelens.library.tagging.plan import TagPolicy
from genrelens.library.tagging.run import tag
from genrelens.library.tagging.undo import undo
from genrelens.library.tags import genre_tags
from tests.support.catalog import add_classified_track
from tests.support.tagged_files import FORMATS, make_tagged

REPLACE = TagPolicy("replace")

# The owner and name of the function to stop at, and whether before it.
STEPS: dict[str, tuple[Any, str, bool]] = {
    "begun": (Journal, "begin", False),
    "copied": (genre_tags, "write", False),
    "compared": (Journal, "prepare", True),
    "prepared": (Journal, "prepare", False),
    "replaced": (os, "replace", False),
    "unsettled": (Journal, "settle", True),
}
UNDO_STEPS = {step: STEPS[step] for step in ("replaced", "unsettled")} | {"undoing": (Journal, "begin_undo", False)}


def partials(folder: Path) -> list[Path]:
    return list(folder.glob(".genrelens*"))


def test_a_file_changed_since_it_was_written_is_not_undone(catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)
    list(tag(catalog, TrackQuery(), REPLACE))
    file.write_bytes(file.read_bytes() + b"more")
    (result,) = undo(catalog)
    assert result.failure is not None
    assert "changed since its tags were written" in result.failure
    assert file.read_bytes().endswith(b"more")
    file.unlink()
    (result,) = undo(catalog)
    assert result.failure is not None
    assert "No such file" in result.failure


def test_a_moved_file_is_restored_at_its_new_path(catalog: Catalog, music: Path) -> None:
    file, moved = make_tagged(music, "mp3-2.3"), music / "moved.mp3"
    add_classified_track(catalog, file)
    before = file.read_bytes()
    list(tag(catalog, TrackQuery(), REPLACE))
    shutil.move(file, moved)
    catalog.connection.execute("UPDATE tracks SET path = ?", (path_to_bytes(moved),))
    assert [result.failure for result in undo(catalog)] == [None]
    assert moved.read_bytes() == before


def test_runs_are_undone_in_reverse_order(catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "opus")
    add_classified_track(catalog, file, Rock=0.6, Pop=0.3)
    before = file.read_bytes()
    list(tag(catalog, TrackQuery(), REPLACE))
    between = file.read_bytes()
    list(tag(catalog, TrackQuery(), TagPolicy("append", min_confidence=0.2, top=2)))
    assert genre_tags.read(file).genres == ("Rock", "Pop")
    first, second = sorted(run.id for run in Journal(catalog).runs())
    (refused,) = undo(catalog, first)
    assert f"was changed by run {second} since; undo that run first" in str(refused.failure)
    assert [result.failure for result in undo(catalog)] == [None]
    assert file.read_bytes() == between
    assert [(run.id, run.written, run.undone) for run in Journal(catalog).runs()] == [(second, 0, 1), (first, 1, 0)]
    assert [result.failure for result in undo(catalog)] == [None]
    assert file.read_bytes() == before


def test_a_damaged_patch_leaves_the_file_unchanged(catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)
    list(tag(catalog, TrackQuery(), REPLACE))
    after = file.read_bytes()
    for patch in (b"", b"nonsense", Journal(catalog).patch(Journal(catalog).entry(1))[:-20]):
        catalog.connection.execute("UPDATE changes SET patch = ?", (patch,))
        (result,) = undo(catalog)
        assert result.failure is not None
        assert "damaged" in result.failure
        assert file.read_bytes() == after
    assert partials(music) == []


def test_an_unmounted_disk_is_recovered_later(catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)
    before = file.read_bytes()
    kill_at("replaced", catalog, lambda: list(tag(Catalog(catalog.path), TrackQuery(), REPLACE)))
    away = music.rename(music.with_name("away"))
    assert [change.skipped for change in tag(catalog, TrackQuery(), REPLACE)] == ["gone"]
    away.rename(music)
    assert [result.failure for result in undo(catalog)] == [None]
    assert file.read_bytes() == before


@pytest.mark.parametrize("step", ["prepared", "replaced"])
def test_a_patch_is_kept_while_the_file_cannot_be_read(
    step: str, catalog: Catalog, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)
    before = file.read_bytes()
    kill_at(step, catalog, lambda: list(tag(Catalog(catalog.path), TrackQuery(), REPLACE)))

    def refuse(path: Path) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(atomic_replace, "sha256", refuse)
        assert ["Permission denied" in str(result.failure) for result in undo(catalog)] == [True]
    assert [result.failure for result in undo(catalog)] == [None]
    assert file.read_bytes() == before
    assert next(iter_tracks(catalog)).stamp == FileStamp.from_path(file)


def test_a_file_moved_after_a_kill_is_recovered_at_its_new_path(catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "flac")
    add_classified_track(catalog, file)
    before = file.read_bytes()
    kill_at("prepared", catalog, lambda: list(tag(Catalog(catalog.path), TrackQuery(), REPLACE)))
    moved = music.rename(music.with_name("moved")) / file.name
    catalog.connection.execute("UPDATE tracks SET path = ?", (path_to_bytes(moved),))
    assert [change.skipped for change in tag(catalog, TrackQuery(), REPLACE)] == [None]
    assert partials(moved.parent) == []
    assert [result.failure for result in undo(catalog)] == [None]
    assert moved.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "step"),
    [
        (name, step)
        for name in FORMATS
        for step in STEPS
        if name == "mp3-2.3" or step in ("copied", "prepared", "replaced")
    ],
)
def test_recovers_from_a_kill_at_any_step(name: str, step: str, catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, name)
    track = add_classified_track(catalog, file)
    before = file.read_bytes()
    kill_at(step, catalog, lambda: list(tag(Catalog(catalog.path), TrackQuery(), REPLACE)))
    replaced = step in ("replaced", "unsettled")
    assert (file.read_bytes() == before) is not replaced
    changes = list(tag(catalog, TrackQuery(), REPLACE))
    assert [change.skipped for change in changes] == (["up to date"] if replaced else [None])
    assert genre_tags.read(file).genres == ("Rock",)
    assert partials(music) == []
    (classified,) = iter_tracks(catalog)
    assert (classified.id, classified.stamp) == (track, FileStamp.from_path(file))
    assert [result.failure for result in undo(catalog)] == [None]
    assert file.read_bytes() == before


@pytest.mark.parametrize("step", UNDO_STEPS)
def test_recovers_from_a_kill_while_undoing(step: str, catalog: Catalog, music: Path) -> None:
    file = make_tagged(music, "ogg")
    add_classified_track(catalog, file)
    before = file.read_bytes()
    list(tag(catalog, TrackQuery(), REPLACE))
    kill_at(step, catalog, lambda: list(undo(Catalog(catalog.path))))
    if step == "undoing":
        assert genre_tags.read(file).genres == ("Rock",)
        list(undo(catalog))
    else:
        assert [change.skipped for change in tag(catalog, TrackQuery(), TagPolicy())] in (["has genres"], ["changed"])
    assert file.read_bytes() == before
    assert next(iter_tracks(catalog)).stamp == FileStamp.from_path(file)
    assert partials(music) == []


def kill_at(step: str, catalog: Catalog, act: Callable[[], object]) -> None:
    """Run `act` in a child process that is killed at a step."""
    owner, name, before = (STEPS | UNDO_STEPS)[step]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        function = getattr(owner, name)

        def run_and_die(*arguments: Any, **options: Any) -> Any:
            result = None if before else function(*arguments, **options)
            os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(owner, name, run_and_die)
        try:
            act()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
