"""The files of a request: from the wire straight to a folder that no one else can read, and gone when the block ends.

Files are called 0, 1, 2 there: what the client calls them is only ever told back.
"""

import asyncio
import contextlib
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

from genrelens.errors import (
    MalformedUploadError,
    MissingFileError,
    NotMultipartError,
    OverloadedError,
    SlowUploadError,
    TooLargeError,
)
from genrelens.web.core.private_folder import private_folder
from genrelens.web.core.settings import MB, Settings

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FIELD = "file"

_MOST_HEADERS = 8  # of a part
_LONGEST_HEADER = 4096  # bytes

_FORM = b"multipart/form-data"


@dataclass(frozen=True)
class Upload:
    """A file that was sent: what the client calls it, without folders, and where it lies."""

    name: str
    path: Path


class Spool:
    """A private folder for the uploads of one server. Use it in a `with`."""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._folder = stack.enter_context(private_folder())
            self._closing = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @contextlib.asynccontextmanager
    async def uploads(self, request: Request, settings: Settings) -> AsyncIterator[list[Upload]]:
        """Receive all files of a request; they are deleted when the block ends, however it does.

        Raises:
            MalformedUploadError, SlowUploadError, TooLargeError, NotMultipartError, MissingFileError: the request
                cannot be used.
            OverloadedError: the disk is full.
        """
        with _room():
            folder = Path(tempfile.mkdtemp(dir=self._folder))
        form = _Form(folder, settings.max_files)
        try:
            await _receive(request, _parser(request, form, settings), settings)
            form.require_complete()
            yield form.uploads
        finally:
            with contextlib.suppress(OSError):  # what could not be written is written again, in vain
                form.close()
            shutil.rmtree(folder, ignore_errors=True)


class _Form:
    """What the parser tells of, written to files as it comes."""

    def __init__(self, folder: Path, most_files: int) -> None:
        self.uploads: list[Upload] = []
        self._folder = folder
        self._most_files = most_files
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
            raise MissingFileError(f"a part of the form is no file called {FIELD!r}; send files alone, as {FIELD!r}")
        if len(self.uploads) >= self._most_files:
            raise TooLargeError(f"there are more than {self._most_files} files; send the others in another request")
        upload = Upload(_base_name(options[b"filename"]), self._folder / str(len(self.uploads)))
        self._file = upload.path.open("xb")
        self.uploads.append(upload)

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        assert self._file
        self._file.write(memoryview(data)[start:end])

    def on_part_end(self) -> None:
        self.close()

    def on_end(self) -> None:
        self._complete = True

    def require_complete(self) -> None:
        if not self._complete:
            raise MalformedUploadError("the form breaks off before its end; send it anew")
        if not self.uploads:
            raise MissingFileError(f"there is no file in the form; send at least one as {FIELD!r}")

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None


def _parser(request: Request, form: _Form, settings: Settings) -> MultipartParser:
    """What cuts the body into what the form is told; what the header says of the body must be right."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != _FORM:
        raise NotMultipartError(f"the body must be multipart/form-data with files as {FIELD!r}; try `curl -F`")
    if not options.get(b"boundary"):
        raise MalformedUploadError("the Content-Type tells no boundary; let your HTTP library write that header")
    _check_size(int(request.headers.get("content-length", 0)), settings)
    told: MultipartCallbacks = {
        "on_part_begin": form.on_part_begin,
        "on_header_field": form.on_header_field,
        "on_header_value": form.on_header_value,
        "on_header_end": form.on_header_end,
        "on_headers_finished": form.on_headers_finished,
        "on_part_data": form.on_part_data,
        "on_part_end": form.on_part_end,
        "on_end": form.on_end,
    }
    try:
        return MultipartParser(
            options[b"boundary"], told, max_header_count=_MOST_HEADERS, max_header_size=_LONGEST_HEADER
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
                with _room():
                    parser.write(chunk)
    except TimeoutError as error:
        raise SlowUploadError(
            f"the files did not arrive within {settings.upload_seconds:g} s; send fewer at a time"
        ) from error
    except FormParserError as error:
        raise _malformed(error) from error


@contextlib.contextmanager
def _room() -> Iterator[None]:
    """Write to the disk while the block runs.

    Raises:
        OverloadedError: it is full.
    """
    try:
        yield
    except OSError as error:
        raise OverloadedError(f"the files cannot be kept ({error.strerror}); try later") from error


def _check_size(size: int, settings: Settings) -> None:
    if size > settings.max_bytes:
        raise TooLargeError(f"the request has more than {settings.max_bytes / MB:g} MB; send smaller files, or fewer")


def _malformed(error: FormParserError) -> MalformedUploadError:
    return MalformedUploadError(f"the form cannot be read ({error}); let your HTTP library write it")


def _base_name(given: bytes) -> str:
    """The last part of what a client calls a file, whose system may have other separators than ours."""
    return re.split(r"[/\\]", given.decode("utf-8", "replace"))[-1] or "file"
