"""The commands in docs/http.md work, and the responses have the shape shown."""

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
URL = "http://127.0.0.1:8765"

# Blocks of commands, with the JSON block of the response if one follows.
EXAMPLES = re.findall(r"```console\n(.*?)```(?:\n\n```json\n(.*?)```)?", PAGE, re.DOTALL)
COMMANDS = [(command, shown) for commands, shown in EXAMPLES for command in commands.splitlines()]


@pytest.fixture(scope="module")
def lens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with the default options."""
    with serve_process(tmp_path_factory.mktemp("spool")) as running:
        yield running


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an mp3 of twelve seconds, longer than a window."""
    return encode(tmp_path_factory.mktemp("songs") / "song.mp3", tone(110, 12.0), codec="libmp3lame")


@pytest.fixture
def folder(tmp_path: Path, mp3: Path, text_file: Path) -> Path:
    """Return a folder with the files used in the document."""
    shutil.copy(mp3, tmp_path / "song.mp3")
    shutil.copy(text_file, tmp_path / "notes.txt")
    return tmp_path


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_commands_work_as_shown(lens: Server, folder: Path, command: str, shown: str) -> None:
    if "explain=" in command and importlib.util.find_spec("genrelens.explain.explainer") is None:
        pytest.skip("explanations are not available yet")
    output = run_command(command.replace(URL, lens.url), folder)
    if "metrics" in command:
        assert "genrelens_requests_total" in output
        return
    response = json.loads(output)
    if shown:
        assert shape(response) == shape(json.loads(shown))
    assert response.get("status") in (None, "alive", "ready") or "notes.txt" in command, response


def test_a_failure_among_results_is_as_shown(lens: Server, folder: Path) -> None:
    [command] = [command for command, _ in COMMANDS if "-F file=@song.mp3 -F" in command]
    [shown] = [block for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if block.startswith('{\n  "path"')]
    results = json.loads(run_command(command.replace(URL, lens.url), folder))["results"]
    assert results[1] == json.loads(shown)


def test_options_have_the_documented_defaults() -> None:
    import typer

    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    defaults = {option.opts[0]: option.default for option in command.params}
    rows = re.findall(r"^\| `(--[\w-]+)` \| (\d+) \|", PAGE, re.MULTILINE)
    assert len(rows) == 14
    assert {name: int(default) for name, default in rows} == {name: defaults[name] for name, _ in rows}


def run_command(command: str, folder: Path) -> str:
    """Return the output of a curl command, or the response to the same request by httpx if curl is missing."""
    if shutil.which("curl"):
        result = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=True)
        return result.stdout
    return send_request(shlex.split(command), folder)


def send_request(words: list[str], folder: Path) -> str:
    """Send the request of a curl command with httpx, and return the response body."""
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
    """Return the keys of JSON with the types of their values; integers and floats count as one type."""
    if isinstance(value, dict):
        return {key: shape(child) for key, child in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) else type(value).__name__


@pytest.mark.parametrize("command", [command for command, _ in COMMANDS if "explain=" not in command])
def test_commands_work_without_curl(lens: Server, folder: Path, command: str) -> None:
    assert send_request(shlex.split(command.replace(URL, lens.url)), folder)
