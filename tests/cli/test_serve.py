"""`genrelens serve`: what goes wrong before it serves, and how it ends."""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from genrelens.cli.main import app
from genrelens.web.core.settings import LiveLimits, Settings
from tests.support.processes import children, restore_interrupts, wait_until
from tests.support.server import serve_process

LOCAL = ("127.0.0.1", "::1", "localhost")


def serve(*options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "genrelens.cli.main", "serve", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_model_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    done = serve("--port", "0", "--model", str(tmp_path / "missing.onnx"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("genrelens: ")
    assert "missing.onnx does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_catalog_without_the_library_is_refused(tmp_path: Path) -> None:
    done = serve("--catalog", str(tmp_path / "library.db"))
    assert done.returncode == 2
    assert "--library" in done.stderr


def test_a_port_that_is_taken_is_told_in_words(model_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = serve("--port", port, "--model", str(model_file))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_ends_when_its_container_is_told_to(tmp_path: Path, model_file: Path) -> None:
    with serve_process(tmp_path, "--model", str(model_file)) as server:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(60)
    assert server.process.returncode in (0, -signal.SIGTERM)
    assert server.log == []
    assert list(tmp_path.glob("genrelens-*")) == []


def test_it_ends_when_it_is_told_to_before_it_is_there(model_file: Path) -> None:
    command = [sys.executable, "-m", "genrelens.cli.main", "serve", "--port", "0", "--model", str(model_file)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=restore_interrupts
    )
    wait_until(lambda: children(process.pid))
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert output == ""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a server would be run with."""
    calls: list[Any] = []
    monkeypatch.setattr("genrelens.web.server.run", lambda *options: calls.extend(options))
    return calls


def test_options_become_settings(told: list[Any]) -> None:
    options = "--port 1 --model a --model b.onnx --api-key x --api-key y --cors * --workers 2 --max-mb 3 --max-share 5"
    options += " --allowed-host music.local --max-live 3"
    assert CliRunner().invoke(app, ["serve", *options.split()]).exit_code == 0
    settings, host, port, _ = told
    assert (host, port) == ("127.0.0.1", 1)
    assert settings == Settings(
        models=("a", "b.onnx"),
        api_keys=("x", "y"),
        cors=("*",),
        hosts=(*LOCAL, "music.local"),
        workers=2,
        max_bytes=3 << 20,
        max_share=5,
        live=LiveLimits(sessions=3),
    )


def test_what_is_not_given_is_as_in_the_settings(told: list[Any]) -> None:
    CliRunner().invoke(app, ["serve"])
    assert told[0] == Settings(hosts=LOCAL)


def test_a_server_that_others_can_reach_answers_to_any_name_unless_some_are_given(told: list[Any]) -> None:
    CliRunner().invoke(app, ["serve", "--host", "0.0.0.0"])
    assert told[0].hosts == ()
    CliRunner().invoke(app, ["serve", "--host", "0.0.0.0", "--allowed-host", "music.local"])
    assert told[4].hosts == (*LOCAL, "music.local")


@pytest.mark.parametrize(("variable", "keys"), [("", ()), ("secret", ("secret",)), ("a b", ("a", "b"))])
def test_keys_come_from_a_variable_too(told: list[Any], variable: str, keys: tuple[str, ...]) -> None:
    CliRunner().invoke(app, ["serve"], env={"GENRELENS_API_KEY": variable})
    assert tuple(key.get_secret_value() for key in told[0].api_keys) == keys


@pytest.mark.parametrize(
    ("options", "warned"),
    [(["--host", "0.0.0.0"], True), (["--host", "0.0.0.0", "--api-key", "x"], False), (["--host", "::1"], False)],
)
def test_who_lets_all_in_is_told(told: list[Any], options: list[str], warned: bool) -> None:
    assert ("--api-key" in CliRunner().invoke(app, ["serve", *options]).output) == warned


def test_help_names_the_options() -> None:
    output = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    for option in ("--host", "--port", "--model", "--api-key", "--cors", "GENRELENS_API_KEY"):
        assert option in output
