"""Checks of the Dockerfile and compose.yaml that need no Docker."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.paths import ROOT
from tests.support.server import serve_process

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))


def last_stage() -> list[str]:
    return re.sub(r"\\\n\s*", "", DOCKERFILE).rpartition("\nFROM ")[2].splitlines()


def test_the_container_runs_without_root_and_has_a_health_check() -> None:
    words = [line.split()[0] for line in last_stage()]
    user = next(line for line in last_stage() if line.startswith("USER"))
    assert user.split()[1] not in ("root", "0")
    assert "HEALTHCHECK" in words
    assert words.index("USER") < words.index("ENTRYPOINT")


@pytest.mark.parametrize("options", [(), ("--allowed-host", "music.example")])
def test_the_health_check_needs_a_running_server(tmp_path: Path, model_file: Path, options: tuple[str, ...]) -> None:
    line = next(line for line in last_stage() if line.startswith("HEALTHCHECK"))
    check = json.loads(line.partition("CMD ")[2])
    with serve_process(tmp_path, "--model", str(model_file), "--host", "0.0.0.0", *options) as server:
        port = server.url.rpartition(":")[2]
        command = [sys.executable, *(word.replace("8765", port) for word in check[1:])]
        assert subprocess.run(command, check=False).returncode == 0
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1


def test_copied_files_exist_and_are_not_ignored() -> None:
    included = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = [
        line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY") and "--from" not in line
    ]
    for name in (name for names in copied for name in names):
        assert (ROOT / name).exists()
        assert name in included


def test_compose_limits_the_container() -> None:
    service = COMPOSE["services"]["genrelens"]
    assert service["read_only"] is True
    assert service["environment"].keys() == {"GENRELENS_API_KEY", "FORWARDED_ALLOW_IPS"}
    assert service["mem_limit"] == "512m"
    assert service["ports"] == ["127.0.0.1:8765:8765"]
    assert {volume.partition(":")[0] for volume in service["volumes"]} == set(COMPOSE["volumes"])
    port = re.search(r"EXPOSE (\d+)", DOCKERFILE)
    assert port
    assert service["ports"][0].endswith(port[1])
