from pathlib import Path

from genrelens.library.catalog.lookup import TrackDetails
from tests.support.library import RunLibrary


def test_a_track_is_shown_by_path_or_number(library: RunLibrary, classified_catalog: Path) -> None:
    track = classified_catalog.parent / "music" / "low.wav"
    details = TrackDetails.from_json(library("show", track, "--json").stdout)
    assert details.answer is not None
    assert details.answer.genre == "low"
    output = library("show", details.id).stdout
    assert output == library("show", track).stdout
    assert output.startswith(f"{track}\ntrack {details.id}, ")
    assert "by tilt 1, 2 s" in output


def test_a_failed_track_is_shown_with_its_error(library: RunLibrary, classified_catalog: Path) -> None:
    assert "UndecodableAudioError" in library("show", classified_catalog.parent / "music" / "bad.mp3").stdout


def test_an_unknown_track_is_an_error(library: RunLibrary) -> None:
    missing = library("show", "4711")
    assert missing.exit_code == 1
    assert "the catalog has no track 4711" in str(missing.exception)
