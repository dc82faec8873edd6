"""What is believed of the rate limit is told once for each change, by an event and by the gate."""

import httpx

from segmind_swap._events import Event, RateChanged
from segmind_swap._models import Call, Rate
from segmind_swap._protocols.gate import RateKeeper

from ..support.recording import Recorder, send
from ..support.sessions import a_poll, http_of


def changes_of(events: list[Event]) -> list[RateChanged]:
    return [event for event in events if isinstance(event, RateChanged)]


async def test_each_change_is_told_once_with_the_rate_before() -> None:
    events: list[Event] = []
    http = http_of(Recorder(200), on_event=events.append)
    gate = http.gate
    assert isinstance(gate, RateKeeper)
    await http.request(a_poll(http))
    assert changes_of(events) == []
    gate.believe(Rate(per_minute=60.0), age=0.0)
    for _ in range(3):
        await http.request(a_poll(http))
    [change] = changes_of(events)
    assert (change.rate.per_minute, change.previous) == (60.0, None)
    assert change.rate.reason == "learned in an earlier run"


async def test_polls_that_are_found_to_count_are_told() -> None:
    events: list[Event] = []
    limited = httpx.Response(429)
    http = http_of(Recorder(*[limited] * 4, 200), on_event=events.append)
    await send(http, Call.SUBMIT)
    for _ in range(4):
        await http.request(a_poll(http))
    changes = changes_of(events)
    assert changes[0].rate.count_polls
    assert http.gate.counts_polls
    assert [change.previous for change in changes] == [None, *[c.rate.per_minute for c in changes[:-1]]]
