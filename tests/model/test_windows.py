from collections.abc import Callable
from pathlib import Path

import numpy as np

from genrelens.audio.decoder import AudioReader
from genrelens.model.windows import WindowBatch, window_batches
from tests.support.models import make_card


def test_window_batches_slice_and_concatenate(wav: Callable[..., Path]) -> None:
    spec = make_card().audio_input
    with AudioReader(wav(seconds=9), spec.front_end.rate) as reader:
        batches = list(window_batches(reader, spec, "all"))
    joined = WindowBatch.concatenate(batches)
    assert len(joined) == sum(len(batch) for batch in batches) == 17
    part = joined[4:8]
    assert (len(part), part.starts, part.silent) == (4, batches[1].starts, batches[1].silent)
    np.testing.assert_array_equal(part.inputs, batches[1].inputs)
