"""Error responses and the request body in the OpenAPI document."""

from typing import Any

from pydantic.json_schema import models_json_schema

from genrelens import errors
from genrelens.errors import GenrelensError
from genrelens.web.core.problems import MEDIA_TYPE, Problem
from genrelens.web.core.settings import Settings
from genrelens.web.core.uploads import FIELD

_SCHEMAS = "#/components/schemas/{model}"
_REQUEST_ID = "6f1c2f0e-6c0e-4b0e-9d3a-1f6d3f0b8f5e"
_LIMITS = Settings()

Responses = dict[int | str, dict[str, Any]]

EXAMPLE_DETAILS: dict[type[GenrelensError], str] = {
    errors.MalformedUploadError: "the form is incomplete; send it again",
    errors.UnauthorisedError: "an API key is required; send it as `Authorization: Bearer KEY`",
    errors.ModelNotFoundError: "this server has no model 'bach'; it has lens",
    errors.SlowUploadError: f"the files did not arrive within {_LIMITS.upload_seconds:g} s; send fewer at a time",
    errors.TooLargeError: f"the request is larger than {_LIMITS.max_mb} MB; send smaller or fewer files",
    errors.TooLongError: f"mix.mp3 is longer than the {_LIMITS.max_seconds:g} s of audio that this server accepts; "
    "send a part of it",
    errors.NotMultipartError: f"the body must be multipart/form-data with files as {FIELD!r}; try `curl -F`",
    errors.MissingFileError: f"the form contains no file; send at least one as {FIELD!r}",
    errors.UndecodableAudioError: "notes.txt is not audio in a supported format, or its beginning is damaged; "
    "check that it plays",
    errors.DeadlineError: f"song.mp3 was not processed within {_LIMITS.file_seconds:g} s; send a shorter file or "
    "request fewer windows",
    errors.ShareExceededError: f"you already have {_LIMITS.max_share} requests in progress; wait for one to finish",
    errors.OverloadedError: f"the server is at its limit of {_LIMITS.max_requests} requests; try again soon",
    errors.TrackNotFoundError: "this library has no track 99; search for one",
    errors.NoTracksError: "song.mp3 has no embedding, as tilt does not compute any; classify it with lens or mn04",
    errors.CatalogError: "library.db was written by another version of GenreLens; "
    "open it once with `genrelens library`",
    errors.NotReadyError: "no worker has loaded its models yet; try again soon",
}

_FILES = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "string", "format": "binary"},
    "description": "Audio in any common format, or video with sound; repeat for more files.",
}
_FORM = {"type": "object", "required": [FIELD], "additionalProperties": False, "properties": {FIELD: _FILES}}
UPLOAD_BODY = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}}


def problem_responses(*kinds: type[GenrelensError]) -> Responses:
    """Return the error responses of a route, with an example for each class of errors."""
    schema = {"$ref": _SCHEMAS.format(model=Problem.__name__)}
    responses: Responses = {"default": {"description": "Any other error", "content": {MEDIA_TYPE: {"schema": schema}}}}
    for kind in kinds:
        problem = Problem.from_error(kind(EXAMPLE_DETAILS[kind]), _REQUEST_ID)
        content = {MEDIA_TYPE: {"schema": schema, "examples": {}}}
        response = responses.setdefault(problem.status, {"description": problem.title, "content": content})
        example = {"summary": problem.title, "value": problem.model_dump(exclude_none=True)}
        response["content"][MEDIA_TYPE]["examples"][kind.__name__] = example
    return responses


def problem_schemas() -> dict[str, Any]:
    """Return the schemas that `problem_responses` refers to; FastAPI only adds schemas of JSON responses."""
    _, schemas = models_json_schema([(Problem, "serialization")], ref_template=_SCHEMAS)
    return dict(schemas["$defs"])


def json_example(value: Any) -> dict[str, Any]:
    """Return the content of a successful response with an example."""
    return {"content": {"application/json": {"example": value}}}
