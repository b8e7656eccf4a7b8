"""Rendering of log-mels as PNG pictures, one folder per genre: datasets for networks that take pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from genrelens import workers
from genrelens.audio.decoder import load
from genrelens.errors import GenrelensError, ManifestError
from genrelens.features.frontend import Floats, FrontEnd, apply_floor, hz_to_mel, mel_decibels
from genrelens.files import atomic_write
from genrelens.train.data.log_mels import LogMelSpec, array_front_end, is_array_row, load_array_row
from genrelens.train.data.manifest import GTZAN_SECONDS, LabelledTrack, Manifest

COLOUR_MAP = "magma"  # black to pale yellow, perceptually uniform; librosa's default for spectrograms as well
_DPI = 64  # a power of 2, so that converting pixels to inches and back is exact
_TICKS_HZ = (0, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768)


@dataclass(frozen=True)
class PictureStyle:
    """Size of a picture in pixels, and whether it has axes, labels and a colour bar."""

    width: int = 432
    height: int = 288
    axes: bool = False


@dataclass(frozen=True)
class RenderJob:
    """A track to render, and the file to write."""

    track: LabelledTrack
    target: Path

    def __str__(self) -> str:
        return self.track.path


def picture_jobs(manifest: Manifest, folder: Path) -> list[RenderJob]:
    """Return a job for each track of a dataset, with the target FOLDER/GENRE/NAME.png.

    Tracks of one genre with the same name are numbered, in the order of the dataset.

    Raises:
        ManifestError: a genre is not a valid name for a folder.
    """
    jobs: dict[Path, RenderJob] = {}
    for track in manifest.tracks:
        if track.label in (".", "..") or Path(track.label).name != track.label:
            raise ManifestError(f"the genre {track.label!r} is not a valid name for a folder; rename it in the dataset")
        name, number = track.name, 1
        while (target := folder / track.label / f"{name}.png") in jobs:
            number += 1
            name = f"{track.name}-{number}"
        jobs[target] = RenderJob(track, target)
    return list(jobs.values())


def render_all(
    jobs: list[RenderJob], front_end: FrontEnd, style: PictureStyle, processes: int
) -> Iterator[tuple[RenderJob, GenrelensError | None]]:
    """Render tracks in worker processes, and yield each job with None or with its error.

    Writes are atomic, so a crash leaves no partial file; existing files are replaced.

    Raises:
        OSError: a file cannot be written.
    """
    return workers.map_in_order(partial(render_picture, front_end=front_end, style=style), jobs, processes)


def render_picture(job: RenderJob, front_end: FrontEnd, style: PictureStyle) -> None:
    """Write the picture of one track.

    Raises:
        AudioError, ManifestError: the track cannot be read.
        OSError: the file cannot be written.
    """
    path = job.track.path
    if is_array_row(path):
        spec = LogMelSpec(front_end=array_front_end(path, front_end))
        log_mel, seconds = load_array_row(path, spec).astype(np.float32), float(GTZAN_SECONDS)
    else:
        samples = load(path, front_end.rate)
        log_mel, seconds = mel_decibels(samples, front_end), len(samples) / front_end.rate
    figure = draw_log_mel(apply_floor(log_mel, front_end.floor_db), front_end, style, seconds)
    with atomic_write(job.target) as file:
        figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})  # for reproducible bytes


def draw_log_mel(log_mel: Floats, front_end: FrontEnd, style: PictureStyle, seconds: float) -> Figure:
    """Draw a log-mel with time to the right and frequency upwards, on the mel scale.

    `log_mel` has decibels from -floor_db to 0, shape (n_mels, frames); the audio is `seconds` long.
    """
    figure = Figure((style.width / _DPI, style.height / _DPI), _DPI, layout="constrained" if style.axes else None)
    axes = figure.add_subplot() if style.axes else figure.add_axes((0, 0, 1, 1))
    edges = hz_to_mel(np.array([front_end.fmin, front_end.highest]), front_end.mel_scale)
    extent = (0, seconds, edges[0], edges[1])
    image = axes.imshow(
        log_mel, COLOUR_MAP, aspect="auto", origin="lower", extent=extent, vmin=-front_end.floor_db, vmax=0
    )
    if style.axes:
        ticks = [hz for hz in _TICKS_HZ if front_end.fmin <= hz <= front_end.highest]
        axes.set_yticks(hz_to_mel(np.array(ticks, float), front_end.mel_scale), [str(hz) for hz in ticks])
        axes.set(xlabel="Time (s)", ylabel="Frequency (Hz)")
        figure.colorbar(image, format="%+.0f dB")
    else:
        axes.set_axis_off()
    return figure
