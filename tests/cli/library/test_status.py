from genrelens.library.catalog.status import LibraryStatus
from tests.support.library import RunLibrary


def test_tracks_are_counted_by_state_genre_error_and_model(library: RunLibrary) -> None:
    output = library("status").stdout
    assert "  classified                    2  ██████▋" in output
    assert "  tilt 1, 3 windows             2" in output
    status = LibraryStatus.from_json(library("status", "--json").stdout)
    assert (status.tracks, status.judged, status.failed, status.pending, status.vanished) == (3, 2, 1, 0, 0)
    assert status.genres == {"high": 1, "low": 1}
    assert status.errors == {"UndecodableAudioError": 1}
    assert [(model.model, model.windows, model.tracks) for model in status.models] == [("tilt", "3", 2)]
