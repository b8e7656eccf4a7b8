"""Explanations as a picture: attribution over the spectrogram, and the genres of all windows, on one time axis."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from genrelens.explain.attribution import Floats
from genrelens.explain.explainer import spectrogram_pixels
from genrelens.explain.explanation import Explanation, Spectrogram, TrackExplanation
from genrelens.model.labels import LEVEL_SEPARATOR
from genrelens.prediction import UNKNOWN, Prediction, display_genre, is_not_music

# Colours that are distinct for all kinds of colour vision (Okabe & Ito, 2008), on a dark background.
PAPER, INK, DIM, LINE = "#14171c", "#eef1f4", "#9aa4b0", "#343b45"
FOR, AGAINST = "#ff9d2e", "#3fa7f0"
GENRES = ("#2fc39b", "#cc79a7", "#f0e442", "#8f7ee0", "#d55e00", "#c3ccd6", "#56b4e9")
OTHERS = "#4a515b"

WIDTH = 1400
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 196, 100, 50  # margins around the plots
_SPECTROGRAM, _CURVE, _TIMELINE = 264, 84, 168  # heights of the plots
_HEADING, _GAP = 50, 12
_SUPERSAMPLING = 2  # factor by which the picture is drawn larger: Pillow does not draw smooth edges

_TICKS_HZ = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_MIN_TICK_DISTANCE = 22  # pixels between labels
_TIME_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)  # s between ticks along time
_MAX_TIME_TICKS = 14
_FULL_COLOUR_PERCENTILE = 99.5  # of the attribution
_GLOW = 0.2  # brightness of attribution where the spectrogram is dark
_METHODS = {"cam": "class activation", "occlusion": "occlusion"}
_MAX_NAME, _MAX_LABEL = 80, 16  # characters


@dataclass(frozen=True)
class Box:
    """A part of the picture, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def x(self, share: float) -> float:
        """Return the x coordinate of a fraction of the width, from the left."""
        return self.left + share * (self.right - self.left)

    def y(self, share: float) -> float:
        """Return the y coordinate of a fraction of the height, from the bottom."""
        return self.bottom - share * (self.bottom - self.top)


class Canvas:
    """A supersampled drawing surface, with coordinates in pixels of the final picture."""

    def __init__(self, width: int, height: int) -> None:
        self._image = Image.new("RGB", (width * _SUPERSAMPLING, height * _SUPERSAMPLING), PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def text(self, x: float, y: float, text: str, size: int = 15, colour: str = DIM, anchor: str = "lm") -> float:
        """Draw text, and return the x coordinate of its end."""
        font = _font(size * _SUPERSAMPLING)
        self._draw.text((x * _SUPERSAMPLING, y * _SUPERSAMPLING), text, colour, font, anchor)
        return x + font.getlength(text) / _SUPERSAMPLING

    def polygon(self, points: Iterable[tuple[float, float]], colour: str) -> None:
        """Fill a polygon."""
        self._draw.polygon([(x * _SUPERSAMPLING, y * _SUPERSAMPLING) for x, y in points], colour)

    def dot(self, x: float, y: float, radius: float, colour: str) -> None:
        """Fill a circle."""
        x, y, radius = x * _SUPERSAMPLING, y * _SUPERSAMPLING, radius * _SUPERSAMPLING
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), colour)

    def line(self, points: Iterable[tuple[float, float]], colour: str) -> None:
        """Draw a line through points, one pixel wide."""
        scaled = [(x * _SUPERSAMPLING, y * _SUPERSAMPLING) for x, y in points]
        self._draw.line(scaled, colour, _SUPERSAMPLING, "curve")

    def paste(self, pixels: NDArray[np.uint8], box: Box) -> None:
        """Paste supersampled pixels (height, width, 3) into a box."""
        self._image.paste(Image.fromarray(pixels), (round(box.left * _SUPERSAMPLING), round(box.top * _SUPERSAMPLING)))

    def png(self) -> bytes:
        """Return the picture as a PNG file."""
        content = io.BytesIO()
        self._image.reduce(_SUPERSAMPLING).save(content, "png")
        return content.getvalue()


def draw_heatmap(explanation: TrackExplanation) -> bytes:
    """Draw all explanations of a track, one below the other, and its genres over time: a PNG file 1400 pixels wide."""
    plot_height = _HEADING + _SPECTROGRAM + _GAP + _CURVE
    height = _TOP + plot_height * len(explanation.explanations) + _HEADING + _TIMELINE + _BOTTOM
    canvas = Canvas(WIDTH, height)
    _draw_title(canvas, explanation.prediction)
    top = float(_TOP)
    for genre_explanation in explanation.explanations:
        _draw_heading(canvas, top, genre_explanation)
        box = Box(_LEFT, top + _HEADING, WIDTH - _RIGHT, top + _HEADING + _SPECTROGRAM)
        _draw_overlay(canvas, box, explanation.spectrogram, genre_explanation)
        below = box.bottom + _GAP
        _draw_curve(canvas, Box(_LEFT, below, WIDTH - _RIGHT, below + _CURVE), genre_explanation)
        top += plot_height
    timeline = Box(_LEFT, top + _HEADING, WIDTH - _RIGHT, top + _HEADING + _TIMELINE)
    canvas.text(_LEFT, top + _HEADING - 20, "genre of each window", 16, INK)
    _draw_genres(canvas, timeline, explanation.prediction)
    _draw_time_axis(canvas, timeline, explanation.prediction.duration)
    return canvas.png()


def _draw_title(canvas: Canvas, prediction: Prediction) -> None:
    genres = ", ".join(display_genre(genre) for genre in prediction.genres)
    confidence = "" if prediction.genre == UNKNOWN else f"{100 * prediction.confidence:.0f} %"
    end = canvas.text(_LEFT, 40, genres, 34, INK)
    canvas.text(end + 14, 43, "not music" if is_not_music(prediction.music) else confidence, 26, DIM)
    name = PurePath(prediction.path).name.encode(errors="replace").decode()
    canvas.text(_LEFT, 80, _truncate(name, _MAX_NAME), 18, DIM)
    canvas.text(WIDTH - 24, 43, f"{prediction.model} {prediction.version}", 15, DIM, "rm")


def _draw_heading(canvas: Canvas, top: float, explanation: Explanation) -> None:
    x: float = _LEFT
    heading = [("evidence ", INK), ("for", FOR), (" and ", INK), ("against ", AGAINST)]
    method = f"  by {_METHODS[explanation.method]}"
    for text, colour in [*heading, (display_genre(explanation.genre), INK), (method, DIM)]:
        x = canvas.text(x, top + _HEADING - 20, text, 16, colour)


def _draw_overlay(canvas: Canvas, box: Box, spectrogram: Spectrogram, explanation: Explanation) -> None:
    """Draw the spectrogram, coloured by the attribution."""
    size = round((box.right - box.left) * _SUPERSAMPLING), round((box.bottom - box.top) * _SUPERSAMPLING)
    attribution = np.array(explanation.evidence)
    full = float(np.percentile(np.abs(attribution), _FULL_COLOUR_PERCENTILE)) or 1.0
    brightness = _resize(spectrogram_pixels(spectrogram) / 255, size).clip(0, 1)
    strength = (_resize(attribution, size) / full).clip(-1, 1)
    canvas.paste(_colourise(brightness, strength), box)
    _draw_frequency_axis(canvas, box, spectrogram.bands)
    _draw_colour_scale(canvas, box, full)


def _colourise(brightness: Floats, strength: Floats) -> NDArray[np.uint8]:
    """Colour a brightness (0 to 1) by strengths from -1 to 1, with a faint glow even where it is dark."""
    colour = np.where(strength[..., None] > 0, _rgb(FOR), _rgb(AGAINST))
    share = np.abs(strength[..., None]) ** 0.6
    gamma = brightness[..., None] ** 1.2
    mixed = gamma * ((1 - share) * _rgb(INK) + share * colour) + (1 - gamma) * share * _GLOW * colour
    return np.asarray(mixed.clip(0, 255), np.uint8)


def _draw_frequency_axis(canvas: Canvas, box: Box, bands: tuple[float, ...]) -> None:
    last = float("inf")
    for hz in (hz for hz in _TICKS_HZ if bands[0] <= hz <= bands[-1]):
        y = box.y(float(np.interp(hz, bands, np.linspace(0, 1, len(bands)))))
        if last - y < _MIN_TICK_DISTANCE:
            continue
        canvas.line([(box.left - 5, y), (box.left, y)], DIM)
        canvas.text(box.left - 10, y, f"{hz // 1000} kHz" if hz >= 1000 else f"{hz} Hz", 14, DIM, "rm")
        last = y


def _draw_colour_scale(canvas: Canvas, box: Box, full: float) -> None:
    """Draw the colour bar, in logits."""
    bar = Box(box.right + 24, box.top + 30, box.right + 38, box.bottom - 30)
    size = round((bar.right - bar.left) * _SUPERSAMPLING), round((bar.bottom - bar.top) * _SUPERSAMPLING)
    strength = np.linspace(1, -1, size[1])[:, None].repeat(size[0], axis=1)
    canvas.paste(_colourise(np.full_like(strength, 0.8), strength), bar)
    for share, value in ((1, full), (0.5, 0.0), (0, -full)):
        canvas.text(bar.right + 8, bar.y(share), _signed(value), 14, DIM)
    canvas.text(bar.left, bar.top - 18, "for", 14, FOR)
    canvas.text(bar.left, bar.bottom + 18, "against", 14, AGAINST)


def _draw_curve(canvas: Canvas, box: Box, explanation: Explanation) -> None:
    """Draw the mean attribution over all bands over time, above and below a zero line."""
    over_time = np.array(explanation.over_time())
    low, high = min(0.0, float(over_time.min())), max(0.0, float(over_time.max()))
    if high == low:
        low, high = -1.0, 1.0
    zero = box.y(-low / (high - low))
    for second in _ticks(explanation.times[-1]):
        canvas.line([(box.x(second / explanation.times[-1]), y) for y in (box.top, box.bottom)], LINE)
    edges = np.array(explanation.times)
    shares = (edges[:-1] + edges[1:]) / 2 / edges[-1]
    for colour, part in ((FOR, over_time.clip(0, None)), (AGAINST, over_time.clip(None, 0))):
        points = [(box.x(x), box.y((y - low) / (high - low))) for x, y in zip(shares, part, strict=True)]
        start, end = [(box.left, zero), (box.left, points[0][1])], [(box.right, points[-1][1]), (box.right, zero)]
        canvas.polygon([*start, *points, *end], colour)
    canvas.line([(box.left, zero), (box.right, zero)], DIM)
    for value in {0.0, low, high}:
        y = box.y((value - low) / (high - low))
        if value == 0 or abs(y - zero) > _MIN_TICK_DISTANCE:
            canvas.text(box.left - 10, y, _signed(value), 14, DIM, "rm")
    canvas.text(box.right + 24, (box.top + box.bottom) / 2, "evidence, logits", 14, DIM)


def _draw_genres(canvas: Canvas, box: Box, prediction: Prediction) -> None:
    """Draw the stacked probabilities of each window; of a tree, only the leaves."""
    genres = [score.label for score in prediction.scores]
    labels = [label for label in genres if not any(other.startswith(label + LEVEL_SEPARATOR) for other in genres)]
    scores = ({score.label: score.score for score in segment.scores} for segment in prediction.segments)
    heights = np.array([[by_label.get(label, 0.0) for label in labels] for by_label in scores])
    heights /= heights.sum(axis=1, keepdims=True).clip(1e-9)
    drawn = heights[:, : len(GENRES)]
    stacked = np.cumsum(np.column_stack([np.zeros(len(drawn)), drawn, 1 - drawn.sum(axis=1)]), axis=1)
    centres = [box.x((s.start + s.end) / 2 / prediction.duration) for s in prediction.segments]
    xs = [box.left, *centres, box.right]
    shares = drawn.mean(axis=0)
    areas = [*zip(labels, GENRES, shares, strict=False), ("others", OTHERS, 1 - shares.sum())]
    for row, (_, colour, _) in enumerate(areas):
        lower, upper = ([box.y(y) for y in (edge[0], *edge, edge[-1])] for edge in stacked.T[[row, row + 1]])
        canvas.polygon([*zip(xs, upper, strict=True), *list(zip(xs, lower, strict=True))[::-1]], colour)
        canvas.line([*zip(xs, lower, strict=True)], PAPER)
    for share, text in ((0, "0 %"), (0.5, "50 %"), (1, "100 %")):
        canvas.text(box.left - 10, box.y(share), text, 14, DIM, "rm")
    legend = [entry for entry in areas if entry[2] > 0.005 or entry[0] == labels[0]]
    for place, (label, colour, share) in enumerate(legend):
        x, y = box.right + 24, box.top + 8 + place * 21
        canvas.polygon([(x, y - 6), (x + 12, y - 6), (x + 12, y + 6), (x, y + 6)], colour)
        name = _truncate(display_genre(label.rpartition(LEVEL_SEPARATOR)[2]), _MAX_LABEL)
        end = canvas.text(x + 20, y, name, 14, INK)
        canvas.text(end + 8, y, f"{100 * share:.0f} %", 14, DIM)


def _draw_time_axis(canvas: Canvas, box: Box, duration: float) -> None:
    seconds = _ticks(duration)
    for second in seconds:
        x = box.x(second / duration)
        canvas.line([(x, box.bottom), (x, box.bottom + 6)], DIM)
        text = f"{second // 60:.0f}:{second % 60:02.0f}" if len(seconds) < 2 or seconds[1] >= 1 else f"{second:.1f} s"
        canvas.text(x, box.bottom + 20, text, 14, DIM, "mm")


def _ticks(duration: float) -> list[float]:
    """Return the seconds to label."""
    step = next((step for step in _TIME_STEPS if duration / step <= _MAX_TIME_TICKS), _TIME_STEPS[-1])
    return [round(place * step, 1) for place in range(int(duration / step) + 1)]


def _resize(values: Floats, size: tuple[int, int]) -> Floats:
    """Scale rows, lowest first, to a picture, top row first, of this width and height in pixels."""
    image = Image.fromarray(np.ascontiguousarray(values[::-1], np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


def _rgb(colour: str) -> Floats:
    return np.array(ImageColor.getrgb(colour), np.float32)


def _truncate(text: str, max_length: int) -> str:
    return text if len(text) <= max_length else f"{text[: max_length - 3]}..."


def _signed(value: float) -> str:
    return "0" if value == 0 else f"{value:+.2g}"


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
