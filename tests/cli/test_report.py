import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genrelens.cli.main import app, main
from tests.support.recipes import make_recipe


def test_report_prints_the_path_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(make_recipe().model_dump_json())
    result = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / 'report' / 'index.html'}\n"


def test_folder_other_than_a_run_directory_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["genrelens", "report", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert "is not a run directory" in str(stopped.value.code)
