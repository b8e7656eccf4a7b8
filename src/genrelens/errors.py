"""Every error that GenreLens raises on purpose.

GenrelensError
├── AudioError
│   ├── AudioNotFoundError      no such file
│   ├── AudioUnreadableError    the system refuses to read it
│   ├── UndecodableAudioError   not audio, or damaged beyond use
│   ├── NoAudioStreamError      a video or a picture without sound
│   ├── TooShortError           less audio than a genre can be heard in
│   └── TooLongError            more audio than a server takes
├── PictureError
│   ├── PictureNotFoundError    no such file
│   ├── PictureUnreadableError  the system refuses to read it
│   ├── NotAPictureError        neither PNG nor JPEG, or damaged
│   ├── PictureTooLargeError    more pixels than a spectrogram can need
│   └── BlankPictureError       one colour all over
├── ModelError
│   ├── ModelNotFoundError      no model of that name, at that path or address
│   ├── InvalidModelError       not an ONNX file, or one without our card
│   ├── NewerCardError          written by a later GenreLens
│   ├── WrongInputError         audio for a model of pictures, or a picture for a model of audio
│   ├── UntraceableError        a model that does not tell where its answers come from
│   ├── ChecksumError           not the file that was promised
│   └── DownloadError           the address did not give the file
├── DataError
│   ├── ManifestError           a data set that cannot be read as one
│   ├── SplitError              a split that is unknown, empty or impossible
│   ├── LeakError               the same artist or audio on two sides of a split
│   └── CacheError              features that cannot be kept on disk
├── TrainingError
│   ├── RecipeError             a recipe that says something impossible
│   └── ExportError             the exported model differs from the trained one
├── RequestError
│   ├── MalformedUploadError    the body breaks off, or is not what its header says
│   ├── UnauthorisedError       no API key, or not one of the server's
│   ├── SlowUploadError         the body took too long to arrive
│   ├── TooLargeError           more bytes or files than a server takes at once
│   ├── NotMultipartError       files in another shape than a form's
│   ├── MissingFileError        a form without files, or with fields that are none
│   ├── ForeignPageError        asked by a page that the server does not know
│   ├── WrongHostError          asked under a name that is not the server's
│   ├── ShareExceededError      a client has as many requests under way as it may
│   ├── OverloadedError         the server has as many requests under way as it can
│   ├── NotReadyError           no worker process has a model loaded
│   └── ListenerLostError       the process that listens has come to an end
├── LibraryError
│   ├── CatalogError            a catalog that cannot be opened, or that a later GenreLens wrote
│   ├── LibraryBusyError        another run changes the same files
│   ├── TrackNotFoundError      the catalog has no such track
│   ├── GenreMapError           a file of genre names that cannot be used
│   ├── TagsUnreadableError     the tags of a file cannot be read
│   ├── TagsUnwritableError     they cannot be written, or would not be what was asked for
│   ├── FileChangedError        a file is not as it was when it was judged or written
│   ├── NoTracksError           nothing in the catalog is what was asked for
│   ├── AddressError            an address that cannot be listed, read or written
│   └── ClusterError            a cluster that cannot be reached, or cannot go on
├── WorkerError                 a worker process died over this item
│   └── DeadlineError           or took too long over it
└── MissingExtraError           the feature needs an optional dependency

Each message is one sentence that says what is wrong, with which file, and what to do about it.
"""

import os
from typing import Any


class GenrelensError(Exception):
    """The root: catch this one to catch them all."""


class AudioError(GenrelensError):
    """The audio cannot be used."""


class AudioNotFoundError(AudioError):
    """There is no such file."""


class AudioUnreadableError(AudioError):
    """The file is there, but the system refuses to read it."""


class UndecodableAudioError(AudioError):
    """The bytes are not audio in a format that we know."""

    @classmethod
    def empty(cls, name: str) -> "UndecodableAudioError":
        """Tell that a container opened, but held nothing."""
        return cls(f"{name} holds no audio that can be decoded; is the file complete?")


class NoAudioStreamError(AudioError):
    """The file holds no audio stream."""


class TooShortError(AudioError):
    """There is less audio than a genre can be heard in."""


class TooLongError(AudioError):
    """There is more audio than the server takes."""


class PictureError(GenrelensError):
    """The picture cannot be used."""


class PictureNotFoundError(PictureError):
    """There is no such file."""


class PictureUnreadableError(PictureError):
    """The file is there, but the system refuses to read it."""


class NotAPictureError(PictureError):
    """The bytes are not a PNG or JPEG picture, or a damaged one."""


class PictureTooLargeError(PictureError):
    """The picture has more pixels than we decode."""


class BlankPictureError(PictureError):
    """The picture has one colour all over."""


class ModelError(GenrelensError):
    """The model cannot be used."""


class ModelNotFoundError(ModelError):
    """There is no model of that name, at that path or at that address."""


class InvalidModelError(ModelError):
    """The file is not an ONNX model with a GenreLens card."""


class NewerCardError(ModelError):
    """The card was written by a later GenreLens."""


class WrongInputError(ModelError):
    """The model looks at pictures and was given audio, or hears and was given pictures."""


class UntraceableError(ModelError):
    """The model does not tell where its answers come from."""


class ChecksumError(ModelError):
    """The file is not the one that was promised."""


class DownloadError(ModelError):
    """The address did not give the file."""


class DataError(GenrelensError):
    """The data set cannot be used."""


class ManifestError(DataError):
    """The data set cannot be read as one."""


class SplitError(DataError):
    """The split is unknown, empty or impossible."""


class LeakError(DataError):
    """The same artist or the same audio stands on two sides of a split."""


class CacheError(DataError):
    """Features cannot be kept on disk."""


class TrainingError(GenrelensError):
    """The training cannot go on."""


class RecipeError(TrainingError):
    """The recipe says something impossible."""


class ExportError(TrainingError):
    """The exported model differs from the trained one."""


class RequestError(GenrelensError):
    """The server does not do what it was asked for."""


class MalformedUploadError(RequestError):
    """The body of the request is broken."""


class UnauthorisedError(RequestError):
    """The request has no API key that the server knows."""


class SlowUploadError(RequestError):
    """The body of the request took too long to arrive."""


class TooLargeError(RequestError):
    """The request has more bytes or files than the server takes at once."""


class NotMultipartError(RequestError):
    """The body of the request is not multipart/form-data."""


class MissingFileError(RequestError):
    """The form has no files, or fields that are none."""


class ForeignPageError(RequestError):
    """The server was asked by a page from elsewhere."""


class WrongHostError(RequestError):
    """The server was asked under a name that is not its own."""


class ShareExceededError(RequestError):
    """The client has as many requests under way as it may."""


class OverloadedError(RequestError):
    """The server has as many requests under way as it can."""


class NotReadyError(RequestError):
    """No worker process has a model loaded."""


class ListenerLostError(RequestError):
    """The process that listens has come to an end, or does not start."""


class LibraryError(GenrelensError):
    """The music library cannot be used as asked."""


class CatalogError(LibraryError):
    """The catalog cannot be opened, or a later GenreLens wrote it."""


class LibraryBusyError(LibraryError):
    """Another run changes the same files."""


class TrackNotFoundError(LibraryError):
    """The catalog has no such track."""


class GenreMapError(LibraryError):
    """The file of genre names cannot be used."""


class TagsUnreadableError(LibraryError):
    """The tags of a file cannot be read."""


class TagsUnwritableError(LibraryError):
    """The tags of a file cannot be written, or would not be what was asked for."""


class FileChangedError(LibraryError):
    """The file is not as it was."""


class NoTracksError(LibraryError):
    """Nothing in the catalog is what was asked for."""


class RemoteFileError(LibraryError):
    """The address cannot be listed, read or written."""


class ClusterError(LibraryError):
    """The cluster cannot be reached, or cannot go on."""


class WorkerError(GenrelensError):
    """A worker process died over this item."""


class DeadlineError(WorkerError):
    """A worker process took too long over this item."""


class MissingExtraError(GenrelensError):
    """The feature needs an optional dependency that is not installed."""


def display_name(source: Any) -> str:
    """Name a source in a sentence: a path as it is, or quoted if printing it raw would garble the line."""
    if isinstance(source, str | os.PathLike):
        path = os.fsdecode(source)
        return path if path.isprintable() else repr(path)
    if isinstance(source, bytes | bytearray | memoryview):
        return "<bytes>"
    name = getattr(source, "name", None)
    if isinstance(name, str):
        return display_name(name)
    return "<stream>" if hasattr(source, "read") else str(source)
