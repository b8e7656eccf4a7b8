import re
from pathlib import Path

import numpy as np
import torch

from genrelens.train.data.batches import TrackWindows
from genrelens.train.fit.trainer import TrainingOptions, fit, prepare_training
from genrelens.train.networks.layers import CamNetwork
from tests.support.backbones import FRAMES, ROWS, make_backbone
from tests.support.distillation import distillation_recipe, examples


def test_refits_the_output_layer(tmp_path: Path) -> None:
    backbone = make_backbone(tmp_path, [ROWS, FRAMES], axes='["rows", "frames"]')
    recipe = distillation_recipe(backbone, net={"branches": 2})
    recipe = recipe.model_copy(update={"distil": recipe.distil.model_copy(update={"penalties": (0.01, 100.0)})})  # type: ignore[union-attr]
    sentences: list[str] = []
    learn = examples()
    for log_mel, target in zip(learn.inputs, learn.targets, strict=True):
        log_mel[:64] -= np.float16(40 * target[0])
    network = fit(
        prepare_training(recipe, learn, learn),
        tmp_path / "run",
        TrainingOptions(accelerator="cpu", tracker="none"),
        sentences.append,
    )
    assert re.search(
        r"Refitted the output layer with a penalty of 0.01: log loss 0\.\d+ on 8 tracks of valid", sentences[-1]
    )
    with torch.no_grad():
        batches = TrackWindows(learn.inputs, learn.targets, recipe)
        predicted = [network(windows).mean(dim=0).argmax() for windows, _ in batches]
        windows = torch.randn(3, *recipe.input.shape)
        assert isinstance(network, CamNetwork)
        torch.testing.assert_close(network.classify(network.embed(windows)), network(windows))
    assert [int(label) for label in predicted] == learn.targets.argmax(axis=1).tolist()
