"""Pictures of spectrograms: read, freed of what is drawn round the plot, resized and scaled for a net."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from genrelens.audio.containers import Source, open_source
from genrelens.errors import (
    AudioNotFoundError,
    AudioUnreadableError,
    BlankPictureError,
    NotAPictureError,
    PictureNotFoundError,
    PictureTooLargeError,
    PictureUnreadableError,
    display_name,
)

Picture = NDArray[np.uint8]  # red, green and blue, shape (height, width, 3)
Border = Literal["remove", "keep"]

# What is looked for in a folder; a file that is named itself is tried whatever it is called.
PICTURE_EXTENSIONS = frozenset({".png", ".jpg", ".jpeg"})

MAX_PIXELS = 1 << 24  # 4096 x 4096; more is refused before memory is taken for it
_MOST_BYTES = 8 * MAX_PIXELS  # no file of so many pixels needs more: 16 bits each of red, green, blue and alpha

# How files of each format begin, and FFmpeg's decoder for it. No container is looked for, so none opens other files.
_DECODERS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "mjpeg"}

_ALL_ROUND = 0.9  # of the outermost pixels have the border's colour; labels may be cut off by the edge
_FILLED = 0.5  # of the fullest row or column: text and ticks never are, the plot is
_SHARP = 0.9  # of each edge of a plot differs from the background
_SMALLEST = 0.2  # of the picture, that a plot takes up
_LINE, _LINE_PIXELS = 0.005, 2  # of the picture's longer side: what is no wider is a line round the plot, no margin
_EXACT, _LOSSY = 2, 32  # by how much a colour may differ and still be the background's
_NOISE = 1e-3  # of the pixels nearly have the background's colour: a JPEG's do, a drawing's do not


def picture_files(folder: str | os.PathLike[str], on_error: Callable[[OSError], None] | None = None) -> list[Path]:
    """The files below a folder whose names end like a picture's, sorted; links to folders are not followed.

    `on_error` is told of folders that cannot be read. Names that begin with "._", which macOS leaves beside
    files on foreign disks, are passed over.
    """
    found = (Path(place, name) for place, _, names in os.walk(folder, onerror=on_error) for name in names)
    return sorted(path for path in found if is_picture(path) and not path.name.startswith("._"))


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Whether a path is named like a picture; the file is not looked at."""
    return Path(path).suffix.lower() in PICTURE_EXTENSIONS


def read_picture(source: Source) -> Picture:
    """Decode a PNG or JPEG picture to red, green and blue, uint8 (height, width, 3).

    Grey, palette and 16-bit pictures become 8-bit colours, and what is transparent is laid on white.

    Args:
        source: a path, the bytes of a file, or a file object.

    Raises:
        PictureNotFoundError, PictureUnreadableError: the file cannot be opened.
        NotAPictureError: it is neither PNG nor JPEG, or is cut off or damaged.
        PictureTooLargeError: it has more than `MAX_PIXELS` pixels.
    """
    name = display_name(source)
    data = _content(source, name)
    codec = next((codec for beginning, codec in _DECODERS.items() if data.startswith(beginning)), None)
    if codec is None:
        raise NotAPictureError(f"{name} is not a picture in PNG or JPEG format; convert it, or leave it out")
    return _on_white(_decoded(data, codec, name))


def remove_border(picture: Picture, name: str = "the picture") -> Picture:
    """Cut a spectrogram's plot out of its picture: without margin, title, axes, labels and colour bar.

    A picture has a border if its outermost pixels have one colour, the background's. What can be seen of
    that colour from any side, looking along rows and columns, is background too; the plot is where rows
    and columns differ from it almost all along: text and ticks never do, and a colour bar is narrower. The line
    round a plot is part of it; silence within that line stays, also if it has the background's colour.

    Without a border, or without sharp edges of the plot against it, the picture is returned as it is; so a
    second time changes nothing.

    Args:
        picture: uint8 (height, width, 3).
        name: to call it by in an error.

    Returns:
        A view of it, uint8 (height, width, 3).

    Raises:
        BlankPictureError: it has one colour all over, also within a border.
    """
    while True:
        smaller = _within_border(picture, name)
        if smaller.shape == picture.shape:
            return picture
        picture = smaller


def resize(picture: Picture, width: int, height: int) -> Picture:
    """Scale to `width` x `height` pixels, each the mean of the area that it stands for; uint8 (height, width, 3).

    Colours are scaled one by one, as FFmpeg would turn them into luma and chroma on the way.
    """
    planes = (av.VideoFrame.from_ndarray(np.ascontiguousarray(plane), "gray") for plane in np.moveaxis(picture, 2, 0))
    scaled = (plane.reformat(width, height, "gray", interpolation=Interpolation.AREA) for plane in planes)
    return np.stack([plane.to_ndarray() for plane in scaled], axis=2).astype(np.uint8, copy=False)


def picture_to_model_input(
    picture: Picture, width: int, height: int, border: Border, name: str = "the picture"
) -> NDArray[np.float32]:
    """What a net takes of a picture: float32 (3, height, width), of mean 0 and deviation 1.

    The scale is that of the three planes together, so that colours keep their proportions and a picture of
    a quiet or bright plot looks like any other, as a sound does whose windows are normalised.

    Args:
        picture: uint8 (height, width, 3).
        width: to scale to, in pixels.
        height: likewise.
        border: whether to "remove" what is drawn round the plot first, or "keep" it.
        name: to call it by in an error.

    Raises:
        BlankPictureError: it has one colour all over.
    """
    plot = remove_border(picture, name) if border == "remove" else picture
    planes = np.moveaxis(resize(plot, width, height), 2, 0).astype(np.float32)
    deviation = planes.std()
    if deviation == 0:
        raise _blank(name)
    return np.asarray((planes - planes.mean()) / deviation, np.float32)


def _content(source: Source, name: str) -> bytes:
    try:
        with contextlib.ExitStack() as stack:
            file = open_source(source, stack)
            file.seek(0)
            data = file.read(_MOST_BYTES + 1)
    except AudioNotFoundError as error:
        raise PictureNotFoundError(str(error)) from error
    except AudioUnreadableError as error:
        raise PictureUnreadableError(str(error)) from error
    except OSError as error:
        raise PictureUnreadableError(f"{name} cannot be read ({error.strerror}); check the disk") from error
    if not data:
        raise NotAPictureError(f"{name} is empty; there is no picture in it")
    if len(data) > _MOST_BYTES:
        raise _too_large(name)
    return data


def _decoded(data: bytes, codec: str, name: str) -> NDArray[np.uint8]:
    """Red, green, blue and alpha, shape (height, width, 4)."""
    if codec == "png" and int.from_bytes(data[16:20]) * int.from_bytes(data[20:24]) > MAX_PIXELS:
        raise _too_large(name)  # FFmpeg calls the very largest damaged
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.options = {"max_pixels": str(MAX_PIXELS), "err_detect": "crccheck+explode"}
    decoder.thread_count = 1
    try:
        frame = next(iter([*decoder.decode(av.Packet(data)), *decoder.decode(None)]), None)
    except av.ArgumentError as error:  # what FFmpeg says to too many pixels
        raise _too_large(name) from error
    except av.FFmpegError as error:
        raise NotAPictureError(f"{name} is damaged, or cut off; try to open it in a picture viewer") from error
    if frame is None:
        raise NotAPictureError(f"{name} holds no picture; try to open it in a picture viewer")
    return np.asarray(frame.reformat(format="rgba").to_ndarray(), np.uint8)


def _on_white(rgba: NDArray[np.uint8]) -> Picture:
    colours, alpha = rgba[..., :3], rgba[..., 3:]
    if alpha.min() == 255:
        return np.ascontiguousarray(colours)
    weight = alpha.astype(np.uint32)
    return ((colours * weight + 255 * (255 - weight) + 127) // 255).astype(np.uint8)


def _within_border(picture: Picture, name: str) -> Picture:
    """The plot, or the picture itself if it has no border."""
    ring = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    colour = np.median(ring, axis=0).astype(np.uint8)
    if (_differences(ring, colour) <= _LOSSY).mean() < _ALL_ROUND:
        return picture
    differences = _differences(picture, colour)
    lossy = ((differences > 0) & (differences <= _EXACT)).mean() > _NOISE
    content = differences > (_LOSSY if lossy else _EXACT)
    if not content.any():
        raise _blank(name)
    rows, columns = _plot(content)
    return picture[rows, columns] if _is_framed(content, rows, columns) else picture


def _is_framed(content: NDArray[np.bool_], rows: slice, columns: slice) -> bool:
    """Whether a block of content is a plot: large, with sharp edges, and a margin on all sides."""
    height, width = content.shape
    plot = _hidden(content[rows, columns])
    edges = (plot[0], plot[-1], plot[:, 0], plot[:, -1])
    margins = (rows.start, height - rows.stop, columns.start, width - columns.stop)
    return (
        plot.size >= _SMALLEST * content.size
        and min(edge.mean() for edge in edges) >= _SHARP
        and min(margins) > max(_LINE_PIXELS, _LINE * max(height, width))
    )


def _plot(content: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns of the largest block of content, narrowed down from both sides in turn."""
    rows, columns = slice(0, content.shape[0]), slice(0, content.shape[1])
    while True:
        columns_now = _longest_filled(_hidden(content[rows, columns]).mean(axis=0), columns.start)
        rows_now = _longest_filled(_hidden(content[rows, columns_now]).mean(axis=1), rows.start)
        if (rows_now, columns_now) == (rows, columns):
            return rows, columns
        rows, columns = rows_now, columns_now


def _longest_filled(shares: NDArray[np.floating], offset: int) -> slice:
    """The longest run of lines that hold at least half as much content as the fullest of them."""
    filled = shares >= _FILLED * shares.max()
    ends = np.flatnonzero(np.diff(filled, prepend=False, append=False)).reshape(-1, 2)
    first, last = ends[np.argmax(ends[:, 1] - ends[:, 0])]
    return slice(offset + int(first), offset + int(last))


def _hidden(content: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The content, and all that it hides on all four sides from one who looks along rows and columns."""
    hidden = np.ones_like(content)
    for axis in (0, 1):
        hidden &= np.logical_or.accumulate(content, axis=axis)
        hidden &= np.flip(np.logical_or.accumulate(np.flip(content, axis), axis=axis), axis)
    return hidden


def _differences(picture: NDArray[np.uint8], colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How far each pixel is from a colour, in the plane where it is furthest; the last axis vanishes."""
    red, green, blue = np.moveaxis(np.maximum(picture, colour) - np.minimum(picture, colour), -1, 0)
    return np.asarray(np.maximum(np.maximum(red, green), blue))


def _too_large(name: str) -> PictureTooLargeError:
    return PictureTooLargeError(f"{name} has more than {MAX_PIXELS} pixels; scale it down first")


def _blank(name: str) -> BlankPictureError:
    return BlankPictureError(f"{name} has one colour all over; a spectrogram must be drawn in it")
