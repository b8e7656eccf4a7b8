"""Every error that GenreLens raises on purpose.

GenrelensError
├── AudioError
│   ├── AudioNotFoundError      the file does not exist
│   ├── AudioUnreadableError    the operating system refuses to read the file
│   ├── UndecodableAudioError   not audio, or damaged beyond use
│   ├── NoAudioStreamError      a video or picture without sound
│   ├── TooShortError           too little audio to classify
│   └── TooLongError            more audio than the server accepts
├── PictureError
│   ├── PictureNotFoundError    the file does not exist
│   ├── PictureUnreadableError  the operating system refuses to read the file
│   ├── NotAPictureError        neither PNG nor JPEG, or damaged
│   ├── PictureTooLargeError    more pixels than a spectrogram can need
│   └── BlankPictureError       a single colour
├── ModelError
│   ├── ModelNotFoundError      no model with this name, path or URL
│   ├── InvalidModelError       not an ONNX file, or one without a GenreLens card
│   ├── NewerCardError          written by a later GenreLens
│   ├── WrongInputError         audio for a picture model, or a picture for an audio model
│   ├── UntraceableError        the model does not support class activation maps
│   ├── ChecksumError           the content does not match the expected SHA-256
│   └── DownloadError           the download failed
├── DataError
│   ├── ManifestError           a dataset that cannot be read
│   ├── SplitError              a split that is unknown, empty or impossible
│   ├── LeakError               the same artist or audio in two splits
│   └── CacheError              features that cannot be cached on disk
├── TrainingError
│   ├── RecipeError             an invalid recipe
│   └── ExportError             the exported model differs from the trained one
├── RequestError
│   ├── MalformedUploadError    the body is cut off or does not match its headers
│   ├── UnauthorisedError       the API key is missing or unknown
│   ├── SlowUploadError         the body took too long to arrive
│   ├── TooLargeError           more bytes or files than the server accepts at once
│   ├── NotMultipartError       files sent as something else than a form
│   ├── MissingFileError        a form without files, or with other fields
│   ├── ForeignPageError        a request from a page of an unknown origin
│   ├── WrongHostError          a request for an unknown host name
│   ├── ShareExceededError      the client has reached its limit of concurrent requests
│   ├── OverloadedError         the server has reached its limit of concurrent requests
│   ├── NotReadyError           no worker process has loaded a model
│   └── ListenerLostError       the live classification process exited
├── LibraryError
│   ├── CatalogError            a catalog that cannot be opened, or was written by a later GenreLens
│   ├── LibraryBusyError        another run is changing the same files
│   ├── TrackNotFoundError      the track is not in the catalog
│   ├── GenreMapError           an invalid genre map
│   ├── TagsUnreadableError     the tags of a file cannot be read
│   ├── TagsUnwritableError     the tags cannot be written, or would not read back as planned
│   ├── FileChangedError        a file changed after it was classified or written
│   ├── NoTracksError           nothing in the catalog matches
│   ├── RemoteFileError         a URL that cannot be listed, read or written
│   └── ClusterError            a cluster that cannot be reached, or failed
├── WorkerError                 a worker process died while processing an item
│   └── DeadlineError           processing an item took too long
└── MissingExtraError           the feature needs an optional dependency

Each message is one sentence that says what is wrong, with which file, and how to fix it.
"""

import os
from collections.abc import Iterator
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
    return _BY_NAME.get(name)


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


def _class_and_subclasses(error: type[GenrelensError]) -> Iterator[type[GenrelensError]]:
    yield error
    for subclass in error.__subclasses__():
        yield from _class_and_subclasses(subclass)


_BY_NAME = {error.__name__: error for error in _class_and_subclasses(GenrelensError)}
