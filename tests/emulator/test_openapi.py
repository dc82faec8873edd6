"""The emulator and the OpenAPI document of the contract say the same."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import anyio
import httpx
import pytest
import requests
import schemathesis
import schemathesis.openapi
from hypothesis import HealthCheck, settings
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from segmind_swap.emulator import (
    Acceptance,
    Emulator,
    FailureShape,
    OutputShape,
    PollPath,
    ResetFormat,
    StateWords,
    UploadField,
)

from .calling import KEY, PAYLOADS, SWAP, connect, picture, submit

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "openapi.yaml"
SCHEMA = schemathesis.openapi.from_path(DOCUMENT)

EXAMPLES = 40
"""Requests that are made up for each operation, besides those for the borders of each parameter."""

SEQUENCES = 30
"""Ways from a submit onwards."""

PATIENCE = 300.0
"""Seconds after which something hangs, whatever else the machine has to do."""

# How long it takes to make a request up, and how many are thrown away, is not what is tested.
STEADY = settings(settings.get_profile("steady"), suppress_health_check=list(HealthCheck))

CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]

OPERATIONS = {
    "S": ("/workflows/{workflow}", "POST"),
    "P": ("/workflows/request/{request_id}", "GET"),
    "U": ("/upload-asset", "POST"),
    "C": ("/v1/get-user-credits", "GET"),
}
"""By the letters of the published payloads."""

NO_ANSWERS = {"F05", "F06", "F07", "F08", "F22", "F47", "F52"}
"""Payloads that a client has to survive, and that no document speaks of."""


def compare(call: str, response: httpx.Response) -> None:
    """Fails unless the document has this answer to a call."""
    path, method = OPERATIONS[call]
    case = SCHEMA[path][method].Case(path_parameters={"workflow": "any", "request_id": "any"})
    case.validate_response(response, checks=CHECKS)


def published(payload: dict[str, Any]) -> httpx.Response:
    """A published answer, as if it had just come."""
    content = {"json": payload["body"]} if "body" in payload else {"text": payload.get("text", "")}
    request = httpx.Request("GET", "https://api.segmind.com/")
    headers = payload.get("headers")
    response = httpx.Response(payload["http"], headers=headers, request=request, **content)
    response.elapsed = timedelta(0)
    return response


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Emulator, str]]:
    emulator = Emulator(duration=0, engine="none", credits_usd=1e9)
    with emulator.serve() as url:
        yield emulator, url


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.mark.real_time
@SCHEMA.parametrize()
@settings(STEADY, max_examples=EXAMPLES)
def test_what_is_answered_to_made_up_requests_is_in_the_document(
    case: Any, served: tuple[Emulator, str], session: requests.Session
) -> None:
    case.call_and_validate(base_url=served[1], session=session, headers=KEY, timeout=PATIENCE)


@pytest.mark.real_time
def test_what_is_answered_along_the_links_of_the_document_is_in_it(
    served: tuple[Emulator, str], session: requests.Session
) -> None:
    emulator, url = served
    before = emulator.count("poll")

    class Sequences(SCHEMA.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"base_url": url, "headers": KEY, "session": session, "timeout": PATIENCE}

    Sequences.run(settings=settings(STEADY, max_examples=SEQUENCES, stateful_step_count=6))
    answered = [call.status for call in emulator.calls if call.kind == "poll" and call.number > before]
    assert answered.count(200) >= SEQUENCES / 5, "polls of jobs that there are"


# The switches


SWITCHES = [
    *({"acceptance": value} for value in get_args(Acceptance)),
    *({"poll_path": value} for value in get_args(PollPath)),
    *({"state_words": value} for value in get_args(StateWords)),
    *({"output": value} for value in get_args(OutputShape)),
    *({"failure": value} for value in get_args(FailureShape)),
    *({"failure": value, "failed_status": 422} for value in get_args(FailureShape)),
    *({"reset_format": value} for value in get_args(ResetFormat)),
    *({"upload_field": value} for value in get_args(UploadField)),
    {"metrics": True, "refund_failed": True},
    {"no_credits_status": 402},
]


@pytest.mark.parametrize("switches", SWITCHES, ids=lambda each: "-".join(map(str, each.values())))
async def test_what_each_switch_answers_is_in_the_document(switches: dict[str, Any]) -> None:
    emulator = Emulator(rate_limit=2, credits_usd=0.4, **switches)
    async with connect(emulator) as client:
        url = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
        uploaded = await client.post("/upload-asset", json={"data_urls": [url]})
        compare("U", uploaded)
        seen = []
        for scene in ("https://pictures.example/street.png", "http://127.0.0.1/files/gone.png"):
            accepted = await submit(client, **{**SWAP, "character_image": scene})
            compare("S", accepted)
            for wait in (1, 30, 60):
                await anyio.sleep(wait)
                polled = await client.get(accepted.json()["poll_url"])
                compare("P", polled)
                seen.append(polled.status_code)
        compare("S", await submit(client))
    assert set(seen) == {200, switches.get("failed_status", 200)}


async def test_what_a_limit_answers_is_in_the_document() -> None:
    for form in get_args(ResetFormat):
        async with connect(Emulator(rate_limit=1, reset_format=form)) as client:
            await submit(client)
            refused = await submit(client)
        assert refused.status_code == 429
        compare("S", refused)


# The document itself


@pytest.mark.parametrize("payload", sorted(PAYLOADS.keys() - NO_ANSWERS))
def test_a_published_answer_is_in_the_document(payload: str) -> None:
    if (call := PAYLOADS[payload]["call"]) in OPERATIONS:
        compare(call, published(PAYLOADS[payload]))


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("S", {"http": 200, "body": {"request_id": "1"}}),
        ("S", {"http": 418, "body": {"error": "a teapot"}}),
        ("S", {"http": 429, "body": {"error": "x"}, "headers": {"x-rate-limit-reset-at-utc": "soon"}}),
        ("P", {"http": 200, "body": {"status": "COMPLETED", "output": 7}}),
        ("P", {"http": 200, "body": {"status": "FAILED", "error": 7}}),
        ("P", {"http": 200, "body": {"status": "PROCESSING", "output": "early"}}),
        ("P", {"http": 200, "text": "<p>ok", "headers": {"content-type": "text/html"}}),
        ("U", {"http": 200, "body": {"file_urls": []}}),
        ("C", {"http": 200, "body": {"credits": "much"}}),
    ],
)
def test_a_wrong_answer_is_not_in_the_document(call: str, answer: dict[str, Any]) -> None:
    with pytest.raises(FailureGroup):
        compare(call, published(answer))
