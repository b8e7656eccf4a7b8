import json
from pathlib import Path

import pytest

from genrelens.library.catalog.catalog import Catalog
from tests.support.catalog import add_classified_track
from tests.support.library import RunLibrary
from tests.support.tagged_files import GENRES, file_genres, make_tagged


def test_preview_changes_nothing(run: RunLibrary, music: Path) -> None:
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


def test_existing_genres_are_kept_by_default(run: RunLibrary, music: Path) -> None:
    result = run("tag", "--write")
    assert result.exit_code == 0
    assert "1 written" in result.stderr
    assert "2 with genres already, which are kept" in result.stderr
    assert file_genres(music) == [GENRES, ("Rock",), GENRES]


def test_options_select_tracks_and_genres(run: RunLibrary, music: Path, tmp_path: Path) -> None:
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
    name: str, run: RunLibrary, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (music / name).mkdir()
    with Catalog(tmp_path / "library.db") as catalog:
        add_classified_track(catalog, make_tagged(music / name, "wav-bare"))
    monkeypatch.chdir(music)
    for path in (name, music / name):
        (change,) = map(json.loads, run("tag", "--json", "--path", path).stdout.splitlines())
        assert change["new"] == ["Rock"]
    pattern = f"*{name[:3]}*"
    assert len(run("tag", "--json", "--path", pattern).stdout.splitlines()) == 1
    assert run("tag", "--write", "--path", name).exit_code == 0


def test_profile_decides_how_genres_are_stored(run: RunLibrary, music: Path) -> None:
    options = ("--existing", "append", "--profile", "plex")
    assert run("tag", "--write", *options, "--min-confidence", 0.05, "--top", 2).exit_code == 0
    assert file_genres(music)[1] == ("Rock;Pop",)
    assert "up to date" in run("tag", *options).stderr


def test_a_failure_is_reported_and_the_run_continues(run: RunLibrary, music: Path) -> None:
    (music / "flac.flac").write_bytes(b"fLaC, once")
    result = run("tag", "--write")
    assert result.exit_code == 1
    assert f"{music / 'flac.flac'} was changed since it was classified" in result.stderr
    assert "1 written" in result.stderr


def test_albums_with_a_consensus_are_tagged_as_one(run: RunLibrary, music: Path, tmp_path: Path) -> None:
    album = music / "Album"
    album.mkdir()
    with Catalog(tmp_path / "library.db") as catalog:
        add_classified_track(catalog, make_tagged(album, "flac-bare"), Jazz=0.9, Blues=0.1)
        add_classified_track(catalog, make_tagged(album, "m4a-bare"), Jazz=0.8, Blues=0.2)
        add_classified_track(catalog, make_tagged(album, "wav-bare"), Blues=0.6, Jazz=0.4)

    def planned(*options: str) -> list[list[str]]:
        return [json.loads(line)["new"] for line in run("tag", "--json", "--path", album, *options).stdout.splitlines()]

    assert planned() == [["Jazz"], ["Jazz"], ["Blues"]]
    assert planned("--by", "album") == [["Jazz"], ["Jazz"], ["Jazz"]]
