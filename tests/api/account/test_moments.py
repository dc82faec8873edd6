"""When a request was made: every way to write a time, and what is none."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap._api.account.moments import moment_in, read_moment

AT = datetime(2026, 11, 30, 12, 34, 56, tzinfo=UTC)
SECONDS = AT.timestamp()
TEXT = st.text()


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-30T12:34:56Z",
        "2026-11-30T12:34:56",
        "2026-11-30 12:34:56",
        "2026-11-30 12:34:56 UTC",
        "2026-11-30T12:34:56+00:00",
        "2026-11-30T18:04:56+05:30",
        "2026-11-30T18:04:56+0530",
        "2026-11-30T04:34:56-08",
        "2026-11-30T12:34:56.000000000Z",
        " 2026-11-30t12:34:56z ",
        "Mon, 30 Nov 2026 12:34:56 GMT",
        "Mon, 30 Nov 2026 18:04:56 +0530",
        SECONDS,
        int(SECONDS),
        SECONDS * 1e3,
        SECONDS * 1e6,
        int(SECONDS) * 10**9,
        str(int(SECONDS)),
        f"{int(SECONDS)}000",
        {"$date": "2026-11-30T12:34:56Z"},
        {"$date": int(SECONDS * 1000)},
    ],
)
def test_a_time_is_read_in_every_form(value: Any) -> None:
    assert read_moment(value) == AT


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        "yesterday",
        "2026-11-30",
        "2026-13-30T12:34:56Z",
        "1970-01-01T00:00:00Z",
        "2101-01-01T00:00:00Z",
        0,
        -1,
        72,
        float("nan"),
        float("inf"),
        10**400,
        "9" * 400,
        [SECONDS],
        {"at": SECONDS},
        {"$date": {"$numberLong": "1"}},
        "2026-11-30T12:34:56Z" + " " * 100 + "x",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_what_is_no_time_to_the_minute_is_none(value: Any) -> None:
    assert read_moment(value) is None


def test_a_time_without_seconds_has_its_minute() -> None:
    assert read_moment("2026-11-30T12:34Z") == AT.replace(second=0)


def test_the_creation_counts_and_not_the_end() -> None:
    assert moment_in({"updated_at": "2026-11-30T13:00:00Z", "created_at": "2026-11-30T12:34:56Z"}) == AT
    assert moment_in({"updated_at": "2026-11-30T13:00:00Z"}) is None
    assert moment_in({"created_at": "soon", "timestamp": SECONDS}) == AT


@given(st.integers(0, 79 * 365 * 86400 * 10), st.sampled_from([1, 1_000, 1_000_000]))
def test_a_time_survives_every_unit_and_form(tenths: int, unit: int) -> None:
    at = datetime(2020, 1, 2, tzinfo=UTC) + timedelta(seconds=tenths / 10)
    near = timedelta(milliseconds=1) if unit > 1 else timedelta(seconds=1)
    found = read_moment(int(at.timestamp() * unit))
    assert found is not None
    assert abs(found - at) <= near
    assert read_moment(at.isoformat()) == at
    assert read_moment(format_datetime(at)) == at.replace(microsecond=0)


@given(
    st.one_of(
        st.text(), st.integers(), st.floats(), st.lists(st.integers()), st.dictionaries(st.text(), st.text())
    )
)
def test_nothing_that_a_server_sends_raises(value: Any) -> None:
    found = read_moment(value)
    assert found is None or found.tzinfo is UTC
