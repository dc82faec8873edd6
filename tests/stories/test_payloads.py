"""Every payload that is known of the API, through the client, on both loops: what a user gets of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import segmind_swap
from segmind_swap import SubmissionUnknownError, SwapError, SwapFailedError, SwapJob, SwapState

from ..support.scripted_service import PICTURES, PNG, Scripted, Step, client, poll_url

PAYLOADS = {
    payload["id"]: payload
    for payload in map(
        json.loads, (Path(__file__).parents[1] / "payloads" / "payloads.jsonl").read_text().splitlines()
    )
}

# What a call ends in: the name of an error, or what its value says.
ENDINGS: dict[str, str] = {
    "F01-submit-queued": "https://api.segmind.com/workflows/request/5b1f0c2d9e8a47463b21c0ffee001122",
    "F02-submit-min": "https://api.segmind.com/workflows/request/5b1f0c2d9e8a47463b21c0ffee001122",
    "F03-submit-legacy-poll": "https://api.segmind.com/requests/5b1f0c2d9e8a47463b21c0ffee001122",
    "F04-submit-v2": "https://api.segmind.com/v1/requests/0d9a8f10-6f3c-4e0e-9a51-2b7f6f0c1d22",
    "F05-submit-no-poll-url": "SubmissionUnknownError",
    "F06-submit-inline-result": "https://images.segmind.com/generations/a1.png",
    "F07-submit-foreign-poll-host": "SubmissionUnknownError",
    "F08-submit-not-json": "SubmissionUnknownError",
    "F09-poll-queued": "QUEUED",
    "F10-poll-processing": "PROCESSING",
    "F11-poll-unknown-state": "PROCESSING",
    "F12-poll-completed-string-list": "https://images.segmind.com/generations/a1.png",
    "F13-poll-completed-two-items": "https://images.segmind.com/generations/a2.jpeg",
    "F14-poll-completed-parsed-list": "https://images.segmind.com/generations/a3.png",
    "F15-poll-completed-string-dict": "https://images.segmind.com/generations/a4.png",
    "F16-poll-completed-plain-url": "https://images.segmind.com/generations/a5.webp",
    "F17-poll-completed-top-level-key": "https://images.segmind.com/generations/a6.png",
    "F18-poll-completed-outputs-key": "https://images.segmind.com/generations/a7.png",
    "F19-poll-completed-empty": "OutputError",
    "F20-poll-completed-empty-list": "OutputError",
    "F21-poll-completed-bad-json": "OutputError",
    "F22-poll-completed-null": "OutputError",
    "F23-poll-succeeded-alias": "https://images.segmind.com/generations/a8.png",
    "F24-poll-failed-error": "No character found in character_image",
    "F25-poll-failed-error_message-object": "Input image could not be downloaded; Node failed",
    "F26-poll-failed-error_message-array": "segmenter: No mask produced; inpaint: Skipped",
    "F27-poll-failed-bare": "",
    "F28-poll-failed-422": "Reference image must be a valid http(s) URL",
    "F29-poll-404-expired": "NotFoundError",
    "F30-poll-429": "RateLimitError",
    "F31-poll-502-html": "ServerError",
    "F32-submit-400": "BadRequestError",
    "F33-submit-401-missing": "AuthenticationError",
    "F34-submit-401-invalid": "AuthenticationError",
    "F35-submit-401-oauth-style": "AuthenticationError",
    "F36-submit-403": "PermissionDeniedError",
    "F37-submit-404": "NotFoundError",
    "F38-submit-405-html": "BadRequestError",
    "F39-submit-406-credits": "InsufficientCreditsError",
    "F40-submit-406-content-type": "BadRequestError",
    "F41-submit-406-text": "InsufficientCreditsError",
    "F42-submit-402": "InsufficientCreditsError",
    "F43-submit-429-no-hint": "RateLimitError",
    "F44-submit-429-retry-after": "RateLimitError",
    "F45-submit-500": "ServerError",
    "F46-submit-504-html": "SubmissionUnknownError",
    "F47-submit-302": "BadRequestError",
    "F48-error-nested": "BadRequestError",
    "F49-error-array-body": "ServerError",
    # One picture is sent, so an answer that names two cannot be trusted to name it.
    "F50-upload-file_urls": "ResponseError",
    "F51-upload-urls": "https://storage.segmind.com/assets/u3.png",
    "F52-upload-empty": "ResponseError",
    "F53-upload-413": "BadRequestError",
    "F54-credits": "9.8478 0.0184921035",
    "F55-credits-404": "NotFoundError",
    # A webhook is no call of the client's; as the answer to a poll its body is understood all the same.
    "F56-webhook-run": "https://images.segmind.com/generations/a1.png",
}
CALLS = {"S": "submit", "P": "poll", "U": "upload", "C": "credits", "W": "poll"}


def test_every_payload_has_its_ending() -> None:
    assert sorted(ENDINGS) == sorted(PAYLOADS)
    assert len(PAYLOADS) == 56


async def _ending(call: str, step: Step) -> str:
    service = Scripted(**{call: step})
    async with client(service, timeout=30.0) as swaps:
        match call:
            case "submit":
                job = await swaps.submit(**PICTURES)
                return job.poll_url or (await swaps.wait(job)).url
            case "upload":
                return await swaps.upload(PNG)
            case "credits":
                left = await swaps.credits()
                return f"{left.credits} {left.free_credits}"
            case _:
                job = SwapJob(poll_url=poll_url(), workflow="w", submitted_at=datetime.now(UTC))
                found = await swaps.status(job)
                if not found.state.final:
                    return found.state.value
                try:
                    return (await swaps.wait(job)).url
                except SwapFailedError as error:
                    assert found.state is SwapState.FAILED
                    return error.reason


@pytest.mark.parametrize("name", sorted(PAYLOADS))
async def test_a_payload_ends_as_it_should(name: str) -> None:
    payload: dict[str, Any] = PAYLOADS[name]
    body = payload["text"] if "text" in payload else payload["body"]
    step = Step(status=payload["http"], body=body, headers=payload.get("headers", {}))
    expected = ENDINGS[name]
    try:
        found = await _ending(CALLS[payload["call"]], step)
    except SwapError as error:
        assert type(error).__name__ == expected
        assert type(error) is getattr(segmind_swap, expected)
        if isinstance(error, SubmissionUnknownError):
            assert error.possible_duplicates >= 1
    else:
        assert found == expected
