from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelens.library.catalog.tracks import ClassifiedTrack, FileStamp
from genrelens.library.tagging.genre_map import GenreMap, unique
from genrelens.library.tagging.plan import BY_CHOICE, Policy, decided, looked_at
from genrelens.prediction import UNKNOWN, Score
from tests.support.catalog import scored_prediction
from tests.support.tagged_files import make_tagged

PATH = Path("song.mp3")


@pytest.mark.parametrize(
    ("policy", "existing", "new", "reason"),
    [
        (Policy(), (), ("Rock",), None),
        (Policy(), ("Jazz",), ("Jazz",), "has genres"),
        (Policy("append"), ("Jazz",), ("Jazz", "Rock"), None),
        (Policy("append"), ("rock",), ("rock",), "up to date"),
        (Policy("append"), ("jazz", "Jazz"), ("jazz", "Jazz", "Rock"), None),
        (Policy("replace"), ("Jazz",), ("Rock",), None),
        (Policy("replace"), ("Rock",), ("Rock",), "up to date"),
        (Policy("replace", min_confidence=0.7), ("Jazz",), ("Jazz",), "unsure"),
        (Policy("replace", min_confidence=0.2, top=3), ("Jazz",), ("Rock", "Pop"), None),
        (Policy("replace", min_confidence=0.0, top=3), (), ("Rock", "Pop", "Folk"), None),
        (Policy(names=GenreMap({"rock": ()})), (), (), "unmapped"),
        (Policy(names=GenreMap({"rock": ("unknown",)})), (), (), "unmapped"),
    ],
)
def test_what_is_written(policy: Policy, existing: tuple[str, ...], new: tuple[str, ...], reason: str | None) -> None:
    change = decided(scored_prediction(PATH, Rock=0.6, Pop=0.3, Folk=0.1), existing, policy)
    assert (change.old, change.new, change.skipped) == (existing, new, reason)


@pytest.mark.parametrize("existing", [(), ("Jazz",)])
def test_unknown_is_never_written(existing: tuple[str, ...]) -> None:
    answer = scored_prediction(PATH, Rock=0.9).model_copy(update={"genre": UNKNOWN, "genres": (UNKNOWN,)})
    change = decided(answer, existing, Policy("replace", min_confidence=0.0, top=5))
    assert (change.new, change.skipped) == (existing, "unknown")


def test_what_a_model_tells_comes_first() -> None:
    scores = (Score(label="Rock", score=0.9), Score(label="Rock---Metal", score=0.8), Score(label="Pop", score=0.1))
    answer = scored_prediction(PATH, Rock=0.9).model_copy(
        update={"genre": "Rock---Metal", "genres": ("Rock---Metal",), "scores": scores}
    )
    assert decided(answer, (), Policy()).new == ("Metal",)
    assert decided(answer, (), Policy(top=9)).new == ("Metal", "Rock")


def test_where_it_comes_from_is_told() -> None:
    own = decided(scored_prediction(PATH, Rock=0.61239), (), Policy()).own
    assert own == "model=lens; version=1; confidence=0.6124"


def test_files_that_cannot_be_planned(tmp_path: Path) -> None:
    file = make_tagged(tmp_path, "flac")
    track = ClassifiedTrack(1, file, FileStamp.from_path(file), scored_prediction(file, Rock=0.9))
    assert looked_at(track, Policy("replace")).skipped is None
    file.write_bytes(file.read_bytes()[:50])
    assert looked_at(track, Policy()).skipped == "changed"
    cut = ClassifiedTrack(1, file, FileStamp.from_path(file), scored_prediction(file, Rock=0.9))
    assert looked_at(cut, Policy()).skipped == "unreadable"
    file.unlink()
    gone = looked_at(cut, Policy())
    assert (gone.skipped, str(file) in gone.detail) == ("gone", True)
    assert not {"changed", "gone", "unreadable"} & BY_CHOICE


def test_a_genre_that_the_player_would_split_is_told_of(tmp_path: Path) -> None:
    file = make_tagged(tmp_path, "flac-bare")
    track = ClassifiedTrack(1, file, FileStamp.from_path(file), scored_prediction(file, **{"Hip-Hop/Rap": 0.9}))
    change = looked_at(track, Policy(profile="navidrome"))
    assert (change.skipped, "split the genres" in change.detail) == ("failed", True)
    assert looked_at(track, Policy(profile="plex")).skipped is None


_genres = st.lists(st.text(min_size=1, max_size=4), max_size=4).map(unique)


@given(_genres, st.floats(0, 1), st.floats(0, 1), st.integers(1, 4), st.sampled_from(("keep", "append", "replace")))
def test_for_all_policies(existing: tuple[str, ...], high: float, least: float, top: int, what: object) -> None:
    answer = scored_prediction(PATH, Rock=high, Pop=high / 2, Jazz=0.0)
    change = decided(answer, existing, Policy(what, least, top))  # type: ignore[arg-type]
    assert (change.new == existing) == (change.skipped is not None)
    assert change.old == existing
    added = [genre for genre in change.new if genre not in existing]
    assert len(added) <= top
    if what == "append":
        assert change.new[: len(existing)] == existing
    if high < least:
        assert added == []
