"""beets with its own configuration and library."""

import contextlib
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import beets
import beets.logging
import mutagen
import yaml
from beets import plugins, ui

CODECS = {"mp3": "libmp3lame", "flac": "flac", "m4a": "aac", "ogg": "vorbis"}


class Beets:
    """A beets configuration and library, whose commands run in this process."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model = folder, model
        self.sources: list[type[plugins.BeetsPlugin]] = []  # metadata sources that replace MusicBrainz
        self.log: list[str] = []
        self.configure()

    def configure(self, write: bool = True, **options: Any) -> None:
        """Set the options of the plugin."""
        config = {
            "directory": str(self.folder / "library"),
            "library": str(self.folder / "library.db"),
            "plugins": ["genrelens"],
            "threaded": False,
            "create_backup_before_migrations": False,
            "ui": {"color": False},
            "import": {"write": write, "quiet_fallback": "asis"},
            "genrelens": {"model": str(self.model), "min_weight": 0.1, "processes": 1, **options},
        }
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config))

    def __call__(self, *arguments: str) -> str:
        """Run a command and return its output.

        Raises:
            SystemExit: the command failed; `log` says why.
        """
        self._reset()
        beets.config.read()
        plugins.load_plugins()
        plugins._instances.extend(source() for source in self.sources)
        out = io.StringIO()
        with contextlib.redirect_stdout(out), self._logged():
            ui.main(list(arguments))
        self._reset()
        return out.getvalue()

    def listed(self, *query: str) -> dict[str, str]:
        """Return the genres of each track, joined by " + ", by title."""
        lines = self("ls", "-f", "$title=$genres", *query).splitlines()
        return {title: genres.replace("; ", " + ") for title, _, genres in (line.partition("=") for line in lines)}

    def albums(self) -> dict[str, str]:
        """Return the genres of each album, by name."""
        return dict(line.split("=") for line in self("ls", "-a", "-f", "$album=$genres").splitlines())

    def files(self) -> list[Path]:
        """Return the files in the library."""
        return sorted(path for path in (self.folder / "library").rglob("*.*") if path.is_file())

    @contextlib.contextmanager
    def _logged(self) -> Iterator[None]:
        handler = logging.Handler()
        handler.emit = lambda record: self.log.append(record.getMessage())  # type: ignore[method-assign]
        logger = beets.logging.getLogger("beets")
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)

    def _reset(self) -> None:
        plugins.BeetsPlugin.listeners.clear()
        plugins.BeetsPlugin._raw_listeners.clear()
        plugins._instances.clear()
        beets.config.clear()


def genres_in_tags(file: Path) -> list[str]:
    """Return the genres in the tags of a file."""
    return list(mutagen.File(file, easy=True).get("genre", []))
