"""Training on synthetic log-mels: class weights, schedules, interruptions, resuming, and several processes."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch.multiprocessing.spawn import ProcessRaisedException

from genrelens.errors import TrainingError
from genrelens.train import networks
from genrelens.train.data.batches import TrainingBatches
from genrelens.train.fit import checkpoints
from genrelens.train.fit.record import read_history
from genrelens.train.fit.trainer import TrainingOptions, fit, prepare_training
from genrelens.train.recipes.recipe import Recipe
from tests.support.recipes import make_recipe
from tests.support.training import FailInEpoch, InjectedError, fit_small, make_tracks


def assert_same_weights(first: torch.nn.Module, second: torch.nn.Module) -> None:
    for name, weights in first.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], weights, atol=1e-6, rtol=1e-5)


class Constant(torch.nn.Module):
    """A network that can only learn the class frequencies."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = torch.nn.Parameter(torch.zeros(2))

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(windows), 2)


@pytest.mark.parametrize(("weights", "share"), [("none", 0.25), ("balanced", 0.5)])
def test_balanced_class_weights_equal_rare_and_frequent_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: str, share: float
) -> None:
    monkeypatch.setattr(networks, "build", lambda *_: Constant())
    table = {"class_weights": weights, "epochs": 40, "batch": 8, "lr": 0.2, "mixup": 0.5, "label_smoothing": 0}
    network = fit_small(make_recipe(train=table), tmp_path / "run", learn=make_tracks((12, 4)))
    assert network(torch.zeros(1, 1))[0].softmax(dim=0)[1].item() == pytest.approx(share, abs=0.04)


def test_a_plateau_halves_the_learning_rate_also_after_resuming(tmp_path: Path) -> None:
    table = {"schedule": "plateau", "stall": 1, "warmup": 0, "lr": 0.3, "average": 0, "epochs": 8}
    recipe = make_recipe(train=table)
    fit_small(recipe, tmp_path / "whole")
    with pytest.raises(InjectedError):
        fit_small(recipe, tmp_path / "broken", FailInEpoch(5))
    fit_small(recipe, tmp_path / "broken")
    whole, broken = (read_history(tmp_path / name).epochs for name in ("whole", "broken"))
    rate, best, expected = 0.3, float("inf"), []
    for epoch in whole:
        assert epoch.valid_loss is not None
        rate, best = rate / (1 if epoch.valid_loss < best * (1 - 1e-4) else 2), min(best, epoch.valid_loss)
        expected.append(rate)
    assert [epoch.rate for epoch in whole] == pytest.approx(expected)
    assert [epoch.rate for epoch in broken] == pytest.approx(expected)
    assert rate < 0.3


def test_a_resumed_training_has_the_history_of_an_uninterrupted_one(tmp_path: Path) -> None:
    recipe = make_recipe(train={"epochs": 4})
    with pytest.raises(InjectedError):
        fit_small(recipe, tmp_path / "run", FailInEpoch(2))
    assert len(read_history(tmp_path / "run").epochs) == 2
    with (tmp_path / "run" / "metrics.jsonl").open("a") as lines:
        lines.write('{"valid_loss": 7.0, "epoch": 2, "step": 9}\n{"valid_lo')  # as after a power failure
    fit_small(recipe, tmp_path / "run")
    fit_small(recipe, tmp_path / "whole")
    histories = [read_history(tmp_path / name) for name in ("run", "whole")]
    losses = [np.array([(e.step, e.train_loss, e.valid_loss) for e in history.epochs], float) for history in histories]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    rows = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert rows[0].startswith("epoch,step,train_loss,train_accuracy,valid_loss")
    assert [row.partition(",")[0] for row in rows[1:]] == ["0", "1", "2", "3"]


def test_a_moved_run_directory_keeps_its_best_checkpoint(tmp_path: Path) -> None:
    recipe = make_recipe(train={"epochs": 4, "keep": "best", "lr": 0.5, "warmup": 0, "average": 0, "clip": 1.0})
    with pytest.raises(InjectedError):
        fit_small(recipe, tmp_path / "here", FailInEpoch(2))
    shutil.move(tmp_path / "here", tmp_path / "there")
    score = torch.load(tmp_path / "there" / "last.ckpt", weights_only=False)
    fit_small(recipe, tmp_path / "there")
    best = read_history(tmp_path / "there").best
    assert best is not None
    assert torch.load(tmp_path / "there" / "best.ckpt", weights_only=False)["epoch"] == best.epoch
    assert score["epoch"] == 1
    assert not (tmp_path / "here").exists()


def test_a_training_that_stopped_early_is_not_resumed(tmp_path: Path) -> None:
    recipe = make_recipe(train={"patience": 1, "epochs": 30, "lr": 0.3, "warmup": 0, "average": 0})
    network = fit_small(recipe, tmp_path / "run")
    epochs = len(read_history(tmp_path / "run").epochs)
    assert epochs < 30
    assert_same_weights(fit_small(recipe, tmp_path / "run"), network)
    assert len(read_history(tmp_path / "run").epochs) == epochs


def test_a_finished_training_is_not_resumed(tmp_path: Path) -> None:
    assert_same_weights(fit_small(make_recipe(), tmp_path / "run"), fit_small(make_recipe(), tmp_path / "run"))


class InjectNan(Callback):
    """Sets one weight to NaN after a batch."""

    def __init__(self, condition: Callable[[Any], bool]) -> None:
        self.condition = condition

    def on_train_batch_end(self, trainer: Any, task: Any, *_: Any) -> None:
        if self.condition(trainer):
            next(task.net.parameters()).data.view(-1)[0] = float("nan")


@pytest.mark.parametrize(("every", "words"), [(1, "loss on valid became nan"), (4, "weights became nan")])
def test_non_finite_weights_are_never_saved(tmp_path: Path, every: int, words: str) -> None:
    recipe = make_recipe(train={"epochs": 4, "validate_every": every, "average": 0})
    inject_nan = InjectNan(lambda trainer: trainer.current_epoch == 1 and trainer.is_last_batch)
    with pytest.raises(TrainingError, match=rf"{words} in epoch 1, step 8; lower .* good weights are in .*\.ckpt"):
        fit_small(recipe, tmp_path / "run", inject_nan)
    state = torch.load(tmp_path / "run" / "last.ckpt", weights_only=False)
    assert state["epoch"] == 0
    assert all(weights.isfinite().all() for weights in state["state_dict"].values())


def test_a_non_finite_loss_before_the_first_checkpoint_names_no_weights(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"in epoch 0, step 1; .*No weights have been saved yet"):
        fit_small(make_recipe(train={"average": 0}), tmp_path / "run", InjectNan(lambda _: True))


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = make_recipe(train={"epochs": 4})
    whole = fit_small(recipe, tmp_path / "whole")
    real = torch.save

    def full(checkpoint: dict[str, Any], file: Any) -> None:
        real(checkpoint, file)
        if checkpoint["epoch"] == 2:
            monkeypatch.setattr(checkpoints, "atomic_write", FullDisk)

    class FullDisk:
        def __init__(self, target: Path) -> None:
            self.file = target.with_name(f".{target.name}.half").open("wb")

        def __enter__(self) -> "FullDisk":
            return self

        def write(self, content: memoryview) -> None:
            self.file.write(content[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def __exit__(self, *_: object) -> None:
            self.file.close()

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", full)
        with pytest.raises(TrainingError, match=r"best.ckpt cannot be written \(No space left on device\); free"):
            fit_small(recipe, tmp_path / "run")
    monkeypatch.undo()
    assert torch.load(tmp_path / "run" / "last.ckpt", weights_only=False)["epoch"] == 1
    assert_same_weights(fit_small(recipe, tmp_path / "run"), whole)
    assert not list((tmp_path / "run").glob(".*"))  # partial files are removed


def test_a_checkpoint_of_another_network_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    fit_small(make_recipe(), tmp_path / "run")
    with pytest.raises(TrainingError, match=r"belongs to another network \(.* is 8 x .* there and 16 x .* here\)"):
        fit_small(make_recipe(net={"width": 16}), tmp_path / "run")
    (tmp_path / "run" / "last.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(TrainingError, match=r"last\.ckpt is not a checkpoint"):
        fit_small(make_recipe(), tmp_path / "run")


def test_ctrl_c_raises_keyboard_interrupt(tmp_path: Path) -> None:
    class Interrupt(Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            fit_small(make_recipe(), tmp_path / "run", Interrupt())
    finally:
        signal.signal(signal.SIGINT, before)


SCRIPT = """
import sys, time
from pathlib import Path
from lightning.pytorch.callbacks import Callback
from tests.support.recipes import make_recipe
from tests.support.training import fit_small

class Wait(Callback):
    def on_train_batch_end(self, trainer, *_):
        if trainer.current_epoch == 2:
            print("here", flush=True)
            time.sleep(60)

fit_small(make_recipe(train={"epochs": 4}), Path(sys.argv[1]), Wait())
"""


def test_a_killed_and_resumed_training_ends_like_an_uninterrupted_one(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT, tmp_path / "run"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"  # in the third epoch, after its first batch
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert len(read_history(tmp_path / "run").epochs) == 2
    recipe = make_recipe(train={"epochs": 4})
    assert_same_weights(fit_small(recipe, tmp_path / "run"), fit_small(recipe, tmp_path / "whole"))


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
    assert messages[0].endswith("); logging continues offline")
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
