"""Fixtures for the tests of the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from genrelens.cli.main import app


@pytest.fixture
def listen(model_file: Path) -> Callable[..., Result]:
    """Return a function that runs `genrelens listen` with the small model: listen("-", piped=b"...")."""

    def run(*arguments: object, piped: bytes = b"") -> Result:
        return CliRunner().invoke(app, ["listen", "--model", str(model_file), *map(str, arguments)], input=piped)

    return run
