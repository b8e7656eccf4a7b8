"""Where the repository and optional recordings are."""

from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "gtzan"
