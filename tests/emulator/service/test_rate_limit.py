"""The rate limit: fixed windows of a minute, and who takes a place in them."""

from datetime import datetime
from email.utils import parsedate_to_datetime

import anyio

from segmind_swap.emulator import Emulator
from segmind_swap.emulator._service.rate_limit import RateLimit

from ..calling import PAYLOADS, connect, poll_url, submit


async def test_submits_beyond_the_limit_wait_for_the_next_window() -> None:
    emulator = Emulator(rate_limit=2)
    async with connect(emulator) as client:
        assert [(await submit(client)).status_code for _ in range(3)] == [200, 200, 429]
        await anyio.sleep(59)
        assert (await submit(client)).status_code == 429
        await anyio.sleep(1)
        assert [(await submit(client)).status_code for _ in range(3)] == [200, 200, 429]
        # The windows stand still when nobody calls: this is 30 s into the fourth.
        await anyio.sleep(150)
        assert [(await submit(client)).status_code for _ in range(3)] == [200, 200, 429]
        await anyio.sleep(30)
        assert (await submit(client)).status_code == 200
    assert len(emulator.ledger) == 7


async def test_the_reset_header_is_never_too_early() -> None:
    emulator = Emulator(rate_limit=1)
    async with connect(emulator) as client:
        await submit(client)
        await anyio.sleep(12.3)
        refused = await submit(client)
        assert refused.json() == PAYLOADS["F30"]["body"]
        reset = datetime.fromisoformat(refused.headers["x-rate-limit-reset-at-utc"])
        wait = (reset - parsedate_to_datetime(refused.headers["date"])).total_seconds()
        assert wait == 48
        await anyio.sleep(wait)
        assert (await submit(client)).status_code == 200


async def test_polls_use_up_the_limit_only_if_they_count() -> None:
    for count_polls, statuses in ((False, [200] * 5), (True, [200, 429, 429, 429, 429])):
        async with connect(Emulator(rate_limit=2, count_polls=count_polls)) as client:
            url = await poll_url(client)
            assert [(await client.get(url)).status_code for _ in range(5)] == statuses
            assert (await client.get("/v1/get-user-credits")).status_code == 200


async def test_a_refused_key_takes_no_place_in_the_window() -> None:
    emulator = Emulator(rate_limit=1)
    async with connect(emulator, **{"x-api-key": "wrong"}) as client:
        assert (await submit(client)).status_code == 401
    async with connect(emulator) as client:
        assert (await submit(client)).status_code == 200


def test_the_use_of_a_window_ends_with_the_window() -> None:
    limit = RateLimit(2)
    assert limit.usage(100.0) == (0, None)
    assert [limit.acquire(now) for now in (100.0, 110.0, 130.0)] == [None, None, 30.0]
    assert limit.usage(130.0) == (2, 30.0), "a refused request is not counted"
    assert limit.usage(160.0) == (0, None)
    assert limit.acquire(160.0) is None


def test_without_a_limit_nothing_is_counted() -> None:
    limit = RateLimit(None)
    assert [limit.acquire(0.0) for _ in range(3)] == [None] * 3
    assert limit.usage(0.0) == (0, None)
