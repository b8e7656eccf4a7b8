import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genrelens.cli.main import app, main

COMMANDS = [[], ["predict"], ["models"], ["models", "list"], ["train"], ["evaluate"], ["data"], ["data", "check"]]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: list[str]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage: " in result.output


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from genrelens.cli.main import app\n"
        "try: app(['predict', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'onnxruntime', 'av', 'soxr', 'torch', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_the_version_is_printed() -> None:
    assert CliRunner().invoke(app, ["--version"]).output.startswith("genrelens 0.")


def test_wrong_usage_exits_with_2() -> None:
    for arguments in (["predict"], ["predict", "x", "--top", "0"], ["nonsense"], ["predict", "x", "--json", "--csv"]):
        assert CliRunner().invoke(app, arguments).exit_code == 2
    result = CliRunner().invoke(app, ["predict", "x", "--windows", "none"])
    assert result.exit_code == 2
    assert "'none' is neither" in result.output


def test_errors_become_one_line_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["genrelens", "models", "show", "nosuch"])
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert exit_info.value.code == (
        "genrelens: no model is named 'nosuch'; use one of lens, mn04-audioset, mn04, or the path to an .onnx file"
    )


def test_a_full_disk_is_reported_in_one_line(model_file: Path) -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "genrelens.cli.main", "models", "show", str(model_file)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert process.returncode == 1
    assert process.stderr == "genrelens: No space left on device\n"
