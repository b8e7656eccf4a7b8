from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import dictionaries, lists, sampled_from

from genrelens.errors import ManifestError
from genrelens.train.data.label_map import LabelMap, read_label_map
from genrelens.train.data.manifest import Item

KNOWN = ("blues", "disco", "hiphop", "pop")


def items(*labels: str) -> list[Item]:
    return [Item(f"{number}.wav", str(number), label) for number, label in enumerate(labels)]


def test_an_empty_map_changes_nothing() -> None:
    empty = LabelMap()
    assert empty.labels(KNOWN) == KNOWN
    assert empty.items(items("pop", "blues"), KNOWN) == tuple(items("pop", "blues"))
    np.testing.assert_array_equal(empty.merge(np.eye(4), KNOWN), np.eye(4))


def test_many_to_one_on_both_sides(tmp_path: Path) -> None:
    file = tmp_path / "map.toml"
    file.write_text(
        '[data]\nRap = "hiphop"\nTrap = "hiphop"\nHouse = "dance"\nDisco = "disco"\nFolk = ""\nSpoken = "ignore"\n'
        '[model]\ndisco = "dance"\npop = "dance"\n'
    )
    labels = read_label_map(file)
    assert labels.labels(KNOWN) == ("blues", "dance", "hiphop")
    told = labels.items(items("Rap", "Trap", "House", "Disco", "pop", "Folk", "Spoken"), KNOWN)
    assert [item.label for item in told] == ["hiphop", "hiphop", "dance", "dance", "dance"]
    assert [item.name for item in told] == ["0", "1", "2", "3", "4"]
    merged = labels.merge(np.array([[0.1, 0.2, 0.3, 0.4]]), KNOWN)
    np.testing.assert_allclose(merged, [[0.1, 0.6, 0.3]])


@given(
    dictionaries(sampled_from(KNOWN), sampled_from([*KNOWN, "dance", "other"])),
    lists(sampled_from(KNOWN), min_size=1),
)
def test_merging_keeps_the_whole_and_the_models_own_labels(merges: dict[str, str], labels: list[str]) -> None:
    label_map = LabelMap(model=merges)
    merged = label_map.labels(KNOWN)
    rows = label_map.merge(np.eye(4), KNOWN)
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    for item, label in zip(label_map.items(items(*labels), KNOWN), labels, strict=True):
        assert rows[KNOWN.index(label), merged.index(item.label)] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[data", "is not TOML"),
        ('[datta]\na = "b"', r"datta is not a table of a label map; it has \[data\] and \[model\]"),
        ("[data]\nRap = 3", "data.Rap: Input should be a valid string"),
        ('[model]\npop = ""', "'pop' of the model cannot be left out"),
    ],
)
def test_files_that_are_no_label_map(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "map.toml"
    file.write_text(text)
    with pytest.raises(ManifestError, match=rf"map\.toml.*{words}"):
        read_label_map(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        read_label_map(tmp_path / "missing.toml")


def test_labels_that_nobody_knows() -> None:
    with pytest.raises(ManifestError, match=r"the data has the label 'Hip-Hop'.* did you mean hiphop"):
        LabelMap().items(items("Hip-Hop"), KNOWN)
    with pytest.raises(ManifestError, match=r"the label 'Zydeco'.* known are blues, disco, hiphop, pop"):
        LabelMap().items(items("Zydeco"), KNOWN)
    with pytest.raises(ManifestError, match="turns 'Rap' into 'hip hop', which the model lacks; did you mean hiphop"):
        LabelMap(data={"Rap": "hip hop"}).items(items("Rap"), KNOWN)
    with pytest.raises(ManifestError, match="merges 'disko', which the model lacks; did you mean disco"):
        LabelMap(model={"disko": "pop"}).labels(KNOWN)
    with pytest.raises(ManifestError, match="leaves out all tracks"):
        LabelMap(data={"Folk": ""}).items(items("Folk"), KNOWN)
