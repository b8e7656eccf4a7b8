import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from genrelens.cli.main import app
from genrelens.library.catalog.catalog import Catalog
from genrelens.library.tagging.journal import Journal
from genrelens.library.tags import genre_tags
from tests.support.catalog import add_classified_track
from tests.support.tagged_files import GENRES, make_tagged

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def call(*arguments: object) -> Result:
        return CliRunner().invoke(app, ["library", "--catalog", str(tmp_path / "c.db"), *map(str, arguments)])

    return call


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Return a folder with a tagged FLAC, an M4A without tags, and a file of low confidence."""
    folder = tmp_path / "music"
    folder.mkdir()
    with Catalog(tmp_path / "c.db") as catalog:
        add_classified_track(catalog, make_tagged(folder, "flac"))
        add_classified_track(catalog, make_tagged(folder, "m4a-bare"))
        add_classified_track(catalog, make_tagged(folder, "opus"), Rock=0.4, Pop=0.3)
    return folder


def genres(folder: Path) -> list[tuple[str, ...]]:
    return [genre_tags.read(file).genres for file in sorted(folder.iterdir())]


def test_preview_changes_nothing(run: Run, music: Path) -> None:
    before = {file: file.read_bytes() for file in music.iterdir()}
    result = run("tag", "--existing", "replace")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{' | '.join(GENRES)} -> Rock  {music / 'flac.flac'}",
        f"(none) -> Rock  {music / 'm4a-bare.m4a'}",
    ]
    assert "2 to write" in result.stderr
    assert "1 below the minimum confidence" in result.stderr
    assert "nothing was changed" in result.stderr
    assert {file: file.read_bytes() for file in music.iterdir()} == before


def test_existing_genres_are_kept_by_default(run: Run, music: Path) -> None:
    result = run("tag", "--write")
    assert result.exit_code == 0
    assert "1 written" in result.stderr
    assert "2 with genres already, which are kept" in result.stderr
    assert genres(music) == [GENRES, ("Rock",), GENRES]


def test_a_run_is_written_listed_and_undone(run: Run, music: Path) -> None:
    before = {file: file.read_bytes() for file in music.iterdir()}
    assert run("tag", "--write", "--existing", "append").exit_code == 0
    assert genres(music)[0] == (*GENRES, "Rock")
    assert "2 written, 0 undone" in run("undo", "--list").stdout
    undo = run("undo")
    assert undo.exit_code == 0
    assert f"Rock -> (none)  {music / 'm4a-bare.m4a'}" in undo.stdout
    assert {file: file.read_bytes() for file in music.iterdir()} == before
    nothing = run("undo")
    assert nothing.exit_code == 1
    assert "no tags were written" in str(nothing.exception)


def test_the_list_shows_the_options_of_a_run(run: Run, music: Path, tmp_path: Path) -> None:
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


def test_options_select_tracks_and_genres(run: Run, music: Path, tmp_path: Path) -> None:
    names = tmp_path / "genres.toml"
    names.write_text('[names]\nrock = "Rock & Roll"\npop = ["Pop", "Chart"]')
    options = ("--existing", "replace", "--min-confidence", 0.3, "--top", 2, "--map", names)
    result = run("tag", "--json", "--path", music / "opus.opus", *options)
    (change,) = map(json.loads, result.stdout.splitlines())
    assert change["new"] == ["Rock & Roll", "Pop", "Chart"]
    assert change["old"] == list(GENRES)
    assert run("tag", "--genre", "jazz").stdout == ""


@pytest.mark.parametrize("name", ["Live [2001]", "caf\udce9", "Why?"])
def test_a_folder_of_any_name_is_a_path(
    name: str, run: Run, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (music / name).mkdir()
    with Catalog(tmp_path / "c.db") as catalog:
        add_classified_track(catalog, make_tagged(music / name, "wav-bare"))
    monkeypatch.chdir(music)
    for path in (name, music / name):
        (change,) = map(json.loads, run("tag", "--json", "--path", path).stdout.splitlines())
        assert change["new"] == ["Rock"]
    pattern = f"*{name[:3]}*"
    assert len(run("tag", "--json", "--path", pattern).stdout.splitlines()) == 1
    assert run("tag", "--write", "--path", name).exit_code == 0


def test_profile_decides_how_genres_are_stored(run: Run, music: Path) -> None:
    options = ("--existing", "append", "--profile", "plex")
    assert run("tag", "--write", *options, "--min-confidence", 0.05, "--top", 2).exit_code == 0
    assert genres(music)[1] == ("Rock;Pop",)
    assert "up to date" in run("tag", *options).stderr


def test_a_failure_is_reported_and_the_run_continues(run: Run, music: Path) -> None:
    (music / "flac.flac").write_bytes(b"fLaC, once")
    result = run("tag", "--write")
    assert result.exit_code == 1
    assert f"{music / 'flac.flac'} was changed since it was classified" in result.stderr
    assert "1 written" in result.stderr
    (music / "m4a-bare.m4a").write_bytes(b"something else")
    undo = run("undo")
    assert undo.exit_code == 1
    assert "changed since its tags were written" in undo.stderr
    assert (music / "m4a-bare.m4a").read_bytes() == b"something else"


def test_a_missing_file_does_not_block_undo_of_the_run_before(run: Run, music: Path) -> None:
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


def test_undo_prints_json(run: Run, music: Path) -> None:
    run("tag", "--write")
    (result,) = map(json.loads, run("undo", "--json").stdout.splitlines())
    assert result == {"path": str(music / "m4a-bare.m4a"), "old": ["Rock"], "new": [], "failure": None}


def test_a_single_run_is_undone(run: Run, music: Path, tmp_path: Path) -> None:
    run("tag", "--write", "--path", music / "flac.flac", "--existing", "replace")
    run("tag", "--write")
    with Catalog(tmp_path / "c.db") as catalog:
        last, first = (entry.id for entry in Journal(catalog).runs())
    assert run("undo", first).exit_code == 0
    assert genres(music) == [GENRES, ("Rock",), GENRES]
    assert run("undo", 99).exit_code == 1
    assert run("undo", last).exit_code == 0


def test_albums_with_a_consensus_are_tagged_as_one(run: Run, music: Path, tmp_path: Path) -> None:
    album = music / "Album"
    album.mkdir()
    with Catalog(tmp_path / "c.db") as catalog:
        add_classified_track(catalog, make_tagged(album, "flac-bare"), Jazz=0.9, Blues=0.1)
        add_classified_track(catalog, make_tagged(album, "m4a-bare"), Jazz=0.8, Blues=0.2)
        add_classified_track(catalog, make_tagged(album, "wav-bare"), Blues=0.6, Jazz=0.4)

    def planned(*options: str) -> list[list[str]]:
        return [json.loads(line)["new"] for line in run("tag", "--json", "--path", album, *options).stdout.splitlines()]

    assert planned() == [["Jazz"], ["Jazz"], ["Blues"]]
    assert planned("--by", "album") == [["Jazz"], ["Jazz"], ["Jazz"]]
