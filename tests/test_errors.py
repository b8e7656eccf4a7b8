import io
import re
from pathlib import Path

import pytest

from genrelens import errors
from genrelens.errors import GenrelensError, by_name, display_name


def test_every_error_is_found_by_its_name() -> None:
    classes = [
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, GenrelensError)
    ]
    assert len(classes) > 50
    for error in classes:
        assert by_name(error.__name__) is error


@pytest.mark.parametrize("name", ["os", "Any", "display_name", "by_name", "Exception", "", "NoSuchError"])
def test_names_that_are_not_errors_are_not_found(name: str) -> None:
    assert by_name(name) is None


def test_the_tree_in_the_docstring_has_every_error() -> None:
    listed = set(re.findall(r"\w+Error", errors.__doc__ or ""))
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and name.endswith("Error")}
    assert classes <= listed


def test_display_names_are_printable() -> None:
    class NamedStream(io.BytesIO):
        name = "pipe\n"

    assert display_name(Path("song.mp3")) == "song.mp3"
    assert display_name("a\nb.mp3") == "'a\\nb.mp3'"
    assert display_name(b"content") == "<bytes>"
    assert display_name(NamedStream()) == "'pipe\\n'"
    assert display_name(io.BytesIO()) == "<stream>"
