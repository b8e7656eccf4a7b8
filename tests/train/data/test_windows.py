import numpy as np

from genrelens.features.frontend import log_mel, mel_decibels, normalise
from genrelens.train.data.windows import sliding_frames
from tests.support.models import make_card


def test_windows_of_a_log_mel_match_windows_of_its_audio() -> None:
    """Without centring, frames do not depend on whether the audio or the log-mel is cut."""
    front_end = make_card().audio_input.front_end.model_copy(update={"center": False})
    samples = np.random.default_rng(0).standard_normal(3 * 22_050)
    frames, hop = 20, 10
    windows = sliding_frames(mel_decibels(samples, front_end), frames, hop)
    size, step = front_end.samples(frames), hop * front_end.hop
    for number in range(3):
        expected = normalise(log_mel(samples[number * step : number * step + size], front_end), front_end)
        actual = windows[number]
        actual = np.maximum(actual - actual.max(), -80)
        np.testing.assert_allclose(normalise(actual, front_end), expected, atol=1e-4)
