import json
from pathlib import Path

from genrelens.library.catalog.catalog import Catalog
from genrelens.library.tagging.journal import Journal
from tests.support.library import RunLibrary
from tests.support.tagged_files import GENRES, file_genres


def test_a_run_is_written_listed_and_undone(run: RunLibrary, music: Path) -> None:
    before = {file: file.read_bytes() for file in music.iterdir()}
    assert run("tag", "--write", "--existing", "append").exit_code == 0
    assert file_genres(music)[0] == (*GENRES, "Rock")
    assert "2 written, 0 undone" in run("undo", "--list").stdout
    undo = run("undo")
    assert undo.exit_code == 0
    assert f"Rock -> (none)  {music / 'm4a-bare.m4a'}" in undo.stdout
    assert {file: file.read_bytes() for file in music.iterdir()} == before
    nothing = run("undo")
    assert nothing.exit_code == 1
    assert "no tags were written" in str(nothing.exception)


def test_the_list_shows_the_options_of_a_run(run: RunLibrary, music: Path, tmp_path: Path) -> None:
    names = tmp_path / "genres.toml"
    names.write_text('[names]\nrock = "Rock & Roll"')
    more = ("--map", names, "--profile", "plex", "--keep-times", "--break-links", "--by", "album", "--genre", "Rock")
    run("tag", "--write", "--path", music)
    run("tag", "--write", "--existing", "replace", "--top", 2, "--min-confidence", 0, *more)
    last, first = run("undo", "--list").stdout.splitlines()
    assert first.endswith(f"  --path {music} --existing keep --min-confidence 0.5 --top 1 --by track --profile generic")
    assert last.endswith(
        "  --genre Rock --existing replace --min-confidence 0.0 --top 2 --by album --map --profile plex"
        " --keep-times --break-links"
    )


def test_a_file_changed_after_tagging_is_not_restored(run: RunLibrary, music: Path) -> None:
    run("tag", "--write")
    (music / "m4a-bare.m4a").write_bytes(b"something else")
    undo = run("undo")
    assert undo.exit_code == 1
    assert "changed since its tags were written" in undo.stderr
    assert (music / "m4a-bare.m4a").read_bytes() == b"something else"


def test_a_missing_file_does_not_block_undo_of_the_run_before(run: RunLibrary, music: Path) -> None:
    run("tag", "--write", "--path", music / "flac.flac", "--existing", "replace")
    run("tag", "--write", "--min-confidence", 0.3, "--existing", "replace")
    between = (music / "flac.flac").read_bytes()
    (music / "opus.opus").unlink()
    first = run("undo")
    assert first.exit_code == 1
    assert "opus.opus cannot be restored" in first.stderr
    assert first.stderr.splitlines()[-2:] == [
        "1 restored, 1 not",
        "undo the run before with `genrelens library undo 1`",
    ]
    assert (music / "flac.flac").read_bytes() == between
    before = run("undo", 1)
    assert before.exit_code == 0
    assert before.stderr == "1 restored\n"
    assert run("undo").stderr.splitlines()[-1] == "0 restored, 1 not"


def test_undo_prints_json(run: RunLibrary, music: Path) -> None:
    run("tag", "--write")
    (result,) = map(json.loads, run("undo", "--json").stdout.splitlines())
    assert result == {"path": str(music / "m4a-bare.m4a"), "old": ["Rock"], "new": [], "failure": None}


def test_a_single_run_is_undone(run: RunLibrary, music: Path, tmp_path: Path) -> None:
    run("tag", "--write", "--path", music / "flac.flac", "--existing", "replace")
    run("tag", "--write")
    with Catalog(tmp_path / "library.db") as catalog:
        last, first = (entry.id for entry in Journal(catalog).runs())
    assert run("undo", first).exit_code == 0
    assert file_genres(music) == [GENRES, ("Rock",), GENRES]
    assert run("undo", 99).exit_code == 1
    assert run("undo", last).exit_code == 0
