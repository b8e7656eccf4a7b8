"""Model outputs for the *valid* tracks of a dataset, per window; for measuring choices made there."""

from collections.abc import Iterator

import numpy as np

from genrelens.audio.decoder import AudioReader
from genrelens.model.session import Model, ModelOutput
from genrelens.model.windows import window_batches
from genrelens.train.data.log_mels import LogMelSpec, is_array_row, load_array_row, network_inputs
from genrelens.train.data.manifest import LabelledTrack, read_manifest
from genrelens.train.data.splits import assign_splits


def classify_valid(model: Model, data: str, protocol: str) -> Iterator[tuple[LabelledTrack, ModelOutput]]:
    """Yield each track of *valid* with the outputs for all its windows, from recordings or from rows of an array."""
    sound = model.card.audio_input
    for item in assign_splits(read_manifest(data), protocol, seed=1).in_split("valid"):
        if is_array_row(item.path):
            yield item, model.run(network_inputs(load_array_row(item.path, LogMelSpec.for_input(sound)), sound))
        else:
            with AudioReader(item.path, sound.front_end.rate) as track:
                yield item, model.run(np.concatenate([heard.inputs for heard in window_batches(track, sound, "all")]))
