"""TensorBoard files, as read by TensorBoard itself; Weights & Biases offline, with the real package."""

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.callbacks import Callback
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer  # type: ignore[import-untyped]

from genrelens.errors import MissingExtraError
from genrelens.train.fit import tracking
from genrelens.train.fit.record import read_history
from genrelens.train.fit.trainer import TrainingOptions, fit, prepare_training
from genrelens.train.recipes.recipe import Recipe
from tests.support.recipes import make_recipe
from tests.support.training import FailInEpoch, InjectedError, make_tracks


class FailAfterValidation(Callback):
    """Fails after the validation of an epoch, before its checkpoint is written."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_epoch_end(self, trainer: Any, *_: Any) -> None:
        if trainer.current_epoch == self.epoch:
            raise InjectedError


def run(recipe: Recipe, folder: Path, tracker: tracking.Tracker, *callbacks: Any) -> list[str]:
    """Train, and return the messages to the user."""
    messages: list[str] = []
    training = prepare_training(recipe, make_tracks(), make_tracks((4, 4), seed=1))
    fit(training, folder, TrainingOptions("cpu", tracker=tracker), messages.append, callbacks)
    return messages


def test_tensorboard_shows_each_epoch_once_also_after_resuming(tmp_path: Path) -> None:
    recipe = make_recipe(train={"epochs": 4})
    with pytest.raises(InjectedError):
        run(recipe, tmp_path, "tensorboard", FailAfterValidation(2))
    assert run(recipe, tmp_path, "tensorboard") == []
    board = EventMultiplexer().AddRunsFromDirectory(str(tmp_path))
    board.Reload()
    losses = [event.value for event in board.Scalars("tensorboard", "valid_loss")]
    assert losses == pytest.approx([epoch.valid_loss for epoch in read_history(tmp_path).epochs])
    assert "lr: 0.01" in (tmp_path / "tensorboard" / "hparams.yaml").read_text()
    assert b"train.lr" in board.SummaryMetadata("tensorboard", "_hparams_/session_start_info").plugin_data.content


def test_without_a_tracker_only_history_and_checkpoints_are_written(tmp_path: Path) -> None:
    run(make_recipe(), tmp_path, "none")
    names = {"metrics.jsonl", "history.json", "history.csv", "best.ckpt", "last.ckpt"}
    assert {file.name for file in tmp_path.iterdir()} == names


def test_an_offline_wandb_run_is_stored_in_the_run_directory_and_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wandb_without_login: None, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    recipe = make_recipe(train={"epochs": 2})
    with pytest.raises(InjectedError):
        run(recipe, tmp_path / "run", "wandb", FailInEpoch(1))
    messages = run(recipe, tmp_path / "run", "wandb")
    folders = sorted((tmp_path / "run" / "wandb").glob("offline-run-*"))
    assert len(folders) == 2
    assert len({folder.name.split("-")[3] for folder in folders}) == 1
    assert messages == [f"Upload the run to Weights & Biases later with: wandb sync {tmp_path}/run/wandb/offline-run-*"]
    (file,) = folders[-1].glob("*.wandb")
    for written in (b"valid_loss", b"train_loss", b"label_smoothing"):
        assert written in file.read_bytes()
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.parametrize("key", [None, "too short", "a" * 40])
def test_wandb_continues_offline_without_a_login_or_network(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wandb_without_login: None,
    key: str | None,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if key:
        monkeypatch.setenv("WANDB_API_KEY", key)
    messages = run(make_recipe(train={"epochs": 1}), tmp_path / "run", "wandb")
    assert messages[0].startswith("Weights & Biases cannot be used online (")
    assert messages[0].endswith("); logging continues offline")
    assert "wandb sync" in messages[1]
    assert len(read_history(tmp_path / "run").epochs) == 1
    assert "".join(capfd.readouterr()) == ""


def test_a_missing_wandb_is_reported_with_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda _: None)
    tracking.require_tracker("tensorboard")
    with pytest.raises(MissingExtraError, match=r"pip install 'genrelens\[wandb\]'"):
        tracking.require_tracker("wandb")
