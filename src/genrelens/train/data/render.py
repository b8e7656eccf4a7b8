"""Tracks to PNG pictures of their log-mels, a folder for each genre: data for nets that look instead of hear."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genrelens import workers
from genrelens.audio.decoder import load
from genrelens.errors import GenrelensError, ManifestError
from genrelens.features.frontend import Floats, FrontEnd, apply_floor, hz_to_mel, mel_decibels
from genrelens.files import atomic_write
from genrelens.train.data.log_mels import LogMelSpec, is_array_row, load_array_row, array_front_end
from genrelens.train.data.manifest import GTZAN_SECONDS, LabelledTrack, Manifest

COLOUR_MAP = "magma"  # black to pale yellow, evenly for the eye; librosa's for spectrograms as well
_DPI = 64  # a power of 2, by which pixels become inches and pixels again without loss
_TICKS_HZ = (0, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768)


@dataclass(frozen=True)
class PictureStyle:
    """How pictures look: their size in pixels; with axes, labels and colour bar, or the bare plot."""

    width: int = 432
    height: int = 288
    axes: bool = False


@dataclass(frozen=True)
class RenderJob:
    """A track to render, and the file to write."""

    item: LabelledTrack
    target: Path

    def __str__(self) -> str:
        return self.item.path


def picture_jobs(manifest: Manifest, folder: Path) -> list[RenderJob]:
    """What to render of a data set: FOLDER/GENRE/NAME.png for each track.

    Tracks of one genre that share a name get a number behind it, in the order of the data set.

    Raises:
        ManifestError: a genre cannot be the name of a folder.
    """
    jobs: dict[Path, RenderJob] = {}
    for item in manifest.tracks:
        if item.label in (".", "..") or Path(item.label).name != item.label:
            raise ManifestError(f"the genre {item.label!r} cannot be the name of a folder; rename it in the data set")
        name, number = item.name, 1
        while (target := folder / item.label / f"{name}.png") in jobs:
            number += 1
            name = f"{item.name}-{number}"
        jobs[target] = RenderJob(item, target)
    return list(jobs.values())


def render_all(
    jobs: list[RenderJob], front_end: FrontEnd, look: PictureStyle, processes: int
) -> Iterator[tuple[RenderJob, GenrelensError | None]]:
    """Render tracks in worker processes; yields each job with None, or with why it failed.

    A file is whole or not there, also after a crash; one that is there already is replaced.

    Raises:
        OSError: a file cannot be written.
    """
    return workers.map_in_order(partial(render_picture, front_end=front_end, look=look), jobs, processes)


def render_picture(job: RenderJob, front_end: FrontEnd, look: PictureStyle) -> None:
    """Write the picture of one track.

    Raises:
        AudioError, ManifestError: the track cannot be read.
        OSError: the file cannot be written.
    """
    path = job.item.path
    if is_array_row(path):
        level = load_array_row(path, LogMelSpec(front_end=array_front_end(path, front_end))).astype(np.float32)
        seconds = float(GTZAN_SECONDS)
    else:
        samples = load(path, front_end.rate)
        level, seconds = mel_decibels(samples, front_end), len(samples) / front_end.rate
    figure = draw_log_mel(apply_floor(level, front_end.floor_db), front_end, look, seconds)
    with atomic_write(job.target) as file:
        figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})  # the same bytes each time


def draw_log_mel(level: Floats, front_end: FrontEnd, look: PictureStyle, seconds: float) -> Figure:
    """Draw a log-mel, time to the right and frequency upwards, on the mel scale.

    Args:
        level: decibels from -floor_db to 0, shape (n_mels, frames).
        front_end: that made it.
        look: the size, and whether there are axes.
        seconds: that it lasts.
    """
    figure = Figure((look.width / _DPI, look.height / _DPI), _DPI, layout="constrained" if look.axes else None)
    axes = figure.add_subplot() if look.axes else figure.add_axes((0, 0, 1, 1))
    edges = hz_to_mel(np.array([front_end.fmin, front_end.highest]), front_end.mel_scale)
    image = axes.imshow(
        level,
        cmap=COLOUR_MAP,
        vmin=-front_end.floor_db,
        vmax=0,
        origin="lower",
        aspect="auto",
        extent=(0, seconds, edges[0], edges[1]),
    )
    if look.axes:
        _label(axes, front_end)
        figure.colorbar(image, format="%+.0f dB")
    else:
        axes.set_axis_off()
    return figure


def _label(axes: Axes, front_end: FrontEnd) -> None:
    ticks = [hz for hz in _TICKS_HZ if front_end.fmin <= hz <= front_end.highest]
    axes.set_yticks(hz_to_mel(np.array(ticks, float), front_end.mel_scale), [str(hz) for hz in ticks])
    axes.set(xlabel="Time (s)", ylabel="Frequency (Hz)")
