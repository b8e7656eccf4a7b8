import contextlib
import io
import struct
import zlib
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from genrelens.errors import (
    BlankPictureError,
    NotAPictureError,
    PictureError,
    PictureNotFoundError,
    PictureTooLargeError,
    PictureUnreadableError,
)
from genrelens.features.pictures import (
    MAX_PIXELS,
    picture_files,
    picture_to_model_input,
    read_picture,
    remove_border,
    resize,
)
from tests.support.paths import DATA

Bytes = NDArray[np.uint8]
Box = tuple[int, int, int, int]  # top, bottom, left, right

RED = (200, 30, 90)
WHITE = (255, 255, 255)


def encode_picture(pixels: NDArray[Any], given: str = "rgb24", codec: str = "png", stored: str | None = None) -> bytes:
    """Encode an array in an FFmpeg pixel format as a PNG or JPEG file."""
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    frame = av.VideoFrame.from_ndarray(pixels, given).reformat(format=stored or given)
    frame.pts = 0
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, frame.format.name
    encoder.time_base = Fraction(1, 1)
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def jpeg(pixels: Bytes) -> bytes:
    return encode_picture(pixels, codec="mjpeg", stored="yuvj444p")


def noise(height: int, width: int, seed: int = 0) -> Bytes:
    return np.random.default_rng(seed).integers(0, 200, (height, width, 3), np.uint8)


def huge_png(width: int, height: int) -> bytes:
    """Return a small file whose header declares many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def spectrogram(frames: int = 300) -> NDArray[np.float64]:
    """Return decibels (128, frames) that fade upwards to a band of silence with a sharp edge, as in lossy codecs."""
    level = 25 * np.random.default_rng(0).random((128, frames)) - np.linspace(5, 60, 128)[:, None]
    level[100:] = -80
    return level


def draw_picture(
    size: tuple[float, float] = (4.32, 2.88),
    dpi: int = 100,
    ticks: bool = True,
    line: bool = True,
    bar: bool = False,
    ground: str = "white",
    ink: str = "black",
    colours: str = "magma",
    **saving: Any,
) -> tuple[Bytes, Box]:
    """Return a typical matplotlib picture of a spectrogram, and the box of its plot."""
    figure = Figure(size, dpi, facecolor=ground)
    axes = figure.add_subplot()
    image = axes.imshow(spectrogram(), cmap=colours, origin="lower", aspect="auto", interpolation="nearest")
    axes.tick_params(colors=ink)
    axes.spines[:].set_color(ink)
    if ticks:
        axes.set_xlabel("Time (s)", color=ink)
        axes.set_ylabel("Frequency (Hz)", color=ink)
    else:
        axes.set(xticks=[], yticks=[])
    if not line:
        axes.set_axis_off()
    if bar:
        axes.set_title("Mel-frequency spectrogram", color=ink)
        figure.colorbar(image, format="%+2.0f dB")
    file = io.BytesIO()
    figure.savefig(file, **{"format": "png", **saving})
    return read_picture(file), plot_box(axes, figure)


def plot_box(axes: Axes, figure: Figure) -> Box:
    extent = axes.get_window_extent()
    height = figure.bbox.height
    return round(height - extent.y1), round(height - extent.y0), round(extent.x0), round(extent.x1)


def view_box(whole: Bytes, part: Bytes) -> Box:
    """Return the box of a view within its array."""
    first = part.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    top, left = divmod(first // 3, whole.shape[1])
    return top, top + part.shape[0], left, left + part.shape[1]


def test_pictures_are_found_by_extension(tmp_path: Path) -> None:
    for name in ("b/x.PNG", "a.jpeg", "song.mp3", "b/c/y.jpg", "b/._x.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [str(path.relative_to(tmp_path)) for path in picture_files(tmp_path)] == ["a.jpeg", "b/c/y.jpg", "b/x.PNG"]


def test_a_picture_can_be_a_path_bytes_or_a_file(tmp_path: Path) -> None:
    pixels = noise(20, 30)
    data = encode_picture(pixels)
    path = tmp_path / "concat:x.png"  # a protocol of FFmpeg
    path.write_bytes(data)
    with path.open("rb") as file:
        file.read(100)
        for source in (path, str(path), data, io.BytesIO(data), file):
            np.testing.assert_array_equal(read_picture(source), pixels)


@pytest.mark.parametrize("stored", ["gray", "gray16be", "ya8", "rgb24", "rgb48be", "rgba", "rgba64be"])
def test_every_kind_of_png_is_converted_to_rgb(stored: str) -> None:
    shades = np.tile(np.arange(0, 256, dtype=np.uint8), (8, 1))
    grey = np.repeat(shades[..., None], 3, axis=2)
    picture = read_picture(encode_picture(grey, stored=stored))
    assert picture.dtype == np.uint8
    np.testing.assert_allclose(picture, grey, atol=1)


def test_a_palette_is_converted_to_rgb() -> None:
    file = io.BytesIO()
    pixels = np.full((8, 8, 3), RED, np.uint8)
    pixels[4:] = WHITE
    Image.fromarray(pixels).quantize(2).save(file, "png")
    assert file.getvalue()[25] == 3  # the header declares a palette
    np.testing.assert_array_equal(read_picture(file), pixels)


def test_a_jpeg_keeps_its_colours() -> None:
    picture = read_picture(jpeg(np.full((40, 50, 3), RED, np.uint8)))
    assert picture.shape == (40, 50, 3)
    np.testing.assert_allclose(picture, np.broadcast_to(RED, picture.shape), atol=3)


def test_transparency_becomes_white() -> None:
    pixels = np.full((4, 3, 4), (*RED, 255), np.uint8)
    pixels[1, :, 3], pixels[2, :, 3] = 0, 128
    picture = read_picture(encode_picture(pixels, "rgba"))
    assert picture[0, 0].tolist() == list(RED)
    assert picture[1, 0].tolist() == list(WHITE)
    np.testing.assert_allclose(picture[2, 0], (np.array(RED) + 255) / 2, atol=1)


def test_missing_files_and_folders_are_errors(tmp_path: Path) -> None:
    with pytest.raises(PictureNotFoundError, match=r"a\.png does not exist; check the path"):
        read_picture(tmp_path / "a.png")
    with pytest.raises(PictureUnreadableError, match="is a folder"):
        read_picture(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"not a picture", b"GIF89a" + bytes(100), b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"]
)
def test_files_that_are_not_pictures_are_errors(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(content)
    with pytest.raises(NotAPictureError, match=r"a\.png") as caught:
        read_picture(file)
    assert ";" in str(caught.value)


@pytest.mark.parametrize("encode", [encode_picture, jpeg])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_truncated_pictures_are_errors(encode: Callable[[Bytes], bytes], share: float) -> None:
    data = encode(noise(100, 100))
    with pytest.raises(NotAPictureError, match="damaged or cut off"):
        read_picture(data[: int(len(data) * share)])


def test_a_flipped_bit_is_detected() -> None:
    data = bytearray(encode_picture(noise(50, 50)))
    data[len(data) // 2] ^= 1
    with pytest.raises(NotAPictureError, match="damaged"):
        read_picture(bytes(data))


@pytest.mark.parametrize(("width", "height"), [(MAX_PIXELS // 4096 + 1, 4096), (60_000, 60_000), (1 << 30, 1)])
def test_too_many_pixels_are_rejected(width: int, height: int) -> None:
    bomb = huge_png(width, height)
    assert len(bomb) < 1000
    with pytest.raises(PictureTooLargeError, match=f"more than {MAX_PIXELS} pixels"):
        read_picture(bomb)


def test_too_many_pixels_of_a_jpeg_are_rejected() -> None:
    file = io.BytesIO()
    Image.new("RGB", (MAX_PIXELS // 2048 + 1, 2048), RED).save(file, "jpeg")
    with pytest.raises(PictureTooLargeError):
        read_picture(file)


STYLES: dict[str, dict[str, Any]] = {
    "axes": {},
    "no axes": {"ticks": False},
    "no line": {"ticks": False, "line": False},
    "colour bar and title": {"bar": True},
    "wide": {"size": (12, 4), "bar": True},
    "small": {"size": (3, 2), "bar": True},
    "coarse": {"dpi": 50},
    "fine": {"dpi": 200, "bar": True},
    "dark": {"ground": "black", "ink": "white", "bar": True},
    "dark without a line": {"ground": "black", "ticks": False, "line": False},
    "grey ground": {"ground": "#222222", "ink": "white"},
    "white silence": {"colours": "gray_r", "bar": True},
    "black silence in a black line": {"colours": "gray"},
    "black silence in a white line": {"colours": "gray", "ground": "black", "ink": "white"},
    "light colours": {"colours": "viridis", "bar": True},
    "jpeg": {"format": "jpg", "bar": True},
    "poor jpeg": {"format": "jpg", "pil_kwargs": {"quality": 30}},
    "jpeg without axes": {"format": "jpg", "ticks": False, "line": False},
    "dark jpeg": {"format": "jpg", "ground": "black", "ink": "white", "bar": True},
}


@pytest.mark.parametrize("style", STYLES)
def test_the_plot_is_found(style: str) -> None:
    picture, box = draw_picture(**STYLES[style])
    plot = remove_border(picture)
    np.testing.assert_allclose(view_box(picture, plot), box, atol=3.1)  # the line around it is up to three pixels wide
    assert remove_border(plot) is plot


def test_a_tightly_saved_figure_gives_the_same_plot() -> None:
    loose, _ = draw_picture(bar=True)
    tight, _ = draw_picture(bar=True, bbox_inches="tight")
    assert tight.shape != loose.shape
    np.testing.assert_allclose(remove_border(tight).shape, remove_border(loose).shape, atol=2)


def test_a_plot_without_a_border_is_unchanged() -> None:
    picture, _ = draw_picture(line=False)
    plot = remove_border(picture)
    for whole in (plot, np.flip(plot, 0), np.flip(plot, 1), noise(40, 60)):
        assert remove_border(whole) is whole


def test_silence_around_the_sound_is_not_a_border() -> None:
    """A sound that fades in and out between bands of silence has a dark edge, but not a sharp one."""
    level = np.hypot(*np.meshgrid(np.linspace(-1, 1, 300), np.linspace(-1, 1, 200)))
    shade = np.clip(255 * (1 - level), 0, 255).astype(np.uint8)
    picture = np.repeat(shade[..., None], 3, axis=2)
    assert picture[[0, -1]].max() == picture[:, [0, -1]].max() == 0
    assert remove_border(picture) is picture


@pytest.mark.parametrize("colour", [0, 128, 255])
@pytest.mark.parametrize("around", [0, 30])
def test_a_single_colour_is_an_error(colour: int, around: int) -> None:
    picture = np.full((60 + around, 80 + around, 3), 200, np.uint8)
    picture[around // 2 : 60 + around // 2, around // 2 : 80 + around // 2] = colour
    with pytest.raises(BlankPictureError, match=r"^a\.png has a single colour"):
        remove_border(picture, "a.png")


margins = st.integers(3, 30)


@given(margins, margins, margins, margins, st.integers(0, 2**32), st.sampled_from([(0, 0, 0), (210, 220, 230), WHITE]))
def test_margins_of_any_width_are_removed_exactly(
    top: int, bottom: int, left: int, right: int, seed: int, ground: tuple[int, int, int]
) -> None:
    plot = 10 + noise(60, 80, seed)
    picture = np.full((60 + top + bottom, 80 + left + right, 3), ground, np.uint8)
    picture[top : top + 60, left : left + 80] = plot
    np.testing.assert_array_equal(remove_border(picture), plot)


@given(
    arrays(
        np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24), st.just(1)), elements=st.sampled_from([0, 2, 99])
    )
)
def test_remove_border_is_idempotent(shades: Bytes) -> None:
    picture = np.repeat(shades, 3, axis=2)
    try:
        cropped = remove_border(picture)
    except BlankPictureError:
        return
    assert remove_border(cropped) is cropped


def test_resizing_averages_each_area() -> None:
    picture = noise(120, 160)
    small = resize(picture, 40, 30)
    areas = picture.reshape(30, 4, 40, 4, 3).mean(axis=(1, 3))
    assert small.shape == (30, 40, 3)
    assert small.dtype == np.uint8
    np.testing.assert_allclose(small, areas, atol=2)


@pytest.mark.parametrize("size", [(7, 5), (160, 120), (33, 400)])
def test_resizing_keeps_colours(size: tuple[int, int]) -> None:
    flat = np.full((120, 160, 3), RED, np.uint8)
    scaled = resize(flat, *size)
    assert scaled.shape == (size[1], size[0], 3)
    np.testing.assert_allclose(scaled, np.broadcast_to(RED, scaled.shape), atol=1)


def test_model_input_is_the_normalised_plot() -> None:
    picture, (top, bottom, left, right) = draw_picture(ticks=False, line=False)
    inputs = picture_to_model_input(picture, 224, 112, "remove")
    assert inputs.shape == (3, 112, 224)
    assert inputs.dtype == np.float32
    assert inputs.mean() == pytest.approx(0, abs=1e-4)
    assert inputs.std() == pytest.approx(1, abs=1e-4)
    plot = resize(picture[top + 1 : bottom, left:right], 224, 112)
    correlation = np.corrcoef(inputs.ravel(), np.moveaxis(plot, 2, 0).ravel())[0, 1]
    assert correlation > 0.95
    kept = picture_to_model_input(picture, 224, 112, "keep")
    assert kept[:, 0, 0] == pytest.approx(kept.max())  # the white border


def test_model_input_of_a_single_colour_is_an_error() -> None:
    with pytest.raises(BlankPictureError, match=r"^x\.png has a single colour"):
        picture_to_model_input(np.full((20, 20, 3), 9, np.uint8), 8, 8, "keep", "x.png")


@given(st.binary(max_size=300), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"]))
def test_any_bytes_are_a_picture_or_a_typed_error(rest: bytes, beginning: bytes) -> None:
    with contextlib.suppress(PictureError):
        assert read_picture(beginning + rest).shape[2] == 3


@pytest.mark.data
def test_the_plots_of_real_pictures_are_at_the_same_place() -> None:
    """The same program drew all pictures, so their plots are at the same place; checks every tenth."""
    files = picture_files(DATA / "pictures")[::10]
    pictures = [read_picture(file) for file in files]
    boxes = Counter(view_box(picture, remove_border(picture)) for picture in pictures)
    assert len(files) >= 99
    assert boxes == {(35, 253, 54, 390): len(files)}
