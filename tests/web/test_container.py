"""What can be said of the Dockerfile and compose.yaml without Docker."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))


def last_stage() -> list[str]:
    return re.sub(r"\\\n\s*", "", DOCKERFILE).rpartition("\nFROM ")[2].splitlines()


def test_it_runs_as_nobody_and_is_looked_after() -> None:
    words = [line.split()[0] for line in last_stage()]
    user = next(line for line in last_stage() if line.startswith("USER"))
    assert user.split()[1] not in ("root", "0")
    assert "HEALTHCHECK" in words
    assert words.index("USER") < words.index("ENTRYPOINT")


def test_what_is_copied_is_there_and_not_ignored() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = [
        line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY") and "--from" not in line
    ]
    for name in (name for names in copied for name in names):
        assert (ROOT / name).exists()
        assert name in kept


def test_compose_lets_it_have_little() -> None:
    service = COMPOSE["services"]["genrelens"]
    assert service["read_only"] is True
    assert service["mem_limit"] == "512m"
    assert service["ports"] == ["127.0.0.1:8765:8765"]
    assert {volume.partition(":")[0] for volume in service["volumes"]} == set(COMPOSE["volumes"])
    port = re.search(r"EXPOSE (\d+)", DOCKERFILE)
    assert port
    assert service["ports"][0].endswith(port[1])
