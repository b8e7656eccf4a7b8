import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from genrelens.cli.main import app
from genrelens.cli.serve import _accepted_hosts
from genrelens.web.core.settings import LiveLimits, Settings
from tests.support.processes import children, restore_interrupts, wait_until
from tests.support.server import serve_process

LOCAL_HOSTS = ("127.0.0.1", "::1", "localhost")


def serve(*options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "genrelens.cli.main", "serve", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_missing_model_is_reported_in_one_line(tmp_path: Path) -> None:
    process = serve("--port", "0", "--model", str(tmp_path / "missing.onnx"))
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.startswith("genrelens: ")
    assert "missing.onnx does not exist" in process.stderr
    assert "Traceback" not in process.stderr


def test_a_catalog_requires_the_library(tmp_path: Path) -> None:
    process = serve("--catalog", str(tmp_path / "library.db"))
    assert process.returncode == 2
    assert "--library" in process.stderr


def test_a_port_in_use_is_reported_in_one_line(model_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        process = serve("--port", port, "--model", str(model_file))
    assert process.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in process.stderr
    assert "Traceback" not in process.stderr


def test_sigterm_shuts_the_server_down(tmp_path: Path, model_file: Path) -> None:
    with serve_process(tmp_path, "--model", str(model_file)) as server:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(60)
    assert server.process.returncode in (0, -signal.SIGTERM)
    assert server.log == []
    assert list(tmp_path.glob("genrelens-*")) == []


def test_an_interrupt_during_the_start_exits_cleanly(model_file: Path) -> None:
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
def run_arguments(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The arguments of the calls of `server.run`, which does nothing."""
    arguments: list[Any] = []
    monkeypatch.setattr("genrelens.web.server.run", lambda *values: arguments.extend(values))
    return arguments


def test_options_become_settings(run_arguments: list[Any]) -> None:
    options = "--port 1 --model a --model b.onnx --api-key x --api-key y --cors * --workers 2 --max-mb 3 --max-share 5"
    options += " --allowed-host music.local --max-live 3"
    assert CliRunner().invoke(app, ["serve", *options.split()]).exit_code == 0
    settings, host, port, _ = run_arguments
    assert (host, port) == ("127.0.0.1", 1)
    assert settings == Settings(
        models=("a", "b.onnx"),
        api_keys=("x", "y"),
        cors=("*",),
        hosts=(*LOCAL_HOSTS, "music.local"),
        workers=2,
        max_mb=3,
        max_share=5,
        live=LiveLimits(max_sessions=3),
    )


def test_defaults_are_those_of_the_settings(run_arguments: list[Any]) -> None:
    CliRunner().invoke(app, ["serve"])
    assert run_arguments[0] == Settings(hosts=LOCAL_HOSTS)


def test_limits_have_the_default_and_description_of_their_setting() -> None:
    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    limits = {option.name: option for option in command.params if option.name in Settings.model_fields}
    assert len(limits) == 15  # with cors and library
    for name in limits.keys() - {"cors", "library"}:
        field = Settings.model_fields[name]
        assert (limits[name].default, limits[name].help) == (field.default, field.description)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--workers", "0", ""),
        ("--max-live", "-1", ""),
        ("--file-seconds", "0", "greater than 0"),
        ("--api-key", "schlüssel", "an API key must consist of"),
    ],
)
def test_an_invalid_value_is_reported_with_its_option(option: str, value: str, message: str) -> None:
    result = CliRunner().invoke(app, ["serve", option, value], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert message in result.stderr
    assert option in result.stderr
    assert "schlüssel" not in result.stderr


@pytest.mark.parametrize(
    ("host", "allowed", "accepted"),
    [
        ("127.0.0.1", [], LOCAL_HOSTS),
        ("0.0.0.0", [], ()),
        ("0.0.0.0", ["music.local"], (*LOCAL_HOSTS, "music.local")),
    ],
)
def test_only_a_public_server_without_allowed_hosts_accepts_any(
    host: str, allowed: list[str], accepted: tuple[str, ...]
) -> None:
    assert _accepted_hosts(host, allowed) == accepted


@pytest.mark.parametrize(("variable", "keys"), [("", ()), ("secret", ("secret",)), ("a b", ("a", "b"))])
def test_keys_are_read_from_the_environment(run_arguments: list[Any], variable: str, keys: tuple[str, ...]) -> None:
    CliRunner().invoke(app, ["serve"], env={"GENRELENS_API_KEY": variable})
    assert tuple(key.get_secret_value() for key in run_arguments[0].api_keys) == keys


@pytest.mark.parametrize(
    ("options", "warns"),
    [(["--host", "0.0.0.0"], True), (["--host", "0.0.0.0", "--api-key", "x"], False), (["--host", "::1"], False)],
)
def test_a_public_server_without_keys_warns(run_arguments: list[Any], options: list[str], warns: bool) -> None:
    assert ("--api-key" in CliRunner().invoke(app, ["serve", *options]).output) == warns


def test_help_names_the_options() -> None:
    output = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    for option in ("--host", "--port", "--model", "--api-key", "--cors", "GENRELENS_API_KEY"):
        assert option in output
