"""Examples and errors for the OpenAPI document."""

from typing import Any

from pydantic.json_schema import models_json_schema

from genrelens import errors
from genrelens.errors import GenrelensError
from genrelens.web.core.problems import MEDIA_TYPE, Problem, status_for, title_of, type_of
from genrelens.web.core.uploads import FIELD

_SCHEMAS = "#/components/schemas/{model}"

Responses = dict[int | str, dict[str, Any]]

_INSTANCE = "urn:uuid:6f1c2f0e-6c0e-4b0e-9d3a-1f6d3f0b8f5e"

_EXAMPLES: dict[type[GenrelensError], str] = {
    errors.MalformedUploadError: "the form breaks off before its end; send it anew",
    errors.UnauthorisedError: "this server wants an API key; send it as `Authorization: Bearer KEY`",
    errors.ModelNotFoundError: "there is no model 'bach'; this server has lens",
    errors.SlowUploadError: "the files did not arrive within 120 s; send fewer at a time",
    errors.TooLargeError: "the request has more than 64 MB; send smaller files, or fewer",
    errors.TooLongError: "mix.mp3 lasts more than the 3600 s of audio that this server takes; send a part of it",
    errors.NotMultipartError: "the body must be multipart/form-data with files as 'file'; try `curl -F`",
    errors.MissingFileError: "there is no file in the form; send at least one as 'file'",
    errors.UndecodableAudioError: "notes.txt is not audio in a format that we know, or its beginning is damaged; "
    "try to play it",
    errors.DeadlineError: "song.mp3 was not done within 60 s; send a shorter file, or ask for fewer windows",
    errors.ShareExceededError: "4 of your requests are under way; wait until one has ended",
    errors.OverloadedError: "16 requests are under way, and no more can be taken; try again soon",
    errors.TrackNotFoundError: "there is no track 99 in this library; search for one",
    errors.NoTracksError: "song.mp3 has no embedding: tilt gives none; judge it with lens or mn04",
    errors.CatalogError: "library.db was written by another GenreLens; open it with `genrelens library` once",
    errors.NotReadyError: "no worker has its models loaded yet; try again soon",
}

EXAMPLE_RESULTS = {
    "results": [
        {
            "path": "song.mp3",
            "genre": "jazz",
            "genres": ["jazz"],
            "confidence": 0.91,
            "scores": [{"label": "jazz", "score": 0.91}, {"label": "blues", "score": 0.04}],
            "segments": [
                {
                    "start": 0.0,
                    "end": 10.0,
                    "scores": [{"label": "jazz", "score": 0.88}, {"label": "blues", "score": 0.06}],
                    "music": 0.98,
                }
            ],
            "music": 0.98,
            "duration": 10.0,
            "model": "lens",
            "version": "2",
            "warnings": [],
        },
        {
            "path": "notes.txt",
            "error": {"type": "UndecodableAudioError", "message": _EXAMPLES[errors.UndecodableAudioError]},
            "status": 422,
        },
    ]
}
EXAMPLE_MODELS = {"models": [{"name": "lens", "summary": "Ten genres from a small net", "default": True}]}
EXAMPLE_CARD = {"name": "lens", "version": "2", "labels": ["blues", "classical", "jazz"], "licence": "MIT"}

UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "additionalProperties": False,
                    "properties": {
                        FIELD: {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                            "description": "Audio in any common format, or a film with sound; repeat it for more.",
                        }
                    },
                }
            }
        },
    }
}


def problems(*kinds: type[GenrelensError]) -> Responses:
    """What a route may answer when something is wrong, with examples."""
    schema = {"$ref": _SCHEMAS.format(model=Problem.__name__)}
    responses: Responses = {
        "default": {"description": "Whatever else is wrong", "content": {MEDIA_TYPE: {"schema": schema}}}
    }
    for kind in kinds:
        title, status = title_of(kind), status_for(kind)
        content = {"schema": schema, "examples": {}}
        response = responses.setdefault(status, {"description": title, "content": {MEDIA_TYPE: content}})
        examples = response["content"][MEDIA_TYPE]["examples"]
        examples[kind.__name__] = {"summary": title, "value": _example(kind)}
    return responses


def problem_schemas() -> dict[str, Any]:
    """The components that `problems` refers to: FastAPI knows no models but of answers of one media type."""
    _, schemas = models_json_schema([(Problem, "serialization")], ref_template=_SCHEMAS)
    defined: dict[str, Any] = schemas["$defs"]
    return defined


def example(value: Any) -> dict[str, Any]:
    """The content of an answer that went well."""
    return {"content": {"application/json": {"example": value}}}


def _example(kind: type[GenrelensError]) -> dict[str, Any]:
    return {
        "type": type_of(kind),
        "title": title_of(kind),
        "status": status_for(kind),
        "detail": _EXAMPLES[kind],
        "instance": _INSTANCE,
    }
