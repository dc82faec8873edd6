"""When a request was made, in every form in which a service may write a time."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

# Times of the end of a request, such as `updated_at`, are left out on purpose: a POST has another minute.
_KEYS = (
    "created_at",
    "createdAt",
    "model_created",
    "modelCreated",
    "request_created",
    "requested_at",
    "request_time",
    "requestTime",
    "submitted_at",
    "submittedAt",
    "started_at",
    "created",
    "timestamp",
    "date",
    "time",
)
_EARLIEST, _LATEST = (
    datetime(2020, 1, 1, tzinfo=UTC).timestamp(),
    datetime(2100, 1, 1, tzinfo=UTC).timestamp(),
)
_ISO = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})[T ](?P<time>\d{2}:\d{2}(?::\d{2})?)(?P<part>\.\d{1,9})?"
    r" ?(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?",
    re.IGNORECASE | re.ASCII,
)
_LONGEST = 64


def moment_in(fields: Mapping[str, Any]) -> datetime | None:
    """When a request was made, in UTC; None if no field says it to the minute. Without a zone, it is UTC."""
    return next((at for key in _KEYS if (at := read_moment(fields.get(key))) is not None), None)


def read_moment(value: object) -> datetime | None:
    """A time in UTC: ISO 8601, seconds, milli-, micro- or nanoseconds since 1970, or as mail writes it.

    None if the value is no time, is a day only, or lies before 2020 or after 2099.
    """
    if isinstance(value, dict):
        # As databases write their own times.
        value = cast("dict[str, object]", value).get("$date")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST:
            return None
        if not re.fullmatch(r"\d{9,19}(?:\.\d{1,9})?", text, re.ASCII):
            return _checked(_of_text(text))
        value = float(text)
    return _of_number(value)


def _of_number(value: float) -> datetime | None:
    try:
        seconds = float(value)
    except OverflowError:
        return None
    if not math.isfinite(seconds):
        return None
    for unit in (1.0, 1e3, 1e6, 1e9):
        if _EARLIEST <= seconds / unit < _LATEST:
            return datetime.fromtimestamp(seconds / unit, UTC)
    return None


def _of_text(text: str) -> datetime | None:
    match = _ISO.fullmatch(text)
    try:
        if match is None:
            at = parsedate_to_datetime(text)
        else:
            # Python reads at most six digits after the point.
            part = (match["part"] or "")[:7]
            zone = (match["zone"] or "Z").upper().replace("UTC", "Z").replace("GMT", "Z")
            time = match["time"] if match["time"].count(":") == 2 else f"{match['time']}:00"
            at = datetime.fromisoformat(f"{match['day']}T{time}{part}{zone}")
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, IndexError):
        return None


def _checked(at: datetime | None) -> datetime | None:
    return at if at is not None and _EARLIEST <= at.timestamp() < _LATEST else None
