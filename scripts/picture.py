"""Terminal picture of `genrelens predict`: docs/predict.svg.

python scripts/picture.py SONG...
"""

import re
import sys
from pathlib import Path

from results import ROOT
from rich.console import Console

from genrelens.classifier import Classifier
from genrelens.cli.output import ResultPrinter

WIDTH = 96  # columns


def main(songs: list[str]) -> None:
    """Classify songs and save the printed table as an SVG file."""
    classifier = Classifier()
    console = Console(record=True, force_terminal=True, width=WIDTH, highlight=False)
    printer = ResultPrinter("table", classifier.card.labels, top=3, out=console)
    for result in classifier.predict_many(songs, processes=1):
        printer.write(result.model_copy(update={"path": Path(result.path).name}))
    svg = console.export_svg(title="genrelens predict ~/Music/demo")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S)  # so that viewers download no font
    (ROOT / "docs" / "predict.svg").write_text(svg.replace("Fira Code", "monospace"), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
