"""The commands, the program and the limits in docs/live.md are correct."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from genrelens.live import LivePrediction
from genrelens.web.core.settings import Settings
from tests.support.audio import encode, tone
from tests.support.models import make_card, make_model
from tests.support.paths import ROOT
from tests.support.server import Server, serve_process

PAGE = (ROOT / "docs" / "live.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
[PROGRAM] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
[SHOWN] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a song, and a `genrelens` command that uses a small model as `lens`."""
    folder = tmp_path_factory.mktemp("document")
    encode(folder / "song.mp3", tone(110, 2.0), codec="libmp3lame")
    make_model(folder / "lens.onnx", make_card(name="lens"))
    command = folder / "genrelens"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m genrelens.cli.main "$@" --model "{folder}/lens.onnx"\n')
    command.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def lens(folder: Path) -> Iterator[Server]:
    with serve_process(folder / "spool", "--model", str(folder / "lens.onnx")) as running:
        yield running


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_work(folder: Path, command: str) -> None:
    if not all(shutil.which(word) for word in re.findall(r"ffmpeg|bash", f"bash {command}")):
        pytest.skip("ffmpeg is not installed")
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    result = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    assert result.stderr == "genrelens: the pipe ended after 0:02\n"
    if "--json" in command:
        predictions = [LivePrediction.model_validate_json(line) for line in result.stdout.splitlines()]
        assert [prediction.genre for prediction in predictions] == ["low"] * len(predictions)
        assert len(predictions) in (4, 5)
    else:
        assert result.stdout.startswith("0:00 Low ")


def test_a_prediction_has_the_documented_fields() -> None:
    shown = LivePrediction.model_validate_json(SHOWN)
    assert shown.to_json() == SHOWN.strip()
    documented = " ".join(re.findall(r"^\| (`\w+`.*?) \|", PAGE, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", documented)) >= LivePrediction.model_fields.keys()


def test_the_program_works(lens: Server) -> None:
    output = io.StringIO()
    with redirect_stdout(output):
        exec(PROGRAM.replace("ws://127.0.0.1:8765", lens.url.replace("http", "ws")), {})
    ready, *lines = output.getvalue().splitlines()
    assert json.loads(ready)["ready"]["labels"] == ["low", "high"]
    assert [line.split()[:2] for line in lines] == [["0.5", "low"], ["1.0", "low"], ["1.5", "low"]]


def test_the_limits_are_the_documented_ones() -> None:
    limits = Settings().live
    assert f"with its API key where keys are set) has {limits.max_share} sessions |" in PAGE
    assert f"| {limits.max_sessions} sessions are open" in PAGE
    assert f"no audio for {limits.idle_seconds:g} s ({limits.paused_seconds / 60:g} minutes while paused)" in PAGE
    assert f"the session has lasted {limits.session_seconds / 3600:g} hours" in PAGE
    assert f"once {limits.backlog_seconds:g} s or " in PAGE
