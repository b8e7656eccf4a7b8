from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genrelens.errors import ManifestError, RecipeError, SplitError
from genrelens.train.data.dataset import (
    Dataset,
    LoadingOptions,
    load_dataset,
    require_trainable_labels,
    target_matrix,
)
from genrelens.train.data.manifest import LabelledTrack, Manifest, Split
from genrelens.train.recipes.recipe import Recipe
from tests.support.recipes import make_recipe


def loaded(genres: Path, tmp_path: Path, recipe: Recipe) -> Dataset:
    return load_dataset(recipe, LoadingOptions(str(genres), tmp_path / "cache", processes=1), lambda _: None)


def with_copies(**changes: object) -> Recipe:
    return make_recipe(augment={"expand": 3, "waveform": {"noise": 20.0, "gain": 6.0}}, **changes)


def test_copies_are_made_of_training_tracks_only(genres: Path, tmp_path: Path) -> None:
    """Tracks of *valid* and *test* are neither augmented nor copied."""
    data = loaded(genres, tmp_path, with_copies())
    trained = {track.path for track in data.manifest.in_split("train")}
    assert set(data.copies) == trained
    assert all(len(copies) == 2 for copies in data.copies.values())
    assert len(data.training_examples(with_copies()).inputs) == 3 * len(trained)
    for split in ("valid", "test"):
        assert len(data.examples(split).inputs) == len(data.manifest.in_split(split))
    folders = [len(list(folder.iterdir())) for folder in (tmp_path / "cache").iterdir()]
    assert sorted(folders) == [len(trained), len(trained), len(data.manifest.tracks)]


def test_copies_differ_from_their_track_and_are_cached(genres: Path, tmp_path: Path) -> None:
    data = loaded(genres, tmp_path, with_copies())
    path = data.manifest.in_split("train")[0].path
    versions = [data.inputs[path], *data.copies[path]]
    assert len({version.tobytes() for version in versions}) == 3
    written = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.npy")}
    again = loaded(genres, tmp_path, with_copies())
    np.testing.assert_array_equal(again.copies[path][1], versions[2])
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.npy")} == written


def test_rejects_copies_of_arrays(tmp_path: Path) -> None:
    array = tmp_path / "mels.npy"
    np.save(array, np.zeros((1000, 128, 344), np.uint8))
    recipe = with_copies(
        data={"split": "tracks"}, input={"window": 5.0, "hop": 5.0, "front_end": {"hop": 1920, "center": False}}
    )
    with pytest.raises(ManifestError, match=r"augment\.expand needs recordings"):
        load_dataset(recipe, LoadingOptions(f"gtzan:{array}", tmp_path, 1, allow_leak=True), lambda _: None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"augment": {"expand": 2, "waveform": {"equaliser": 3.0}}}, r"leave augment\.waveform\.equaliser out"),
        ({"preprocess": {"high": 4_000.0}}, r"lower preprocess\.high"),
    ],
)
def test_stops_at_once_if_the_rate_is_too_low(
    genres: Path, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    """Otherwise all copies or tracks would be skipped one by one."""
    recipe = make_recipe(input={"front_end": {"rate": 8_000, "n_fft": 512, "hop": 256}}, **changes)
    with pytest.raises(RecipeError, match=words):
        loaded(genres, tmp_path, recipe)


def test_each_window_is_an_example_with_all_crops(genres: Path, tmp_path: Path) -> None:
    recipe = make_recipe(train={"crops": "all"})
    data = loaded(genres, tmp_path, recipe)
    examples = data.training_examples(recipe)
    tracks = len(data.manifest.in_split("train"))
    assert len(examples.inputs) == 5 * tracks  # three seconds, a window of one every half
    assert all(window.shape == (128, 44) for window in examples.inputs)
    track = data.inputs[data.manifest.in_split("train")[0].path]
    assert all(np.shares_memory(window, track) for window in examples.inputs[:5])  # overlapping windows take no memory
    np.testing.assert_array_equal(examples.targets[::5].sum(axis=0) * 5, examples.targets.sum(axis=0))
    assert len(data.training_examples(make_recipe()).inputs) == tracks


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        (("train",), "polka has 1 track; a genre needs at least 2"),
        (("valid", "test"), "polka has no tracks in train"),
    ],
)
def test_rejects_genres_with_too_few_tracks(splits: tuple[Split, ...], words: str) -> None:
    others = tuple(LabelledTrack(f"{n}", f"{n}", "rock", split="train") for n in range(4))
    polkas = tuple(replace(others[0], path=split, label="polka", split=split) for split in splits)
    with pytest.raises(SplitError, match=words):
        require_trainable_labels(Manifest("some", others + polkas))


def test_targets_of_tracks_with_several_labels() -> None:
    tracks = (LabelledTrack("1", "1", "b; a"), LabelledTrack("2", "2", "c"))
    assert Manifest("any", tracks).labels == ("a", "b", "c")
    assert target_matrix(tracks, ("a", "b", "c")).tolist() == [[1, 1, 0], [0, 0, 1]]
