"""A TOML file, read, or a sentence that says why not."""

import tomllib
from pathlib import Path
from typing import Any

from genrelens.errors import GenrelensError, display_name


def read_toml(file: Path, kind: type[GenrelensError]) -> dict[str, Any]:
    """What the file says.

    Args:
        file: its path.
        kind: of the error that is raised if it is not there, or is not TOML.
    """
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise kind(f"{display_name(file)} cannot be read ({error.strerror}); give the path of a .toml file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise kind(f"{display_name(file)} is not TOML ({error})") from error
