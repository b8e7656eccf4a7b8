"""Where the repository and optional recordings are."""

from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent

# GTZAN, with its recordings and the array of log-mels: not part of the repository, see docs/data.md.
DATA = ROOT.parent / "shared" / "data" / "gtzan"
