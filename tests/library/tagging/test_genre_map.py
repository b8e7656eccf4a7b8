from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import genrelens.library.tagging.genre_map
from genrelens.errors import GenreMapError
from genrelens.library.tagging.genre_map import GenreMap, read_genre_map, unique_genres


def read(tmp_path: Path, text: str) -> GenreMap:
    file = tmp_path / "genres.toml"
    file.write_text(text)
    return read_genre_map(file)


def test_maps_labels_to_names(tmp_path: Path) -> None:
    genre_map = read(tmp_path, '[names]\nhiphop = "Hip-Hop"\nsynthpop = ["Synth-Pop", "Electronic"]\nnoise = []')
    assert genre_map.genres("HipHop") == ("Hip-Hop",)
    assert genre_map.genres("synthpop") == ("Synth-Pop", "Electronic")
    assert genre_map.genres("noise") == ()
    assert genre_map.genres("jazz") == ("jazz",)


def test_looks_up_labels_of_a_tree_by_their_last_level(tmp_path: Path) -> None:
    genre_map = read(tmp_path, '[names]\n"Rock---Pop" = "Pop Rock"\nMetal = "Heavy"')
    assert genre_map.genres("Rock---Pop") == ("Pop Rock",)
    assert genre_map.genres("Rock---Metal") == ("Heavy",)
    assert genre_map.genres("Rock---Punk") == ("Punk",)


def test_adds_ancestors_and_keeps_canonical_names(tmp_path: Path) -> None:
    parents = '[parents]\n"Deep House" = "House"\nHouse = "Electronic"'
    assert read(tmp_path, parents).genres("deep house") == ("deep house",)
    assert read(tmp_path, "ancestors = true\n" + parents).genres("Deep House") == ("Deep House", "House", "Electronic")
    assert read(tmp_path, 'canonical = ["ELECTRONIC"]\n' + parents).genres("Deep House") == ("ELECTRONIC",)
    both = 'canonical = ["House", "Electronic"]\nancestors = true\n' + parents
    assert read(tmp_path, both).genres("Deep House") == ("House", "Electronic")
    assert read(tmp_path, 'canonical = ["Jazz"]\n' + parents).genres("Deep House") == ()


def test_the_example_in_the_docstring_is_valid(tmp_path: Path) -> None:
    example = (genrelens.library.tagging.genre_map.__doc__ or "").split("\n\n")
    text = "\n".join(line for part in example if part.startswith("    ") for line in part.splitlines())
    genre_map = read(tmp_path, "\n".join(line.strip() for line in text.splitlines()))
    assert genre_map.genres("Deep House") == ("House", "Electronic")
    assert genre_map.genres("noise") == genre_map.genres("hiphop") == ()
    assert genre_map.genres("synthpop") == ("Electronic",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[names]\nrock = x\n", "line 2"),
        ('nmaes = "x"', "'nmaes'"),
        ("[names]\nrock = 3", "names.rock"),
        ('[names]\nrock = ["a", ""]', "names.rock"),
        ("names = 3", "names is not a table"),
        ('ancestors = "yes"', "ancestors"),
        ('[parents]\nA = "b"\nB = "a"', "cycle"),
        ('[parents]\nA = "A"', "cycle"),
        ("canonical = [1]", "canonical"),
    ],
)
def test_errors_name_the_line_or_key(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(GenreMapError) as error:
        read(tmp_path, text)
    assert str(tmp_path / "genres.toml") in str(error.value)
    assert reason in str(error.value)


def test_rejects_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(GenreMapError, match=r"missing\.toml cannot be read"):
        read_genre_map(tmp_path / "missing.toml")


_name = st.text(min_size=1, max_size=5)


@given(st.dictionaries(_name.map(str.casefold), st.lists(_name).map(unique_genres)), _name)
def test_genres_are_unique(names: dict[str, tuple[str, ...]], label: str) -> None:
    genres = GenreMap(names).genres(label)
    assert len({name.casefold() for name in genres}) == len(genres)
    assert unique_genres(genres) == genres
