"""Free calls: asked again until they are answered, but not for ever."""

import gzip
from itertools import pairwise
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap._api.messages import Request
from segmind_swap._api.requests import credits_request, download_request
from segmind_swap._config import WORKFLOW, RateLimit, RetryPolicy
from segmind_swap._errors import (
    AuthenticationError,
    BadRequestError,
    ConnectionFailedError,
    InsufficientCreditsError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StatusError,
)
from segmind_swap._events import Event, RetryScheduled
from segmind_swap._models import Call, SwapJob
from segmind_swap._swap.free_calls import request_until_answered
from segmind_swap._swap.session import Session

from ..support.recording import MIB
from ..support.sessions import KEY, PICTURE_URL, session_of

JOB = SwapJob(poll_url="https://api.segmind.com/requests/1", request_id="1", workflow=WORKFLOW)
Reply = int | httpx.Response | Exception


class Replies:
    """Answers each request with the next of a list, the last one for good."""

    def __init__(self, *replies: Reply) -> None:
        self.requests: list[httpx.Request] = []
        self.seconds: list[float] = []
        self._replies = list(replies)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.seconds.append(anyio.current_time())
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply, json={}) if isinstance(reply, int) else reply

    @property
    def pauses(self) -> list[int]:
        """Seconds from each request to the next."""
        return [round(later - sooner) for sooner, later in pairwise(self.seconds)]


def limited(seconds: float) -> httpx.Response:
    return httpx.Response(429, headers={"retry-after": str(seconds)})


def session_with(replies: Replies, **settings: Any) -> Session:
    return session_of(httpx.MockTransport(replies), **settings)


def credits_of(session: Session) -> Request:
    return credits_request(session.http.service)


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_a_2xx_is_the_answer(status: int) -> None:
    replies = Replies(status)
    session = session_with(replies)
    assert (await request_until_answered(session, credits_of(session))).status_code == status
    assert len(replies.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_3xx_is_an_answer_for_pictures_only(status: int) -> None:
    replies = Replies(status)
    session = session_with(replies)
    assert (await request_until_answered(session, download_request(PICTURE_URL))).status_code == status
    with pytest.raises(BadRequestError, match="never followed") as caught:
        await request_until_answered(session, credits_of(session))
    assert caught.value.status_code == status
    assert len(replies.requests) == 2


@pytest.mark.parametrize("passing", [408, 425, 500, 502, 503, 504, OSError("cut"), httpx.ReadTimeout("slow")])
async def test_what_may_pass_is_asked_again(passing: Reply) -> None:
    replies = Replies(passing, passing, 200)
    session = session_with(replies)
    assert (await request_until_answered(session, credits_of(session))).ok
    assert len(replies.requests) == 3


@pytest.mark.parametrize("coded", [False, True])
async def test_an_answer_that_is_too_large_is_not_asked_for_again(coded: bool) -> None:
    body = gzip.compress(bytes(66 * MIB)) if coded else bytes(66 * MIB)
    headers = {"content-encoding": "gzip"} if coded else {}
    for url, limit in ((PICTURE_URL, 64), (None, 16)):
        answers = [httpx.Response(200, stream=httpx.ByteStream(body), headers=headers) for _ in range(2)]
        replies = Replies(503, *answers)
        session = session_with(replies)
        request = credits_of(session) if url is None else download_request(url)
        with pytest.raises(
            ConnectionFailedError, match=rf"larger than {limit} ?M|larger than {limit * MIB} bytes"
        ):
            await request_until_answered(session, request)
        assert len(replies.requests) == 2


async def test_an_error_page_that_is_too_large_may_pass() -> None:
    page = httpx.Response(503, stream=httpx.ByteStream(bytes(17 * MIB)))
    replies = Replies(page, 200)
    session = session_with(replies)
    assert (await request_until_answered(session, credits_of(session))).ok


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (402, InsufficientCreditsError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (405, BadRequestError),
        (410, NotFoundError),
        (413, BadRequestError),
        (422, BadRequestError),
        (501, ServerError),
    ],
)
async def test_what_will_not_pass_is_raised_at_once(status: int, error: type[StatusError]) -> None:
    replies = Replies(status)
    session = session_with(replies)
    with pytest.raises(error) as caught:
        await request_until_answered(session, credits_of(session))
    assert caught.value.status_code == status
    assert len(replies.requests) == (2 if status == 401 else 1), "a 401 is asked with both schemes"


async def test_a_call_is_made_five_times_at_least() -> None:
    replies = Replies(503)
    session = session_with(replies, retry=RetryPolicy(attempts=1))
    with pytest.raises(ServerError) as caught:
        await request_until_answered(session, credits_of(session))
    assert caught.value.status_code == 503
    assert len(replies.requests) == 5


async def test_a_call_is_made_as_often_as_the_policy_says() -> None:
    replies = Replies(OSError("cut"))
    session = session_with(replies, retry=RetryPolicy(attempts=7))
    with pytest.raises(
        ConnectionFailedError,
        match=r"credits got no answer from https://\S+: OSError: cut",
    ):
        await request_until_answered(session, credits_of(session))
    assert len(replies.requests) == 7


async def test_the_pauses_grow_and_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segmind_swap._policy.retry.random.uniform", lambda _, longest: longest)
    events: list[Event] = []
    replies = Replies(502)
    retry = RetryPolicy(initial_delay=10, max_delay=30)
    session = session_with(replies, retry=retry, on_event=events.append)
    with pytest.raises(ServerError):
        await request_until_answered(session, credits_of(session), job=JOB)
    assert replies.pauses == [10, 20, 30, 30]
    told = [event for event in events if isinstance(event, RetryScheduled)]
    assert [(event.attempt, event.delay) for event in told] == [(1, 10), (2, 20), (3, 30), (4, 30)]
    assert {(event.call, event.id, event.job) for event in told} == {("credits", None, JOB)}
    assert all("502" in event.cause for event in told)


@pytest.mark.parametrize("reply", [404, 503, OSError("cut")])
async def test_the_error_carries_the_job(reply: Reply) -> None:
    session = session_with(Replies(reply))
    with pytest.raises((StatusError, ConnectionFailedError)) as caught:
        await request_until_answered(session, download_request(PICTURE_URL), job=JOB)
    assert caught.value.job is JOB


async def test_the_other_auth_scheme_is_tried_before_giving_up() -> None:
    replies = Replies(401, 200)
    session = session_with(replies)
    assert (await request_until_answered(session, credits_of(session))).ok
    assert [
        sorted({"authorization", "x-api-key"} & set(request.headers)) for request in replies.requests
    ] == [
        ["x-api-key"],
        ["authorization"],
    ]


# 429


async def test_a_429_is_waited_for_and_uses_up_no_attempt() -> None:
    replies = Replies(*[limited(10) for _ in range(12)], 200)
    session = session_with(replies)
    assert (await request_until_answered(session, credits_of(session))).ok
    assert replies.pauses == [10] * 12


async def test_a_429_that_lasts_longer_than_the_timeout_is_raised() -> None:
    replies = Replies(*[limited(40) for _ in range(50)])
    session = session_with(replies, timeout=100.0)
    started = anyio.current_time()
    with pytest.raises(RateLimitError):
        await request_until_answered(session, credits_of(session))
    assert anyio.current_time() - started == pytest.approx(80, abs=1), "not later than is known in advance"
    assert len(replies.requests) == 3


async def test_a_429_that_says_it_will_last_longer_than_the_timeout_is_raised_at_once() -> None:
    replies = Replies(limited(110))
    session = session_with(replies, timeout=100.0)
    started = anyio.current_time()
    with pytest.raises(RateLimitError):
        await request_until_answered(session, credits_of(session))
    assert anyio.current_time() - started == pytest.approx(0, abs=0.5)


async def test_a_429_between_failures_does_not_reset_their_count() -> None:
    replies = Replies(503, limited(1), 503, limited(1), 503, limited(1), 503, limited(1), 503)
    session = session_with(replies)
    with pytest.raises(ServerError):
        await request_until_answered(session, credits_of(session))
    assert len(replies.requests) == 9


async def test_429s_long_apart_are_not_one_that_lasts() -> None:
    """Answers in between show that the first one ended."""
    retry = RetryPolicy(attempts=20, initial_delay=0)
    replies = Replies(limited(1), 503, 503, 503, 503, limited(1), 200)
    session = session_with(replies, retry=retry, timeout=100.0, rate_limit=RateLimit())
    sleeps = iter([30.0, 30.0, 30.0, 30.0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segmind_swap._swap.free_calls.backoff", lambda *_: next(sleeps))
        assert (await request_until_answered(session, credits_of(session))).ok
    assert len(replies.requests) == 7


# Pictures


async def test_a_picture_is_asked_for_without_the_key() -> None:
    replies = Replies(503, 200)
    session = session_with(replies)
    await request_until_answered(session, download_request(PICTURE_URL))
    assert len(replies.requests) == 2
    for request in replies.requests:
        assert not any(KEY in value for value in request.headers.values())


async def test_a_picture_hosts_429_is_waited_for_without_holding_up_the_account() -> None:
    for first, pause in ((httpx.Response(429), 25), (limited(1), 1), (limited(40), 40)):
        replies = Replies(first, first, 200)
        session = session_with(replies, retry=RetryPolicy(max_delay=25))
        assert (await request_until_answered(session, download_request(PICTURE_URL))).ok
        assert session.http.gate.closed_for(Call.SUBMIT) == 0
        assert replies.pauses == [pause, pause]


@pytest.mark.parametrize("code", [408, 425, 500, 502, 503, 504, 520, 529])
async def test_the_time_that_a_server_names_is_waited_for_before_a_free_call_is_repeated(code: int) -> None:
    busy = httpx.Response(code, headers={"retry-after": "20"})
    for make in (credits_of, lambda _: download_request(PICTURE_URL)):
        replies = Replies(busy, busy, 200)
        session = session_with(replies, retry=RetryPolicy(max_delay=1))
        assert (await request_until_answered(session, make(session))).ok
        assert replies.pauses == [20, 20]
    replies = Replies(httpx.Response(code, headers={"retry-after": "86400"}), 200)
    session = session_with(replies)
    assert (await request_until_answered(session, credits_of(session))).ok
    assert replies.pauses == [120], "within bounds"


@pytest.mark.parametrize("code", [501, 505, 403, 404, 409])
async def test_what_cannot_pass_is_asked_once(code: int) -> None:
    replies = Replies(code)
    session = session_with(replies)
    with pytest.raises(StatusError):
        await request_until_answered(session, credits_of(session))
    assert len(replies.requests) == 1


async def test_a_picture_hosts_429_lasts_no_longer_than_the_timeout() -> None:
    replies = Replies(limited(1))
    session = session_with(replies, retry=RetryPolicy(max_delay=30), timeout=100.0)
    started = anyio.current_time()
    with pytest.raises(RateLimitError):
        await request_until_answered(session, download_request(PICTURE_URL), job=JOB)
    assert anyio.current_time() - started <= 121


async def test_the_accounts_429_says_nothing_about_a_picture_host() -> None:
    account = limited(110)
    replies = Replies(account, limited(1), 200)
    session = session_with(replies, timeout=100.0)
    with pytest.raises(RateLimitError):
        await request_until_answered(session, credits_of(session))
    assert (await request_until_answered(session, download_request(PICTURE_URL))).ok


async def test_cancelling_ends_a_call_while_it_waits_to_try_again() -> None:
    replies = Replies(503)
    session = session_with(replies, retry=RetryPolicy(initial_delay=1000, max_delay=1000, attempts=100))
    with anyio.move_on_after(0.001) as scope:
        await request_until_answered(session, credits_of(session))
    assert scope.cancelled_caught
    assert len(replies.requests) <= 2
