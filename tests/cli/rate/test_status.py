"""The rate limit, as the commands tell it."""

import pytest

from segmind_swap import ConfigurationError, LearnedRate, OutageEnded, Rate, RateChanged, RateLimited
from segmind_swap.cli._rate.status import RateStatus, learned_text

FOUND = Rate(
    per_minute=60, trying=60, stage="hold", next_try_in=40.0, closed_for=9.0, reason="found by a 429"
)


def test_a_429_is_news_once_for_each_kind_of_call_and_its_pause_is_counted_down() -> None:
    status = RateStatus()
    assert status.pause(0.0) == ""
    limited = RateLimited(swap=1, call="submit", delay=9.0)
    assert status.follow(limited, 0.0) == "rate limited (429): next submit in 9 s"
    assert status.follow(limited, 1.0) is None
    assert status.pause(4.0) == "rate limited (429): next submit in 6 s"
    poll = RateLimited(swap=1, call="poll", delay=2.0)
    assert status.follow(poll, 4.0) == "rate limited (429): next poll in 2 s"
    assert status.pause(5.0) == "rate limited (429): next submit in 5 s, next poll in 1 s"
    assert (status.closed_for("submit", 5.0), status.closed_for("poll", 10.0)) == (5.0, 0.0)
    assert status.pause(10.0) == ""
    assert status.follow(limited, 11.0) is not None


def test_a_change_is_a_line_and_is_shown_with_its_times_counted_down() -> None:
    status = RateStatus()
    assert status.limit(0.0) == ""
    line = status.follow(RateChanged(rate=FOUND, previous=None), 100.0)
    assert line == "rate limit: 60/min, found by a 429; a 429 holds submits back for 9 s"
    assert status.limit(100.0) == "60/min, found by a 429; next try of more in 40 s"
    assert status.limit(130.4) == "60/min, found by a 429; next try of more in 10 s"
    assert status.limit(150.0) == "60/min, found by a 429"
    status.follow(RateLimited(swap=1, call="poll", delay=9.0), 110.0)
    assert status.limit(110.0) == "60/min, found by a 429; next try of more in 30 s"
    status.follow(RateLimited(swap=1, call="submit", delay=9.0), 110.0)
    assert status.limit(110.0) == "60/min, found by a 429", "what is tried stands still"


def test_the_source_is_asked_once_a_second_and_not_after_its_client_was_closed() -> None:
    asked: list[float] = []
    now = 0.0

    def source() -> Rate:
        if now > 3.0:
            raise ConfigurationError("the client was closed")
        asked.append(now)
        return Rate(per_minute=60 + now, trying=60 + now)

    status = RateStatus()
    status.set_source(source)
    for now in (0.5, 0.9, 1.4, 1.5, 3.0, 4.0, 5.0):
        assert status.follow(OutageEnded(), now) is None
    assert asked == [0.5, 1.5, 3.0]
    assert status.limit(5.0) == "63/min"


@pytest.mark.parametrize(
    ("age", "words"), [(4.0, "4 s ago"), (185.0, "3 min 05 s ago"), (90_000.0, "25 h 00 min ago")]
)
def test_what_an_earlier_run_has_learned_is_told_with_its_age_and_without_times_that_have_passed(
    age: float, words: str
) -> None:
    assert learned_text(LearnedRate(rate=FOUND, age=age)) == f"60/min, found by a 429 ({words})"
