from pathlib import Path

from typer.testing import CliRunner

from genrelens.cli.main import app
from tests.support.recipes import make_toml


def test_a_benchmark_writes_its_results_and_prints_the_table(genres: Path, tmp_path: Path) -> None:
    make_toml(tmp_path / "small.toml")
    (tmp_path / "plan.toml").write_text(
        'protocols = ["windows", "stratified"]\nbudget = 2\n[[recipes]]\nfile = "small.toml"\n'
    )
    arguments = ["benchmark", str(tmp_path / "plan.toml"), "--data", str(genres), "-t", "1"]
    arguments += ["--cache", str(tmp_path / "cache")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "| recipe | stated by the reference | random windows | by artist | leak gap |" in result.stdout
    assert "small, stratified: training ..." in result.stderr
    assert len(list((tmp_path / "results" / "plan").glob("small.*.json"))) == 2
    result = CliRunner().invoke(app, [*arguments, "--only", "smal"])
    assert result.exit_code == 2
    assert "smal is not in" in result.stderr
