"""Figures drawn for light and for dark backgrounds."""

import io
from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH = 5.2  # inches: text of 10 points stays readable when the figure is as narrow as a phone

_DPI = 160
_FONT_SIZE = 10  # points


@dataclass(frozen=True)
class Palette:
    """Colours of a figure; line colours are distinguishable with colour vision deficiency (Okabe & Ito, 2008).

    Attributes:
        name: name of the palette, used in file names.
        paper: background.
        ink: text and axes.
        faint: grid and secondary marks.
        first, second, third: line colours.
        deep: end of the colour scale that starts at `paper`.
    """

    name: str
    paper: str
    ink: str
    faint: str
    first: str
    second: str
    third: str
    deep: str


LIGHT = Palette("light", "#ffffff", "#1b1f24", "#d5d9de", "#0072b2", "#d55e00", "#009e73", "#08306b")
DARK = Palette("dark", "#16191d", "#e6e8ea", "#3a4047", "#56b4e9", "#e69f00", "#2fc39b", "#9fd8ff")


@dataclass(frozen=True)
class Drawing:
    """A figure that can be drawn in any palette.

    Attributes:
        name: name of the figure, used in file names.
        alt: alternative text.
        draw: draws the figure in a palette.
    """

    name: str
    alt: str
    draw: Callable[[Palette], Figure]

    def png(self, palette: Palette) -> bytes:
        """Draw the figure as a PNG file."""
        figure = self.draw(palette)
        for axes in figure.axes:
            _apply_palette(axes, palette)
        for text in (text for legend in figure.legends for text in legend.get_texts()):
            text.set(color=palette.ink, fontsize=_FONT_SIZE)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=_DPI, facecolor=palette.paper)
        return content.getvalue()


def add_legend(figure: Figure, axes: Axes) -> None:
    """Put the legend of an axes above the figure, in one row."""
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)


def _apply_palette(axes: Axes, palette: Palette) -> None:
    axes.set_facecolor(palette.paper)
    axes.tick_params(colors=palette.ink, labelsize=_FONT_SIZE, length=0, pad=5)
    for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
        text.set(color=palette.ink, fontsize=_FONT_SIZE)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(palette.faint)
