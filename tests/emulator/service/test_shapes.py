"""The bodies whose shape is a choice, against the published payloads."""

import re
from typing import Any

import pytest

from segmind_swap.emulator import (
    Emulator,
)

from ..calling import (
    NOWHERE,
    PAYLOADS,
    body_of,
    connect,
    submit,
)


@pytest.mark.parametrize(("acceptance", "payload"), [("minimal", "F02"), ("v2", "F04")])
async def test_an_acceptance_can_be_another_one_that_was_published(acceptance: Any, payload: str) -> None:
    async with connect(Emulator(acceptance=acceptance)) as http:
        assert set((await submit(http)).json()) == set(PAYLOADS[payload]["body"])


@pytest.mark.parametrize(
    ("output", "payload"),
    [
        ("json-list", "F12"),
        ("list", "F14"),
        ("json-object", "F15"),
        ("url", "F16"),
        ("outputs", "F18"),
        ("nothing", "F19"),
    ],
)
async def test_a_shape_of_output_is_the_published_one(output: Any, payload: str) -> None:
    emulator = Emulator(output=output)
    body = await body_of(emulator)
    published = PAYLOADS[payload]["body"]
    assert _blurred(body) == _blurred(published)


def _blurred(body: Any) -> str:
    """A body without its picture's URL."""
    return re.sub(r"https?:[^'\"]+", "URL", str(body))


@pytest.mark.parametrize(
    ("failure", "payload"), [("error", "F24"), ("object", "F25"), ("list", "F26"), ("bare", "F27")]
)
async def test_a_shape_of_failure_is_the_published_one(failure: Any, payload: str) -> None:
    body = await body_of(Emulator(failure=failure), **NOWHERE)
    published = PAYLOADS[payload]["body"]
    assert {key: type(value) for key, value in body.items()} == {
        key: type(value) for key, value in published.items()
    }


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("iso", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
        ("space", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
        ("epoch-s", r"\d{10}"),
        ("epoch-ms", r"\d{10}000"),
    ],
)
async def test_a_reset_is_written_in_the_form_that_is_set(form: Any, pattern: str) -> None:
    async with connect(Emulator(rate_limit=1, reset_format=form)) as http:
        await submit(http)
        headers = (await submit(http)).headers
    assert re.fullmatch(pattern, headers["x-rate-limit-reset-at-utc"])
    assert "retry-after" not in headers


async def test_a_reset_may_be_in_retry_after_or_nowhere() -> None:
    for form in ("retry-after", "none"):
        async with connect(Emulator(rate_limit=1, reset_format=form)) as http:
            await submit(http)
            headers = (await submit(http)).headers
        assert "x-rate-limit-reset-at-utc" not in headers
        assert headers.get("retry-after") == ("60" if form == "retry-after" else None)


def test_the_payloads_were_all_read() -> None:
    assert len(PAYLOADS) == 56
