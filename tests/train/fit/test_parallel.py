"""Two processes train one net: each takes its share, both end with the same weights."""

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
from genrelens.train.fit.fit import TrainingOptions, fit
from genrelens.train.fit.history import read_history
from genrelens.train.recipes.recipe import Recipe
from tests.support.recipes import make_recipe
from tests.support.training import make_tracks

TWO = TrainingOptions("cpu", devices=2, tracker="none")


def plain() -> Recipe:
    """Nothing is drawn but the order and the places of the windows."""
    return make_recipe(
        augment=dict.fromkeys(make_recipe().augment.model_fields_set, 0), train={"mixup": 0, "epochs": 3}
    )


def test_shares_make_up_the_batch() -> None:
    learn = make_tracks()
    whole, *shares = (
        list(TrainingBatches(learn.inputs, learn.targets, plain(), lambda: 1, rank, ranks))
        for rank, ranks in ((0, 1), (0, 2), (1, 2))
    )
    assert len(whole) == len(shares[0]) == len(shares[1]) == 4
    for (_, targets), (_, first), (_, second) in zip(whole, *shares, strict=True):
        assert torch.equal(targets, torch.stack([first, second], dim=1).flatten(0, 1))


def test_each_share_is_varied_by_draws_of_its_own() -> None:
    learn = make_tracks((2, 2))
    recipe = make_recipe(train={"mixup": 0})
    same = [learn.inputs[0]] * 4
    first, second = (next(iter(TrainingBatches(same, learn.targets, recipe, lambda: 1, rank, 2)))[0] for rank in (0, 1))
    assert first.shape == second.shape == (2, 1, 128, 44)
    assert not torch.equal(first, second)


class Witness(Callback):
    """Writes down what a process ends with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.heard = 0

    def on_train_batch_start(self, _trainer: Any, _task: Any, batch: Any, *_: Any) -> None:
        self.heard += len(batch[0])

    def on_train_end(self, trainer: Any, task: Any) -> None:
        state = {"heard": self.heard, "weights": dict(task.net.named_parameters())}
        torch.save(state, self.folder / f"{trainer.global_rank}-of-{trainer.world_size}.pt")


def test_two_processes_train_one_net(
    tmp_path: Path, wandb_without_login: None, capfd: pytest.CaptureFixture[str]
) -> None:
    """And the first of them goes on with what was begun before it, a run of Weights & Biases."""
    said: list[str] = []
    manner = replace(TWO, tracker="wandb")
    net = fit(
        plain(), make_tracks(), make_tracks((4, 3), seed=1), 2, tmp_path, manner, said.append, [Witness(tmp_path)]
    )
    one, other = (torch.load(tmp_path / f"{rank}-of-2.pt", weights_only=False) for rank in (0, 1))
    assert one["heard"] == other["heard"] == 3 * 16 / 2
    for name, weights in one["weights"].items():
        assert torch.equal(other["weights"][name], weights)
    history = read_history(tmp_path).epochs
    losses = [epoch.train_loss for epoch in history if epoch.train_loss is not None]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    sevenths = [7 * epoch.valid_accuracy for epoch in history if epoch.valid_accuracy is not None]
    assert sevenths == pytest.approx([round(number) for number in sevenths])  # both looked at all seven tracks
    kept = torch.load(tmp_path / "last.ckpt", weights_only=False)["state_dict"]
    assert all(torch.equal(kept[f"net.{name}"], weights) for name, weights in net.state_dict().items())
    assert said[0].endswith("), so the training goes on offline.")
    written = [file.read_bytes() for file in (tmp_path / "wandb").glob("offline-run-*/*.wandb")]
    assert any(b"valid_loss" in content for content in written)
    printed = "".join(capfd.readouterr()).splitlines()
    assert [line for line in printed if not line.startswith("wandb: ")] == []  # which warns in a process of its own


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
def test_what_stops_one_process_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: str, words: str
) -> None:
    def breaks(*_: Any, **__: Any) -> None:
        raise ProcessRaisedException(f"-- Process 1 terminated ...\nTraceback ...\n{raised}\n", 1, 99)

    monkeypatch.setattr(L.Trainer, "fit", breaks)
    with pytest.raises(TrainingError, match=words):
        fit(plain(), make_tracks(), make_tracks(), 2, tmp_path, TWO, lambda _: None)


def test_a_batch_must_be_shared_equally(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="a batch of 4 windows cannot be shared equally among 3 devices"):
        fit(plain(), make_tracks(), make_tracks(), 2, tmp_path, TrainingOptions("cpu", devices=3), lambda _: None)
    with pytest.raises(TrainingError, match="2 devices need as many tracks on each side, and one side has 1"):
        fit(plain(), make_tracks(), make_tracks((1,)), 2, tmp_path, TWO, lambda _: None)
