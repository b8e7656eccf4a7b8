"""Genres for beets, from how the music sounds. See docs/beets.md."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from itertools import islice
from optparse import Values
from pathlib import Path
from typing import Any

import yaml
from beets import ui
from beets.importer import ImportSession, ImportTask
from beets.library import Album, Item, Library
from beets.plugins import BeetsPlugin

from beetsplug.genrelens.jobs import Job, existing, is_open, of_album, of_items
from beetsplug.genrelens.naming import (
    TREE,
    Naming,
    everything,
    likely,
    merged,
    read_tree,
    read_whitelist,
)
from genrelens.audio.windows import WindowCount
from genrelens.classifier import DEFAULT_WINDOWS, Classifier
from genrelens.errors import GenrelensError, display_name
from genrelens.library.albums.consensus import Consensus, consensus, is_outlier
from genrelens.model.zoo import DEFAULT_MODEL
from genrelens.prediction import UNKNOWN, Failure, Prediction, Score
from genrelens.workers import available_cores

_FEW = 24  # tracks that one process has judged before others have begun


class GenreLensPlugin(BeetsPlugin):
    """`beet genrelens`, and the same for what is imported."""

    def __init__(self) -> None:
        super().__init__()
        self.config.add(
            {
                "auto": True,
                "force": False,
                "keep_existing": False,
                "count": 1,
                "min_weight": 0.5,
                "whitelist": True,
                "canonical": False,
                "title_case": True,
                "source": "album",
                "pretend": False,
                "model": DEFAULT_MODEL,
                "windows": DEFAULT_WINDOWS,
                "processes": None,
            }
        )
        if self.config["auto"]:
            self.import_stages = [self.imported]

    def commands(self) -> list[ui.Subcommand]:
        """What beets offers under our name."""
        command = ui.Subcommand("genrelens", help="tell genres from how the music sounds")
        _add_options(command.parser.add_option)
        command.parser.set_defaults(album=True)
        command.func = self.command
        return [command]

    def command(self, lib: Library, options: Values, arguments: list[str]) -> None:
        """Judge what a query matches.

        Raises:
            ui.UserError: the configuration is wrong; or, at the end, some tracks could not be judged.
        """
        self.config.set_args(vars(options))
        source = self._source
        if options.album:
            jobs = [of_album(album, list(album.items()), source) for album in lib.albums(arguments)]
        else:
            jobs = of_items(lib.items(arguments), source)
        failed = self._run(jobs, write=ui.should_write(options.write))
        if failed:
            raise ui.UserError(f"genrelens: {failed} of the tracks could not be judged; each is named above")

    def imported(self, session: ImportSession, task: ImportTask) -> None:  # noqa: ARG002 (beets passes it by name)
        """Judge what an import brings; the importer itself writes the files, if it does so at all."""
        items = list(task.imported_items())
        jobs = [of_album(task.album, items, self._source)] if task.is_album else of_items(items, "track")
        self._run(jobs, write=False)

    def _run(self, jobs: Sequence[Job], *, write: bool) -> int:
        """Judge and write one job after another; how many tracks could not be judged."""
        force = self.config["force"].get(bool)
        jobs = [job for job in jobs if is_open(job, force)]
        answers = self._answers([item.filepath for job in jobs for item in job.heard])
        failed = 0
        for job in jobs:
            own = list(islice(answers, len(job.heard)))
            failed += sum(isinstance(answer, Failure) for answer in own)
            self._settle(job, own, write)
        return failed

    def _answers(self, paths: Sequence[Path]) -> Iterator[Prediction | Failure]:
        if not paths:
            return iter(())
        processes = 1 if len(paths) <= _FEW else self._processes
        return self._classifier.predict_many(paths, windows=self._windows, processes=processes)

    def _settle(self, job: Job, answers: Sequence[Prediction | Failure], write: bool) -> None:
        """Write what is told of the tracks of a job, and of its album."""
        known = [answer for answer in answers if isinstance(answer, Prediction)]
        compiled = job.album is not None and job.album.comp
        agreed = None if compiled else consensus(known)
        chosen = {item.id for item in job.chosen}
        for item, answer in zip(job.heard, answers, strict=True):
            if isinstance(answer, Failure):
                self._log.warning("{}", answer.error.message)
            elif item.id in chosen:
                genres = self._told(item, answer, agreed if job.united else None)
                self._change(item, genres, partial(item.try_sync, write=write, move=False))
        if job.album and agreed:  # its tracks have been seen to
            genres = self._named(agreed.genres, agreed.scores)
            self._change(job.album, genres, partial(job.album.store, inherit=False))

    def _change(self, model: Album | Item, genres: list[str], keep: Callable[[], None]) -> None:
        """Give a track or an album genres as far as it may get them; what is shown has been kept."""
        before = existing(model)
        if not genres:
            self._log.debug("unknown, nothing changed: {}", model)
            return
        if before and not self.config["force"].get(bool):
            self._log.debug("has genres, nothing changed: {}", model)
            return
        after = merged(before, genres) if self.config["keep_existing"].get(bool) else genres
        if after == before:
            return
        old = model.copy()
        model.genres = after
        if not self.config["pretend"].get(bool):
            keep()
        ui.show_model_changes(model, old, fields=["genres"])

    def _told(self, item: Item, answer: Prediction, agreed: Consensus | None) -> list[str]:
        """The genres of a track: its album's, if that agrees, or its own, if they are known."""
        if agreed is not None:
            if is_outlier(answer, agreed):
                self._log.info("{} sounds more like {} than like the rest of its album", item, answer.genre)
            return self._named(agreed.genres, agreed.scores)
        return [] if answer.genre == UNKNOWN else self._named(answer.genres, answer.scores)

    def _named(self, told: Sequence[str], scores: Sequence[Score]) -> list[str]:
        card = self._classifier.card
        thresholds = dict(zip(card.labels, card.thresholds, strict=False))
        return self._naming.genres(likely(told, scores, thresholds, self._min_weight))

    @cached_property
    def _classifier(self) -> Classifier:
        try:
            return Classifier(self.config["model"].as_str(), threads=self._processes)
        except GenrelensError as error:
            raise ui.UserError(f"genrelens: {error}") from error

    @cached_property
    def _naming(self) -> Naming:
        tree, allowed = self.config["canonical"].get(), self.config["whitelist"].get()
        branches = read_tree(TREE)
        if isinstance(tree, str) and tree:
            branches = [*self._read("canonical", tree, read_tree), *branches]
        whitelist: frozenset[str] | None = None
        if isinstance(allowed, str) and allowed:
            whitelist = self._read("whitelist", allowed, read_whitelist)
        elif allowed is not False:
            whitelist = everything(branches, self._classifier.card.labels)
        return Naming(
            branches=branches,
            whitelist=whitelist,
            canonical=tree is not False,
            count=self._number("count"),
            title_case=self.config["title_case"].get(bool),
        )

    def _read(self, option: str, file: str, reader: Callable[[Path], Any]) -> Any:
        path = Path(file).expanduser()
        try:
            return reader(path)
        except (OSError, UnicodeError, yaml.YAMLError) as error:
            reason = getattr(error, "strerror", None) or "it is not what is expected there"
            raise ui.UserError(
                f"genrelens.{option}: {display_name(path)} cannot be read ({reason}); see docs/beets.md"
            ) from error

    @property
    def _source(self) -> str:
        return str(self.config["source"].as_choice(["album", "track"]))

    @property
    def _min_weight(self) -> float:
        weight = float(self.config["min_weight"].as_number())
        if not 0 <= weight <= 1:
            raise ui.UserError(
                f"genrelens.min_weight is a probability from 0 to 1, not {weight:g}; lastgenre's 10 is 0.1 here"
            )
        return weight

    @property
    def _windows(self) -> WindowCount:
        return "all" if self.config["windows"].get() == "all" else self._number("windows", ", or 'all'")

    @property
    def _processes(self) -> int:
        return available_cores() if self.config["processes"].get() is None else self._number("processes")

    def _number(self, option: str, other: str = "") -> int:
        number = self.config[option].get()
        if not isinstance(number, int) or number < 1:
            raise ui.UserError(f"genrelens.{option} is a number of 1 or more{other}, not {number!r}")
        return number


def _add_options(add: Callable[..., Any]) -> None:
    """The options of `beet genrelens`, which are named as those of `beet lastgenre`."""
    add("-p", "--pretend", action="store_true", help="show what would change, and change nothing")
    add("-f", "--force", dest="force", action="store_true", help="change existing genres")
    add("-F", "--no-force", dest="force", action="store_false", help="leave existing genres alone")
    add("-k", "--keep-existing", dest="keep_existing", action="store_true", help="with -f, add to existing genres")
    add("-K", "--no-keep-existing", dest="keep_existing", action="store_false", help="with -f, replace them")
    add("-s", "--source", dest="source", type="string", help="whose genres a track gets: album or track")
    add("-A", "--items", dest="album", action="store_false", help="match tracks instead of albums")
    add("-a", "--albums", dest="album", action="store_true", help="match albums instead of tracks (default)")
    add("-w", "--write", dest="write", action="store_true", help="write the files (default: as import.write says)")
    add("-W", "--nowrite", dest="write", action="store_false", help="change the library alone")
