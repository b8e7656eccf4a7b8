import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps

from genrelens.audio.decoder import load
from genrelens.errors import AudioError, ManifestError
from genrelens.features.frontend import Floats, FrontEnd, log_mel
from genrelens.features.pictures import Picture, picture_files, read_picture, remove_border
from genrelens.train.data.manifest import LabelledTrack, Manifest, read_manifest
from genrelens.train.data.render import (
    COLOUR_MAP,
    PictureStyle,
    RenderJob,
    draw_log_mel,
    picture_jobs,
    render_all,
    render_picture,
)
from tests.support.audio import RATE, encode

FRONT_END = FrontEnd(rate=11_025, n_fft=512, hop=256, n_mels=64)


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rising tone with a varying amplitude, in noise."""
    seconds = np.arange(6 * RATE) / RATE
    wave = np.sin(2 * np.pi * (200 + 300 * seconds) * seconds) * np.sin(np.pi * seconds / 3) ** 2
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(seconds))
    return encode(tmp_path_factory.mktemp("songs") / "rise.wav", (0.5 * wave + noise)[None], codec="pcm_s16le")


def drawn_log_mel(plot: Picture, bands: int, frames: int) -> Floats:
    """Return the values of a plot from its colours, 0 to 255, lowest band first, read in the middle of each cell."""
    height, width, _ = plot.shape
    rows = ((np.arange(bands) + 0.5) * height / bands).astype(int)
    columns = ((np.arange(frames) + 0.5) * width / frames).astype(int)
    cells = plot[::-1][rows][:, columns].astype(float)
    colours = 255 * colormaps[COLOUR_MAP](np.arange(256))[:, :3]
    return np.asarray(((cells[:, :, None] - colours) ** 2).sum(axis=-1).argmin(axis=-1).astype(float))


def correlation(first: Floats, second: Floats) -> float:
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


@pytest.mark.parametrize("axes", [False, True])
def test_plot_shows_the_log_mel(song: Path, tmp_path: Path, axes: bool) -> None:
    job = RenderJob(LabelledTrack(str(song), "rise", "jazz"), tmp_path / "jazz" / "rise.png")
    render_picture(job, FRONT_END, PictureStyle(480, 320, axes))
    picture = read_picture(job.target)
    plot = remove_border(picture)
    assert picture.shape == (320, 480, 3)
    assert (plot.shape == picture.shape) is not axes
    expected = log_mel(load(song, FRONT_END.rate), FRONT_END)
    drawn = drawn_log_mel(plot, *expected.shape)
    assert correlation(drawn, expected) > 0.95
    assert correlation(drawn[::-1], expected) < 0.5  # a flipped plot would be noticed
    assert correlation(drawn[:, ::-1], expected) < 0.5


def test_renders_a_row_of_an_array(tmp_path: Path) -> None:
    array = np.zeros((2, 64, 100), np.uint8)
    array[1] = np.linspace(0, 255, 100)
    np.save(tmp_path / "mels.npy", array)
    for axes in (False, True):
        job = RenderJob(LabelledTrack(f"{tmp_path}/mels.npy#1", "x", "jazz"), tmp_path / f"{axes}.png")
        render_picture(job, FRONT_END, PictureStyle(axes=axes))
        plot = remove_border(read_picture(job.target))
        assert correlation(drawn_log_mel(plot, 64, 100), array[1]) > 0.99


def test_axes_are_labelled() -> None:
    ramp = np.linspace(-80, 0, 6400).reshape(64, 100)
    style = PictureStyle(axes=True)
    axes = draw_log_mel(ramp, FRONT_END, style, 30.0).axes[0]
    assert (axes.get_xlabel(), axes.get_xlim()) == ("Time (s)", (0, 30))
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["0", "256", "512", "1024", "2048", "4096"]  # up to half the rate
    low, high = axes.get_ylim()
    ticks = axes.get_yticks()
    assert low == ticks[0] < ticks[-1] < high


@pytest.mark.parametrize("width", [32, 57, 100, 433, 1000])
def test_size_is_exact(width: int) -> None:
    figure = draw_log_mel(np.zeros((64, 10)), FRONT_END, PictureStyle(width, 97), 1.0)
    assert figure.get_size_inches().prod() * figure.dpi**2 == width * 97


def test_renders_by_genre_and_reports_unreadable_tracks(genres: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    for genre in ("high", "low"):
        (data / genre).mkdir(parents=True)
        for name in ("0.flac", "1.wav"):
            shutil.copy(genres / genre / name, data / genre)
    (data / "low" / "bad.wav").write_text("no audio")
    errors = {
        job.track.name: error
        for job, error in render_all(picture_jobs(read_manifest(str(data)), out), FRONT_END, PictureStyle(64, 48), 2)
        if job.track.label == "low"
    }
    assert [errors["0"], errors["1"]] == [None, None]
    assert isinstance(errors["bad"], AudioError)
    assert [str(file.relative_to(out)) for file in picture_files(out)] == [
        "high/0.png",
        "high/1.png",
        "low/0.png",
        "low/1.png",
    ]
    assert len(list(out.rglob("*.*"))) == 4  # no partial files


def test_rendering_is_reproducible(song: Path, tmp_path: Path) -> None:
    jobs = [RenderJob(LabelledTrack(str(song), "rise", "jazz"), tmp_path / name) for name in ("a.png", "b.png")]
    for job in jobs:
        render_picture(job, FRONT_END, PictureStyle(100, 80))
    assert jobs[0].target.read_bytes() == jobs[1].target.read_bytes()


def test_numbers_tracks_with_the_same_name(tmp_path: Path) -> None:
    names = [("jazz", "a"), ("jazz", "a"), ("rock", "a"), ("jazz", "a-2"), ("jazz", "b.01")]
    tracks = tuple(LabelledTrack(f"{number}.wav", name, label) for number, (label, name) in enumerate(names))
    targets = [str(job.target.relative_to(tmp_path)) for job in picture_jobs(Manifest("x", tracks), tmp_path)]
    assert targets == ["jazz/a.png", "jazz/a-2.png", "rock/a.png", "jazz/a-2-2.png", "jazz/b.01.png"]


@pytest.mark.parametrize("label", ["R&B/Soul", "..", "../up", "/root"])
def test_rejects_a_genre_that_is_not_a_folder_name(label: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="is not a valid name for a folder; rename it"):
        picture_jobs(Manifest("x", (LabelledTrack("a.wav", "a", label),)), tmp_path)
