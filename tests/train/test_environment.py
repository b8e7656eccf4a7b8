import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import genrelens
from genrelens.train.environment import Environment, describe_environment


def test_it_tells_what_figures_depend_on() -> None:
    found = describe_environment(["/usr/bin/genrelens", "train"])
    assert found.packages["torch"] == version("torch")
    assert found.python.split(".")[:2] == [str(part) for part in sys.version_info[:2]]
    assert found.cores >= 1
    assert found.processor
    assert found.command == "genrelens train"
    assert Environment.model_validate_json(found.model_dump_json()) == found


def test_the_command_names_no_folder_of_the_machine() -> None:
    arguments = [
        "/opt/bin/genrelens",
        "train",
        "recipes/lens.toml",
        "--data",
        "gtzan:/home/me/gtzan",
        "--run=/data/run",
    ]
    command = "genrelens train recipes/lens.toml --data gtzan:.../gtzan --run=.../run"
    assert describe_environment(arguments).command == command


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(genrelens, "__file__", str(tmp_path / "__init__.py"))
    assert describe_environment().commit is None
