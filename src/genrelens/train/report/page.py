"""Self-contained HTML pages: templates of this package with embedded style sheet and figures."""

import base64
from dataclasses import dataclass
from typing import Any, Self

from jinja2 import Environment, PackageLoader, StrictUndefined

from genrelens.train.report.drawing import DARK, LIGHT, Drawing


@dataclass(frozen=True)
class EmbeddedFigure:
    """A figure on a page: name, alternative text, and PNG files for light and dark backgrounds."""

    name: str
    alt: str
    light: bytes
    dark: bytes

    @classmethod
    def render(cls, drawing: Drawing) -> Self:
        """Draw a figure for both backgrounds."""
        return cls(drawing.name, drawing.alt, drawing.png(LIGHT), drawing.png(DARK))


def render_page(template: str, **content: Any) -> str:
    """Fill in a template, given by its path in `templates`."""
    environment = Environment(
        loader=PackageLoader("genrelens.train.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = _data_uri
    return environment.get_template(template).render(**content)


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
