"""When a server says that requests may come again, in every format it may say so."""

import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmind_swap._api.retry_after import parse_retry_after

NOW = datetime(2026, 11, 22, 7, 0, 0, tzinfo=UTC)
EPOCH = NOW.timestamp()
RESET = "x-rate-limit-reset-at-utc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T07:00:30Z", 30),
        ("2026-11-22T07:00:30", 30),
        ("2026-11-22T07:00:30.500000Z", 30.5),
        ("2026-11-22T07:00:30.5", 30.5),
        ("2026-11-22T07:00:30+00:00", 30),
        ("2026-11-22T08:00:30+01:00", 30),
        ("2026-11-22 07:00:30", 30),
        ("2026-11-22 07:00:30Z", 30),
        ("2026-11-22 07:00:30 UTC", 30),
        ("2026-11-22 07:00:30UTC", 30),
        ("2026-11-22 07:00:30 utc", 30),
        ("30".zfill(64), 30),
        (" 2026-11-22 07:00:30 ", 30),
        ("2026-11-22 07:00:30+00:00", 30),
        ("20261122T070030Z", 30),
        (f"{EPOCH + 30:.0f}", 30),
        (f"{EPOCH + 30:.3f}", 30),
        (f"{EPOCH + 30.25:.2f}", 30.25),
        (f"{(EPOCH + 30) * 1000:.0f}", 30),
        (f"{(EPOCH + 30.125) * 1000:.0f}", 30.125),
        ("30", 30),
        ("12.5", 12.5),
        ("Sun, 22 Nov 2026 07:00:30 GMT", 30),
        ("Sun, 22 Nov 2026 08:00:30 +0100", 30),
        ("Sun, 22 Nov 2026 07:00:30 -0000", 30),
    ],
)
def test_every_known_format_of_the_reset_is_read(text: str, expected: float) -> None:
    assert parse_retry_after({RESET: text}, NOW) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T06:59:00Z",
        "2025-01-01 00:00:00",
        "0001-01-01T00:00:00",
        "0",
        "0.1",
        f"{EPOCH - 60:.0f}",
        f"{(EPOCH - 60) * 1000:.0f}",
        "100000000000",
        "Sun, 22 Nov 2026 06:00:00 GMT",
    ],
)
def test_a_reset_in_the_past_waits_the_shortest_time(text: str) -> None:
    assert parse_retry_after({RESET: text}, NOW) == 0.5


@pytest.mark.parametrize(
    "text",
    [
        "2027-11-22T07:00:00Z",
        "9999-12-31T23:59:59Z",
        f"{EPOCH + 31_536_000:.0f}",
        f"{(EPOCH + 31_536_000) * 1000:.0f}",
        "86400",
        "Mon, 22 Nov 2027 07:00:00 GMT",
    ],
)
def test_a_reset_a_year_ahead_waits_the_longest_time(text: str) -> None:
    assert parse_retry_after({RESET: text}, NOW) == 120.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "soon",
        "-5",
        "-1e3",
        "nan",
        "inf",
        "1e3",
        "1_000",
        "0x10",
        "\u0663\u0660",
        "\u00b2",
        "3, 5",
        "2026-13-45T99:99:99Z",
        "2026-11-22T25:00:00Z",
        "0000-00-00 00:00:00",
        "22/11/2026 07:00",
        "x" * 65,
        "1" * 65,
        "\x00",
        "Z",
        "UTC",
        "GMT",
        ",",
        ", ,",
        "Sun, 99 Nov 2026 07:00:00 GMT",
        "Sun, 22 Nov 99999999 07:00:00 GMT",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_nonsense_is_no_hint(text: str) -> None:
    assert parse_retry_after({RESET: text}, NOW) is None
    assert parse_retry_after({"retry-after": text}, NOW) is None
    assert parse_retry_after({RESET: text, "retry-after": "3"}, NOW) == 3.0
    assert parse_retry_after({"date": text, "retry-after": "Sun, 22 Nov 2026 07:00:03 GMT"}, NOW) == 3.0


def test_without_headers_there_is_no_hint() -> None:
    assert parse_retry_after({}, NOW) is None
    assert parse_retry_after({"date": "Sun, 22 Nov 2026 07:00:30 GMT"}, NOW) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3", 3), ("0", 0.5), ("3600", 120), ("2.5", 2.5), ("Sun, 22 Nov 2026 07:00:10 GMT", 10)],
)
def test_retry_after_is_seconds_or_a_date(text: str, expected: float) -> None:
    assert parse_retry_after({"retry-after": text}, NOW) == expected


@pytest.mark.parametrize(("reset", "after", "expected"), [("10", "3", 10), ("3", "10", 10), ("0", "0", 0.5)])
def test_of_two_hints_the_longer_is_obeyed(reset: str, after: str, expected: float) -> None:
    assert parse_retry_after({RESET: reset, "retry-after": after}, NOW) == expected


@pytest.mark.parametrize(
    "wrong", [timedelta(days=-400), timedelta(hours=-1), timedelta(hours=1), timedelta(days=400)]
)
@pytest.mark.parametrize(
    "reset",
    ["2026-11-22T07:00:30Z", "2026-11-22 07:00:30", f"{EPOCH + 30:.0f}", f"{(EPOCH + 30) * 1000:.0f}"],
)
def test_a_wrong_clock_here_does_not_matter_when_the_answer_is_dated(reset: str, wrong: timedelta) -> None:
    headers = {RESET: reset, "date": "Sun, 22 Nov 2026 07:00:00 GMT"}
    assert parse_retry_after(headers, NOW + wrong) == pytest.approx(30)


@pytest.mark.skipif(sys.platform == "win32", reason="its zone cannot be set")
@pytest.mark.parametrize("text", ["2026-11-22T07:00:30", "Sun, 22 Nov 2026 07:00:30 -0000"])
def test_a_time_without_a_zone_is_utc_wherever_the_program_runs(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "EST5")
        time.tzset()
        assert parse_retry_after({RESET: text}, NOW) == 30
    time.tzset()


def test_a_local_clock_in_another_zone_is_the_same_clock() -> None:
    assert (
        parse_retry_after({RESET: "2026-11-22T07:00:30Z"}, NOW.astimezone(timezone(timedelta(hours=-8))))
        == 30
    )


@settings(max_examples=100, deadline=None, database=None)
@given(
    st.dictionaries(
        st.sampled_from([RESET, "retry-after", "date"]),
        st.text(max_size=70)
        | st.from_regex(r"[0-9TZ:.+ -]{1,40}", fullmatch=True)
        | st.from_regex(
            r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{1,9} [A-Z+0-9-]{1,6}", fullmatch=True
        ),
        max_size=3,
    )
)
def test_whatever_the_headers_say_the_wait_is_bounded(headers: dict[str, str]) -> None:
    delay = parse_retry_after(headers, NOW)
    assert delay is None or 0.5 <= delay <= 120


@settings(max_examples=100, deadline=None, database=None)
@given(st.datetimes(timezones=st.just(UTC)), st.floats(min_value=0.5, max_value=120), st.booleans())
def test_a_reset_at_any_time_is_met_to_the_millisecond(now: datetime, wait: float, as_iso: bool) -> None:
    now = now.replace(year=min(max(now.year, 1990), 2200), day=min(now.day, 28))
    moment = now + timedelta(seconds=wait)
    text = moment.isoformat() if as_iso else f"{moment.timestamp() * 1000:.0f}"
    assert parse_retry_after({RESET: text}, now) == pytest.approx(wait, abs=0.001)
    dated = {"retry-after": format_datetime(moment, usegmt=True), "date": format_datetime(now, usegmt=True)}
    assert parse_retry_after(dated, NOW) == pytest.approx(max(wait, 0.5), abs=1.01)
