"""Words of a job's state that nobody knows: with a picture they are the end, and else they are told."""

from typing import Any

import anyio
import pytest

from segmind_swap import (
    OutcomeState,
    Polled,
    PollPolicy,
    SwapResult,
    SwapState,
    SwapTimeoutError,
)
from segmind_swap.emulator import Fault

from ..support.batches import client_of, emulator, swaps_of
from ..support.scripted_service import (
    PICTURES,
    PROCESSING,
    REFERENCE,
    RESULT,
    SCENE,
    Scripted,
    Step,
    accepted,
    client,
    poll_url,
    says,
)

POLLS_OFTEN = PollPolicy(interval=1.0)


async def swapped(poll: Any, *, timeout: float = 60.0) -> tuple[SwapResult | SwapTimeoutError, list[Polled]]:
    events: list[Any] = []
    async with client(Scripted(poll=poll), polling=POLLS_OFTEN, on_event=events.append) as swaps:
        ending: SwapResult | SwapTimeoutError
        try:
            ending = await swaps.swap(**PICTURES, timeout=timeout)
        except SwapTimeoutError as error:
            ending = error
    return ending, [event for event in events if isinstance(event, Polled)]


def body(word: object, **more: Any) -> Step:
    return Step(body={**({} if word is None else {"status": word}), **more})


SHAPES: list[Any] = [
    {"output": RESULT},
    {"output": [{"keyname": "picture", "value": {"data": RESULT, "type": "image"}}]},
    {"output": f'["{RESULT}"]'},
    {"outputs": {"picture": RESULT}},
    {"output": [SCENE, RESULT, REFERENCE]},
    {"output": "", "outputs": [RESULT], "error": None, "message": "the run has ended"},
]


@pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
@pytest.mark.parametrize("word", ["COMPLETE", "done", "FINISHED", "OK", "READY", None, 7])
async def test_a_word_that_nobody_knows_with_the_same_picture_in_two_polls_is_completed(
    word: object, shape: dict[str, Any]
) -> None:
    ending, polled = await swapped([PROCESSING, body(word, **shape)])
    assert isinstance(ending, SwapResult)
    assert ending.url == RESULT
    states = [event.status.state for event in polled]
    assert states == [SwapState.PROCESSING, SwapState.PROCESSING, SwapState.COMPLETED]


@pytest.mark.parametrize(
    "more",
    [
        {"output": REFERENCE},
        {"output": [REFERENCE, SCENE]},
        {"outputs": {"character_image": RESULT}},
        {"output": poll_url()},
        {"output": "https://api.segmind.com/v2/requests/1"},
        {"picture": RESULT},
        {"output_image": RESULT},
        {"result": {"output": RESULT}},
        {"output": "http://169.254.169.254/a.png"},
        {"output": RESULT, "error": "the run was ended"},
        {"output": "a text"},
        {},
    ],
    ids=range(12),
)
async def test_what_shows_no_result_is_polled_until_the_deadline(more: dict[str, Any]) -> None:
    ending, _ = await swapped(body("DONE", **more), timeout=30.0)
    assert isinstance(ending, SwapTimeoutError)
    assert "the service says DONE" in str(ending)


async def test_a_picture_that_changes_from_poll_to_poll_is_no_end() -> None:
    previews = [body("RENDERING", output=f"{RESULT}?step={n % 2}") for n in range(100)]
    ending, _ = await swapped(previews, timeout=30.0)
    assert isinstance(ending, SwapTimeoutError)


async def test_polls_without_a_state_between_do_not_matter_and_a_poll_without_the_picture_does() -> None:
    done = body("DONE", output=RESULT)
    _, polled = await swapped([done, says(502), done])
    assert len(polled) == 2
    _, polled = await swapped([done, body("DONE"), done])
    assert len(polled) == 4


@pytest.mark.parametrize("word", ["ABORTED", "TIMED_OUT", "REJECTED", "NSFW", "KILLED", None])
@pytest.mark.parametrize("key", ["error", "detail", "message", "error_message"])
async def test_the_word_and_its_text_are_told_from_the_first_poll_on(word: str | None, key: str) -> None:
    ending, polled = await swapped(body(word, **{key: "the run was ended"}), timeout=10.0)
    assert isinstance(ending, SwapTimeoutError)
    told = "the run was ended" if word is None else f"{word}: the run was ended"
    assert f"the service says {told}" in str(ending)
    assert {event.status.note for event in polled} == {told}


async def test_words_that_are_known_have_no_note() -> None:
    _, polled = await swapped(
        [Step(body={"status": "QUEUED", "message": "in line"}), PROCESSING, body("x")], timeout=3
    )
    assert [event.status.note for event in polled][:2] == ["", ""]


async def test_a_batch_of_such_jobs_is_done_and_pays_once() -> None:
    service = emulator(state_words="unknown-end")
    async with client_of(service) as swaps:
        outcomes = await swaps.swap_all(swaps_of(5))
    assert [outcome.state for outcome in outcomes] == [OutcomeState.COMPLETED] * 5
    assert len(service.ledger) == 5


async def test_a_batch_tells_the_word_of_an_aborted_job_at_its_deadline() -> None:
    aborted = Fault(on="poll", status=200, body={"status": "ABORTED", "error": "the run was ended"})
    async with client_of(emulator(faults=[aborted]), timeout=300.0) as swaps:
        (outcome,) = await swaps.swap_all(swaps_of(1))
    assert outcome.state is OutcomeState.ACCEPTED
    assert "the service says ABORTED: the run was ended" in str(outcome.error)


async def test_one_status_call_alone_decides_nothing() -> None:
    service = Scripted(submit=accepted(), poll=body("DONE", output=RESULT))
    async with client(service) as swaps:
        job = await swaps.submit(**PICTURES)
        await anyio.sleep(1)
        for _ in range(3):
            status = await swaps.status(job)
            assert (status.state, status.note, status.url) == (SwapState.PROCESSING, "DONE", None)
        assert (await swaps.wait(job)).url == RESULT
