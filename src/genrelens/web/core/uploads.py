"""Uploaded files: streamed into a private folder and deleted as soon as the request is answered.

The folder is removed with its process, or by the next one if the process was killed. Files are stored as 0, 1, 2; the
client's file names only appear in responses.
"""

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from genrelens import errors
from genrelens.web.core.settings import Settings

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FIELD = "file"

_PREFIX = "genrelens-uploads-"
_MAX_PART_HEADERS = 8
_MAX_HEADER_BYTES = 4096


@dataclass(frozen=True)
class Upload:
    """An uploaded file: the client's name for it, without folders, and the path where it is stored."""

    name: str
    path: Path


class Spool:
    """A context manager that creates a folder in TMPDIR for the uploads of one server, and removes it at the end.

    Only this user can read the folder. It is locked; one without a lock was left behind by a killed process.
    """

    def __enter__(self) -> Self:
        _remove_stale_folders()
        self.folder, self._lock = _create_locked()
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)

    @contextlib.asynccontextmanager
    async def uploads(self, request: Request, settings: Settings) -> AsyncIterator[list[Upload]]:
        """Receive the files of a request, and delete them at the end of the block.

        Raises:
            MalformedUploadError, SlowUploadError, TooLargeError, NotMultipartError, MissingFileError: the request
                is invalid.
            OverloadedError: the disk is full.
        """
        with _report_disk_errors():
            folder = Path(tempfile.mkdtemp(dir=self.folder))
        form = _FormWriter(folder, settings.max_files)
        try:
            await _receive(request, _form_parser(request, form, settings), settings)
            form.require_complete()
            yield form.uploads
        finally:
            with contextlib.suppress(OSError):  # closing flushes again what the full disk refused
                form.close()
            shutil.rmtree(folder, ignore_errors=True)


class _FormWriter:
    """Callbacks of the multipart parser that write each file to disk as it arrives."""

    def __init__(self, folder: Path, max_files: int) -> None:
        self.uploads: list[Upload] = []
        self._folder = folder
        self._max_files = max_files
        self._header: list[bytes] = [b"", b""]
        self._disposition = b""
        self._file: IO[bytes] | None = None
        self._complete = False

    def on_part_begin(self) -> None:
        self._disposition = b""

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def on_header_end(self) -> None:
        name, value = self._header
        if name.lower() == b"content-disposition":
            self._disposition = value
        self._header = [b"", b""]

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if options.get(b"name") != FIELD.encode() or b"filename" not in options:
            raise errors.MissingFileError(f"the form has a part that is not a file named {FIELD!r}; send files only")
        if len(self.uploads) >= self._max_files:
            raise errors.TooLargeError(
                f"the form has more than {self._max_files} files; send the rest in another request"
            )
        upload = Upload(_base_name(options[b"filename"]), self._folder / str(len(self.uploads)))
        self._file = upload.path.open("xb")
        self.uploads.append(upload)

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        assert self._file
        self._file.write(memoryview(data)[start:end])

    def on_end(self) -> None:
        self._complete = True

    def require_complete(self) -> None:
        if not self._complete:
            raise errors.MalformedUploadError("the form is incomplete; send it again")
        if not self.uploads:
            raise errors.MissingFileError(f"the form contains no file; send at least one as {FIELD!r}")

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None


def _form_parser(request: Request, form: _FormWriter, settings: Settings) -> MultipartParser:
    """Return a parser for the body of a request after checking its headers."""
    content_type, options = parse_options_header(request.headers.get("content-type"))
    if content_type != b"multipart/form-data":
        raise errors.NotMultipartError(f"the body must be multipart/form-data with files as {FIELD!r}; try `curl -F`")
    if not options.get(b"boundary"):
        raise errors.MalformedUploadError("the Content-Type header has no boundary; let your HTTP library set it")
    _check_size(int(request.headers.get("content-length", 0)), settings)
    callbacks: MultipartCallbacks = {
        "on_part_begin": form.on_part_begin,
        "on_header_field": form.on_header_field,
        "on_header_value": form.on_header_value,
        "on_header_end": form.on_header_end,
        "on_headers_finished": form.on_headers_finished,
        "on_part_data": form.on_part_data,
        "on_part_end": form.close,
        "on_end": form.on_end,
    }
    try:
        return MultipartParser(
            options[b"boundary"], callbacks, max_header_count=_MAX_PART_HEADERS, max_header_size=_MAX_HEADER_BYTES
        )
    except FormParserError as error:
        raise _malformed(error) from error


async def _receive(request: Request, parser: MultipartParser, settings: Settings) -> None:
    received = 0
    try:
        async with asyncio.timeout(settings.upload_seconds):
            async for chunk in request.stream():
                received += len(chunk)
                _check_size(received, settings)
                with _report_disk_errors():
                    parser.write(chunk)
    except TimeoutError as error:
        message = f"the files did not arrive within {settings.upload_seconds:g} s; send fewer at a time"
        raise errors.SlowUploadError(message) from error
    except FormParserError as error:
        raise _malformed(error) from error


@contextlib.contextmanager
def _report_disk_errors() -> Iterator[None]:
    """Convert errors of writing to disk, which is probably full, to an OverloadedError."""
    try:
        yield
    except OSError as error:
        raise errors.OverloadedError(f"the upload cannot be stored ({error.strerror}); try again later") from error


def _check_size(size: int, settings: Settings) -> None:
    if size > settings.max_bytes:
        raise errors.TooLargeError(f"the request is larger than {settings.max_mb} MB; send smaller or fewer files")


def _malformed(error: FormParserError) -> errors.MalformedUploadError:
    return errors.MalformedUploadError(f"the form is malformed ({error}); let your HTTP library encode it")


def _base_name(filename: bytes) -> str:
    """Return the last component of a client's file name, whichever separators its system uses."""
    return re.split(r"[/\\]", filename.decode("utf-8", "replace"))[-1] or "file"


def _remove_stale_folders() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        lock = _lock(folder, block=False)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _create_locked() -> tuple[Path, int | None]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = _lock(folder, block=True)
        if folder.exists():  # else another starting server removed it as stale before it was locked
            return folder, lock


def _lock(folder: Path, *, block: bool) -> int | None:
    """Lock a folder of this user until the returned descriptor is closed.

    None if another process holds the lock or the system has no such locks (Windows).
    """
    try:
        import fcntl
    except ModuleNotFoundError:
        return None
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if os.fstat(lock).st_uid == os.getuid():
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if block else fcntl.LOCK_NB))
            return lock
    except OSError:
        pass
    os.close(lock)
    return None
