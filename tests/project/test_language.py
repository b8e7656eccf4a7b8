"""The help of every command is written in the language of the field; see CONTRIBUTING.md."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from genrelens.cli.main import app

# Words of an earlier, private language: predict, report, analyse, classify, query, model, split and URL replaced them.
OLD_WORDS = re.compile(
    r"\b(tells?|told|telling|hears?|heard|hearing|judge[sd]?|judging|verdict|asks?|asked|asking|nets?|sides?|"
    r"(?:is|are) no|there is none|goes? on|gone on|broken off|at hand|beside|by heart|come upon|"
    r"(?<!\bIP )address(?:es)?)\b",
    re.IGNORECASE,
)


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words after `genrelens` that call each command and group."""
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


COMMANDS = sorted(commands(typer.main.get_command(app)))


def test_all_commands_are_found() -> None:
    assert {("predict",), ("train",), ("library", "tag"), ("data", "check")} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_uses_the_language_of_the_field(command: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "400"})
    assert result.exit_code == 0
    assert OLD_WORDS.findall(result.output.replace("--side", "")) == []
