"""Pictures of spectrograms: read, cropped to the plot, resized and normalised for a model."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from genrelens import errors
from genrelens.audio.containers import Source, open_source
from genrelens.errors import NotAPictureError, PictureUnreadableError, display_name

Picture = NDArray[np.uint8]  # red, green and blue, shape (height, width, 3)
Border = Literal["remove", "keep"]

# Extensions of pictures in a folder; a file that is given by its own path is tried whatever its extension.
PICTURE_EXTENSIONS = frozenset({".png", ".jpg", ".jpeg"})

MAX_PIXELS = 1 << 24  # 4096 x 4096; more are rejected before memory is allocated
_MAX_BYTES = 8 * MAX_PIXELS  # the largest file with that many pixels: 16 bits each of red, green, blue and alpha

# Signature of each format, and its FFmpeg decoder. No container is probed, so that no file can open others.
_DECODERS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "mjpeg"}

_RING_SHARE = 0.9  # of the outermost pixels have the background colour; the edge may cut through labels
_FILLED_SHARE = 0.5  # content of a row or column of the plot, relative to the fullest; text and ticks have less
_EDGE_SHARE = 0.9  # of each edge of a plot differs from the background
_MIN_PLOT_SHARE = 0.2  # of the area of the picture
_LINE_SHARE, _LINE_PIXELS = 0.005, 2  # width of a line around the plot, as a fraction of the longer side, and in pixels
_EXACT_TOLERANCE, _LOSSY_TOLERANCE = 2, 32  # difference up to which a colour counts as background
_NOISE_SHARE = 1e-3  # of the pixels nearly have the background colour: in a JPEG, but not in a drawing


def picture_files(folder: str | os.PathLike[str], on_error: Callable[[OSError], None] | None = None) -> list[Path]:
    """Return the pictures below a folder by their extension, as `audio_files` does for audio."""
    paths = (Path(parent, name) for parent, _, names in os.walk(folder, onerror=on_error) for name in names)
    return sorted(p for p in paths if p.suffix.lower() in PICTURE_EXTENSIONS and not p.name.startswith("._"))


def read_picture(source: Source) -> Picture:
    """Decode a PNG or JPEG picture to red, green and blue, uint8 (height, width, 3).

    Grey, palette and 16-bit pictures become 8-bit colours; transparency becomes white.

    Raises:
        PictureNotFoundError: the file does not exist.
        PictureUnreadableError: the file cannot be read.
        NotAPictureError: the file is neither PNG nor JPEG, or is damaged.
        PictureTooLargeError: the picture has more than `MAX_PIXELS` pixels.
    """
    name = display_name(source)
    data = _read_bytes(source, name)
    codec = next((codec for beginning, codec in _DECODERS.items() if data.startswith(beginning)), None)
    if codec is None:
        raise NotAPictureError(f"{name} is not a picture in PNG or JPEG format; convert it, or leave it out")
    return _blend_with_white(_decode(data, codec, name))


def remove_border(picture: Picture, name: str = "the picture") -> Picture:
    """Crop the picture of a spectrogram to its plot, without margins, title, axes, labels and colour bar.

    A picture has a border if its outermost pixels share one colour, the background. Pixels of that colour that are
    visible from any side along rows and columns are background, too. The plot is where rows and columns differ from
    the background along almost all of their length: text and ticks do not, and a colour bar is narrower. The line
    around a plot is part of it; silence within that line is kept, even if it has the background colour.

    Without a border, or without sharp edges between it and the plot, the picture is returned unchanged; hence the
    function is idempotent. The result is a view of the picture; `name` is its name in errors.

    Raises:
        BlankPictureError: the picture, or the part within a border, has a single colour.
    """
    while True:
        cropped = _crop_border(picture, name)
        if cropped.shape == picture.shape:
            return picture
        picture = cropped


def resize(picture: Picture, width: int, height: int) -> Picture:
    """Scale to `width` x `height` pixels by averaging areas; uint8 (height, width, 3).

    Each colour is scaled separately, since FFmpeg would otherwise convert to luma and chroma in between.
    """
    colours = np.moveaxis(picture, 2, 0)
    frames = (av.VideoFrame.from_ndarray(np.ascontiguousarray(colour), "gray") for colour in colours)
    scaled = (frame.reformat(width, height, "gray", interpolation=Interpolation.AREA) for frame in frames)
    return np.stack([frame.to_ndarray() for frame in scaled], axis=2).astype(np.uint8, copy=False)


def picture_to_model_input(
    picture: Picture, width: int, height: int, border: Border, name: str = "the picture"
) -> NDArray[np.float32]:
    """Convert a picture to model input, float32 (3, height, width), with mean 0 and deviation 1.

    The normalisation is over the three colours together, so that they keep their proportions, and a quiet or bright
    plot looks like any other, just as the windows of audio are normalised.

    Args:
        picture: uint8 (height, width, 3).
        width: width to scale to, in pixels.
        height: height to scale to, in pixels.
        border: whether to "remove" everything around the plot first, or "keep" it.
        name: name of the picture in errors.

    Raises:
        BlankPictureError: the picture has a single colour.
    """
    plot = remove_border(picture, name) if border == "remove" else picture
    colours = np.moveaxis(resize(plot, width, height), 2, 0).astype(np.float32)
    deviation = colours.std()
    if deviation == 0:
        raise _blank_error(name)
    return np.asarray((colours - colours.mean()) / deviation, np.float32)


def _read_bytes(source: Source, name: str) -> bytes:
    try:
        with contextlib.ExitStack() as stack:
            file = open_source(source, stack)
            file.seek(0)
            data = file.read(_MAX_BYTES + 1)
    except errors.AudioNotFoundError as error:
        raise errors.PictureNotFoundError(str(error)) from error
    except errors.AudioUnreadableError as error:
        raise PictureUnreadableError(str(error)) from error
    except OSError as error:
        raise PictureUnreadableError(f"{name} cannot be read ({error.strerror}); check the disk") from error
    if not data:
        raise NotAPictureError(f"{name} is empty; use a PNG or JPEG picture")
    if len(data) > _MAX_BYTES:
        raise _too_large_error(name)
    return data


def _decode(data: bytes, codec: str, name: str) -> NDArray[np.uint8]:
    """Decode to red, green, blue and alpha, shape (height, width, 4)."""
    if codec == "png" and int.from_bytes(data[16:20]) * int.from_bytes(data[20:24]) > MAX_PIXELS:
        raise _too_large_error(name)  # FFmpeg reports the very largest as damaged
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.options = {"max_pixels": str(MAX_PIXELS), "err_detect": "crccheck+explode"}
    decoder.thread_count = 1
    try:
        frame = next(iter([*decoder.decode(av.Packet(data)), *decoder.decode(None)]), None)
    except av.ArgumentError as error:  # raised by FFmpeg for too many pixels
        raise _too_large_error(name) from error
    except av.FFmpegError as error:
        raise NotAPictureError(f"{name} is damaged or cut off; check that it opens in a picture viewer") from error
    if frame is None:
        raise NotAPictureError(f"{name} contains no picture; check that it opens in a picture viewer")
    return np.asarray(frame.reformat(format="rgba").to_ndarray(), np.uint8)


def _blend_with_white(rgba: NDArray[np.uint8]) -> Picture:
    colours, alpha = rgba[..., :3], rgba[..., 3:]
    if alpha.min() == 255:
        return np.ascontiguousarray(colours)
    weight = alpha.astype(np.uint32)
    return ((colours * weight + 255 * (255 - weight) + 127) // 255).astype(np.uint8)


def _crop_border(picture: Picture, name: str) -> Picture:
    """Return the plot, or the picture itself if it has no border."""
    ring = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    colour = np.median(ring, axis=0).astype(np.uint8)
    if (_differences(ring, colour) <= _LOSSY_TOLERANCE).mean() < _RING_SHARE:
        return picture
    differences = _differences(picture, colour)
    lossy = ((differences > 0) & (differences <= _EXACT_TOLERANCE)).mean() > _NOISE_SHARE
    content = differences > (_LOSSY_TOLERANCE if lossy else _EXACT_TOLERANCE)
    if not content.any():
        raise _blank_error(name)
    rows, columns = _plot(content)
    return picture[rows, columns] if _is_framed(content, rows, columns) else picture


def _is_framed(content: NDArray[np.bool_], rows: slice, columns: slice) -> bool:
    """Return whether a block of content is a plot: large, with sharp edges, and a margin on all sides."""
    height, width = content.shape
    plot = _fill_enclosed(content[rows, columns])
    edges = (plot[0], plot[-1], plot[:, 0], plot[:, -1])
    margins = (rows.start, height - rows.stop, columns.start, width - columns.stop)
    return (
        plot.size >= _MIN_PLOT_SHARE * content.size
        and min(edge.mean() for edge in edges) >= _EDGE_SHARE
        and min(margins) > max(_LINE_PIXELS, _LINE_SHARE * max(height, width))
    )


def _plot(content: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the rows and columns of the largest block of content, narrowed down alternately."""
    rows, columns = slice(0, content.shape[0]), slice(0, content.shape[1])
    while True:
        new_columns = _longest_filled(_fill_enclosed(content[rows, columns]).mean(axis=0), columns.start)
        new_rows = _longest_filled(_fill_enclosed(content[rows, new_columns]).mean(axis=1), rows.start)
        if (new_rows, new_columns) == (rows, columns):
            return rows, columns
        rows, columns = new_rows, new_columns


def _longest_filled(shares: NDArray[np.floating], offset: int) -> slice:
    """Return the longest run of lines that have at least half as much content as the fullest line."""
    filled = shares >= _FILLED_SHARE * shares.max()
    ends = np.flatnonzero(np.diff(filled, prepend=False, append=False)).reshape(-1, 2)
    first, last = ends[np.argmax(ends[:, 1] - ends[:, 0])]
    return slice(offset + int(first), offset + int(last))


def _fill_enclosed(content: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the content plus all pixels with content on each of their four sides, along rows and columns."""
    enclosed = np.ones_like(content)
    for axis in (0, 1):
        enclosed &= np.logical_or.accumulate(content, axis=axis)
        enclosed &= np.flip(np.logical_or.accumulate(np.flip(content, axis), axis=axis), axis)
    return enclosed


def _differences(picture: NDArray[np.uint8], colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the largest difference of each pixel from a colour, over red, green and blue; drops the last axis."""
    red, green, blue = np.moveaxis(np.maximum(picture, colour) - np.minimum(picture, colour), -1, 0)
    return np.asarray(np.maximum(np.maximum(red, green), blue))


def _too_large_error(name: str) -> errors.PictureTooLargeError:
    return errors.PictureTooLargeError(f"{name} has more than {MAX_PIXELS} pixels; scale it down first")


def _blank_error(name: str) -> errors.BlankPictureError:
    return errors.BlankPictureError(f"{name} has a single colour; use a picture of a spectrogram")
