from hypothesis import given
from hypothesis import strategies as st

from genrelens.library.tags.profiles import PROFILES, Dialect, ProfileName

_genre = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40).map(str.strip).filter(bool)


@given(st.lists(_genre, max_size=4, unique=True), st.sampled_from(list(PROFILES)), st.sampled_from(("id3v2.3", "ape")))
def test_a_profile_splits_the_values_that_it_joins(genres: list[str], name: ProfileName, dialect: Dialect) -> None:
    profile = PROFILES[name]
    characters = profile.separators.get(dialect, profile.split_characters).strip()
    genres = [genre for genre in genres if not set(genre) & set(characters)]
    assert profile.split(dialect, profile.join(dialect, genres)) == tuple(genres)
