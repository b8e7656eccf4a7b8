from pathlib import Path

import pytest

from genrelens.errors import TrainingError
from genrelens.train.fit.record import Epoch, History, flatten_table, read_run_record
from tests.support.recipes import make_recipe

HISTORY = History(
    epochs=(
        Epoch(epoch=0, step=9, train_loss=2.0),
        Epoch(epoch=1, step=19, train_loss=1.5, valid_loss=1.25, valid_accuracy=0.5),
        Epoch(epoch=2, step=29, train_loss=1.0, valid_loss=1.5, valid_accuracy=0.75),
    )
)


def write_run(run: Path, keep: str, history: History | None = None) -> None:
    run.mkdir(exist_ok=True)
    (run / "recipe.json").write_text(make_recipe(train={"keep": keep}).model_dump_json())
    if history:
        (run / "history.json").write_text(history.model_dump_json())


def test_selected_epoch_follows_the_recipe(tmp_path: Path) -> None:
    write_run(tmp_path, "best")
    assert read_run_record(tmp_path).selected_epoch is None
    write_run(tmp_path, "best", HISTORY)
    assert read_run_record(tmp_path).selected_epoch == 1
    write_run(tmp_path, "last", HISTORY)
    assert read_run_record(tmp_path).selected_epoch == 2


def test_folders_other_than_runs_and_damaged_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="is not a run directory"):
        read_run_record(tmp_path)
    write_run(tmp_path, "best")
    for name in ("history.json", "valid.json", "environment.json"):
        (tmp_path / name).write_text("[")
        with pytest.raises(TrainingError, match=name.replace(".", r"\.")):
            read_run_record(tmp_path)
        (tmp_path / name).unlink()


def test_flatten_table_joins_keys_and_omits_empty_values() -> None:
    table = {"a": {"b": 0.002, "c": {"d": True}}, "e": [1, 2], "f": [], "g": None, "h": "", "i": False}
    assert flatten_table(table) == (("a.b", "0.002"), ("a.c.d", "yes"), ("e", "1, 2"), ("i", "no"))
