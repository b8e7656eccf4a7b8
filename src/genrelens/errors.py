"""Every error that GenreLens raises on purpose.

GenrelensError
├── AudioError: AudioNotFoundError, AudioUnreadableError, UndecodableAudioError, NoAudioStreamError, TooShortError,
│   TooLongError
├── PictureError: PictureNotFoundError, PictureUnreadableError, NotAPictureError, PictureTooLargeError,
│   BlankPictureError
├── ModelError: ModelNotFoundError, InvalidModelError, NewerCardError, WrongInputError, UntraceableError, ChecksumError,
│   DownloadError
├── DataError: ManifestError, SplitError, LeakError, CacheError
├── TrainingError: RecipeError, ExportError
├── RequestError: MalformedUploadError, UnauthorisedError, SlowUploadError, TooLargeError, NotMultipartError,
│   MissingFileError, ForeignPageError, WrongHostError, ShareExceededError, OverloadedError, NotReadyError,
│   ListenerLostError
├── LibraryError: CatalogError, LibraryBusyError, TrackNotFoundError, GenreMapError, TagsUnreadableError,
│   TagsUnwritableError, FileChangedError, NoTracksError, RemoteFileError, ClusterError
├── WorkerError: DeadlineError
└── MissingExtraError

Each message is one sentence that says what is wrong, with which file, and how to fix it.
"""

import os
from typing import Any


class GenrelensError(Exception):
    """The base class of all errors: catch it to catch them all."""


class AudioError(GenrelensError):
    """The audio cannot be used."""


class AudioNotFoundError(AudioError):
    """The audio file does not exist."""


class AudioUnreadableError(AudioError):
    """The file exists, but the operating system refuses to read it."""


class UndecodableAudioError(AudioError):
    """The bytes are not audio in a supported format."""

    @classmethod
    def empty(cls, name: str) -> "UndecodableAudioError":
        """Create the error for a container that opens but holds no audio."""
        return cls(f"{name} contains no audio that can be decoded; is the file complete?")


class NoAudioStreamError(AudioError):
    """The file has no audio stream."""


class TooShortError(AudioError):
    """There is too little audio to classify."""


class TooLongError(AudioError):
    """There is more audio than the server accepts."""


class PictureError(GenrelensError):
    """The picture cannot be used."""


class PictureNotFoundError(PictureError):
    """The picture file does not exist."""


class PictureUnreadableError(PictureError):
    """The file exists, but the operating system refuses to read it."""


class NotAPictureError(PictureError):
    """The bytes are not a PNG or JPEG picture, or are damaged."""


class PictureTooLargeError(PictureError):
    """The picture has more pixels than GenreLens decodes."""


class BlankPictureError(PictureError):
    """The picture has a single colour."""


class ModelError(GenrelensError):
    """The model cannot be used."""


class ModelNotFoundError(ModelError):
    """No model has this name, path or URL."""


class InvalidModelError(ModelError):
    """The file is not an ONNX model with a GenreLens card."""


class NewerCardError(ModelError):
    """The card was written by a later GenreLens."""


class WrongInputError(ModelError):
    """An audio model was given a picture, or a picture model audio."""


class UntraceableError(ModelError):
    """The model does not output the feature maps that class activation needs."""


class ChecksumError(ModelError):
    """The content does not match the expected SHA-256."""


class DownloadError(ModelError):
    """The download failed."""


class DataError(GenrelensError):
    """The dataset cannot be used."""


class ManifestError(DataError):
    """The dataset cannot be read."""


class SplitError(DataError):
    """The split is unknown, empty or impossible."""


class LeakError(DataError):
    """The same artist or the same audio occurs in two splits."""


class CacheError(DataError):
    """Features cannot be cached on disk."""


class TrainingError(GenrelensError):
    """The training cannot continue."""


class RecipeError(TrainingError):
    """The recipe is invalid."""


class ExportError(TrainingError):
    """The exported model differs from the trained one."""


class RequestError(GenrelensError):
    """The server rejects the request."""


class MalformedUploadError(RequestError):
    """The body of the request is malformed."""


class UnauthorisedError(RequestError):
    """The API key of the request is missing or unknown."""


class SlowUploadError(RequestError):
    """The body of the request took too long to arrive."""


class TooLargeError(RequestError):
    """The request has more bytes or files than the server accepts at once."""


class NotMultipartError(RequestError):
    """The body of the request is not multipart/form-data."""


class MissingFileError(RequestError):
    """The form has no files, or fields that are not files."""


class ForeignPageError(RequestError):
    """The request comes from a page of an unknown origin."""


class WrongHostError(RequestError):
    """The request is for an unknown host name."""


class ShareExceededError(RequestError):
    """The client has reached its limit of concurrent requests."""


class OverloadedError(RequestError):
    """The server has reached its limit of concurrent requests."""


class NotReadyError(RequestError):
    """No worker process has loaded a model."""


class ListenerLostError(RequestError):
    """The live classification process exited, or does not start."""


class LibraryError(GenrelensError):
    """The operation on the music library failed."""


class CatalogError(LibraryError):
    """The catalog cannot be opened, or was written by a later GenreLens."""


class LibraryBusyError(LibraryError):
    """Another run is changing the same files."""


class TrackNotFoundError(LibraryError):
    """The track is not in the catalog."""


class GenreMapError(LibraryError):
    """The genre map is invalid."""


class TagsUnreadableError(LibraryError):
    """The tags of a file cannot be read."""


class TagsUnwritableError(LibraryError):
    """The tags of a file cannot be written, or would not read back as planned."""


class FileChangedError(LibraryError):
    """The file changed after it was classified or written."""


class NoTracksError(LibraryError):
    """Nothing in the catalog matches."""


class RemoteFileError(LibraryError):
    """The URL cannot be listed, read or written."""


class ClusterError(LibraryError):
    """The cluster cannot be reached, or failed."""


class WorkerError(GenrelensError):
    """A worker process died while processing an item."""


class DeadlineError(WorkerError):
    """A worker process took too long to process an item."""


class MissingExtraError(GenrelensError):
    """The feature needs an optional dependency that is not installed."""


def by_name(name: str) -> type[GenrelensError] | None:
    """Return the error class with this name, or None: for errors that cross a process as their name and message."""
    error = globals().get(name)
    return error if isinstance(error, type) and issubclass(error, GenrelensError) else None


def display_name(source: Any) -> str:
    """Return the name of a source for messages: a path verbatim, or its repr if it contains unprintable characters."""
    if isinstance(source, str | os.PathLike):
        path = os.fsdecode(source)
        return path if path.isprintable() else repr(path)
    if isinstance(source, bytes | bytearray | memoryview):
        return "<bytes>"
    name = getattr(source, "name", None)
    if isinstance(name, str):
        return display_name(name)
    return "<stream>" if hasattr(source, "read") else str(source)
