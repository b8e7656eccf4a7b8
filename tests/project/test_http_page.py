"""What docs/http.md tells to type works, and answers in the shape that it shows."""

import argparse
import importlib.util
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from genrelens.cli.main import app
from tests.support.audio import encode, tone
from tests.support.paths import ROOT
from tests.support.server import Server, serve_process

PAGE = (ROOT / "docs" / "http.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:8765"

# A block of commands, and what comes back if that follows at once.
EXAMPLES = re.findall(r"```console\n(.*?)```(?:\n\n```json\n(.*?)```)?", PAGE, re.DOTALL)
COMMANDS = [(command, shown) for commands, shown in EXAMPLES for command in commands.splitlines()]


@pytest.fixture(scope="module")
def lens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server as it is if nothing else is said."""
    with serve_process(tmp_path_factory.mktemp("spool")) as running:
        yield running


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds, more than a window."""
    return encode(tmp_path_factory.mktemp("songs") / "song.mp3", tone(110, 12.0), codec="libmp3lame")


@pytest.fixture
def folder(tmp_path: Path, mp3: Path, text_file: Path) -> Path:
    """Where someone types: with the files of the page."""
    shutil.copy(mp3, tmp_path / "song.mp3")
    shutil.copy(text_file, tmp_path / "notes.txt")
    return tmp_path


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_commands_work_as_shown(lens: Server, folder: Path, command: str, shown: str) -> None:
    if "explain=" in command and importlib.util.find_spec("genrelens.explain.explainer") is None:
        pytest.skip("explanations are not there yet")
    answer = typed(command.replace(ADDRESS, lens.url), folder)
    if "metrics" in command:
        assert "genrelens_requests_total" in answer
        return
    told = json.loads(answer)
    if shown:
        assert shape(told) == shape(json.loads(shown))
    assert told.get("status") in (None, "alive", "ready") or "notes.txt" in command, told


def test_a_failure_in_its_place_has_the_shape_shown(lens: Server, folder: Path) -> None:
    [command] = [command for command, _ in COMMANDS if "-F file=@song.mp3 -F" in command]
    [shown] = [block for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if block.startswith('{\n  "path"')]
    results = json.loads(typed(command.replace(ADDRESS, lens.url), folder))["results"]
    assert results[1] == json.loads(shown)


def test_the_options_are_the_real_ones() -> None:
    import typer

    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    real = {option.opts[0]: option.default for option in command.params}
    rows = re.findall(r"^\| `(--[\w-]+)` \| (\d+) \|", PAGE, re.MULTILINE)
    assert len(rows) == 14
    assert {name: int(default) for name, default in rows} == {name: real[name] for name, _ in rows}


def typed(command: str, folder: Path) -> str:
    """What a command prints; where there is no curl, what it would ask is asked by httpx."""
    if shutil.which("curl"):
        done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout
    return asked(shlex.split(command), folder)


def asked(words: list[str], folder: Path) -> str:
    parser = argparse.ArgumentParser()
    parser.add_argument("-F", action="append", default=[])
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("url")
    options = parser.parse_args(words[1:])
    paths = [folder / field.partition("=@")[2] for field in options.F]
    files = [("file", (path.name, path.read_bytes())) for path in paths]
    headers = dict(header.split(": ", 1) for header in options.H)
    return httpx.request("POST" if files else "GET", options.url, files=files, headers=headers, timeout=60).text


def shape(value: Any) -> Any:
    """The keys of JSON, with the kinds of their values; numbers are one kind, whole or not."""
    if isinstance(value, dict):
        return {key: shape(own) for key, own in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) else type(value).__name__


@pytest.mark.parametrize("command", [command for command, _ in COMMANDS if "explain=" not in command])
def test_commands_work_without_curl(lens: Server, folder: Path, command: str) -> None:
    assert asked(shlex.split(command.replace(ADDRESS, lens.url)), folder)
