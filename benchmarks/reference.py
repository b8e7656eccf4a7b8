"""The reference pipeline: librosa, one mel spectrogram per 10-s window, a VGG in eager torch, mean over windows.

Run it as a program to measure its cold start: python benchmarks/reference.py SONG
"""

import sys

import librosa
import numpy as np
import torch
from torch import nn

RATE, WINDOW, HOP = 22_050, 10.0, 5.0
GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")


def vgg() -> nn.Module:
    """Build five blocks of Conv, ReLU, Conv, ReLU, BatchNorm, MaxPool, then linear layers 256, 512, 128, 10."""
    layers: list[nn.Module] = []
    inputs = 1
    for outputs in (32, 64, 128, 256, 256):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.Conv2d(outputs, outputs, 3, padding=1)]
        layers += [nn.ReLU(), nn.BatchNorm2d(outputs), nn.MaxPool2d(2)]
        inputs = outputs
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 512), nn.ReLU(), nn.Dropout(0.5)]
    layers += [nn.Linear(512, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, len(GENRES))]
    return nn.Sequential(*layers).eval()


def predict(network: nn.Module, song: str) -> tuple[str, float]:
    """Return the genre and its mean probability over overlapping windows."""
    samples, _ = librosa.load(song, sr=RATE, mono=True)
    size, hop = int(WINDOW * RATE), int(HOP * RATE)
    windows = [samples[start : start + size] for start in range(0, max(1, len(samples) - size + 1), hop)]
    mels = []
    for window in windows:
        power = librosa.feature.melspectrogram(y=window, sr=RATE, n_fft=2048, hop_length=512, n_mels=128)
        log_mel = librosa.power_to_db(power, ref=np.max)
        mels.append((log_mel - log_mel.mean()) / (log_mel.std() + 1e-6))
    with torch.no_grad():
        batch = torch.from_numpy(np.stack(mels)).float()[:, None]
        probabilities = torch.cat([network(part).softmax(dim=1) for part in torch.split(batch, 16)]).mean(dim=0)
    return GENRES[int(probabilities.argmax())], float(probabilities.max())


if __name__ == "__main__":
    print(*predict(vgg(), sys.argv[1]))
