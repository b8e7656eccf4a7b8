"""`genrelens serve`: what goes wrong before it serves, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genrelens.cli.main import app
from tests.web.conftest import children, eventually, serving


def serve(*options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "genrelens.cli.main", "serve", *options]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, **environment}, check=False
    )


def test_a_model_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    done = serve("--port", "0", "--model", str(tmp_path / "missing.onnx"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("genrelens: ")
    assert "missing.onnx does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told_in_words(model_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = serve("--port", port, "--model", str(model_file))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_it_is_told_to(tmp_path: Path, model_file: Path, ending: signal.Signals) -> None:
    with serving(tmp_path, "--model", str(model_file)) as server:
        server.process.send_signal(ending)
        server.process.wait(30)
    assert server.process.returncode in (0, -ending)
    assert server.log == []


def test_it_ends_when_it_is_told_to_before_it_is_there(model_file: Path) -> None:
    command = [sys.executable, "-m", "genrelens.cli.main", "serve", "--port", "0", "--model", str(model_file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    eventually(lambda: children(process.pid))
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert told == ""


def test_an_empty_variable_is_no_key(tmp_path: Path, model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENRELENS_API_KEY", "")
    with serving(tmp_path / "open", "--model", str(model_file)) as server:
        assert server.get("/v1/models").status_code == 200
    monkeypatch.setenv("GENRELENS_API_KEY", "secret")
    with serving(tmp_path / "keyed", "--model", str(model_file)) as server:
        assert server.get("/v1/models").status_code == 401
        assert server.get("/v1/models", headers={"Authorization": "Bearer secret"}).status_code == 200


def test_who_lets_all_in_is_told(tmp_path: Path, model_file: Path) -> None:
    with serving(tmp_path, "--model", str(model_file), "--host", "0.0.0.0") as server:
        pass
    assert any("--api-key" in line for line in server.log)


def test_help_names_the_options() -> None:
    told = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    for option in ("--host", "--port", "--model", "--api-key", "--cors", "GENRELENS_API_KEY"):
        assert option in told
