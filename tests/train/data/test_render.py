import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps

from genrelens.audio.decoder import load
from genrelens.errors import AudioError, ManifestError
from genrelens.features.frontend import Floats, FrontEnd, log_mel
from genrelens.features.pictures import Picture, picture_files, read_picture, remove_border
from genrelens.train.data.manifest import Item, Manifest, read_manifest
from genrelens.train.data.render import COLOURS, Job, Look, draw, picture_jobs, render_all, render_job
from tests.support.audio import RATE, encode

FRONT_END = FrontEnd(rate=11_025, n_fft=512, hop=256, n_mels=64)


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rising tone that swells and fades, in noise."""
    seconds = np.arange(6 * RATE) / RATE
    wave = np.sin(2 * np.pi * (200 + 300 * seconds) * seconds) * np.sin(np.pi * seconds / 3) ** 2
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(seconds))
    return encode(tmp_path_factory.mktemp("songs") / "rise.wav", (0.5 * wave + noise)[None], codec="pcm_s16le")


def drawn_level(plot: Picture, bands: int, frames: int) -> Floats:
    """What the colours of a plot stand for, from 0 to 255, lowest band first: the pixel in the middle of each cell."""
    height, width, _ = plot.shape
    rows = ((np.arange(bands) + 0.5) * height / bands).astype(int)
    columns = ((np.arange(frames) + 0.5) * width / frames).astype(int)
    cells = plot[::-1][rows][:, columns].astype(float)
    colours = 255 * colormaps[COLOURS](np.arange(256))[:, :3]
    return np.asarray(((cells[:, :, None] - colours) ** 2).sum(axis=-1).argmin(axis=-1).astype(float))


def correlation(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("axes", [False, True])
def test_the_plot_is_the_log_mel(song: Path, tmp_path: Path, axes: bool) -> None:
    job = Job(Item(str(song), "rise", "jazz"), tmp_path / "jazz" / "rise.png")
    render_job(job, FRONT_END, Look(480, 320, axes))
    picture = read_picture(job.target)
    plot = remove_border(picture)
    assert picture.shape == (320, 480, 3)
    assert (plot.shape == picture.shape) is not axes
    level = log_mel(load(song, FRONT_END.rate), FRONT_END)
    seen = drawn_level(plot, *level.shape)
    assert correlation(seen, level) > 0.95
    assert correlation(seen[::-1], level) < 0.5  # it would matter if it stood on its head
    assert correlation(seen[:, ::-1], level) < 0.5


def test_a_row_of_an_array(tmp_path: Path) -> None:
    array = np.zeros((2, 64, 100), np.uint8)
    array[1] = np.linspace(0, 255, 100)
    np.save(tmp_path / "mels.npy", array)
    for axes in (False, True):
        job = Job(Item(f"{tmp_path}/mels.npy#1", "x", "jazz"), tmp_path / f"{axes}.png")
        render_job(job, FRONT_END, Look(axes=axes))
        plot = remove_border(read_picture(job.target))
        assert correlation(drawn_level(plot, 64, 100), array[1]) > 0.99


def test_axes_tell_what_is_on_them() -> None:
    level = np.linspace(-80, 0, 6400).reshape(64, 100)
    look = Look(axes=True)
    timed = draw(level, FRONT_END, look, 30.0).axes[0]
    assert (timed.get_xlabel(), timed.get_xlim()) == ("Time (s)", (0, 30))
    labels = [label.get_text() for label in timed.get_yticklabels()]
    assert labels == ["0", "256", "512", "1024", "2048", "4096"]  # up to half the rate
    low, high = timed.get_ylim()
    ticks = timed.get_yticks()
    assert low == ticks[0] < ticks[-1] < high


@pytest.mark.parametrize("width", [32, 57, 100, 433, 1000])
def test_the_size_is_exact(width: int) -> None:
    figure = draw(np.zeros((64, 10)), FRONT_END, Look(width, 97), 1.0)
    assert figure.get_size_inches().prod() * figure.dpi**2 == width * 97


def test_tracks_are_rendered_by_genre_and_bad_ones_told(genres: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    for genre in ("high", "low"):
        (data / genre).mkdir(parents=True)
        for name in ("0.flac", "1.wav"):
            shutil.copy(genres / genre / name, data / genre)
    (data / "low" / "bad.wav").write_text("no audio")
    outcomes = {
        job.item.name: error
        for job, error in render_all(picture_jobs(read_manifest(str(data)), out), FRONT_END, Look(64, 48), 2)
        if job.item.label == "low"
    }
    assert [outcomes["0"], outcomes["1"]] == [None, None]
    assert isinstance(outcomes["bad"], AudioError)
    assert [str(file.relative_to(out)) for file in picture_files(out)] == [
        "high/0.png",
        "high/1.png",
        "low/0.png",
        "low/1.png",
    ]
    assert len(list(out.rglob("*.*"))) == 4  # and nothing half made


def test_the_same_track_gives_the_same_bytes(song: Path, tmp_path: Path) -> None:
    jobs = [Job(Item(str(song), "rise", "jazz"), tmp_path / name) for name in ("a.png", "b.png")]
    for job in jobs:
        render_job(job, FRONT_END, Look(100, 80))
    assert jobs[0].target.read_bytes() == jobs[1].target.read_bytes()


def test_names_are_told_apart(tmp_path: Path) -> None:
    names = [("jazz", "a"), ("jazz", "a"), ("rock", "a"), ("jazz", "a-2"), ("jazz", "b.01")]
    items = tuple(Item(f"{number}.wav", name, label) for number, (label, name) in enumerate(names))
    targets = [str(job.target.relative_to(tmp_path)) for job in picture_jobs(Manifest("x", items), tmp_path)]
    assert targets == ["jazz/a.png", "jazz/a-2.png", "rock/a.png", "jazz/a-2-2.png", "jazz/b.01.png"]


@pytest.mark.parametrize("label", ["R&B/Soul", "..", "../up", "/root"])
def test_a_genre_that_is_no_folder_is_refused(label: str, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be the name of a folder; rename it"):
        picture_jobs(Manifest("x", (Item("a.wav", "a", label),)), tmp_path)
