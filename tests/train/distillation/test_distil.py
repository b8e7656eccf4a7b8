import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from genrelens.errors import ModelNotFoundError, RecipeError
from genrelens.train import networks
from genrelens.train.data.batches import TrackWindows, TrainingBatches
from genrelens.train.data.tracks import Tracks
from genrelens.train.distillation.backbone import Backbone
from genrelens.train.distillation.distil import Pupil, Teacher, teacher_of
from genrelens.train.fit.fit import TrainingOptions, fit
from genrelens.train.fit.task import GenreTask
from genrelens.train.networks.cam import CamNetwork
from genrelens.train.recipes.recipe import Recipe
from genrelens.train.recipes.recipe_file import read_recipe
from tests.support.backbones import FRAMES, ROWS, make_backbone
from tests.support.recipes import make_recipe


@pytest.fixture
def backbone(tmp_path: Path) -> Backbone:
    return make_backbone(tmp_path, [ROWS, FRAMES], axes='["rows", "frames"]')


def distilling(backbone: Backbone, weight: float = 1.0, **changes: Any) -> Recipe:
    recipe = make_recipe(**{"train": {"mixup": 0}, **changes})
    return make_recipe(
        **{**recipe.model_dump(exclude_unset=True), "distil": {"backbone": backbone.model_dump(), "weight": weight}}
    )


def tracks(count: int = 8) -> Tracks:
    rng = np.random.default_rng(0)
    levels = [rng.uniform(-80, 0, (128, 129)).astype(np.float16) for _ in range(count)]
    return Tracks(levels, np.eye(2, dtype=np.float32)[np.arange(count) % 2])


def test_a_teacher_hears_the_very_windows_that_are_learnt_from(backbone: Backbone) -> None:
    recipe = distilling(backbone, augment={"time_masks": 0, "band_masks": 0, "overlay": 0.5})
    teacher = teacher_of(recipe)
    assert teacher is not None
    assert teacher.features == ROWS * FRAMES
    heard: list[torch.Tensor] = []

    class Listening(Teacher):
        def __call__(self, level: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
            heard.append(level.clone())
            return super().__call__(level, rng)

    learn = tracks()
    listening = Listening(backbone, recipe.input)  # type: ignore[arg-type]
    batches = TrainingBatches(learn.levels, learn.targets, recipe, lambda: 0, teacher=listening)
    for level, (windows, _, taught) in zip(heard[1:], batches, strict=False):
        assert taught.shape == (len(windows), ROWS * FRAMES)
        own = (level - level.mean(dim=(1, 2), keepdim=True)) / level.std(dim=(1, 2), keepdim=True)
        assert torch.corrcoef(torch.stack([own.flatten(), windows.flatten()]))[0, 1] > 0.9


def test_a_teacher_can_be_sent_to_another_process(backbone: Backbone) -> None:
    teacher = teacher_of(distilling(backbone))
    assert teacher is not None
    again = pickle.loads(pickle.dumps(teacher))
    level = torch.rand(2, 128, 44) * -80
    torch.testing.assert_close(
        again(level, torch.Generator().manual_seed(1)), teacher(level, torch.Generator().manual_seed(1))
    )


def test_a_pupil_learns_what_can_be_told_from_an_embedding() -> None:
    torch.manual_seed(0)
    embeddings = torch.randn(64, 4)
    taught = embeddings @ torch.randn(4, 3) * 5 + 2
    pupil = Pupil(4, 3)
    optimiser = torch.optim.Adam(pupil.parameters(), lr=0.05)
    first = pupil.loss(embeddings, taught).item()
    for _ in range(200):
        optimiser.zero_grad()
        pupil.loss(embeddings, taught).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert pupil.loss(embeddings, taught).item() < first / 50


def test_the_net_itself_is_taught(backbone: Backbone) -> None:
    recipe = distilling(backbone, weight=3.0)
    learn = tracks()
    net = networks.build(recipe.net, 2, recipe.input.shape)
    teacher = teacher_of(recipe)
    assert teacher is not None
    task = GenreTask(net, recipe, 1, taught=teacher.features)
    batch = next(iter(TrainingBatches(learn.levels, learn.targets, recipe, lambda: 0, teacher=teacher)))
    logits, lesson = task._answers(batch[0], batch[2])
    assert logits.shape == (4, 2)
    assert isinstance(lesson, torch.Tensor)
    (slopes,) = torch.autograd.grad(lesson, [next(net.parameters())])
    assert slopes.abs().sum() > 0


def test_the_guess_of_the_teachers_embedding_is_learnt_as_well(backbone: Backbone) -> None:
    recipe = distilling(backbone)
    task = GenreTask(networks.build(recipe.net, 2, recipe.input.shape), recipe, 1, taught=3)
    learning = {id(weights) for group in task._parameter_groups() for weights in group["params"]}
    assert learning == {id(weights) for weights in task.parameters()}
    _, pupil = task.taught()
    assert id(pupil.layer.weight) in learning


def test_a_training_with_a_teacher_ends_with_a_net_alone(backbone: Backbone, tmp_path: Path) -> None:
    recipe = distilling(backbone)
    net = fit(
        recipe, tracks(), tracks(4), 2, tmp_path / "run", TrainingOptions(accelerator="cpu", tracker="none"), print
    )
    assert not any("pupil" in name for name in net.state_dict())
    with torch.no_grad():
        assert net(torch.zeros(1, *recipe.input.shape)).shape == (1, 2)


def test_the_last_layer_can_be_fitted_anew(backbone: Backbone, tmp_path: Path) -> None:
    recipe = distilling(backbone, net={"branches": 2})
    recipe = recipe.model_copy(update={"distil": recipe.distil.model_copy(update={"penalties": (0.01, 100.0)})})  # type: ignore[union-attr]
    said: list[str] = []
    learn = tracks()
    for level, target in zip(learn.levels, learn.targets, strict=True):
        level[:64] -= np.float16(40 * target[0])
    net = fit(
        recipe, learn, learn, 2, tmp_path / "run", TrainingOptions(accelerator="cpu", tracker="none"), said.append
    )
    assert re.search(r"fitted anew with a penalty of 0.01: log loss 0\.\d+ on 8 tracks of valid", said[-1])
    with torch.no_grad():
        told = [net(windows).mean(dim=0).argmax() for windows, _ in TrackWindows(learn.levels, learn.targets, recipe)]
        windows = torch.randn(3, *recipe.input.shape)
        assert isinstance(net, CamNetwork)
        torch.testing.assert_close(net.classify(net.embed(windows)), net(windows))
    assert [int(label) for label in told] == learn.targets.argmax(axis=1).tolist()


def test_several_labels_have_no_layer_fitted_anew(backbone: Backbone) -> None:
    with pytest.raises(ValidationError, match="penalties are of a layer that tells one label"):
        make_recipe(
            train={"mixup": 0},
            data={"labels": "several"},
            distil={"backbone": backbone.model_dump(), "penalties": [0.1]},
        )


def test_a_net_without_an_embedding_cannot_be_taught(backbone: Backbone) -> None:
    recipe = distilling(backbone)
    with pytest.raises(RecipeError, match="does not end in a mean and a linear layer"):
        GenreTask(torch.nn.Linear(2, 2), recipe, 1, taught=3)


def test_a_teacher_that_is_not_there_is_told_of(backbone: Backbone) -> None:
    lost = backbone.model_copy(update={"model": backbone.model + ".gone.onnx"})
    with pytest.raises(ModelNotFoundError, match="does not exist"):
        teacher_of(distilling(lost))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train": {"mixup": 0.3}}, "train.mixup makes windows that no teacher can hear"),
        ({"input": {"features": ["mel", "chroma"]}}, "distil needs an input of the log-mel alone"),
    ],
)
def test_what_a_teacher_cannot_hear_is_refused(backbone: Backbone, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        distilling(backbone, **changes)


def test_overlaying_needs_the_log_mel_alone() -> None:
    with pytest.raises(ValidationError, match=r"augment\.overlay needs an input of the log-mel alone"):
        make_recipe(augment={"overlay": 0.5}, input={"features": ["mfcc"]})


def test_a_recipe_names_the_card_from_where_it_is(backbone: Backbone, tmp_path: Path) -> None:
    file = tmp_path / "taught.toml"
    text = """
name = "taught"
summary = "A test."
data = { split = "stratified" }
input = { window = 1.0, hop = 0.5 }
net = { name = "lens" }
train = { epochs = 1, lr = 1e-3 }
distil = { backbone = "small.toml", {more} }
"""
    file.write_text(text.replace("{more}", "weight = 2.0"))
    recipe = read_recipe(file)
    assert recipe.distil is not None
    assert recipe.distil.backbone == backbone
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe
    file.write_text(text.replace("{more}", "wait = 2.0"))
    with pytest.raises(RecipeError, match=r"distil\.wait is not a key of a recipe; did you mean weight\?"):
        read_recipe(file)
