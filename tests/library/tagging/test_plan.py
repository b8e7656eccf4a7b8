from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelens.library.catalog.tracks import ClassifiedTrack, FileStamp
from genrelens.library.tagging.genre_map import GenreMap, unique_genres
from genrelens.library.tagging.plan import INTENDED_SKIPS, TagPolicy, plan_file, plan_genres
from genrelens.prediction import UNKNOWN, Score
from tests.support.catalog import scored_prediction
from tests.support.tagged_files import make_tagged

PATH = Path("song.mp3")


@pytest.mark.parametrize(
    ("policy", "existing", "new", "reason"),
    [
        (TagPolicy(), (), ("Rock",), None),
        (TagPolicy(), ("Jazz",), ("Jazz",), "has genres"),
        (TagPolicy("append"), ("Jazz",), ("Jazz", "Rock"), None),
        (TagPolicy("append"), ("rock",), ("rock",), "up to date"),
        (TagPolicy("append"), ("jazz", "Jazz"), ("jazz", "Jazz", "Rock"), None),
        (TagPolicy("replace"), ("Jazz",), ("Rock",), None),
        (TagPolicy("replace"), ("Rock",), ("Rock",), "up to date"),
        (TagPolicy("replace", min_confidence=0.7), ("Jazz",), ("Jazz",), "unsure"),
        (TagPolicy("replace", min_confidence=0.2, top=3), ("Jazz",), ("Rock", "Pop"), None),
        (TagPolicy("replace", min_confidence=0.0, top=3), (), ("Rock", "Pop", "Folk"), None),
        (TagPolicy(genre_map=GenreMap({"rock": ()})), (), (), "unmapped"),
        (TagPolicy(genre_map=GenreMap({"rock": ("unknown",)})), (), (), "unmapped"),
    ],
)
def test_plans_genres_by_policy(
    policy: TagPolicy, existing: tuple[str, ...], new: tuple[str, ...], reason: str | None
) -> None:
    change = plan_genres(scored_prediction(PATH, Rock=0.6, Pop=0.3, Folk=0.1), existing, policy)
    assert (change.old, change.new, change.skipped) == (existing, new, reason)


@pytest.mark.parametrize("existing", [(), ("Jazz",)])
def test_unknown_is_never_written(existing: tuple[str, ...]) -> None:
    predicted = scored_prediction(PATH, Rock=0.9).model_copy(update={"genre": UNKNOWN, "genres": (UNKNOWN,)})
    change = plan_genres(predicted, existing, TagPolicy("replace", min_confidence=0.0, top=5))
    assert (change.new, change.skipped) == (existing, "unknown")


def test_predicted_genres_come_first() -> None:
    scores = (Score(label="Rock", score=0.9), Score(label="Rock---Metal", score=0.8), Score(label="Pop", score=0.1))
    predicted = scored_prediction(PATH, Rock=0.9).model_copy(
        update={"genre": "Rock---Metal", "genres": ("Rock---Metal",), "scores": scores}
    )
    assert plan_genres(predicted, (), TagPolicy()).new == ("Metal",)
    assert plan_genres(predicted, (), TagPolicy(top=9)).new == ("Metal", "Rock")


def test_provenance_names_model_version_and_confidence() -> None:
    provenance = plan_genres(scored_prediction(PATH, Rock=0.61239), (), TagPolicy()).own
    assert provenance == "model=lens; version=1; confidence=0.6124"


def test_skips_changed_unreadable_and_missing_files(tmp_path: Path) -> None:
    file = make_tagged(tmp_path, "flac")
    track = ClassifiedTrack(1, file, FileStamp.from_path(file), scored_prediction(file, Rock=0.9))
    assert plan_file(track, TagPolicy("replace")).skipped is None
    file.write_bytes(file.read_bytes()[:50])
    assert plan_file(track, TagPolicy()).skipped == "changed"
    damaged = ClassifiedTrack(1, file, FileStamp.from_path(file), scored_prediction(file, Rock=0.9))
    assert plan_file(damaged, TagPolicy()).skipped == "unreadable"
    file.unlink()
    missing = plan_file(damaged, TagPolicy())
    assert (missing.skipped, str(file) in missing.detail) == ("gone", True)
    assert not {"changed", "gone", "unreadable"} & INTENDED_SKIPS


def test_skips_a_genre_that_the_player_would_split(tmp_path: Path) -> None:
    file = make_tagged(tmp_path, "flac-bare")
    track = ClassifiedTrack(1, file, FileStamp.from_path(file), scored_prediction(file, **{"Hip-Hop/Rap": 0.9}))
    change = plan_file(track, TagPolicy(profile="navidrome"))
    assert (change.skipped, "split the genres" in change.detail) == ("failed", True)
    assert plan_file(track, TagPolicy(profile="plex")).skipped is None


_genres = st.lists(st.text(min_size=1, max_size=4), max_size=4).map(unique_genres)


@given(_genres, st.floats(0, 1), st.floats(0, 1), st.integers(1, 4), st.sampled_from(("keep", "append", "replace")))
def test_invariants_of_all_policies(
    existing: tuple[str, ...], high: float, least: float, top: int, mode: object
) -> None:
    predicted = scored_prediction(PATH, Rock=high, Pop=high / 2, Jazz=0.0)
    change = plan_genres(predicted, existing, TagPolicy(mode, least, top))  # type: ignore[arg-type]
    assert (change.new == existing) == (change.skipped is not None)
    assert change.old == existing
    added = [genre for genre in change.new if genre not in existing]
    assert len(added) <= top
    if mode == "append":
        assert change.new[: len(existing)] == existing
    if high < least:
        assert added == []
