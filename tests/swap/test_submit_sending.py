"""What is sent for one swap: its body, its intent, its scheme, and the pace of its POSTs."""

import json
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap import (
    Abandoned,
    Accepted,
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    Failed,
    ImageError,
    InsufficientCreditsError,
    RateLimit,
    RateLimitError,
    RequestTimeouts,
    RetryPolicy,
    RetryScheduled,
    StatusError,
    SubmissionUnknownError,
    SwapError,
    SwapJob,
)
from segmind_swap._api.messages import SwapUrls
from segmind_swap._http.gate import LocalGate
from segmind_swap._models import Call
from segmind_swap._swap.submit import submit

from ..support.scripted_service import (
    KEY,
    PICTURES,
    PNG,
    REFERENCE,
    SCENE,
    Scripted,
    Step,
    accepted,
    client,
    ending,
    late,
    poll_url,
    raises,
    says,
)


async def test_a_submit_sends_both_pictures_and_its_length_and_becomes_a_job() -> None:
    service = Scripted()
    async with client(service) as swaps:
        job = await swaps.submit(**PICTURES)
    (seen,) = service.seen
    assert json.loads(seen.body) == {"reference_character_image": REFERENCE, "character_image": SCENE}
    assert seen.request.headers["content-length"] == str(len(seen.body))
    assert "transfer-encoding" not in seen.request.headers
    assert (job.poll_url, job.request_id, job.possible_duplicates) == (poll_url(), "1", 0)
    assert KEY not in job.model_dump_json()


def schemes(service: Scripted, call: str = "submit") -> list[str]:
    found = []
    for seen in service.seen:
        if seen.call == call:
            headers = seen.request.headers
            assert ("authorization" in headers) != ("x-api-key" in headers), "never both, never none"
            found.append("bearer" if "authorization" in headers else "x-api-key")
    return found


async def test_a_401_is_asked_again_once_with_the_other_scheme_which_is_then_remembered() -> None:
    service = Scripted(submit=[says(401, "bearer not taken"), accepted(), accepted(2)])
    async with client(service, auth="auto") as swaps:
        await swaps.submit(**PICTURES)
        job = await swaps.submit(**PICTURES)
        await swaps.status(job)
    assert schemes(service) == ["bearer", "x-api-key", "x-api-key"]
    assert schemes(service, "poll") == ["x-api-key"]
    assert job.possible_duplicates == 0


async def test_a_401_with_both_schemes_is_a_wrong_key_after_two_posts() -> None:
    service = Scripted(submit=says(401, "invalid key"))
    found = await ending(service, auth="auto", retry=RetryPolicy(attempts=1))
    assert isinstance(found, AuthenticationError)
    assert schemes(service) == ["bearer", "x-api-key"]


async def test_a_401_is_final_once_a_scheme_is_confirmed_or_pinned() -> None:
    service = Scripted(submit=[accepted(), says(401, "revoked")])
    async with client(service, auth="auto") as swaps:
        await swaps.submit(**PICTURES)
        with pytest.raises(AuthenticationError, match="revoked"):
            await swaps.submit(**PICTURES)
    assert service.count("submit") == 2
    pinned = Scripted(submit=says(401, "no"))
    assert isinstance(await ending(pinned, auth="x-api-key"), AuthenticationError)
    assert schemes(pinned) == ["x-api-key"]


async def test_a_504_then_a_401_with_an_unconfirmed_scheme_switches_and_keeps_the_doubt() -> None:
    service = Scripted(submit=[says(504), says(401), accepted()])
    async with client(service, auth="auto") as swaps:
        job = await swaps.submit(**PICTURES)
    assert schemes(service) == ["bearer", "bearer", "x-api-key"]
    assert job.possible_duplicates == 1


async def test_many_first_submits_at_once_each_try_at_most_two_schemes() -> None:
    class OnlyKeys(Scripted):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            good = "x-api-key" in request.headers
            self.steps["submit"] = [late(accepted() if good else says(401), 1.0)]
            return await super().handle_async_request(request)

    service = OnlyKeys()
    at_once = RateLimit(requests_per_minute=1e6)
    async with (
        client(service, auth="auto", rate_limit=at_once) as swaps,
        anyio.create_task_group() as group,
    ):
        for _ in range(20):
            group.start_soon(lambda: swaps.submit(**PICTURES))
    assert sorted(schemes(service)) == ["bearer"] * 20 + ["x-api-key"] * 20


async def test_a_429_is_waited_out_and_uses_up_no_attempt() -> None:
    service = Scripted(submit=[says(429, "slow down", retry_after="7")] * 6 + [accepted()])
    async with client(service, retry=RetryPolicy(attempts=1, submit="strict")) as swaps:
        job = await swaps.submit(**PICTURES)
    times = service.times("submit")
    assert job.possible_duplicates == 0
    assert [b - a for a, b in zip(times, times[1:], strict=False)] == pytest.approx([7.0] * 6, abs=0.1)


async def test_a_429_is_told_with_the_swap_that_met_it() -> None:
    events: list[Any] = []
    service = Scripted(submit=[says(429, "slow down", retry_after="7"), accepted()])
    async with client(service, on_event=events.append) as swaps:
        await swaps.submit(**PICTURES, id="pair-7")
    (retry,) = [event for event in events if isinstance(event, RetryScheduled)]
    assert retry.id == "pair-7"
    assert retry.delay == pytest.approx(7.0, abs=0.1)
    assert "429: slow down" in retry.cause


async def test_a_429_longer_than_the_timeout_is_a_rate_limit_error_and_nothing_was_submitted() -> None:
    service = Scripted(submit=says(429, "slow down", retry_after="50"))
    found = await ending(service, timeout=120.0)
    assert isinstance(found, RateLimitError)
    assert service.count("submit") == 3
    at_once = Scripted(submit=says(429, "slow down", retry_after="50"))
    assert isinstance(await ending(at_once, timeout=5.0), RateLimitError)
    assert at_once.count("submit") == 1, "what cannot end in time is not waited for"


async def test_a_429_that_outlasts_the_timeout_after_a_504_is_unknown() -> None:
    service = Scripted(submit=[says(504), says(429, "slow down", retry_after="100")])
    found = await ending(service, timeout=50.0)
    assert isinstance(found, SubmissionUnknownError)
    assert (found.status_code, found.possible_duplicates) == (429, 1)


async def test_a_known_limit_spreads_submits_evenly() -> None:
    service = Scripted()
    limit = RateLimit(requests_per_minute=30)
    async with client(service, rate_limit=limit) as swaps, anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(lambda: swaps.submit(**PICTURES))
    times = service.times("submit")
    assert [b - a for a, b in zip(times, times[1:], strict=False)] == pytest.approx([2.0] * 9, abs=0.05)


class Notes:
    """A record that notes what it is told, and how many POSTs had reached the service by then."""

    is_continued = False

    def __init__(self, service: Scripted, *, disk_full: bool = False) -> None:
        self.told_so_far: list[tuple[str, int, int]] = []
        self._service = service
        self._disk_full = disk_full

    async def intend(self, in_doubt: int, urls: tuple[str, str]) -> None:
        await anyio.sleep(0.25)
        if self._disk_full:
            raise OSError("disk full")
        self._note("sending", in_doubt)

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        await anyio.sleep(0.25)
        self._note("over" if job is None else f"job {job.request_id}", in_doubt)

    def withdrawn(self, in_doubt: int) -> None:
        self._note("withdrawn", in_doubt)

    def _note(self, what: str, in_doubt: int) -> None:
        self.told_so_far.append((what, in_doubt, self._service.count("submit")))


async def test_each_post_is_recorded_before_it_leaves_and_before_anybody_hears_of_its_answer() -> None:
    service = Scripted(submit=[says(429, "wait", retry_after="10"), says(504), accepted()])
    notes = Notes(service)

    def on_event(event: Any) -> None:
        if isinstance(event, Accepted):
            notes.told_so_far.append(("event", 0, 0))

    async with client(service, on_event=on_event) as swaps:
        session, _ = swaps._started()
        await submit(session, SwapUrls(reference=REFERENCE, scene=SCENE), swap=1, record=notes)
    assert notes.told_so_far == [
        ("sending", 0, 0),
        ("over", 0, 1),
        ("sending", 0, 1),
        ("over", 1, 2),
        ("sending", 1, 2),
        ("job 1", 1, 3),
        ("event", 0, 0),
    ]


async def test_an_intent_that_cannot_be_recorded_keeps_the_post_from_leaving_and_frees_its_place() -> None:
    service = Scripted()
    async with client(service) as swaps:
        session, _ = swaps._started()
        for _ in range(100):
            with pytest.raises(OSError, match="disk full"):
                await submit(
                    session,
                    SwapUrls(reference=REFERENCE, scene=SCENE),
                    swap=1,
                    record=Notes(service, disk_full=True),
                )
        assert service.count("submit") == 0
        assert (await swaps.submit(**PICTURES)).request_id == "1"


@pytest.mark.parametrize("reads", ["nothing", "all but the last byte"])
async def test_a_post_that_is_called_back_is_withdrawn_from_the_record(reads: str) -> None:
    service = Scripted(submit=Step(reads=reads, delay=60))
    notes = Notes(service)
    async with client(service) as swaps:
        session, _ = swaps._started()
        with anyio.move_on_after(5):
            await submit(session, SwapUrls(reference=REFERENCE, scene=SCENE), swap=1, record=notes)
    assert [what for what, _, _ in notes.told_so_far] == ["sending", "withdrawn"]


async def test_an_answer_that_comes_after_its_caller_has_gone_is_recorded_all_the_same() -> None:
    service = Scripted(submit=late(accepted(), 10))
    notes = Notes(service)
    async with client(service) as swaps:
        session, _ = swaps._started()
        with anyio.move_on_after(5):
            await submit(session, SwapUrls(reference=REFERENCE, scene=SCENE), swap=1, record=notes)
    assert [what for what, _, _ in notes.told_so_far] == ["sending", "job 1"]


class SlowNotes(Notes):
    """A record that needs longer for the first answer than a closing client waits."""

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        if all(what in {"sending", "begun"} for what, _, _ in self.told_so_far):
            first = ("begun", 0, 1) not in self.told_so_far
            self._note("begun", in_doubt)
            await anyio.sleep(60 if first else 0)
        await super().resolved(job, in_doubt)


@pytest.mark.parametrize(
    ("answer", "recorded"), [(accepted(), "job 1"), (says(402, "no credits"), "over")], ids=["202", "402"]
)
async def test_a_client_that_is_closed_before_an_answer_is_recorded_knows_the_answer_all_the_same(
    answer: Step, recorded: str
) -> None:
    service = Scripted(submit=answer)
    notes = SlowNotes(service)
    swaps = client(service)
    session, _ = swaps._started()
    endings: list[SwapJob | SwapError] = []

    async def submits() -> None:
        try:
            endings.append(
                await submit(session, SwapUrls(reference=REFERENCE, scene=SCENE), swap=1, record=notes)
            )
        except SwapError as error:
            endings.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(submits)
        await anyio.sleep(1)
        await swaps.aclose()
    assert notes.told_so_far == [("sending", 0, 0), ("begun", 0, 1), ("begun", 0, 1), (recorded, 0, 1)]
    (ending,) = endings
    if recorded == "job 1":
        assert isinstance(ending, SwapJob)
        assert ending.request_id == "1"
    else:
        assert isinstance(ending, InsufficientCreditsError)


async def test_a_caller_that_has_gone_is_told_of_a_job_whose_record_took_too_long(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = Scripted(submit=accepted())
    notes = SlowNotes(service)
    events: list[Any] = []
    async with client(service, on_event=events.append) as swaps:
        session, _ = swaps._started()
        with anyio.move_on_after(5):
            await submit(session, SwapUrls(reference=REFERENCE, scene=SCENE), swap=1, record=notes)
        await anyio.sleep(30)
    assert [type(event) for event in events if isinstance(event, Accepted | Abandoned | Failed)] == [
        Accepted,
        Abandoned,
    ]
    assert "job 1 was accepted and is billed" in caplog.text


async def test_a_client_that_is_closed_while_an_intent_is_being_recorded_sends_nothing_any_more() -> None:
    """It is no answer on its way for which closing would wait, and whoever closed it may end the program."""
    service = Scripted()
    notes = Notes(service)
    swaps = client(service)
    session, _ = swaps._started()

    async def submits() -> None:
        with pytest.raises(ConfigurationError, match="was closed"):
            await submit(session, SwapUrls(reference=REFERENCE, scene=SCENE), swap=1, record=notes)

    async with anyio.create_task_group() as group:
        group.start_soon(submits)
        await anyio.sleep(0.1)
        await swaps.aclose()
    assert notes.told_so_far == [("sending", 0, 0), ("withdrawn", 0, 0)]
    assert service.count("submit") == 0


async def test_an_acceptance_that_comes_after_the_429_of_another_submit_is_no_less_an_acceptance() -> None:
    """The slow one left more than a minute before the 429 from which the limit is counted back."""
    service = Scripted(submit=[late(accepted(), 80), says(429, "wait", retry_after="30")])
    jobs: list[SwapJob] = []
    async with client(service, timeout=20.0) as swaps, anyio.create_task_group() as group:

        async def slow() -> None:
            jobs.append(await swaps.submit(**PICTURES))

        group.start_soon(slow)
        await anyio.sleep(70)
        with pytest.raises(RateLimitError):
            await swaps.submit(**PICTURES)
    assert [job.request_id for job in jobs] == ["1"]


async def test_a_mistake_in_what_is_learnt_from_an_answer_does_not_lose_the_job_in_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def mistaken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("segmind_swap._http.gate.LocalGate.answered", mistaken)
    async with client(Scripted()) as swaps:
        assert (await swaps.submit(**PICTURES)).request_id == "1"
    assert "could not be observed" in caplog.text


async def test_a_mistake_in_a_gate_does_not_unlearn_the_scheme_that_was_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def mistaken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("segmind_swap._http.gate.LocalGate.answered", mistaken)
    service = Scripted(submit=[accepted(), says(401, "revoked")])
    async with client(service, auth="auto") as swaps:
        await swaps.submit(**PICTURES)
        with pytest.raises(AuthenticationError):
            await swaps.submit(**PICTURES)
    assert service.count("submit") == 2


class UnreachableGate(LocalGate):
    """A gate that cannot say how long it is closed."""

    def closed_for(self, call: Call) -> float:
        raise ConnectionError("the shared gate cannot be reached")


async def test_a_gate_that_cannot_say_how_long_it_is_closed_leaves_no_refusal_unrecorded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = Scripted(submit=[says(429, "wait", retry_after="10"), accepted()])
    notes = Notes(service)
    async with client(service, rate_limit=UnreachableGate(RateLimit(), RetryPolicy())) as swaps:
        session, _ = swaps._started()
        job = await submit(session, SwapUrls(reference=REFERENCE, scene=SCENE), swap=1, record=notes)
    assert job.request_id == "1"
    assert notes.told_so_far == [("sending", 0, 0), ("over", 0, 1), ("sending", 0, 1), ("job 1", 0, 2)]
    assert "the gate raised in closed_for()" in caplog.text


class Retrying(httpx.AsyncBaseTransport):
    """As some caching or retrying transports do: sends the same request again by itself."""

    def __init__(self, service: Scripted, *, swallow: bool) -> None:
        self._service = service
        self._swallow = swallow

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(3):
            try:
                response = await self._service.handle_async_request(request)
            except (httpx.HTTPError, RuntimeError):
                if not self._swallow:
                    raise
                continue
            if response.status_code < 500:
                return response
        raise httpx.ReadError("gave up")


@pytest.mark.parametrize("swallow", [True, False])
async def test_a_transport_that_sends_the_body_again_is_stopped_by_the_body(swallow: bool) -> None:
    service = Scripted(submit=[says(504), accepted(), accepted(2)])
    async with client(Retrying(service, swallow=swallow)) as swaps:
        with pytest.raises(SubmissionUnknownError):
            await swaps.submit(**PICTURES)
    assert service.count("submit") == 1, "the body was handed out whole only once"


async def test_a_transport_that_never_answers_is_left_at_the_deadline_of_the_loop() -> None:
    timeouts = RequestTimeouts(submit_total=42.0)
    service = Scripted(submit=late(accepted(), 1e6))
    started = anyio.current_time()
    found = await ending(service, request_timeouts=timeouts)
    assert isinstance(found, SubmissionUnknownError)
    assert anyio.current_time() - started == pytest.approx(42.0, abs=0.1)
    assert service.count("submit") == 1


async def test_a_bad_request_is_refused_before_anything_is_sent() -> None:
    service = Scripted()
    async with client(service) as swaps:
        for bad in (None, 7, [], object()):
            with pytest.raises(SwapError):
                await swaps.submit(reference_character_image=bad, character_image=SCENE)  # type: ignore[arg-type]
    assert service.seen == []


class WritesLater(httpx.AsyncBaseTransport):
    """Writes the body in a task of its own, as some transports do, and goes on after it has given up."""

    def __init__(self, step: Step, group: Any) -> None:
        self.bodies: list[bytes] = []
        self._step = step
        self._group = group

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._group.start_soon(self._write, request)
        await anyio.sleep(1)
        if self._step.error is not None:
            raise self._step.error
        return httpx.Response(self._step.status, headers=self._step.headers, text="busy")

    async def _write(self, request: httpx.Request) -> None:
        body = b""
        assert isinstance(request.stream, httpx.AsyncByteStream)
        try:
            async for chunk in request.stream:
                body += chunk
                await anyio.sleep(3)
        except RuntimeError:
            return
        self.bodies.append(body)


@pytest.mark.parametrize(
    "step", [raises(ConnectionResetError("reset")), says(503), says(429, "wait", retry_after="1")]
)
async def test_a_body_that_is_given_up_is_called_back_from_a_transport_that_writes_on(step: Step) -> None:
    async with anyio.create_task_group() as group:
        service = WritesLater(step, group)
        async with client(service, timeout=10.0) as swaps:
            with pytest.raises((ConnectionFailedError, StatusError)):
                await swaps.submit(**PICTURES)
            await anyio.sleep(100)
    assert service.bodies == [], "it said that nothing was submitted"


async def test_no_swap_is_posted_any_more_once_the_client_is_closing() -> None:
    service = Scripted(
        submit=[late(accepted(), 10.0), accepted(2)],
        upload=late(Step(body={"file_urls": ["https://images.segmind.com/u.png"]}), 3.0),
    )
    swaps = client(service)
    endings: list[str] = []

    async def call(**pictures: Any) -> None:
        try:
            endings.append((await swaps.submit(**{**PICTURES, **pictures})).request_id or "")
        except SwapError as error:
            endings.append(type(error).__name__)

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        group.start_soon(lambda: call(character_image=PNG))
        while service.count("upload") + service.count("submit") < 2:  # noqa: ASYNC110 - others' progress
            await anyio.sleep(0.01)
        await swaps.aclose()
    assert sorted(endings) == ["1", "ConfigurationError"]
    assert service.count("submit") == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.png",
        "https://localhost:8000/a.png",
        "http://192.168.1.4/a.png",
        "http://[fd00::1]/a.png",
    ],
)
async def test_a_url_that_segmind_could_never_fetch_is_refused_before_it_is_paid(url: str) -> None:
    service = Scripted()
    async with client(service) as swaps:
        with pytest.raises(ImageError, match="not a public address"):
            await swaps.submit(reference_character_image=REFERENCE, character_image=url)
    assert service.seen == []
