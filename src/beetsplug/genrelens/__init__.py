"""Plugin for beets that predicts genres from the audio. See docs/beets.md."""

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

from beetsplug.genrelens import naming
from beetsplug.genrelens.jobs import Job, album_job, can_change, existing_genres, track_jobs
from genrelens.audio.windows import WindowCount
from genrelens.classifier import Classifier
from genrelens.defaults import DEFAULT_MODEL, DEFAULT_WINDOWS
from genrelens.errors import GenrelensError, display_name
from genrelens.library.albums.consensus import Consensus, consensus, is_outlier
from genrelens.prediction import UNKNOWN, Failure, Prediction, Score
from genrelens.workers import available_cores

_SINGLE_PROCESS_TRACKS = 24  # up to this many, one process is done before worker processes have started


class GenreLensPlugin(BeetsPlugin):
    """The command `beet genrelens`, and the same as a stage of imports."""

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
            self.import_stages = [self.classify_import]

    def commands(self) -> list[ui.Subcommand]:
        """Return the commands that the plugin adds to beets."""
        command = ui.Subcommand("genrelens", help="predict genres from the audio")
        _add_options(command.parser.add_option)
        command.parser.set_defaults(album=True)
        command.func = self.run_command
        return [command]

    def run_command(self, lib: Library, options: Values, arguments: list[str]) -> None:
        """Classify the albums or tracks of a query.

        Raises:
            ui.UserError: the configuration is invalid, or some tracks could not be classified (raised at the end).
        """
        self.config.set_args(vars(options))
        source = self._source
        if options.album:
            jobs = [album_job(album, list(album.items()), source) for album in lib.albums(arguments)]
        else:
            jobs = track_jobs(lib.items(arguments), source)
        if failures := self._run(jobs, write=ui.should_write(options.write)):
            raise ui.UserError(f"genrelens: {failures} of the tracks could not be classified; each is named above")

    def classify_import(self, session: ImportSession, task: ImportTask) -> None:  # noqa: ARG002 (beets passes it by name)
        """Classify the tracks of an import; the importer itself writes the files, if it writes at all."""
        items = list(task.imported_items())
        jobs = [album_job(task.album, items, self._source)] if task.is_album else track_jobs(items, "track")
        self._run(jobs, write=False)

    def _run(self, jobs: Sequence[Job], *, write: bool) -> int:
        """Classify and update one job after another; return the number of tracks that could not be classified."""
        force = self.config["force"].get(bool)
        jobs = [job for job in jobs if can_change(job, force)]
        results = self._predict([item.filepath for job in jobs for item in job.tracks])
        failures = 0
        for job in jobs:
            job_results = list(islice(results, len(job.tracks)))
            failures += sum(isinstance(result, Failure) for result in job_results)
            self._update_job(job, job_results, write)
        return failures

    def _predict(self, paths: Sequence[Path]) -> Iterator[Prediction | Failure]:
        if not paths:
            return iter(())
        processes = 1 if len(paths) <= _SINGLE_PROCESS_TRACKS else self._processes
        return self._classifier.predict_many(paths, windows=self._windows, processes=processes)

    def _update_job(self, job: Job, results: Sequence[Prediction | Failure], write: bool) -> None:
        """Set the genres of the tracks of a job, then the genres of its album."""
        predictions = [result for result in results if isinstance(result, Prediction)]
        is_compilation = job.album is not None and job.album.comp
        album_consensus = None if is_compilation else consensus(predictions)
        writable_ids = {item.id for item in job.writable}
        for item, result in zip(job.tracks, results, strict=True):
            if isinstance(result, Failure):
                self._log.warning("{}", result.error.message)
            elif item.id in writable_ids:
                genres = self._track_genres(item, result, album_consensus if job.use_album_genres else None)
                self._update(item, genres, partial(item.try_sync, write=write, move=False))
        if job.album and album_consensus:  # without inheritance: the tracks have been updated above
            genres = self._name_genres(album_consensus.genres, album_consensus.scores)
            self._update(job.album, genres, partial(job.album.store, inherit=False))

    def _update(self, model: Album | Item, genres: list[str], store: Callable[[], None]) -> None:
        """Set the genres of a track or an album as the options allow, and store them before showing the change."""
        before = existing_genres(model)
        if not genres:
            self._log.debug("unknown, nothing changed: {}", model)
            return
        if before and not self.config["force"].get(bool):
            self._log.debug("has genres, nothing changed: {}", model)
            return
        after = naming.merge_genres(before, genres) if self.config["keep_existing"].get(bool) else genres
        if after == before:
            return
        old = model.copy()
        model.genres = after
        if not self.config["pretend"].get(bool):
            store()
        ui.show_model_changes(model, old, fields=["genres"])

    def _track_genres(self, item: Item, prediction: Prediction, album_consensus: Consensus | None) -> list[str]:
        """Return the album's genres if there is a consensus, else the track's own genres if known."""
        if album_consensus is not None:
            if is_outlier(prediction, album_consensus):
                self._log.info("{} sounds more like {} than like the rest of its album", item, prediction.genre)
            return self._name_genres(album_consensus.genres, album_consensus.scores)
        return [] if prediction.genre == UNKNOWN else self._name_genres(prediction.genres, prediction.scores)

    def _name_genres(self, predicted: Sequence[str], scores: Sequence[Score]) -> list[str]:
        card = self._classifier.card
        thresholds = dict(zip(card.labels, card.thresholds, strict=False))
        return self._namer.genres(naming.likely_labels(predicted, scores, thresholds, self._min_weight))

    @cached_property
    def _classifier(self) -> Classifier:
        try:
            return Classifier(self.config["model"].as_str(), threads=self._processes)
        except GenrelensError as error:
            raise ui.UserError(f"genrelens: {error}") from error

    @cached_property
    def _namer(self) -> naming.GenreNamer:
        tree, allowed = self.config["canonical"].get(), self.config["whitelist"].get()
        branches = naming.read_tree(naming.GENRE_TREE)
        if isinstance(tree, str) and tree:
            branches = [*self._read("canonical", tree, naming.read_tree), *branches]
        whitelist: frozenset[str] | None = None
        if isinstance(allowed, str) and allowed:
            whitelist = self._read("whitelist", allowed, naming.read_whitelist)
        elif allowed is not False:
            whitelist = naming.all_genres(branches, self._classifier.card.labels)
        return naming.GenreNamer(
            branches=branches,
            whitelist=whitelist,
            canonical=tree is not False,
            count=self._positive_number("count"),
            title_case=self.config["title_case"].get(bool),
        )

    def _read(self, option: str, file: str, reader: Callable[[Path], Any]) -> Any:
        path = Path(file).expanduser()
        try:
            return reader(path)
        except (OSError, UnicodeError, yaml.YAMLError) as error:
            reason = getattr(error, "strerror", None) or "its format is invalid"
            problem = f"{display_name(path)} cannot be read ({reason}); see docs/beets.md"
            raise ui.UserError(f"genrelens.{option}: {problem}") from error

    @property
    def _source(self) -> str:
        return str(self.config["source"].as_choice(["album", "track"]))

    @property
    def _min_weight(self) -> float:
        weight = float(self.config["min_weight"].as_number())
        if not 0 <= weight <= 1:
            problem = f"is a probability from 0 to 1, not {weight:g}; lastgenre's 10 is 0.1 here"
            raise ui.UserError(f"genrelens.min_weight {problem}")
        return weight

    @property
    def _windows(self) -> WindowCount:
        return "all" if self.config["windows"].get() == "all" else self._positive_number("windows", ", or 'all'")

    @property
    def _processes(self) -> int:
        return available_cores() if self.config["processes"].get() is None else self._positive_number("processes")

    def _positive_number(self, option: str, alternative: str = "") -> int:
        number = self.config[option].get()
        if not isinstance(number, int) or number < 1:
            raise ui.UserError(f"genrelens.{option} is a number of 1 or more{alternative}, not {number!r}")
        return number


def _add_options(add: Callable[..., Any]) -> None:
    """Add the options of `beet genrelens`, named like the options of `beet lastgenre`."""
    add("-p", "--pretend", action="store_true", help="show what would change, and change nothing")
    add("-f", "--force", dest="force", action="store_true", help="change existing genres")
    add("-F", "--no-force", dest="force", action="store_false", help="keep existing genres unchanged")
    add("-k", "--keep-existing", dest="keep_existing", action="store_true", help="with -f, add to existing genres")
    add("-K", "--no-keep-existing", dest="keep_existing", action="store_false", help="with -f, replace them")
    add("-s", "--source", dest="source", type="string", help="use the genres of the album or of the track")
    add("-A", "--items", dest="album", action="store_false", help="match tracks instead of albums")
    add("-a", "--albums", dest="album", action="store_true", help="match albums instead of tracks (default)")
    add("-w", "--write", dest="write", action="store_true", help="write the files (default: as in import.write)")
    add("-W", "--nowrite", dest="write", action="store_false", help="change only the library")
