"""Training in two processes: each takes its share of the data, both end with the same weights."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch.multiprocessing.spawn import ProcessRaisedException

from genrelens.errors import TrainingError
from genrelens.train.data.batches import TrainingBatches
from genrelens.train.fit.record import read_history
from genrelens.train.fit.trainer import TrainingOptions, fit, prepare_training
from genrelens.train.recipes.recipe import Recipe
from tests.support.recipes import make_recipe
from tests.support.training import make_tracks

TWO_PROCESSES = TrainingOptions("cpu", devices=2, tracker="none")


def make_plain_recipe() -> Recipe:
    """A recipe without augmentation; only the order and positions of windows are random."""
    return make_recipe(
        augment=dict.fromkeys(make_recipe().augment.model_fields_set, 0), train={"mixup": 0, "epochs": 3}
    )


def test_the_shares_of_the_processes_make_up_the_batch() -> None:
    learn = make_tracks()
    whole, *shares = (
        list(TrainingBatches(learn.inputs, learn.targets, make_plain_recipe(), lambda: 1, rank, ranks))
        for rank, ranks in ((0, 1), (0, 2), (1, 2))
    )
    assert len(whole) == len(shares[0]) == len(shares[1]) == 4
    for (_, targets), (_, first), (_, second) in zip(whole, *shares, strict=True):
        assert torch.equal(targets, torch.stack([first, second], dim=1).flatten(0, 1))


def test_each_process_augments_its_share_independently() -> None:
    learn = make_tracks((2, 2))
    recipe = make_recipe(train={"mixup": 0})
    same = [learn.inputs[0]] * 4
    first, second = (next(iter(TrainingBatches(same, learn.targets, recipe, lambda: 1, rank, 2)))[0] for rank in (0, 1))
    assert first.shape == second.shape == (2, 1, 128, 44)
    assert not torch.equal(first, second)


class SaveState(Callback):
    """Saves the final weights of each process, and the number of windows it trained on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.windows = 0

    def on_train_batch_start(self, _trainer: Any, _task: Any, batch: Any, *_: Any) -> None:
        self.windows += len(batch[0])

    def on_train_end(self, trainer: Any, task: Any) -> None:
        state = {"windows": self.windows, "weights": dict(task.net.named_parameters())}
        torch.save(state, self.folder / f"{trainer.global_rank}-of-{trainer.world_size}.pt")


def test_two_processes_train_one_network(
    tmp_path: Path, wandb_without_login: None, capfd: pytest.CaptureFixture[str]
) -> None:
    """The first process also continues the Weights & Biases run that was started before it."""
    messages: list[str] = []
    training = prepare_training(make_plain_recipe(), make_tracks(), make_tracks((4, 3), seed=1))
    options = replace(TWO_PROCESSES, tracker="wandb")
    network = fit(training, tmp_path, options, messages.append, [SaveState(tmp_path)])
    first, second = (torch.load(tmp_path / f"{rank}-of-2.pt", weights_only=False) for rank in (0, 1))
    assert first["windows"] == second["windows"] == 3 * 16 / 2
    for name, weights in first["weights"].items():
        assert torch.equal(second["weights"][name], weights)
    history = read_history(tmp_path).epochs
    losses = [epoch.train_loss for epoch in history if epoch.train_loss is not None]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    sevenths = [7 * epoch.valid_accuracy for epoch in history if epoch.valid_accuracy is not None]
    assert sevenths == pytest.approx([round(number) for number in sevenths])  # both validated on all seven tracks
    last = torch.load(tmp_path / "last.ckpt", weights_only=False)["state_dict"]
    assert all(torch.equal(last[f"net.{name}"], weights) for name, weights in network.state_dict().items())
    assert messages[0].endswith("); the training continues offline.")
    written = [file.read_bytes() for file in (tmp_path / "wandb").glob("offline-run-*/*.wandb")]
    assert any(b"valid_loss" in content for content in written)
    printed = "".join(capfd.readouterr()).splitlines()
    assert [line for line in printed if not line.startswith("wandb: ")] == []  # wandb warns from its own process


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (
            "genrelens.train.fit.task.NonFiniteLossError: the loss became nan in epoch 2, step 9",
            r"step 9; lower train\.lr",
        ),
        ("genrelens.errors.TrainingError: last.ckpt cannot be written", r"^last\.ckpt cannot be written$"),
    ],
)
def test_the_error_that_ended_a_process_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: str, words: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ProcessRaisedException(f"-- Process 1 terminated ...\nTraceback ...\n{raised}\n", 1, 99)

    monkeypatch.setattr(L.Trainer, "fit", fail)
    training = prepare_training(make_plain_recipe(), make_tracks(), make_tracks())
    with pytest.raises(TrainingError, match=words):
        fit(training, tmp_path, TWO_PROCESSES, lambda _: None)


def test_a_batch_and_the_splits_must_be_divisible_among_the_processes(tmp_path: Path) -> None:
    training = prepare_training(make_plain_recipe(), make_tracks(), make_tracks())
    with pytest.raises(TrainingError, match="a batch of 4 windows cannot be shared equally among 3 devices"):
        fit(training, tmp_path, TrainingOptions("cpu", devices=3), lambda _: None)
    training = prepare_training(make_plain_recipe(), make_tracks(), make_tracks((1,)))
    with pytest.raises(TrainingError, match="2 devices need at least 2 tracks in train and valid, but"):
        fit(training, tmp_path, TWO_PROCESSES, lambda _: None)
