import shutil
from pathlib import Path

from genrelens.library.catalog.catalog import Catalog, path_to_bytes
from genrelens.library.catalog.tracks import TrackQuery
from genrelens.library.tagging.journal import Journal
from genrelens.library.tagging.plan import TagPolicy
from genrelens.library.tagging.run import tag
from genrelens.library.tagging.undo import undo
from genrelens.library.tags import genre_tags
from tests.support.catalog import add_classified_track
from tests.support.tagged_files import make_tagged

REPLACE = TagPolicy("replace")


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
