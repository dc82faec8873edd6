"""Each open question of the API is a switch of the emulator, and the client is safe under each position."""

from typing import Any, get_args

import anyio
import httpx
import pytest

from segmind_swap import (
    BadRequestError,
    InsufficientCreditsError,
    OutputError,
    RateLimitError,
    RetryPolicy,
    SubmissionUnknownError,
    SwapClient,
    SwapExpiredError,
    SwapFailedError,
    SwapJob,
    SwapResult,
)
from segmind_swap.emulator import (
    Acceptance,
    Emulator,
    FailureShape,
    Fault,
    OutputShape,
    PollPath,
    ResetFormat,
    StateWords,
    UploadField,
    UrlSpelling,
)

from .calling import NOWHERE, SWAP, body_of, connect, picture, submit


def client_of(emulator: Emulator, **settings: Any) -> SwapClient:
    transport = httpx.ASGITransport(app=emulator.app)
    return SwapClient("emulator-key", base_url="http://127.0.0.1", transport=transport, **settings)


async def swapped(emulator: Emulator, **settings: Any) -> SwapResult:
    """A swap from upload to download, which was billed once."""
    async with client_of(emulator, **settings) as client:
        result = await client.swap(
            reference_character_image=picture("red"), character_image=picture("blue"), timeout=200
        )
        assert (await client.read(result)).startswith(b"\x89PNG")
    assert [charge.outcome for charge in emulator.ledger] == ["COMPLETED"]
    return result


async def swap(client: SwapClient, fields: dict[str, str], number: int = 0) -> SwapResult:
    return await client.swap(
        reference_character_image=f"{fields['reference_character_image']}?{number}",
        character_image=fields["character_image"],
    )


async def sent(client: SwapClient) -> SwapJob:
    """A bare submit."""
    return await client.submit(
        reference_character_image=SWAP["reference_character_image"], character_image=SWAP["character_image"]
    )


@pytest.mark.parametrize("acceptance", get_args(Acceptance))
@pytest.mark.parametrize("poll_path", get_args(PollPath))
async def test_a_job_is_found_under_whatever_path_it_was_given(poll_path: Any, acceptance: Any) -> None:
    emulator = Emulator(poll_path=poll_path, acceptance=acceptance)
    result = await swapped(emulator)
    (charge,) = emulator.ledger
    assert result.job.poll_url == f"http://127.0.0.1{poll_path}/{charge.request_id}"
    assert result.job.request_id == charge.request_id, "told by a header at least"


@pytest.mark.parametrize("auth", ["bearer", "x-api-key", "both"])
async def test_a_key_is_taken_in_whichever_header_is_accepted(auth: Any) -> None:
    emulator = Emulator(auth=auth)
    await swapped(emulator)
    assert emulator.count("submit") == (2 if auth == "x-api-key" else 1), "a 401 bills nothing"


@pytest.mark.parametrize("words", get_args(StateWords))
async def test_a_job_goes_well_in_whatever_words(words: Any) -> None:
    await swapped(Emulator(state_words=words))


@pytest.mark.parametrize("words", get_args(StateWords))
async def test_a_job_goes_wrong_in_whatever_words(words: Any) -> None:
    emulator = Emulator(state_words=words)
    async with client_of(emulator) as client:
        with pytest.raises(SwapFailedError, match="Input image could not be downloaded"):
            await swap(client, NOWHERE)
    assert len(emulator.ledger) == 1


@pytest.mark.parametrize("output", [shape for shape in get_args(OutputShape) if shape != "nothing"])
async def test_the_picture_is_found_in_whatever_shape_it_comes(output: Any) -> None:
    emulator = Emulator(output=output)
    result = await swapped(emulator)
    assert result.url == f"http://127.0.0.1/files/{emulator.ledger[0].request_id}.png"


async def test_a_job_that_names_no_picture_was_paid_and_says_so() -> None:
    emulator = Emulator(output="nothing")
    async with client_of(emulator) as client:
        with pytest.raises(OutputError) as caught:
            await swap(client, SWAP)
    assert caught.value.job is not None
    assert caught.value.job.request_id == emulator.ledger[0].request_id


@pytest.mark.parametrize("status", [200, 422])
@pytest.mark.parametrize("failure", get_args(FailureShape))
async def test_a_failure_is_read_in_whatever_shape_it_comes(failure: Any, status: Any) -> None:
    emulator = Emulator(failure=failure, failed_status=status)
    async with client_of(emulator) as client:
        with pytest.raises(SwapFailedError) as caught:
            await swap(client, NOWHERE)
    told = caught.value.reason
    assert ("Input image could not be downloaded" in told) is (failure != "bare")
    assert len(emulator.ledger) == 1


@pytest.mark.parametrize("refund", [False, True])
async def test_a_failed_job_may_give_its_price_back(refund: bool) -> None:
    emulator = Emulator(refund_failed=refund, metrics=True)
    body = await body_of(emulator, **NOWHERE)
    (charge,) = emulator.ledger
    assert charge.refunded is refund
    assert emulator.credits_usd == (100.0 if refund else 99.8478)
    assert body["metrics"]["cost"] == (0.0 if refund else 0.1522)
    async with client_of(emulator) as client:
        assert (await client.credits()).credits == emulator.credits_usd


async def test_the_newer_metrics_tell_what_a_swap_cost() -> None:
    result = await swapped(Emulator(metrics=True))
    assert result.cost_usd == 0.1522
    assert (await swapped(Emulator())).cost_usd is None
    body = await body_of(Emulator(metrics=True))
    assert body["metrics"]["total_time"] == 71.89
    assert body["metrics"]["queue_time"] + body["metrics"]["inference_time"] == pytest.approx(71.89)


async def test_a_record_that_is_gone_is_believed_only_after_a_while() -> None:
    emulator = Emulator(record_lifetime=20)
    async with client_of(emulator) as client:
        with pytest.raises(SwapExpiredError) as caught:
            await swap(client, SWAP)
    assert caught.value.job is not None
    assert [call.status for call in emulator.calls if call.kind == "poll"].count(404) >= 3


@pytest.mark.parametrize("form", get_args(ResetFormat))
@pytest.mark.parametrize("count_polls", [False, True])
async def test_a_limit_is_kept_in_whatever_form_its_reset_is_told(form: Any, count_polls: bool) -> None:
    emulator = Emulator(rate_limit=3, count_polls=count_polls, reset_format=form, duration=10)
    async with client_of(emulator) as client, anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(swap, client, SWAP, number)
    assert len(emulator.ledger) == 4
    assert emulator.paid_twice() == []
    assert any(call.status == 429 for call in emulator.calls)


async def test_a_limit_without_a_hint_that_outlasts_the_timeout_is_an_error_and_free() -> None:
    emulator = Emulator(rate_limit=1, reset_format="none")
    async with client_of(emulator, timeout=20) as client:
        await sent(client)
        with pytest.raises(RateLimitError):
            await sent(client)
    assert len(emulator.ledger) == 1


@pytest.mark.parametrize("status", [402, 406])
async def test_an_empty_account_is_told_under_either_status(status: Any) -> None:
    emulator = Emulator(credits_usd=0, no_credits_status=status)
    async with client_of(emulator) as client:
        with pytest.raises(InsufficientCreditsError) as caught:
            await sent(client)
    assert caught.value.status_code == status
    assert emulator.ledger == ()


@pytest.mark.parametrize("bills", [False, True])
@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_submit_behind_a_gateway_error_may_be_billed(status: int, bills: bool) -> None:
    faults = [Fault(on="submit", calls=(1,), status=status)]
    emulator = Emulator(gateway_bills=bills, faults=faults)
    async with client_of(emulator) as client:
        job = await sent(client)
    assert job.possible_duplicates == 1, "which of both it was, nobody tells"
    assert len(emulator.ledger) == (2 if bills else 1)

    strict = Emulator(gateway_bills=bills, faults=faults)
    async with client_of(strict, retry=RetryPolicy(submit="strict")) as client:
        with pytest.raises(SubmissionUnknownError):
            await sent(client)
    assert len(strict.ledger) == (1 if bills else 0)


async def test_a_fault_that_says_for_itself_whether_it_bills_is_obeyed() -> None:
    faults = [
        Fault(on="submit", calls=(1,), status=504, accepts=False),
        Fault(on="submit", calls=(2,), status=500),
        Fault(on="poll", status=504),
    ]
    async with connect(Emulator(gateway_bills=True, faults=faults)) as http:
        emulated = [(await submit(http)).status_code for _ in range(2)]
        assert emulated == [504, 500]
        assert (await http.get("/inference-request/request-history")).json()["total"] == 0


@pytest.mark.parametrize("urls", get_args(UrlSpelling))
async def test_a_swap_goes_well_however_its_urls_are_written(urls: Any) -> None:
    emulator = Emulator(urls=urls)
    result = await swapped(emulator)
    (charge,) = emulator.ledger
    folder = "" if urls == "plain" else "%E7%B5%90%E6%9E%9C%201/"
    assert result.job.poll_url == f"http://127.0.0.1/workflows/request/{folder}{charge.request_id}"
    assert result.url == f"http://127.0.0.1/files/{folder}{charge.request_id}.png"
    assert charge.reference_sha256 is not None
    assert charge.reference_character_image.startswith(f"http://127.0.0.1/files/{folder}")


@pytest.mark.parametrize("field", get_args(UploadField))
async def test_an_upload_is_read_under_either_key(field: Any) -> None:
    await swapped(Emulator(upload_field=field))


async def test_an_upload_beyond_the_limit_of_the_service_is_refused_and_free() -> None:
    emulator = Emulator(upload_limit_bytes=50)
    async with client_of(emulator) as client:
        with pytest.raises(BadRequestError) as caught:
            await client.swap(reference_character_image=picture(), character_image=picture("blue"))
    assert caught.value.status_code == 413
    assert emulator.ledger == ()


@pytest.mark.parametrize(
    "settings",
    [
        {"acceptance": "all"},
        {"poll_path": "/jobs"},
        {"state_words": "french"},
        {"output": "xml"},
        {"failure": "silent"},
        {"failed_status": 500},
        {"no_credits_status": 403},
        {"reset_format": "http-date"},
        {"upload_field": "links"},
        {"urls": "short"},
        {"upload_limit_bytes": 0},
    ],
)
def test_a_position_that_a_switch_does_not_have_is_refused_by_name(settings: dict[str, Any]) -> None:
    (name,) = settings
    with pytest.raises(ValueError, match=f"^`{name}` must be"):
        Emulator(**settings)
