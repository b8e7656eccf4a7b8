from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelens.errors import GenreMapError
from genrelens.library.tagging import genre_map
from genrelens.library.tagging.genre_map import GenreMap, read_genre_map, unique


def read(tmp_path: Path, text: str) -> GenreMap:
    file = tmp_path / "genres.toml"
    file.write_text(text)
    return read_genre_map(file)


def test_names(tmp_path: Path) -> None:
    names = read(tmp_path, '[names]\nhiphop = "Hip-Hop"\nsynthpop = ["Synth-Pop", "Electronic"]\nnoise = []')
    assert names("HipHop") == ("Hip-Hop",)
    assert names("synthpop") == ("Synth-Pop", "Electronic")
    assert names("noise") == ()
    assert names("jazz") == ("jazz",)


def test_labels_of_a_tree(tmp_path: Path) -> None:
    names = read(tmp_path, '[names]\n"Rock---Pop" = "Pop Rock"\nMetal = "Heavy"')
    assert names("Rock---Pop") == ("Pop Rock",)
    assert names("Rock---Metal") == ("Heavy",)
    assert names("Rock---Punk") == ("Punk",)


def test_ancestors_and_canonical_names(tmp_path: Path) -> None:
    parents = '[parents]\n"Deep House" = "House"\nHouse = "Electronic"'
    assert read(tmp_path, parents)("deep house") == ("deep house",)
    assert read(tmp_path, "ancestors = true\n" + parents)("Deep House") == ("Deep House", "House", "Electronic")
    assert read(tmp_path, 'canonical = ["ELECTRONIC"]\n' + parents)("Deep House") == ("ELECTRONIC",)
    both = 'canonical = ["House", "Electronic"]\nancestors = true\n' + parents
    assert read(tmp_path, both)("Deep House") == ("House", "Electronic")
    assert read(tmp_path, 'canonical = ["Jazz"]\n' + parents)("Deep House") == ()


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    example = (genre_map.__doc__ or "").split("\n\n")
    text = "\n".join(line for part in example if part.startswith("    ") for line in part.splitlines())
    names = read(tmp_path, "\n".join(line.strip() for line in text.splitlines()))
    assert names("Deep House") == ("House", "Electronic")
    assert names("noise") == names("hiphop") == ()
    assert names("synthpop") == ("Electronic",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[names]\nrock = x\n", "line 2"),
        ('nmaes = "x"', "'nmaes'"),
        ("[names]\nrock = 3", "names.rock"),
        ('[names]\nrock = ["a", ""]', "names.rock"),
        ("names = 3", "names is not a table"),
        ('ancestors = "yes"', "ancestors"),
        ('[parents]\nA = "b"\nB = "a"', "circle"),
        ('[parents]\nA = "A"', "circle"),
        ("canonical = [1]", "canonical"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(GenreMapError) as error:
        read(tmp_path, text)
    assert str(tmp_path / "genres.toml") in str(error.value)
    assert told in str(error.value)


def test_a_missing_file_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(GenreMapError, match=r"missing\.toml cannot be read"):
        read_genre_map(tmp_path / "missing.toml")


_name = st.text(min_size=1, max_size=5)


@given(st.dictionaries(_name.map(str.casefold), st.lists(_name).map(unique)), _name)
def test_no_genre_comes_twice(names: dict[str, tuple[str, ...]], label: str) -> None:
    found = GenreMap(names)(label)
    assert len({name.casefold() for name in found}) == len(found)
    assert unique(found) == found
