"""An explanation as a picture: evidence laid over the spectrogram, and the genres below it, on one time axis."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from genrelens.explain.explainer import spectrogram_pixels
from genrelens.explain.explanation import Explanation, Spectrogram, TrackExplanation
from genrelens.model.labels import LEVEL_SEPARATOR
from genrelens.prediction import UNKNOWN, Prediction, is_not_music

Floats = NDArray[np.floating[Any]]

# Colours that all eyes tell apart (Okabe & Ito, 2008), on dark paper, from which spectrograms shine.
PAPER, INK, DIM, LINE = "#14171c", "#eef1f4", "#9aa4b0", "#343b45"
FOR, AGAINST = "#ff9d2e", "#3fa7f0"
GENRES = ("#2fc39b", "#cc79a7", "#f0e442", "#8f7ee0", "#d55e00", "#c3ccd6", "#56b4e9")
OTHERS = "#4a515b"

WIDTH = 1400
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 196, 100, 50  # margins round the plots
_SPECTRUM, _EVIDENCE, _TIMELINE = 264, 84, 168  # heights of the plots
_HEADING, _GAP = 50, 12
_FINE = 2  # drawn so much larger, and then reduced: Pillow draws no smooth edges

_TICKS_HZ = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_TICK_PIXELS = 22  # that ticks along the frequencies keep between them
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)  # s between ticks along time
_MOST_TICKS = 14
_STRONGEST = 99.5  # percentile of the evidence that has its full colour
_GLOW = 0.2  # of evidence where there is no light
_METHODS = {"cam": "class activation", "occlusion": "occlusion"}
_LONGEST_NAME, _LONGEST_LABEL = 80, 16  # characters


@dataclass(frozen=True)
class Box:
    """A part of the picture, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def x(self, share: float) -> float:
        """How far from the left a share of the width is."""
        return self.left + share * (self.right - self.left)

    def y(self, share: float) -> float:
        """How far from the top a share of the height is, counted from the bottom."""
        return self.bottom - share * (self.bottom - self.top)


class Canvas:
    """Paper to draw on, with coordinates in pixels of the finished picture."""

    def __init__(self, width: int, height: int) -> None:
        self._image = Image.new("RGB", (width * _FINE, height * _FINE), PAPER)
        self._draw = ImageDraw.Draw(self._image)

    def text(self, x: float, y: float, text: str, size: int = 15, colour: str = DIM, anchor: str = "lm") -> float:
        """Write, and tell where the text ends on the right."""
        font = _font(size * _FINE)
        self._draw.text((x * _FINE, y * _FINE), text, colour, font, anchor)
        return x + font.getlength(text) / _FINE

    def polygon(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        """Fill what points surround."""
        self._draw.polygon([(x * _FINE, y * _FINE) for x, y in points], colour)

    def dot(self, x: float, y: float, radius: float, colour: str) -> None:
        """Fill a circle."""
        x, y, radius = x * _FINE, y * _FINE, radius * _FINE
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), colour)

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: float = 1) -> None:
        """Join points."""
        self._draw.line([(x * _FINE, y * _FINE) for x, y in points], colour, round(width * _FINE), "curve")

    def paste(self, pixels: NDArray[np.uint8], box: Box) -> None:
        """Put fine pixels (height, width, 3) into a box."""
        self._image.paste(Image.fromarray(pixels), (round(box.left * _FINE), round(box.top * _FINE)))

    def png(self) -> bytes:
        """The finished picture as a file."""
        content = io.BytesIO()
        self._image.reduce(_FINE).save(content, "png")
        return content.getvalue()


def draw_heatmap(explained: TrackExplanation) -> bytes:
    """Draw all explanations of a track, one below the other, and its genres over time.

    Returns:
        A PNG file, 1400 pixels wide.
    """
    each = _HEADING + _SPECTRUM + _GAP + _EVIDENCE
    height = _TOP + each * len(explained.explanations) + _HEADING + _TIMELINE + _BOTTOM
    sheet = Canvas(WIDTH, height)
    _title(sheet, explained.prediction)
    top = float(_TOP)
    for explanation in explained.explanations:
        _heading(sheet, top, explanation)
        spectrum = Box(_LEFT, top + _HEADING, WIDTH - _RIGHT, top + _HEADING + _SPECTRUM)
        _overlaid(sheet, spectrum, explained.spectrogram, explanation)
        below = spectrum.bottom + _GAP
        _curve(sheet, Box(_LEFT, below, WIDTH - _RIGHT, below + _EVIDENCE), explanation)
        top += each
    timeline = Box(_LEFT, top + _HEADING, WIDTH - _RIGHT, top + _HEADING + _TIMELINE)
    sheet.text(_LEFT, top + _HEADING - 20, "what each window is told to be", 16, INK)
    _genres_over_time(sheet, timeline, explained.prediction)
    _time_axis(sheet, timeline, explained.prediction.duration)
    return sheet.png()


def _title(sheet: Canvas, prediction: Prediction) -> None:
    told = ", ".join(prediction.genres)
    sure = "" if prediction.genre == UNKNOWN else f"{100 * prediction.confidence:.0f} %"
    end = sheet.text(_LEFT, 40, told, 34, INK)
    sheet.text(end + 14, 43, "no music" if is_not_music(prediction.music) else sure, 26, DIM)
    name = PurePath(prediction.path).name.encode(errors="replace").decode()
    sheet.text(_LEFT, 80, _cut(name, _LONGEST_NAME), 18, DIM)
    sheet.text(WIDTH - 24, 43, f"{prediction.model} {prediction.version}", 15, DIM, "rm")


def _heading(sheet: Canvas, top: float, explanation: Explanation) -> None:
    x, y = _LEFT, top + _HEADING - 20
    end = sheet.text(x, y, "what speaks ", 16, INK)
    end = sheet.text(end, y, "for", 16, FOR)
    end = sheet.text(end, y, " and ", 16, INK)
    end = sheet.text(end, y, "against ", 16, AGAINST)
    end = sheet.text(end, y, explanation.genre, 16, INK)
    sheet.text(end, y, f"  by {_METHODS[explanation.method]}", 16, DIM)


def _overlaid(sheet: Canvas, box: Box, spectrogram: Spectrogram, explanation: Explanation) -> None:
    """The spectrogram, its light coloured by the evidence."""
    size = round((box.right - box.left) * _FINE), round((box.bottom - box.top) * _FINE)
    evidence = np.array(explanation.evidence)
    full = _full(evidence)
    light = _resized(spectrogram_pixels(spectrogram) / 255, size).clip(0, 1)
    strength = (_resized(evidence, size) / full).clip(-1, 1)
    sheet.paste(_coloured(light, strength), box)
    _frequency_axis(sheet, box, spectrogram.bands)
    _scale(sheet, box, full)


def _coloured(light: Floats, strength: Floats) -> NDArray[np.uint8]:
    """Grey light, 0 to 1, that is dyed by strengths from -1 to 1, and glows a little even where it is dark."""
    dye = np.where(strength[..., None] > 0, _rgb(FOR), _rgb(AGAINST))
    share = np.abs(strength[..., None]) ** 0.6
    shown = light[..., None] ** 1.2
    mixed = shown * ((1 - share) * _rgb(INK) + share * dye) + (1 - shown) * share * _GLOW * dye
    return np.asarray(mixed.clip(0, 255), np.uint8)


def _frequency_axis(sheet: Canvas, box: Box, bands: tuple[float, ...]) -> None:
    last = float("inf")
    for hz in (hz for hz in _TICKS_HZ if bands[0] <= hz <= bands[-1]):
        y = box.y(float(np.interp(hz, bands, np.linspace(0, 1, len(bands)))))
        if last - y < _TICK_PIXELS:
            continue
        sheet.line([(box.left - 5, y), (box.left, y)], DIM)
        sheet.text(box.left - 10, y, f"{hz // 1000} kHz" if hz >= 1000 else f"{hz} Hz", 14, DIM, "rm")
        last = y


def _scale(sheet: Canvas, box: Box, full: float) -> None:
    """What colours mean, in logits."""
    bar = Box(box.right + 24, box.top + 30, box.right + 38, box.bottom - 30)
    size = round((bar.right - bar.left) * _FINE), round((bar.bottom - bar.top) * _FINE)
    strength = np.linspace(1, -1, size[1])[:, None].repeat(size[0], axis=1)
    sheet.paste(_coloured(np.full_like(strength, 0.8), strength), bar)
    for share, value in ((1, full), (0.5, 0.0), (0, -full)):
        sheet.text(bar.right + 8, bar.y(share), _signed(value), 14, DIM)
    sheet.text(bar.left, bar.top - 18, "for", 14, FOR)
    sheet.text(bar.left, bar.bottom + 18, "against", 14, AGAINST)


def _curve(sheet: Canvas, box: Box, explanation: Explanation) -> None:
    """The evidence of all bands over time, above and below a line that stands for none."""
    over_time = np.array(explanation.over_time())
    low, high = min(0.0, float(over_time.min())), max(0.0, float(over_time.max()))
    if high == low:
        low, high = -1.0, 1.0
    zero = box.y(-low / (high - low))
    for second in _ticks(explanation.times[-1]):
        sheet.line([(box.x(second / explanation.times[-1]), y) for y in (box.top, box.bottom)], LINE)
    edges = np.array(explanation.times)
    shares = (edges[:-1] + edges[1:]) / 2 / edges[-1]
    for colour, part in ((FOR, over_time.clip(0, None)), (AGAINST, over_time.clip(None, 0))):
        points = [(box.x(x), box.y((y - low) / (high - low))) for x, y in zip(shares, part, strict=True)]
        sheet.polygon(
            [(box.left, zero), (box.left, points[0][1]), *points, (box.right, points[-1][1]), (box.right, zero)], colour
        )
    sheet.line([(box.left, zero), (box.right, zero)], DIM)
    for value in {0.0, low, high}:
        y = box.y((value - low) / (high - low))
        if value == 0 or abs(y - zero) > _TICK_PIXELS:
            sheet.text(box.left - 10, y, _signed(value), 14, DIM, "rm")
    sheet.text(box.right + 24, (box.top + box.bottom) / 2, "evidence, logits", 14, DIM)


def _genres_over_time(sheet: Canvas, box: Box, prediction: Prediction) -> None:
    """The probabilities of each window, one on top of the other."""
    order = _leaves([score.label for score in prediction.scores])
    scores = ({score.label: score.score for score in segment.scores} for segment in prediction.segments)
    heights = np.array([[own.get(label, 0.0) for label in order] for own in scores])
    heights /= heights.sum(axis=1, keepdims=True).clip(1e-9)
    few = heights[:, : len(GENRES)]
    stacked = np.cumsum(np.column_stack([np.zeros(len(few)), few, 1 - few.sum(axis=1)]), axis=1)
    centres = [box.x((s.start + s.end) / 2 / prediction.duration) for s in prediction.segments]
    across = [box.left, *centres, box.right]
    shares = few.mean(axis=0)
    named = [*zip(order, GENRES, shares, strict=False), ("others", OTHERS, 1 - shares.sum())]
    for row, (_, colour, _) in enumerate(named):
        lower, upper = ([box.y(y) for y in (edge[0], *edge, edge[-1])] for edge in stacked.T[[row, row + 1]])
        sheet.polygon([*zip(across, upper, strict=True), *list(zip(across, lower, strict=True))[::-1]], colour)
        sheet.line([*zip(across, lower, strict=True)], PAPER)
    for share, text in ((0, "0 %"), (0.5, "50 %"), (1, "100 %")):
        sheet.text(box.left - 10, box.y(share), text, 14, DIM, "rm")
    shown = [entry for entry in named if entry[2] > 0.005 or entry[0] == order[0]]
    for place, (label, colour, share) in enumerate(shown):
        y = box.top + 8 + place * 21
        sheet.polygon(
            [(box.right + 24, y - 6), (box.right + 36, y - 6), (box.right + 36, y + 6), (box.right + 24, y + 6)], colour
        )
        end = sheet.text(box.right + 44, y, _cut(label.rpartition(LEVEL_SEPARATOR)[2], _LONGEST_LABEL), 14, INK)
        sheet.text(end + 8, y, f"{100 * share:.0f} %", 14, DIM)


def _leaves(labels: list[str]) -> list[str]:
    """Those that have no parts below them."""
    return [label for label in labels if not any(other.startswith(label + LEVEL_SEPARATOR) for other in labels)]


def _time_axis(sheet: Canvas, box: Box, duration: float) -> None:
    seconds = _ticks(duration)
    for second in seconds:
        x = box.x(second / duration)
        sheet.line([(x, box.bottom), (x, box.bottom + 6)], DIM)
        text = f"{second // 60:.0f}:{second % 60:02.0f}" if len(seconds) < 2 or seconds[1] >= 1 else f"{second:.1f} s"
        sheet.text(x, box.bottom + 20, text, 14, DIM, "mm")


def _ticks(duration: float) -> list[float]:
    """The seconds to mark."""
    step = next((step for step in _STEPS if duration / step <= _MOST_TICKS), _STEPS[-1])
    return [round(place * step, 1) for place in range(int(duration / step) + 1)]


def _full(evidence: Floats) -> float:
    """The evidence that has its full colour."""
    return float(np.percentile(np.abs(evidence), _STRONGEST)) or 1.0


def _resized(values: Floats, size: tuple[int, int]) -> Floats:
    """Draw rows from the lowest up to a picture, top first, of a width and height in pixels."""
    image = Image.fromarray(np.ascontiguousarray(values[::-1], np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


def _rgb(colour: str) -> Floats:
    return np.array(ImageColor.getrgb(colour), np.float32)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _signed(value: float) -> str:
    return "0" if value == 0 else f"{value:+.2g}"


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
