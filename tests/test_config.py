"""Settings: their documented defaults, and each bad value refused by the name of its field."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from segmind_swap._config import PollPolicy, RateLimit, RequestTimeouts, RetryPolicy, one_of, positive, whole
from segmind_swap._errors import ConfigurationError

Make = Callable[..., Any]

NO_NUMBERS: list[object] = [float("nan"), "7", None, True, [7], 7j]
NOT_POSITIVE: list[object] = [0, -1, -0.5, 0.0, float("inf"), float("-inf"), *NO_NUMBERS]
NEGATIVE: list[object] = [-1, -0.001, float("inf"), float("-inf"), *NO_NUMBERS]
NOT_WHOLE: list[object] = [0, -1, 1.0, 2.5, "3", None, True, float("nan"), [3]]

BAD: list[tuple[Make, str, list[object]]] = [
    (RateLimit, "requests_per_minute", [value for value in NOT_POSITIVE if value is not None]),
    (RetryPolicy, "attempts", NOT_WHOLE),
    (RetryPolicy, "initial_delay", NEGATIVE),
    (RetryPolicy, "max_delay", NEGATIVE),
    (RetryPolicy, "submit", ["never", "", "Documented", "documented ", None, True, 1, ["documented"]]),
    (PollPolicy, "interval", NOT_POSITIVE),
    (PollPolicy, "first_after", [value for value in NEGATIVE if value is not None]),
    *((RequestTimeouts, field.name, NOT_POSITIVE) for field in fields(RequestTimeouts)),
]
CASES = [(make, name, value) for make, name, values in BAD for value in values]


@pytest.mark.parametrize(
    ("make", "name", "value"),
    CASES,
    ids=[f"{make.__name__}.{name}={str(value)[:12]}" for make, name, value in CASES],
)
def test_each_bad_value_is_refused_by_the_name_of_its_field(make: Make, name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=rf"^`{make.__name__}\.{name}` must be ") as caught:
        make(**{name: value})
    assert str(value)[:12] in str(caught.value)


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (RateLimit, "requests_per_minute", 0.5),
        (RateLimit, "requests_per_minute", 1000),
        (RateLimit, "requests_per_minute", None),
        (RateLimit, "count_polls", True),
        (RetryPolicy, "attempts", 1),
        (RetryPolicy, "attempts", 100),
        (RetryPolicy, "initial_delay", 0),
        (RetryPolicy, "max_delay", 0.0),
        (RetryPolicy, "submit", "strict"),
        (PollPolicy, "interval", 0.01),
        (PollPolicy, "first_after", 0),
        (PollPolicy, "first_after", None),
        (RequestTimeouts, "connect", 1),
    ],
)
def test_good_values_are_kept_as_given(make: Make, name: str, value: object) -> None:
    assert getattr(make(**{name: value}), name) == value


def test_the_defaults_are_the_documented_ones() -> None:
    assert RateLimit() == RateLimit(requests_per_minute=None, count_polls=False)
    assert RetryPolicy() == RetryPolicy(attempts=3, initial_delay=1.0, max_delay=30.0, submit="documented")
    assert (PollPolicy().interval, PollPolicy().first_after) == (7.0, None)
    timeouts = RequestTimeouts()
    assert (timeouts.connect, timeouts.write) == (5, 30)
    assert (timeouts.submit_read, timeouts.submit_total) == (90, 180)
    assert (timeouts.poll_read, timeouts.poll_total) == (10, 20)
    assert (timeouts.download_read, timeouts.download_total) == (30, 300)


@pytest.mark.parametrize("make", [RateLimit, RetryPolicy, PollPolicy, RequestTimeouts])
def test_every_policy_is_frozen_keyword_only_and_hashable(make: Make) -> None:
    policy = make()
    name = fields(policy)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(policy, name, 1)
    with pytest.raises(TypeError):
        make(1)
    with pytest.raises(TypeError):
        make(no_such_field=1)
    assert hash(policy) == hash(make())


@pytest.mark.parametrize(
    ("value", "zero", "infinite", "kind"),
    [
        (0, False, False, "a finite number above zero"),
        (-1, True, False, "a finite number of at least zero"),
        (float("inf"), False, False, "a finite number above zero"),
        (float("nan"), False, True, "a number above zero"),
        (float("-inf"), True, True, "a number of at least zero"),
    ],
)
def test_a_refused_number_is_told_what_would_do(value: float, zero: bool, infinite: bool, kind: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^`timeout` must be {kind}, not "):
        positive("timeout", value, zero=zero, infinite=infinite)


def test_a_number_that_no_clock_can_count_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^`PollPolicy\.interval` must be a finite number"):
        PollPolicy(interval=10**400)


def test_an_infinite_or_zero_number_may_be_allowed() -> None:
    positive("timeout", float("inf"), infinite=True)
    positive("timeout", 0, zero=True)
    whole("max_in_flight", 1)
    one_of("auth", "auto", ("auto", "bearer"))
    with pytest.raises(ConfigurationError, match=r"^`auth` must be one of 'auto', 'bearer', not 'basic'$"):
        one_of("auth", "basic", ("auto", "bearer"))
