from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from genrelens.library.tags.id3 import Id3Tag, parse_tag, tag_size

PROVENANCE = "model=lens; version=1; confidence=0.9000"

_genre = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40).map(str.strip).filter(bool)


@given(st.lists(_genre, min_size=1, max_size=4, unique_by=str.casefold), st.sampled_from((2, 3, 4)))
def test_any_genre_names_survive_a_round_trip(genres: list[str], version: Any) -> None:
    tag = Id3Tag(version).with_genres([f"({g}" if g[0] == "(" else g for g in genres], "GENRELENS", PROVENANCE)
    content = tag.to_bytes(7)
    again = parse_tag(content)
    plain = [genre for genre in genres if not genre.isdecimal() and genre not in ("RX", "CR") and genre[0] != "\ufeff"]
    assert len(content) == again.size == tag_size(content)
    if plain == genres:
        assert again.genres() == tuple(genres)
    assert again.user_text("GENRELENS") == PROVENANCE
