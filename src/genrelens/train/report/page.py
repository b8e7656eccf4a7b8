"""Pages that need no other file: templates of this package, one style for all, pictures within."""

import base64
from dataclasses import dataclass
from typing import Any, Self

from jinja2 import Environment, PackageLoader, StrictUndefined

from genrelens.train.report.figures import DARK, LIGHT, Drawing


@dataclass(frozen=True)
class EmbeddedFigure:
    """A picture on a page: its name, what it shows in words, and PNG files for light and dark paper."""

    name: str
    alt: str
    light: bytes
    dark: bytes

    @classmethod
    def of(cls, drawing: Drawing) -> Self:
        """Draw both."""
        return cls(drawing.name, drawing.alt, drawing.png(LIGHT), drawing.png(DARK))


def render_page(template: str, **content: Any) -> str:
    """A template filled, by its path within this package."""
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
