"""The document says what the server does, and the server does what the document says."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from genrelens.web.core.openapi import EXAMPLE_MODELS, EXAMPLE_RESULTS
from genrelens.web.core.problems import MEDIA_TYPE, Problem
from genrelens.web.routes.responses import Models, Results, Status
from tests.support.server import Server


@pytest.fixture(scope="session")
def document(server: Server) -> dict[str, Any]:
    answer: dict[str, Any] = server.get("/openapi.json").json()
    return answer


@pytest.fixture(scope="session")
def api(server: Server) -> Any:
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


@pytest.mark.parametrize(
    ("path", "method", "mode"),
    [
        ("/v1/predictions", "POST", GenerationMode.POSITIVE),
        ("/v1/predictions", "POST", GenerationMode.NEGATIVE),
        ("/v1/models", "GET", GenerationMode.POSITIVE),
        ("/v1/models/{name}", "GET", GenerationMode.POSITIVE),
        ("/healthz", "GET", GenerationMode.POSITIVE),
        ("/readyz", "GET", GenerationMode.POSITIVE),
        ("/metrics", "GET", GenerationMode.POSITIVE),
    ],
)
def test_whatever_is_asked_the_answer_is_in_the_document(
    api: Any, path: str, method: str, mode: GenerationMode
) -> None:
    operation = api[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def ask(case: Any) -> None:
        case.call_and_validate(
            excluded_checks=[positive_data_acceptance]
        )  # any bytes fit the schema, and few are music

    ask()


def test_routes(document: dict[str, Any]) -> None:
    assert {path: sorted(operations) for path, operations in document["paths"].items()} == {
        "/v1/predictions": ["post"],
        "/v1/models": ["get"],
        "/v1/models/{name}": ["get"],
        "/healthz": ["get"],
        "/readyz": ["get"],
        "/metrics": ["get"],
    }


def test_every_error_is_a_problem_with_an_example(document: dict[str, Any]) -> None:
    responses = document["paths"]["/v1/predictions"]["post"]["responses"]
    assert set(responses) == {"200", "400", "401", "404", "408", "413", "415", "422", "429", "503", "default"}
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status != "200":
                    assert set(response["content"]) == {MEDIA_TYPE}
                    for example in response["content"][MEDIA_TYPE].get("examples", {}).values():
                        assert Problem.model_validate(example["value"]).status == int(status)


def test_examples_have_the_shape_of_answers() -> None:
    Results.model_validate(EXAMPLE_RESULTS)
    Models.model_validate(EXAMPLE_MODELS)
    Status.model_validate({"status": "ready"})


def test_why_has_the_shape_that_explain_gives() -> None:
    explain = pytest.importorskip("genrelens.explain.explainer", reason="explanations are not there yet")
    from genrelens.web.routes import responses

    for name in ("Explanation", "Spectrogram"):
        ours, theirs = getattr(responses, name), getattr(explain, name)
        assert list(ours.model_fields) == list(theirs.model_fields)
        schemas = [{**shape.model_json_schema(), "description": ""}["properties"] for shape in (ours, theirs)]
        assert schemas[0] == schemas[1]
