from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from genrelens.web.core.problems import MEDIA_TYPE, Problem
from genrelens.web.routes.responses import EXAMPLE_MODELS, EXAMPLE_RESULTS, Models, Results, Status
from tests.support.server import Server


@pytest.fixture(scope="session")
def document(server: Server) -> dict[str, Any]:
    content: dict[str, Any] = server.get("/openapi.json").json()
    return content


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
def test_every_response_conforms_to_the_document(api: Any, path: str, method: str, mode: GenerationMode) -> None:
    operation = api[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def check(case: Any) -> None:
        case.call_and_validate(
            excluded_checks=[positive_data_acceptance]
        )  # the schema accepts any bytes, few of which are audio

    check()


def test_the_document_lists_all_routes(document: dict[str, Any]) -> None:
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


def test_examples_are_valid_responses() -> None:
    Results.model_validate(EXAMPLE_RESULTS)
    Models.model_validate(EXAMPLE_MODELS)
    Status.model_validate({"status": "ready"})
