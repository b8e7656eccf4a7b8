"""Draw what `genrelens predict` shows at a terminal: docs/predict.svg.

python scripts/picture.py SONG...
"""

import re
import sys
from pathlib import Path

from documents import ROOT
from rich.console import Console

from genrelens.classifier import Classifier
from genrelens.cli.output import Rows

WIDTH = 96


def main(songs: list[str]) -> None:
    """Judge the songs and save the rows as a picture."""
    classifier = Classifier()
    screen = Console(record=True, force_terminal=True, width=WIDTH, highlight=False)
    rows = Rows("table", classifier.card.labels, top=3, out=screen)
    for result in classifier.predict_many(songs, processes=1):
        rows.write(result.model_copy(update={"path": Path(result.path).name}))
    picture = screen.export_svg(title="genrelens predict ~/Music/demo")
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.S)  # nothing is fetched to show it
    (ROOT / "docs" / "predict.svg").write_text(picture.replace("Fira Code", "monospace"), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
