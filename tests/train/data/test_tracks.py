"""What is learnt from: tracks, their copies, their windows; and what cannot be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genrelens.errors import ManifestError, RecipeError, SplitError
from genrelens.train.data.manifest import Item, Manifest, Side
from genrelens.train.data.tracks import DataSet, Loading, load, require_lessons
from genrelens.train.recipes.recipe import Recipe
from tests.support.recipes import make_recipe


def loaded(genres: Path, tmp_path: Path, recipe: Recipe) -> DataSet:
    return load(recipe, Loading(str(genres), tmp_path / "cache", processes=1), lambda _: None)


def expanded(**changes: object) -> Recipe:
    return make_recipe(augment={"expand": 3, "waveform": {"noise": 20.0, "gain": 6.0}}, **changes)


def test_copies_are_made_of_what_is_learnt_from_alone(genres: Path, tmp_path: Path) -> None:
    """Nothing of *valid* or *test* is varied, and no copy stands there."""
    data = loaded(genres, tmp_path, expanded())
    learnt = {item.path for item in data.manifest.side("train")}
    assert set(data.copies) == learnt
    assert all(len(copies) == 2 for copies in data.copies.values())
    assert len(data.lessons(expanded()).levels) == 3 * len(learnt)
    for side in ("valid", "test"):
        assert len(data.side(side).levels) == len(data.manifest.side(side))
    folders = [len(list(folder.iterdir())) for folder in (tmp_path / "cache").iterdir()]
    assert sorted(folders) == [len(learnt), len(learnt), len(data.manifest.items)]


def test_copies_differ_from_their_track_and_are_kept(genres: Path, tmp_path: Path) -> None:
    data = loaded(genres, tmp_path, expanded())
    path = data.manifest.side("train")[0].path
    versions = [data.levels[path], *data.copies[path]]
    assert len({version.tobytes() for version in versions}) == 3
    written = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.npy")}
    again = loaded(genres, tmp_path, expanded())
    np.testing.assert_array_equal(again.copies[path][1], versions[2])
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.npy")} == written


def test_an_array_has_no_samples_to_vary(tmp_path: Path) -> None:
    array = tmp_path / "mels.npy"
    np.save(array, np.zeros((1000, 128, 344), np.uint8))
    recipe = expanded(
        data={"split": "tracks"}, input={"window": 5.0, "hop": 5.0, "front_end": {"hop": 1920, "center": False}}
    )
    with pytest.raises(ManifestError, match=r"augment\.expand varies recordings, and these are not"):
        load(recipe, Loading(f"gtzan:{array}", tmp_path, 1, allow_leak=True), lambda _: None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"augment": {"expand": 2, "waveform": {"equaliser": 3.0}}}, r"leave augment\.waveform\.equaliser out"),
        ({"preprocess": {"high": 4_000.0}}, r"lower preprocess\.high"),
    ],
)
def test_what_no_track_can_bear_stops_at_once(
    genres: Path, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    """Or a recipe would lose its copies without a word, or all of its tracks one by one."""
    recipe = make_recipe(input={"front_end": {"rate": 8_000, "n_fft": 512, "hop": 256}}, **changes)
    with pytest.raises(RecipeError, match=words):
        loaded(genres, tmp_path, recipe)


def test_every_window_is_a_lesson_where_all_are_asked_for(genres: Path, tmp_path: Path) -> None:
    recipe = make_recipe(train={"crops": "all"})
    data = loaded(genres, tmp_path, recipe)
    lessons = data.lessons(recipe)
    tracks = len(data.manifest.side("train"))
    assert len(lessons.levels) == 5 * tracks  # three seconds, a window of one every half
    assert all(level.shape == (128, 44) for level in lessons.levels)
    track = data.levels[data.manifest.side("train")[0].path]
    assert all(np.shares_memory(window, track) for window in lessons.levels[:5])  # overlaps take no room
    np.testing.assert_array_equal(lessons.targets[::5].sum(axis=0) * 5, lessons.targets.sum(axis=0))
    assert len(data.lessons(make_recipe()).levels) == tracks


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        (("train",), "polka has 1 track; a genre needs 2 or more"),
        (("valid", "test"), "no track of polka is in train"),
    ],
)
def test_a_genre_must_be_learnt_and_judged(sides: tuple[Side, ...], words: str) -> None:
    others = tuple(Item(f"{n}", f"{n}", "rock", side="train") for n in range(4))
    polkas = tuple(replace(others[0], path=side, label="polka", side=side) for side in sides)
    with pytest.raises(SplitError, match=words):
        require_lessons(Manifest("some", others + polkas))
