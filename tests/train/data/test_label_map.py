from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import dictionaries, lists, sampled_from

from genrelens.errors import ManifestError
from genrelens.train.data.label_map import LabelMap, read_label_map
from genrelens.train.data.manifest import LabelledTrack

KNOWN = ("blues", "disco", "hiphop", "pop")


def tracks(*labels: str) -> list[LabelledTrack]:
    return [LabelledTrack(f"{number}.wav", str(number), label) for number, label in enumerate(labels)]


def test_empty_map_changes_nothing() -> None:
    empty = LabelMap()
    assert empty.merged_labels(KNOWN) == KNOWN
    assert empty.map_tracks(tracks("pop", "blues"), KNOWN) == tuple(tracks("pop", "blues"))
    np.testing.assert_array_equal(empty.merge(np.eye(4), KNOWN), np.eye(4))


def test_merges_labels_of_the_data_and_of_the_model(tmp_path: Path) -> None:
    file = tmp_path / "map.toml"
    file.write_text(
        '[data]\nRap = "hiphop"\nTrap = "hiphop"\nHouse = "dance"\nDisco = "disco"\nFolk = ""\nSpoken = "ignore"\n'
        '[model]\ndisco = "dance"\npop = "dance"\n'
    )
    label_map = read_label_map(file)
    assert label_map.merged_labels(KNOWN) == ("blues", "dance", "hiphop")
    mapped = label_map.map_tracks(tracks("Rap", "Trap", "House", "Disco", "pop", "Folk", "Spoken"), KNOWN)
    assert [track.label for track in mapped] == ["hiphop", "hiphop", "dance", "dance", "dance"]
    assert [track.name for track in mapped] == ["0", "1", "2", "3", "4"]
    merged = label_map.merge(np.array([[0.1, 0.2, 0.3, 0.4]]), KNOWN)
    np.testing.assert_allclose(merged, [[0.1, 0.6, 0.3]])


@given(
    dictionaries(sampled_from(KNOWN), sampled_from([*KNOWN, "dance", "other"])),
    lists(sampled_from(KNOWN), min_size=1),
)
def test_merging_preserves_total_probability_and_labels(merges: dict[str, str], labels: list[str]) -> None:
    label_map = LabelMap(model=merges)
    merged = label_map.merged_labels(KNOWN)
    rows = label_map.merge(np.eye(4), KNOWN)
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    for track, label in zip(label_map.map_tracks(tracks(*labels), KNOWN), labels, strict=True):
        assert rows[KNOWN.index(label), merged.index(track.label)] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[data", "is not TOML"),
        ('[datta]\na = "b"', r"datta is not a table of a label map; it has \[data\] and \[model\]"),
        ("[data]\nRap = 3", "data.Rap: Input should be a valid string"),
        ('[model]\npop = ""', "'pop' of the model cannot be ignored"),
    ],
)
def test_rejects_invalid_files(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "map.toml"
    file.write_text(text)
    with pytest.raises(ManifestError, match=rf"map\.toml.*{words}"):
        read_label_map(file)


def test_rejects_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        read_label_map(tmp_path / "missing.toml")


def test_rejects_unknown_labels() -> None:
    with pytest.raises(ManifestError, match=r"the data has the label 'Hip-Hop'.* did you mean hiphop"):
        LabelMap().map_tracks(tracks("Hip-Hop"), KNOWN)
    with pytest.raises(ManifestError, match=r"the label 'Zydeco'.* use one of blues, disco, hiphop, pop"):
        LabelMap().map_tracks(tracks("Zydeco"), KNOWN)
    with pytest.raises(ManifestError, match="turns 'Rap' into 'hip hop', which the model lacks; did you mean hiphop"):
        LabelMap(data={"Rap": "hip hop"}).map_tracks(tracks("Rap"), KNOWN)
    with pytest.raises(ManifestError, match="merges 'disko', which the model lacks; did you mean disco"):
        LabelMap(model={"disko": "pop"}).merged_labels(KNOWN)
    with pytest.raises(ManifestError, match="ignores all tracks"):
        LabelMap(data={"Folk": ""}).map_tracks(tracks("Folk"), KNOWN)
