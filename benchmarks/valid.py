"""What a model says of the *valid* tracks of a data set, window by window; for measuring what is chosen there."""

from collections.abc import Iterator

import numpy as np

from genrelens.audio.decoder import Track
from genrelens.classifier import hear
from genrelens.model.session import Judgement, Model
from genrelens.train.data.log_mels import Analysis, is_row, load_row
from genrelens.train.data.manifest import Item, read_manifest
from genrelens.train.data.splits import split
from genrelens.train.evaluation.evaluate import net_windows


def judge_valid(model: Model, data: str, protocol: str) -> Iterator[tuple[Item, Judgement]]:
    """All windows of each track of *valid*, from recordings or from rows of an array."""
    sound = model.card.sound
    for item in split(read_manifest(data), protocol, seed=1).side("valid"):
        if is_row(item.path):
            yield item, model.judge(net_windows(load_row(item.path, Analysis.of(sound)), sound))
        else:
            with Track(item.path, sound.front_end.rate) as track:
                yield item, model.judge(np.concatenate([heard.planes for heard in hear(track, sound, "all")]))
